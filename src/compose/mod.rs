//! Composition: which part's export satisfies which import, and the one component that results.
//!
//! First a [`plan`](Plan) is made, which is plain data; then it is encoded with wac-graph. The parts'
//! code is never looked at for that: what is planned, encoded and checked are their *shells*, the same
//! components with empty functions and no data, a few kilobytes of an interpreter's megabytes. The real
//! bytes are put in at the end. Each part is valid by itself and the shells of the whole are valid
//! together, so the result is; nothing is validated twice.
//!
//! Pure: bytes in, bytes out, the same bytes for the same parts in any order.

mod document;
mod encode;
mod error;
mod guard;
mod hollow;
mod limit;
mod plan;
mod shell;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

pub use document::{Dependency, compose_document, document_dependencies};
pub use error::ComposeError;

use crate::event::Event;

/// A component that takes part in a composition.
#[derive(Debug, Clone)]
pub struct Part {
    /// What errors call it, and the manifest.
    pub name: String,
    /// The component.
    pub bytes: Arc<[u8]>,
    /// Explicit wiring of its imports: the import's name, with or without version.
    pub wires: BTreeMap<String, Wire>,
}

impl Part {
    /// A part without explicit wires.
    pub fn new(name: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { name: name.into(), bytes: bytes.into(), wires: BTreeMap::new() }
    }
}

/// Who satisfies an import, when that is said explicitly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wire {
    /// The host.
    Host,
    /// Another part.
    Part {
        /// Its name.
        component: String,
        /// Which of its exports; the one that fits by name when not said.
        export: Option<String>,
    },
}

/// How to compose.
pub struct Options<'a> {
    /// Refuse to export anything but what the root exports.
    pub strict_exports: bool,
    /// Whether the host provides an import of that name.
    pub host_offers: &'a dyn Fn(&str) -> bool,
}

/// One connection in the composed component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Edge {
    /// The part that imports.
    pub consumer: String,
    /// What it imports.
    pub import: String,
    /// The part that exports.
    pub provider: String,
    /// What it exports.
    pub export: String,
}

/// The composed component.
#[derive(Debug, Clone)]
pub struct Composed {
    /// Valid, and tagged `processed-by: jointer`.
    pub bytes: Vec<u8>,
    /// Sorted.
    pub edges: Vec<Edge>,
    /// Parts that nothing leads to from the root; they are not in the component. Sorted.
    pub unreached: Vec<String>,
    /// Exported although the root does not: interfaces whose types the root's exports mention.
    pub extra_exports: Vec<String>,
}

/// A composed component that borrows the bytes of its parts. As [`Composed`] otherwise.
#[derive(Debug, Clone)]
pub struct Composition<'a> {
    /// The component, one after the other.
    pub chunks: Vec<Cow<'a, [u8]>>,
    /// Sorted.
    pub edges: Vec<Edge>,
    /// Parts that are not in it. Sorted.
    pub unreached: Vec<String>,
    /// Exported although the root does not.
    pub extra_exports: Vec<String>,
}

impl Composition<'_> {
    /// The size of the component.
    pub fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    /// Never: a component has a header.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the user should know about it.
    pub fn events(&self) -> Vec<Event> {
        events(&self.unreached, &self.extra_exports)
    }
}

impl From<Composition<'_>> for Composed {
    fn from(composition: Composition<'_>) -> Self {
        let Composition { chunks, edges, unreached, extra_exports } = composition;
        Self { bytes: chunks.concat(), edges, unreached, extra_exports }
    }
}

impl Composed {
    /// What the user should know about it: parts that are not in it, exports that nobody asked for.
    pub fn events(&self) -> Vec<Event> {
        events(&self.unreached, &self.extra_exports)
    }
}

fn events(unreached: &[String], extra_exports: &[String]) -> Vec<Event> {
    let mut events: Vec<Event> = unreached
        .iter()
        .map(|part| Event::Warning {
            code: "compose::unreached".to_owned(),
            text: format!(
                "`{part}` is not in the result: nothing that leads to the root imports what it exports"
            ),
            help: format!(
                "import its interface in the world of the part that is to use it, or leave `{part}` out"
            ),
        })
        .collect();
    if !extra_exports.is_empty() {
        let interfaces = plan::listed(extra_exports.iter().map(String::as_str), "and");
        events.push(Event::Note {
            verb: "Exported".to_owned(),
            text: format!("{interfaces} as well, because the root's exports mention types of it"),
        });
    }
    events
}

/// Composes `parts`: `root`'s imports are satisfied by the other parts, theirs in turn, until only the
/// host's are left; `root`'s exports are exported.
///
/// # Errors
/// [`ComposeError`], each with the names of the parts and what to do.
pub fn compose(parts: &[Part], root: &str, options: &Options<'_>) -> Result<Composed, ComposeError> {
    let pieces = shell::pieces(parts.iter().map(|part| (&*part.name, &*part.bytes, &part.wires)))?;
    let plan = plan::plan(&pieces, root, &plan::Policy::app(options))?;
    encode::encode(&pieces, plan).map(Composed::from)
}

/// Plugs the exports of `plugs` into the imports of `socket`, and into each other's. What nobody
/// satisfies stays an import. Each has a name for errors and its bytes.
///
/// # Errors
/// [`ComposeError`], each with the names of the components and what to do.
pub fn plug<'a>(
    socket: (&'a str, &'a [u8]),
    plugs: &[(&'a str, &'a [u8])],
) -> Result<Composition<'a>, ComposeError> {
    static NO_WIRES: BTreeMap<String, Wire> = BTreeMap::new();
    let given = std::iter::once(&socket).chain(plugs).map(|(name, bytes)| (*name, *bytes, &NO_WIRES));
    let pieces = shell::pieces(given)?;
    let plan = plan::plan(&pieces, socket.0, &plan::Policy::plug())?;
    encode::encode(&pieces, plan)
}
