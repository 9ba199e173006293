//! `jointer adapt`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Make a component or core module fit a WASI version
#[derive(Debug, clap::Args)]
pub struct AdaptArgs {}

pub(super) fn run(_cx: &Context, _args: &AdaptArgs) -> Result<ExitStatus> {
    unimplemented!()
}
