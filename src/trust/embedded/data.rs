//! What stands in a signature section. It comes from strangers: nothing is made as large as it says to be, and what is
//! left over at the end of anything is an error.

use super::{EmbeddedError, PublicKey};

/// The hash of the file up to the end of a part.
pub(super) type Hash = [u8; 32];

/// The algorithm of signatures that is known here.
pub(super) const ED25519: u8 = 1;

/// So many sets, and so many hashes in each: as many as `wasmsign2` takes.
pub(super) const MAX_HASHES: usize = 64;
/// So many signatures in all. Each may have to be verified.
const MAX_SIGNATURES: usize = 256;

const DOMAIN: &[u8] = b"wasmsig";
const VERSION: u8 = 1;
const WEBASSEMBLY: u8 = 1;
const SHA_256: u8 = 1;

/// All of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Data {
    pub(super) sets: Vec<Set>,
}

/// Signatures of the same hashes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) hashes: Vec<Hash>,
    pub(super) signatures: Vec<Signature>,
}

/// One signature.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signature {
    /// Whose it is, as it says; may be empty.
    pub(super) key_id: Vec<u8>,
    pub(super) algorithm: u8,
    pub(super) bytes: Vec<u8>,
}

impl Data {
    pub(super) fn decode(payload: &[u8]) -> Result<Self, EmbeddedError> {
        let mut reader = Reader(payload);
        for (known, what) in [
            (VERSION, "they have a version that jointer does not know"),
            (WEBASSEMBLY, "they are not about WebAssembly"),
            (SHA_256, "they are of hashes that jointer does not know"),
        ] {
            if reader.byte()? != known {
                return Err(EmbeddedError::Malformed(what));
            }
        }
        let mut left = MAX_SIGNATURES;
        let sets = (0..reader.count(MAX_HASHES)?).map(|_| Set::decode(reader.slice()?, &mut left));
        let sets = sets.collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self { sets })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION, WEBASSEMBLY, SHA_256];
        out.extend(number(self.sets.len()));
        self.sets.iter().for_each(|set| put(&mut out, &set.encode()));
        out
    }

    /// The identifiers of the keys, each once.
    pub(super) fn signers(&self) -> Vec<String> {
        let mut signers = Vec::new();
        for signature in self.sets.iter().flat_map(|set| &set.signatures) {
            let name = match signature.key_id.as_slice() {
                [] => "no key".to_owned(),
                id => hex::encode(id),
            };
            if !signers.contains(&name) {
                signers.push(name);
            }
        }
        signers
    }
}

impl Set {
    fn decode(bytes: &[u8], left: &mut usize) -> Result<Self, EmbeddedError> {
        let mut reader = Reader(bytes);
        let hashes = (0..reader.count(MAX_HASHES)?).map(|_| reader.array());
        let hashes = hashes.collect::<Result<_, _>>()?;
        let count = reader.count(*left)?;
        *left -= count;
        let signatures = (0..count).map(|_| Signature::decode(reader.slice()?));
        let signatures = signatures.collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self { hashes, signatures })
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = number(self.hashes.len());
        self.hashes.iter().for_each(|hash| out.extend_from_slice(hash));
        out.extend(number(self.signatures.len()));
        self.signatures.iter().for_each(|signature| put(&mut out, &signature.encode()));
        out
    }

    /// What is signed.
    pub(super) fn message(hashes: &[Hash]) -> Vec<u8> {
        [DOMAIN, &[VERSION, WEBASSEMBLY, SHA_256], hashes.as_flattened()].concat()
    }

    /// Whether one of its signatures is this key's, whatever the others are.
    pub(super) fn is_signed_by(&self, key: &PublicKey) -> bool {
        let message = Self::message(&self.hashes);
        self.signatures.iter().any(|signature| {
            let may_be = signature.key_id.is_empty() || signature.key_id == key.id();
            may_be && signature.algorithm == ED25519 && key.verifies(&message, &signature.bytes)
        })
    }
}

impl Signature {
    fn decode(bytes: &[u8]) -> Result<Self, EmbeddedError> {
        let mut reader = Reader(bytes);
        let (key_id, algorithm) = (reader.slice()?.to_vec(), reader.byte()?);
        let bytes = reader.slice()?.to_vec();
        reader.end()?;
        Ok(Self { key_id, algorithm, bytes })
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, &self.key_id);
        out.push(self.algorithm);
        put(&mut out, &self.bytes);
        out
    }
}

/// Takes bytes from the front.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn byte(&mut self) -> Result<u8, EmbeddedError> {
        self.array().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], EmbeddedError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// As many bytes as the number before them says.
    pub(super) fn slice(&mut self) -> Result<&'a [u8], EmbeddedError> {
        let length = self.number()?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    fn count(&mut self, most: usize) -> Result<usize, EmbeddedError> {
        let count = self.number()?;
        if count > most {
            Err(EmbeddedError::Malformed("there are more than anybody makes"))
        } else {
            Ok(count)
        }
    }

    /// An unsigned LEB128 number of 32 bits.
    fn number(&mut self) -> Result<usize, EmbeddedError> {
        let mut value = 0_u64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let value = u32::try_from(value).map_err(|_| LARGE)?;
                return usize::try_from(value).map_err(|_| LARGE);
            }
        }
        Err(LARGE)
    }

    fn end(&self) -> Result<(), EmbeddedError> {
        if self.0.is_empty() { Ok(()) } else { Err(EmbeddedError::Malformed("something is left over")) }
    }
}

const SHORT: EmbeddedError = EmbeddedError::Malformed("the file, or something in it, ends too early");
const LARGE: EmbeddedError = EmbeddedError::Malformed("a number is too large");

/// A number in LEB128.
pub(super) fn number(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(low);
            return out;
        }
        out.push(low | 0x80);
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(number(bytes.len()));
    out.extend_from_slice(bytes);
}
