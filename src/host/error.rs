//! Why no host could be chosen.

use miette::Diagnostic;
use semver::Version;

use crate::error::{ExitStatus, Fault};

/// Why there is no profile for what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum HostError {
    /// A host that jointer has no profile of.
    #[error("no profile of the host `{target}`")]
    #[diagnostic(code(host::unknown), help("{help}"))]
    Unknown {
        /// What was written.
        target: String,
        /// The nearest, or all.
        help: String,
    },
    /// A known host in a version that has no profile.
    #[error("no profile of `{name}` in version {version}")]
    #[diagnostic(code(host::unknown_version), help("known are {known}"))]
    UnknownVersion {
        /// The host.
        name: String,
        /// What was written after the `@`.
        version: String,
        /// What could be written.
        known: String,
    },
    /// `wasi` asks for more than the host offers, or for something that is no version to build for.
    #[error("WASI {wasi} cannot be offered by `{host}`, which has {offered}")]
    #[diagnostic(
        code(host::wasi_contradicts_target),
        help("write a final version from 0.2.0 to {offered}, or leave `wasi` out to use {offered}")
    )]
    Contradiction {
        /// What was asked.
        wasi: Version,
        /// The host that decides.
        host: String,
        /// What it offers.
        offered: Version,
    },
    /// The component needs what the host does not have.
    #[error("`{component}` does not run on `{host}`: {lack}")]
    #[diagnostic(code(host::does_not_fit), help("{help}"))]
    DoesNotFit {
        /// What messages call the component.
        component: Box<str>,
        /// The host.
        host: Box<str>,
        /// The interface or function, and what the host has instead.
        lack: Box<str>,
        /// The command that mends it, or why none does.
        help: Box<str>,
    },
}

impl Fault for HostError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::DoesNotFit { .. } => ExitStatus::Fit,
            _ => ExitStatus::Usage,
        }
    }
}
