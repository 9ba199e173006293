//! What a build consists of: units and what each needs. Plain data, made before anything runs.

use std::collections::BTreeMap;

use super::BuildError;
use super::driver;
use super::project::{Project, Wits};
use super::schedule::Task;
use crate::app::{App, Source, Wire};
use crate::compose;
use crate::error::Result;
use crate::name::{ComponentName, nearest};

/// All units, each after those that it needs.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) units: Vec<Unit>,
}

/// One step of a build, with a result of its own.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    /// What it is called: the component, `adapt COMPONENT`, `compose APP`.
    pub(super) name: String,
    /// What it does.
    pub(super) work: UnitWork,
    /// The units whose results it needs.
    pub(super) needs: Vec<usize>,
}

/// What a unit does.
#[derive(Debug, Clone)]
pub(super) enum UnitWork {
    /// Starts guest tools.
    Guest(Box<Project>),
    /// Makes a part fit the app's WASI version: the result of the unit that it needs, or what the
    /// component's source gives.
    Adapt(ComponentName),
    /// Joins the parts.
    Compose,
}

impl Plan {
    /// Of the components `only`, or of the whole app when there are none.
    ///
    /// # Errors
    /// When a component is unknown, its language cannot be told, or its world does not exist.
    pub(super) fn of(app: &App, only: &[ComponentName]) -> Result<Self> {
        let known: Vec<&ComponentName> = app.components.keys().collect();
        if let Some(name) = only.iter().find(|name| !known.contains(name)) {
            return Err(unknown(name, &known).into());
        }
        let mut wits = Wits::default();
        let mut units = Vec::new();
        let mut parts = Vec::new();
        for component in app.components.values().filter(|one| only.is_empty() || only.contains(&one.name)) {
            let guest = Project::of(app, component, &mut wits)?.map(|project| {
                let work = UnitWork::Guest(Box::new(project));
                units.push(Unit { name: component.name.to_string(), work, needs: Vec::new() });
                units.len() - 1
            });
            debug_assert_eq!(
                guest.is_none(),
                matches!(component.source, Source::File(_) | Source::Package(_))
            );
            parts.push((component.name.clone(), guest));
        }
        let mut adapted = Vec::new();
        for (name, guest) in parts {
            adapted.push(units.len());
            let unit_name = format!("adapt {name}");
            units.push(Unit {
                name: unit_name,
                work: UnitWork::Adapt(name),
                needs: guest.into_iter().collect(),
            });
        }
        if only.is_empty() {
            let name = format!("compose {}", app.name.name);
            units.push(Unit { name, work: UnitWork::Compose, needs: adapted });
        }
        Ok(Self { units })
    }

    /// What the scheduler has to know.
    pub(super) fn tasks(&self) -> Vec<Task> {
        self.units.iter().map(Unit::task).collect()
    }
}

impl Unit {
    fn task(&self) -> Task {
        let needs = self.needs.clone();
        match &self.work {
            UnitWork::Guest(project) => {
                let driver = driver::of(&project.kind);
                let (memory, length) = (driver.memory(project), driver.length(project));
                Task { needs, memory, length, alone: driver.alone() }
            }
            UnitWork::Adapt(_) => Task { needs, memory: 100 << 20, length: 1, alone: None },
            UnitWork::Compose => Task { needs, memory: 200 << 20, length: 1, alone: None },
        }
    }

    /// What is shown as doing the work.
    pub(super) fn with(&self) -> &'static str {
        match &self.work {
            UnitWork::Guest(project) => driver::of(&project.kind).name(project),
            UnitWork::Adapt(_) => "adapt",
            UnitWork::Compose => "compose",
        }
    }
}

fn unknown(name: &ComponentName, known: &[&ComponentName]) -> BuildError {
    let names = || known.iter().map(|name| name.as_str());
    let near = nearest(name.as_str(), names());
    let help = if near.is_empty() {
        format!("its components are `{}`", names().collect::<Vec<_>>().join("`, `"))
    } else {
        format!("did you mean `{}`?", near.join("`, `"))
    };
    BuildError::UnknownComponent { name: name.to_string(), help }
}

/// The manifest's explicit wiring of a part, in `compose`'s words.
pub(super) fn wires(app: &App, name: &ComponentName) -> BTreeMap<String, compose::Wire> {
    let imports = app.components.get(name).map(|component| &component.imports);
    let wire = |wire: &Wire| match wire {
        Wire::Host => compose::Wire::Host,
        Wire::Part { component, export } => {
            compose::Wire::Part { component: component.to_string(), export: export.clone() }
        }
    };
    imports.into_iter().flatten().map(|(import, to)| (import.clone(), wire(to))).collect()
}
