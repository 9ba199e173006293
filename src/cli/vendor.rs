//! `jointer vendor`: the locked packages as files of the repository.

use serde::Serialize;

use super::Context;
use super::deps_args::DepsArgs;
use crate::app::App;
use crate::deps::{self, Dependency};
use crate::error::{ExitStatus, Result};

/// Copy the locked packages into the folder vendor
///
/// Builds take packages from there when they are not in the store, and ask no registry. Commit it to build without one.
#[derive(Debug, clap::Args)]
pub struct VendorArgs {
    #[command(flatten)]
    deps: DepsArgs,
}

#[derive(Serialize)]
struct Answer<'a> {
    folder: &'a camino::Utf8Path,
    packages: &'a [Dependency],
}

pub(super) fn run(cx: &Context, args: &VendorArgs) -> Result<ExitStatus> {
    let app = App::load(&App::find(&cx.cwd)?)?;
    let (folder, packages) = deps::vendor(&app, &cx.dirs, &args.deps.options(cx)?, cx.reporter())?;
    let text =
        format!("{} packages in `{}`", packages.len(), folder.strip_prefix(&cx.cwd).unwrap_or(&folder));
    cx.ui.answer(&text, &Answer { folder: &folder, packages: &packages });
    Ok(ExitStatus::Success)
}
