//! The flags by which commands say how dependencies are got.

use super::{Context, location};
use crate::deps::{Dependency, Options};
use crate::error::Result;

/// How packages are got
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Packages")]
pub struct DepsArgs {
    /// Where new packages come from: `local`, `dir:PATH` or `HOST[:PORT][/PREFIX]`; default: the registry of their namespace
    #[arg(long, value_name = "REGISTRY", env = "JOINTER_REGISTRY")]
    from: Option<String>,
    /// Refuse when jointer.lock is incomplete, or a version in a registry is not what was locked
    #[arg(long)]
    locked: bool,
    /// Ask no registry: everything has to be in the store, or in vendor
    #[arg(long)]
    offline: bool,
    /// Both `--locked` and `--offline`
    #[arg(long)]
    frozen: bool,
}

impl DepsArgs {
    /// For commands that have no such flags.
    pub(super) fn from_env() -> Self {
        Self { from: std::env::var("JOINTER_REGISTRY").ok(), ..Self::default() }
    }

    /// What they mean.
    ///
    /// # Errors
    /// When the registry's name is not one.
    pub(super) fn options(&self, cx: &Context) -> Result<Options> {
        let from = self.from.as_deref().filter(|from| !from.is_empty());
        Ok(Options {
            from: from.map(|from| location::parse(cx, Some(from))).transpose()?,
            locked: self.locked || self.frozen,
            offline: self.offline || self.frozen,
            ..Options::default()
        })
    }
}

/// One line for each package, or the list as JSON.
pub(super) fn answer(cx: &Context, dependencies: &[Dependency]) {
    let line = |one: &Dependency| format!("{} {} {}", one.user, one.locked.id(), one.locked.content);
    let text: Vec<String> = dependencies.iter().map(line).collect();
    cx.ui.answer(&text.join("\n"), &dependencies);
}
