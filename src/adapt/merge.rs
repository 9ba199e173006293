//! One import for an interface that a component imports in two versions.
//!
//! Tools that bring an engine of their own (componentize-py, StarlingMonkey) import what the engine
//! needs in one version and what the application's world names in another. After renaming, both have
//! one name; so new imports are written, each with all that either needs, and both old ones become it.
//! Their resources are then one type too, as they were in the host.

use std::collections::HashMap;

use semver::Version;
use wasm_encoder::ComponentBuilder;

use super::AdaptError;
use super::encode::{Imports, Needs};
use super::reencode::{self, Extent, Head};
use super::snapshot::Snapshot;
use super::uses::Uses;
use crate::component;

/// Writes the component with each interface imported once, under the target's name.
pub(super) fn merge(bytes: &[u8], uses: &Uses, target: &Snapshot) -> Result<Vec<u8>, AdaptError> {
    // Versions of 0.2 only ever add, so the newest one has all the types that the component names.
    let newest = newest(uses, target);
    let source = newest.as_deref().unwrap_or(target);
    let mut needs = Needs::new(source);
    for used in &uses.imports {
        needs.interface(&used.key);
        used.types.keys().for_each(|ty| needs.ty(&used.key, ty));
        used.functions.keys().for_each(|function| needs.function(&used.key, function));
    }
    let mut builder = ComponentBuilder::default();
    let imports = Imports::write(&mut builder, &needs, &|key| name_in(target, key));
    let (types, instances) = (builder.type_count(), builder.instance_count());
    let head = Head { bytes: builder.finish(), types, instances };
    let replaced: HashMap<String, u32> = uses
        .imports
        .iter()
        .filter_map(|used| Some((used.name.clone(), imports.instance(&used.key)?)))
        .collect();
    let exports: HashMap<&str, &str> =
        uses.exports.iter().map(|used| (used.name.as_str(), used.key.as_str())).collect();
    let export = |name: &str| exports.get(name).map(|key| name_in(target, key));
    let failed = |reason: String| AdaptError::NotForwarded { reason };
    let written = reencode::behind(&head, bytes, Extent::Whole, &replaced, &export).map_err(failed)?;
    let merged = written.component.finish();
    component::interface(&merged).map_err(|error| failed(error.to_string()))?;
    Ok(merged)
}

/// What the target calls an interface.
pub(super) fn name_in(target: &Snapshot, key: &str) -> String {
    target.interfaces.get(key).map_or_else(|| format!("wasi:{key}"), |interface| interface.name.clone())
}

fn newest(uses: &Uses, target: &Snapshot) -> Option<std::sync::Arc<Snapshot>> {
    let labels = uses.imports.iter().filter_map(|used| used.label.parse::<Version>().ok());
    let newest = labels.max().filter(|newest| target.label.parse().is_ok_and(|target| *newest > target))?;
    Snapshot::load(&newest.to_string())
}
