//! `jointer completions SHELL`: what the shell needs to complete arguments.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, Context};
use crate::error::{ExitStatus, FileError, Result};

/// Write shell completions to standard output
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn run(cx: &Context, args: &CompletionsArgs) -> Result<ExitStatus> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "jointer", &mut script);
    cx.ui.raw(&script).map_err(|error| FileError::writing("-", &error))?;
    Ok(ExitStatus::Success)
}
