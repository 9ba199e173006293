//! Why a guest tool is not to be had.

use camino::Utf8PathBuf;
use miette::Diagnostic;

use crate::error::{ExitStatus, Fault};

/// Why a guest tool could not be found or provisioned. Whatever was begun has been removed again.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum ToolchainError {
    /// Python is presupposed.
    #[error("there is no Python 3.10 or later on PATH")]
    #[diagnostic(
        code(toolchain::no_python),
        help(
            "install Python 3.10 or later with your system's package manager (found: {}), then run `jointer doctor`",
            if .found.is_empty() { "none" } else { .found }
        )
    )]
    NoPython {
        /// The versions that are there.
        found: String,
    },
    /// Python is there, without the module that installs packages.
    #[error("`{python}` has neither the module `pip` nor `venv`")]
    #[diagnostic(
        code(toolchain::no_pip),
        help("install them with your system's package manager (`python3-pip` or `python3-venv`)")
    )]
    NoPip {
        /// The interpreter.
        python: Utf8PathBuf,
    },
    /// Cargo is presupposed.
    #[error("there is no `cargo` on PATH")]
    #[diagnostic(
        code(toolchain::no_cargo),
        help("install Rust, best with rustup, and see that `cargo` and `rustc` are on PATH")
    )]
    NoCargo,
    /// A program of the system does not start or says nothing useful.
    #[error("`{program}` does not work: {said}")]
    #[diagnostic(
        code(toolchain::not_working),
        help("run `{program}` yourself; repair it or take it off PATH")
    )]
    NotWorking {
        /// The program with its arguments.
        program: String,
        /// Its last words.
        said: String,
    },
    /// The package registry gave no answer, or has no package for this platform.
    #[error("cannot download {what}: {said}")]
    #[diagnostic(
        code(toolchain::unreachable),
        help(
            "check the network, then run `jointer doctor --fix`; proxies (HTTPS_PROXY) and mirrors \
             (PIP_INDEX_URL, npm_config_registry) are honoured"
        )
    )]
    Unreachable {
        /// The tool and its version.
        what: String,
        /// The installer's last words.
        said: String,
    },
    /// What was downloaded is not what the bundle pins.
    #[error("the download of {what} is not the file that jointer pins: {said}")]
    #[diagnostic(
        code(toolchain::wrong_hash),
        help(
            "nothing was installed; check the mirror or proxy that the file came through, then run \
             `jointer doctor --fix`"
        )
    )]
    WrongHash {
        /// The tool and its version.
        what: String,
        /// The installer's last words.
        said: String,
    },
    /// The installer failed for another reason.
    #[error("installing {what} failed with {status}: {said}")]
    #[diagnostic(
        code(toolchain::install_failed),
        help("nothing was installed; mend the cause, then run `jointer doctor --fix`")
    )]
    InstallFailed {
        /// The tool and its version.
        what: String,
        /// Exit code or signal.
        status: String,
        /// The installer's last words.
        said: String,
    },
    /// Installed, but it does not run: a platform package that was silently skipped, a missing library.
    #[error("{what} was installed but does not run: {said}")]
    #[diagnostic(
        code(toolchain::broken),
        help(
            "it was removed again; often the registry lacks the package for this platform, or the system \
             lacks a library"
        )
    )]
    Broken {
        /// The tool and its version.
        what: String,
        /// The tool's last words.
        said: String,
    },
    /// No standard library for the target, and no way to get one.
    #[error("Rust's standard library for `{target}` is missing and could not be provisioned: {said}")]
    #[diagnostic(code(toolchain::no_rust_target), help("{help}"))]
    NoRustTarget {
        /// The target.
        target: String,
        /// Why each of the ways failed.
        said: String,
        /// What to do.
        help: String,
    },
}

impl Fault for ToolchainError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::NoPython { .. } | Self::NoPip { .. } | Self::NoCargo | Self::NotWorking { .. } => {
                ExitStatus::NotFound
            }
            Self::Broken { .. } | Self::NoRustTarget { .. } => ExitStatus::NotFound,
            Self::Unreachable { .. } | Self::InstallFailed { .. } => ExitStatus::Network,
            Self::WrongHash { .. } => ExitStatus::Trust,
        }
    }
}
