//! `jointer lock` and `jointer update`: which versions the app's packages have.

use super::Context;
use super::deps_args::{DepsArgs, answer};
use crate::app::App;
use crate::deps::{self, Options, Update};
use crate::error::{ExitStatus, Result};
use crate::name::PackageName;

/// Choose versions for packages that have none yet, and write jointer.lock
///
/// For every `[component.x] package = "ns:name@req"` the highest version that the requirement allows is chosen and brought
/// into the store; what is locked stays as it is. WIT packages that the app's WIT mentions and does not have are brought
/// into wit/deps. `jointer update` moves locked versions up.
#[derive(Debug, clap::Args)]
pub struct LockArgs {
    #[command(flatten)]
    deps: DepsArgs,
}

/// Move locked packages up to the highest versions that are allowed
#[derive(Debug, clap::Args)]
pub struct UpdateArgs {
    /// Only these packages; default: all
    #[arg(value_name = "NS:NAME")]
    packages: Vec<PackageName>,
    #[command(flatten)]
    deps: DepsArgs,
}

pub(super) fn run(cx: &Context, args: &LockArgs) -> Result<ExitStatus> {
    locked(cx, args.deps.options(cx)?)
}

pub(super) fn update(cx: &Context, args: &UpdateArgs) -> Result<ExitStatus> {
    let update = match args.packages.is_empty() {
        true => Update::All,
        false => Update::Only(args.packages.clone()),
    };
    locked(cx, Options { update, ..args.deps.options(cx)? })
}

fn locked(cx: &Context, options: Options) -> Result<ExitStatus> {
    let app = App::load(&App::find(&cx.cwd)?)?;
    let dependencies = deps::lock(&app, &cx.dirs, &options, cx.reporter())?;
    answer(cx, &dependencies);
    Ok(ExitStatus::Success)
}
