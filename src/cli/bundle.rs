//! `jointer bundle`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Write the app as one OCI-layout tar
#[derive(Debug, clap::Args)]
pub struct BundleArgs {}

pub(super) fn run(_cx: &Context, _args: &BundleArgs) -> Result<ExitStatus> {
    unimplemented!()
}
