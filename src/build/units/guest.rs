//! Guest builds: found fresh by what they read the last time, or run.

use std::time::Instant;

use super::{Builder, Done, entry};
use crate::build::cache::Entry;
use crate::build::driver::{Driver, Places};
use crate::build::execute::Guest;
use crate::build::fingerprint::{Fingerprint, Input};
use crate::build::inputs::{Inputs, relative, variables};
use crate::build::plan::Unit;
use crate::build::project::Project;
use crate::build::record::PACKAGES;
use crate::build::{driver, inputs};
use crate::error::Result;
use crate::event::Event;
use crate::toolchain::{self, Located};

impl Builder<'_> {
    pub(super) fn fresh_guest(&self, unit: &Unit, project: &Project) -> Result<Option<Done>> {
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
        files.for_each(|path| more.file(inputs::normal(&self.app.dir.join(path))));
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

    pub(super) fn run_guest(&self, unit: &Unit, project: &Project) -> Result<Done> {
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

    pub(super) fn finished(&self, unit: &Unit, entry: &Entry) {
        self.reporter.report(Event::Finished {
            unit: unit.name.clone(),
            millis: entry.millis,
            bytes: entry.bytes,
            digest: entry.output,
        });
    }
}
