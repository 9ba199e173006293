//! `jointer fetch`: brings what is locked into the store.

use super::Context;
use super::deps_args::{DepsArgs, answer};
use crate::app::{App, PackageRequest};
use crate::deps;
use crate::error::{ExitStatus, Result};
#[cfg(not(feature = "warg"))]
use crate::registry::RegistryError;

/// Fetch the locked packages into the store
///
/// Never changes jointer.lock. What is in the store is not asked for again; locked WIT is written into wit/deps.
#[derive(Debug, clap::Args)]
pub struct FetchArgs {
    #[command(flatten)]
    deps: DepsArgs,
    /// A warg registry to fetch one package from (`warg://HOST`; legacy, needs the feature `warg`)
    #[arg(value_name = "WARG-URL", requires = "package", conflicts_with_all = ["locked", "offline"])]
    warg: Option<String>,
    /// That package
    #[arg(value_name = "NS:NAME@VERSION", requires = "warg")]
    package: Option<PackageRequest>,
}

pub(super) fn run(cx: &Context, args: &FetchArgs) -> Result<ExitStatus> {
    if let (Some(url), Some(package)) = (&args.warg, &args.package) {
        return warg(cx, url, package);
    }
    let app = App::load(&App::find(&cx.cwd)?)?;
    let dependencies = deps::fetch(&app, &cx.dirs, &args.deps.options(cx)?, cx.reporter())?;
    answer(cx, &dependencies);
    Ok(ExitStatus::Success)
}

#[cfg(feature = "warg")]
fn warg(cx: &Context, url: &str, package: &PackageRequest) -> Result<ExitStatus> {
    let fetched = crate::registry::warg::fetch(url, package, &cx.dirs)?;
    let text = format!("{} {}\n{}", fetched.package, fetched.content, fetched.path);
    cx.ui.answer(&text, &fetched);
    Ok(ExitStatus::Success)
}

#[cfg(not(feature = "warg"))]
fn warg(_: &Context, _: &str, _: &PackageRequest) -> Result<ExitStatus> {
    Err(RegistryError::NoWarg.into())
}
