//! What can be wrong with a manifest.

use camino::Utf8PathBuf;
use miette::{Diagnostic, NamedSource, SourceSpan};

use crate::error::{ExitStatus, Fault};

/// Why there is no usable app.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum AppError {
    /// No `jointer.toml` here or above.
    #[error("no `jointer.toml` in `{0}` or in any folder above it")]
    #[diagnostic(
        code(app::no_manifest),
        help("run `jointer new NAME -t http-python` for a new app, or go to an app's folder")
    )]
    NoManifest(Utf8PathBuf),
    /// The text is not TOML, or a key or value is not what the manifest allows.
    #[error("`{path}` is not a valid manifest: {message}")]
    #[diagnostic(code(app::invalid_manifest), help("{help}"))]
    Invalid {
        /// The manifest.
        path: Utf8PathBuf,
        /// What is wrong.
        message: String,
        /// What to do.
        help: String,
        /// The manifest's text.
        #[source_code]
        text: NamedSource<String>,
        /// Where.
        #[label("here")]
        span: Option<SourceSpan>,
    },
    /// A key that the manifest does not know.
    #[error("unknown key `{key}` in `{path}`")]
    #[diagnostic(code(app::unknown_key), help("{help}"))]
    UnknownKey {
        /// The manifest.
        path: Utf8PathBuf,
        /// The key.
        key: String,
        /// The nearest known keys, or all.
        help: String,
        /// The manifest's text.
        #[source_code]
        text: NamedSource<String>,
        /// Where.
        #[label("not known here")]
        span: Option<SourceSpan>,
    },
    /// A name that no `[component.NAME]` has.
    #[error("`{path}` names the component `{name}`, but there is no `[component.{name}]`")]
    #[diagnostic(code(app::unknown_component), help("{help}"))]
    UnknownComponent {
        /// The manifest.
        path: Utf8PathBuf,
        /// The name.
        name: String,
        /// The nearest components.
        help: String,
        /// The manifest's text.
        #[source_code]
        text: NamedSource<String>,
        /// Where.
        #[label("named here")]
        span: Option<SourceSpan>,
    },
    /// The folder or file of a component does not exist.
    #[error("the component `{name}` should be at `{source_path}`, which does not exist")]
    #[diagnostic(
        code(app::absent_source),
        help("correct the path, or create it with `jointer add {name} -t lib-rust`")
    )]
    AbsentSource {
        /// The component.
        name: String,
        /// Where it should be.
        source_path: Utf8PathBuf,
        /// The manifest's text.
        #[source_code]
        text: NamedSource<String>,
        /// Where the manifest says so.
        #[label("written here")]
        span: Option<SourceSpan>,
    },
}

impl Fault for AppError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::NoManifest(_) => ExitStatus::NotFound,
            _ => ExitStatus::Usage,
        }
    }
}
