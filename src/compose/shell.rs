//! Shells: components without their insides.
//!
//! A shell has the same imports, exports, types, core instances and adapters as the component it was
//! made from; only the insides of its core modules and custom sections are gone ([`hollow_module`]). So
//! it has the same type, and it composes exactly when the component does.
//!
//! Each shell ends in a custom section with the part's number, by which [`fill`] finds it again in the
//! encoded composition and puts the real bytes in its place.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::hollow::hollow_module;
use super::{ComposeError, Wire};
use crate::component::{self, ComponentError};
use crate::wit::Shape;

/// A part with what planning and encoding need of it.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    pub(super) name: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) wires: &'a BTreeMap<String, Wire>,
    pub(super) shape: Shape,
    pub(super) shell: Vec<u8>,
}

/// A part as it was given: name, bytes, wires.
pub(super) type Given<'a> = (&'a str, &'a [u8], &'a BTreeMap<String, Wire>);

/// Validates the parts and takes their shells, sorted by name: the order in which parts are given must
/// not matter.
pub(super) fn pieces<'a>(parts: impl Iterator<Item = Given<'a>>) -> Result<Vec<Piece<'a>>, ComposeError> {
    let mut sorted: Vec<Given<'a>> = parts.collect();
    sorted.sort_by_key(|(name, _, _)| *name);
    if let Some(twice) = sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(ComposeError::DuplicateName { name: twice[0].0.to_owned() });
    }
    let size: usize = sorted.iter().map(|(_, bytes, _)| bytes.len()).sum();
    let workers = if size < WORTH_THREADS { 1 } else { 2.min(sorted.len()) };
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(part) = sorted.get(number) else { return done };
            done.push((number, piece(*part, number)));
        }
    };
    // The bodies of functions are checked by several threads anyhow; two parts at a time fill the gaps.
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for worker in others {
            match worker.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, piece)| piece).collect()
}

/// Below so many bytes in all, starting threads costs more than it saves.
const WORTH_THREADS: usize = 1 << 20;

fn piece((name, bytes, wires): Given<'_>, number: usize) -> Result<Piece<'_>, ComposeError> {
    let shell = checked_shell(name, bytes, number)?;
    let shape = Shape::of(&shell).map_err(|error| ComposeError::of_part(name, &error))?;
    Ok(Piece { name, bytes, wires, shape, shell })
}

/// The shell of a component that was validated first; `name` is what errors call it.
pub(super) fn checked_shell(name: &str, bytes: &[u8], number: usize) -> Result<Vec<u8>, ComposeError> {
    let failed = |error| ComposeError::of_part(name, &error);
    component::require_component(bytes).map_err(failed)?;
    component::validate(bytes).map_err(failed)?;
    shell(bytes, number)
        .ok_or_else(|| failed(ComponentError::Truncated { what: "component", bytes: bytes.len() }))
}

const CUSTOM: u8 = 0;
const CORE_MODULE: u8 = 1;
const COMPONENT: u8 = 4;
pub(super) const HEADER: usize = 8;
const MARK: &[u8] = b"jointer:shell";

/// The shell of a valid component, marked with `number`. `None` if it is cut short.
fn shell(bytes: &[u8], number: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len().min(1 << 16));
    hollow_component(bytes, &mut out)?;
    out.extend_from_slice(&mark(u32::try_from(number).ok()?));
    Some(out)
}

fn mark(number: u32) -> Vec<u8> {
    let mut content = vec![u8::try_from(MARK.len()).unwrap_or_default()];
    content.extend_from_slice(MARK);
    content.extend_from_slice(&number.to_le_bytes());
    let mut section = Vec::new();
    push_section(CUSTOM, &content, &mut section);
    section
}

fn hollow_component(bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(bytes.get(..HEADER)?);
    for section in sections(bytes) {
        let (id, content) = section?;
        match id {
            CUSTOM => {}
            CORE_MODULE | COMPONENT => {
                let mut inner = Vec::new();
                if id == COMPONENT {
                    hollow_component(content, &mut inner)?;
                } else {
                    hollow_module(content, &mut inner)?;
                }
                push_section(id, &inner, out);
            }
            _ => push_section(id, content, out),
        }
    }
    Some(())
}

/// An encoded composition with the real bytes in the place of every shell, in pieces: megabytes are not
/// copied together.
pub(super) fn fill<'a>(
    encoded: &[u8],
    real: impl Fn(usize) -> Option<&'a [u8]>,
) -> Option<Vec<Cow<'a, [u8]>>> {
    let mut pieces = Vec::new();
    let mut own = encoded.get(..HEADER)?.to_vec();
    for section in sections(encoded) {
        let (id, content) = section?;
        let Some(number) = (id == COMPONENT).then(|| marked(content)).flatten() else {
            push_section(id, content, &mut own);
            continue;
        };
        let component = real(number)?;
        own.push(id);
        push_u32(component.len(), &mut own);
        pieces.push(Cow::Owned(std::mem::take(&mut own)));
        pieces.push(Cow::Borrowed(component));
    }
    pieces.push(Cow::Owned(own));
    Some(pieces)
}

fn marked(component: &[u8]) -> Option<usize> {
    let (rest, number) = component.split_last_chunk::<4>()?;
    rest.ends_with(MARK).then(|| usize::try_from(u32::from_le_bytes(*number)).ok())?
}

/// The sections of a component or core module: identifier and content. `None` for one that is cut short,
/// which is the last.
pub(super) fn sections(bytes: &[u8]) -> impl Iterator<Item = Option<(u8, &[u8])>> {
    let mut rest = bytes.get(HEADER..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (&id, after) = rest.split_first()?;
        let section = read_u32(after).and_then(|(length, start)| {
            Some((after.get(start..start.checked_add(length)?)?, start + length))
        });
        rest = section.map_or(&[], |(_, end)| &after[end..]);
        Some(section.map(|(content, _)| (id, content)))
    })
}

pub(super) fn push_section(id: u8, content: &[u8], out: &mut Vec<u8>) {
    out.push(id);
    push_u32(content.len(), out);
    out.extend_from_slice(content);
}

/// An LEB128 number and how many bytes it takes.
fn read_u32(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

pub(super) fn push_u32(mut value: usize, out: &mut Vec<u8>) {
    loop {
        let byte = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component() -> Vec<u8> {
        wat::parse_str(
            r#"(component
                (import "a:b/c" (instance $c (export "f" (func (param "x" u32) (result string)))))
                (core module $m
                    (import "host" "f" (func (param i32 i32)))
                    (memory (export "memory") 1)
                    (data (i32.const 0) "many bytes that a shell does not have")
                    (global $g (mut i32) (i32.const 7))
                    (table 1 funcref) (elem (i32.const 0) $r)
                    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 8)
                    (func $r (export "run") (result i32) (i32.add (global.get $g) (i32.const 41))))
                (core module $libc (memory (export "memory") 1)
                    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 8))
                (core instance $l (instantiate $libc))
                (core func $f (canon lower (func $c "f") (memory $l "memory") (realloc (func $l "realloc"))))
                (core instance $h (export "f" (func $f)))
                (core instance $i (instantiate $m (with "host" (instance $h))))
                (component $nested (core module (func (result i32) i32.const 1 i32.const 2 i32.add)))
                (func (export "run") (result u32) (canon lift (core func $i "run"))))"#,
        )
        .unwrap()
    }

    #[test]
    fn a_shell_is_valid_smaller_and_has_the_same_outside() {
        let bytes = component();
        component::validate(&bytes).unwrap();
        let shell = shell(&bytes, 3).unwrap();
        component::validate(&shell).unwrap();
        assert!(shell.len() < bytes.len() - 40, "{} {}", shell.len(), bytes.len());
        let (a, b) = (Shape::of(&bytes).unwrap(), Shape::of(&shell).unwrap());
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
    }

    #[test]
    fn shells_are_filled_with_the_bytes_they_were_made_of() {
        let bytes = component();
        let mut outer = b"\0asm\x0d\0\x01\0".to_vec();
        push_section(COMPONENT, &shell(&bytes, 1).unwrap(), &mut outer);
        push_section(COMPONENT, &shell(&bytes, 0).unwrap(), &mut outer);
        let other = wat::parse_str("(component (import \"x\" (func)))").unwrap();
        let filled = fill(&outer, |number| [&*other, &*bytes].get(number).copied()).unwrap().concat();
        let found: Vec<_> = sections(&filled).map(|section| section.unwrap().1).collect();
        assert_eq!(found, [&*bytes, &*other]);
        component::validate(&filled).unwrap();
    }

    #[test]
    fn what_is_cut_short_has_no_shell() {
        let bytes = component();
        for end in 0..bytes.len() {
            // Cut between two sections it is whole; anything else must be noticed, never panic.
            let _ = shell(&bytes[..end], 0);
        }
        assert_eq!(shell(&bytes[..bytes.len() - 1], 0), None);
    }
}
