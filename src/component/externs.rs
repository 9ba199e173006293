//! The names at the outside of a component.

use wasmparser::{ComponentExternName, Payload};

use super::read::{complaint, parser, require_component};
use super::{ComponentError, Side};

/// What the outermost component imports and exports, by name, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Externs {
    /// `wasi:io/poll@0.2.12`, `acme:shop/pricing@0.1.0`, or a plain name.
    pub imports: Vec<String>,
    /// The same for exports.
    pub exports: Vec<String>,
}

impl Externs {
    /// Whether anything has a name of WASI 0.3, whose functions may be async.
    pub fn names_wasi_0_3(&self) -> bool {
        let mut names = self.imports.iter().chain(&self.exports);
        names.any(|name| name.starts_with("wasi:") && name.contains("@0.3."))
    }
}

/// The imports and exports of a component. Reads only what stands outside of the core modules, so it
/// takes no time to speak of; does not validate.
///
/// # Errors
/// Those of [`super::kind`], [`ComponentError::CoreModule`], and what the parser complains about.
pub fn externs(bytes: &[u8]) -> Result<Externs, ComponentError> {
    require_component(bytes)?;
    let mut found = Externs::default();
    each_outer_name(bytes, |side, name, _| {
        match side {
            Side::Import => found.imports.push(name.to_owned()),
            Side::Export => found.exports.push(name.to_owned()),
        }
        Ok(())
    })?;
    Ok(found)
}

/// Calls `each` with every outermost import and export, and the offset at which its name begins.
pub(super) fn each_outer_name(
    bytes: &[u8],
    mut each: impl FnMut(Side, &str, usize) -> Result<(), ComponentError>,
) -> Result<(), ComponentError> {
    each_extern_name(bytes, |side, name, offset| each(side, name.name, offset))
}

/// The same with all that a name may have beside its text.
pub(super) fn each_extern_name(
    bytes: &[u8],
    mut each: impl FnMut(Side, ComponentExternName<'_>, usize) -> Result<(), ComponentError>,
) -> Result<(), ComponentError> {
    let failed = |error| complaint(bytes, &error);
    let mut rest = bytes;
    let mut parser = parser();
    while let wasmparser::Chunk::Parsed { consumed, payload } = parser.parse(rest, true).map_err(failed)? {
        rest = &rest[consumed..];
        match payload {
            // What is nested has names of its own, which nobody outside sees.
            Payload::ModuleSection { unchecked_range, .. }
            | Payload::ComponentSection { unchecked_range, .. } => {
                let length =
                    usize::try_from(unchecked_range.end - unchecked_range.start).unwrap_or(usize::MAX);
                rest = rest
                    .get(length..)
                    .ok_or(ComponentError::Truncated { what: "component", bytes: bytes.len() })?;
            }
            Payload::ComponentImportSection(section) => {
                for import in section.into_iter_with_offsets() {
                    let (offset, import) = import.map_err(failed)?;
                    each(Side::Import, import.name, position(offset))?;
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.into_iter_with_offsets() {
                    let (offset, export) = export.map_err(failed)?;
                    each(Side::Export, export.name, position(offset))?;
                }
            }
            Payload::End(_) => break,
            _ => {}
        }
    }
    Ok(())
}

fn position(offset: u64) -> usize {
    // The offset points into a slice, so it fits.
    usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_outermost_names_are_listed() {
        let bytes = wat::parse_str(
            r#"(component
                (import "a:b/c@1.0.0" (instance $c))
                (component (import "x:y/z" (instance)) (export "q:r/s" (instance 0)))
                (import "run" (func $run))
                (export "d:e/f" (instance $c)))"#,
        )
        .unwrap();
        let found = externs(&bytes).unwrap();
        assert_eq!(found.imports, ["a:b/c@1.0.0", "run"]);
        assert_eq!(found.exports, ["d:e/f"]);
    }

    #[test]
    fn a_component_cut_short_is_called_truncated() {
        let bytes = wat::parse_str(r#"(component (core module (func)) (import "run" (func)))"#).unwrap();
        for end in 9..bytes.len() {
            match externs(&bytes[..end]) {
                Err(ComponentError::Truncated { bytes, .. }) => assert_eq!(bytes, end),
                // Cut exactly between two sections: that much is a whole component.
                Ok(found) => assert!(found.imports.is_empty(), "{end}"),
                Err(other) => panic!("{end}: {other}"),
            }
        }
    }
}
