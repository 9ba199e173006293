//! Why a key or a signature is refused.

use miette::Diagnostic;

use super::KeylessError;
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
        help(
            "sign it (`jointer sign`, `jointer bundle --sign KEY`), or do not use it: anybody may have written it"
        )
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
    /// Nobody said who is trusted.
    #[error("there is no policy to verify by")]
    #[diagnostic(
        code(trust::no_policy),
        help(
            "give the author's public key with `--key`, or write a `trust.toml` (`jointer explain trust::invalid_policy` shows one)"
        )
    )]
    NoPolicy,
    /// Not a kind of statement.
    #[error("`{kind}` is not a kind of statement")]
    #[diagnostic(code(trust::unknown_kind), help("{help}; or give the whole address of another kind"))]
    UnknownKind {
        /// As typed.
        kind: String,
        /// The nearest.
        help: String,
    },
    /// No rule of the policy fits.
    #[error("the policy says nothing about `{package}`")]
    #[diagnostic(
        code(trust::no_rule),
        help(
            "add `[package.\"{package}\"]` (or `[package.\"*\"]`) to `trust.toml`: what no rule fits is refused"
        )
    )]
    NoRule {
        /// The package.
        package: String,
    },
    /// A good signature by somebody who says that it is something else.
    #[error("`{asked}` was asked for, and what is there was signed as `{found}`")]
    #[diagnostic(
        code(trust::another_package),
        help(
            "somebody put an old version, or another package, under this name; do not use it, and tell who runs the registry"
        )
    )]
    AnotherPackage {
        /// Name and version as asked for.
        asked: String,
        /// As signed.
        found: String,
    },
    /// Nothing that is signed says what it is.
    #[error("nothing that is signed says that this is `{package}`")]
    #[diagnostic(
        code(trust::unnamed),
        help(
            "sign it with `jointer sign {package}`, or say `unnamed = \"allow\"` under `[package.\"{rule}\"]` in `trust.toml`: then whoever can write to the registry can swap signed versions"
        )
    )]
    Unnamed {
        /// Name and version.
        package: String,
        /// The rule's pattern.
        rule: String,
    },
    /// Signed for another place.
    #[error("no signature says that `{package}` belongs to `{repository}`")]
    #[diagnostic(
        code(trust::another_repository),
        help(
            "`bind-repository` wants that; sign it there with `jointer sign {package} --from REGISTRY`, or fetch it from where it was signed"
        )
    )]
    AnotherRepository {
        /// Name and version.
        package: String,
        /// Where it comes from.
        repository: String,
    },
    /// Older than what was verified before.
    #[error("`{package}` is older than `{floor}`, which was verified before")]
    #[diagnostic(
        code(trust::rolled_back),
        help(
            "the registry hides newer versions, or you want to go back: then delete its `[[package]]` from `jointer.lock` first"
        )
    )]
    RolledBack {
        /// Name and version.
        package: String,
        /// The highest version that was verified.
        floor: String,
    },
    /// Older than the policy wants.
    #[error("`{package}` is older than the policy allows: at least {least}")]
    #[diagnostic(
        code(trust::too_old),
        help("ask for a newer version, or change `min-version` in `trust.toml`")
    )]
    TooOld {
        /// Name and version.
        package: String,
        /// `min-version`.
        least: String,
    },
    /// The key is not to be used any more.
    #[error("the only good signature was made with the key `{key}`, which is revoked")]
    #[diagnostic(
        code(trust::key_revoked),
        help("its author has to sign with a new key, which then belongs into `trust.toml`")
    )]
    KeyRevoked {
        /// Name or fingerprint.
        key: String,
    },
    /// The key's time is over.
    #[error("the only good signature was made with the key `{key}`, which was valid until {when}")]
    #[diagnostic(
        code(trust::key_expired),
        help("ask its author for the current key, or correct `not-after` in `trust.toml`")
    )]
    KeyExpired {
        /// Name or fingerprint.
        key: String,
        /// `not-after`.
        when: String,
    },
    /// The key's time has not come.
    #[error("the only good signature was made with the key `{key}`, which is valid from {when} on")]
    #[diagnostic(
        code(trust::key_not_yet_valid),
        help("check this machine's clock, and `not-before` in `trust.toml`")
    )]
    KeyNotYetValid {
        /// Name or fingerprint.
        key: String,
        /// `not-before`.
        when: String,
    },
    /// The policy wants a statement that nobody made.
    #[error("no trusted key made a statement `{kind}` about `{package}`")]
    #[diagnostic(
        code(trust::no_attestation),
        help(
            "its author makes one with `jointer attest`, or take it out of `attestations`, `builder` and `source` in `trust.toml`"
        )
    )]
    NoAttestation {
        /// Name and version.
        package: String,
        /// The type of the statement.
        kind: String,
    },
    /// Built by somebody else.
    #[error("it was built by `{found}`, and the policy wants `{allowed}`")]
    #[diagnostic(code(trust::wrong_builder), help("ask its author, or change `builder` in `trust.toml`"))]
    WrongBuilder {
        /// As the provenance says.
        found: String,
        /// As the policy says.
        allowed: String,
    },
    /// Built from something else.
    #[error("it was built from `{found}`, and the policy wants `{allowed}`")]
    #[diagnostic(code(trust::wrong_source), help("ask its author, or change `source` in `trust.toml`"))]
    WrongSource {
        /// As the provenance says.
        found: String,
        /// As the policy says.
        allowed: String,
    },
    /// It can do more than it should.
    #[error("`{package}` wants the capability `{found}`, which the policy does not allow it")]
    #[diagnostic(
        code(trust::capability),
        help(
            "look at its imports (`jointer inspect`); add to `capabilities` under `[package.\"{rule}\"]` in `trust.toml` what it may do"
        )
    )]
    Capability {
        /// Name and version.
        package: String,
        /// Which.
        found: String,
        /// The rule's pattern.
        rule: String,
    },
    /// Under terms that are not accepted.
    #[error("the licence `{found}` is not one that the policy allows")]
    #[diagnostic(
        code(trust::licence),
        help("allowed are {allowed}; empty means that the package names no licence")
    )]
    Licence {
        /// As the package or its bill of materials says.
        found: String,
        /// As the policy says.
        allowed: String,
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
    /// An identity, or what should prove it.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Keyless(#[from] KeylessError),
}

impl Fault for TrustError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::InvalidKey(_) | Self::NoPassword | Self::NoPolicy | Self::UnknownKind { .. } => {
                ExitStatus::Usage
            }
            Self::Keyless(error) => error.status(),
            _ => ExitStatus::Trust,
        }
    }
}
