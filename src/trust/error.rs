//! Why a key or a signature is refused.

use miette::Diagnostic;

use crate::digest::Digest;
use crate::error::{ExitStatus, Fault};

/// Why a key cannot be used, or why something counts as not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum TrustError {
    /// No signature at all.
    #[error("`{0}` is not signed")]
    #[diagnostic(
        code(trust::unsigned),
        help("sign it (`jointer bundle --sign KEY`), or do not use it: anybody may have written it")
    )]
    Unsigned(String),
    /// Somebody vouched for something about it (a list of parts, how it was built), not for the thing.
    #[error("`{what}` carries an attestation (`{predicate}`) but no signature")]
    #[diagnostic(
        code(trust::only_attested),
        help("an attestation says something about it, a signature stands for it; ask its author to sign it")
    )]
    OnlyAttested {
        /// What was to be verified.
        what: String,
        /// What the attestation is about.
        predicate: String,
    },
    /// Made with a key that is not the given one.
    #[error("the signature was made with another key than the given one")]
    #[diagnostic(
        code(trust::another_key),
        help(
            "the given key is `{expected}`, the signature names `{found}`; check that you have the author's current public key"
        )
    )]
    AnotherKey {
        /// The fingerprint of the given key.
        expected: String,
        /// The fingerprint that the signature names.
        found: String,
    },
    /// It names the right key, but the key did not make it.
    #[error("the signature does not verify: it, or what it stands for, was changed")]
    #[diagnostic(code(trust::bad_signature), help("fetch it again from its author"))]
    BadSignature,
    /// A good signature of another thing.
    #[error("the signature stands for something else: `{found}` instead of `{expected}`")]
    #[diagnostic(
        code(trust::another_subject),
        help("somebody attached the signature of another artifact; fetch it again from its author")
    )]
    AnotherSubject {
        /// The digest of what was to be verified.
        expected: Digest,
        /// What the signature is about.
        found: String,
    },
    /// Not in a form that can be read.
    #[error("the signature cannot be read: {0}")]
    #[diagnostic(
        code(trust::malformed),
        help(
            "jointer reads Sigstore bundles of version 0.1 to 0.3 with a DSSE envelope, and cosign's older form"
        )
    )]
    Malformed(String),
    /// Not a key file.
    #[error("this is not a key that jointer can use: {0}")]
    #[diagnostic(
        code(trust::invalid_key),
        help("make a pair with `jointer keygen`; keys of `cosign generate-key-pair` work as well")
    )]
    InvalidKey(String),
    /// The password is not the key's.
    #[error("the password does not open the key, or the key file is damaged")]
    #[diagnostic(
        code(trust::wrong_password),
        help("set JOINTER_KEY_PASSWORD (or COSIGN_PASSWORD) to the password given at `jointer keygen`")
    )]
    WrongPassword,
    /// Nobody to ask for a password.
    #[error("the key needs a password, and there is no terminal to ask for it")]
    #[diagnostic(
        code(trust::no_password),
        help("set JOINTER_KEY_PASSWORD (or COSIGN_PASSWORD); empty means no password")
    )]
    NoPassword,
}

impl Fault for TrustError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::InvalidKey(_) | Self::NoPassword => ExitStatus::Usage,
            _ => ExitStatus::Trust,
        }
    }
}
