//! Guest tools: what is needed, found on the system or provisioned at the pinned version.
//!
//! [`locate`] only looks and is fast enough for a build that has nothing to do: it reads stamps and
//! remembered answers and starts no process that it has asked before. [`ensure`] installs what is
//! missing into the user cache, as one pinned bundle ([`BUNDLE`]). Each set of tools is installed into a
//! folder beside its place, started once, stamped and renamed, under a lock: two jointers share the work,
//! and one that is killed leaves nothing that counts.

mod bundle;
mod env;
mod error;
mod install;
mod javascript;
mod probe;
mod python;
mod rust;

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::app::Dirs;
use crate::error::{Error, Result};
use crate::event::Reporter;

pub use bundle::BUNDLE;
pub use error::ToolchainError;

/// A guest tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// cargo with the standard library for `wasm32-wasip2`.
    Cargo,
    /// `cargo-component`, with the standard library for `wasm32-wasip1`, its default target.
    CargoComponent,
    /// A Python interpreter, 3.10 or later.
    Python,
    /// `componentize-py`.
    ComponentizePy,
    /// Node.js.
    Node,
    /// `jco`, with componentize-js inside.
    Jco,
    /// `componentize-qjs`.
    ComponentizeQjs,
    /// `tsc`.
    TypeScript,
}

/// Where a tool comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// It was there.
    System,
    /// jointer put it into the user cache.
    Provisioned,
}

/// A tool that can be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Located {
    /// Which.
    pub tool: Tool,
    /// Its version, for people: `0.25.1`.
    pub version: String,
    /// Everything about it that may change what it makes, for fingerprints; no path is in it.
    pub identity: String,
    /// The program and its fixed first arguments.
    pub argv: Vec<String>,
    /// What the child needs to run at all, PATH and HOME included.
    pub env: BTreeMap<String, String>,
    /// Where it comes from.
    pub origin: Origin,
}

/// The tools that [`ensure`] was asked for.
#[derive(Debug, Clone, Default)]
pub struct Toolchain {
    tools: BTreeMap<Tool, Located>,
}

/// What [`ensure`] would do about a missing tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// In words: `download componentize-py 0.25.1`.
    pub what: String,
    /// Bytes to download; `None` where that is not known before.
    pub download: Option<u64>,
    /// Bytes on disk.
    pub disk: Option<u64>,
    /// Where it goes; `None` when jointer cannot install it.
    pub into: Option<Utf8PathBuf>,
}

impl Tool {
    /// All of them, in the order in which `doctor` shows them.
    pub const ALL: [Self; 8] = [
        Self::Cargo,
        Self::CargoComponent,
        Self::Python,
        Self::ComponentizePy,
        Self::Node,
        Self::Jco,
        Self::ComponentizeQjs,
        Self::TypeScript,
    ];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cargo => "cargo",
            Self::CargoComponent => "cargo-component",
            Self::Python => "python",
            Self::ComponentizePy => "componentize-py",
            Self::Node => "node",
            Self::Jco => "jco",
            Self::ComponentizeQjs => "componentize-qjs",
            Self::TypeScript => "typescript",
        }
    }

    /// The tools that it cannot run without.
    pub fn needs(self) -> &'static [Self] {
        match self {
            Self::Cargo | Self::Python | Self::Node => &[],
            Self::CargoComponent => &[Self::Cargo],
            Self::ComponentizePy => &[Self::Python],
            Self::Jco | Self::ComponentizeQjs | Self::TypeScript => &[Self::Node],
        }
    }
}

impl std::fmt::Display for Tool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Toolchain {
    /// A tool that was asked for, or that one of those needs.
    ///
    /// # Panics
    /// When [`ensure`] was not asked for it: a bug of the caller.
    pub fn get(&self, tool: Tool) -> &Located {
        match self.tools.get(&tool) {
            Some(located) => located,
            None => panic!("`{tool}` was not among the tools to ensure"),
        }
    }

    /// The tools by their kind.
    pub fn iter(&self) -> impl Iterator<Item = &Located> {
        self.tools.values()
    }
}

/// Finds the tools and all that they need, and provisions what is missing. A `rust-toolchain.toml`
/// counts from jointer's own folder upwards; see [`ensure_in`].
///
/// # Errors
/// When a tool is neither there nor to be had; a [`ToolchainError`], mostly.
pub fn ensure(tools: &BTreeSet<Tool>, dirs: &Dirs, reporter: &dyn Reporter) -> Result<Toolchain> {
    ensure_in(&env::here(), tools, dirs, reporter)
}

/// [`ensure`] for work in the folder `dir`, whose `rust-toolchain.toml` chooses the compiler.
///
/// # Errors
/// As [`ensure`].
pub fn ensure_in(
    dir: &Utf8Path,
    tools: &BTreeSet<Tool>,
    dirs: &Dirs,
    reporter: &dyn Reporter,
) -> Result<Toolchain> {
    env::prepare(dirs)?;
    let wanted = with_needs(tools);
    let mut toolchain = Toolchain::default();
    // First what others stand on, then the rest side by side.
    let (leaves, bases): (Vec<Tool>, Vec<Tool>) = wanted.iter().partition(|tool| !tool.needs().is_empty());
    for stage in [bases, leaves] {
        let missing = toolchain.take_located(&stage, dir, dirs)?;
        provide_all(&missing, dir, dirs, reporter)?;
        if let Some(tool) = toolchain.take_located(&missing, dir, dirs)?.into_iter().next() {
            return Err(lost(tool).into());
        }
    }
    Ok(toolchain)
}

impl Toolchain {
    /// Adds those of `tools` that are there and gives back the others.
    fn take_located(&mut self, tools: &[Tool], dir: &Utf8Path, dirs: &Dirs) -> Result<Vec<Tool>> {
        let mut missing = Vec::new();
        for tool in tools {
            match locate_in(dir, *tool, dirs)? {
                Some(located) => drop(self.tools.insert(*tool, located)),
                None => missing.push(*tool),
            }
        }
        Ok(missing)
    }
}

/// Looks for a tool. Never installs; does not look for what the tool needs besides.
///
/// # Errors
/// When a tool of the system is there but broken.
pub fn locate(tool: Tool, dirs: &Dirs) -> Result<Option<Located>> {
    locate_in(&env::here(), tool, dirs)
}

/// [`locate`] for work in the folder `dir`, whose `rust-toolchain.toml` chooses the compiler.
///
/// # Errors
/// As [`locate`].
pub fn locate_in(dir: &Utf8Path, tool: Tool, dirs: &Dirs) -> Result<Option<Located>> {
    match tool {
        Tool::Cargo => rust::cargo(dir, dirs),
        Tool::CargoComponent => rust::cargo_component(dir, dirs),
        Tool::Python => Ok(python::interpreter(dirs).ok()),
        Tool::ComponentizePy => python::componentize_py(dirs),
        Tool::Node => Ok(javascript::node(dirs)),
        Tool::Jco | Tool::ComponentizeQjs | Tool::TypeScript => Ok(javascript::tool(tool, dirs)),
    }
}

/// What [`ensure`] would do to bring a missing tool.
pub fn remedy(tool: Tool, dirs: &Dirs) -> Remedy {
    bundle::remedy(tool, dirs)
}

fn with_needs(tools: &BTreeSet<Tool>) -> BTreeSet<Tool> {
    tools.iter().flat_map(|tool| tool.needs().iter().chain([tool])).copied().collect()
}

/// Brings the tools, those of different sets at the same time.
fn provide_all(tools: &[Tool], dir: &Utf8Path, dirs: &Dirs, reporter: &dyn Reporter) -> Result<()> {
    let sets: BTreeSet<Tool> = tools.iter().map(|tool| tool.set()).collect();
    let done: Vec<Result<()>> = std::thread::scope(|scope| {
        let running: Vec<_> =
            sets.iter().map(|tool| scope.spawn(move || provide(*tool, dir, dirs, reporter))).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    done.into_iter().collect()
}

fn provide(tool: Tool, dir: &Utf8Path, dirs: &Dirs, reporter: &dyn Reporter) -> Result<()> {
    match tool {
        Tool::Cargo => rust::provide_target(rust::COMPONENT_TARGET, dir, dirs, reporter),
        Tool::CargoComponent => rust::provide_cargo_component(dir, dirs, reporter),
        Tool::Python => python::interpreter(dirs).map(drop).map_err(Error::from),
        Tool::ComponentizePy => python::provide_componentize_py(dirs, reporter),
        Tool::Node => javascript::provide_node(dirs, reporter),
        Tool::Jco | Tool::TypeScript => javascript::provide_jco(dirs, reporter),
        Tool::ComponentizeQjs => javascript::provide_quickjs(dirs, reporter),
    }
}

fn lost(tool: Tool) -> ToolchainError {
    ToolchainError::Broken { what: tool.to_string(), said: "it is not found after its installation".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_brings_along_what_it_needs() {
        let wanted = with_needs(&BTreeSet::from([Tool::TypeScript, Tool::ComponentizePy]));
        let expected = [Tool::Python, Tool::ComponentizePy, Tool::Node, Tool::TypeScript];
        assert_eq!(wanted, BTreeSet::from(expected));
    }
}
