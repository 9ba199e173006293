//! `jointer call`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Call an exported function
#[derive(Debug, clap::Args)]
pub struct CallArgs {}

pub(super) fn run(_cx: &Context, _args: &CallArgs) -> Result<ExitStatus> {
    unimplemented!()
}
