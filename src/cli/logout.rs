//! `jointer logout`: forget credentials.

use super::Context;
use crate::error::{ExitStatus, Result};
use crate::registry;

/// Forget the credentials for a registry
#[derive(Debug, clap::Args)]
pub struct LogoutArgs {
    /// The registry: HOST[:PORT]
    #[arg(value_name = "HOST")]
    host: String,
}

pub(super) fn run(cx: &Context, args: &LogoutArgs) -> Result<ExitStatus> {
    let gone = registry::logout(&args.host)?;
    let text = match &gone {
        Some(gone) => format!("logged out of {}; removed from {}", gone.host, gone.kept),
        None => format!("there were no credentials for {}", args.host),
    };
    cx.ui.answer(&text, &gone);
    Ok(ExitStatus::Success)
}
