//! Guest tools: for now only found in PATH; this room's engineer replaces the file with the whole.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use crate::app::Dirs;
use crate::error::Result;
use crate::event::Reporter;
use crate::process::ProcessError;

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

/// Finds the tools, for work in the folder `dir`.
///
/// # Errors
/// When one is missing.
pub fn ensure_in(
    dir: &Utf8Path,
    tools: &BTreeSet<Tool>,
    dirs: &Dirs,
    _reporter: &dyn Reporter,
) -> Result<Toolchain> {
    let mut toolchain = Toolchain::default();
    for tool in tools {
        let located = locate_in(dir, *tool, dirs)?.ok_or_else(|| ProcessError::NotStarted {
            program: tool.to_string(),
            reason: "it is not in PATH".to_owned(),
        })?;
        toolchain.tools.insert(*tool, located);
    }
    Ok(toolchain)
}

/// Looks for a tool in PATH.
///
/// # Errors
/// None yet.
pub fn locate_in(_dir: &Utf8Path, tool: Tool, _dirs: &Dirs) -> Result<Option<Located>> {
    let name = match tool {
        Tool::Python => "python3",
        Tool::TypeScript => "tsc",
        tool => tool.name(),
    };
    let path = std::env::var("PATH").unwrap_or_default();
    let found = path.split(':').map(|dir| Utf8PathBuf::from(dir).join(name)).find(|path| path.is_file());
    let passed = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
    let env = passed.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
    Ok(found.map(|program| Located {
        tool,
        version: "unknown".to_owned(),
        identity: name.to_owned(),
        argv: vec![program.into_string()],
        env: env.collect(),
        origin: Origin::System,
    }))
}
