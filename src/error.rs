//! What can go wrong, and the status the process ends with.
//!
//! Every room has its own error enum ([`thiserror`] for the words, [`miette::Diagnostic`] for code,
//! help and labels) and says with [`Fault::status`] how the process ends. [`Error`] carries any of
//! them to `ui`, which is the only one that prints. Codes are `room::slug`; each has a section in the
//! book's `errors.md`, which is also what `jointer explain CODE` prints.

use std::fmt;

use camino::Utf8PathBuf;
use miette::Diagnostic;

/// How the process ends. The numbers are part of the interface: scripts and CI read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// 0: done.
    Success,
    /// 1: the answer is no (a check, test, diff or budget failed).
    No,
    /// 2: the command line or the manifest is wrong.
    Usage,
    /// 3: a guest build failed.
    GuestBuild,
    /// 4: the parts could not be composed.
    Compose,
    /// 5: does not fit the host or the version asked for.
    Fit,
    /// 6: signature, policy or integrity.
    Trust,
    /// 7: network or registry; a retry may help.
    Network,
    /// 8: not found.
    NotFound,
    /// 9: conflicts with what exists.
    Conflict,
    /// 101: a bug in jointer.
    Bug,
    /// The guest's own status, passed on by `run`; a trap is 134.
    Guest(u8),
}

impl ExitStatus {
    /// What a guest that trapped ends with, as under a shell after SIGABRT.
    pub const TRAP: Self = Self::Guest(134);

    /// The number given to the operating system.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::No => 1,
            Self::Usage => 2,
            Self::GuestBuild => 3,
            Self::Compose => 4,
            Self::Fit => 5,
            Self::Trust => 6,
            Self::Network => 7,
            Self::NotFound => 8,
            Self::Conflict => 9,
            Self::Bug => 101,
            Self::Guest(code) => code,
        }
    }
}

/// An error that knows how the process should end. Implemented by each room's error enum.
pub trait Fault: Diagnostic + Send + Sync + 'static {
    /// The status the process ends with when nobody handles this.
    fn status(&self) -> ExitStatus;
}

/// Any room's error, on its way to `ui`.
pub struct Error(Box<dyn Fault>);

/// The result of anything that may end in a diagnostic for the user.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The status the process ends with.
    pub fn status(&self) -> ExitStatus {
        self.0.status()
    }

    /// The diagnostic to render: message, code, help, labels and related errors.
    pub fn diagnostic(&self) -> &dyn Diagnostic {
        &*self.0
    }

    /// The stable code, `room::slug`.
    pub fn code(&self) -> Option<String> {
        self.0.code().map(|code| code.to_string())
    }

    /// The room's own error, where a caller wants to treat one case specially.
    pub fn downcast_ref<T: Fault>(&self) -> Option<&T> {
        let any: &dyn std::error::Error = &*self.0;
        any.downcast_ref().or_else(|| any.downcast_ref::<Placed>()?.error.downcast_ref())
    }

    /// The same error with the file that it is about in front of its message: rooms that take bytes do
    /// not know where the bytes came from.
    #[must_use]
    pub fn at(self, place: impl Into<String>) -> Self {
        Self(Box::new(Placed { place: place.into(), error: self }))
    }
}

/// An error and the file that it is about.
#[derive(Debug)]
struct Placed {
    place: String,
    error: Error,
}

impl fmt::Display for Placed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.place, self.error)
    }
}

impl std::error::Error for Placed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.0.source()
    }
}

impl Diagnostic for Placed {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.error.0.code()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.error.0.help()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        self.error.0.labels()
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.error.0.source_code()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        self.error.0.related()
    }
}

impl Fault for Placed {
    fn status(&self) -> ExitStatus {
        self.error.status()
    }
}

impl<T: Fault> From<T> for Error {
    fn from(fault: T) -> Self {
        Self(Box::new(fault))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A file or folder that could not be read or written. Shared, because every room that touches the
/// disk needs the same words for it.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum FileError {
    /// The path does not exist.
    #[error("`{0}` does not exist")]
    #[diagnostic(code(file::not_found), help("check the path; paths are relative to the current folder"))]
    NotFound(Utf8PathBuf),
    /// It exists, but reading failed.
    #[error("cannot read `{path}`: {reason}")]
    #[diagnostic(code(file::unreadable), help("check the permissions of `{path}`"))]
    Unreadable {
        /// What was to be read.
        path: Utf8PathBuf,
        /// The operating system's words.
        reason: String,
    },
    /// Writing failed (permission, no space, read-only file system). Nothing was left half-written.
    #[error("cannot write `{path}`: {reason}")]
    #[diagnostic(
        code(file::unwritable),
        help("make room or give permission, or choose another place (`-o`, or JOINTER_CACHE for the cache)")
    )]
    Unwritable {
        /// What was to be written.
        path: Utf8PathBuf,
        /// The operating system's words.
        reason: String,
    },
}

impl FileError {
    /// From a failed read of `path`.
    pub fn reading(path: impl Into<Utf8PathBuf>, error: &std::io::Error) -> Self {
        let path = path.into();
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::NotFound(path),
            _ => Self::Unreadable { path, reason: error.to_string() },
        }
    }

    /// From a failed write of `path`.
    pub fn writing(path: impl Into<Utf8PathBuf>, error: &std::io::Error) -> Self {
        Self::Unwritable { path: path.into(), reason: error.to_string() }
    }
}

impl Fault for FileError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::NotFound(_) => ExitStatus::NotFound,
            Self::Unreadable { .. } | Self::Unwritable { .. } => ExitStatus::Usage,
        }
    }
}
