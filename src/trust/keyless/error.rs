//! Why a signature without a key is refused.

use miette::Diagnostic;

use crate::error::{ExitStatus, Fault};

/// Why an identity, or what should prove it, does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum KeylessError {
    /// Compiled without it. To pass over it would be to trust less than was meant, or more.
    #[error("this jointer was built without `keyless`, which {what} needs")]
    #[diagnostic(
        code(trust::no_keyless),
        help("install one that has it: `cargo install --locked jointer --features keyless`")
    )]
    NotBuiltIn {
        /// What cannot be done.
        what: String,
    },
    /// A key and an identity at once, or neither.
    #[error("who signs is not clear: {why}")]
    #[diagnostic(
        code(trust::which_signer),
        help(
            "give either a private key (`jointer keygen`), or `--keyless` to sign as the CI run that this is"
        )
    )]
    WhichSigner {
        /// Too many or none.
        why: &'static str,
    },
    /// Not somebody.
    #[error("nobody can be trusted so: {why}")]
    #[diagnostic(code(trust::invalid_identity), help("{help}"))]
    InvalidIdentity {
        /// What is wrong.
        why: &'static str,
        /// What would be right.
        help: &'static str,
    },
    /// Somebody else.
    #[error("it was signed by {found}, and the policy wants {expected}")]
    #[diagnostic(
        code(trust::wrong_identity),
        help(
            "somebody else signed this: do not use it, or correct `identity` in `trust.toml` (`--certificate-identity`)"
        )
    )]
    WrongIdentity {
        /// Who.
        found: String,
        /// As the policy says.
        expected: String,
    },
    /// Somebody else says that it is them.
    #[error("`{identity}` signed it, but `{found}` says so, and the policy wants `{expected}`")]
    #[diagnostic(
        code(trust::wrong_issuer),
        help(
            "the same name at another provider can be another person: do not use it, or correct `issuer` in `trust.toml` (`--certificate-issuer`)"
        )
    )]
    WrongIssuer {
        /// The identity in the certificate.
        identity: String,
        /// Who vouched for it.
        found: String,
        /// As the policy says.
        expected: String,
    },
    /// Not in the minutes of the certificate.
    #[error("it was not signed while its certificate was valid: {reason}")]
    #[diagnostic(
        code(trust::certificate_time),
        help(
            "only the log and time stamps say when something was signed; its author has to sign it again with a new certificate"
        )
    )]
    CertificateTime {
        /// The verifier's words.
        reason: String,
    },
    /// Not in the time in which the policy trusts the identity.
    #[error("`{identity}` signed it at {when}, and the policy trusts it only {bounds}")]
    #[diagnostic(
        code(trust::identity_time),
        help("ask its author, or correct `not-before` and `not-after` of the identity in `trust.toml`")
    )]
    IdentityTime {
        /// Name or identity.
        identity: String,
        /// When, as the log says.
        when: String,
        /// `from … on`, `until …`.
        bounds: String,
    },
    /// Nobody could have noticed that it was signed.
    #[error("no public log proves that it was signed: {reason}")]
    #[diagnostic(
        code(trust::not_logged),
        help(
            "without an entry in the log its owner would not notice a stolen identity; its author has to sign it again with `jointer sign --keyless` or `cosign sign`"
        )
    )]
    NotLogged {
        /// What is missing or wrong.
        reason: String,
    },
    /// An authority that does not count.
    #[error("the trusted root does not know who vouches for its signer: {reason}")]
    #[diagnostic(
        code(trust::unknown_authority),
        help(
            "signatures of another Sigstore than the public one need its trusted root: `trusted-root` in `trust.toml`, or `--trusted-root`"
        )
    )]
    UnknownAuthority {
        /// The verifier's words.
        reason: String,
    },
    /// Not a trusted root.
    #[error("this is not a trusted root: {reason}")]
    #[diagnostic(
        code(trust::invalid_root),
        help("give the `trusted_root.json` of the Sigstore that signed, or leave it out for the public one")
    )]
    InvalidRoot {
        /// What is wrong.
        reason: String,
    },
}

impl Fault for KeylessError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::NotBuiltIn { .. }
            | Self::WhichSigner { .. }
            | Self::InvalidIdentity { .. }
            | Self::InvalidRoot { .. } => ExitStatus::Usage,
            _ => ExitStatus::Trust,
        }
    }
}
