//! `jointer check`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Say all that is known without starting a guest tool
#[derive(Debug, clap::Args)]
pub struct CheckArgs {}

pub(super) fn run(_cx: &Context, _args: &CheckArgs) -> Result<ExitStatus> {
    unimplemented!()
}
