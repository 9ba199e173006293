//! A component that is built here: its folder, its world, and which driver it is for.

use camino::{Utf8Path, Utf8PathBuf};

use super::BuildError;
use crate::app::{App, Component, Engine, Language, Source};
use crate::error::{FileError, Result};
use crate::name::nearest;
use crate::wit::{Wit, World};

/// What a driver is given.
#[derive(Debug, Clone)]
pub(super) struct Project {
    /// `[component.NAME]`.
    pub(super) name: String,
    /// The app's folder; absolute.
    pub(super) app: Utf8PathBuf,
    /// The folder with its sources; absolute. The app's own for a command.
    pub(super) dir: Utf8PathBuf,
    /// Which driver builds it.
    pub(super) kind: Kind,
    /// The folder of WIT, where there is one.
    pub(super) wit: Option<Utf8PathBuf>,
    /// The world that it is for. cargo projects say it in their source and may have none here.
    pub(super) world: Option<World>,
    /// Variables that may pass.
    pub(super) variables: Vec<String>,
    /// Folders of other components inside this one's.
    pub(super) others: Vec<Utf8PathBuf>,
}

/// How a component is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// `cargo build`.
    Cargo,
    /// `cargo component build`.
    CargoComponent,
    /// componentize-py.
    Python,
    /// jco, or componentize-qjs.
    JavaScript {
        /// Whether types are checked before.
        typed: bool,
        /// QuickJS instead of StarlingMonkey.
        quickjs: bool,
    },
    /// The manifest's own command.
    Command {
        /// Program and arguments.
        command: Vec<String>,
        /// What it writes.
        output: Utf8PathBuf,
        /// What it reads; empty for all of the app.
        inputs: Vec<Utf8PathBuf>,
    },
}

impl Kind {
    /// As the record, events and SBOMs call it.
    pub(super) fn language(&self) -> Option<&'static str> {
        match self {
            Self::Cargo | Self::CargoComponent => Some("rust"),
            Self::Python => Some("python"),
            Self::JavaScript { typed: true, .. } => Some("typescript"),
            Self::JavaScript { typed: false, .. } => Some("javascript"),
            Self::Command { .. } => None,
        }
    }
}

impl Project {
    /// The project of `component`; `None` when it is a ready file or a package.
    ///
    /// # Errors
    /// When its language cannot be told, or its world does not exist.
    pub(super) fn of(app: &App, component: &Component, wits: &mut Wits) -> Result<Option<Self>> {
        let Some(mut project) = Self::without_world(app, component)? else { return Ok(None) };
        project.wit = wit_folder(app, component, &project.dir, wits)?;
        project.world = world(app, component, &project.kind, project.wit.as_deref(), wits)?;
        Ok(Some(project))
    }

    /// [`Project::of`] without a look at the WIT: enough to say which tools it needs.
    ///
    /// # Errors
    /// When its language cannot be told.
    pub(super) fn without_world(app: &App, component: &Component) -> Result<Option<Self>> {
        let (dir, kind) = match &component.source {
            Source::Project(dir) => (dir.clone(), detect(component, dir)?),
            Source::Command { command, output, inputs } => {
                let (command, output, inputs) = (command.clone(), output.clone(), inputs.clone());
                (app.dir.clone(), Kind::Command { command, output, inputs })
            }
            Source::File(_) | Source::Package(_) => return Ok(None),
        };
        Ok(Some(Self {
            name: component.name.to_string(),
            app: app.dir.clone(),
            others: others(app, component, &dir),
            dir,
            kind,
            wit: None,
            world: None,
            variables: component.build_env.clone(),
        }))
    }

    /// The world's name for a tool's command line.
    pub(super) fn world_name(&self) -> &str {
        self.world.as_ref().map_or(self.name.as_str(), |world| world.name.as_str())
    }

    /// Where the project stands inside the app; a project outside has the component's name.
    pub(super) fn place(&self) -> Utf8PathBuf {
        let place = self.dir.strip_prefix(&self.app).map(Utf8Path::to_owned);
        place.unwrap_or_else(|_| Utf8PathBuf::from(&self.name))
    }
}

/// WIT folders, each read once.
#[derive(Default)]
pub(super) struct Wits {
    read: std::collections::BTreeMap<Utf8PathBuf, Wit>,
}

impl Wits {
    pub(super) fn load(&mut self, dir: &Utf8Path) -> Result<&Wit> {
        if !self.read.contains_key(dir) {
            let wit = crate::wit::load(dir)?;
            self.read.insert(dir.to_owned(), wit);
        }
        Ok(&self.read[dir])
    }
}

/// The folder with the component's world: its own `wit` where that has it, as a part for another WASI has, else
/// the app's.
fn wit_folder(
    app: &App,
    component: &Component,
    dir: &Utf8Path,
    wits: &mut Wits,
) -> Result<Option<Utf8PathBuf>> {
    let (own, app_wit) = (dir.join("wit"), app.wit_dir());
    Ok(match (own.is_dir(), app_wit.is_dir()) {
        (true, true) if own == app_wit || wits.load(&own)?.world(component.world()).is_err() => Some(app_wit),
        (true, _) => Some(own),
        (false, true) => Some(app_wit),
        (false, false) => None,
    })
}

/// Folders of the app's other components, its `build` and its manifest, as far as they are inside `dir`.
fn others(app: &App, this: &Component, dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let others = app.components.values().filter(|other| other.name != this.name);
    let dirs = others.filter_map(|other| match &other.source {
        Source::Project(path) | Source::File(path) => Some(path.clone()),
        _ => None,
    });
    let own = [app.build_dir(), app.dir.join(crate::app::MANIFEST), app.wit_dir()];
    dirs.chain(own).filter(|other| other.starts_with(dir) && other != dir).collect()
}

fn world(
    app: &App,
    component: &Component,
    kind: &Kind,
    wit: Option<&Utf8Path>,
    wits: &mut Wits,
) -> Result<Option<World>> {
    // Rust programs name their world in their own source, and a program for wasi:cli/run needs none.
    let named_elsewhere = matches!(kind, Kind::Cargo | Kind::CargoComponent | Kind::Command { .. });
    let name = component.name.to_string();
    let Some(dir) = wit else {
        if named_elsewhere && component.world.is_none() {
            return Ok(None);
        }
        return Err(BuildError::NoWit { component: name, dir: app.wit_dir() }.into());
    };
    let wit = wits.load(dir)?;
    match wit.world(component.world()) {
        Ok(world) => Ok(Some(world.clone())),
        Err(_) if named_elsewhere && component.world.is_none() => Ok(None),
        Err(_) => {
            let help = which_world(component.world(), wit);
            let world = component.world().to_owned();
            Err(BuildError::UnknownWorld { component: name, world, dir: dir.to_owned(), help }.into())
        }
    }
}

fn which_world(typed: &str, wit: &Wit) -> String {
    let names = wit.worlds.iter().map(|world| world.name.as_str());
    let quoted = |names: Vec<String>| names.join("`, `");
    let near = nearest(typed, names.clone());
    let all: Vec<String> = names.map(str::to_owned).collect();
    match (all.is_empty(), near.is_empty()) {
        (true, _) => format!("there is no world at all: write `world {typed} {{ … }}`"),
        (_, true) => format!("its worlds are `{}`; name one with `world = \"…\"`", quoted(all)),
        _ => format!("did you mean `{}`? All worlds: `{}`", quoted(near), quoted(all)),
    }
}

fn detect(component: &Component, dir: &Utf8Path) -> Result<Kind> {
    let has = |file: &str| dir.join(file).is_file();
    let language = match component.language {
        Some(language) => language,
        None => {
            let mut found = Vec::new();
            if has("Cargo.toml") {
                found.push((Language::Rust, "Rust (`Cargo.toml`)"));
            }
            if ["pyproject.toml", "requirements.txt", "setup.py", "app.py"].into_iter().any(has) {
                found.push((Language::Python, "Python (`pyproject.toml`)"));
            }
            if has("package.json") && has("tsconfig.json") {
                found.push((Language::Typescript, "TypeScript (`tsconfig.json`)"));
            } else if has("package.json") {
                found.push((Language::Javascript, "JavaScript (`package.json`)"));
            }
            let component = component.name.to_string();
            match &found[..] {
                [(language, _)] => *language,
                [] => return Err(BuildError::UnknownLanguage { component, dir: dir.to_owned() }.into()),
                several => {
                    let names: Vec<&str> = several.iter().map(|(_, name)| *name).collect();
                    let languages = names.join(" or ");
                    return Err(BuildError::AmbiguousLanguage { component, languages }.into());
                }
            }
        }
    };
    let quickjs = component.engine == Engine::Quickjs;
    Ok(match language {
        Language::Rust if uses_cargo_component(dir)? => Kind::CargoComponent,
        Language::Rust => Kind::Cargo,
        Language::Python => Kind::Python,
        Language::Javascript => Kind::JavaScript { typed: false, quickjs },
        Language::Typescript => Kind::JavaScript { typed: true, quickjs },
    })
}

/// The language of a component, as the record calls it.
pub(super) fn language(component: &Component) -> Result<Option<&'static str>> {
    match &component.source {
        Source::Project(dir) => Ok(detect(component, dir)?.language()),
        _ => Ok(None),
    }
}

/// Whether the project has `[package.metadata.component]`.
fn uses_cargo_component(dir: &Utf8Path) -> Result<bool> {
    let manifest = toml_file(&dir.join("Cargo.toml"))?;
    let component = manifest.get("package").and_then(|package| package.get("metadata")?.get("component"));
    Ok(component.is_some())
}

/// A project file as TOML.
///
/// # Errors
/// When it cannot be read or is no TOML.
pub(super) fn toml_file(path: &Utf8Path) -> Result<toml::Table> {
    let text = std::fs::read_to_string(path).map_err(|error| FileError::reading(path, &error))?;
    text.parse().map_err(|error: toml::de::Error| {
        BuildError::InvalidProject { path: path.to_owned(), message: error.message().to_owned() }.into()
    })
}

/// A project file as JSON.
///
/// # Errors
/// When it cannot be read or is no JSON.
pub(super) fn json_file(path: &Utf8Path) -> Result<serde_json::Value> {
    let text = std::fs::read_to_string(path).map_err(|error| FileError::reading(path, &error))?;
    serde_json::from_str(&text).map_err(|error| {
        BuildError::InvalidProject { path: path.to_owned(), message: error.to_string() }.into()
    })
}
