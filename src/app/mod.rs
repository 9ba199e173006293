//! The app: what `jointer.toml` says, checked and with its paths resolved.
//!
//! [`App::find`] looks for the manifest in a folder and its parents, [`App::load`] reads it. Everything
//! below this room takes an [`App`] and never looks at TOML again; only `scaffold` edits the text.

mod dirs;
mod error;
mod manifest;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use indexmap::IndexMap;
use semver::Version;

use crate::error::FileError;
use crate::name::{ComponentName, PackageName};

pub use dirs::Dirs;
pub use error::AppError;
pub use manifest::{Engine, FileGrant, Language, PackageRequest};

/// The manifest's file name.
pub const MANIFEST: &str = "jointer.toml";

/// The lock file's name.
pub const LOCK: &str = "jointer.lock";

/// An app: components and how they become one.
#[derive(Debug, Clone)]
pub struct App {
    /// The folder of the manifest; absolute.
    pub dir: Utf8PathBuf,
    /// `[app] name`.
    pub name: PackageName,
    /// `[app] version`.
    pub version: Version,
    /// The component whose exports the composed component exports.
    pub root: ComponentName,
    /// `targets`, as written; the first decides the WASI version. Empty: the built-in runner.
    pub targets: Vec<String>,
    /// `wasi`: a version below what the target offers.
    pub wasi: Option<Version>,
    /// `exports = "strict"`: refuse to export more than the root does.
    pub strict_exports: bool,
    /// All components in the manifest's order.
    pub components: IndexMap<ComponentName, Component>,
}

/// One `[component.NAME]`.
#[derive(Debug, Clone)]
pub struct Component {
    /// NAME.
    pub name: ComponentName,
    /// Where it comes from.
    pub source: Source,
    /// `world`; default: the component's name.
    pub world: Option<String>,
    /// `language`, where it is written; otherwise the build detects it.
    pub language: Option<Language>,
    /// `engine`, for JavaScript and TypeScript.
    pub engine: Engine,
    /// `[component.NAME.imports]`: explicit wiring by interface name, with or without a version.
    pub imports: BTreeMap<String, Wire>,
    /// `[component.NAME.capabilities]`: what it may do when run.
    pub capabilities: Capabilities,
    /// `env`: variables of jointer's environment that its guest build may read.
    pub build_env: Vec<String>,
}

/// Where a component comes from: exactly one of the manifest's `path`, `file`, `package`, `command`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A project that a driver builds; absolute.
    Project(Utf8PathBuf),
    /// A ready component or core module; absolute.
    File(Utf8PathBuf),
    /// A published package: `ns:name@requirement`.
    Package(PackageRequest),
    /// Any command, run in the app's folder, that writes `output`; absolute.
    Command {
        /// Program and arguments.
        command: Vec<String>,
        /// What it writes.
        output: Utf8PathBuf,
        /// Folders and files that it reads; absolute. Default: the app's folder without `build`.
        inputs: Vec<Utf8PathBuf>,
    },
}

/// What satisfies one import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wire {
    /// `"host"`: stays an import of the composed component.
    Host,
    /// `"NAME"` or `{ component = "NAME", export = "…" }`.
    Part {
        /// The component.
        component: ComponentName,
        /// Its export, where it is not named as the import.
        export: Option<String>,
    },
}

/// What a component may do when it runs. Everything else is denied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Origins (`https://api.example.com`, `*` for any) that it may send requests to.
    pub outbound: Vec<String>,
    /// Addresses (`host:port`) that it may open sockets to or listen on.
    pub sockets: Vec<String>,
    /// Folders that it sees.
    pub files: Vec<FileGrant>,
    /// Variables that it sees: `NAME` passes jointer's own on, `NAME=value` sets one.
    pub env: Vec<String>,
}

impl App {
    /// The folder of the nearest manifest, from `start` upwards.
    ///
    /// # Errors
    /// [`AppError::NoManifest`] when there is none.
    pub fn find(start: &Utf8Path) -> Result<Utf8PathBuf, AppError> {
        start
            .ancestors()
            .find(|dir| dir.join(MANIFEST).is_file())
            .map(Utf8Path::to_owned)
            .ok_or_else(|| AppError::NoManifest(start.to_owned()))
    }

    /// Reads the manifest in `dir`.
    ///
    /// # Errors
    /// When the manifest cannot be read or says something that cannot be.
    pub fn load(dir: &Utf8Path) -> crate::error::Result<Self> {
        let path = dir.join(MANIFEST);
        let text = std::fs::read_to_string(&path).map_err(|error| FileError::reading(&path, &error))?;
        let dir = dir.canonicalize_utf8().map_err(|error| FileError::reading(dir, &error))?;
        Ok(manifest::parse(&text, &path, &dir)?)
    }

    /// Every app in `dir` and below it, by folder. What version control ignores is passed over, and so is what jointer
    /// makes.
    ///
    /// # Errors
    /// [`AppError::NoManifest`] when there is none; or as [`App::load`].
    pub fn all_below(dir: &Utf8Path) -> crate::error::Result<Vec<Self>> {
        let mut walk = ignore::WalkBuilder::new(dir);
        walk.require_git(false).sort_by_file_name(Ord::cmp).filter_entry(|entry| {
            let made = ["build", "vendor", "target", "node_modules"];
            entry.depth() == 0 || !entry.file_name().to_str().is_some_and(|name| made.contains(&name))
        });
        let manifests = walk.build().flatten().filter(|entry| entry.file_name() == MANIFEST);
        let folders =
            manifests.filter_map(|entry| Utf8PathBuf::from_path_buf(entry.path().parent()?.to_owned()).ok());
        let apps: Vec<Self> = folders.map(|folder| Self::load(&folder)).collect::<Result<_, _>>()?;
        match apps.is_empty() {
            true => Err(AppError::NoManifest(dir.to_owned()).into()),
            false => Ok(apps),
        }
    }

    /// Where everything goes that jointer makes in the app.
    pub fn build_dir(&self) -> Utf8PathBuf {
        self.dir.join("build")
    }

    /// The app's own WIT.
    pub fn wit_dir(&self) -> Utf8PathBuf {
        self.dir.join("wit")
    }

    /// The composed component: `build/NAME.wasm`.
    pub fn output(&self) -> Utf8PathBuf {
        self.build_dir().join(format!("{}.wasm", self.name.name))
    }

    /// The lock file.
    pub fn lock_path(&self) -> Utf8PathBuf {
        self.dir.join(LOCK)
    }
}

impl Component {
    /// The world it is built for.
    pub fn world(&self) -> &str {
        self.world.as_deref().unwrap_or(self.name.as_str())
    }
}
