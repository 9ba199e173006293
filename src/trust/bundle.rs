//! Sigstore bundles that sign a manifest with a key pair, or say something about it, as `cosign sign --key`
//! and `cosign attest --key` make them. Written in version 0.3, read from 0.1 on.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::dsse::Envelope;
use super::{KeyPair, PublicKey, TrustError};
use crate::digest::Digest;
use crate::name::PackageId;

/// The media type of a bundle, which is also the artifact type of the manifest that holds one.
pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// The predicate of a statement that signs; every other one only tells something about its subject.
pub const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";

/// The predicate that tells how something was built (SLSA, version 1).
pub const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// The predicate that tells what is inside (CycloneDX).
pub const CYCLONEDX: &str = "https://cyclonedx.org/bom";

/// The media types of the versions that can be read.
const READABLE: [&str; 4] = [
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    BUNDLE_MEDIA_TYPE,
];

/// A bundle may not be larger: the bill of materials of thousands of packages takes a tenth of it.
pub const MAX_BUNDLE: usize = 32 << 20;

const STATEMENT: &str = "https://in-toto.io/Statement/";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Envelope,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    public_key: Option<PublicKeyHint>,
    #[serde(skip_serializing)]
    certificate: Option<IgnoredAny>,
    #[serde(skip_serializing)]
    x509_certificate_chain: Option<IgnoredAny>,
}

impl Material {
    fn has_certificate(&self) -> bool {
        self.certificate.is_some() || self.x509_certificate_chain.is_some()
    }
}

#[derive(Serialize, Deserialize)]
struct PublicKeyHint {
    #[serde(default)]
    hint: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(default)]
    subject: Vec<Subject>,
    predicate_type: String,
    #[serde(default)]
    predicate: Value,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    name: String,
    #[serde(default)]
    digest: std::collections::BTreeMap<String, String>,
}

/// What somebody said about a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Attestation {
    /// What kind of statement: [`PROVENANCE`], [`CYCLONEDX`], …
    pub predicate_type: String,
    /// The statement itself, in the form that its kind has.
    pub predicate: Value,
    /// What the statement calls the manifest's package, where it does.
    pub name: Option<String>,
}

/// A bundle in which `key` signs the manifest with this digest. The same key and digest give the same
/// bytes.
pub fn sign(manifest: Digest, key: &KeyPair) -> Vec<u8> {
    attest(manifest, SIGNED, &json!({}), key)
}

/// The same for the manifest of a package: its name and version are signed too, so that the signature of
/// one version cannot stand for another.
pub fn sign_package(manifest: Digest, id: &PackageId, key: &KeyPair) -> Vec<u8> {
    sign_payload(&payload(manifest, Some(id), SIGNED, &json!({})), key)
}

/// A bundle in which `key` says something about the manifest with this digest. The same arguments give the
/// same bytes.
pub fn attest(manifest: Digest, predicate_type: &str, predicate: &Value, key: &KeyPair) -> Vec<u8> {
    sign_payload(&payload(manifest, None, predicate_type, predicate), key)
}

/// A bundle in which `key` signs this statement, which [`payload`] made.
pub fn sign_payload(statement: &[u8], key: &KeyPair) -> Vec<u8> {
    let bundle = Bundle {
        media_type: BUNDLE_MEDIA_TYPE.to_owned(),
        verification_material: Material {
            public_key: Some(PublicKeyHint { hint: key.public().fingerprint() }),
            ..Material::default()
        },
        dsse_envelope: Envelope::sign(statement, key),
    };
    serde_json::to_vec(&bundle).unwrap_or_default()
}

/// The statement that is signed: about the manifest with this digest, which it calls `name` if there is one.
pub fn payload(
    manifest: Digest,
    name: Option<&PackageId>,
    predicate_type: &str,
    predicate: &Value,
) -> Vec<u8> {
    let mut subject = json!({ "digest": { "sha256": manifest.hex() } });
    if let Some(name) = name {
        subject["name"] = json!(name);
    }
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [subject],
        "predicateType": predicate_type,
        "predicate": predicate,
    });
    statement.to_string().into_bytes()
}

/// Verifies that `bundle` is a signature by `key` of the manifest with this digest.
///
/// # Errors
/// [`TrustError::Malformed`], [`TrustError::AnotherKey`], [`TrustError::BadSignature`],
/// [`TrustError::AnotherSubject`], or [`TrustError::OnlyAttested`] when it is a good statement of another
/// kind than a signature.
pub fn verify(bundle: &[u8], manifest: Digest, key: &PublicKey) -> Result<(), TrustError> {
    let said = verify_attestation(bundle, manifest, key)?;
    if said.predicate_type == SIGNED {
        return Ok(());
    }
    Err(TrustError::OnlyAttested { what: manifest.to_string(), predicate: said.predicate_type })
}

/// Verifies that `key` said something about the manifest with this digest, and gives what it said. A
/// signature ([`SIGNED`]) is such a statement too.
///
/// # Errors
/// [`TrustError::Malformed`], [`TrustError::AnotherKey`], [`TrustError::BadSignature`] or
/// [`TrustError::AnotherSubject`].
pub fn verify_attestation(
    bundle: &[u8],
    manifest: Digest,
    key: &PublicKey,
) -> Result<Attestation, TrustError> {
    if bundle.len() > MAX_BUNDLE {
        return Err(TrustError::Malformed(format!("it has more than {MAX_BUNDLE} bytes")));
    }
    let bundle: Bundle = parse(bundle)?;
    if !READABLE.contains(&bundle.media_type.as_str()) {
        return Err(TrustError::Malformed(format!("its media type is `{}`", bundle.media_type)));
    }
    let payload = bundle.dsse_envelope.payload()?;
    if !bundle.dsse_envelope.signed_by(key, &payload)? {
        // The hint is not signed, so it only decides between two ways of saying no.
        let nothing = match bundle.verification_material.has_certificate() {
            true => "an identity",
            false => "no key",
        };
        let hint = bundle.verification_material.public_key.map(|key| key.hint);
        let found = hint.filter(|hint| !hint.is_empty()).unwrap_or_else(|| nothing.to_owned());
        let expected = key.fingerprint();
        return Err(match found == expected {
            true => TrustError::BadSignature,
            false => TrustError::AnotherKey { expected, found },
        });
    }
    parse::<Statement>(&payload)?.about(manifest)
}

/// Whether a media type is that of a bundle that can be read.
pub fn is_bundle(media_type: &str) -> bool {
    READABLE.contains(&media_type)
}

/// Whether somebody vouches for who signed, instead of a key that is known.
pub(super) fn has_certificate(bundle: &[u8]) -> bool {
    let bundle = serde_json::from_slice::<Bundle>(bundle);
    bundle.is_ok_and(|bundle| bundle.verification_material.has_certificate())
}

/// What the statement in `payload` says about the manifest with this digest. Whoever calls knows who signed it.
///
/// # Errors
/// [`TrustError::Malformed`] or [`TrustError::AnotherSubject`].
#[cfg(feature = "keyless")]
pub(super) fn said_about(payload: &[u8], manifest: Digest) -> Result<Attestation, TrustError> {
    parse::<Statement>(payload)?.about(manifest)
}

/// The bundle around an envelope that stands alone, which is what cosign 2 attaches as an attestation. `None`
/// when it is no envelope.
pub fn bundle_of_envelope(envelope: &[u8]) -> Option<Vec<u8>> {
    let bundle = Bundle {
        media_type: BUNDLE_MEDIA_TYPE.to_owned(),
        verification_material: Material::default(),
        dsse_envelope: serde_json::from_slice(envelope).ok()?,
    };
    serde_json::to_vec(&bundle).ok()
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, TrustError> {
    serde_json::from_slice(json).map_err(|error| TrustError::Malformed(error.to_string()))
}

impl Statement {
    fn about(self, manifest: Digest) -> Result<Attestation, TrustError> {
        if !self.kind.starts_with(STATEMENT) {
            return Err(TrustError::Malformed(format!("the payload is a `{}`", self.kind)));
        }
        let sha256 = |subject: &Subject| subject.digest.get("sha256").cloned();
        let Some(subject) = self.subject.iter().find(|subject| sha256(subject) == Some(manifest.hex()))
        else {
            let found = self.subject.iter().find_map(sha256);
            let found = found.map_or("nothing".to_owned(), |hex| format!("sha256:{hex}"));
            return Err(TrustError::AnotherSubject { expected: manifest, found });
        };
        let name = Some(subject.name.clone()).filter(|name| !name.is_empty());
        Ok(Attestation { predicate_type: self.predicate_type, predicate: self.predicate, name })
    }
}

#[cfg(test)]
mod tests;
