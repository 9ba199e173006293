//! The app, built by a command that is about something else.

use super::Context;
use super::deps_args::DepsArgs;
use crate::app::App;
use crate::build::{self, Built, Options};
use crate::deps;
use crate::error::Result;

/// Gets what the app needs and is not there, and builds it.
///
/// # Errors
/// Those of [`deps::ready`] and [`build::build`].
pub(super) fn built(cx: &Context, app: &App) -> Result<Built> {
    deps::ready(app, &cx.dirs, &DepsArgs::from_env().options(cx)?, cx.reporter())?;
    build::build(app, &cx.dirs, &Options::default(), cx.reporter())
}
