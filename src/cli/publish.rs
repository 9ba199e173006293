//! `jointer publish`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Publish a component or a WIT package
#[derive(Debug, clap::Args)]
pub struct PublishArgs {}

pub(super) fn run(_cx: &Context, _args: &PublishArgs) -> Result<ExitStatus> {
    unimplemented!()
}
