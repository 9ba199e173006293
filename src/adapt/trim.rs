//! What can be adapted of a component, and what cannot, one by one.
//!
//! [`decide`] stops at the first thing that a target lacks, for then there is no adapting. Tables and the
//! adapter that stands alone want the rest as well.

use super::AdaptError;
use super::decide::{Plan, decide};
use super::snapshot::Snapshot;
use super::track;
use super::uses::{Used, Uses};

/// What a target has of a component, and what it lacks.
pub(super) struct Trimmed {
    /// Without what is lacking.
    pub(super) uses: Uses,
    pub(super) plan: Plan,
    /// Interfaces, functions and types: `wasi:cli/exit exit-with-code`.
    pub(super) lacking: Vec<String>,
}

/// Takes away what the target lacks until the rest can be adapted; fails if nothing is left, or if it is not a
/// matter of single functions.
pub(super) fn trimmed(uses: Uses, target: &Snapshot) -> Result<Trimmed, AdaptError> {
    let (mut uses, _) = track::of_target(uses, target)?;
    let mut lacking = Vec::new();
    loop {
        let error = match decide(&uses, target) {
            Ok(plan) => return Ok(Trimmed { uses, plan, lacking }),
            Err(error) => error,
        };
        let Some((interface, item)) = place(&error) else { return Err(error) };
        let key = interface.trim_start_matches("wasi:");
        let sides = [take(&mut uses.imports, key, item), take(&mut uses.exports, key, item)];
        if !sides.contains(&true) {
            return Err(error);
        }
        lacking.push(item.map_or_else(|| interface.to_owned(), |item| format!("{interface} {item}")));
        if uses.imports.is_empty() && uses.exports.is_empty() {
            return Err(error);
        }
    }
}

/// The interface and the function or type in it that an error is about.
fn place(error: &AdaptError) -> Option<(&str, Option<&str>)> {
    match error {
        AdaptError::InterfaceMissing { interface, .. } => Some((interface, None)),
        AdaptError::FunctionMissing { interface, function, .. } => Some((interface, Some(function))),
        // Without its type an interface means nothing.
        AdaptError::Differs { interface, item, .. } => {
            Some((interface, Some(&**item).filter(|item| !item.starts_with("type "))))
        }
        _ => None,
    }
}

/// Whether there was anything to take.
fn take(side: &mut Vec<Used>, key: &str, item: Option<&str>) -> bool {
    let Some(item) = item else {
        let before = side.len();
        side.retain(|used| used.key != key);
        return side.len() < before;
    };
    let of = side.iter_mut().filter(|used| used.key == key);
    of.filter_map(|used| used.functions.remove(item)).count() > 0
}
