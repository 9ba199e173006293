//! Tells a component from a core module from anything else.

use wasmparser::{Parser, WasmFeatures};

use super::ComponentError;

/// What some bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A component.
    Component,
    /// A core module, such as compilers for `wasm32-wasip1` produce.
    CoreModule,
}

impl Kind {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::CoreModule => "core module",
        }
    }
}

const MAGIC: &[u8] = b"\0asm";
const CORE_MODULE: u32 = 1;
const COMPONENT: u32 = 0x1_000d;

/// What `bytes` are, by their first eight bytes.
///
/// # Errors
/// [`ComponentError::Empty`], [`ComponentError::NotWasm`], [`ComponentError::Truncated`] and
/// [`ComponentError::UnknownVersion`].
pub fn kind(bytes: &[u8]) -> Result<Kind, ComponentError> {
    if bytes.is_empty() {
        return Err(ComponentError::Empty);
    }
    let shared = bytes.len().min(MAGIC.len());
    if bytes[..shared] != MAGIC[..shared] {
        return Err(not_wasm(bytes));
    }
    let version = bytes.get(4..8).and_then(|version| version.try_into().ok()).map(u32::from_le_bytes);
    match version {
        Some(CORE_MODULE) => Ok(Kind::CoreModule),
        Some(COMPONENT) => Ok(Kind::Component),
        Some(version) => Err(ComponentError::UnknownVersion { version }),
        None => Err(ComponentError::Truncated { what: "file", bytes: bytes.len() }),
    }
}

/// Refuses everything but a component.
///
/// # Errors
/// Those of [`kind`], and [`ComponentError::CoreModule`].
pub fn require_component(bytes: &[u8]) -> Result<(), ComponentError> {
    match kind(bytes)? {
        Kind::Component => Ok(()),
        Kind::CoreModule => Err(ComponentError::CoreModule),
    }
}

fn not_wasm(bytes: &[u8]) -> ComponentError {
    let start: String = String::from_utf8_lossy(&bytes[..bytes.len().min(16)])
        .chars()
        .map(|c| if c.is_control() { '.' } else { c })
        .collect();
    let text = bytes.trim_ascii_start();
    let help = if text.starts_with(b"(module") || text.starts_with(b"(component") {
        "it is the text form (WAT); assemble it first, for instance with `wasm-tools parse`"
    } else if bytes.starts_with(&[0x1f, 0x8b]) {
        "it is compressed; unpack it first with `gunzip`"
    } else if bytes.starts_with(b"PK") || bytes.get(257..262) == Some(b"ustar") {
        "it is an archive; take the component out of it first"
    } else if text.starts_with(b"package ") || text.starts_with(b"world ") {
        "it is WIT, a description of interfaces; name the component that was built from it"
    } else {
        "name a `.wasm` file"
    };
    ComponentError::NotWasm { begins: format!("`{start}`"), help: help.to_owned() }
}

/// A parser that knows everything the validator knows.
pub(super) fn parser() -> Parser {
    let mut parser = Parser::new(0);
    parser.set_features(WasmFeatures::all());
    parser
}

/// The parser's or validator's complaint about `bytes` as ours.
pub(super) fn complaint(bytes: &[u8], error: &wasmparser::Error) -> ComponentError {
    let what = kind(bytes).map_or("file", Kind::word);
    let message = error.message();
    // The parser says so when a section or the module inside it goes on behind the last byte.
    if message.contains("unexpected end-of-file") || message.contains("unexpected end of section") {
        return ComponentError::Truncated { what, bytes: bytes.len() };
    }
    ComponentError::Invalid { what, message: message.to_owned(), offset: error.offset() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_and_core_modules_are_told_apart() {
        assert_eq!(kind(&wat::parse_str("(component)").unwrap()), Ok(Kind::Component));
        assert_eq!(kind(&wat::parse_str("(module)").unwrap()), Ok(Kind::CoreModule));
    }

    #[test]
    fn what_is_no_webassembly_is_named() {
        assert_eq!(kind(b""), Err(ComponentError::Empty));
        assert_eq!(kind(b"\0as"), Err(ComponentError::Truncated { what: "file", bytes: 3 }));
        assert_eq!(kind(b"\0asm\x02\0\0\0"), Err(ComponentError::UnknownVersion { version: 2 }));
        let help = |bytes: &[u8]| match kind(bytes) {
            Err(ComponentError::NotWasm { help, .. }) => help,
            other => panic!("{other:?}"),
        };
        assert!(help(b"  (component)").contains("WAT"));
        assert!(help(b"\x1f\x8b\x08").contains("gunzip"));
        assert!(help(b"package acme:shop;").contains("WIT"));
        assert!(help(b"hello").contains(".wasm"));
    }
}
