//! What can be said about a component's WASI without changing it.

use semver::Version;
use serde::Serialize;

use super::decide::decide;
use super::snapshot::{self, Snapshot};
use super::uses::Uses;
use crate::component::{self, ComponentError, Kind};

/// The WASI in a component, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Survey {
    /// The snapshots it was built against, as labels.
    pub snapshots: Vec<String>,
    /// The final versions of WASI 0.2 whose hosts run it as it is.
    pub fits: Vec<String>,
    /// Why it fits none, or what could be done; one line.
    pub diagnosis: String,
}

/// Looks at a component's WASI.
///
/// # Errors
/// Those of [`component::externs`].
pub fn survey(bytes: &[u8]) -> Result<Survey, ComponentError> {
    if component::kind(bytes)? == Kind::CoreModule {
        return Ok(Survey {
            snapshots: Vec::new(),
            fits: Vec::new(),
            diagnosis: "a core module: `jointer adapt` makes a component of it".to_owned(),
        });
    }
    let uses = Uses::of(bytes)?;
    let snapshots = uses.labels();
    if snapshots.is_empty() {
        return Ok(Survey { snapshots, fits: Vec::new(), diagnosis: "uses no WASI".to_owned() });
    }
    let fits: Vec<String> =
        snapshot::finals().iter().map(Version::to_string).filter(|version| fits(&uses, version)).collect();
    let diagnosis = diagnosis(&uses, &snapshots, &fits);
    Ok(Survey { snapshots, fits, diagnosis })
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

fn diagnosis(uses: &Uses, snapshots: &[String], fits: &[String]) -> String {
    if let (Some(first), Some(last)) = (fits.first(), fits.last()) {
        return match first == last {
            true => format!("runs as it is on hosts with WASI {last}"),
            false => format!("runs as it is on hosts with WASI {first} to {last}"),
        };
    }
    let built = snapshots.iter().map(|label| snapshot::describe(label)).collect::<Vec<_>>().join(" and ");
    let newest = snapshot::finals().last().map(Version::to_string).unwrap_or_default();
    let way = match Snapshot::load(&newest).map(|target| decide(uses, &target)) {
        Some(Ok(_)) => format!("`jointer adapt --to wasi@{newest}` makes it fit"),
        Some(Err(error)) => format!("it cannot be adapted: {error}"),
        None => String::new(),
    };
    format!("built for {built}, which no host of today offers; {way}")
}
