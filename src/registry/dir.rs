//! A registry in a folder: one OCI image layout for each package, below `NAMESPACE/NAME`. Needs no
//! server, and `oras` reads it with `--from-oci-layout`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{FlockOperation, flock};

use super::artifact::MAX_MANIFEST;
use super::disk::write_atomically;
use super::index::Index;
use super::oci::{about, is_version};
use super::{
    Descriptor, INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, MAX_REFERRERS, Manifest, REF_NAME, Reference,
    Registry, RegistryError, Store,
};
use crate::digest::Digest;
use crate::error::FileError;
use crate::name::PackageName;

const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// A folder of OCI image layouts.
#[derive(Debug, Clone)]
pub struct DirRegistry {
    name: String,
    root: Utf8PathBuf,
}

impl DirRegistry {
    /// The registry in the folder `root`, which need not exist yet; `name` is what to call it.
    pub fn new(name: String, root: Utf8PathBuf) -> Self {
        Self { name, root }
    }

    fn layout(&self, package: &PackageName) -> Utf8PathBuf {
        self.root.join(&package.namespace).join(&package.name)
    }

    fn blob_path(&self, package: &PackageName, digest: Digest) -> Utf8PathBuf {
        self.layout(package).join("blobs/sha256").join(digest.hex())
    }

    /// Writes a blob that is not there, or not right; tells whether it was there.
    fn keep_blob(&self, package: &PackageName, digest: Digest, bytes: &[u8]) -> Result<bool, RegistryError> {
        let there = self.has_blob(package, digest)?;
        if !there {
            write_atomically(&self.blob_path(package, digest), bytes)?;
        }
        Ok(there)
    }

    fn index(&self, package: &PackageName) -> Result<Index, RegistryError> {
        let path = self.layout(package).join("index.json");
        let Some(bytes) = read_if_there(&path)? else {
            return Ok(Index::default());
        };
        Index::read(&bytes).map_err(|why| RegistryError::NotAPackage {
            what: path.to_string(),
            registry: self.name.clone(),
            why: format!("it {why}"),
        })
    }

    /// Puts a manifest into the index; the caller holds the lock.
    fn enter(&self, package: &PackageName, reference: &Reference, bytes: &[u8]) -> Result<(), RegistryError> {
        let mut index = self.index(package)?;
        let entry = match serde_json::from_slice::<Manifest>(bytes) {
            Ok(manifest) if manifest.subject.is_some() => {
                Descriptor { annotations: BTreeMap::new(), ..manifest.descriptor(bytes) }
            }
            _ => Descriptor::of(media_type(bytes), bytes),
        };
        match reference {
            Reference::Digest(_) if index.manifests.iter().any(|known| known.digest == entry.digest) => {
                return Ok(());
            }
            Reference::Digest(_) => index.manifests.push(entry),
            Reference::Tag(tag) => {
                let known = index.manifests.iter().position(|known| tag_of(known) == Some(tag));
                match known.map(|at| (at, index.manifests[at].digest)) {
                    Some((_, found)) if found == entry.digest => return Ok(()),
                    Some((_, found)) if is_version(tag) => {
                        return Err(RegistryError::Conflict {
                            what: format!("{package}@{tag}"),
                            registry: self.name.clone(),
                            found,
                            ours: entry.digest,
                        });
                    }
                    Some((at, _)) => drop(index.manifests.remove(at)),
                    None => {}
                }
                // Named, it need not be listed without a name as well.
                index.manifests.retain(|known| known.digest != entry.digest || tag_of(known).is_some());
                index.manifests.push(entry.annotated(REF_NAME, tag));
            }
        }
        index.manifests.sort_by(|a, b| tag_of(a).cmp(&tag_of(b)).then(a.digest.cmp(&b.digest)));
        Ok(write_atomically(&self.layout(package).join("index.json"), &index.to_bytes())?)
    }

    /// Keeps other writers of this package out until dropped.
    fn lock(&self, package: &PackageName) -> Result<File, RegistryError> {
        let dir = self.layout(package);
        let path = dir.join(".lock");
        std::fs::create_dir_all(&dir).map_err(|error| FileError::writing(&dir, &error))?;
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(|error| FileError::writing(&path, &error))?;
        flock(&file, FlockOperation::LockExclusive)
            .map_err(|error| FileError::writing(&path, &error.into()))?;
        Ok(file)
    }
}

/// What kind of manifest this is.
fn media_type(bytes: &[u8]) -> &'static str {
    let value: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
    match value.is_some_and(|value| value["mediaType"] == INDEX_MEDIA_TYPE) {
        true => INDEX_MEDIA_TYPE,
        false => MANIFEST_MEDIA_TYPE,
    }
}

fn tag_of(entry: &Descriptor) -> Option<&str> {
    entry.annotations.get(REF_NAME).map(String::as_str)
}

fn read_if_there(path: &Utf8Path) -> Result<Option<Vec<u8>>, RegistryError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::reading(path, &error).into()),
    }
}

impl Registry for DirRegistry {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn tags(&self, package: &PackageName) -> Result<Vec<String>, RegistryError> {
        Ok(self.index(package)?.manifests.iter().filter_map(tag_of).map(str::to_owned).collect())
    }

    fn manifest(
        &self,
        package: &PackageName,
        reference: &Reference,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        let digest = match reference {
            Reference::Digest(digest) => *digest,
            Reference::Tag(tag) => {
                let index = self.index(package)?;
                match index.manifests.iter().find(|entry| tag_of(entry) == Some(tag)) {
                    Some(entry) => entry.digest,
                    None => return Ok(None),
                }
            }
        };
        let path = self.blob_path(package, digest);
        if std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() > MAX_MANIFEST) {
            return Err(RegistryError::TooLarge {
                what: digest.to_string(),
                registry: self.name(),
                limit: MAX_MANIFEST,
            });
        }
        let Some(bytes) = read_if_there(&path)? else { return Ok(None) };
        match Digest::of(&bytes) {
            found if found == digest => Ok(Some(bytes)),
            found => Err(RegistryError::Corrupt {
                what: format!("{package}@{reference}"),
                registry: self.name(),
                expected: digest.to_string(),
                found: found.to_string(),
            }),
        }
    }

    fn blob(&self, package: &PackageName, blob: &Descriptor, store: &Store) -> Result<(), RegistryError> {
        let path = self.blob_path(package, blob.digest);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(RegistryError::NotFound {
                    what: format!("{package}@{}", blob.digest),
                    registry: self.name(),
                });
            }
            Err(error) => return Err(FileError::reading(path, &error).into()),
        };
        let mut writer = store.begin(blob, &self.name)?;
        let mut chunk = vec![0; 1 << 17];
        loop {
            match file.read(&mut chunk).map_err(|error| FileError::reading(&path, &error))? {
                0 => break,
                length => writer.write(Bytes::copy_from_slice(&chunk[..length]))?,
            }
        }
        writer.finish()
    }

    fn put_blob(&self, package: &PackageName, digest: Digest, bytes: &Bytes) -> Result<bool, RegistryError> {
        self.keep_blob(package, digest, bytes)
    }

    fn has_blob(&self, package: &PackageName, digest: Digest) -> Result<bool, RegistryError> {
        // What is there may be damaged; hashing it costs less than writing it again.
        let there = File::open(self.blob_path(package, digest)).and_then(Digest::of_reader);
        Ok(there.is_ok_and(|found| found == digest))
    }

    fn put_manifest(
        &self,
        package: &PackageName,
        reference: &Reference,
        bytes: &[u8],
    ) -> Result<(), RegistryError> {
        let _lock = self.lock(package)?;
        self.keep_blob(package, Digest::of(bytes), bytes)?;
        let layout = self.layout(package).join("oci-layout");
        if !layout.exists() {
            write_atomically(&layout, LAYOUT)?;
        }
        self.enter(package, reference, bytes)
    }

    fn referrers(&self, package: &PackageName, subject: Digest) -> Result<Vec<Descriptor>, RegistryError> {
        let mut found: Vec<Descriptor> = Vec::new();
        for entry in self.index(package)?.manifests {
            if entry.media_type != MANIFEST_MEDIA_TYPE
                || found.iter().any(|known| known.digest == entry.digest)
            {
                continue;
            }
            let bytes = match self.manifest(package, &Reference::Digest(entry.digest)) {
                Ok(Some(bytes)) => bytes,
                Ok(None) | Err(RegistryError::Corrupt { .. } | RegistryError::TooLarge { .. }) => continue,
                Err(error) => return Err(error),
            };
            found.extend(about(&bytes, subject));
            if found.len() == MAX_REFERRERS {
                break;
            }
        }
        Ok(found)
    }
}
