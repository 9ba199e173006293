//! DSSE envelopes: a payload, its type, and signatures over both.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::{KeyPair, PublicKey, TrustError};

/// The only payload type that Sigstore's bundles use for statements.
pub(super) const IN_TOTO: &str = "application/vnd.in-toto+json";

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Signature {
    sig: String,
}

impl Envelope {
    /// Signs `payload` as an in-toto statement.
    pub(super) fn sign(payload: &[u8], key: &KeyPair) -> Self {
        let signature = key.sign(&encoding(IN_TOTO, payload));
        Self {
            payload: BASE64.encode(payload),
            payload_type: IN_TOTO.to_owned(),
            signatures: vec![Signature { sig: BASE64.encode(signature) }],
        }
    }

    /// The payload, not yet to be believed: it tells apart what is worth verifying.
    pub(super) fn payload(&self) -> Result<Vec<u8>, TrustError> {
        if self.payload_type != IN_TOTO {
            return Err(TrustError::Malformed(format!("the payload is `{}`", self.payload_type)));
        }
        BASE64
            .decode(&self.payload)
            .map_err(|_| TrustError::Malformed("the payload is not base64".to_owned()))
    }

    /// Whether `key` signed `payload`. Sigstore allows one signature in an envelope.
    pub(super) fn signed_by(&self, key: &PublicKey, payload: &[u8]) -> Result<bool, TrustError> {
        let [signature] = self.signatures.as_slice() else {
            return Err(TrustError::Malformed(format!(
                "{} signatures in one envelope",
                self.signatures.len()
            )));
        };
        let signature = BASE64
            .decode(&signature.sig)
            .map_err(|_| TrustError::Malformed("the signature is not base64".to_owned()))?;
        Ok(key.verifies(&encoding(&self.payload_type, payload), &signature))
    }
}

/// DSSE's pre-authentication encoding: what is really signed.
fn encoding(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_the_one_of_the_specification() {
        assert_eq!(
            encoding("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }
}
