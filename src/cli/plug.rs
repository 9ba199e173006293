//! `jointer plug`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Satisfy the imports of one component with the exports of others
#[derive(Debug, clap::Args)]
pub struct PlugArgs {}

pub(super) fn run(_cx: &Context, _args: &PlugArgs) -> Result<ExitStatus> {
    unimplemented!()
}
