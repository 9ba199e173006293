//! Components whose async code was made for an engine that no longer is.
//!
//! WASI 0.3 stands on the component model's async ABI, which changed while 0.3 was being made, and its last
//! release candidate has the types of 0.3.0. So a name may fit and the code behind it not, and no adapter can
//! mend that: the code itself calls what is gone. What can be done is to recognise it and to say which tool's
//! version made it.

use semver::Version;
use wasmparser::{ComponentExternName, Payload, WasmFeatures};

use crate::component::{self, Producer};

/// What drifted, and who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// What the component does that engines no longer do.
    pub what: String,
    /// `wit-bindgen-rust 0.57.0`, as its `producers` sections tell it; the tool that generates the calls, else
    /// the one that wrote the component.
    pub tool: Option<String>,
    /// Whether no engine of today even reads the component. Else it may run until it does what drifted.
    pub unreadable: bool,
}

/// The generator of async code for Rust, and the version from which on a wait is given up in the order that
/// engines check (wit-bindgen #1638; wasmtime #13415 and #13708 check it from 46 on).
const GENERATOR: &str = "wit-bindgen-rust";
const GENERATOR_IN_ORDER: Version = Version::new(0, 59, 0);

/// Prefixes of function names that said `async` before the types did (wasm-tools #2376, 2025-11).
const OLD_PREFIXES: [&str; 3] = ["[async]", "[async method]", "[async static]"];

/// What has drifted in a component; `None` if nothing is known to have, or if it is no component.
pub fn drift(bytes: &[u8]) -> Option<Drift> {
    let mut found = None;
    let mut waits = false;
    let mut parser = wasmparser::Parser::new(0);
    parser.set_features(WasmFeatures::all());
    for payload in parser.parse_all(bytes) {
        match payload.ok()? {
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    match function {
                        Ok(wasmparser::CanonicalFunction::WaitableSetNew) => waits = true,
                        Ok(_) => {}
                        Err(error) => found = found.or(Some(removed(error.message()))),
                    }
                }
            }
            Payload::ComponentTypeSection(section) => {
                // A type that does not parse is the validator's to complain about.
                let old = section.into_iter().any(|ty| ty.is_ok_and(|ty| has_old_names(&ty)));
                found = found.or_else(|| old.then(|| OLD_NAMES.to_owned()));
            }
            _ => {}
        }
    }
    let tools = tools(bytes);
    if let Some(what) = found {
        return Some(Drift { what, tool: blamed(&tools), unreadable: true });
    }
    let generator = tools.iter().find(|tool| tool.name == GENERATOR).filter(|_| waits)?;
    let old = generator.version.parse().is_ok_and(|version: Version| version < GENERATOR_IN_ORDER);
    old.then(|| Drift {
        what: "it gives up a wait in an order that traps since wasmtime 46 (`waitable cannot be used \
               synchronously while added to a waitable set`)"
            .to_owned(),
        tool: blamed(&tools),
        unreadable: false,
    })
}

const OLD_NAMES: &str = "its functions are called `[async]…`, as before their types said `async` (2025-11)";

fn removed(message: &str) -> String {
    let known = message.contains("(0x8)").then_some(
        "it uses `backpressure.set`, which `backpressure.inc` and `backpressure.dec` replaced in 2025-12",
    );
    known.map_or_else(
        || format!("it uses an intrinsic that was removed, or is encoded as it was once ({message})"),
        str::to_owned,
    )
}

fn has_old_names(ty: &wasmparser::ComponentType<'_>) -> bool {
    let is_old =
        |name: &ComponentExternName<'_>| OLD_PREFIXES.iter().any(|prefix| name.name.starts_with(prefix));
    let wasmparser::ComponentType::Instance(items) = ty else { return false };
    items
        .iter()
        .any(|item| matches!(item, wasmparser::InstanceTypeDeclaration::Export { name, .. } if is_old(name)))
}

/// The tools that worked on any part of it, those that write bindings first.
fn tools(bytes: &[u8]) -> Vec<Producer> {
    let mut tools: Vec<Producer> = component::core_modules(bytes)
        .unwrap_or_default()
        .into_iter()
        .flat_map(|module| module.processed_by)
        .chain(component::producers(bytes))
        .collect();
    tools.sort_by_key(|tool| !tool.name.starts_with("wit-bindgen"));
    tools
}

fn blamed(tools: &[Producer]) -> Option<String> {
    let tool = tools.iter().find(|tool| tool.name.starts_with("wit-"))?;
    Some(format!("{} {}", tool.name, tool.version).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component of these sections.
    fn of(sections: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = wat::parse_str("(component)").unwrap();
        bytes.truncate(8);
        for (id, contents) in sections {
            bytes.extend([*id, u8::try_from(contents.len()).unwrap()]);
            bytes.extend_from_slice(contents);
        }
        bytes
    }

    #[test]
    fn a_removed_intrinsic_is_called_by_its_name() {
        let found = drift(&of(&[(8, &[1, 0x08])])).unwrap();
        assert!(found.unreadable && found.what.contains("backpressure.set"), "{found:?}");
        assert_eq!(drift(&of(&[(8, &[1, 0x24])])), None);
    }

    #[test]
    fn names_of_before_the_types_said_async_are_recognised() {
        let bytes = wat::parse_str(
            r#"(component (import "wasi:cli/run@0.3.0-rc-2025-09-16" (instance (export "[async]run" (func)))))"#,
        );
        let found = drift(&bytes.unwrap()).unwrap();
        assert!(found.unreadable && found.what.contains("2025-11"), "{found:?}");
    }

    #[test]
    fn the_tool_that_made_it_is_named() {
        let component = |version: &str| {
            wat::parse_str(format!(
                r#"(component
                    (core module (@producers (processed-by "rustc" "1.94.0") (processed-by "wit-bindgen-rust" "{version}")))
                    (core func (canon waitable-set.new)))"#
            ))
            .unwrap()
        };
        let found = drift(&component("0.57.1")).unwrap();
        assert_eq!(found.tool.as_deref(), Some("wit-bindgen-rust 0.57.1"));
        assert!(!found.unreadable);
        assert_eq!(drift(&component("0.59.0")), None);
        let without_waits = wat::parse_str(
            r#"(component (core module (@producers (processed-by "wit-bindgen-rust" "0.41.0"))))"#,
        );
        assert_eq!(drift(&without_waits.unwrap()), None, "bindings of 0.2 have no waits");
    }
}
