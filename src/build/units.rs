//! How each unit is found fresh, and how it is run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use super::cache::{Cache, Entry};
use super::driver::{self, Driver, Places};
use super::execute::Guest;
use super::fingerprint::{ABSENT, Fingerprint, Input};
use super::inputs::{Inputs, relative, variables};
use super::plan::{Plan, Unit, UnitWork, wires};
use super::project::Project;
use super::record::{ADAPTED, PACKAGES, Record, UnitRecord, Wired};
use super::schedule::Work;
use super::stat::Stats;
use super::{BuildError, Built, BuiltPart, Options, files};
use crate::app::{App, Dirs, Source};
use crate::digest::Digest;
use crate::error::{FileError, Result};
use crate::event::{Event, Reporter};
use crate::name::ComponentName;
use crate::toolchain::{self, Located};
use crate::{adapt, compose, host};

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

/// Guest builds.
impl Builder<'_> {
    fn fresh_guest(&self, unit: &Unit, project: &Project) -> Result<Option<Done>> {
        let driver = driver::of(&project.kind);
        let inputs = driver.inputs(project)?;
        // What is wrong with the project itself is said before any tool is looked for.
        driver.steps(project, &Places::signs(project, driver))?;
        let mut tools = Vec::new();
        for tool in driver.tools(project) {
            match toolchain::locate_in(&project.dir, tool, self.dirs)? {
                Some(located) => tools.push(located),
                None => {
                    self.dirty(unit, || format!("{tool} is not installed yet"));
                    return Ok(None);
                }
            }
        }
        let known = self.known(project, driver, &inputs, &tools)?;
        if let Some(done) = self.look_up(unit, &known)? {
            return Ok(Some(done));
        }
        self.dirty(unit, || self.why(unit, &self.as_before(unit, known)));
        Ok(None)
    }

    /// Everything that is known before the build.
    fn known(
        &self,
        project: &Project,
        driver: &dyn Driver,
        inputs: &Inputs,
        tools: &[Located],
    ) -> Result<Fingerprint> {
        let mut known = inputs.fingerprint(&project.app, &self.stats)?;
        known.extend(variables(&project.variables).1);
        for tool in tools {
            known.add(Input::Tool(tool.tool.to_string()), tool.identity.clone());
        }
        if let (Some(world), true) = (&project.world, driver.staged()) {
            known.add(Input::World(world.name.clone()), world.digest.hex());
        }
        let steps = driver.steps(project, &Places::signs(project, driver))?;
        known.add(Input::Setting("the command line".into()), format!("{steps:?}"));
        known.add(Input::Setting("the place in the app".into()), relative(&project.dir, &project.app));
        known.add(Input::Setting("jointer's driver".into()), driver.version().to_string());
        Ok(known)
    }

    /// The cached result, tried with each list of files that such a build was seen to read.
    fn look_up(&self, unit: &Unit, known: &Fingerprint) -> Result<Option<Done>> {
        let mut lists = self.cache.reads(known.digest());
        if lists.is_empty() {
            lists.push(Vec::new());
        }
        for list in lists {
            let reads = self.with_files(known.clone(), list.iter().map(String::as_str))?;
            if let Some(done) = self.found(unit, &reads) {
                return Ok(Some(done));
            }
        }
        Ok(None)
    }

    fn with_files<'f>(
        &self,
        mut known: Fingerprint,
        files: impl Iterator<Item = &'f str>,
    ) -> Result<Fingerprint> {
        let mut more = Inputs::default();
        files.for_each(|path| more.file(super::inputs::normal(&self.app.dir.join(path))));
        known.extend(more.fingerprint(&self.app.dir, &self.stats)?);
        Ok(known)
    }

    /// With the files that the last build read besides, as they are now: so that a difference in them is
    /// named.
    fn as_before(&self, unit: &Unit, known: Fingerprint) -> Fingerprint {
        let Some(before) = self.before.units.get(&unit.name) else { return known };
        let own: std::collections::BTreeSet<&str> = known.files().collect();
        let more: Vec<String> =
            before.reads.files().filter(|path| !own.contains(path)).map(str::to_owned).collect();
        self.with_files(known.clone(), more.iter().map(String::as_str)).unwrap_or(known)
    }

    fn run_guest(&self, unit: &Unit, project: &Project) -> Result<Done> {
        let driver = driver::of(&project.kind);
        let wanted = driver.tools(project);
        let tools = toolchain::ensure_in(&project.dir, &wanted, self.dirs, self.reporter)?;
        let located: Vec<Located> = wanted.iter().map(|tool| tools.get(*tool).clone()).collect();
        let inputs = driver.inputs(project)?;
        let known = self.known(project, driver, &inputs, &located)?;
        // Tools that were missing before are there now, and perhaps the result is as well.
        if let Some(done) = self.look_up(unit, &known)? {
            return Ok(done);
        }
        self.reporter.report(Event::Started { unit: unit.name.clone(), with: unit.with().to_owned() });
        let began = Instant::now();
        let tmp = self.tmp.join(&project.name);
        let places = Places::new(project, driver, self.dirs, self.cargo_home.clone(), tmp);
        let guest = Guest {
            project,
            driver,
            places: &places,
            inputs: &inputs,
            tools: &tools,
            reporter: self.reporter,
        };
        let bytes = guest.run()?;
        let versions = located.iter().map(|tool| (tool.tool.to_string(), tool.version.clone())).collect();
        let notes = serde_json::json!({ (PACKAGES): guest.packages() });
        let entry = entry(&bytes, began, versions, notes);
        self.keep_guest(unit, project, &known, &located, &places, &bytes, entry)
    }

    /// Keeps a result under what was read for it: unless the sources changed meanwhile, because nobody
    /// knows then which of the two states it is of.
    #[allow(clippy::too_many_arguments, reason = "all of one build, in the order of its making")]
    fn keep_guest(
        &self,
        unit: &Unit,
        project: &Project,
        known: &Fingerprint,
        tools: &[Located],
        places: &Places,
        bytes: &[u8],
        entry: Entry,
    ) -> Result<Done> {
        let driver = driver::of(&project.kind);
        let now = self.known(project, driver, &driver.inputs(project)?, tools)?;
        let own: std::collections::BTreeSet<&str> = now.files().collect();
        let also = driver.also_read(project, places)?;
        let also: Vec<String> = also
            .iter()
            .map(|path| relative(path, &self.app.dir).into_string())
            .filter(|path| !own.contains(path.as_str()))
            .collect();
        let reads = self.with_files(now.clone(), also.iter().map(String::as_str))?;
        let inputs = reads.digest();
        self.finished(unit, &entry);
        if !driver.same(known, &now) {
            self.cache.keep_result(entry.output, bytes)?;
            self.reporter.report(Event::Warning {
                code: "build::changed_meanwhile".to_owned(),
                text: format!("the sources of `{}` changed while it was built", unit.name),
                help: "build again to be sure that all of the change is in".to_owned(),
            });
            return Ok(Done::new(inputs, entry));
        }
        if !driver.staged() {
            self.cache.remember_reads(now.digest(), &also)?;
        }
        let entry = self.cache.keep(inputs, bytes, entry)?;
        self.remember(unit, inputs, &entry, reads);
        Ok(Done::new(inputs, entry))
    }

    fn finished(&self, unit: &Unit, entry: &Entry) {
        self.reporter.report(Event::Finished {
            unit: unit.name.clone(),
            millis: entry.millis,
            bytes: entry.bytes,
            digest: entry.output,
        });
    }
}

fn entry(bytes: &[u8], began: Instant, tools: BTreeMap<String, String>, notes: serde_json::Value) -> Entry {
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Entry { output: Digest::of(bytes), bytes: bytes.len() as u64, millis, tools, notes }
}

/// Adapting and composing.
impl Builder<'_> {
    /// Everything that the result of adapting or composing depends on.
    fn reads(&self, unit: &Unit, done: &[Option<Done>]) -> Result<Fingerprint> {
        let mut reads = Fingerprint::default();
        reads.add(Input::Tool("jointer".into()), self.itself.clone());
        reads.add(Input::Setting("the WASI version".into()), self.host.wasi.to_string());
        for need in &unit.needs {
            if let Some(done) = &done[*need] {
                reads.add(Input::Component(self.plan.units[*need].name.clone()), done.digest.hex());
            }
        }
        match &unit.work {
            UnitWork::Guest(_) => {}
            UnitWork::Adapt(name) => reads.extend(self.ready(name)?),
            UnitWork::Compose => {
                reads.add(Input::Setting("`root`".into()), self.app.root.to_string());
                reads.add(Input::Setting("`exports`".into()), self.app.strict_exports.to_string());
                reads.add(Input::Setting("the host".into()), self.host.name.clone());
                for component in self.app.components.values() {
                    let what = format!("`[component.{}.imports]`", component.name);
                    reads.add(Input::Setting(what), format!("{:?}", component.imports));
                }
            }
        }
        Ok(reads)
    }

    /// The fingerprint of a component that needs no guest build.
    fn ready(&self, name: &ComponentName) -> Result<Fingerprint, FileError> {
        let mut reads = Fingerprint::default();
        match self.app.components.get(name).map(|component| &component.source) {
            Some(Source::File(path)) => {
                let digest = self.stats.digest(path).map_err(|error| FileError::reading(path, &error))?;
                reads.add(Input::File(relative(path, &self.app.dir).into_string()), digest.hex());
            }
            Some(Source::Package(request)) => {
                let digest = self.packages.get(name).map(|bytes| Digest::of(bytes).hex());
                let digest = digest.unwrap_or_else(|| ABSENT.to_owned());
                reads.add(Input::Component(request.to_string()), digest);
            }
            _ => {}
        }
        Ok(reads)
    }

    fn part_bytes(&self, unit: &Unit, name: &ComponentName, done: &[Option<Done>]) -> Result<Vec<u8>> {
        if let Some(done) = unit.needs.first().and_then(|need| done[*need].as_ref()) {
            return self.bytes(name.as_str(), done.digest);
        }
        match self.app.components.get(name).map(|component| &component.source) {
            Some(Source::File(path)) => Ok(crate::file::read(path)?),
            _ => Ok(self.packages.get(name).cloned().unwrap_or_default()),
        }
    }

    fn run_adapt(&self, unit: &Unit, name: &ComponentName, done: &[Option<Done>]) -> Result<Done> {
        let began = Instant::now();
        let reads = self.reads(unit, done)?;
        let bytes = self.part_bytes(unit, name, done)?;
        let adapted = adapt::fit(&bytes, &self.host)?;
        // What was done before, by whoever made the part, is its own affair.
        let changed = adapted.how != adapt::How::Unchanged;
        let step = changed.then(|| adapt::steps(&adapted.bytes).pop()).flatten();
        let notes = serde_json::json!({
            "from": adapted.from, "how": adapted.how.word(),
            (ADAPTED): step.as_ref().map(ToString::to_string), (STEP): step,
        });
        self.say_adapted(name, &notes);
        let entry = entry(&adapted.bytes, began, BTreeMap::new(), notes);
        self.keep(unit, reads, &adapted.bytes, entry)
    }

    /// One line about what adapting did. A step between two final versions changes nothing that anybody could
    /// notice, and is passed over.
    fn say_adapted(&self, name: &ComponentName, notes: &serde_json::Value) {
        if let Some(step) = step(notes).filter(|step| !step.is_between_releases()) {
            let (to, how) = (self.host.wasi.to_string(), step.how);
            self.reporter.report(Event::Adapted { unit: name.to_string(), from: step.from, to, how });
        }
    }

    fn run_compose(&self, unit: &Unit, done: &[Option<Done>]) -> Result<Done> {
        let began = Instant::now();
        let reads = self.reads(unit, done)?;
        self.reporter.report(Event::Started { unit: unit.name.clone(), with: unit.with().to_owned() });
        let mut parts = Vec::new();
        for need in &unit.needs {
            let UnitWork::Adapt(name) = &self.plan.units[*need].work else { continue };
            let Some(done) = &done[*need] else { continue };
            let bytes = Arc::from(self.bytes(&self.plan.units[*need].name, done.digest)?);
            parts.push(compose::Part { name: name.to_string(), bytes, wires: wires(self.app, name) });
        }
        let host_offers = |import: &str| self.host.offers(import);
        let options = compose::Options { strict_exports: self.app.strict_exports, host_offers: &host_offers };
        let composed = compose::compose(&parts, self.app.root.as_str(), &options)?;
        let wiring = composed.edges.into_iter().map(|edge| Wired {
            consumer: edge.consumer,
            import: edge.import,
            provider: edge.provider,
            export: edge.export,
        });
        let notes = ComposeNotes {
            unreached: composed.unreached,
            extra_exports: composed.extra_exports,
            wiring: wiring.collect(),
        };
        let notes = serde_json::to_value(notes).unwrap_or_default();
        let entry = entry(&composed.bytes, began, BTreeMap::new(), notes);
        self.finished(unit, &entry);
        self.keep(unit, reads, &composed.bytes, entry)
    }

    fn keep(&self, unit: &Unit, reads: Fingerprint, bytes: &[u8], entry: Entry) -> Result<Done> {
        let inputs = reads.digest();
        let entry = self.cache.keep(inputs, bytes, entry)?;
        self.remember(unit, inputs, &entry, reads);
        Ok(Done::new(inputs, entry))
    }
}

/// What identifies the program that adapts and composes: its own bytes, because two builds of one
/// version may differ while jointer is developed.
fn itself(stats: &Stats) -> String {
    let path = std::env::current_exe().ok().and_then(|path| Utf8PathBuf::from_path_buf(path).ok());
    let digest = path.and_then(|path| stats.digest(&path).ok());
    digest.map_or_else(|| env!("CARGO_PKG_VERSION").to_owned(), |digest| digest.short())
}
