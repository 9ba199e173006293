//! Keys, signatures and what they say. Pure: bytes in, bytes out; knows no disk and no network.
//!
//! Signatures are those of cosign, so that nobody has to trust jointer alone: [`sign`] makes a Sigstore
//! bundle v0.3 (a DSSE envelope around an in-toto statement about a manifest's digest), [`sign_simple`]
//! the older form that cosign 2 reads. Key files are cosign's own. Instead of a key there can be an identity, for which a
//! certificate vouches ([`verify_certified`]). What they are worth says a [`Policy`] (`trust.toml`), by which [`judge`]
//! decides about a package. [`embedded`] signs files that travel without a registry.

mod bundle;
mod dsse;
pub mod embedded;
mod error;
mod judge;
mod key;
mod keyless;
mod licence;
mod moment;
mod policy;
mod policy_error;
mod signer;
mod simple;
mod statement;

pub use bundle::{
    Attestation, BUNDLE_MEDIA_TYPE, CYCLONEDX, MAX_BUNDLE, PROVENANCE, SIGNED, attest, bundle_of_envelope,
    is_bundle, payload, sign, sign_package, sign_payload, verify, verify_attestation,
};
pub use error::TrustError;
pub use judge::{Evidence, Subject, Verdict, judge, judge_belonging, statements};
pub use key::{KeyPair, Password, PublicKey};
#[cfg(feature = "keyless")]
pub(crate) use keyless::use_ring;
pub use keyless::{Certified, IdentityPattern, KEYLESS, KeylessError, verify_certified};
pub use moment::Moment;
pub use policy::{Policy, Rule, TrustedIdentity, TrustedKey, predicate_type};
pub use policy_error::PolicyError;
pub use signer::{Signer, Who};
pub use simple::{SIGNATURE_ANNOTATION, SIMPLE_MEDIA_TYPE, Simple, sign_simple, verify_simple};
