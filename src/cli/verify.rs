//! `jointer verify`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Verify a bundle
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {}

pub(super) fn run(_cx: &Context, _args: &VerifyArgs) -> Result<ExitStatus> {
    unimplemented!()
}
