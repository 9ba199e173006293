//! Keys, signatures and what they say. Pure: bytes in, bytes out; knows no disk and no network.
//!
//! Signatures are those of cosign, so that nobody has to trust jointer alone: [`sign`] makes a Sigstore
//! bundle v0.3 (a DSSE envelope around an in-toto statement about a manifest's digest), [`sign_simple`]
//! the older form that cosign 2 reads. Key files are cosign's own.

mod bundle;
mod dsse;
mod error;
mod key;
mod simple;

pub use bundle::{
    Attestation, BUNDLE_MEDIA_TYPE, CYCLONEDX, MAX_BUNDLE, PROVENANCE, SIGNED, attest, sign, sign_package,
    verify, verify_attestation,
};
pub use error::TrustError;
pub use key::{KeyPair, Password, PublicKey};
pub use simple::{SIGNATURE_ANNOTATION, SIMPLE_MEDIA_TYPE, Simple, sign_simple, verify_simple};
