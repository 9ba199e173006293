//! Results of units by what went into them.
//!
//! `blobs/` holds results by their digest, `keys/` says which result belongs to which fingerprint, and
//! `reads/` which further files a unit turned out to read (see [`Cache::reads`]). Every file is written
//! beside its place and renamed, so a process that is killed leaves nothing that counts, and two that
//! build the same leave the first one's result: guest tools give other bytes each time, and one key must
//! mean one result.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::FileError;
use crate::file;

/// How many lists of further inputs are kept for one set of known ones.
const LISTS: usize = 8;

/// The cache of units below the user cache.
pub(super) struct Cache {
    root: Utf8PathBuf,
}

/// What is known of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Its digest.
    pub(super) output: Digest,
    /// Its size.
    pub(super) bytes: u64,
    /// How long it took to make.
    pub(super) millis: u64,
    /// The tools that made it, with their versions.
    pub(super) tools: BTreeMap<String, String>,
    /// What the unit had to say besides its result, in its own form.
    #[serde(default)]
    pub(super) notes: serde_json::Value,
}

impl Cache {
    pub(super) fn at(root: Utf8PathBuf) -> Self {
        Self { root }
    }

    fn blob(&self, digest: Digest) -> Utf8PathBuf {
        let hex = digest.hex();
        self.root.join("blobs").join(&hex[..2]).join(hex)
    }

    fn key(&self, key: Digest) -> Utf8PathBuf {
        self.root.join("keys").join(format!("{}.json", key.hex()))
    }

    fn list(&self, key: Digest) -> Utf8PathBuf {
        self.root.join("reads").join(format!("{}.json", key.hex()))
    }

    /// What is known of the result for a fingerprint, if the result itself is still there in its size.
    pub(super) fn find(&self, key: Digest) -> Option<Entry> {
        let bytes = std::fs::read(self.key(key)).ok()?;
        let entry: Entry = serde_json::from_slice(&bytes).ok()?;
        let blob = std::fs::metadata(self.blob(entry.output)).ok()?;
        (blob.len() == entry.bytes).then_some(entry)
    }

    /// The bytes of a result; `None` when they are not what their name says, and then they are removed.
    pub(super) fn read(&self, digest: Digest) -> Result<Option<Vec<u8>>, FileError> {
        let path = self.blob(digest);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FileError::reading(path, &error)),
        };
        if Digest::of(&bytes) == digest {
            return Ok(Some(bytes));
        }
        let _ = std::fs::remove_file(&path);
        Ok(None)
    }

    /// Keeps a result under its fingerprint. Where there is one already, that one stays and is given
    /// back.
    ///
    /// # Errors
    /// When the cache cannot be written.
    pub(super) fn keep(&self, key: Digest, bytes: &[u8], entry: Entry) -> Result<Entry, FileError> {
        self.keep_result(entry.output, bytes)?;
        let path = self.key(key);
        let text = serde_json::to_vec(&entry).unwrap_or_default();
        // Whole beside its place, then linked: that fails where another one was first.
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        file::write(&beside, &text)?;
        let linked = std::fs::hard_link(&beside, &path);
        let _ = std::fs::remove_file(&beside);
        match (linked, self.find(key)) {
            (Err(_), Some(first)) => Ok(first),
            (Ok(()), _) => Ok(entry),
            // The first one's result is lost, or the file system has no links.
            (Err(_), None) => file::write(&path, &text).map(|()| entry),
        }
    }

    /// Keeps a result under its fingerprint in place of the one that is there.
    ///
    /// # Errors
    /// When the cache cannot be written.
    pub(super) fn replace(&self, key: Digest, bytes: &[u8], entry: &Entry) -> Result<(), FileError> {
        self.keep_result(entry.output, bytes)?;
        file::write(&self.key(key), &serde_json::to_vec(entry).unwrap_or_default())
    }

    /// Adds to what is known of a result, if it is there.
    ///
    /// # Errors
    /// When the cache cannot be written.
    pub(super) fn note(&self, key: Digest, name: &str, value: serde_json::Value) -> Result<(), FileError> {
        let Some(mut entry) = self.find(key) else { return Ok(()) };
        if !entry.notes.is_object() {
            entry.notes = serde_json::json!({});
        }
        entry.notes[name] = value;
        file::write(&self.key(key), &serde_json::to_vec(&entry).unwrap_or_default())
    }

    /// Keeps a result under no fingerprint, only for those that need it in this build.
    ///
    /// # Errors
    /// When the cache cannot be written.
    pub(super) fn keep_result(&self, digest: Digest, bytes: &[u8]) -> Result<(), FileError> {
        // Written even where a file of that name is: it may be damaged, and only reading would tell.
        file::write(&self.blob(digest), bytes)
    }

    /// Lists of further files that a unit with these known inputs turned out to read, the newest first.
    /// Which files a compiler reads is known only after it ran; since they are found by reading the known
    /// inputs, the same known inputs lead to them again.
    pub(super) fn reads(&self, known: Digest) -> Vec<Vec<String>> {
        let bytes = std::fs::read(self.list(known)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Adds a list to [`Cache::reads`].
    ///
    /// # Errors
    /// When the cache cannot be written.
    pub(super) fn remember_reads(&self, known: Digest, files: &[String]) -> Result<(), FileError> {
        let mut lists = self.reads(known);
        lists.retain(|list| list != files);
        lists.insert(0, files.to_vec());
        lists.truncate(LISTS);
        file::write(&self.list(known), &serde_json::to_vec(&lists).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        (folder, Cache::at(path.join("units")))
    }

    fn entry(bytes: &[u8]) -> Entry {
        Entry {
            output: Digest::of(bytes),
            bytes: bytes.len() as u64,
            millis: 1,
            tools: BTreeMap::new(),
            notes: serde_json::Value::Null,
        }
    }

    #[test]
    fn the_first_result_for_a_key_stays() {
        let (_folder, cache) = cache();
        let key = Digest::of(b"inputs");
        cache.keep(key, b"one", entry(b"one")).unwrap();
        assert_eq!(cache.keep(key, b"two", entry(b"two")).unwrap(), entry(b"one"));
        assert_eq!(cache.find(key), Some(entry(b"one")));
    }

    #[test]
    fn a_note_stays_with_the_result() {
        let (_folder, cache) = cache();
        let key = Digest::of(b"inputs");
        cache.note(key, "same", true.into()).unwrap();
        cache.keep(key, b"one", entry(b"one")).unwrap();
        cache.note(key, "same", true.into()).unwrap();
        let found = cache.find(key).unwrap();
        assert_eq!((found.notes["same"].as_bool(), found.output), (Some(true), Digest::of(b"one")));
    }

    #[test]
    fn a_damaged_result_is_no_result() {
        let (_folder, cache) = cache();
        let key = Digest::of(b"inputs");
        cache.keep(key, b"one", entry(b"one")).unwrap();
        std::fs::write(cache.blob(Digest::of(b"one")), "two").unwrap();
        assert_eq!(cache.read(Digest::of(b"one")).unwrap(), None);
        assert_eq!(cache.find(key), None, "its bytes are gone");
        assert_eq!(cache.keep(key, b"two", entry(b"two")).unwrap(), entry(b"two"));
    }

    #[test]
    fn a_result_cut_short_is_no_result() {
        let (_folder, cache) = cache();
        let key = Digest::of(b"inputs");
        cache.keep(key, b"one", entry(b"one")).unwrap();
        std::fs::write(cache.blob(Digest::of(b"one")), "o").unwrap();
        assert_eq!(cache.find(key), None);
    }

    #[test]
    fn further_inputs_are_kept_newest_first() {
        let (_folder, cache) = cache();
        let known = Digest::of(b"known");
        let list = |name: &str| vec![name.to_owned()];
        for name in ["a", "b", "a"] {
            cache.remember_reads(known, &list(name)).unwrap();
        }
        assert_eq!(cache.reads(known), [list("a"), list("b")]);
    }
}
