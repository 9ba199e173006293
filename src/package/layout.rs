//! An OCI image layout as one tar.
//!
//! The tar is a function of its blobs and the order of its manifests: entries sorted, no clock, no owner.
//! So [`Layout::is_exactly`] can tell whether a file has a single byte that its contents do not explain.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _, Write};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::PackageError;
use crate::digest::Digest;
use crate::registry::{
    CONFIG_MEDIA_TYPE, Descriptor, INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, Manifest, REF_NAME,
};

const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
const LAYOUT_FILE: &str = "oci-layout";
const INDEX_FILE: &str = "index.json";
const BLOBS: &str = "blobs/sha256/";
const MAX_ENTRIES: usize = 4096;
const VERSION: &str = "org.opencontainers.image.version";

/// Blobs, and which of them are manifests.
#[derive(Debug, Default)]
pub(super) struct Layout {
    blobs: BTreeMap<Digest, Bytes>,
    manifests: Vec<(Digest, Manifest)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u32,
    media_type: String,
    manifests: Vec<Descriptor>,
}

impl Layout {
    /// Adds a blob.
    pub(super) fn add(&mut self, bytes: impl Into<Bytes>) -> Digest {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        self.blobs.insert(digest, bytes);
        digest
    }

    /// Adds a manifest as these bytes.
    pub(super) fn add_manifest(&mut self, manifest: Manifest) -> Descriptor {
        let bytes = manifest.to_bytes();
        let descriptor = Descriptor::of(MANIFEST_MEDIA_TYPE, &bytes);
        let digest = self.add(bytes);
        self.manifests.push((digest, manifest));
        descriptor
    }

    /// Adds a manifest as somebody else wrote it.
    pub(super) fn add_raw(&mut self, bytes: Vec<u8>, manifest: Manifest) {
        let digest = self.add(bytes);
        self.manifests.push((digest, manifest));
    }

    /// The manifests, in order.
    pub(super) fn manifests(&self) -> impl Iterator<Item = (Digest, &Manifest)> {
        self.manifests.iter().map(|(digest, manifest)| (*digest, manifest))
    }

    /// The bytes of one of [`Layout::manifests`].
    pub(super) fn raw(&self, manifest: Digest) -> &[u8] {
        self.blobs.get(&manifest).map(AsRef::as_ref).unwrap_or_default()
    }

    /// What a descriptor stands for, when it is there and has the size that it says.
    pub(super) fn blob(&self, descriptor: &Descriptor) -> Result<&Bytes, PackageError> {
        match self.blobs.get(&descriptor.digest) {
            Some(bytes) if bytes.len() as u64 == descriptor.size => Ok(bytes),
            Some(_) => Err(PackageError::Corrupt(format!("{} has another size", descriptor.digest))),
            None => Err(PackageError::Corrupt(format!("{} is missing", descriptor.digest))),
        }
    }

    /// Writes the tar.
    pub(super) fn write(&self, out: impl Write) -> io::Result<()> {
        let mut tar = tar::Builder::new(out);
        for (digest, bytes) in &self.blobs {
            append(&mut tar, &format!("{BLOBS}{}", digest.hex()), bytes)?;
        }
        append(&mut tar, INDEX_FILE, &self.index())?;
        append(&mut tar, LAYOUT_FILE, LAYOUT)?;
        tar.finish()
    }

    /// The tar as bytes.
    pub(super) fn to_tar(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to memory cannot fail.
        let _ = self.write(&mut bytes);
        bytes
    }

    /// Whether `tar` is what [`Layout::to_tar`] gives, byte for byte.
    pub(super) fn is_exactly(&self, tar: &[u8]) -> bool {
        let mut left = Compare(tar);
        self.write(&mut left).is_ok() && left.0.is_empty()
    }

    fn index(&self) -> Vec<u8> {
        let manifests = self.manifests.iter().map(|(digest, manifest)| {
            let mut entry = Descriptor::of(MANIFEST_MEDIA_TYPE, &self.blobs[digest]);
            entry.artifact_type.clone_from(&manifest.artifact_type);
            match tag(manifest) {
                Some(tag) => entry.annotated(REF_NAME, tag),
                None => entry,
            }
        });
        let index = Index {
            schema_version: 2,
            media_type: INDEX_MEDIA_TYPE.to_owned(),
            manifests: manifests.collect(),
        };
        serde_json::to_vec(&index).unwrap_or_default()
    }

    /// Reads a tar. Entries are looked at in memory; none is ever given a path on the disk.
    ///
    /// # Errors
    /// [`PackageError::NotABundle`], [`PackageError::HostileEntry`], or [`PackageError::Corrupt`] when a
    /// blob is not what its name says or one is missing.
    pub(super) fn read(tar: &[u8]) -> Result<Self, PackageError> {
        let mut layout = Self::default();
        let mut index = None;
        let mut marked = false;
        for (name, bytes) in entries(tar)? {
            match name.strip_prefix(BLOBS) {
                _ if name == INDEX_FILE => index = Some(bytes),
                _ if name == LAYOUT_FILE => marked = bytes == LAYOUT,
                Some(hex) if layout.add(bytes).hex() == hex => {}
                _ => return Err(PackageError::Corrupt(format!("`{name}` is not what its name says"))),
            }
        }
        let index = index.ok_or_else(|| PackageError::NotABundle("it has no `index.json`".to_owned()))?;
        if !marked {
            return Err(PackageError::NotABundle("it has no `oci-layout` of version 1.0.0".to_owned()));
        }
        let index: Index = serde_json::from_slice(&index)
            .map_err(|error| PackageError::Corrupt(format!("`index.json`: {error}")))?;
        for entry in &index.manifests {
            let manifest = serde_json::from_slice(layout.blob(entry)?)
                .map_err(|error| PackageError::Corrupt(format!("the manifest {}: {error}", entry.digest)))?;
            layout.manifests.push((entry.digest, manifest));
        }
        Ok(layout)
    }
}

/// What a manifest is called in the layout: the name written in it, or a package's version.
fn tag(manifest: &Manifest) -> Option<&str> {
    let named = manifest.annotations.get(REF_NAME);
    let version =
        || manifest.annotations.get(VERSION).filter(|_| manifest.config.media_type == CONFIG_MEDIA_TYPE);
    named.or_else(version).map(String::as_str)
}

fn append(tar: &mut tar::Builder<impl Write>, path: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_path(path)?;
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    tar.append(&header, bytes)
}

/// All entries of a tar, each checked to be one that a layout may have.
fn entries(tar: &[u8]) -> Result<Vec<(String, Vec<u8>)>, PackageError> {
    let unreadable = |error: io::Error| PackageError::NotABundle(error.to_string());
    let mut found = Vec::new();
    let mut names = BTreeSet::new();
    let mut archive = tar::Archive::new(tar);
    // Raw: extensions (long names, links, sparse files) come as entries of their own kind, and are refused.
    for entry in archive.entries().map_err(unreadable)?.raw(true) {
        let mut entry = entry.map_err(unreadable)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let hostile = |why| PackageError::HostileEntry { entry: name.clone(), why };
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(hostile("which is not a plain file"));
        }
        if !is_allowed(&name) {
            return Err(hostile("which does not belong into an image layout"));
        }
        if !names.insert(name.clone()) {
            return Err(hostile("twice"));
        }
        if found.len() == MAX_ENTRIES {
            return Err(hostile("after more entries than a bundle can have"));
        }
        // What an entry claims is not trusted with memory: no more is there than the file has.
        let claimed = usize::try_from(entry.size()).unwrap_or(usize::MAX);
        if claimed > tar.len() {
            return Err(PackageError::Corrupt(format!("`{name}` is cut off")));
        }
        let mut bytes = Vec::with_capacity(claimed);
        entry.read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() != claimed {
            return Err(PackageError::Corrupt(format!("`{name}` is cut off")));
        }
        found.push((name, bytes));
    }
    Ok(found)
}

fn is_allowed(name: &str) -> bool {
    let is_hex =
        |hex: &str| hex.len() == 64 && hex.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    name == LAYOUT_FILE || name == INDEX_FILE || name.strip_prefix(BLOBS).is_some_and(is_hex)
}

/// Takes what is written off the front of what is expected; fails at the first difference.
struct Compare<'a>(&'a [u8]);

impl Write for Compare<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.strip_prefix(bytes).ok_or(io::ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar_of(entries: &[(&str, tar::EntryType)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, kind) in entries {
            let mut header = tar::Header::new_gnu();
            // `set_path` refuses what an attacker would write.
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_size(0);
            header.set_mode(0o644);
            header.set_entry_type(*kind);
            header.set_cksum();
            tar.append(&header, &[][..]).unwrap();
        }
        tar.into_inner().unwrap()
    }

    #[test]
    fn entries_that_would_be_dangerous_to_unpack_are_refused() {
        use tar::EntryType::{Directory, Fifo, Link, Regular, Symlink, XHeader};
        for (path, kind) in [
            ("../../etc/passwd", Regular),
            ("/etc/passwd", Regular),
            ("blobs/sha256/../../x", Regular),
            ("blobs/sha256/ABC", Regular),
            ("index.json", Symlink),
            ("index.json", Link),
            ("index.json", Fifo),
            ("index.json", XHeader),
            ("blobs", Directory),
        ] {
            let refused = Layout::read(&tar_of(&[(path, kind)]));
            assert!(matches!(refused, Err(PackageError::HostileEntry { .. })), "{path}: {refused:?}");
        }
        let twice = Layout::read(&tar_of(&[("index.json", Regular), ("index.json", Regular)]));
        assert!(matches!(twice, Err(PackageError::HostileEntry { why: "twice", .. })));
    }

    #[test]
    fn what_is_no_tar_is_refused_without_a_panic() {
        for bytes in [&b""[..], b"\0asm\x0d\0\x01\0", &[0xff; 4096], &[0; 4096]] {
            assert!(Layout::read(bytes).is_err());
        }
    }

    #[test]
    fn an_entry_that_claims_more_than_the_file_has_takes_no_memory() {
        let mut bytes = tar_of(&[("index.json", tar::EntryType::Regular)]);
        let mut header = tar::Header::from_byte_slice(&bytes[..512]).clone();
        header.set_size(1 << 40);
        header.set_cksum();
        bytes[..512].copy_from_slice(header.as_bytes());
        assert!(Layout::read(&bytes).is_err());
    }
}
