//! Ed25519 keys in the files of `wasmsign2`: a byte that says what it is, then the bare key. Nothing is encrypted.

use std::fmt;

use rand_core::{OsRng, RngCore};
use ring::hmac;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use super::EmbeddedError;

const PUBLIC: u8 = 0x01;
const PRIVATE: u8 = 0x81;
const SEED: usize = 32;
/// How long an identifier is that `wasmsign2` gives a key.
const ID: usize = 12;

/// A private key with its public one.
pub struct KeyPair {
    seed: [u8; SEED],
    pair: Ed25519KeyPair,
}

/// The key that signatures are verified with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    bytes: [u8; 32],
    id: [u8; ID],
}

impl KeyPair {
    /// A new key from the operating system's random numbers.
    ///
    /// # Errors
    /// None in practice.
    pub fn generate() -> Result<Self, EmbeddedError> {
        let mut seed = [0; SEED];
        OsRng.fill_bytes(&mut seed);
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed);
        Ok(Self { seed, pair: pair.map_err(|_| EmbeddedError::InvalidKey("no key comes of it"))? })
    }

    /// Reads a private key file.
    ///
    /// # Errors
    /// [`EmbeddedError::InvalidKey`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EmbeddedError> {
        let invalid = EmbeddedError::InvalidKey;
        let key = bytes.strip_prefix(&[PRIVATE]).ok_or(invalid("it does not begin as a private one does"))?;
        let (seed, public) = key.split_first_chunk().ok_or(invalid("it is too short"))?;
        let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public);
        let pair = pair.map_err(|_| invalid("its private and its public half do not belong together"))?;
        Ok(Self { seed: *seed, pair })
    }

    /// The key as its file has it.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&[PRIVATE], &self.seed[..], self.pair.public_key().as_ref()].concat()
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.pair.public_key().as_ref());
        PublicKey::new(bytes)
    }

    /// The signature of `message`. Deterministic (RFC 8032).
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({})", self.public())
    }
}

impl PublicKey {
    fn new(bytes: [u8; 32]) -> Self {
        // What `wasmsign2` calls it in signatures.
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), b"key_id");
        let mut id = [0; ID];
        id.copy_from_slice(&mac.as_ref()[..ID]);
        Self { bytes, id }
    }

    /// Reads a public key file.
    ///
    /// # Errors
    /// [`EmbeddedError::InvalidKey`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EmbeddedError> {
        let invalid = EmbeddedError::InvalidKey;
        let key = bytes.strip_prefix(&[PUBLIC]).ok_or(invalid("it does not begin as a public one does"))?;
        let key = key.try_into().map_err(|_| invalid("it does not have 32 bytes"))?;
        Ok(Self::new(key))
    }

    /// The key as its file has it.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&[PUBLIC], &self.bytes[..]].concat()
    }

    /// What signatures call it.
    pub(super) fn id(&self) -> &[u8] {
        &self.id
    }

    /// Whether `signature` is this key's signature of `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.bytes).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.id))
    }
}
