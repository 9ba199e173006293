//! Components in and out of commands: files, standard input and standard output.

use std::io::{IsTerminal, Read, Write};

use camino::{Utf8Path, Utf8PathBuf};
use miette::Diagnostic;

use super::Context;
use crate::error::{ExitStatus, Fault, FileError, Result};

/// The name that means standard input or standard output.
pub(super) const STDIO: &str = "-";

/// Why a command's result has no place to go.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum OutputError {
    /// Binary bytes would garble the terminal.
    #[error("the result is binary, and standard output is a terminal")]
    #[diagnostic(code(cli::terminal), help("write it to a file with `-o FILE`, or pipe it on"))]
    Terminal,
}

impl Fault for OutputError {
    fn status(&self) -> ExitStatus {
        ExitStatus::Usage
    }
}

impl Context {
    /// The bytes of a file, relative to the folder that the command works in; `-` is standard input.
    pub(crate) fn read_artifact(&self, path: &Utf8Path) -> Result<Vec<u8>> {
        if path != STDIO {
            let path_on_disk = self.cwd.join(path);
            return std::fs::read(&path_on_disk).map_err(|error| FileError::reading(path, &error).into());
        }
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| FileError::reading(path, &error))?;
        Ok(bytes)
    }

    /// Refuses standard output if it is a terminal; to be called before the work is done.
    pub(crate) fn check_output(&self, path: &Utf8Path) -> Result<()> {
        if path == STDIO && std::io::stdout().is_terminal() {
            return Err(OutputError::Terminal.into());
        }
        Ok(())
    }

    /// Writes a file whole or not at all; `-` is standard output.
    pub(crate) fn write_artifact(&self, path: &Utf8Path, bytes: &[u8]) -> Result<()> {
        self.check_output(path)?;
        if path == STDIO {
            return self.ui.raw(bytes).map_err(|error| FileError::writing(path, &error).into());
        }
        let target = self.cwd.join(path);
        let written = place(&target, bytes);
        written.map_err(|error| FileError::writing(path, &error).into())
    }
}

fn place(target: &Utf8PathBuf, bytes: &[u8]) -> std::io::Result<()> {
    let folder = target.parent().filter(|folder| !folder.as_str().is_empty()).unwrap_or(Utf8Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".jointer-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    // Temporary files are for their owner alone; a result has the permissions of any new file.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = 0o666 & !umask();
        file.as_file().set_permissions(std::fs::Permissions::from_mode(mode))?;
    }
    file.persist(target).map_err(|error| error.error)?;
    Ok(())
}

/// The process's mask, which can only be read by setting it.
#[cfg(unix)]
fn umask() -> u32 {
    let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    rustix::process::umask(mask);
    mask.as_raw_mode()
}
