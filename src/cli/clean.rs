//! `jointer clean`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Delete what builds made
#[derive(Debug, clap::Args)]
pub struct CleanArgs {}

pub(super) fn run(_cx: &Context, _args: &CleanArgs) -> Result<ExitStatus> {
    unimplemented!()
}
