//! `jointer demo`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Build, compose and serve the hero demo
#[derive(Debug, clap::Args)]
pub struct DemoArgs {}

pub(super) fn run(_cx: &Context, _args: &DemoArgs) -> Result<ExitStatus> {
    unimplemented!()
}
