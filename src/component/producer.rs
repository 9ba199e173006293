//! What a tool says of itself in the outermost `producers` section, read and written.
//!
//! This section and no other, because the tools of the field know it: `wasm-tools metadata show` prints it for
//! every component of a tree, those that compose keep it with the component, and those that add to it keep what
//! it says. Nothing else is touched: core modules keep their digests.

use wasm_metadata::Producers;
use wasmparser::{Encoding, KnownCustom, Payload};

use super::ComponentError;
use super::read::{complaint, parser, require_component};

const PROCESSED_BY: &str = "processed-by";

/// The component with `name` among the tools that worked on it; `version` is made of what it said before.
///
/// # Errors
/// Those of [`super::kind`], [`ComponentError::CoreModule`], and what the parser complains about.
pub fn processed_by(
    bytes: &[u8],
    name: &str,
    version: impl FnOnce(Option<&str>) -> String,
) -> Result<Vec<u8>, ComponentError> {
    require_component(bytes)?;
    let mut depth = 0;
    let mut found = None;
    for payload in parser().parse_all(bytes) {
        match payload.map_err(|error| complaint(bytes, &error))? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::CustomSection(section) if depth == 1 && found.is_none() => {
                if let KnownCustom::Producers(_) = section.as_known()
                    && let Ok(producers) = Producers::from_bytes(section.data(), section.data_offset())
                {
                    let end = usize::try_from(section.range().end).unwrap_or(bytes.len());
                    found = Some((producers, section_start(bytes, end), end));
                }
            }
            _ => {}
        }
    }
    let (mut producers, start, end) = match found {
        Some((producers, Some(start), end)) => (producers, start, end),
        _ => (Producers::empty(), bytes.len(), bytes.len()),
    };
    let before = producers.get(PROCESSED_BY).and_then(|field| field.get(name).cloned());
    producers.add(PROCESSED_BY, name, &version(before.as_deref()));
    let mut section = vec![0];
    section.extend(producers.raw_custom_section());
    Ok([&bytes[..start], &section, &bytes[end..]].concat())
}

/// Where the outermost section begins that ends at `end`.
fn section_start(bytes: &[u8], end: usize) -> Option<usize> {
    let mut at = 8;
    while at < bytes.len() {
        let (length, contents) = super::rename::read_u32(bytes, at + 1)?;
        let next = contents.checked_add(length)?;
        if next >= end {
            return (next == end).then_some(at);
        }
        at = next;
    }
    None
}

/// What `name` says of itself in each component of a tree, those inside before those around them.
pub fn processings(bytes: &[u8], name: &str) -> Vec<String> {
    let mut open = Vec::new();
    let mut found = Vec::new();
    for payload in parser().parse_all(bytes).map_while(Result::ok) {
        match payload {
            Payload::Version { encoding, .. } => open.push(encoding),
            Payload::End(_) => {
                open.pop();
            }
            Payload::CustomSection(section) if open.last() == Some(&Encoding::Component) => {
                if let KnownCustom::Producers(_) = section.as_known()
                    && let Ok(producers) = Producers::from_bytes(section.data(), section.data_offset())
                {
                    found.extend(producers.get(PROCESSED_BY).and_then(|field| field.get(name).cloned()));
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::{core_modules, producers, validate};

    #[test]
    fn a_tool_is_added_and_what_others_said_stays() {
        let bytes = wat::parse_str(
            r#"(component
                (@producers (processed-by "wit-component" "0.258.3"))
                (core module $m (@producers (processed-by "jointer" "inside")) (func))
                (component (@producers (processed-by "jointer" "nested"))))"#,
        )
        .unwrap();
        let once = processed_by(&bytes, "jointer", |before| format!("{before:?}")).unwrap();
        validate(&once).unwrap();
        assert_eq!(core_modules(&once).unwrap(), core_modules(&bytes).unwrap());
        assert!(producers(&once).iter().any(|tool| tool.name == "wit-component"));
        let twice = processed_by(&once, "jointer", |before| format!("{} again", before.unwrap())).unwrap();
        validate(&twice).unwrap();
        let mut said = processings(&twice, "jointer");
        said.sort();
        assert_eq!(said, ["None again", "nested"], "of components, not of core modules");
        let plain = wat::parse_str("(component)").unwrap();
        assert_eq!(processings(&processed_by(&plain, "x", |_| "1".to_owned()).unwrap(), "x"), ["1"]);
    }
}
