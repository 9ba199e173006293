//! `jointer build`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Build the app's components and compose them
#[derive(Debug, clap::Args)]
pub struct BuildArgs {}

pub(super) fn run(_cx: &Context, _args: &BuildArgs) -> Result<ExitStatus> {
    unimplemented!()
}
