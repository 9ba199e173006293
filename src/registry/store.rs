//! The store: bytes by digest, in the user cache.
//!
//! A blob gets its name only after its size and digest were found right and it is on the disk, and it is
//! hashed again whenever it is read. So neither a download that broke, nor a killed process, nor a bad
//! disk can make the store give wrong bytes. What a registry calls a blob never decides anything.
//!
//! Beside the blobs is an index of what versions were seen where, by registry, package and version: the
//! same version may be something else in another registry.

use std::io::{Seek as _, Write as _};

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use semver::Version;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::disk::{persist, temporary, write_atomically};
use super::{Descriptor, RegistryError};
use crate::app::Dirs;
use crate::digest::{Digest, Hasher, HasherBeside};
use crate::error::FileError;
use crate::name::PackageName;

/// The content-addressed store.
#[derive(Debug, Clone)]
pub struct Store {
    root: Utf8PathBuf,
    /// Whether a blob is on the disk before it gets its name.
    durable: bool,
}

/// A blob on its way into the store.
pub struct BlobWriter {
    file: NamedTempFile,
    path: Utf8PathBuf,
    hashing: Hashing,
    written: u64,
    blob: Descriptor,
    registry: String,
    durable: bool,
}

#[derive(Serialize, Deserialize)]
struct Seen {
    registry: String,
    package: PackageName,
    version: Version,
    manifest: Digest,
}

impl Store {
    /// The store in the user cache.
    pub fn new(dirs: &Dirs) -> Self {
        Self { root: dirs.store(), durable: true }
    }

    /// One for the time of a command, in a folder that goes with it. Nothing there outlives a power cut.
    pub(super) fn passing(root: &Utf8Path) -> Self {
        Self { root: root.to_owned(), durable: false }
    }

    /// Its folder.
    pub(super) fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// Where a blob is, whether or not it is there.
    pub fn path(&self, digest: Digest) -> Utf8PathBuf {
        self.root.join("blobs/sha256").join(digest.hex())
    }

    /// A blob's bytes, hashed again; `None` when it is not there.
    ///
    /// # Errors
    /// [`RegistryError::StoreCorrupt`] when the file is not what its name says.
    pub fn read(&self, digest: Digest) -> Result<Option<Vec<u8>>, RegistryError> {
        let path = self.path(digest);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FileError::reading(path, &error).into()),
        };
        match Digest::of(&bytes) {
            found if found == digest => Ok(Some(bytes)),
            found => Err(RegistryError::StoreCorrupt { path, found }),
        }
    }

    /// Whether a blob is there and right. A wrong one counts as not there: it will be replaced.
    pub fn has(&self, digest: Digest) -> bool {
        let file = std::fs::File::open(self.path(digest));
        file.is_ok_and(|file| Digest::of_reader(file).is_ok_and(|found| found == digest))
    }

    /// Begins a blob whose size and digest are known; `registry` is where it comes from, for messages.
    ///
    /// # Errors
    /// When the store cannot be written to.
    pub fn begin(&self, blob: &Descriptor, registry: &str) -> Result<BlobWriter, RegistryError> {
        Ok(BlobWriter {
            file: temporary(&self.root.join("incoming"))?,
            path: self.path(blob.digest),
            hashing: Hashing::of(blob),
            written: 0,
            blob: blob.clone(),
            registry: registry.to_owned(),
            durable: self.durable,
        })
    }

    /// Puts bytes that are already known to be right.
    ///
    /// # Errors
    /// When the store cannot be written to.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, RegistryError> {
        let digest = Digest::of(bytes);
        if !self.has(digest) {
            write_atomically(&self.path(digest), bytes)?;
        }
        Ok(digest)
    }

    /// Remembers which manifest a version was in a registry.
    ///
    /// # Errors
    /// When the store cannot be written to.
    pub fn remember(
        &self,
        registry: &str,
        package: &PackageName,
        version: &Version,
        manifest: Digest,
    ) -> Result<(), RegistryError> {
        let seen = Seen {
            registry: registry.to_owned(),
            package: package.clone(),
            version: version.clone(),
            manifest,
        };
        let path = self.index(registry, package).join(format!("{version}.json"));
        let bytes = serde_json::to_vec(&seen).unwrap_or_default();
        Ok(write_atomically(&path, &bytes)?)
    }

    /// The versions of a package seen in a registry, with their manifests; what cannot be read is
    /// passed over.
    pub fn remembered(&self, registry: &str, package: &PackageName) -> Vec<(Version, Digest)> {
        let Ok(entries) = self.index(registry, package).read_dir_utf8() else { return Vec::new() };
        let mut seen: Vec<(Version, Digest)> = entries
            .filter_map(|entry| read_seen(entry.ok()?.path()))
            .filter(|seen| seen.registry == registry && seen.package == *package)
            .map(|seen| (seen.version, seen.manifest))
            .collect();
        seen.sort();
        seen
    }

    /// Keeps something about a blob, in place of what was kept about it before. Unlike a blob it proves nothing.
    ///
    /// # Errors
    /// When the store cannot be written to.
    pub fn keep_record(&self, about: Digest, bytes: &[u8]) -> Result<(), RegistryError> {
        Ok(write_atomically(&self.record_path(about), bytes)?)
    }

    /// What was kept about a blob, where there is something that can be read.
    pub fn record(&self, about: Digest) -> Option<Vec<u8>> {
        std::fs::read(self.record_path(about)).ok()
    }

    fn record_path(&self, about: Digest) -> Utf8PathBuf {
        self.root.join("records").join(format!("{}.json", about.hex()))
    }

    fn index(&self, registry: &str, package: &PackageName) -> Utf8PathBuf {
        let mut key = Hasher::default();
        key.field(registry);
        key.field(package.to_string());
        self.root.join("index").join(key.finish().hex())
    }
}

fn read_seen(path: &Utf8Path) -> Option<Seen> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// Above this size, a second thread pays.
const LARGE: u64 = 4 << 20;

/// How a blob is hashed while it is written.
enum Hashing {
    Here(Hasher),
    Beside(HasherBeside),
}

impl Hashing {
    fn of(blob: &Descriptor) -> Self {
        match blob.size {
            0..LARGE => Self::Here(Hasher::default()),
            LARGE.. => Self::Beside(HasherBeside::default()),
        }
    }

    fn update(&mut self, bytes: Bytes) {
        match self {
            Self::Here(hasher) => hasher.update(&bytes),
            Self::Beside(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> Digest {
        match self {
            Self::Here(hasher) => hasher.finish(),
            Self::Beside(hasher) => hasher.finish(),
        }
    }
}

impl BlobWriter {
    /// Adds bytes.
    ///
    /// # Errors
    /// [`RegistryError::TooLarge`] as soon as there are more than the descriptor says.
    pub fn write(&mut self, bytes: Bytes) -> Result<(), RegistryError> {
        self.written = self.written.saturating_add(bytes.len() as u64);
        if self.written > self.blob.size {
            return Err(RegistryError::TooLarge {
                what: self.blob.digest.to_string(),
                registry: self.registry.clone(),
                limit: self.blob.size,
            });
        }
        self.hashing.update(bytes.clone());
        let path = &self.path;
        Ok(self.file.write_all(&bytes).map_err(|error| FileError::writing(path, &error))?)
    }

    /// How much there is so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Forgets what there is.
    ///
    /// # Errors
    /// When the store cannot be written to.
    pub fn restart(&mut self) -> Result<(), RegistryError> {
        if self.written > 0 {
            let file = self.file.as_file_mut();
            let emptied = file.set_len(0).and_then(|()| file.rewind());
            emptied.map_err(|error| FileError::writing(&self.path, &error))?;
            self.hashing = Hashing::of(&self.blob);
            self.written = 0;
        }
        Ok(())
    }

    /// Checks size and digest and gives the blob its name. Without this, nothing is stored.
    ///
    /// # Errors
    /// [`RegistryError::Corrupt`].
    pub fn finish(self) -> Result<(), RegistryError> {
        let corrupt = |expected: String, found: String| RegistryError::Corrupt {
            what: self.blob.digest.to_string(),
            registry: self.registry.clone(),
            expected,
            found,
        };
        if self.written != self.blob.size {
            return Err(corrupt(format!("{} bytes", self.blob.size), format!("{} bytes", self.written)));
        }
        let found = self.hashing.finish();
        if found != self.blob.digest {
            return Err(corrupt(self.blob.digest.to_string(), found.to_string()));
        }
        if let Some(dir) = self.path.parent() {
            std::fs::create_dir_all(dir).map_err(|error| FileError::writing(dir, &error))?;
        }
        if self.durable {
            return Ok(persist(self.file, &self.path)?);
        }
        let named = self.file.persist(&self.path);
        Ok(named.map(drop).map_err(|error| FileError::writing(&self.path, &error.error))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::WASM_MEDIA_TYPE;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(&Dirs::at(Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap()));
        (dir, store)
    }

    fn write(store: &Store, blob: &Descriptor, bytes: &[u8]) -> Result<(), RegistryError> {
        let mut writer = store.begin(blob, "test")?;
        for chunk in bytes.chunks(3) {
            writer.write(chunk.to_vec().into())?;
        }
        writer.finish()
    }

    #[test]
    fn only_what_the_descriptor_promises_is_stored() {
        let (_dir, store) = store();
        let blob = Descriptor::of(WASM_MEDIA_TYPE, b"contents");
        assert!(matches!(write(&store, &blob, b"CONTENTS"), Err(RegistryError::Corrupt { .. })));
        assert!(matches!(write(&store, &blob, b"content"), Err(RegistryError::Corrupt { .. })));
        assert!(matches!(write(&store, &blob, b"contents and more"), Err(RegistryError::TooLarge { .. })));
        assert_eq!(store.read(blob.digest).unwrap(), None);
        write(&store, &blob, b"contents").unwrap();
        assert_eq!(store.read(blob.digest).unwrap().as_deref(), Some(&b"contents"[..]));
        let left = std::fs::read_dir(store.root.join("incoming")).unwrap().count();
        assert_eq!(left, 0, "unfinished files");
    }

    #[test]
    fn a_writer_that_is_never_finished_leaves_nothing_under_the_name() {
        let (_dir, store) = store();
        let blob = Descriptor::of(WASM_MEDIA_TYPE, b"contents");
        let mut writer = store.begin(&blob, "test").unwrap();
        writer.write(Bytes::from_static(b"contents")).unwrap();
        // What a kill leaves: the temporary file stays, the name does not exist.
        std::mem::forget(writer);
        assert_eq!(store.read(blob.digest).unwrap(), None);
        write(&store, &blob, b"contents").unwrap();
        assert!(store.has(blob.digest));
    }

    #[test]
    fn a_changed_file_is_noticed_on_reading_and_replaced_by_putting() {
        let (_dir, store) = store();
        let digest = store.put(b"contents").unwrap();
        std::fs::write(store.path(digest), b"contentz").unwrap();
        assert!(matches!(store.read(digest), Err(RegistryError::StoreCorrupt { .. })));
        assert!(!store.has(digest));
        store.put(b"contents").unwrap();
        assert!(store.has(digest));
    }

    #[test]
    fn a_version_is_remembered_for_its_registry_only() {
        let (_dir, store) = store();
        let package: PackageName = "acme:greet".parse().unwrap();
        let digest = Digest::of(b"manifest");
        store.remember("one", &package, &Version::new(1, 0, 0), digest).unwrap();
        assert_eq!(store.remembered("one", &package), [(Version::new(1, 0, 0), digest)]);
        assert!(store.remembered("two", &package).is_empty());
    }
}
