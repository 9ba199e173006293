//! `jointer new`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Make a new app from a template
#[derive(Debug, clap::Args)]
pub struct NewArgs {}

pub(super) fn run(_cx: &Context, _args: &NewArgs) -> Result<ExitStatus> {
    unimplemented!()
}
