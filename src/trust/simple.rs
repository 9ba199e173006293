//! The older signature of cosign ("simple signing"), which cosign 2 looks for under the tag
//! `sha256-DIGEST.sig`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::json;

use super::{KeyPair, PublicKey, TrustError};
use crate::digest::Digest;

/// The media type of the signed payload.
pub const SIMPLE_MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// The annotation of the payload's layer that holds the signature.
pub const SIGNATURE_ANNOTATION: &str = "dev.cosignproject.cosign/signature";

/// An honest payload has a few hundred bytes.
const MAX_PAYLOAD: usize = 1 << 20;

const KIND: &str = "cosign container image signature";

/// A payload and its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simple {
    /// What is signed: JSON that names the manifest's digest.
    pub payload: Vec<u8>,
    /// Base64 of the DER signature.
    pub signature: String,
}

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    #[serde(default)]
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize, Default)]
struct Identity {
    #[serde(rename = "docker-reference", default)]
    repository: String,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: Digest,
}

/// Signs the manifest with this digest, which `identity` (a repository's name) calls its own.
pub fn sign_simple(manifest: Digest, identity: &str, key: &KeyPair) -> Simple {
    let payload = json!({
        "critical": {
            "identity": { "docker-reference": identity },
            "image": { "docker-manifest-digest": manifest },
            "type": KIND,
        },
        "optional": null,
    });
    let payload = payload.to_string().into_bytes();
    let signature = BASE64.encode(key.sign(&payload));
    Simple { payload, signature }
}

/// Verifies that `simple` is a signature by `key` of the manifest with this digest; gives the repository that
/// it names, which is empty where it names none.
///
/// # Errors
/// [`TrustError::Malformed`], [`TrustError::BadSignature`] (this form does not name its key), or
/// [`TrustError::AnotherSubject`].
pub fn verify_simple(simple: &Simple, manifest: Digest, key: &PublicKey) -> Result<String, TrustError> {
    if simple.payload.len() > MAX_PAYLOAD {
        return Err(TrustError::Malformed(format!("its payload has more than {MAX_PAYLOAD} bytes")));
    }
    let signature = BASE64
        .decode(&simple.signature)
        .map_err(|_| TrustError::Malformed("the signature is not base64".to_owned()))?;
    if !key.verifies(&simple.payload, &signature) {
        return Err(TrustError::BadSignature);
    }
    let payload: Payload =
        serde_json::from_slice(&simple.payload).map_err(|error| TrustError::Malformed(error.to_string()))?;
    if payload.critical.kind != KIND {
        return Err(TrustError::Malformed(format!("it is a `{}`", payload.critical.kind)));
    }
    let found = payload.critical.image.digest;
    if found != manifest {
        return Err(TrustError::AnotherSubject { expected: manifest, found: found.to_string() });
    }
    Ok(payload.critical.identity.repository)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simple_signature_verifies_with_its_key_and_subject_only() {
        let (key, other) = (KeyPair::generate(), KeyPair::generate());
        let manifest = Digest::of(b"{}");
        let simple = sign_simple(manifest, "acme/shop", &key);
        assert_eq!(verify_simple(&simple, manifest, &key.public()), Ok("acme/shop".to_owned()));
        assert_eq!(verify_simple(&simple, manifest, &other.public()), Err(TrustError::BadSignature));
        let another = verify_simple(&simple, Digest::of(b"else"), &key.public());
        assert!(matches!(another, Err(TrustError::AnotherSubject { .. })));
        let changed = Simple { payload: simple.payload.to_ascii_uppercase(), ..simple };
        assert_eq!(verify_simple(&changed, manifest, &key.public()), Err(TrustError::BadSignature));
    }
}
