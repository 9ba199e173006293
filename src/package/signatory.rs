//! Who signs: the holder of a key, or an identity without one.

use serde_json::{Value, json};

use super::PackageError;
use crate::digest::Digest;
use crate::identity::Identity;
use crate::name::PackageId;
use crate::trust::{self, KeyPair, SIGNED, Who};

/// Somebody who can sign.
pub enum Signatory {
    /// By a key: the same each time.
    Key(KeyPair),
    /// By a name that others vouch for: another signature each time.
    Identity(Box<Identity>),
}

impl Signatory {
    /// The key, where there is one. Signatures in the older form need it.
    pub(super) fn key(&self) -> Option<&KeyPair> {
        match self {
            Self::Key(key) => Some(key),
            Self::Identity(_) => None,
        }
    }

    /// Signs the manifest with this digest, which is that of the package `id` or belongs to one.
    pub(super) fn sign(
        &self,
        manifest: Digest,
        id: Option<&PackageId>,
    ) -> Result<(Vec<u8>, Who), PackageError> {
        self.state(manifest, id, SIGNED, &json!({}))
    }

    /// Says something about it.
    pub(super) fn attest(
        &self,
        manifest: Digest,
        predicate_type: &str,
        predicate: &Value,
    ) -> Result<(Vec<u8>, Who), PackageError> {
        self.state(manifest, None, predicate_type, predicate)
    }

    fn state(
        &self,
        manifest: Digest,
        id: Option<&PackageId>,
        predicate_type: &str,
        predicate: &Value,
    ) -> Result<(Vec<u8>, Who), PackageError> {
        let statement = trust::payload(manifest, id, predicate_type, predicate);
        match self {
            Self::Key(key) => Ok((trust::sign_payload(&statement, key), Who::holds(&key.public()))),
            Self::Identity(identity) => Ok(identity.sign(&statement, manifest)?),
        }
    }
}
