//! `jointer doctor`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Say which guest tools are there and which are missing
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {}

pub(super) fn run(_cx: &Context, _args: &DoctorArgs) -> Result<ExitStatus> {
    unimplemented!()
}
