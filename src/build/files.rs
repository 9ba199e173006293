//! Writing files so that they are whole or not there.

use std::io::Write;

use camino::Utf8Path;

use crate::error::FileError;

/// Writes `bytes` to `path`, with its folders: beside it first, then renamed into place.
pub(super) fn write(path: &Utf8Path, bytes: &[u8]) -> Result<(), FileError> {
    write_with(path, |file| file.write_all(bytes))
}

/// [`write`] with content that `fill` writes.
pub(super) fn write_with(
    path: &Utf8Path,
    fill: impl FnOnce(&mut std::fs::File) -> std::io::Result<()>,
) -> Result<(), FileError> {
    let failed = |error: &std::io::Error| FileError::writing(path, error);
    let folder = path.parent().unwrap_or(Utf8Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let mut file = beside(folder).map_err(|error| failed(&error))?;
    fill(file.as_file_mut()).map_err(|error| failed(&error))?;
    file.persist(path).map_err(|error| failed(&error.error))?;
    Ok(())
}

/// A temporary file in `folder` with the permissions that a new file has.
pub(super) fn beside(folder: &Utf8Path) -> std::io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    let all = std::fs::Permissions::from_mode(0o666);
    tempfile::Builder::new().prefix(".jointer-").permissions(all).tempfile_in(folder)
}

/// Removes a folder with all that is in it; a missing one is no error.
pub(super) fn remove_folder(path: &Utf8Path) -> Result<(), FileError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FileError::writing(path, &error)),
        _ => Ok(()),
    }
}

/// Makes a folder with its parents.
pub(super) fn create_folder(path: &Utf8Path) -> Result<(), FileError> {
    std::fs::create_dir_all(path).map_err(|error| FileError::writing(path, &error))
}
