//! `jointer fetch`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Fetch the locked packages into the store
#[derive(Debug, clap::Args)]
pub struct FetchArgs {}

pub(super) fn run(_cx: &Context, _args: &FetchArgs) -> Result<ExitStatus> {
    unimplemented!()
}
