//! `jointer add`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Add a component to the app, and its first use
#[derive(Debug, clap::Args)]
pub struct AddArgs {}

pub(super) fn run(_cx: &Context, _args: &AddArgs) -> Result<ExitStatus> {
    unimplemented!()
}
