//! The core modules inside a component, however deep.

use serde::Serialize;
use wasm_metadata::Producers;
use wasmparser::{Encoding, KnownCustom, Name, Payload};

use super::ComponentError;
use super::read::{complaint, kind, parser};
use crate::digest::Digest;

/// A core module inside a component, or the core module itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CoreModule {
    /// From its `name` section.
    pub name: Option<String>,
    /// Its bytes.
    pub size: u64,
    /// The digest of its bytes: what stays the same however a component is adapted and composed.
    pub digest: Digest,
    /// `language` of its `producers` section: what it was written in.
    pub language: Vec<Producer>,
    /// `processed-by`: compilers, linkers, binding generators.
    pub processed_by: Vec<Producer>,
}

/// An entry of a `producers` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Producer {
    /// `Rust`, `clang`, `wit-bindgen-rust`.
    pub name: String,
    /// May be empty.
    pub version: String,
}

/// All core modules in the order in which they stand, nested components included.
///
/// # Errors
/// Those of [`super::kind`], and what the parser complains about. Broken custom sections are passed
/// over: they mean nothing to the machine.
pub fn core_modules(bytes: &[u8]) -> Result<Vec<CoreModule>, ComponentError> {
    kind(bytes)?;
    // What is open at the moment: `Some` for core modules, `None` for components.
    let mut open: Vec<Option<usize>> = Vec::new();
    let mut found: Vec<CoreModule> = Vec::new();
    let mut nested = 0..bytes.len();
    for payload in parser().parse_all(bytes) {
        match payload.map_err(|error| complaint(bytes, &error))? {
            Payload::ModuleSection { unchecked_range, .. }
            | Payload::ComponentSection { unchecked_range, .. } => {
                nested = to_usize(unchecked_range.start)..to_usize(unchecked_range.end);
            }
            Payload::Version { encoding: Encoding::Module, .. } => {
                open.push(Some(found.len()));
                found.push(module(bytes.get(nested.clone()).unwrap_or_default()));
            }
            Payload::Version { encoding: Encoding::Component, .. } => open.push(None),
            Payload::End(_) => {
                open.pop();
            }
            Payload::CustomSection(section) => {
                if let Some(&Some(at)) = open.last() {
                    describe(&mut found[at], &section);
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The tools that the outermost component says worked on it; none where it does not say.
pub fn producers(bytes: &[u8]) -> Vec<Producer> {
    let mut depth = 0;
    for payload in parser().parse_all(bytes).map_while(Result::ok) {
        match payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::CustomSection(section) if depth == 1 => {
                if let KnownCustom::Producers(_) = section.as_known()
                    && let Ok(producers) = Producers::from_bytes(section.data(), section.data_offset())
                {
                    return field(&producers, "processed-by");
                }
            }
            _ => {}
        }
    }
    Vec::new()
}

fn to_usize(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

fn module(bytes: &[u8]) -> CoreModule {
    CoreModule {
        name: None,
        size: bytes.len() as u64,
        digest: Digest::of(bytes),
        language: Vec::new(),
        processed_by: Vec::new(),
    }
}

fn describe(module: &mut CoreModule, section: &wasmparser::CustomSectionReader<'_>) {
    match section.as_known() {
        KnownCustom::Name(names) => {
            module.name = names
                .into_iter()
                .filter_map(Result::ok)
                .find_map(|name| match name {
                    Name::Module { name, .. } => Some(name.to_owned()),
                    _ => None,
                })
                .or(module.name.take());
        }
        KnownCustom::Producers(_) => {
            let Ok(producers) = Producers::from_bytes(section.data(), section.data_offset()) else { return };
            module.language = field(&producers, "language");
            module.processed_by = field(&producers, "processed-by");
        }
        _ => {}
    }
}

pub(super) fn field(producers: &Producers, name: &str) -> Vec<Producer> {
    producers
        .get(name)
        .into_iter()
        .flat_map(|field| {
            field
                .iter()
                .map(|(name, version)| Producer { name: name.clone(), version: version.clone() })
                .collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_core_modules_are_found_with_language_and_digest() {
        let bytes = wat::parse_str(
            r#"(component
                (core module $a (@producers (language "Rust" "1.95") (processed-by "rustc" "1.95.0")))
                (component (component (core module $b (func)))))"#,
        )
        .unwrap();
        let found = core_modules(&bytes).unwrap();
        let names: Vec<_> = found.iter().map(|module| module.name.as_deref()).collect();
        assert_eq!(names, [Some("a"), Some("b")]);
        assert_eq!(found[0].language, [Producer { name: "Rust".into(), version: "1.95".into() }]);
        assert_eq!(found[0].processed_by[0].name, "rustc");
        assert!(found[1].language.is_empty());
        let alone = wat::parse_str("(module $b (func))").unwrap();
        assert_eq!(found[1].digest, Digest::of(&alone));
        assert_eq!(found[1].size, alone.len() as u64);
        assert_eq!(core_modules(&alone).unwrap()[0].digest, Digest::of(&alone));
    }
}
