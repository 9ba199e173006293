//! `jointer lock`: chooses versions of the app's packages.

use super::{Context, location};
use crate::app::App;
use crate::deps::{self, Mode};
use crate::error::{ExitStatus, Result};

/// Choose package versions and write jointer.lock
///
/// For every `[component.x] package = "ns:name@req"` the highest version that the requirement allows is
/// chosen and brought into the store.
#[derive(Debug, clap::Args)]
pub struct LockArgs {
    /// Where from: `local` (the default), `dir:PATH` or `HOST[:PORT][/PREFIX]`
    #[arg(long, value_name = "REGISTRY", env = "JOINTER_REGISTRY")]
    from: Option<String>,
    /// Ask no registry: choose among the versions in the store
    #[arg(long)]
    offline: bool,
}

pub(super) fn run(cx: &Context, args: &LockArgs) -> Result<ExitStatus> {
    let location = location::parse(cx, args.from.as_deref())?;
    let app = App::load(&App::find(&cx.cwd)?)?;
    let mode = Mode { offline: args.offline, ..Mode::default() };
    let dependencies = deps::lock(&app, &cx.dirs, &location, mode, cx.reporter())?;
    let text: Vec<String> = dependencies
        .iter()
        .map(|dependency| {
            format!("{} {} {}", dependency.component, dependency.locked.id(), dependency.locked.content)
        })
        .collect();
    cx.ui.answer(&text.join("\n"), &dependencies);
    Ok(ExitStatus::Success)
}
