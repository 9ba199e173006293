//! Why a component cannot be made to fit.
//!
//! Texts of the larger variants are boxed slices, which keeps results small where all goes well.

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
        snapshot: Box<str>,
        /// Without version.
        interface: Box<str>,
        /// What was asked.
        target: Box<str>,
        /// What to do.
        help: Box<str>,
    },
    /// The target lacks a function that the component uses.
    #[error("{snapshot} has `{function}` in `{interface}`, which WASI {target} lacks")]
    #[diagnostic(code(adapt::function_missing), help("{help}"))]
    FunctionMissing {
        /// What the component was built against.
        snapshot: Box<str>,
        /// Without version.
        interface: Box<str>,
        /// The function.
        function: Box<str>,
        /// What was asked.
        target: Box<str>,
        /// What to do.
        help: Box<str>,
    },
    /// A function or type has the same name and another meaning.
    #[error("`{item}` in `{interface}` differs: {snapshot} has `{has}`, WASI {target} has `{wants}`")]
    #[diagnostic(code(adapt::differs), help("{help}"))]
    Differs {
        /// What the component was built against.
        snapshot: Box<str>,
        /// Without version.
        interface: Box<str>,
        /// The function or type.
        item: Box<str>,
        /// Its type in the component.
        has: Box<str>,
        /// Its type in the target.
        wants: Box<str>,
        /// What was asked.
        target: Box<str>,
        /// What to do.
        help: Box<str>,
    },
    /// The component exports an interface in two versions.
    #[error("`{interface}` is exported in two versions, which would have one name")]
    #[diagnostic(
        code(adapt::exported_twice),
        help("build it with one of the two; a component can export an interface only once")
    )]
    ExportedTwice {
        /// Without version.
        interface: String,
    },
    /// wit-component could not make a component of a core module.
    #[error("the core module cannot become a {flavour} component: {reason}")]
    #[diagnostic(
        code(adapt::not_componentizable),
        help(
            "it may import only `wasi_snapshot_preview1` and what its embedded world says; modules of other \
             toolchains (emscripten, wasm-bindgen) import functions that no component can"
        )
    )]
    NotComponentizable {
        /// `command`, `reactor` or `proxy`.
        flavour: &'static str,
        /// wit-component's words.
        reason: String,
    },
    /// Something of the component's own does not survive being put beside an adapter.
    #[error("the component cannot be put behind an adapter: {reason}")]
    #[diagnostic(
        code(adapt::not_forwarded),
        help("one of its own imports or exports cannot be handed on; build it again for WASI 0.2")
    )]
    NotForwarded {
        /// What is in the way.
        reason: String,
    },
}

impl AdaptError {
    /// For a version that is none of the targets.
    pub fn unknown_target(version: &str) -> Self {
        let known = super::targets().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Self::UnknownTarget { version: version.to_owned(), known }
    }
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
