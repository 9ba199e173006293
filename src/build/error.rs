//! Why an app could not be built.

use camino::Utf8PathBuf;
use miette::Diagnostic;

use crate::error::{ExitStatus, Fault};

/// Why a unit could not be planned or run.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum BuildError {
    /// A guest tool ended with an error.
    #[error("`{component}` was not built: {tool} ended with {status}\n{message}")]
    #[diagnostic(code(build::guest_failed), help("{help}"))]
    GuestFailed {
        /// The component.
        component: String,
        /// The guest tool.
        tool: String,
        /// Its exit code, in words.
        status: String,
        /// What it said, without its own stack and with the paths of the app.
        message: String,
        /// What to do.
        help: String,
    },
    /// The guest tool ended well but wrote no component.
    #[error("{tool} built `{component}` but there is no component: {message}")]
    #[diagnostic(code(build::no_output), help("{help}"))]
    NoOutput {
        /// The component.
        component: String,
        /// The guest tool.
        tool: String,
        /// What is missing.
        message: String,
        /// What to do.
        help: String,
    },
    /// What was built is not for the world that the manifest names.
    #[error("`{component}` does not export `{export}`, which its world `{world}` demands")]
    #[diagnostic(code(build::missing_export), help("{help}"))]
    MissingExport {
        /// The component.
        component: String,
        /// The world.
        world: String,
        /// What is missing.
        export: String,
        /// What it exports instead.
        help: String,
    },
    /// What is adapted, or how, is not what `jointer.lock` says.
    #[error("`jointer.lock` would change: {difference}")]
    #[diagnostic(
        code(build::not_as_locked),
        help("if that is meant, run `jointer build` without `--locked` and commit `jointer.lock`")
    )]
    NotAsLocked {
        /// What differs.
        difference: String,
    },
    /// `jointer.lock` cannot be read.
    #[error("`{path}` is not a valid lock file: {reason}")]
    #[diagnostic(
        code(build::invalid_lock),
        help(
            "jointer writes this file; restore it from version control, or delete its `[[adapted]]` tables and build again"
        )
    )]
    InvalidLock {
        /// The file.
        path: Utf8PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The world that a component is for does not exist.
    #[error("there is no world `{world}` for the component `{component}` in `{dir}`")]
    #[diagnostic(code(build::unknown_world), help("{help}"))]
    UnknownWorld {
        /// The component.
        component: String,
        /// The world.
        world: String,
        /// The folder of WIT.
        dir: Utf8PathBuf,
        /// The nearest worlds, or all.
        help: String,
    },
    /// A component that needs a world is in an app without WIT.
    #[error("the component `{component}` needs a world, but there is no `{dir}`")]
    #[diagnostic(code(build::no_wit), help("write `world {component} {{ … }}` into `{dir}/world.wit`"))]
    NoWit {
        /// The component.
        component: String,
        /// Where it would be.
        dir: Utf8PathBuf,
    },
    /// Nothing in the folder says what language it is.
    #[error("cannot tell the language of the component `{component}` in `{dir}`")]
    #[diagnostic(
        code(build::unknown_language),
        help(
            "a `Cargo.toml`, `pyproject.toml` or `package.json` says it, or `language = \"…\"` in `[component.{component}]`"
        )
    )]
    UnknownLanguage {
        /// The component.
        component: String,
        /// Its folder.
        dir: Utf8PathBuf,
    },
    /// Several languages are possible.
    #[error("the component `{component}` may be {languages}")]
    #[diagnostic(
        code(build::ambiguous_language),
        help("say which with `language = \"…\"` in `[component.{component}]`")
    )]
    AmbiguousLanguage {
        /// The component.
        component: String,
        /// Those that fit.
        languages: String,
    },
    /// The file that the guest program begins with does not exist.
    #[error("the component `{component}` has no entry: `{entry}` does not exist")]
    #[diagnostic(code(build::no_entry), help("{help}"))]
    NoEntry {
        /// The component.
        component: String,
        /// What was looked for.
        entry: String,
        /// How to name another.
        help: String,
    },
    /// A project file of the guest language cannot be understood.
    #[error("`{path}` is not valid: {message}")]
    #[diagnostic(
        code(build::invalid_project),
        help("correct the file; the guest's own tools would refuse it too")
    )]
    InvalidProject {
        /// The file.
        path: Utf8PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A dependency of the guest program is not installed.
    #[error("the component `{component}` depends on `{package}`, which is not installed")]
    #[diagnostic(code(build::not_installed), help("{help}"))]
    NotInstalled {
        /// The component.
        component: String,
        /// The package.
        package: String,
        /// How to install it.
        help: String,
    },
    /// The JavaScript engine cannot do what the world asks for.
    #[error("the component `{component}` cannot be built with QuickJS: {why}")]
    #[diagnostic(
        code(build::engine),
        help("remove `engine = \"quickjs\"` from `[component.{component}]`: StarlingMonkey can")
    )]
    Engine {
        /// The component.
        component: String,
        /// What is lacking.
        why: String,
    },
    /// `-c` names a component that the app does not have.
    #[error("the app has no component `{name}`")]
    #[diagnostic(code(build::unknown_component), help("{help}"))]
    UnknownComponent {
        /// The name.
        name: String,
        /// The nearest.
        help: String,
    },
    /// Results in the cache kept vanishing or being damaged while they were used.
    #[error("the result of `{unit}` is lost from the cache again and again")]
    #[diagnostic(
        code(build::cache_lost),
        help("is something emptying `{cache}`? JOINTER_CACHE names another place")
    )]
    CacheLost {
        /// The unit.
        unit: String,
        /// The cache.
        cache: Utf8PathBuf,
    },
}

impl Fault for BuildError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::GuestFailed { .. } | Self::NoOutput { .. } | Self::MissingExport { .. } => {
                ExitStatus::GuestBuild
            }
            Self::CacheLost { .. } => ExitStatus::Trust,
            Self::NotAsLocked { .. } => ExitStatus::No,
            _ => ExitStatus::Usage,
        }
    }
}
