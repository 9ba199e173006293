//! Reading and writing whole files: written beside the target and renamed, so that nobody ever sees
//! half a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use camino::{Utf8Path, Utf8PathBuf};

use crate::digest::Hashed;
use crate::error::FileError;

/// The bytes of a file.
///
/// # Errors
/// [`FileError::NotFound`] or [`FileError::Unreadable`].
pub fn read(path: &Utf8Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(|error| FileError::reading(path, &error))
}

/// The bytes of a file with their digest.
///
/// # Errors
/// As [`read`].
pub fn read_hashed(path: &Utf8Path) -> Result<Hashed, FileError> {
    let hashed = || {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Hashed::read(file, usize::try_from(size).map_err(io::Error::other)?)
    };
    hashed().map_err(|error| FileError::reading(path, &error))
}

/// A file as UTF-8.
///
/// # Errors
/// As [`read`]; also when it is not UTF-8.
pub fn read_text(path: &Utf8Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(|error| FileError::reading(path, &error))
}

/// Writes a file whole or not at all, with the folders it stands in. What stood there before is
/// replaced; a device or pipe is written to.
///
/// # Errors
/// [`FileError::Unwritable`]; nothing was left behind.
pub fn write(path: &Utf8Path, bytes: &[u8]) -> Result<(), FileError> {
    write_pieces(path, [bytes])
}

/// As [`write`], for contents that lie in several places: they are not copied together first.
///
/// # Errors
/// As [`write`].
pub fn write_pieces<'a>(
    path: &Utf8Path,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(), FileError> {
    place(path, pieces.into_iter()).map_err(|error| FileError::writing(path, &error))
}

fn place<'a>(path: &Utf8Path, mut pieces: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
    let mut fill = |mut file: &File| pieces.by_ref().try_for_each(|piece| file.write_all(piece));
    if fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return fill(&OpenOptions::new().write(true).open(path)?);
    }
    // A link is written through, as any other program would.
    let target = path.canonicalize_utf8().unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().filter(|folder| !folder.as_str().is_empty()).unwrap_or(Utf8Path::new("."));
    fs::create_dir_all(folder)?;
    let (beside, file) = beside(folder)?;
    let written = fill(&file).and_then(|()| fs::rename(&beside, &target));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// A new file with a name that nobody else uses, and the permissions of any new file.
fn beside(folder: &Utf8Path) -> io::Result<(Utf8PathBuf, File)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!(".jointer-{}-{number}", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            // Left by a process that was killed and had the same number.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(folder.path()).unwrap();
        write(&folder.join("a/b.txt"), b"one").unwrap();
        write(&folder.join("a/b.txt"), b"two").unwrap();
        assert_eq!(read_text(&folder.join("a/b.txt")).unwrap(), "two");
        // A folder cannot be replaced by a file.
        assert!(matches!(write(&folder.join("a"), b"x"), Err(FileError::Unwritable { .. })));
        let names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["a"]);
    }

    #[test]
    fn a_device_is_written_to_and_stays_a_device() {
        write(Utf8Path::new("/dev/null"), b"gone").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
