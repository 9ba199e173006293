//! Signatures inside the file, for components and core modules that travel without a registry.
//!
//! The format is that of WebAssembly's tool conventions (`Signatures.md`) as the program `wasmsign2` writes it: the
//! first section of the file is a custom section `signature` with Ed25519 signatures of hashes of everything behind it.
//! Sections `signature_delimiter` cut that into parts; each hash runs from the beginning to the end of one part.
//!
//! Here a signature counts only for the whole file as it is: its hashes have to be those of all parts. `wasmsign2
//! verify` also takes a file that was cut off behind a part, as does anybody who looks for one matching hash.
//!
//! Nothing here knows what the component is called: a signature in a file says who made it, and not which version of
//! what it is. So no policy counts it; see `trust.md`.

mod data;
mod error;
mod key;
mod sections;

pub use error::EmbeddedError;
pub use key::{KeyPair, PublicKey};

use data::{Data, Set, Signature};
use sections::Split;

/// Puts a signature into a file; those of others stay. `None` when this key's is there already. The same file and key
/// give the same bytes.
///
/// # Errors
/// [`EmbeddedError::Malformed`] when there are signatures that cannot be read, or no room for one more.
pub fn sign(file: &[u8], key: &KeyPair) -> Result<Option<Vec<u8>>, EmbeddedError> {
    let split = Split::of(file)?;
    let mut data = split.signature.map(Data::decode).transpose()?.unwrap_or_default();
    let hashes = split.hashes()?;
    let public = key.public();
    if data.sets.iter().any(|set| set.hashes == hashes && set.is_signed_by(&public)) {
        return Ok(None);
    }
    let made = key.sign(&Set::message(&hashes));
    let signature = Signature { key_id: public.id().to_vec(), algorithm: data::ED25519, bytes: made };
    match data.sets.iter_mut().find(|set| set.hashes == hashes) {
        Some(set) => set.signatures.push(signature),
        None => data.sets.push(Set { hashes, signatures: vec![signature] }),
    }
    // What is written can be read.
    let payload = data.encode();
    Data::decode(&payload)?;
    Ok(Some(split.with(&payload)))
}

/// Whether `key` signed the file as it is.
///
/// # Errors
/// [`EmbeddedError::None`], [`EmbeddedError::AnotherKey`], [`EmbeddedError::Changed`], [`EmbeddedError::Malformed`].
pub fn verify(file: &[u8], key: &PublicKey) -> Result<(), EmbeddedError> {
    let split = Split::of(file)?;
    let data = Data::decode(split.signature.ok_or(EmbeddedError::None)?)?;
    let hashes = split.hashes()?;
    if data.sets.iter().any(|set| set.hashes == hashes && set.is_signed_by(key)) {
        return Ok(());
    }
    let mut all = data.sets.iter().flat_map(|set| &set.signatures).peekable();
    if all.peek().is_none() {
        return Err(EmbeddedError::None);
    }
    // All that follows refuses; it is told apart for whoever asks why.
    let names_it = all.any(|signature| signature.key_id == key.id());
    if names_it || data.sets.iter().any(|set| set.is_signed_by(key)) {
        return Err(EmbeddedError::Changed);
    }
    Err(EmbeddedError::AnotherKey { expected: key.to_string(), found: data.signers().join(", ") })
}

/// What the signatures in a file say who made them: the identifiers of keys. Nothing is verified. `None` when there is
/// no signature section.
///
/// # Errors
/// [`EmbeddedError::Malformed`].
pub fn signers(file: &[u8]) -> Result<Option<Vec<String>>, EmbeddedError> {
    let Some(payload) = Split::of(file)?.signature else { return Ok(None) };
    Ok(Some(Data::decode(payload)?.signers()))
}

#[cfg(test)]
mod tests;
