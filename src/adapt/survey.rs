//! What can be said about a component's WASI without changing it.

use semver::Version;
use serde::Serialize;

use super::decide::decide;
use super::snapshot::{self, Snapshot};
use super::step::{Step, steps};
use super::trim::trimmed;
use super::uses::Uses;
use super::{drift, strict, track};
use crate::component::{self, ComponentError, Kind};

/// The WASI in a component, for people.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Survey {
    /// The snapshots it was built against, as labels.
    pub snapshots: Vec<String>,
    /// The same of its imports alone.
    pub imports: Vec<String>,
    /// The same of its exports alone.
    pub exports: Vec<String>,
    /// The final versions of WASI 0.2 whose hosts run it as it is.
    pub fits: Vec<String>,
    /// The hosts that run it as it is, with the range of their versions: `wasmtime 46 and later`.
    pub hosts: Vec<String>,
    /// The functions that differ from the newest version of its track.
    pub differ: Vec<String>,
    /// What the newest version of its track lacks.
    pub lacking: Vec<String>,
    /// The adaptations that it has been through.
    pub adapted: Vec<Step>,
    /// Why it fits none, or what could be done; one line.
    pub diagnosis: String,
}

/// Looks at a component's WASI.
///
/// # Errors
/// Those of [`component::externs`].
pub fn survey(bytes: &[u8]) -> Result<Survey, ComponentError> {
    if component::kind(bytes)? == Kind::CoreModule {
        let diagnosis = "a core module: `jointer adapt` makes a component of it".to_owned();
        return Ok(Survey { diagnosis, ..Survey::default() });
    }
    let uses = Uses::of(bytes)?;
    let snapshots = uses.labels();
    let mut found = Survey {
        imports: uses.labels_of(&uses.imports),
        exports: uses.labels_of(&uses.exports),
        hosts: strict::hosts(bytes),
        adapted: steps(bytes),
        snapshots,
        ..Survey::default()
    };
    if found.snapshots.is_empty() {
        found.diagnosis = "uses no WASI".to_owned();
        return Ok(found);
    }
    found.fits =
        snapshot::finals().iter().map(Version::to_string).filter(|version| fits(&uses, version)).collect();
    found.diagnosis = diagnosis(bytes, uses, &mut found);
    Ok(found)
}

/// Hosts link final 0.2 versions to each other if every function is there with the same type, and
/// pre-releases to nothing but themselves.
fn fits(uses: &Uses, version: &str) -> bool {
    let linkable = uses.imports.iter().chain(&uses.exports).all(|used| {
        used.label.parse::<Version>().is_ok_and(|label| label.pre.is_empty() && label.major == 0)
    });
    linkable
        && Snapshot::load(version).is_some_and(|target| decide(uses, &target).is_ok_and(|plan| !plan.wraps()))
}

fn diagnosis(bytes: &[u8], uses: Uses, found: &mut Survey) -> String {
    if let Some(drift) = drift(bytes).filter(|drift| drift.unreadable) {
        let tool = drift.tool.map(|tool| format!(" by `{tool}`")).unwrap_or_default();
        return format!("made{tool} for an async ABI that is gone: {}; build it again", drift.what);
    }
    if let (Some(first), Some(last)) = (found.fits.first(), found.fits.last()) {
        return match first == last {
            true => format!("runs as it is on hosts with WASI {last}"),
            false => format!("runs as it is on hosts with WASI {first} to {last}"),
        };
    }
    let built =
        found.snapshots.iter().map(|label| snapshot::describe(label)).collect::<Vec<_>>().join(" and ");
    let newest = newest(&uses);
    let Some(target) = Snapshot::load(&newest) else { return format!("built for {built}") };
    let plan =
        track::of_target(uses, &target).and_then(|(uses, _)| decide(&uses, &target).map(|plan| (uses, plan)));
    let way = match plan {
        Ok((uses, plan)) => {
            found.differ = plan.functions(&uses);
            format!("{}`jointer adapt --to wasi@{newest}` makes it fit", differ(&found.differ, &newest))
        }
        Err(error) => {
            if let Ok(trimmed) =
                Uses::of(bytes).map_err(super::AdaptError::from).and_then(|uses| trimmed(uses, &target))
            {
                found.differ = trimmed.plan.functions(&trimmed.uses);
                found.lacking = trimmed.lacking;
            }
            format!("it cannot be adapted: {error}")
        }
    };
    match found.hosts.is_empty() {
        true => format!("built for {built}, which no host of today offers; {way}"),
        false => format!("built for {built}; runs as it is on {}", found.hosts.join(", ")),
    }
}

fn differ(functions: &[String], newest: &str) -> String {
    match functions.len() {
        0 => String::new(),
        1 => format!("1 function differs from {newest}; "),
        many => format!("{many} functions differ from {newest}; "),
    }
}

/// The newest final version of a component's track; of 0.2 if it is on both.
fn newest(uses: &Uses) -> String {
    let is_0_3 = |label: &str| label.starts_with("0.3.");
    let only_0_3 = uses.imports.iter().chain(&uses.exports).all(|used| is_0_3(&used.label));
    let finals = super::targets().into_iter().filter(|version| version.pre.is_empty());
    let mut of_track = finals.map(|version| version.to_string()).filter(|label| is_0_3(label) == only_0_3);
    of_track.next_back().unwrap_or_default()
}
