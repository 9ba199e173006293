//! One build of an app at a time.

use std::fs::{File, TryLockError};
use std::time::Duration;

use camino::Utf8Path;

use super::files;
use crate::error::{FileError, Result};
use crate::event::Reporter;
use crate::process::{ProcessError, interrupted};

/// Waits until no other process builds in the folder `build`. The system lets go when the process ends,
/// however it ends.
///
/// # Errors
/// When the folder cannot be written, or a signal came while waiting.
pub(super) fn hold(build: &Utf8Path, reporter: &dyn Reporter) -> Result<File> {
    files::create_folder(build)?;
    let path = build.join(".lock");
    let failed = |error: std::io::Error| FileError::writing(&path, &error);
    let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if interrupted() => return Err(ProcessError::Interrupted.into()),
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut told, true) {
                    reporter.note("Waiting", "for another build of this app".to_owned());
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            // A file system without locks: better unlocked than not at all.
            Err(TryLockError::Error(_)) => return Ok(file),
        }
    }
}
