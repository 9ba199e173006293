//! Digests of files without reading them twice.
//!
//! What decides is always the content. A file whose device, inode, size, modification and change time
//! are those of the last time has the digest of the last time: that is all that is remembered here, and
//! losing the memory costs only time. A file that changed shortly before it was hashed is never trusted,
//! because the clock of a file system may tick too slowly to show a second change.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// How old a change must be, when the file is hashed, to be told from the next one: the coarsest file
/// systems in use count in steps of two seconds.
const SETTLED: i64 = 2_000_000_000;

/// Remembers digests by path.
pub(super) struct Stats {
    store: Utf8PathBuf,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    known: BTreeMap<Utf8PathBuf, Known>,
    changed: bool,
}

#[derive(Clone, Serialize, Deserialize)]
struct Known {
    identity: Identity,
    hashed: i64,
    digest: Digest,
}

/// Everything that tells one state of a file from another without reading it.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: i64,
    changed: i64,
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        let nanos = |seconds: i64, nanos: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: nanos(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanos(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Known {
    fn holds(&self, identity: &Identity) -> bool {
        let last_change = identity.modified.max(identity.changed);
        self.identity == *identity && self.hashed.saturating_sub(last_change) > SETTLED
    }
}

impl Stats {
    /// With what the file `store` remembers; whatever is wrong with it, it is only forgotten.
    pub(super) fn open(store: Utf8PathBuf) -> Self {
        let known = std::fs::read(&store).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { store, memory: Mutex::new(Memory { known: known.unwrap_or_default(), changed: false }) }
    }

    /// The digest of the file at `path`, symbolic links followed.
    ///
    /// # Errors
    /// Those of reading it.
    pub(super) fn digest(&self, path: &Utf8Path) -> io::Result<Digest> {
        let identity = Identity::of(&std::fs::metadata(path)?);
        if let Some(known) = self.lock().known.get(path).filter(|known| known.holds(&identity)) {
            return Ok(known.digest);
        }
        let hashed = now();
        let file = File::open(path)?;
        let before = Identity::of(&file.metadata()?);
        let digest = Digest::of_reader(&file)?;
        if Identity::of(&file.metadata()?) == before {
            let mut memory = self.lock();
            memory.known.insert(path.to_owned(), Known { identity: before, hashed, digest });
            memory.changed = true;
        }
        Ok(digest)
    }

    /// Writes the memory down, if there is anything new. Failing to is no error: it only costs time.
    pub(super) fn save(&self) {
        let mut memory = self.lock();
        if !std::mem::take(&mut memory.changed) {
            return;
        }
        memory.known.retain(|path, _| path.exists());
        if let Ok(bytes) = serde_json::to_vec(&memory.known) {
            let _ = crate::file::write(&self.store, &bytes);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        (folder, path)
    }

    #[test]
    fn a_change_of_the_same_size_and_time_is_seen() {
        let (_folder, dir) = folder();
        let (file, stats) = (dir.join("a"), Stats::open(dir.join("stat.json")));
        std::fs::write(&file, "one").unwrap();
        let time = std::fs::metadata(&file).unwrap().modified().unwrap();
        assert_eq!(stats.digest(&file).unwrap(), Digest::of(b"one"));
        std::fs::write(&file, "two").unwrap();
        File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
        assert_eq!(stats.digest(&file).unwrap(), Digest::of(b"two"));
    }

    #[test]
    fn an_old_file_is_not_read_again_but_a_fresh_one_is() {
        let identity = Identity { device: 1, inode: 2, size: 3, modified: 4, changed: 5 };
        let known = |hashed| Known { identity, hashed, digest: Digest::of(b"") };
        assert!(known(SETTLED + 6).holds(&identity));
        assert!(!known(6).holds(&identity), "hashed right after the change");
        assert!(!known(SETTLED + 6).holds(&Identity { inode: 9, ..identity }), "another file");
    }

    #[test]
    fn a_broken_memory_is_forgotten() {
        let (_folder, dir) = folder();
        std::fs::write(dir.join("stat.json"), "{").unwrap();
        std::fs::write(dir.join("a"), "one").unwrap();
        assert_eq!(Stats::open(dir.join("stat.json")).digest(&dir.join("a")).unwrap(), Digest::of(b"one"));
    }
}
