//! Folders of a build.

use camino::Utf8Path;

use crate::error::FileError;

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
