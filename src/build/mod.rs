//! Building an app: from `jointer.toml` to one component.
//!
//! [`build`] plans units (guest builds, adapting, composing), asks the cache for each one
//! by its fingerprint, runs those that are missing in parallel, and writes `build/APP.wasm` and
//! `build/parts/COMPONENT.wasm`. The network is never touched here: packages come out of the store, and
//! guest tools from `toolchain`.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::app::{App, Dirs};
use crate::digest::Digest;
use crate::error::Result;
use crate::event::Reporter;
use crate::name::ComponentName;

/// How to build.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How many units may run at once; default: one for each core.
    pub jobs: Option<usize>,
    /// Report for every unit why it is fresh or dirty.
    pub explain: bool,
    /// Report what would run, and run nothing.
    pub dry_run: bool,
    /// Build these components only, and compose nothing. Empty: all of them.
    pub only: Vec<ComponentName>,
}

/// A built app.
#[derive(Debug, Clone, Serialize)]
pub struct Built {
    /// The composed component, `build/APP.wasm`; absolute. Not written when [`Options::only`] was given.
    pub component: Utf8PathBuf,
    /// Its digest; `None` when nothing was composed.
    pub digest: Option<Digest>,
    /// Its parts in the manifest's order, those of [`Options::only`] where it was given.
    pub parts: Vec<BuiltPart>,
    /// Parts that nothing reaches from the root: they are not in the composed component.
    pub unreached: Vec<ComponentName>,
}

/// A part of a built app, as it went into the composition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltPart {
    /// `[component.NAME]`.
    pub name: ComponentName,
    /// `build/parts/NAME.wasm`; absolute.
    pub path: Utf8PathBuf,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub bytes: u64,
    /// What it is written in (`rust`, `python`, `javascript`, `typescript`); `None` for files, packages
    /// and commands.
    pub language: Option<String>,
    /// The guest tools that built it, with their versions.
    pub tools: BTreeMap<String, String>,
    /// The digest of everything its guest build could read.
    pub inputs: Digest,
}

/// Builds `app`: everything that changed since the last build, and nothing else.
///
/// # Errors
/// When the sources, a guest tool, adapting or composing fail; whatever was there before stays.
pub fn build(app: &App, dirs: &Dirs, options: &Options, reporter: &dyn Reporter) -> Result<Built> {
    let _ = (app, dirs, options, reporter);
    unimplemented!()
}
