//! `jointer lock`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Choose package versions and write jointer.lock
#[derive(Debug, clap::Args)]
pub struct LockArgs {}

pub(super) fn run(_cx: &Context, _args: &LockArgs) -> Result<ExitStatus> {
    unimplemented!()
}
