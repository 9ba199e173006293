//! Components in and out of commands: files, standard input and standard output.

use std::io::{IsTerminal, Read};

use camino::Utf8Path;
use miette::Diagnostic;

use super::Context;
use crate::digest::Hashed;
use crate::error::{ExitStatus, Fault, FileError, Result};
use crate::file;
use crate::threads::both;

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
            return Ok(file::read(&self.cwd.join(path))?);
        }
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| FileError::reading(path, &error))?;
        Ok(bytes)
    }

    /// As [`Context::read_artifact`], with the digest.
    pub(crate) fn read_hashed(&self, path: &Utf8Path) -> Result<Hashed> {
        match path == STDIO {
            true => Ok(self.read_artifact(path)?.into()),
            false => Ok(file::read_hashed(&self.cwd.join(path))?),
        }
    }

    /// As [`Context::read_artifact`] for several, two at a time.
    pub(crate) fn read_artifacts(&self, paths: &[&Utf8Path]) -> Result<Vec<Vec<u8>>> {
        let (first, second) = paths.split_at(paths.len() / 2);
        let read = |paths: &[&Utf8Path]| -> Result<Vec<Vec<u8>>> {
            paths.iter().map(|path| self.read_artifact(path)).collect()
        };
        let (second, first) = both(|| read(second), || read(first));
        let mut all = first?;
        all.extend(second?);
        Ok(all)
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
        self.write_pieces(path, [bytes])
    }

    /// As [`Context::write_artifact`], for bytes that lie in several places.
    pub(crate) fn write_pieces<'a>(
        &self,
        path: &Utf8Path,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<()> {
        self.check_output(path)?;
        if path == STDIO {
            let mut pieces = pieces.into_iter();
            return pieces
                .try_for_each(|piece| self.ui.raw(piece))
                .map_err(|error| FileError::writing(path, &error).into());
        }
        Ok(file::write_pieces(&self.cwd.join(path), pieces)?)
    }
}
