//! `jointer compose`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Compose components by a .wac file
#[derive(Debug, clap::Args)]
pub struct ComposeArgs {}

pub(super) fn run(_cx: &Context, _args: &ComposeArgs) -> Result<ExitStatus> {
    unimplemented!()
}
