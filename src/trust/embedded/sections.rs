//! A file as what signatures are about: its preamble, its signature section, and the parts behind it.

use sha2::{Digest as _, Sha256};

use super::EmbeddedError;
use super::data::{Hash, MAX_HASHES, Reader, number};

const PREAMBLE: usize = 8;
const CUSTOM: u8 = 0;
const SIGNATURE: &[u8] = b"signature";
const DELIMITER: &[u8] = b"signature_delimiter";

/// A file, cut behind its signature section if it has one.
pub(super) struct Split<'a> {
    preamble: &'a [u8],
    /// What the signature section holds.
    pub(super) signature: Option<&'a [u8]>,
    /// What is signed.
    rest: &'a [u8],
}

impl<'a> Split<'a> {
    pub(super) fn of(file: &'a [u8]) -> Result<Self, EmbeddedError> {
        let Some((preamble, sections)) = file.split_at_checked(PREAMBLE) else {
            return Err(EmbeddedError::Malformed("it is too short for WebAssembly"));
        };
        let mut reader = Reader(sections);
        let first = if sections.is_empty() { None } else { Section::read(&mut reader)?.named(SIGNATURE) };
        let rest = if first.is_some() { reader.0 } else { sections };
        Ok(Self { preamble, signature: first, rest })
    }

    /// The hash from the beginning to the end of each part.
    pub(super) fn hashes(&self) -> Result<Vec<Hash>, EmbeddedError> {
        let mut reader = Reader(self.rest);
        let (mut hasher, mut hashes, mut ended) = (Sha256::new(), Vec::new(), false);
        // What was not hashed yet.
        let mut open = self.rest;
        while !reader.0.is_empty() {
            ended = Section::read(&mut reader)?.named(DELIMITER).is_some();
            if ended {
                let (part, next) = open.split_at(open.len() - reader.0.len());
                hasher.update(part);
                hashes.push(hasher.clone().finalize().into());
                open = next;
            }
            if hashes.len() > MAX_HASHES {
                return Err(EmbeddedError::Malformed("it has more parts than anybody signs"));
            }
        }
        if !ended {
            hasher.update(open);
            hashes.push(hasher.finalize().into());
        }
        Ok(hashes)
    }

    /// The file with this in its signature section. All else stays byte for byte.
    pub(super) fn with(&self, payload: &[u8]) -> Vec<u8> {
        let mut section = number(SIGNATURE.len());
        section.extend_from_slice(SIGNATURE);
        section.extend_from_slice(payload);
        [self.preamble, &[CUSTOM], &number(section.len()), &section, self.rest].concat()
    }
}

struct Section<'a> {
    id: u8,
    contents: &'a [u8],
}

impl<'a> Section<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, EmbeddedError> {
        Ok(Self { id: reader.byte()?, contents: reader.slice()? })
    }

    /// What it holds if it is the custom section of this name.
    fn named(&self, name: &[u8]) -> Option<&'a [u8]> {
        let mut reader = Reader(self.contents);
        let found = self.id == CUSTOM && reader.slice().ok()? == name;
        found.then_some(reader.0)
    }
}
