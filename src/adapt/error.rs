//! Why a component cannot be made to fit.

use miette::Diagnostic;

use crate::component::ComponentError;
use crate::error::{ExitStatus, Fault};

/// Why a component cannot be adapted.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum AdaptError {
    /// The bytes are no usable component or core module.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Component(#[from] ComponentError),
    /// A version that nothing can be adapted to.
    #[error("components cannot be adapted to WASI {version}")]
    #[diagnostic(code(adapt::unknown_target), help("possible are {known}"))]
    UnknownTarget {
        /// What was asked.
        version: String,
        /// All that is possible.
        known: String,
    },
    /// The target has no such interface.
    #[error("{snapshot} has the interface `{interface}`, which WASI {target} lacks")]
    #[diagnostic(code(adapt::interface_missing), help("{help}"))]
    InterfaceMissing {
        /// What the component was built against.
        snapshot: String,
        /// Without version.
        interface: String,
        /// What was asked.
        target: String,
        /// What to do.
        help: String,
    },
    /// The target lacks a function that the component uses.
    #[error("{snapshot} has `{function}` in `{interface}`, which WASI {target} lacks")]
    #[diagnostic(code(adapt::function_missing), help("{help}"))]
    FunctionMissing {
        /// What the component was built against.
        snapshot: String,
        /// Without version.
        interface: String,
        /// The function.
        function: String,
        /// What was asked.
        target: String,
        /// What to do.
        help: String,
    },
    /// A function or type has the same name and another meaning.
    #[error("`{item}` in `{interface}` differs: {snapshot} has `{has}`, WASI {target} has `{wants}`")]
    #[diagnostic(code(adapt::differs), help("{help}"))]
    Differs {
        /// What the component was built against.
        snapshot: String,
        /// Without version.
        interface: String,
        /// The function or type.
        item: String,
        /// Its type in the component.
        has: String,
        /// Its type in the target.
        wants: String,
        /// What was asked.
        target: String,
        /// What to do.
        help: String,
    },
}

impl Fault for AdaptError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::Component(error) => error.status(),
            Self::UnknownTarget { .. } => ExitStatus::Usage,
            _ => ExitStatus::Fit,
        }
    }
}
