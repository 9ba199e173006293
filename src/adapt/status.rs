//! Keeps the exit status of preview1 programs.
//!
//! wasmtime's adapter ends a program with `wasi:cli/exit.exit`, which knows success and failure and no
//! numbers. Where the target has `exit-with-code` the module imports that itself instead of `proc_exit`: both
//! take a number and do not return. Elsewhere every failure is 1, as under the hosts of that time.

use std::borrow::Cow;

use wasm_encoder::{ImportSection, Module, RawSection, reencode::Reencode, reencode::RoundtripReencoder};
use wasmparser::{Parser, Payload};
use wit_parser::{Resolve, Stability, WorldId};

use super::preview1::PREVIEW1;
use super::snapshot::Snapshot;

const INTERFACE: &str = "cli/exit";
const FUNCTION: &str = "exit-with-code";
const PREVIEW1_FUNCTION: &str = "proc_exit";

/// The module with its `proc_exit` led to the target's `exit-with-code`; as it is if it has the one not or the
/// target the other not.
pub(super) fn kept<'a>(module: &'a [u8], target: &Snapshot) -> Cow<'a, [u8]> {
    match interface(target).and_then(|name| rewritten(module, &name)) {
        Some(written) => Cow::Owned(written),
        None => Cow::Borrowed(module),
    }
}

/// The target's interface, if hosts have the function without being asked for more than the standard.
fn interface(target: &Snapshot) -> Option<String> {
    // All else that the component will import is of 0.2; 0.3 has this function as well, and is another track.
    if !target.label.starts_with("0.2.") {
        return None;
    }
    let interface = target.interfaces.get(INTERFACE)?;
    let function = target.resolve.interfaces[interface.id].functions.get(FUNCTION)?;
    let stable = !matches!(function.stability, Stability::Unstable { .. });
    stable.then(|| interface.name.clone())
}

fn rewritten(module: &[u8], interface: &str) -> Option<Vec<u8>> {
    let mut written = Module::new();
    let mut found = false;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.ok()?;
        if let Payload::ImportSection(section) = payload {
            let mut imports = ImportSection::new();
            for import in section.into_imports() {
                let import = import.ok()?;
                let ty = RoundtripReencoder.entity_type(import.ty).ok()?;
                if (import.module, import.name) == (PREVIEW1, PREVIEW1_FUNCTION) {
                    imports.import(interface, FUNCTION, ty);
                    found = true;
                } else {
                    imports.import(import.module, import.name, ty);
                }
            }
            written.section(&imports);
        } else if let Some((id, range)) = payload.as_section() {
            let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
            written.section(&RawSection { id, data: module.get(range)? });
        }
    }
    let mut bytes = found.then(|| written.finish())?;
    let (resolve, world) = world(interface)?;
    wit_component::embed_component_metadata(&mut bytes, &resolve, world, wit_component::StringEncoding::UTF8)
        .ok()?;
    Some(bytes)
}

/// A world that imports the interface with this function alone.
fn world(interface: &str) -> Option<(Resolve, WorldId)> {
    let (_, version) = interface.split_once('@')?;
    let text = format!(
        "package jointer:status;
         world status {{ import {interface}; }}
         package wasi:cli@{version} {{ interface exit {{ {FUNCTION}: func(status-code: u8); }} }}"
    );
    let mut resolve = Resolve::default();
    let package = resolve.push_str("status.wit", &text).ok()?;
    let world = resolve.select_world(&[package], None).ok()?;
    Some((resolve, world))
}
