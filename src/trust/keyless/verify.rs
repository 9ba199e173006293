//! Verifies certificate, log and signature of a bundle with the `sigstore` crates, and says in jointer's words what is
//! wrong with it.

use sigstore_verify::bundle::Error as FormError;
use sigstore_verify::crypto::parse_certificate_info;
use sigstore_verify::trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, TrustedRoot};
use sigstore_verify::types::{Bundle, Sha256Hash, SignatureContent};
use sigstore_verify::{
    CertificateError, Error, TimestampError, TransparencyLogError, VerificationPolicy, Verifier,
};

use super::{Certified, KeylessError, provider};
use crate::digest::Digest;
use crate::trust::bundle::{MAX_BUNDLE, said_about};
use crate::trust::{Attestation, TrustError};

/// An honest bundle has one entry of a log and one time stamp; each costs several signatures to verify.
const MAX_PROOFS: usize = 16;
/// An honest trusted root has some tens of thousands of bytes.
const MAX_ROOT: usize = 4 << 20;

pub(super) fn verify(
    bundle: &[u8],
    manifest: Digest,
    root: Option<&str>,
) -> Result<(Certified, Attestation), TrustError> {
    provider::install();
    let root = trusted_root(root.unwrap_or(SIGSTORE_PRODUCTION_TRUSTED_ROOT))?;
    let verifier = Verifier::new(&root).map_err(|error| invalid_root(error.to_string()))?;
    let malformed = |why: String| TrustError::Malformed(why);
    if bundle.len() > MAX_BUNDLE {
        return Err(malformed(format!("it has more than {MAX_BUNDLE} bytes")));
    }
    let text = std::str::from_utf8(bundle).map_err(|error| malformed(error.to_string()))?;
    let bundle = Bundle::from_json(text).map_err(|error| malformed(error.to_string()))?;
    let SignatureContent::DsseEnvelope(envelope) = &bundle.content else {
        return Err(malformed("it has no DSSE envelope".to_owned()));
    };
    let material = &bundle.verification_material;
    let stamps = &material.timestamp_verification_data.rfc3161_timestamps;
    if material.tlog_entries.len() + stamps.len() > MAX_PROOFS {
        return Err(malformed(format!("it has more than {MAX_PROOFS} entries and time stamps")));
    }
    if material.tlog_entries.is_empty() {
        return Err(KeylessError::NotLogged { reason: "there is no entry of a log".to_owned() }.into());
    }
    let all_known =
        material.tlog_entries.iter().all(|entry| root.tlogs.iter().any(|log| log.log_id == entry.log_id));
    // Which identities count is the policy's business; nothing else is left out here.
    let anybody = VerificationPolicy::any_identity();
    let digest = Sha256Hash::new(*manifest.as_bytes());
    let verified = verifier.verify(digest, &bundle, &anybody).map_err(|error| match error {
        // Without the key of a log its word cannot be checked, which is not to say that it is wrong.
        Error::TransparencyLog(_) if !all_known => {
            KeylessError::UnknownAuthority { reason: error.to_string() }.into()
        }
        // The chain is looked at as of the time in the log, so a time that is wrong looks like a wrong chain.
        Error::Certificate(CertificateError::ChainInvalid(_)) if !in_time(&bundle) => {
            KeylessError::CertificateTime { reason: error.to_string() }.into()
        }
        // The same in our words, with what it is about instead.
        Error::ArtifactMismatch(why) => {
            said_about(envelope.payload.as_bytes(), manifest).err().unwrap_or(TrustError::Malformed(why))
        }
        other => refusal(other),
    })?;
    let proved = verified.certificate_verified() && verified.sct_verified() && verified.tlog_verified();
    let (Some(identity), Some(issuer), Some(time), true) =
        (verified.identity(), verified.issuer(), verified.verified_timestamps().iter().min(), proved)
    else {
        return Err(malformed("its certificate names no identity, no issuer or no time".to_owned()));
    };
    let certified = Certified {
        identity: identity.as_str().to_owned(),
        issuer: issuer.to_owned(),
        seconds: time.as_second(),
    };
    Ok((certified, said_about(envelope.payload.as_bytes(), manifest)?))
}

/// Whether the certificate was valid when the log says that it was used.
fn in_time(bundle: &Bundle) -> bool {
    let certificate = bundle.signing_certificate().and_then(|one| parse_certificate_info(one).ok());
    let Some(certificate) = certificate else { return true };
    let times = bundle.verification_material.tlog_entries.iter().filter_map(|entry| entry.integrated_time);
    times.into_iter().all(|time| (certificate.not_before..=certificate.not_after).contains(&time))
}

fn trusted_root(text: &str) -> Result<TrustedRoot, KeylessError> {
    if text.len() > MAX_ROOT {
        return Err(invalid_root(format!("it has more than {MAX_ROOT} bytes")));
    }
    TrustedRoot::from_json(text).map_err(|error| invalid_root(error.to_string()))
}

fn invalid_root(reason: String) -> KeylessError {
    KeylessError::InvalidRoot { reason }
}

fn refusal(error: Error) -> TrustError {
    let reason = error.to_string();
    match error {
        Error::Certificate(error) => match error {
            CertificateError::NotYetValid { .. } | CertificateError::Expired { .. } => {
                KeylessError::CertificateTime { reason }.into()
            }
            CertificateError::ChainInvalid(_) | CertificateError::NoValidAuthority { .. } => {
                KeylessError::UnknownAuthority { reason }.into()
            }
            CertificateError::Sct(_) => KeylessError::NotLogged { reason }.into(),
            _ => TrustError::Malformed(reason),
        },
        Error::TransparencyLog(error) => match error {
            TransparencyLogError::UnknownLog { .. } => KeylessError::UnknownAuthority { reason }.into(),
            TransparencyLogError::IntegratedTime(_) => KeylessError::CertificateTime { reason }.into(),
            _ => KeylessError::NotLogged { reason }.into(),
        },
        Error::Timestamp(TimestampError::OutsideAuthorityValidity { .. }) => {
            KeylessError::UnknownAuthority { reason }.into()
        }
        Error::Timestamp(_) => KeylessError::NotLogged { reason }.into(),
        Error::Bundle(
            FormError::MissingInclusionPromise(_)
            | FormError::MissingInclusionProof(_)
            | FormError::MissingSigningTimeEvidence
            | FormError::MissingTimestamp
            | FormError::MissingCheckpoint
            | FormError::LogIndexOutOfRange { .. }
            | FormError::CheckpointRootMismatch,
        ) => KeylessError::NotLogged { reason }.into(),
        Error::SignatureInvalid(_) => TrustError::BadSignature,
        _ => TrustError::Malformed(reason),
    }
}
