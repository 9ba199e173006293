//! `jointer keygen`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Make a key pair for signing
#[derive(Debug, clap::Args)]
pub struct KeygenArgs {}

pub(super) fn run(_cx: &Context, _args: &KeygenArgs) -> Result<ExitStatus> {
    unimplemented!()
}
