//! Building an app: from `jointer.toml` to one component.
//!
//! [`build`] plans units (guest builds, adapting, composing), asks the cache for each one by its
//! fingerprint, runs those that are missing in parallel, and writes `build/APP.wasm` and
//! `build/parts/COMPONENT.wasm`. The network is never touched here: packages come out of the store, and
//! guest tools from `toolchain`.

mod adapted;
mod cache;
mod check;
mod driver;
mod error;
mod execute;
mod files;
mod fingerprint;
mod inputs;
mod lock;
mod memory;
mod packages;
mod plan;
mod project;
mod record;
mod reproduce;
mod schedule;
mod stat;
mod units;

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::app::{App, Component, Dirs};
use crate::component::Packages;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::event::{Event, Reporter};
use crate::file;
use crate::name::ComponentName;
use crate::toolchain::Tool;

use plan::{Plan, UnitWork};
use units::{Builder, Done};

pub use check::{Finding, check};
pub use error::BuildError;
pub use record::{Record, UnitRecord, Wired};
pub use reproduce::{Reproduced, reproduce};

/// How to build.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How many units may run at once; default: one for each core.
    pub jobs: Option<usize>,
    /// Report for every unit why it is fresh or dirty.
    pub explain: bool,
    /// Report what would run, and run nothing.
    pub dry_run: bool,
    /// Refuse to build something that is adapted otherwise than `jointer.lock` says.
    pub locked: bool,
    /// Build these components only, and compose nothing. Empty: all of them.
    pub only: Vec<ComponentName>,
    /// Another place for cargo's home than its own.
    pub cargo_home: Option<Utf8PathBuf>,
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
    /// Exported although the root does not: interfaces whose types the root's exports mention.
    pub extra_exports: Vec<String>,
    /// Which part's export satisfies which part's import; every other import is the host's.
    pub wiring: Vec<Wired>,
    /// Whether anything had to be made or written.
    pub changed: bool,
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
    /// The packages of its language that went into it, where that is known.
    #[serde(skip)]
    pub packages: Option<Packages>,
}

/// Builds `app`: everything that changed since the last build, and nothing else.
///
/// # Errors
/// When the sources, a guest tool, adapting or composing fail; whatever was there before stays.
pub fn build(app: &App, dirs: &Dirs, options: &Options, reporter: &dyn Reporter) -> Result<Built> {
    let _alone = lock::hold(&app.build_dir(), reporter)?;
    // A result that the cache lost is noticed when it is used, and then made anew; at worst one after
    // the other, each part's two and the whole.
    let mut attempts = 2 * app.components.len() + 2;
    loop {
        match attempt(app, dirs, options, reporter) {
            Err(error) if attempts > 0 && lost(&error) => attempts -= 1,
            done => return done,
        }
    }
}

fn lost(error: &Error) -> bool {
    matches!(error.downcast_ref(), Some(BuildError::CacheLost { .. }))
}

fn attempt(app: &App, dirs: &Dirs, options: &Options, reporter: &dyn Reporter) -> Result<Built> {
    let plan = Plan::of(app, &options.only)?;
    let builder = Builder::new(app, dirs, options, reporter, plan)?;
    if options.dry_run {
        builder.explain()?;
        return Ok(builder.nothing());
    }
    let limits = schedule::Limits {
        jobs: options.jobs.unwrap_or_else(processors).max(1),
        memory: memory::available(),
    };
    let done = schedule::run(&builder.plan.tasks(), limits, &builder);
    let built = done.and_then(|done| builder.place(&done));
    // What is done is done, even if something else failed.
    builder.finish()?;
    built
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The language that jointer takes a component for; `None` for files, packages and commands.
///
/// # Errors
/// When its folder says nothing, or too much.
pub fn language(component: &Component) -> Result<Option<&'static str>> {
    project::language(component)
}

/// The guest tools that building `app` needs. Its WIT may still be wrong.
///
/// # Errors
/// When the language of a component cannot be told.
pub fn tools(app: &App) -> Result<BTreeSet<Tool>> {
    let mut tools = BTreeSet::new();
    for component in app.components.values() {
        if let Some(project) = project::Project::without_world(app, component)? {
            tools.extend(driver::of(&project.kind).tools(&project));
        }
    }
    Ok(tools)
}

/// Removes everything that builds of `app` made in its folder. The user cache stays.
///
/// # Errors
/// When a file cannot be removed.
pub fn clean(app: &App, reporter: &dyn Reporter) -> Result<()> {
    let dir = app.build_dir();
    if dir.is_dir() {
        let _alone = lock::hold(&dir, reporter)?;
        files::remove_folder(&dir)?;
    }
    Ok(())
}

impl Builder<'_> {
    /// Puts the results where users look for them: those that are not there already.
    fn place(&self, done: &[Done]) -> Result<Built> {
        let mut built = self.nothing();
        let lock = self.settle(done)?;
        for (unit, done) in self.plan.units.iter().zip(done) {
            match &unit.work {
                UnitWork::Guest(_) => {}
                UnitWork::Adapt(name) => {
                    let path = self.app.build_dir().join("parts").join(format!("{name}.wasm"));
                    built.changed |= self.put(&path, done, &unit.name)?;
                    built.parts.push(self.part(name, path, done));
                }
                UnitWork::Compose => {
                    built.changed |= self.put(&built.component, done, &unit.name)?;
                    built.digest = Some(done.digest);
                    self.composed(done, &mut built);
                }
            }
        }
        lock.write()?;
        Ok(built)
    }

    /// What `jointer.lock` is to say of these results.
    fn settle(&self, done: &[Done]) -> Result<adapted::Settled> {
        let parts = self.plan.units.iter().zip(done).filter_map(|(unit, done)| match &unit.work {
            UnitWork::Adapt(name) => Some((name.clone(), units::step(&done.notes))),
            _ => None,
        });
        let whole = self.plan.units.iter().any(|unit| matches!(unit.work, UnitWork::Compose));
        adapted::settle(self.app, &parts.collect(), whole, self.locked)
    }

    /// Whether it had to be written.
    fn put(&self, path: &Utf8Path, done: &Done, unit: &str) -> Result<bool> {
        if self.stats.digest(path).is_ok_and(|there| there == done.digest) {
            return Ok(false);
        }
        file::write(path, &self.bytes(unit, done.digest)?)?;
        Ok(true)
    }

    fn composed(&self, done: &Done, built: &mut Built) {
        let notes: units::ComposeNotes = serde_json::from_value(done.notes.clone()).unwrap_or_default();
        for name in &notes.unreached {
            self.reporter.report(Event::Warning {
                code: "build::unreached".to_owned(),
                text: format!("nothing that the root `{}` imports leads to `{name}`: it was left out", self.app.root),
                help: format!(
                    "import one of its exports in the world of another component, or remove `[component.{name}]`"
                ),
            });
        }
        built.unreached = notes.unreached.iter().filter_map(|name| name.parse().ok()).collect();
        built.extra_exports = notes.extra_exports;
        built.wiring = notes.wiring;
    }
}
