//! How each unit is found fresh, and how it is run.

mod guest;
mod joined;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::cache::{Cache, Entry};
use super::driver;
use super::fingerprint::Fingerprint;
use super::plan::{Plan, Unit, UnitWork};
use super::record::{Record, UnitRecord, Wired};
use super::schedule::Work;
use super::stat::Stats;
use super::{BuildError, Built, BuiltPart, Options, files};
use crate::app::{App, Dirs, Source};
use crate::digest::Digest;
use crate::error::Result;
use crate::event::{Event, Reporter};
use crate::name::ComponentName;
use crate::{adapt, host};

/// Everything that the units of one build share.
pub(super) struct Builder<'a> {
    pub(super) app: &'a App,
    pub(super) plan: Plan,
    pub(super) stats: Stats,
    pub(super) reporter: &'a dyn Reporter,
    dirs: &'a Dirs,
    cargo_home: Utf8PathBuf,
    explain: bool,
    pub(super) locked: bool,
    host: host::Profile,
    cache: Cache,
    record: Mutex<Record>,
    before: Record,
    packages: BTreeMap<ComponentName, Vec<u8>>,
    /// For what is temporary in this run; removed at its end.
    tmp: Utf8PathBuf,
    /// What adapts and composes: this very program.
    itself: String,
}

/// A unit's result, by name; the bytes are in the cache.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub(super) digest: Digest,
    pub(super) bytes: u64,
    /// The digest of everything that it could read.
    pub(super) inputs: Digest,
    pub(super) notes: serde_json::Value,
}

/// The note of a unit that adapts, with what it did in its parts.
const STEP: &str = "step";

/// What adapting did to a part, if anything.
pub(super) fn step(notes: &serde_json::Value) -> Option<adapt::Step> {
    serde_json::from_value(notes.get(STEP)?.clone()).ok()
}

/// What composing has to say besides its result.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct ComposeNotes {
    pub(super) unreached: Vec<String>,
    pub(super) extra_exports: Vec<String>,
    #[serde(default)]
    pub(super) wiring: Vec<Wired>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        app: &'a App,
        dirs: &'a Dirs,
        options: &Options,
        reporter: &'a dyn Reporter,
        plan: Plan,
    ) -> Result<Self> {
        let build = app.build_dir();
        let stats = Stats::open(build.join("stat-v1.json"));
        let before = Record::read(&Record::path(app));
        let has_packages = app.components.values().any(|one| matches!(one.source, Source::Package(_)));
        Ok(Self {
            app,
            plan,
            reporter,
            dirs,
            cargo_home: options.cargo_home.clone().unwrap_or_else(driver::cargo_home),
            explain: options.explain || options.dry_run,
            locked: options.locked,
            host: host::resolve(&app.targets, app.wasi.as_ref())?,
            cache: Cache::at(dirs.units()),
            record: Mutex::new(before.clone()),
            before,
            packages: if has_packages { crate::deps::resolved(app, dirs)? } else { BTreeMap::new() },
            tmp: build.join("tmp").join(std::process::id().to_string()),
            itself: itself(&stats),
            stats,
        })
    }

    /// The answer before anything was made.
    pub(super) fn nothing(&self) -> Built {
        Built {
            component: self.app.output(),
            digest: None,
            parts: Vec::new(),
            unreached: Vec::new(),
            extra_exports: Vec::new(),
            wiring: Vec::new(),
            changed: false,
        }
    }

    /// Says for each unit whether it would run, and runs none.
    pub(super) fn explain(&self) -> Result<()> {
        let mut done: Vec<Option<Done>> = Vec::new();
        for (at, unit) in self.plan.units.iter().enumerate() {
            let missing = unit.needs.iter().find(|need| done[**need].is_none());
            let result = match missing {
                None => self.fresh(at, &done)?,
                Some(need) => {
                    let why = format!("`{}` is made anew", self.plan.units[*need].name);
                    self.reporter.report(Event::Dirty { unit: unit.name.clone(), why });
                    None
                }
            };
            done.push(result);
        }
        Ok(())
    }

    /// Writes down what was done and removes what was temporary.
    pub(super) fn finish(&self) -> Result<()> {
        files::remove_folder(&self.app.build_dir().join("tmp"))?;
        self.stats.save();
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner).clone();
        record.jointer = env!("CARGO_PKG_VERSION").to_owned();
        if self.plan.units.iter().any(|unit| matches!(unit.work, UnitWork::Compose)) {
            record.units.retain(|name, _| self.plan.units.iter().any(|unit| unit.name == *name));
        }
        if record != self.before {
            record.write(&Record::path(self.app))?;
        }
        Ok(())
    }

    /// What is known of a part.
    pub(super) fn part(&self, name: &ComponentName, path: Utf8PathBuf, done: &Done) -> BuiltPart {
        let guest = self.plan.units.iter().find(|unit| unit.name == name.as_str());
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let built = record.units.get(name.as_str()).filter(|_| guest.is_some());
        let language = guest.and_then(|unit| match &unit.work {
            UnitWork::Guest(project) => project.kind.language(),
            _ => None,
        });
        BuiltPart {
            name: name.clone(),
            path,
            digest: done.digest,
            bytes: done.bytes,
            language: language.map(str::to_owned),
            tools: built.map(|unit| unit.tools.clone()).unwrap_or_default(),
            inputs: built.map_or(done.inputs, |unit| unit.inputs),
            packages: built.and_then(|unit| unit.packages.clone()),
        }
    }

    /// The bytes of a result that the cache should have.
    pub(super) fn bytes(&self, unit: &str, digest: Digest) -> Result<Vec<u8>> {
        self.cache
            .read(digest)?
            .ok_or_else(|| BuildError::CacheLost { unit: unit.to_owned(), cache: self.dirs.units() }.into())
    }

    fn remember(&self, unit: &Unit, inputs: Digest, entry: &Entry, reads: Fingerprint) {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        record.units.insert(unit.name.clone(), UnitRecord::new(inputs, entry, reads));
    }

    /// The cached result for a fingerprint, said and remembered.
    fn found(&self, unit: &Unit, reads: &Fingerprint) -> Option<Done> {
        let inputs = reads.digest();
        let entry = self.cache.find(inputs)?;
        if self.explain {
            self.reporter.report(Event::Fresh { unit: unit.name.clone() });
        }
        // Where it was adapted before does not matter: that it is, is news here.
        if let UnitWork::Adapt(name) = &unit.work
            && self.before.units.get(&unit.name).is_none_or(|before| before.inputs != inputs)
        {
            self.say_adapted(name, &entry.notes);
        }
        self.remember(unit, inputs, &entry, reads.clone());
        Some(Done::new(inputs, entry))
    }

    fn dirty(&self, unit: &Unit, why: impl FnOnce() -> String) {
        if self.explain {
            self.reporter.report(Event::Dirty { unit: unit.name.clone(), why: why() });
        }
    }

    /// Why a unit is dirty, compared with the last build.
    fn why(&self, unit: &Unit, reads: &Fingerprint) -> String {
        match self.before.units.get(&unit.name) {
            None => "it was never built here".to_owned(),
            Some(before) => reads
                .first_difference(&before.reads)
                .unwrap_or_else(|| "its result is no longer in the cache".to_owned()),
        }
    }
}

impl Done {
    fn new(inputs: Digest, entry: Entry) -> Self {
        let Entry { output, bytes, notes, .. } = entry;
        Self { digest: output, bytes, inputs, notes }
    }
}

impl Work for Builder<'_> {
    type Output = Done;

    fn fresh(&self, unit: usize, done: &[Option<Done>]) -> Result<Option<Done>> {
        let unit = &self.plan.units[unit];
        if let UnitWork::Guest(project) = &unit.work {
            return self.fresh_guest(unit, project);
        }
        let reads = self.reads(unit, done)?;
        let found = self.found(unit, &reads);
        if found.is_none() {
            self.dirty(unit, || self.why(unit, &reads));
        }
        Ok(found)
    }

    fn run(&self, unit: usize, done: &[Option<Done>]) -> Result<Done> {
        let unit = &self.plan.units[unit];
        let result = match &unit.work {
            UnitWork::Guest(project) => self.run_guest(unit, project),
            UnitWork::Adapt(name) => self.run_adapt(unit, name, done),
            UnitWork::Compose => self.run_compose(unit, done),
        };
        if result.is_err() {
            self.reporter.report(Event::Failed { unit: unit.name.clone() });
        }
        result
    }
}

fn entry(bytes: &[u8], began: Instant, tools: BTreeMap<String, String>, notes: serde_json::Value) -> Entry {
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Entry { output: Digest::of(bytes), bytes: bytes.len() as u64, millis, tools, notes }
}

/// What identifies the program that adapts and composes: its own bytes, because two builds of one
/// version may differ while jointer is developed.
fn itself(stats: &Stats) -> String {
    let path = std::env::current_exe().ok().and_then(|path| Utf8PathBuf::from_path_buf(path).ok());
    let digest = path.and_then(|path| stats.digest(&path).ok());
    digest.map_or_else(|| env!("CARGO_PKG_VERSION").to_owned(), |digest| digest.short())
}
