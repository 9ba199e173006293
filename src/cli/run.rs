//! `jointer run`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Run a command component
#[derive(Debug, clap::Args)]
pub struct RunArgs {}

pub(super) fn run(_cx: &Context, _args: &RunArgs) -> Result<ExitStatus> {
    unimplemented!()
}
