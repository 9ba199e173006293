//! What can be wrong with a `trust.toml`.

use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};
use miette::{Diagnostic, NamedSource, SourceSpan};

use crate::error::{ExitStatus, Fault};
use crate::name::did_you_mean;

/// Why a policy cannot be used. Nothing is verified then.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum PolicyError {
    /// The text is not TOML, or a value is not what the policy allows.
    #[error("`{path}` is not a valid policy: {message}")]
    #[diagnostic(code(trust::invalid_policy), help("{help}"))]
    Invalid {
        /// The policy.
        path: Utf8PathBuf,
        /// What is wrong.
        message: String,
        /// What to do.
        help: String,
        /// The policy's text.
        #[source_code]
        text: NamedSource<String>,
        /// Where.
        #[label("here")]
        span: Option<SourceSpan>,
    },
    /// A key, an attestation or a capability that does not exist. Passing over it would be to trust more
    /// than was meant.
    #[error("unknown `{word}` in `{path}`")]
    #[diagnostic(code(trust::unknown_key), help("{help}"))]
    Unknown {
        /// The policy.
        path: Utf8PathBuf,
        /// What was written.
        word: String,
        /// The nearest known ones, or all.
        help: String,
        /// The policy's text.
        #[source_code]
        text: NamedSource<String>,
        /// Where.
        #[label("not known here")]
        span: Option<SourceSpan>,
    },
}

impl PolicyError {
    pub(super) fn not_toml(path: &Utf8Path, text: &str, error: &toml::de::Error) -> Self {
        // serde's words for it: unknown field `x`, expected one of `a`, `b`
        if let Some(rest) = error.message().strip_prefix("unknown field `") {
            let mut quoted = rest.split('`');
            let key = quoted.next().unwrap_or_default();
            return Self::unknown(path, text, key, quoted.skip(1).step_by(2), error.span());
        }
        let help = "`jointer explain trust::invalid_policy` shows a whole one";
        Self::invalid(path, text, error.message(), help, error.span())
    }

    pub(super) fn unknown<'k>(
        path: &Utf8Path,
        text: &str,
        word: &str,
        known: impl Iterator<Item = &'k str>,
        span: Option<Range<usize>>,
    ) -> Self {
        Self::Unknown {
            path: path.to_owned(),
            word: word.to_owned(),
            help: did_you_mean(word, known),
            text: source(path, text),
            span: span.map(Into::into),
        }
    }

    pub(super) fn invalid(
        path: &Utf8Path,
        text: &str,
        message: &str,
        help: &str,
        span: Option<Range<usize>>,
    ) -> Self {
        Self::Invalid {
            path: path.to_owned(),
            message: message.to_owned(),
            help: help.to_owned(),
            text: source(path, text),
            span: span.map(Into::into),
        }
    }
}

fn source(path: &Utf8Path, text: &str) -> NamedSource<String> {
    NamedSource::new(path, text.to_owned()).with_language("toml")
}

impl Fault for PolicyError {
    fn status(&self) -> ExitStatus {
        ExitStatus::Usage
    }
}
