//! Adapting and composing: found fresh by what they are made of, or done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::{Builder, ComposeNotes, Done, STEP, entry, step};
use crate::app::Source;
use crate::build::cache::Entry;
use crate::build::fingerprint::{ABSENT, Fingerprint, Input};
use crate::build::inputs::relative;
use crate::build::plan::{Unit, UnitWork, wires};
use crate::build::record::{ADAPTED, Wired};
use crate::digest::Digest;
use crate::error::{FileError, Result};
use crate::event::Event;
use crate::name::ComponentName;
use crate::{adapt, compose};

impl Builder<'_> {
    /// Everything that the result of adapting or composing depends on.
    pub(super) fn reads(&self, unit: &Unit, done: &[Option<Done>]) -> Result<Fingerprint> {
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

    pub(super) fn run_adapt(&self, unit: &Unit, name: &ComponentName, done: &[Option<Done>]) -> Result<Done> {
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
    pub(super) fn say_adapted(&self, name: &ComponentName, notes: &serde_json::Value) {
        if let Some(step) = step(notes).filter(|step| !step.is_between_releases()) {
            let (to, how) = (self.host.wasi.to_string(), step.how);
            self.reporter.report(Event::Adapted { unit: name.to_string(), from: step.from, to, how });
        }
    }

    pub(super) fn run_compose(&self, unit: &Unit, done: &[Option<Done>]) -> Result<Done> {
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
