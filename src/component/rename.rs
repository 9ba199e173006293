//! New names for what a component imports and exports.
//!
//! Only the outermost import and export sections hold these names: instance types are referred to by
//! index, arguments of instantiations name the imports of what is instantiated. So all other bytes
//! are copied as they are, and the digests of the core modules stay what they were.

use std::ops::Range;

use super::ComponentError;
use super::externs::each_outer_name;
use super::read::require_component;

/// Which side of a component a name is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// What it needs.
    Import,
    /// What it gives.
    Export,
}

/// A piece of the input and what stands there instead.
pub(super) struct Edit {
    pub(super) at: Range<usize>,
    pub(super) with: Vec<u8>,
}

/// Gives the outermost imports and exports the names that `new_name` returns; `None` keeps a name.
/// Does not validate: two imports of one name, for instance, are for the caller to rule out.
///
/// # Errors
/// Those of [`super::externs`].
pub fn rename(
    bytes: &[u8],
    new_name: impl Fn(Side, &str) -> Option<String>,
) -> Result<Vec<u8>, ComponentError> {
    require_component(bytes)?;
    let mut edits = Vec::new();
    each_outer_name(bytes, |side, name, offset| {
        if let Some(new) = new_name(side, name).filter(|new| new != name) {
            edits.push(name_edit(bytes, offset, name, &new)?);
        }
        Ok(())
    })?;
    if edits.is_empty() {
        return Ok(bytes.to_vec());
    }
    edited(bytes, edits)
}

/// The bytes with pieces of outermost sections replaced.
pub(super) fn edited(bytes: &[u8], mut edits: Vec<Edit>) -> Result<Vec<u8>, ComponentError> {
    let resized =
        sections(bytes)?.into_iter().filter_map(|section| size_edit(&section, &edits)).collect::<Vec<_>>();
    edits.extend(resized);
    edits.sort_by_key(|edit| edit.at.start);
    Ok(apply(bytes, &edits))
}

/// Replaces the name of the extern that begins at `offset`: one byte of kind, the length, the text.
fn name_edit(bytes: &[u8], offset: usize, old: &str, new: &str) -> Result<Edit, ComponentError> {
    let start = offset + 1;
    let (length, text) = read_u32(bytes, start).ok_or_else(|| cut(bytes))?;
    if bytes.get(text..text + length) != Some(old.as_bytes()) {
        return Err(cut(bytes));
    }
    let mut with = Vec::with_capacity(new.len() + 2);
    write_u32(new.len(), &mut with);
    with.extend_from_slice(new.as_bytes());
    Ok(Edit { at: start..text + length, with })
}

/// An outermost section: where its size is written, and its contents.
struct Section {
    size: Range<usize>,
    contents: Range<usize>,
}

fn sections(bytes: &[u8]) -> Result<Vec<Section>, ComponentError> {
    let mut found = Vec::new();
    let mut at = 8;
    while at < bytes.len() {
        let size_at = at + 1;
        let (length, start) = read_u32(bytes, size_at).ok_or_else(|| cut(bytes))?;
        let end = start.checked_add(length).filter(|end| *end <= bytes.len()).ok_or_else(|| cut(bytes))?;
        found.push(Section { size: size_at..start, contents: start..end });
        at = end;
    }
    Ok(found)
}

/// The new size of a section in which names changed.
fn size_edit(section: &Section, edits: &[Edit]) -> Option<Edit> {
    let inside = edits.iter().filter(|edit| section.contents.contains(&edit.at.start));
    let (count, gone, come) = inside.fold((0, 0, 0), |(count, gone, come), edit| {
        (count + 1, gone + edit.at.len(), come + edit.with.len())
    });
    let mut with = Vec::new();
    write_u32(section.contents.len() - gone + come, &mut with);
    (count > 0).then_some(Edit { at: section.size.clone(), with })
}

fn apply(bytes: &[u8], edits: &[Edit]) -> Vec<u8> {
    let grown: usize = edits.iter().map(|edit| edit.with.len()).sum();
    let mut out = Vec::with_capacity(bytes.len() + grown);
    let mut copied = 0;
    for edit in edits {
        out.extend_from_slice(&bytes[copied..edit.at.start]);
        out.extend_from_slice(&edit.with);
        copied = edit.at.end;
    }
    out.extend_from_slice(&bytes[copied..]);
    out
}

pub(super) fn cut(bytes: &[u8]) -> ComponentError {
    ComponentError::Truncated { what: "component", bytes: bytes.len() }
}

/// A LEB128 number at `at`, and where it ends.
pub(super) fn read_u32(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let mut value = 0usize;
    for (place, byte) in bytes.get(at..)?.iter().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, at + place + 1));
        }
    }
    None
}

pub(super) fn write_u32(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::{core_modules, externs, validate};

    #[test]
    fn only_names_change() {
        let bytes = wat::parse_str(
            r#"(component
                (import "a:b/c@0.2.0" (instance $c))
                (core module $m (func (export "f") (result i32) i32.const 7))
                (component (import "a:b/c@0.2.0" (instance)))
                (import "a:b/d@0.2.0" (instance $d))
                (export "a:b/e@0.2.0" (instance $c)))"#,
        )
        .unwrap();
        let long = |_: Side, name: &str| Some(name.replace("0.2.0", "0.2.0-rc-2023-11-10-and-much-longer"));
        let renamed = rename(&bytes, long).unwrap();
        validate(&renamed).unwrap();
        assert_eq!(externs(&renamed).unwrap().imports[1], "a:b/d@0.2.0-rc-2023-11-10-and-much-longer");
        assert_eq!(core_modules(&renamed).unwrap(), core_modules(&bytes).unwrap());
        let back =
            rename(&renamed, |_, name| Some(name.replace("-rc-2023-11-10-and-much-longer", ""))).unwrap();
        assert_eq!(back, bytes);
    }

    #[test]
    fn imports_and_exports_are_renamed_apart() {
        let bytes =
            wat::parse_str(r#"(component (import "a:b/c" (instance $c)) (export "x:y/z" (instance $c)))"#)
                .unwrap();
        let renamed =
            rename(&bytes, |side, _| (side == Side::Export).then(|| "x:y/other".to_owned())).unwrap();
        let found = externs(&renamed).unwrap();
        assert_eq!((found.imports[0].as_str(), found.exports[0].as_str()), ("a:b/c", "x:y/other"));
    }
}
