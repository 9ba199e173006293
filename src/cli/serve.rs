//! `jointer serve`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Serve an http component
#[derive(Debug, clap::Args)]
pub struct ServeArgs {}

pub(super) fn run(_cx: &Context, _args: &ServeArgs) -> Result<ExitStatus> {
    unimplemented!()
}
