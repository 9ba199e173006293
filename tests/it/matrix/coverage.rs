//! Which functions of a snapshot the guests call.

use std::collections::BTreeSet;
use std::path::Path;

use wit_component::DecodedWasm;
use wit_parser::{Resolve, Stability, WorldId, WorldItem};

use super::source;

/// How much of a snapshot the tests call.
pub struct Coverage {
    pub snapshot: &'static str,
    pub functions: usize,
    /// `wasi:io/poll [method]pollable.ready`, sorted.
    pub not_called: Vec<String>,
}

/// One for each snapshot.
pub fn of_all() -> Vec<Coverage> {
    [source::OCTOBER]
        .into_iter()
        .chain(source::ERAS)
        .map(|snapshot| of(snapshot, &source::component(snapshot)))
        .collect()
}

fn of(snapshot: &'static str, component: &[u8]) -> Coverage {
    let mut all = Resolve { all_features: true, ..Resolve::default() };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("wit/wasi").join(snapshot);
    let (package, _) = all.push_dir(&folder).expect("the snapshot's WIT");
    let world = all.select_world(&[package], Some("all")).expect("its world");
    // What the guest exports is called by the host.
    let exported = ["wasi:cli/run", "wasi:http/incoming-handler"];
    let has: BTreeSet<String> = functions(&all, world)
        .into_iter()
        .filter(|function| !exported.iter().any(|export| function.starts_with(export)))
        .collect();
    let DecodedWasm::Component(resolve, world) = wit_component::decode(component).expect("a component")
    else {
        panic!("{snapshot}: the guest is no component");
    };
    let called = functions(&resolve, world);
    let not_called = has.iter().filter(|function| !called.contains(*function)).cloned().collect();
    Coverage { snapshot, functions: has.len(), not_called }
}

/// What a world imports, without what hosts only have when asked.
fn functions(resolve: &Resolve, world: WorldId) -> BTreeSet<String> {
    let mut functions = BTreeSet::new();
    for (key, item) in &resolve.worlds[world].imports {
        let WorldItem::Interface { id, .. } = item else { continue };
        let name = resolve.name_world_key(key);
        let name = name.split('@').next().unwrap_or_default();
        for (function, about) in &resolve.interfaces[*id].functions {
            if !matches!(about.stability, Stability::Unstable { .. }) {
                functions.insert(format!("{name} {function}"));
            }
        }
    }
    functions
}
