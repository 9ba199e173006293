//! Core modules for `wasi_snapshot_preview1` and `wasi_unstable` become components.
//!
//! The adapters are wasmtime's own, out of its crate; `adapters/README.md` says where they come from.
//! wit-component joins them to the module and drops what it does not call.

use std::borrow::Cow;

use wasi_preview1_component_adapter_provider as provider;
use wasmparser::{Payload, TypeRef};
use wit_component::ComponentEncoder;

use super::snapshot::Snapshot;
use super::unstable::{self, UNSTABLE};
use super::{AdaptError, Flavour, status};
use crate::component;

/// The module name that preview1 programs import from.
pub(super) const PREVIEW1: &str = provider::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME;

/// A component made of a core module.
pub(super) struct Made {
    pub(super) component: Vec<u8>,
    pub(super) flavour: Flavour,
    /// What the module was for, if it used WASI at all: [`PREVIEW1`] or [`UNSTABLE`].
    pub(super) from: Option<&'static str>,
    /// The functions of [`UNSTABLE`] that needed code.
    pub(super) functions: Vec<String>,
}

/// Makes a component of a core module; `flavour` by what it exports unless it is given. `target` only decides
/// what becomes of the exit status.
pub(super) fn componentize(
    module: &[u8],
    flavour: Option<Flavour>,
    target: &Snapshot,
) -> Result<Made, AdaptError> {
    component::validate(module)?;
    let outside = Outside::of(module);
    let unstable = outside.imports.iter().any(|import| import == UNSTABLE);
    let (module, functions) = match unstable {
        true => {
            let (written, functions) = unstable::to_preview1(module)?;
            (Cow::Owned(written), functions)
        }
        false => (Cow::Borrowed(module), Vec::new()),
    };
    let flavour = flavour.unwrap_or(outside.flavour());
    let adapter = match flavour {
        Flavour::Command => provider::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
        Flavour::Reactor => provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
        Flavour::Proxy => provider::WASI_SNAPSHOT_PREVIEW1_PROXY_ADAPTER,
    };
    let encode = |module: &[u8]| {
        let mut encoder = ComponentEncoder::default();
        encoder
            .module(module)
            .and_then(|encoder| encoder.adapter(PREVIEW1, adapter))
            .and_then(ComponentEncoder::encode)
    };
    let kept = match flavour {
        Flavour::Command | Flavour::Reactor => status::kept(&module, target),
        // Hosts for proxies have no way to end a program.
        Flavour::Proxy => Cow::Borrowed(&*module),
    };
    // A module whose own world has another idea of `exit` keeps the adapter's.
    let component =
        encode(&kept).or_else(|_| encode(&module)).map_err(|error| AdaptError::NotComponentizable {
            flavour: flavour.word(),
            // The causes say what is missing; the first line only says that something is.
            reason: error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": "),
        })?;
    let preview1 = outside.imports.iter().any(|import| import == PREVIEW1);
    let from = if unstable { Some(UNSTABLE) } else { preview1.then_some(PREVIEW1) };
    Ok(Made { component, flavour, from, functions })
}

/// The outside of a core module, as far as it matters here.
#[derive(Default)]
struct Outside {
    imports: Vec<String>,
    starts: bool,
}

impl Outside {
    fn of(module: &[u8]) -> Self {
        let mut outside = Self::default();
        for payload in wasmparser::Parser::new(0).parse_all(module).map_while(Result::ok) {
            match payload {
                Payload::ImportSection(section) => {
                    let imports = section.into_imports().filter_map(Result::ok);
                    let functions = imports.filter(|import| matches!(import.ty, TypeRef::Func(_)));
                    outside.imports.extend(functions.map(|import| import.module.to_owned()));
                }
                Payload::ExportSection(section) => {
                    outside.starts |=
                        section.into_iter().filter_map(Result::ok).any(|export| export.name == "_start");
                }
                _ => {}
            }
        }
        outside
    }

    fn flavour(&self) -> Flavour {
        if self.starts { Flavour::Command } else { Flavour::Reactor }
    }
}
