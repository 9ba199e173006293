//! Decides what has to be done so that a component fits a snapshot.

use std::collections::{BTreeMap, BTreeSet};

use super::AdaptError;
use super::bridge::{self, Way};
use super::built::Built;
use super::shape::defines;
use super::snapshot::{Interface, Snapshot, describe};
use super::track;
use super::uses::{Used, Uses};

/// What has to be done.
#[derive(Default)]
pub(super) struct Plan {
    /// What stands in for functions that differ, by the name of the import.
    pub(super) bridged: BTreeMap<String, BTreeMap<String, Way>>,
    /// Imports that are components built beforehand, by name.
    pub(super) taken: BTreeMap<String, &'static Built>,
    /// Imports with a type that is another one in the target, or none. Nothing that is called mentions it
    /// unless it is bridged, but it must be there.
    pub(super) retyped: BTreeSet<String>,
    /// Whether a type of the component means another one in the target.
    differs: bool,
    /// Whether an interface is imported in two versions.
    pub(super) twice: bool,
    /// Whether any name changes.
    pub(super) renames: bool,
}

impl Plan {
    /// Whether names are not enough, so that something must stand between component and host.
    pub(super) fn wraps(&self) -> bool {
        self.differs || !self.bridged.is_empty()
    }

    /// Whether an import is given something else than the target's interface.
    pub(super) fn is_adapted(&self, import: &str) -> bool {
        self.bridged.contains_key(import) || self.retyped.contains(import)
    }

    /// The functions that an adapter stands in for, sorted: `wasi:io/poll poll-list`.
    pub(super) fn functions(&self, uses: &Uses) -> Vec<String> {
        self.functions_by(uses, |_| true)
    }

    /// Those of them that only fail.
    pub(super) fn stubs(&self, uses: &Uses) -> Vec<String> {
        self.functions_by(uses, |way| matches!(way, Way::Stub))
    }

    fn functions_by(&self, uses: &Uses, wanted: fn(&Way) -> bool) -> Vec<String> {
        let of = |used: &Used| {
            let bridged = self.bridged.get(&used.name).into_iter().flatten();
            let functions = bridged.filter(|(_, way)| wanted(way)).map(|(function, _)| function);
            functions.map(|function| format!("wasi:{} {function}", used.key)).collect::<Vec<_>>()
        };
        let functions: BTreeSet<String> = uses.imports.iter().flat_map(of).collect();
        functions.into_iter().collect()
    }
}

/// What is done about functions that the target lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lacking {
    /// The component is refused.
    #[default]
    Refuse,
    /// Their calls give an error of their own type, else they trap.
    Stub,
}

/// Compares everything that a component uses with the target.
pub(super) fn decide(uses: &Uses, target: &Snapshot) -> Result<Plan, AdaptError> {
    decide_with(uses, target, Lacking::Refuse)
}

/// [`decide`], with something done about functions that are lacking.
pub(super) fn decide_with(uses: &Uses, target: &Snapshot, lacking: Lacking) -> Result<Plan, AdaptError> {
    let mut plan = Plan::default();
    let mut seen = BTreeSet::new();
    for used in &uses.imports {
        import(used, target, lacking, &mut plan)?;
        plan.twice |= !seen.insert(&used.key);
        plan.renames |= target.interfaces.get(&used.key).is_none_or(|found| found.name != used.name);
    }
    take_over(uses, target, &mut plan)?;
    let mut seen = BTreeSet::new();
    for used in &uses.exports {
        export(used, target)?;
        if !seen.insert(&used.key) {
            return Err(AdaptError::ExportedTwice { interface: full(&used.key) });
        }
        plan.renames |= target.interfaces.get(&used.key).is_none_or(|found| found.name != used.name);
    }
    Ok(plan)
}

fn full(key: &str) -> String {
    format!("wasi:{key}")
}

fn import(used: &Used, target: &Snapshot, lacking: Lacking, plan: &mut Plan) -> Result<(), AdaptError> {
    let interface = bridge::counterpart(used, target);
    let mut bridged = BTreeMap::new();
    for (name, has) in &used.functions {
        let wants = interface.and_then(|interface| interface.functions.get(name));
        let same = wants == Some(has);
        if same && !only_when_asked(used, interface, name) {
            continue;
        }
        match bridge::find(&used.key, name, has, target) {
            Some(way) => {
                bridged.insert(name.clone(), way);
            }
            None if same => {}
            // A stub is made of the function's type in its snapshot, so that must be what the component has.
            None if lacking == Lacking::Stub
                && bridge::type_in(&used.label, &used.key, name).as_ref() == Some(has) =>
            {
                bridged.insert(name.clone(), Way::Stub);
            }
            None => return Err(missing(used, target, interface, name, has)),
        }
    }
    if interface.is_none() && bridged.is_empty() {
        return Err(interface_missing(used, target));
    }
    types(used, interface, target, plan)?;
    if !bridged.is_empty() {
        plan.bridged.insert(used.name.clone(), bridged);
    }
    Ok(())
}

/// Whether hosts of the target leave a function out unless they are told to have it, so that something else is
/// better if there is anything. A component for that very version was made for such a host.
fn only_when_asked(used: &Used, interface: Option<&Interface>, function: &str) -> bool {
    interface.is_some_and(|interface| interface.unstable.contains(function) && interface.name != used.name)
}

/// Types that only have a name in the component are harmless. A value type that differs is handed on as the
/// component knows it: what is called with it is compared by structure, so it differs as well.
fn types(
    used: &Used,
    interface: Option<&Interface>,
    target: &Snapshot,
    plan: &mut Plan,
) -> Result<(), AdaptError> {
    for (name, has) in &used.types {
        match interface.and_then(|interface| interface.types.get(name)) {
            Some(wants) if wants == has => continue,
            wants if defines(has, &used.key, name) => {
                let wants = wants.map_or("nothing of the name", String::as_str);
                return Err(differs(used, target, &format!("type {name}"), has, wants));
            }
            wants => plan.differs |= wants.is_some(),
        }
        plan.retyped.insert(used.name.clone());
    }
    Ok(())
}

/// Where a resource is a prebuilt component's own, its interfaces are all that component's.
fn take_over(uses: &Uses, target: &Snapshot, plan: &mut Plan) -> Result<(), AdaptError> {
    let mut wrapped: Vec<(&str, &'static Built)> = Vec::new();
    for used in &uses.imports {
        for way in plan.bridged.get(&used.name).into_iter().flat_map(BTreeMap::values) {
            if let Way::Built(built) = way {
                wrapped.push((&used.label, built));
            }
        }
    }
    for used in &uses.imports {
        let Some((_, built)) = wrapped
            .iter()
            .find(|(label, built)| *label == used.label && built.interfaces.contains(&used.key.as_str()))
        else {
            continue;
        };
        let mut taken = plan.bridged.remove(&used.name).unwrap_or_default();
        for (name, has) in &used.functions {
            if bridge::type_in(built.from, &used.key, name).as_ref() != Some(has) {
                let interface = target.interfaces.get(&used.key);
                return Err(missing(used, target, interface, name, has));
            }
            taken.insert(name.clone(), Way::Built(built));
        }
        // Even without a function of its own: its resource is the other component's.
        plan.taken.insert(used.name.clone(), built);
        plan.bridged.insert(used.name.clone(), taken);
    }
    Ok(())
}

/// Nothing stands between a host and what a component exports.
fn export(used: &Used, target: &Snapshot) -> Result<(), AdaptError> {
    let interface = target.interfaces.get(&used.key).filter(|_| track::is_comparable(used, target));
    let interface = interface.ok_or_else(|| interface_missing(used, target))?;
    for (name, has) in &used.types {
        match interface.types.get(name) {
            Some(wants) if wants == has => {}
            None if !defines(has, &used.key, name) => {}
            wants => {
                let wants = wants.map_or("nothing of the name", String::as_str);
                return Err(differs(used, target, &format!("type {name}"), has, wants));
            }
        }
    }
    let differing = used.functions.iter().find(|(name, has)| interface.functions.get(*name) != Some(has));
    differing.map_or(Ok(()), |(name, has)| Err(missing(used, target, Some(interface), name, has)))
}

fn interface_missing(used: &Used, target: &Snapshot) -> AdaptError {
    AdaptError::InterfaceMissing {
        snapshot: describe(&used.label).into(),
        interface: full(&used.key).into(),
        target: target.label.as_str().into(),
        help: help(&used.label).into(),
    }
}

/// Why a function is not to be had.
fn missing(
    used: &Used,
    target: &Snapshot,
    interface: Option<&Interface>,
    name: &str,
    has: &str,
) -> AdaptError {
    let Some(interface) = interface else { return interface_missing(used, target) };
    if let Some(wants) = interface.functions.get(name).filter(|wants| *wants != has) {
        return differs(used, target, name, has, wants);
    }
    AdaptError::FunctionMissing {
        snapshot: describe(&used.label).into(),
        interface: full(&used.key).into(),
        function: name.into(),
        target: target.label.as_str().into(),
        help: help(&used.label).into(),
    }
}

fn differs(used: &Used, target: &Snapshot, item: &str, has: &str, wants: &str) -> AdaptError {
    AdaptError::Differs {
        snapshot: describe(&used.label).into(),
        interface: full(&used.key).into(),
        item: item.into(),
        has: has.into(),
        wants: wants.into(),
        target: target.label.as_str().into(),
        help: help(&used.label).into(),
    }
}

fn help(label: &str) -> String {
    let pre_release = label.contains('-') || label == "unversioned";
    if pre_release {
        "adapters exist from 0.2.0-rc-2023-10-18 on; build it again with current tools".to_owned()
    } else {
        "choose a newer version with `--to`, or let only the calls of it fail with `--stub`".to_owned()
    }
}
