//! Why nothing could be signed without a key.

use miette::Diagnostic;

use crate::error::{ExitStatus, Fault};
use crate::trust::KeylessError;

/// What went wrong between a CI's token and an entry in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum IdentityError {
    /// Nobody says who this is.
    #[error("there is no identity token to sign with")]
    #[diagnostic(
        code(identity::no_token),
        help(
            "give the job `permissions: id-token: write` on GitHub, set SIGSTORE_ID_TOKEN elsewhere, or name a file with `--identity-token`; without a CI sign with a key (`jointer keygen`)"
        )
    )]
    NoToken,
    /// Not a token that Fulcio would take.
    #[error("the identity token from {from} cannot be used: {why}")]
    #[diagnostic(
        code(identity::invalid_token),
        help("it has to be a JSON web token (`x.y.z`) for the audience `sigstore` that has not expired")
    )]
    InvalidToken {
        /// Where it comes from.
        from: &'static str,
        /// What is wrong with it. Nothing of the token itself.
        why: &'static str,
    },
    /// Not a signing config.
    #[error("the signing config cannot be used: {reason}")]
    #[diagnostic(
        code(identity::invalid_services),
        help(
            "give the `signing_config.json` of your Sigstore (version 0.2: one Fulcio, one Rekor), or leave it out for the public one"
        )
    )]
    InvalidServices {
        /// What is wrong.
        reason: String,
    },
    /// The network, or the service is not well.
    #[error("{service} does not answer: {reason}")]
    #[diagnostic(code(identity::unreachable), help("try again later; nothing was attached to the package"))]
    Unreachable {
        /// Which.
        service: &'static str,
        /// Its or the network's words.
        reason: String,
    },
    /// It understands and says no.
    #[error("{service} refuses to take part: {reason}")]
    #[diagnostic(
        code(identity::refused),
        help("check that the token is fresh, and that this Sigstore knows who issued it")
    )]
    Refused {
        /// Which.
        service: &'static str,
        /// Its words.
        reason: String,
    },
    /// What came back is not worth attaching.
    #[error("what was signed does not verify: {reason}")]
    #[diagnostic(
        code(identity::unverifiable),
        help(
            "give the trusted root that belongs to the signing config with `--trusted-root`; nothing was attached to the package"
        )
    )]
    Unverifiable {
        /// The verifier's words.
        reason: String,
    },
    /// This build cannot.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Keyless(#[from] KeylessError),
}

impl Fault for IdentityError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::NoToken | Self::InvalidToken { .. } | Self::InvalidServices { .. } => ExitStatus::Usage,
            Self::Unreachable { .. } => ExitStatus::Network,
            Self::Refused { .. } | Self::Unverifiable { .. } => ExitStatus::Trust,
            Self::Keyless(error) => error.status(),
        }
    }
}
