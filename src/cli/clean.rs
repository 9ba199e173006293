//! `jointer clean`.

use super::Context;
use crate::app::App;
use crate::build;
use crate::error::{ExitStatus, Result};

/// Remove what builds made in the app's folder
///
/// Results in the user cache stay, so the next build has them at once.
#[derive(Debug, clap::Args)]
pub struct CleanArgs {}

pub(super) fn run(cx: &Context, _args: &CleanArgs) -> Result<ExitStatus> {
    let app = App::load(&App::find(&cx.cwd)?)?;
    build::clean(&app, cx.reporter())?;
    cx.reporter().note("Removed", app.build_dir().to_string());
    Ok(ExitStatus::Success)
}
