//! Canonical version names, written out.
//!
//! A tool may write `wasi:io/poll@0.2` and put `.6` aside as a suffix, so that engines link all of `0.2`
//! without looking further. What is aside still says what the component was built for.

use std::borrow::Cow;

use super::ComponentError;
use super::externs::each_extern_name;
use super::rename::{Edit, cut, edited, read_u32, write_u32};

/// The component with each version in its name: `wasi:io/poll@0.2.6`. The bytes themselves if they have no
/// suffixes.
///
/// # Errors
/// Those of [`super::externs`].
pub fn without_suffixes(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ComponentError> {
    super::require_component(bytes)?;
    let mut edits = Vec::new();
    each_extern_name(bytes, |_, name, offset| {
        let Some(suffix) = name.version_suffix else { return Ok(()) };
        let end = end_of_name(bytes, offset).ok_or_else(|| cut(bytes))?;
        let full = format!("{}{suffix}", name.name);
        // The kind of name that has no options.
        let mut with = vec![0];
        write_u32(full.len(), &mut with);
        with.extend_from_slice(full.as_bytes());
        edits.push(Edit { at: offset..end, with });
        Ok(())
    })?;
    match edits.is_empty() {
        true => Ok(Cow::Borrowed(bytes)),
        false => edited(bytes, edits).map(Cow::Owned),
    }
}

/// Where a name with options ends: a byte of kind, the text, and so many options of a byte and a text each.
fn end_of_name(bytes: &[u8], offset: usize) -> Option<usize> {
    let text = |at: usize| read_u32(bytes, at).map(|(length, start)| start + length);
    let (count, mut at) = read_u32(bytes, text(offset + 1)?)?;
    for _ in 0..count {
        at = text(at + 1)?;
    }
    (at <= bytes.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::{externs, validate};

    #[test]
    fn suffixes_join_their_names() {
        let bytes = wat::parse_str(
            r#"(component
                (import "wasi:random/random@0.2" (versionsuffix ".6") (instance $r))
                (import "wasi:io/poll@0.2" (versionsuffix ".0-rc-2023-11-10") (instance))
                (import "acme:kv/store@1.2.3" (instance))
                (export "wasi:cli/run@0.2" (versionsuffix ".6") (instance $r)))"#,
        )
        .unwrap();
        let plain = without_suffixes(&bytes).unwrap();
        validate(&plain).unwrap();
        let found = externs(&plain).unwrap();
        let imports = ["wasi:random/random@0.2.6", "wasi:io/poll@0.2.0-rc-2023-11-10", "acme:kv/store@1.2.3"];
        assert_eq!(found.imports, imports);
        assert_eq!(found.exports, ["wasi:cli/run@0.2.6"]);
        assert!(matches!(without_suffixes(&plain).unwrap(), Cow::Borrowed(_)));
    }
}
