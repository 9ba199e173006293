//! `jointer test`.

use super::Context;
use crate::error::{ExitStatus, Result};

/// Run the tests of the app's components
#[derive(Debug, clap::Args)]
pub struct TestArgs {}

pub(super) fn run(_cx: &Context, _args: &TestArgs) -> Result<ExitStatus> {
    unimplemented!()
}
