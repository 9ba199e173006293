//! Makes components fit a WASI version.
//!
//! Everything is decided function by function from the types in the component itself: labels such as
//! `0.2.0-rc-2023-11-05` stood for different contents at different times. Three ways, the cheapest that
//! works is taken:
//!
//! 1. *rename*: all that the component uses has the same types in the target, so only names change;
//! 2. *merge*: the same, for a component that imports one interface in two versions; both become one
//!    import;
//! 3. *wrap*: some functions differ, so the component is put beside generated adapter components that have
//!    the same function under its other name or a few instructions for each of those.
//!
//! A core module for `wasi_snapshot_preview1` or `wasi_unstable` is made a component first. Pure: bytes in, bytes out, and
//! the same bytes out every time.

mod adapter;
mod answer;
mod bridge;
mod built;
mod copy;
mod decide;
mod deny;
mod drift;
mod encode;
mod error;
mod map;
mod matrix;
mod merge;
mod only;
mod preview1;
mod reencode;
mod refuse;
#[cfg(test)]
mod release;
mod sample;
mod shape;
#[cfg(test)]
mod sizes;
mod snapshot;
mod status;
mod step;
mod strict;
mod survey;
#[cfg(test)]
mod tests;
mod track;
mod trim;
mod unstable;
mod uses;
mod wrap;

use semver::Version;

pub use decide::Lacking;
pub use deny::{Denial, DenyError, denial, denied};
pub use drift::{Drift, drift};
pub use error::AdaptError;
pub use map::{Mapping, map};
pub use matrix::{Cell, Row, Technique, matrix};
pub use only::{Alone, adapter, export_adapter};
pub use snapshot::targets;
pub use step::{Step, steps};
pub use strict::check_host;
pub use survey::{Survey, survey};

use crate::component::{self, Kind, Side};
use crate::host::Profile;
use decide::decide_with;
use snapshot::Snapshot;
use uses::Uses;

/// What an adapted component is like, and how it came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapted {
    /// The component; valid.
    pub bytes: Vec<u8>,
    /// The snapshots that it was built against, as labels: `0.2.9`, `0.2.0-rc-2023-11-10`,
    /// `wasi_snapshot_preview1`. Sorted; empty if it uses no WASI.
    pub from: Vec<String>,
    /// The snapshots of the other track (0.3 beside 0.2) that it uses too, which stay as they are.
    pub left: Vec<String>,
    /// What of its async code engines of today take amiss.
    pub drift: Option<Drift>,
    /// What was done.
    pub how: How,
    /// The functions that the version lacks and that only fail now: `wasi:cli/exit exit-with-code`.
    pub stubs: Vec<String>,
}

/// What was done to a component.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum How {
    /// Nothing; it fits as it is, and the bytes are the input's.
    Unchanged,
    /// A core module became a component.
    Componentized {
        /// What it became.
        flavour: Flavour,
        /// The functions that needed code: `wasi_unstable fd_seek`. None for preview1.
        functions: Vec<String>,
    },
    /// Only names changed, and imports of one interface in several versions became one.
    Renamed,
    /// A generated adapter stands between the component and the host.
    Wrapped {
        /// The functions that something stands in for: `wasi:sockets/tcp [method]tcp-socket.ipv6-only`.
        functions: Vec<String>,
    },
}

impl How {
    /// The functions that needed code, sorted.
    pub fn functions(&self) -> &[String] {
        match self {
            Self::Wrapped { functions } | Self::Componentized { functions, .. } => functions,
            Self::Unchanged | Self::Renamed => &[],
        }
    }

    /// One word, as events and JSON have it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Componentized { .. } => "componentized",
            Self::Renamed => "renamed",
            Self::Wrapped { .. } => "wrapped",
        }
    }
}

/// Which adapter a preview1 core module gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// A program with `_start`: exports `wasi:cli/run`.
    Command,
    /// A library: exports what its embedded world says.
    Reactor,
    /// An http handler for hosts that offer no more than `wasi:http/proxy`: no files, arguments or
    /// environment.
    Proxy,
}

impl Flavour {
    /// As `--kind` has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Reactor => "reactor",
            Self::Proxy => "proxy",
        }
    }
}

/// [`adapt_as`], with the flavour chosen by what a core module exports.
///
/// # Errors
/// See [`AdaptError`].
pub fn adapt(bytes: &[u8], to: &Version) -> Result<Adapted, AdaptError> {
    adapt_as(bytes, to, None)
}

/// Makes a component fit a host: what it uses of 0.3 the host's version of that, all else the host's version
/// of 0.2.
///
/// # Errors
/// See [`AdaptError`].
pub fn fit(bytes: &[u8], host: &Profile) -> Result<Adapted, AdaptError> {
    let Some(wasi_0_3) = &host.wasi_0_3 else { return adapt(bytes, &host.wasi) };
    let first = match adapt(bytes, &host.wasi) {
        Err(AdaptError::OtherTrack { .. }) => return adapt(bytes, wasi_0_3),
        first => first?,
    };
    if !first.left.iter().any(|label| label.starts_with("0.3.")) {
        return Ok(first);
    }
    let second = adapt(&first.bytes, wasi_0_3)?;
    let how = if first.how == How::Unchanged { second.how } else { first.how };
    // What it was built against and what is wrong with it, the first look says.
    let Adapted { from, drift, stubs, .. } = first;
    Ok(Adapted { bytes: second.bytes, from, left: Vec::new(), drift, how, stubs })
}

/// Makes a component, or a core module for preview1, import and export WASI in version `to`, each
/// interface once. What is no WASI stays as it is. `flavour` says what a core module becomes and means
/// nothing for components.
///
/// # Errors
/// See [`AdaptError`]: bytes that are no component, a version that is not known, a function that the
/// version lacks or has with other types.
pub fn adapt_as(bytes: &[u8], to: &Version, flavour: Option<Flavour>) -> Result<Adapted, AdaptError> {
    adapt_with(bytes, to, &Wishes { flavour, ..Wishes::default() })
}

/// How a component is to be adapted, where there is a choice.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes {
    /// What a core module becomes; by default what it exports decides.
    pub flavour: Option<Flavour>,
    /// What is done about functions that the version lacks.
    pub lacking: Lacking,
    /// Put the component as it is into another one, even where new names are enough.
    pub wrap: bool,
}

/// [`adapt_as`], with wishes.
///
/// # Errors
/// See [`AdaptError`].
pub fn adapt_with(bytes: &[u8], to: &Version, wishes: &Wishes) -> Result<Adapted, AdaptError> {
    let target = target(to)?;
    let adapted = match component::kind(bytes)? {
        Kind::Component => adapt_component(bytes, &target, wishes)?,
        Kind::CoreModule => {
            let made = preview1::componentize(bytes, wishes.flavour, &target)?;
            let fitted = adapt_component(&made.component, &target, wishes)?;
            // What the adapter itself imports is nobody's choice and not worth a word.
            let from = made.from.map_or(fitted.from, |from| vec![from.to_owned()]);
            Adapted {
                bytes: fitted.bytes,
                from,
                left: fitted.left,
                drift: None,
                how: How::Componentized { flavour: made.flavour, functions: made.functions },
                stubs: fitted.stubs,
            }
        }
    };
    let adapted = step::recorded(adapted, &format!("wasi@{to}"))?;
    // What an adapter was made for is checked while it is made; this is the last look at all of it.
    component::validate(&adapted.bytes)?;
    Ok(adapted)
}

fn target(to: &Version) -> Result<std::sync::Arc<Snapshot>, AdaptError> {
    let label = to.to_string();
    let known = targets().contains(to);
    Some(&label)
        .filter(|_| known)
        .and_then(|label| Snapshot::load(label))
        .ok_or_else(|| AdaptError::unknown_target(&label))
}

fn adapt_component(bytes: &[u8], target: &Snapshot, wishes: &Wishes) -> Result<Adapted, AdaptError> {
    let drift = drifted(bytes)?;
    let uses = Uses::of(bytes)?;
    let from = uses.labels();
    let (uses, left) = track::of_target(uses, target)?;
    let plan = decide_with(&uses, target, wishes.lacking)?;
    wrap::refuse_shared(bytes, &plan)?;
    let stubs = plan.stubs(&uses);
    let (bytes, how) = if plan.wraps() || wishes.wrap {
        let functions = plan.functions(&uses);
        (wrap::wrap(bytes, &uses, &plan, target)?, How::Wrapped { functions })
    } else if plan.twice {
        (merge::merge(bytes, &uses, target)?, How::Renamed)
    } else if plan.renames {
        (rename(bytes, &uses, target)?, How::Renamed)
    } else {
        (bytes.to_vec(), How::Unchanged)
    };
    Ok(Adapted { bytes, from, left, drift, how, stubs })
}

/// What has drifted in a component that uses 0.3; refuses what no engine reads any more.
fn drifted(bytes: &[u8]) -> Result<Option<Drift>, AdaptError> {
    let found = component::externs(bytes)?.names_wasi_0_3().then(|| drift(bytes)).flatten();
    match found {
        Some(Drift { what, tool, unreadable: true }) => Err(AdaptError::Drifted {
            what,
            tool: tool.map_or_else(|| "tools of its time".to_owned(), |tool| format!("`{tool}`")),
        }),
        found => Ok(found),
    }
}

fn rename(bytes: &[u8], uses: &Uses, target: &Snapshot) -> Result<Vec<u8>, AdaptError> {
    let renamed = component::rename(bytes, |side, name| {
        let list = match side {
            Side::Import => &uses.imports,
            Side::Export => &uses.exports,
        };
        let used = list.iter().find(|used| used.name == name)?;
        Some(merge::name_in(target, &used.key))
    })?;
    Ok(renamed)
}
