//! Why bytes are not what they should be.

use miette::Diagnostic;

use crate::error::{ExitStatus, Fault};

/// Why a component or core module cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum ComponentError {
    /// Nothing there.
    #[error("there are no bytes where a component should be")]
    #[diagnostic(
        code(component::empty),
        help("the file or the standard input is empty; build the component again")
    )]
    Empty,
    /// Something else than WebAssembly.
    #[error("this is not WebAssembly: it begins with {begins}")]
    #[diagnostic(code(component::not_wasm), help("{help}"))]
    NotWasm {
        /// The first bytes as people can read them.
        begins: String,
        /// What it probably is, and what to do.
        help: String,
    },
    /// WebAssembly of a kind or version that nobody knows.
    #[error("this is WebAssembly of an unknown version, {version:#x}")]
    #[diagnostic(
        code(component::unknown_version),
        help("core modules have version 0x1, components 0x1000d; build it with a current compiler")
    )]
    UnknownVersion {
        /// The four bytes after the magic number.
        version: u32,
    },
    /// The end is missing.
    #[error("this {what} ends after {bytes} bytes in the middle of something")]
    #[diagnostic(
        code(component::truncated),
        help("the file is incomplete: copy, download or build it again")
    )]
    Truncated {
        /// `component` or `core module`.
        what: &'static str,
        /// How many bytes there are.
        bytes: usize,
    },
    /// It breaks a rule of WebAssembly.
    #[error("this {what} is not valid: {message} (at offset {offset:#x})")]
    #[diagnostic(
        code(component::invalid),
        help("whatever produced it has a bug, or the file was damaged: build it again")
    )]
    Invalid {
        /// `component` or `core module`.
        what: &'static str,
        /// The validator's words.
        message: String,
        /// Where.
        offset: u64,
    },
    /// A core module where a component is needed.
    #[error("this is a core module, and a component is needed")]
    #[diagnostic(
        code(component::core_module),
        help("`jointer adapt MODULE -o COMPONENT` makes a component of it")
    )]
    CoreModule,
}

impl Fault for ComponentError {
    fn status(&self) -> ExitStatus {
        ExitStatus::Usage
    }
}
