//! What can be wrong with dependencies.

use camino::Utf8PathBuf;
use miette::Diagnostic;

use crate::digest::Digest;
use crate::error::{ExitStatus, Fault};
use crate::name::PackageId;

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
    #[error("the package `{request}` for `{user}` is not in `jointer.lock`")]
    #[diagnostic(code(deps::not_locked), help("run `jointer lock`, and commit `jointer.lock`"))]
    NotLocked {
        /// What it is for.
        user: String,
        /// Package and requirement.
        request: String,
    },
    /// Locked, but not in the store.
    #[error("the package `{package}` for `{user}` is locked, but not fetched yet")]
    #[diagnostic(code(deps::not_fetched), help("run `jointer fetch` where the registry can be reached"))]
    NotFetched {
        /// What it is for.
        user: String,
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
    /// Code, or something else, where WIT is mentioned.
    #[error("`{0}` is not a WIT package")]
    #[diagnostic(
        code(deps::not_wit),
        help(
            "the app's WIT mentions it; publish its WIT under that name (`jointer publish DIR`), or put it into `wit/deps`"
        )
    )]
    NotWit(PackageId),
    /// The contents have another name than the package.
    #[error("the package `{locked}` holds the WIT of `{found}`")]
    #[diagnostic(
        code(deps::another_package),
        help("it was published under a wrong name; ask who publishes it")
    )]
    AnotherPackage {
        /// What was asked for.
        locked: PackageId,
        /// What is inside.
        found: PackageId,
    },
    /// Text in `wit/deps` that jointer wrote and somebody changed.
    #[error("`{path}` is not the WIT of `{package}` that is locked")]
    #[diagnostic(
        code(deps::changed_wit),
        help(
            "delete the file and run `jointer fetch`; to keep the change, rename the folder and remove the `[[wit]]` from `jointer.lock`"
        )
    )]
    ChangedWit {
        /// The file.
        path: Utf8PathBuf,
        /// Which package.
        package: PackageId,
    },
    /// `--locked`, and not all is.
    #[error("`{0}` would change")]
    #[diagnostic(
        code(deps::would_change),
        help("run `jointer lock` without `--locked`, and commit `jointer.lock`")
    )]
    WouldChange(Utf8PathBuf),
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
            Self::Moved { .. } | Self::ChangedWit { .. } | Self::AnotherPackage { .. } => ExitStatus::Trust,
            Self::NotAComponent(_) | Self::NotWit(_) => ExitStatus::Fit,
            Self::WouldChange(_) => ExitStatus::No,
        }
    }
}
