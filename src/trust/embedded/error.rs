//! Why a signature in a file does not count.

use miette::Diagnostic;

use crate::error::{ExitStatus, Fault};

/// Why a file counts as not signed by a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// No signature at all.
    #[error("there is no signature in the file")]
    #[diagnostic(
        code(trust::not_embedded),
        help(
            "ask its author for the signed file, or sign it (`jointer sign FILE --embed --key KEY`): anybody may have taken the signature out and changed it"
        )
    )]
    None,
    /// Signed, by others.
    #[error("the file is signed with another key than the given one")]
    #[diagnostic(
        code(trust::embedded_another_key),
        help(
            "the given key is {expected}, the signatures name {found}; check that you have the author's current key"
        )
    )]
    AnotherKey {
        /// The identifier of the given key.
        expected: String,
        /// Those that the signatures name.
        found: String,
    },
    /// Signed by the key, and not as it is now.
    #[error("the file was changed after the key signed it, or its signature was")]
    #[diagnostic(code(trust::embedded_changed), help("do not use it; get it again from its author"))]
    Changed,
    /// Not in a form that can be read.
    #[error("the signatures in the file cannot be read: {0}")]
    #[diagnostic(
        code(trust::embedded_malformed),
        help(
            "jointer reads the format of `wasmsign2`: version 1, SHA-256; get the file again from its author"
        )
    )]
    Malformed(&'static str),
    /// Not a key file.
    #[error("this is not a key for signatures in files: {0}")]
    #[diagnostic(
        code(trust::embedded_key),
        help(
            "make a pair with `jointer keygen --embedded` or `wasmsign2 keygen`; keys of cosign are of another kind"
        )
    )]
    InvalidKey(&'static str),
}

impl Fault for EmbeddedError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::InvalidKey(_) => ExitStatus::Usage,
            _ => ExitStatus::Trust,
        }
    }
}
