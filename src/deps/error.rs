//! What can be wrong with dependencies.

use camino::Utf8PathBuf;
use miette::Diagnostic;

use crate::digest::Digest;
use crate::error::{ExitStatus, Fault};
use crate::name::{ComponentName, PackageId};

/// Why a dependency cannot be used.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum DepsError {
    /// No version fits.
    #[error("no version of `{request}` is in the registry `{registry}`")]
    #[diagnostic(
        code(deps::no_match),
        help("{versions}; change the requirement, or name another registry (`--from`, JOINTER_REGISTRY)")
    )]
    NoMatch {
        /// Package and requirement.
        request: String,
        /// Where it was looked for.
        registry: String,
        /// What is there.
        versions: String,
    },
    /// The manifest wants it, the lock file does not have it.
    #[error("the package `{request}` of the component `{component}` is not in `jointer.lock`")]
    #[diagnostic(code(deps::not_locked), help("run `jointer lock`, and commit `jointer.lock`"))]
    NotLocked {
        /// Whose.
        component: ComponentName,
        /// Package and requirement.
        request: String,
    },
    /// Locked, but not in the store.
    #[error("the package `{package}` of the component `{component}` is locked, but not fetched yet")]
    #[diagnostic(code(deps::not_fetched), help("run `jointer fetch` where the registry can be reached"))]
    NotFetched {
        /// Whose.
        component: ComponentName,
        /// Which.
        package: PackageId,
    },
    /// A version is not what it was.
    #[error("`{package}` in `{registry}` is not what was locked: locked {locked}, found {found}")]
    #[diagnostic(
        code(deps::moved),
        help(
            "a published version must not change: ask who publishes it; only if the change is meant, delete its `[[package]]` from `jointer.lock` and run `jointer lock`"
        )
    )]
    Moved {
        /// Which.
        package: PackageId,
        /// Where.
        registry: String,
        /// The digest in the lock file.
        locked: Digest,
        /// The digest in the registry.
        found: String,
    },
    /// WIT instead of code.
    #[error("`{0}` is a WIT package, not a component")]
    #[diagnostic(
        code(deps::not_a_component),
        help("`[component.x] package` wants a package with code; interfaces belong into `wit/deps`")
    )]
    NotAComponent(PackageId),
    /// The lock file cannot be read.
    #[error("`{path}` is not a valid lock file: {reason}")]
    #[diagnostic(
        code(deps::invalid_lock),
        help(
            "jointer writes this file; restore it from version control, or delete the entry and run `jointer lock`"
        )
    )]
    InvalidLock {
        /// The file.
        path: Utf8PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl Fault for DepsError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::NoMatch { .. } | Self::NotFetched { .. } => ExitStatus::NotFound,
            Self::NotLocked { .. } | Self::InvalidLock { .. } => ExitStatus::Usage,
            Self::Moved { .. } => ExitStatus::Trust,
            Self::NotAComponent(_) => ExitStatus::Fit,
        }
    }
}
