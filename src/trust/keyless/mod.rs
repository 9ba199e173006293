//! Signatures without a key: a certificate authority (Fulcio) vouched for who signed, for some minutes, and a public log
//! (Rekor) for when. What a policy says of it is read in any build; verifying it needs the feature `keyless`, and is the
//! only place that knows the types of the `sigstore` crates.
//!
//! Nothing is asked of anybody: a trusted root says which authorities and logs count. Without one in the policy it is that
//! of the public Sigstore, as it was when the crate was released.

mod error;
mod pattern;
#[cfg(feature = "keyless")]
mod provider;
#[cfg(all(test, feature = "keyless"))]
mod tests;
#[cfg(feature = "keyless")]
mod verify;

pub use error::KeylessError;
pub use pattern::IdentityPattern;

use super::{Attestation, TrustError};
use crate::digest::Digest;

/// Whether this jointer can verify identities, and sign as one.
pub const KEYLESS: bool = cfg!(feature = "keyless");

/// Who signed, as a certificate says that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certified {
    /// An email address, or the URI of a workflow.
    pub identity: String,
    /// Who knows that it is them.
    pub issuer: String,
    /// When it was signed, in seconds since 1970, as log and time stamps prove.
    pub seconds: i64,
}

/// Verifies all of a bundle but whether its signer is one that is trusted: certificate, log, signature, and that it is
/// about the manifest with this digest. `root` is the text of a trusted root; `None` means the public Sigstore's.
///
/// # Errors
/// [`KeylessError`], [`TrustError::Malformed`], [`TrustError::BadSignature`] or [`TrustError::AnotherSubject`]. Always
/// [`KeylessError::NotBuiltIn`] without the feature.
pub fn verify_certified(
    bundle: &[u8],
    manifest: Digest,
    root: Option<&str>,
) -> Result<(Certified, Attestation), TrustError> {
    #[cfg(feature = "keyless")]
    return verify::verify(bundle, manifest, root);
    #[cfg(not(feature = "keyless"))]
    {
        let _ = (bundle, root);
        Err(KeylessError::NotBuiltIn { what: format!("the signature of {manifest}") }.into())
    }
}

/// Lets the crates that sign use the same cryptography as here.
#[cfg(feature = "keyless")]
pub(crate) fn use_ring() {
    provider::install();
}
