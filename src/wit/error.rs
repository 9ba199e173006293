//! What can be wrong with WIT.

use camino::Utf8PathBuf;
use miette::{Diagnostic, NamedSource, SourceSpan};

use crate::error::{ExitStatus, Fault};

/// Why WIT cannot be used as asked.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum WitError {
    /// There is no folder of that name, or nothing in it.
    #[error("there is no WIT in `{0}`")]
    #[diagnostic(
        code(wit::not_found),
        help("put the worlds of the app into `wit/world.wit`, or name another folder")
    )]
    NotFound(Utf8PathBuf),
    /// The text breaks a rule of WIT, or names what does not exist.
    #[error("the WIT in `{dir}` is not valid: {message}")]
    #[diagnostic(code(wit::invalid), help("{help}"))]
    Invalid {
        /// The folder.
        dir: Utf8PathBuf,
        /// The parser's words.
        message: String,
        /// What to do.
        help: String,
        /// The file's text, where the parser names a place.
        #[source_code]
        text: Option<NamedSource<String>>,
        /// The place.
        #[label("here")]
        span: Option<SourceSpan>,
    },
    /// The package has no such world.
    #[error("there is no world `{world}` in `{package}`")]
    #[diagnostic(code(wit::unknown_world), help("{help}"))]
    UnknownWorld {
        /// The world asked for.
        world: String,
        /// The package looked at.
        package: String,
        /// The nearest worlds, or all.
        help: String,
    },
    /// The WASI version is not one that jointer has the WIT of.
    #[error("the WIT of WASI {version} is not known")]
    #[diagnostic(code(wit::unknown_wasi), help("known are {known}"))]
    UnknownWasi {
        /// The version asked for.
        version: String,
        /// All known.
        known: String,
    },
}

impl Fault for WitError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::NotFound(_) => ExitStatus::NotFound,
            Self::Invalid { .. } | Self::UnknownWorld { .. } | Self::UnknownWasi { .. } => ExitStatus::Usage,
        }
    }
}
