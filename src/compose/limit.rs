//! What validators allow in one component.
//!
//! wasmparser, and with it every runtime built on it, allows 1,000 instances and 1,000 components at one
//! level. Counting before encoding names the limit in terms of parts; the validator would name an offset.

use std::collections::BTreeSet;

use super::error::ComposeError;
use super::plan::Plan;
use super::shell::Piece;
use crate::wit::Extern;

const INSTANCES: usize = 1000;
const COMPONENTS: usize = 1000;

/// Refuses a plan whose component would be invalid for its size.
pub(super) fn check(pieces: &[Piece<'_>], plan: &Plan) -> Result<(), ComposeError> {
    allow("components", plan.parts.len(), COMPONENTS)?;
    allow("instances", instances(pieces, plan), INSTANCES)
}

fn allow(what: &'static str, count: usize, limit: usize) -> Result<(), ComposeError> {
    if count > limit { Err(ComposeError::Limit { what, count, limit }) } else { Ok(()) }
}

/// Each part, each interface that is imported, passed on or exported is an instance.
fn instances(pieces: &[Piece<'_>], plan: &Plan) -> usize {
    let is_interface = |part: usize, export: &str| {
        matches!(pieces[part].shape.exports.get(export), Some(Extern::Interface(_)))
    };
    let mut imported = BTreeSet::new();
    for part in &plan.parts {
        for (name, item) in &pieces[*part].shape.imports {
            let wired = plan.edges.contains_key(&(*part, name.clone()));
            if !wired && matches!(item, Extern::Interface(_)) {
                // Versions that fit are merged to one import, so this may count too little, never too
                // much; the validator has the last word.
                imported.insert(super::plan::unversioned(name));
            }
        }
    }
    let passed: BTreeSet<(usize, &str)> = plan
        .edges
        .values()
        .chain(&plan.exports)
        .filter(|(part, export)| is_interface(*part, export))
        .map(|(part, export)| (*part, export.as_str()))
        .collect();
    let exported = plan.exports.iter().filter(|(part, export)| is_interface(*part, export)).count();
    plan.parts.len() + imported.len() + passed.len() + exported
}
