//! Looking after the store: how large it is, whether all of it is right, and what may go.
//!
//! A blob that is removed while somebody needs it is fetched again by the next one who does; names are
//! removed before bytes could be misread, because every reader hashes.

use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::Store;
use crate::digest::Digest;
use crate::error::FileError;

/// What a folder holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What was found when all was hashed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// What is right.
    pub good: Amount,
    /// What was not, and is removed.
    pub removed: Vec<Utf8PathBuf>,
}

/// Unfinished files that are older belong to nobody who lives.
const ABANDONED: Duration = Duration::from_secs(86_400);

impl Store {
    /// Hashes every blob and removes those that are not what their names say, with what was left
    /// unfinished for more than a day.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn verify(&self) -> Result<Verified, FileError> {
        let mut verified = Verified::default();
        for path in files(&self.root().join("blobs"))? {
            let name = path.file_name().unwrap_or_default();
            // Another process may have removed it meanwhile.
            let Ok(file) = std::fs::File::open(&path) else { continue };
            let length = file.metadata().map(|metadata| metadata.len()).unwrap_or_default();
            if Digest::of_reader(file).is_ok_and(|found| found.hex() == name) {
                verified.good.files += 1;
                verified.good.bytes += length;
            } else if std::fs::remove_file(&path).is_ok() {
                verified.removed.push(path);
            }
        }
        prune(&self.root().join("incoming"), Some(ABANDONED))?;
        verified.removed.sort();
        Ok(verified)
    }
}

/// How much is below a folder; nothing when it is not there.
///
/// # Errors
/// When it cannot be read.
pub fn amount(folder: &Utf8Path) -> Result<Amount, FileError> {
    let mut amount = Amount::default();
    for path in files(folder)? {
        if let Ok(metadata) = path.symlink_metadata() {
            amount.files += 1;
            amount.bytes += metadata.len();
        }
    }
    Ok(amount)
}

/// Removes the files below a folder that were not changed for so long, or all. What others remove at the
/// same time is no matter, and what they are writing stays.
///
/// # Errors
/// When the folder cannot be read.
pub fn prune(folder: &Utf8Path, older_than: Option<Duration>) -> Result<Amount, FileError> {
    let mut gone = Amount::default();
    let now = SystemTime::now();
    for path in files(folder)? {
        let Ok(metadata) = path.symlink_metadata() else { continue };
        let age = metadata.modified().ok().and_then(|changed| now.duration_since(changed).ok());
        let old = |limit: Duration| age.is_some_and(|age| age >= limit);
        // Somebody may be writing it at this moment.
        let unfinished = path.file_name().is_some_and(|name| name.starts_with('.')) && !old(ABANDONED);
        if !unfinished && older_than.is_none_or(old) && std::fs::remove_file(&path).is_ok() {
            gone.files += 1;
            gone.bytes += metadata.len();
        }
    }
    Ok(gone)
}

/// All files below a folder. Links are not followed.
fn files(folder: &Utf8Path) -> Result<Vec<Utf8PathBuf>, FileError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match folder.read_dir_utf8() {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(FileError::reading(folder, &error)),
        };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.into_path()),
                Ok(_) => found.push(entry.into_path()),
                Err(_) => {}
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Dirs;

    #[test]
    fn what_is_wrong_goes_and_the_rest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(&Dirs::at(Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap()));
        let (good, bad) = (store.put(b"good").unwrap(), store.put(b"bad").unwrap());
        std::fs::write(store.path(bad), "worse").unwrap();
        let verified = store.verify().unwrap();
        assert_eq!(verified.good, Amount { files: 1, bytes: 4 });
        assert_eq!(verified.removed, [store.path(bad)]);
        assert!(store.has(good) && !store.path(bad).exists());
        let folder = store.root().to_owned();
        assert_eq!(prune(&folder, Some(Duration::from_secs(3600))).unwrap(), Amount::default());
        assert_eq!(amount(&folder).unwrap(), Amount { files: 1, bytes: 4 });
        std::fs::create_dir(folder.join("incoming")).unwrap();
        std::fs::write(folder.join("incoming/.jointer-1"), "half").unwrap();
        assert_eq!(prune(&folder, None).unwrap(), Amount { files: 1, bytes: 4 });
        assert!(folder.join("incoming/.jointer-1").exists(), "somebody is writing it");
        assert!(!store.has(good));
    }
}
