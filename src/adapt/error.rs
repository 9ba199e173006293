//! Why a component cannot be made to fit.
//!
//! Texts of the larger variants are boxed slices, which keeps results small where all goes well.

use miette::Diagnostic;

use crate::component::ComponentError;
use crate::error::{ExitStatus, Fault};

/// Why a component cannot be adapted.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum AdaptError {
    /// The bytes are no usable component or core module.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Component(#[from] ComponentError),
    /// A version that nothing can be adapted to.
    #[error("components cannot be adapted to WASI {version}")]
    #[diagnostic(code(adapt::unknown_target), help("{nearest}possible are {known}"))]
    UnknownTarget {
        /// What was asked.
        version: String,
        /// The version that comes nearest, as the beginning of a sentence.
        nearest: String,
        /// All that is possible.
        known: String,
    },
    /// A snapshot that is not known.
    #[error("there is no WASI snapshot `{label}`")]
    #[diagnostic(code(adapt::unknown_snapshot), help("{help}"))]
    UnknownSnapshot {
        /// What was asked.
        label: String,
        /// What there is.
        help: String,
    },
    /// An adapter for a component that has no need of it.
    #[error("nothing of WASI {snapshot} is among its {what}")]
    #[diagnostic(
        code(adapt::nothing_of_snapshot),
        help("`jointer inspect` says which snapshots a component imports and exports")
    )]
    NothingOfSnapshot {
        /// The snapshot.
        snapshot: String,
        /// `imports` or `exports`.
        what: &'static str,
    },
    /// A package that is to stand for another differs from it.
    #[error("`{to}` cannot stand for `{from}`: {place}{wanted} is wanted, {given} is given")]
    #[diagnostic(code(adapt::map_differs), help("{help}"))]
    MapDiffers {
        /// The interface that the component has.
        from: Box<str>,
        /// The interface that it is to have.
        to: Box<str>,
        /// Function, parameter, field.
        place: Box<str>,
        /// What the importing side wants.
        wanted: Box<str>,
        /// What the exporting side gives.
        given: Box<str>,
        /// What to do.
        help: Box<str>,
    },
    /// A mapping for which there is nothing to map.
    #[error("it neither imports nor exports anything of `{package}`")]
    #[diagnostic(code(adapt::map_unused), help("its own are {known}"))]
    MapUnused {
        /// The package on the left of the mapping.
        package: String,
        /// The packages that it has.
        known: String,
    },
    /// What is on the right of a mapping is not to be had.
    #[error("nothing has the interface `{interface}`")]
    #[diagnostic(
        code(adapt::map_missing),
        help(
            "`--with FILE` must name a component that exports it, or for what is exported, one that imports it; {found}"
        )
    )]
    MapMissing {
        /// The interface.
        interface: String,
        /// What there is.
        found: String,
    },
    /// After a mapping two imports or exports would have one name.
    #[error("after the mapping there would be two of `{name}`")]
    #[diagnostic(
        code(adapt::map_twice),
        help("it already has this interface in that version; build it against one of them")
    )]
    MapTwice {
        /// The name.
        name: String,
    },
    /// The target has no such interface.
    #[error("{snapshot} has the interface `{interface}`, which WASI {target} lacks")]
    #[diagnostic(code(adapt::interface_missing), help("{help}"))]
    InterfaceMissing {
        /// What the component was built against.
        snapshot: Box<str>,
        /// Without version.
        interface: Box<str>,
        /// What was asked.
        target: Box<str>,
        /// What to do.
        help: Box<str>,
    },
    /// The target lacks a function that the component uses.
    #[error("{snapshot} has `{function}` in `{interface}`, which WASI {target} lacks")]
    #[diagnostic(code(adapt::function_missing), help("{help}"))]
    FunctionMissing {
        /// What the component was built against.
        snapshot: Box<str>,
        /// Without version.
        interface: Box<str>,
        /// The function.
        function: Box<str>,
        /// What was asked.
        target: Box<str>,
        /// What to do.
        help: Box<str>,
    },
    /// A function or type has the same name and another meaning.
    #[error("`{item}` in `{interface}` differs: {snapshot} has `{has}`, WASI {target} has `{wants}`")]
    #[diagnostic(code(adapt::differs), help("{help}"))]
    Differs {
        /// What the component was built against.
        snapshot: Box<str>,
        /// Without version.
        interface: Box<str>,
        /// The function or type.
        item: Box<str>,
        /// Its type in the component.
        has: Box<str>,
        /// Its type in the target.
        wants: Box<str>,
        /// What was asked.
        target: Box<str>,
        /// What to do.
        help: Box<str>,
    },
    /// Something of the other track that cannot be carried over.
    #[error("{place} of {snapshot} {why}")]
    #[diagnostic(code(adapt::other_track), help("{help}"))]
    OtherTrack {
        /// What the component was built against.
        snapshot: Box<str>,
        /// The interface, and the function or type in it.
        place: Box<str>,
        /// Why it cannot.
        why: Box<str>,
        /// What to do.
        help: Box<str>,
    },
    /// Code for an async ABI that engines do not have any more.
    #[error("its async code, made by {tool}, is of a time before the ABI was settled: {what}")]
    #[diagnostic(
        code(adapt::drifted),
        help("nothing converts the code itself; build it again, in Rust with wit-bindgen 0.59 or later")
    )]
    Drifted {
        /// What it does.
        what: String,
        /// What made it.
        tool: String,
    },
    /// The component shares a resource with others that only the adapter knows.
    #[error(
        "`{name}` mentions `{ty}` of `{interface}`, which the adapter makes itself: nobody outside could name it"
    )]
    #[diagnostic(
        code(adapt::mentions_wrapped),
        help("take it out of what the component exports and imports, or build it for a later version")
    )]
    MentionsWrapped {
        /// What it exports, or imports from others.
        name: Box<str>,
        /// The resource.
        ty: Box<str>,
        /// Where that is from.
        interface: Box<str>,
    },
    /// The component exports an interface in two versions.
    #[error("`{interface}` is exported in two versions, which would have one name")]
    #[diagnostic(
        code(adapt::exported_twice),
        help("build it with one of the two; a component can export an interface only once")
    )]
    ExportedTwice {
        /// Without version.
        interface: String,
    },
    /// wit-component could not make a component of a core module.
    #[error("the core module cannot become a {flavour} component: {reason}")]
    #[diagnostic(
        code(adapt::not_componentizable),
        help(
            "it may import only `wasi_snapshot_preview1` and what its embedded world says; modules of other \
             toolchains (emscripten, wasm-bindgen) import functions that no component can"
        )
    )]
    NotComponentizable {
        /// `command`, `reactor` or `proxy`.
        flavour: &'static str,
        /// wit-component's words.
        reason: String,
    },
    /// Something of the component's own does not survive being put beside an adapter.
    #[error("the component cannot be put behind an adapter: {reason}")]
    #[diagnostic(
        code(adapt::not_forwarded),
        help("one of its own imports or exports cannot be handed on; build it again for WASI 0.2")
    )]
    NotForwarded {
        /// What is in the way.
        reason: String,
    },
}

impl AdaptError {
    /// For a version that is none of the targets.
    pub fn unknown_target(version: &str) -> Self {
        let targets = super::targets();
        let known = targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let wanted: Option<semver::Version> = version.parse().ok();
        let nearest = wanted.and_then(|wanted| {
            targets.iter().rev().find(|target| **target <= wanted).or(targets.first()).cloned()
        });
        let nearest = nearest.map(|near| format!("the nearest is {near}; ")).unwrap_or_default();
        Self::UnknownTarget { version: version.to_owned(), nearest, known }
    }

    /// For a label that is none of the snapshots.
    pub fn unknown_snapshot(label: &str) -> Self {
        let known = super::snapshot::labels_in_order();
        let help = match super::snapshot::nearest(label) {
            Some(near) => format!("the nearest is {near}; there are {}", known.join(", ")),
            None => format!("there are {}", known.join(", ")),
        };
        Self::UnknownSnapshot { label: label.to_owned(), help }
    }
}

impl Fault for AdaptError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::Component(error) => error.status(),
            Self::UnknownTarget { .. } | Self::UnknownSnapshot { .. } | Self::MapUnused { .. } => {
                ExitStatus::Usage
            }
            _ => ExitStatus::Fit,
        }
    }
}
