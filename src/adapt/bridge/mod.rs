//! The functions that differ between snapshots, and what stands in for each.
//!
//! A type says how a function is called, not what it means: `connect-timeout-ms` of 2023-11-10 has the
//! very type of today's `connect-timeout` and counts milliseconds instead of nanoseconds. So this table
//! is curated. A row holds for a function by its name *and* its type, which must be that of the snapshot
//! that the row was written for; what label the component gives the interface means nothing.

mod code;
mod http;
mod http_errors;
mod log;
mod memory;
mod table;

use std::sync::Arc;

use wasm_encoder::Function;

use super::built::Built;
use super::snapshot::{Interface, Snapshot};
use super::track;
use super::uses::Used;

pub(super) use memory::{Given, Lifted, code_module, memory_module, values};

/// A function that differs.
#[derive(Debug)]
pub(super) struct Bridge {
    /// The snapshot whose type of the function is meant.
    pub(super) from: &'static str,
    pub(super) interface: &'static str,
    pub(super) function: &'static str,
    pub(super) way: Way,
}

/// What is called instead of a function.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    /// The same function, under another name or in another interface of the target.
    Alias(&'static str, &'static str),
    /// Some instructions.
    Code(&'static Code),
    /// A function of the same name in a component that was built beforehand.
    Built(&'static Built),
    /// Nothing: the error that the function's own type has for it, else a trap.
    Stub,
}

/// Instructions around functions of the target.
#[derive(Debug)]
pub(super) struct Code {
    /// The functions that they call.
    pub(super) calls: &'static [(&'static str, &'static str)],
    /// The resources that they let go of: a borrowed handle of somebody else's resource must be gone
    /// before a function returns.
    pub(super) drops: &'static [(&'static str, &'static str)],
    /// What stands in memory at [`DATA`].
    pub(super) data: Option<fn() -> Vec<u8>>,
    /// The instructions; the result lies in memory if its type asks for it.
    pub(super) write: fn(&Ids) -> Function,
}

/// The functions that some code may call, by their indices in its module.
#[derive(Debug)]
pub(super) struct Ids {
    calls: Vec<u32>,
    drops: Vec<u32>,
}

impl Ids {
    /// One of [`Code::calls`].
    fn call(&self, number: usize) -> u32 {
        self.calls[number]
    }

    /// The function that drops one of [`Code::drops`].
    fn drop(&self, number: usize) -> u32 {
        self.drops[number]
    }
}

/// Where the results of calls are put; below it nothing, as address 0 is better left alone.
const RESULT: i32 = 16;
/// Where a result is put together that is no part of another. Neither takes 500 bytes.
const ANSWER: i32 = 512;
/// Where [`Code::data`] begins.
const DATA: i32 = 1024;
/// Where the lists of a call begin.
const HEAP: i32 = 4096;

/// Interfaces of which the target's is not used even if it looks the same.
///
/// `timezone` came back in 0.2.1 marked as unstable, and hosts leave it out.
const NEVER_THE_TARGETS: &[&str] = &["clocks/timezone"];

/// The target's interface for an imported one, if there is one of the same track that hosts offer.
pub(super) fn counterpart<'a>(used: &Used, target: &'a Snapshot) -> Option<&'a Interface> {
    let never = NEVER_THE_TARGETS.contains(&used.key.as_str()) && used.label.starts_with("0.2.0-");
    target.interfaces.get(&used.key).filter(|_| track::is_comparable(used, target) && !never)
}

/// What stands in for a function that the component has with type `has`, if this target has all that is
/// needed for it.
pub(super) fn find(interface: &str, function: &str, has: &str, target: &Snapshot) -> Option<Way> {
    // All of it was written for 0.2; between versions of 0.3 nothing differs that code could mend.
    if !target.label.starts_with("0.2.") {
        return None;
    }
    let mut rows = table::rows().filter(|row| row.interface == interface && row.function == function);
    let row = rows.find(|row| type_in(row.from, interface, function).as_deref() == Some(has))?;
    available(&row.way, target).then_some(row.way)
}

/// The snapshot that a function's row was written for, by its type.
pub(super) fn snapshot_of(interface: &str, function: &str, has: &str) -> Option<Arc<Snapshot>> {
    let mut rows = table::rows().filter(|row| row.interface == interface && row.function == function);
    let row = rows.find(|row| type_in(row.from, interface, function).as_deref() == Some(has))?;
    Snapshot::load(row.from)
}

/// The type of a function in a snapshot.
pub(super) fn type_in(label: &str, interface: &str, function: &str) -> Option<String> {
    Snapshot::load(label)?.interfaces.get(interface)?.functions.get(function).cloned()
}

/// The snapshot that the right-hand side of the table was written for; later ones only add to it.
pub(super) fn written_for() -> Option<Arc<Snapshot>> {
    Snapshot::load("0.2.0")
}

/// Whether the target has everything that is called, as it was when this was written.
fn available(way: &Way, target: &Snapshot) -> bool {
    let same = |interface: &str, function: &str| {
        let has = target.interfaces.get(interface).and_then(|found| found.functions.get(function));
        has.is_some() && has.cloned() == type_in("0.2.0", interface, function)
    };
    match way {
        Way::Stub => true,
        Way::Alias(interface, function) => same(interface, function),
        Way::Code(code) => code.calls.iter().all(|(interface, function)| same(interface, function)),
        Way::Built(built) => built.uses().is_some_and(|uses| {
            uses.imports.iter().all(|used| used.functions.keys().all(|function| same(&used.key, function)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_function_of_its_snapshot_and_stands_on_functions_of_every_final() {
        let mut seen = std::collections::BTreeSet::new();
        for row in table::rows() {
            let name = format!("{} {} of {}", row.interface, row.function, row.from);
            assert!(type_in(row.from, row.interface, row.function).is_some(), "{name}");
            assert!(seen.insert(name.clone()), "{name} twice");
            for to in super::super::snapshot::finals() {
                let target = Snapshot::load(&to.to_string()).unwrap();
                assert!(available(&row.way, &target), "{name} for {to}");
            }
        }
    }
}
