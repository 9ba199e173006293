//! Sigstore bundles v0.3 that sign a manifest with a key pair, as `cosign sign --key` makes them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::dsse::Envelope;
use super::{KeyPair, PublicKey, TrustError};
use crate::digest::Digest;

/// The media type of a bundle, which is also the artifact type of the manifest that holds one.
pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// The predicate of a statement that signs; every other one only tells something about its subject.
pub const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";

const STATEMENT: &str = "https://in-toto.io/Statement/";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Envelope,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    public_key: Option<PublicKeyHint>,
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
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    digest: std::collections::BTreeMap<String, String>,
}

/// A bundle in which `key` signs the manifest with this digest. The same key and digest give the same
/// bytes.
pub fn sign(manifest: Digest, key: &KeyPair) -> Vec<u8> {
    attest(manifest, SIGNED, &json!({}), key)
}

/// A bundle in which `key` says something about the manifest with this digest.
pub fn attest(manifest: Digest, predicate_type: &str, predicate: &Value, key: &KeyPair) -> Vec<u8> {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "digest": { "sha256": manifest.hex() } }],
        "predicateType": predicate_type,
        "predicate": predicate,
    });
    let bundle = Bundle {
        media_type: BUNDLE_MEDIA_TYPE.to_owned(),
        verification_material: Material {
            public_key: Some(PublicKeyHint { hint: key.public().fingerprint() }),
        },
        dsse_envelope: Envelope::sign(statement.to_string().as_bytes(), key),
    };
    serde_json::to_vec(&bundle).unwrap_or_default()
}

/// Verifies that `bundle` is a signature by `key` of the manifest with this digest.
///
/// # Errors
/// [`TrustError::Malformed`], [`TrustError::AnotherKey`], [`TrustError::BadSignature`],
/// [`TrustError::AnotherSubject`], or [`TrustError::OnlyAttested`] when it is a good statement of another
/// kind than a signature.
pub fn verify(bundle: &[u8], manifest: Digest, key: &PublicKey) -> Result<(), TrustError> {
    let bundle: Bundle =
        serde_json::from_slice(bundle).map_err(|error| TrustError::Malformed(error.to_string()))?;
    if !bundle.media_type.starts_with("application/vnd.dev.sigstore.bundle") {
        return Err(TrustError::Malformed(format!("its media type is `{}`", bundle.media_type)));
    }
    let payload = bundle.dsse_envelope.payload()?;
    if !bundle.dsse_envelope.signed_by(key, &payload)? {
        // The hint is not signed, so it only decides between two ways of saying no.
        let found = bundle.verification_material.public_key.map(|key| key.hint).unwrap_or_default();
        let expected = key.fingerprint();
        return Err(match found == expected {
            true => TrustError::BadSignature,
            false => TrustError::AnotherKey { expected, found },
        });
    }
    let statement: Statement =
        serde_json::from_slice(&payload).map_err(|error| TrustError::Malformed(error.to_string()))?;
    statement.signs(manifest)
}

impl Statement {
    fn signs(&self, manifest: Digest) -> Result<(), TrustError> {
        if !self.kind.starts_with(STATEMENT) {
            return Err(TrustError::Malformed(format!("the payload is a `{}`", self.kind)));
        }
        let subjects = || self.subject.iter().filter_map(|subject| subject.digest.get("sha256"));
        if !subjects().any(|subject| *subject == manifest.hex()) {
            let found = subjects().next().map_or("nothing".to_owned(), |hex| format!("sha256:{hex}"));
            return Err(TrustError::AnotherSubject { expected: manifest, found });
        }
        if self.predicate_type != SIGNED {
            return Err(TrustError::OnlyAttested {
                what: manifest.to_string(),
                predicate: self.predicate_type.clone(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &[u8] = b"{}";

    #[test]
    fn a_signature_verifies_with_its_key_and_subject_only() {
        let (key, other) = (KeyPair::generate(), KeyPair::generate());
        let manifest = Digest::of(MANIFEST);
        let bundle = sign(manifest, &key);
        assert_eq!(verify(&bundle, manifest, &key.public()), Ok(()));
        assert_eq!(bundle, sign(manifest, &key), "the same bytes each time");
        assert!(matches!(verify(&bundle, manifest, &other.public()), Err(TrustError::AnotherKey { .. })));
        let another = verify(&bundle, Digest::of(b"else"), &key.public());
        assert!(matches!(another, Err(TrustError::AnotherSubject { .. })));
    }

    #[test]
    fn an_attestation_is_not_a_signature() {
        let key = KeyPair::generate();
        let manifest = Digest::of(MANIFEST);
        let bundle = attest(manifest, "https://slsa.dev/provenance/v1", &json!({}), &key);
        let refused = verify(&bundle, manifest, &key.public());
        assert!(matches!(refused, Err(TrustError::OnlyAttested { .. })));
    }

    #[test]
    fn no_flipped_byte_of_the_envelope_passes() {
        let key = KeyPair::generate();
        let manifest = Digest::of(MANIFEST);
        let bundle = sign(manifest, &key);
        let envelope = String::from_utf8(bundle.clone()).unwrap().find("dsseEnvelope").unwrap();
        for at in envelope..bundle.len() {
            let mut changed = bundle.clone();
            changed[at] ^= 0x01;
            assert!(verify(&changed, manifest, &key.public()).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_bundle_that_the_real_cosign_made_is_read() {
        // Made by cosign 3.1.1 `sign --key`; its key is not kept, so the refusal is what is expected.
        let bundle = include_bytes!("cosign3-bundle.json");
        let refused = verify(bundle, Digest::of(MANIFEST), &KeyPair::generate().public());
        assert!(
            matches!(&refused, Err(TrustError::AnotherKey { found, .. }) if found == "hVRVdCE/afDH5rby6FeRlpBl6/fOjn0shispJJrUIu8="),
            "{refused:?}"
        );
    }
}
