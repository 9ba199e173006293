//! `jointer inspect`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Look into a component
#[derive(Debug, clap::Args)]
pub struct InspectArgs {}

pub(super) fn run(_cx: &Context, _args: &InspectArgs) -> Result<ExitStatus> {
    unimplemented!()
}
