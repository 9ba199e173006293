//! Why nothing was scaffolded.

use camino::Utf8PathBuf;
use miette::Diagnostic;

use crate::error::{ExitStatus, Fault};

/// Why a project could not be made or changed. Nothing was written.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum ScaffoldError {
    /// No template has this name.
    #[error("there is no template `{name}`")]
    #[diagnostic(code(scaffold::unknown_template), help("{help}"))]
    UnknownTemplate {
        /// What was asked for.
        name: String,
        /// The nearest templates, or all.
        help: String,
    },
    /// The name is not one that a component or package may have.
    #[error("{message}")]
    #[diagnostic(code(scaffold::invalid_name), help("choose a name such as `shop` or `acme:shop`"))]
    Name {
        /// What is wrong with it.
        message: String,
    },
    /// The folder has something in it.
    #[error("`{0}` exists and is not empty")]
    #[diagnostic(
        code(scaffold::not_empty),
        help("choose another name, or add a part to the app that is there: `jointer add NAME -t lib-rust`")
    )]
    NotEmpty(Utf8PathBuf),
    /// The app has this component.
    #[error("the app already has a component `{0}`")]
    #[diagnostic(code(scaffold::component_exists), help("choose another name"))]
    ComponentExists(String),
    /// `--for` names nobody.
    #[error("there is no component `{name}` that could use the new part")]
    #[diagnostic(code(scaffold::unknown_consumer), help("{help}"))]
    UnknownConsumer {
        /// What `--for` said.
        name: String,
        /// The nearest components.
        help: String,
    },
    /// The app's WIT does not say what it should for this.
    #[error("`{file}` cannot be extended: {reason}")]
    #[diagnostic(
        code(scaffold::unexpected_wit),
        help(
            "write the new part's world and the consumer's import there by hand, then run the command again"
        )
    )]
    UnexpectedWit {
        /// The file.
        file: Utf8PathBuf,
        /// What is missing.
        reason: String,
    },
    /// The manifest cannot be edited although it can be read.
    #[error("`{file}` cannot be edited: {reason}")]
    #[diagnostic(
        code(scaffold::unexpected_manifest),
        help("add the lines by hand: `[component.NAME]` with a `path`")
    )]
    UnexpectedManifest {
        /// The manifest.
        file: Utf8PathBuf,
        /// What stood in the way.
        reason: String,
    },
}

impl Fault for ScaffoldError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::NotEmpty(_) | Self::ComponentExists(_) => ExitStatus::Conflict,
            _ => ExitStatus::Usage,
        }
    }
}
