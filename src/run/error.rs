//! What can go wrong when a component runs.

use std::sync::Arc;

use camino::Utf8PathBuf;
use miette::{Diagnostic, NamedSource, SourceSpan};

use crate::error::{ExitStatus, Fault};

/// Why a component could not be run, or how its run ended.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum RunError {
    /// The engine refused to start or to compile.
    #[error("`{name}` cannot be compiled: {reason}")]
    #[diagnostic(
        code(run::not_compiled),
        help(
            "`jointer inspect {name}` shows what it is made of, build it for WASI 0.2, or a final version of 0.3"
        )
    )]
    NotCompiled {
        /// The component.
        name: String,
        /// The engine's words.
        reason: String,
    },
    /// Imports that nothing here provides.
    #[error("`{name}` imports {imports}, which the runner does not provide")]
    #[diagnostic(
        code(run::unsatisfied_import),
        help("plug in a component that exports it: `jointer plug {name} --plug PROVIDER.wasm -o OUT.wasm`")
    )]
    Unsatisfied {
        /// The component.
        name: String,
        /// The imports, quoted.
        imports: String,
    },
    /// The imports are there, but with other types.
    #[error("`{name}` does not fit the runner: {reason}")]
    #[diagnostic(
        code(run::does_not_fit),
        help("`jointer adapt {name} --to wasi@0.2.12 -o OUT.wasm` makes older components fit")
    )]
    DoesNotFit {
        /// The component.
        name: String,
        /// The engine's words.
        reason: String,
    },
    /// `run` or `serve` on a component that exports something else.
    #[error("`{name}` is not {wanted}: it does not export `{export}`")]
    #[diagnostic(code(run::wrong_world), help("{help}"))]
    WrongWorld {
        /// The component.
        name: String,
        /// `a program`, `an http handler`.
        wanted: &'static str,
        /// The interface that would make it one.
        export: &'static str,
        /// The command that fits.
        help: String,
    },
    /// The component trapped.
    #[error("`{name}` trapped: {cause}{place}")]
    #[diagnostic(code(run::trapped), help("{help}"))]
    Trapped {
        /// The component.
        name: String,
        /// The trap.
        cause: String,
        /// The innermost frames, one a line.
        place: String,
        /// What it may mean.
        help: String,
    },
    /// It ran longer than `--timeout` allows.
    #[error("`{name}` was stopped after {seconds} s")]
    #[diagnostic(code(run::timed_out), help("allow more with `--timeout SECONDS`"))]
    TimedOut {
        /// The component.
        name: String,
        /// The limit.
        seconds: f64,
    },
    /// The server's address cannot be used.
    #[error("cannot listen on `{address}`: {reason}")]
    #[diagnostic(
        code(run::cannot_listen),
        help("choose another address with `--addr HOST:PORT`; port 0 takes any free one")
    )]
    CannotListen {
        /// As asked.
        address: String,
        /// The operating system's words.
        reason: String,
        /// Whether somebody else has it.
        in_use: bool,
    },
    /// The asynchronous runtime could not be started.
    #[error("cannot start the runtime: {0}")]
    #[diagnostic(code(run::no_runtime), help("the system refuses threads: free some memory or processes"))]
    NoRuntime(String),
    /// A grant that says nothing that could be granted.
    #[error("`{text}` cannot be granted: {why}")]
    #[diagnostic(
        code(run::invalid_grant),
        help(
            "origins are `https://HOST[:PORT]` or `*`, sockets `HOST:PORT`, folders `HOST[::GUEST]`, variables `NAME=VALUE` or `NAME`"
        )
    )]
    InvalidGrant {
        /// As written.
        text: String,
        /// What is wrong.
        why: String,
    },
    /// A granted folder cannot be opened.
    #[error("the granted folder `{path}` cannot be opened: {reason}")]
    #[diagnostic(
        code(run::no_folder),
        help(
            "create it, or correct `--dir` or `files` in the manifest; there, paths are relative to the app"
        )
    )]
    NoFolder {
        /// The folder.
        path: Utf8PathBuf,
        /// The operating system's words.
        reason: String,
    },
    /// No export is called so.
    #[error("`{name}` exports no function `{function}`")]
    #[diagnostic(code(run::unknown_function), help("{help}"))]
    UnknownFunction {
        /// The component.
        name: String,
        /// As written.
        function: String,
        /// The nearest, or all.
        help: String,
    },
    /// Several interfaces export a function of that name.
    #[error("`{function}` is exported by {interfaces}")]
    #[diagnostic(code(run::ambiguous_function), help("write the interface as well: `{example}`"))]
    AmbiguousFunction {
        /// As written.
        function: String,
        /// The interfaces, quoted.
        interfaces: String,
        /// One of them, in full.
        example: String,
    },
    /// The call is not written as WAVE, or does not fit the function's parameters.
    #[error("the call does not fit: {message}")]
    #[diagnostic(code(run::invalid_call), help("{help}"))]
    InvalidCall {
        /// What is wrong.
        message: String,
        /// The function's signature.
        help: String,
        /// The call.
        #[source_code]
        text: Arc<NamedSource<String>>,
        /// Where.
        #[label("here")]
        span: Option<SourceSpan>,
    },
    /// The function takes or gives something that cannot be written down.
    #[error("`{function}` cannot be called from outside: {what}")]
    #[diagnostic(
        code(run::handles),
        help(
            "resources, streams and futures have no written form; call a function of plain values, or write a component that uses it"
        )
    )]
    Handles {
        /// The function.
        function: String,
        /// Which parameter or result.
        what: String,
    },
    /// A test table that says something that cannot be.
    #[error("`{path}` is not a valid test table: {message}")]
    #[diagnostic(code(run::invalid_table), help("{help}"))]
    InvalidTable {
        /// The table.
        path: Utf8PathBuf,
        /// What is wrong.
        message: String,
        /// What to do.
        help: String,
        /// The table's text.
        #[source_code]
        text: Arc<NamedSource<String>>,
        /// Where.
        #[label("here")]
        span: Option<SourceSpan>,
    },
}

impl Fault for RunError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::Unsatisfied { .. } | Self::DoesNotFit { .. } | Self::NotCompiled { .. } => ExitStatus::Fit,
            Self::Trapped { .. } => ExitStatus::TRAP,
            Self::TimedOut { .. } => ExitStatus::No,
            Self::CannotListen { in_use: true, .. } => ExitStatus::Conflict,
            Self::UnknownFunction { .. } | Self::NoFolder { .. } => ExitStatus::NotFound,
            Self::WrongWorld { .. }
            | Self::CannotListen { .. }
            | Self::NoRuntime(_)
            | Self::InvalidGrant { .. }
            | Self::AmbiguousFunction { .. }
            | Self::InvalidCall { .. }
            | Self::Handles { .. }
            | Self::InvalidTable { .. } => ExitStatus::Usage,
        }
    }
}
