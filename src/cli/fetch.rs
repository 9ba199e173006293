//! `jointer fetch`: brings what is locked into the store.

use super::Context;
use crate::app::{App, PackageRequest};
use crate::deps::{self, Mode};
use crate::error::{ExitStatus, Result};
#[cfg(not(feature = "warg"))]
use crate::registry::RegistryError;

/// Fetch the locked packages into the store
///
/// Never changes jointer.lock. What is in the store is not asked for again.
#[derive(Debug, clap::Args)]
pub struct FetchArgs {
    /// Refuse when jointer.lock is incomplete or a version in a registry is not what was locked
    #[arg(long)]
    locked: bool,
    /// Ask no registry: everything has to be in the store
    #[arg(long)]
    offline: bool,
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
    let mode = Mode { locked: args.locked, offline: args.offline };
    let dependencies = deps::fetch(&app, &cx.dirs, mode, cx.reporter())?;
    let text: Vec<String> = dependencies
        .iter()
        .map(|dependency| {
            format!("{} {} {}", dependency.component, dependency.locked.id(), dependency.locked.content)
        })
        .collect();
    cx.ui.answer(&text.join("\n"), &dependencies);
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
