//! Decides what has to be done so that a component fits a snapshot.

use std::collections::{BTreeMap, BTreeSet};

use super::AdaptError;
use super::shape::RESOURCE;
use super::shim::{self, Shim};
use super::snapshot::{Interface, Snapshot, describe};
use super::uses::{Used, Uses};

/// What has to be done.
#[derive(Default)]
pub(super) struct Plan {
    /// Functions that need code, by interface.
    pub(super) shims: BTreeMap<String, Vec<&'static Shim>>,
    /// Whether an interface is imported in two versions.
    pub(super) twice: bool,
    /// Whether any name changes.
    pub(super) renames: bool,
}

/// Compares everything that a component uses with the target.
pub(super) fn decide(uses: &Uses, target: &Snapshot) -> Result<Plan, AdaptError> {
    let mut plan = Plan::default();
    let mut seen = BTreeSet::new();
    for used in &uses.imports {
        let interface = interface(used, target)?;
        types(used, interface, target)?;
        let shims = functions(used, interface, target, true)?;
        if !shims.is_empty() {
            plan.shims.entry(used.key.clone()).or_default().extend(shims);
        }
        plan.twice |= !seen.insert(&used.key);
        plan.renames |= used.name != interface.name;
    }
    let mut seen = BTreeSet::new();
    for used in &uses.exports {
        let interface = interface(used, target)?;
        types(used, interface, target)?;
        functions(used, interface, target, false)?;
        if !seen.insert(&used.key) {
            return Err(AdaptError::ExportedTwice { interface: full(&used.key) });
        }
        plan.renames |= used.name != interface.name;
    }
    for shims in plan.shims.values_mut() {
        shims.sort_by_key(|shim| shim.function);
        shims.dedup_by_key(|shim| shim.function);
    }
    Ok(plan)
}

fn full(key: &str) -> String {
    format!("wasi:{key}")
}

fn interface<'a>(used: &Used, target: &'a Snapshot) -> Result<&'a Interface, AdaptError> {
    let of_other_track = !used.label.starts_with("0.2.");
    target.interfaces.get(&used.key).filter(|_| !of_other_track).ok_or_else(|| AdaptError::InterfaceMissing {
        snapshot: describe(&used.label).into(),
        interface: full(&used.key).into(),
        target: target.label.as_str().into(),
        help: if of_other_track {
            format!(
                "{} is another track, and nothing bridges the two; build it for WASI 0.2",
                describe(&used.label)
            )
        } else {
            help(&used.label)
        }
        .into(),
    })
}

/// Types that only have a name in the component are harmless; what differs is not.
fn types(used: &Used, interface: &Interface, target: &Snapshot) -> Result<(), AdaptError> {
    for (name, has) in &used.types {
        match interface.types.get(name) {
            Some(wants) if wants == has => {}
            None if has != RESOURCE => {}
            wants => {
                let wants = wants.map_or("nothing of the name", String::as_str);
                return Err(differs(used, target, &format!("type {name}"), has, wants));
            }
        }
    }
    Ok(())
}

fn functions(
    used: &Used,
    interface: &Interface,
    target: &Snapshot,
    may_shim: bool,
) -> Result<Vec<&'static Shim>, AdaptError> {
    let mut shims = Vec::new();
    for (name, has) in &used.functions {
        let wants = interface.functions.get(name);
        if wants == Some(has) {
            continue;
        }
        match (shim::find(&used.key, name, has, target).filter(|_| may_shim), wants) {
            (Some(shim), _) => shims.push(shim),
            (None, Some(wants)) => return Err(differs(used, target, name, has, wants)),
            (None, None) => {
                return Err(AdaptError::FunctionMissing {
                    snapshot: describe(&used.label).into(),
                    interface: full(&used.key).into(),
                    function: name.as_str().into(),
                    target: target.label.as_str().into(),
                    help: help(&used.label).into(),
                });
            }
        }
    }
    Ok(shims)
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
        "adapters exist from 0.2.0-rc-2023-11-10 on; build it again with current tools".to_owned()
    } else {
        "choose a newer version with `--to`, or build it without what is missing".to_owned()
    }
}
