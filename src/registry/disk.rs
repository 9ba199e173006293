//! Writing files so that no reader ever sees half of one.

use std::fs::File;
use std::io::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::NamedTempFile;

use crate::error::FileError;

/// Writes `bytes` to `path` in one step: beside it, flushed to the disk, then renamed. Folders are made.
///
/// # Errors
/// [`FileError::Unwritable`]; whatever was at `path` is then still there.
pub fn write_atomically(path: &Utf8Path, bytes: &[u8]) -> Result<(), FileError> {
    let dir = parent(path);
    let mut file = temporary(&dir)?;
    file.write_all(bytes).map_err(|error| FileError::writing(path, &error))?;
    persist(file, path)
}

/// An unnamed-looking file in `dir`, which disappears unless it is persisted.
pub(super) fn temporary(dir: &Utf8Path) -> Result<NamedTempFile, FileError> {
    std::fs::create_dir_all(dir).map_err(|error| FileError::writing(dir, &error))?;
    tempfile::Builder::new()
        .prefix(".jointer-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(dir)
        .map_err(|error| FileError::writing(dir, &error))
}

/// Gives a written file its name.
pub(super) fn persist(file: NamedTempFile, path: &Utf8Path) -> Result<(), FileError> {
    let failed = |error: &std::io::Error| FileError::writing(path, error);
    file.as_file().sync_all().map_err(|error| failed(&error))?;
    file.persist(path).map_err(|error| failed(&error.error))?;
    // The name is on the disk only when its folder is. Some file systems cannot sync folders.
    if let Ok(dir) = File::open(parent(path)) {
        let _ = dir.sync_all();
    }
    Ok(())
}

fn parent(path: &Utf8Path) -> Utf8PathBuf {
    match path.parent() {
        Some(dir) if !dir.as_str().is_empty() => dir.to_owned(),
        _ => Utf8PathBuf::from("."),
    }
}
