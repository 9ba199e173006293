//! `jointer cache`: what the user cache holds, whether it is right, and what may go.

use std::time::Duration;

use camino::Utf8PathBuf;
use clap::Subcommand;
use serde::Serialize;

use super::Context;
use crate::error::{ExitStatus, Result};
use crate::registry::{self, Amount, Store};
use crate::ui::size;

/// Show, verify or prune the user cache
#[derive(Debug, clap::Args)]
pub struct CacheArgs {
    #[command(subcommand)]
    command: Option<CacheCommand>,
}

#[derive(Debug, Subcommand)]
enum CacheCommand {
    /// Show what is in it (also without a subcommand)
    Show,
    /// Hash every package in the store and remove those that are not what their names say
    Verify,
    Prune(PruneArgs),
}

/// Remove what can be fetched or made again
///
/// Guest tools and the local registry stay.
#[derive(Debug, clap::Args)]
struct PruneArgs {
    /// Only what was not changed for so many days
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    older_than: u64,
    /// All of it
    #[arg(long, conflicts_with = "older_than")]
    all: bool,
}

#[derive(Serialize)]
struct Kind {
    kind: &'static str,
    folder: Utf8PathBuf,
    #[serde(flatten)]
    amount: Amount,
}

#[derive(Serialize)]
struct Shown {
    cache: Utf8PathBuf,
    kinds: Vec<Kind>,
}

pub(super) fn run(cx: &Context, args: &CacheArgs) -> Result<ExitStatus> {
    match &args.command {
        None | Some(CacheCommand::Show) => show(cx),
        Some(CacheCommand::Verify) => verify(cx),
        Some(CacheCommand::Prune(args)) => prune(cx, args),
    }
}

/// What can be made or fetched again.
fn passing(cx: &Context) -> Vec<(&'static str, Utf8PathBuf)> {
    vec![
        ("packages", cx.dirs.store()),
        ("build results", cx.dirs.units()),
        ("guest builds", cx.dirs.cache().join("cargo-v1")),
        ("compiled code", cx.dirs.compiled()),
    ]
}

fn show(cx: &Context) -> Result<ExitStatus> {
    let mut folders = passing(cx);
    folders.push(("guest tools", cx.dirs.tools()));
    folders.push(("local registry", cx.dirs.registry()));
    let mut kinds = Vec::new();
    for (kind, folder) in folders {
        kinds.push(Kind { kind, amount: registry::amount(&folder)?, folder });
    }
    let lines = kinds
        .iter()
        .map(|it| format!("{:<15}{:>11}  {} files", it.kind, size(it.amount.bytes), it.amount.files));
    let text = format!("{}\n{}", cx.dirs.cache(), lines.collect::<Vec<_>>().join("\n"));
    cx.ui.answer(&text, &Shown { cache: cx.dirs.cache().to_owned(), kinds });
    Ok(ExitStatus::Success)
}

fn verify(cx: &Context) -> Result<ExitStatus> {
    let verified = Store::new(&cx.dirs).verify()?;
    let mut text = format!("{} files are right ({})", verified.good.files, size(verified.good.bytes));
    for path in &verified.removed {
        text.push_str(&format!("\nremoved {path}: it was not what its name says"));
    }
    cx.ui.answer(&text, &verified);
    // What was wrong is gone, but who asked wants to know.
    Ok(if verified.removed.is_empty() { ExitStatus::Success } else { ExitStatus::Trust })
}

fn prune(cx: &Context, args: &PruneArgs) -> Result<ExitStatus> {
    let limit = (!args.all).then(|| Duration::from_secs(args.older_than.saturating_mul(86_400)));
    let mut kinds = Vec::new();
    for (kind, folder) in passing(cx) {
        let amount = registry::prune(&folder, limit)?;
        kinds.push(Kind { kind, folder, amount });
    }
    let bytes = kinds.iter().map(|it| it.amount.bytes).sum();
    let files: u64 = kinds.iter().map(|it| it.amount.files).sum();
    let text = format!("removed {files} files ({}) from {}", size(bytes), cx.dirs.cache());
    cx.ui.answer(&text, &Shown { cache: cx.dirs.cache().to_owned(), kinds });
    Ok(ExitStatus::Success)
}
