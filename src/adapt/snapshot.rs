//! The WASI snapshots that jointer knows, from the WIT in `wit/wasi`.
//!
//! A snapshot is a set of packages with a version each, and not one version: `0.2.0-rc-2024-01-16` has
//! `cli`, `http` and `sockets` of that date beside `io`, `clocks`, `random` and `filesystem` of
//! `0.2.0-rc-2023-11-10`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock};

use include_dir::{Dir, include_dir};
use semver::Version;
use wit_parser::{InterfaceId, Resolve, SourceMap, Stability, UnresolvedPackageGroup};

use super::shape;

static WIT: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/wit/wasi");

/// The packages that every snapshot versions together. Others of the `wasi` namespace (keyvalue,
/// config, nn, tls) have versions of their own and are left alone.
const PACKAGES: &[&str] = &["cli", "clocks", "filesystem", "http", "io", "random", "sockets"];

/// Snapshots before 0.2.0 and 0.3.0 that components can be adapted to as well as from.
const OLD_TARGETS: &[&str] =
    &["0.2.0-rc-2023-11-10", "0.2.0-rc-2023-12-05", "0.2.0-rc-2024-01-16", "0.3.0-rc-2026-03-15"];

/// Whether a package of the `wasi` namespace belongs to the snapshots. Logging did once, and went its own way.
pub(super) fn is_versioned_together(package: &str, version: Option<&Version>) -> bool {
    let once = || version.is_some_and(|version| version.pre.starts_with("rc-2023-1"));
    PACKAGES.contains(&package) || (package == "logging" && once())
}

/// Everything that components can be adapted to, oldest first.
pub fn targets() -> Vec<Version> {
    let mut found: Vec<Version> = labels()
        .filter(|version| version.pre.is_empty() || OLD_TARGETS.contains(&version.to_string().as_str()))
        .collect();
    found.sort();
    found
}

/// The final versions of WASI 0.2, oldest first.
pub(super) fn finals() -> Vec<Version> {
    targets().into_iter().filter(is_final).collect()
}

fn is_final(version: &Version) -> bool {
    version.pre.is_empty() && (version.major, version.minor) == (0, 2)
}

fn labels() -> impl Iterator<Item = Version> {
    WIT.dirs().filter_map(|dir| dir.path().file_name()?.to_str()?.parse().ok())
}

/// All snapshots, the oldest first.
pub(super) fn labels_in_order() -> Vec<String> {
    let mut found: Vec<Version> = labels().collect();
    found.sort();
    found.iter().map(Version::to_string).collect()
}

/// The known snapshot that comes nearest to a label: of the same release or the one before.
pub(super) fn nearest(label: &str) -> Option<String> {
    let wanted: Version = label.parse().ok()?;
    let known: Vec<Version> = labels_in_order().iter().filter_map(|label| label.parse().ok()).collect();
    let before = known.iter().rev().find(|version| **version <= wanted);
    before.or(known.first()).map(Version::to_string)
}

/// The hosts of a snapshot's time, where that helps.
pub(super) fn era(label: &str) -> Option<&'static str> {
    Some(match label {
        "unversioned" => "before 2023-10, wasmtime 13 and earlier",
        "0.2.0-rc-2023-10-18" => "wasmtime 14, Spin 2.0",
        "0.2.0-rc-2023-11-05" => "between wasmtime 14 and 15",
        "0.2.0-rc-2023-11-10" => "wasmtime 15",
        "0.2.0-rc-2023-12-05" => "wasmtime 16",
        "0.2.0-rc-2024-01-16" => "between wasmtime 16 and 17",
        "0.3.0-rc-2025-08-15" => "before wasmtime 37",
        "0.3.0-rc-2025-09-16" => "wasmtime 37 to 40, on request",
        "0.3.0-rc-2026-01-06" => "wasmtime 41 and 42, on request",
        "0.3.0-rc-2026-02-09" => "between wasmtime 42 and 43",
        "0.3.0-rc-2026-03-15" => "wasmtime 43 to 45, on request",
        _ => return None,
    })
}

/// What people call a snapshot: its label, and the host of its time where it helps. One that is not known is
/// named with the nearest that is.
pub(super) fn describe(label: &str) -> String {
    if let Some(era) = era(label) {
        return format!("WASI {label} ({era})");
    }
    let known = WIT.get_dir(label).is_some();
    match nearest(label).filter(|_| !known) {
        Some(near) => format!("WASI {label} (unknown; the nearest known is {near})"),
        None => format!("WASI {label}"),
    }
}

/// A snapshot's interfaces with their types as text.
pub(super) struct Snapshot {
    pub(super) label: String,
    pub(super) resolve: Resolve,
    /// By package and interface, `io/poll`.
    pub(super) interfaces: BTreeMap<String, Interface>,
}

/// One interface of a snapshot.
pub(super) struct Interface {
    pub(super) id: InterfaceId,
    /// With the version of its package: `wasi:io/poll@0.2.12`.
    pub(super) name: String,
    /// What each named type is, structurally.
    pub(super) types: BTreeMap<String, String>,
    /// The type of each function.
    pub(super) functions: BTreeMap<String, String>,
    /// Those of the functions that hosts only have when they are told to (`@unstable`).
    pub(super) unstable: BTreeSet<String>,
}

impl Snapshot {
    /// The snapshot with this label; read once in the life of the process.
    pub(super) fn load(label: &str) -> Option<Arc<Self>> {
        static LOADED: OnceLock<Mutex<HashMap<String, Arc<Snapshot>>>> = OnceLock::new();
        let loaded = LOADED.get_or_init(Mutex::default);
        if let Some(found) = loaded.lock().ok().and_then(|loaded| loaded.get(label).cloned()) {
            return Some(found);
        }
        let snapshot = Arc::new(Self::read(label)?);
        if let Ok(mut loaded) = loaded.lock() {
            loaded.insert(label.to_owned(), snapshot.clone());
        }
        Some(snapshot)
    }

    fn read(label: &str) -> Option<Self> {
        let world = parse(WIT.get_file(format!("{label}/all.wit"))?)?;
        let resolve = resolve(world, &[label])?;
        let interfaces = interfaces(&resolve);
        Some(Self { label: label.to_owned(), resolve, interfaces })
    }

    /// The texts of a known snapshot's packages.
    #[cfg(test)]
    pub(super) fn texts(label: &str) -> Option<Vec<(String, String)>> {
        let files = WIT.get_dir(format!("{label}/deps"))?.files();
        files.map(|file| Some((file.path().to_str()?.to_owned(), file.contents_utf8()?.to_owned()))).collect()
    }

    /// A snapshot that is not among the known ones, from the texts of its packages.
    #[cfg(test)]
    pub(super) fn of_texts(label: &str, texts: &[(String, String)]) -> Result<Self, String> {
        let parse = |(path, text): &(String, String)| {
            let mut map = SourceMap::default();
            map.push_str(path, text);
            map.parse().map_err(|(map, error)| error.render(&map))
        };
        let groups = texts.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let main = parse(&("new.wit".to_owned(), "package jointer:new;".to_owned()))?;
        let mut resolve = Resolve { all_features: true, ..Resolve::default() };
        resolve.push_groups(main, groups).map_err(|error| error.to_string())?;
        let interfaces = interfaces(&resolve);
        Ok(Self { label: label.to_owned(), resolve, interfaces })
    }

    /// The version of a package here: `io` is `0.2.0-rc-2023-11-10` in `0.2.0-rc-2024-01-16`.
    pub(super) fn version_of(&self, package: &str) -> Option<&str> {
        let prefix = format!("{package}/");
        let (_, interface) = self.interfaces.iter().find(|(key, _)| key.starts_with(&prefix))?;
        interface.name.split_once('@').map(|(_, version)| version)
    }
}

/// The snapshots whose packages have exactly these versions; for naming a mixture by one label.
pub(super) fn with_packages(versions: &BTreeMap<String, String>) -> Option<String> {
    let mut labels: Vec<Version> = labels().collect();
    labels.sort();
    labels.iter().map(Version::to_string).find(|label| {
        // Only a label that one of the packages bears can be meant.
        versions.values().any(|version| version == label)
            && Snapshot::load(label).is_some_and(|snapshot| {
                versions.iter().all(|(package, version)| snapshot.version_of(package) == Some(version))
            })
    })
}

/// `main` with the packages of some snapshots.
fn resolve(main: UnresolvedPackageGroup, labels: &[&str]) -> Option<Resolve> {
    // Components may use what its authors called unstable, so it counts.
    let mut resolve = Resolve { all_features: true, ..Resolve::default() };
    let mut deps = Vec::new();
    for label in labels {
        deps.extend(WIT.get_dir(format!("{label}/deps"))?.files().map(parse).collect::<Option<Vec<_>>>()?);
    }
    resolve.push_groups(main, deps).ok()?;
    Some(resolve)
}

/// WIT written in a test, over some snapshots.
#[cfg(test)]
pub(super) fn resolve_text(text: &str, labels: &[&str]) -> Resolve {
    let mut map = SourceMap::default();
    map.push_str("test.wit", text);
    let main = map.parse().unwrap_or_else(|(map, error)| panic!("{}", error.render(&map)));
    resolve(main, labels).unwrap()
}

fn parse(file: &include_dir::File<'_>) -> Option<UnresolvedPackageGroup> {
    let mut map = SourceMap::default();
    map.push_str(file.path().to_str()?, file.contents_utf8()?);
    map.parse().ok()
}

fn interfaces(resolve: &Resolve) -> BTreeMap<String, Interface> {
    let mut found = BTreeMap::new();
    for (id, interface) in resolve.interfaces.iter() {
        let (Some(key), Some(name)) = (shape::interface_key(resolve, id), resolve.id_of(id)) else {
            continue;
        };
        let types = interface.types.iter().map(|(name, id)| (name.clone(), shape::wit_type(resolve, *id)));
        let functions = interface
            .functions
            .iter()
            .map(|(name, function)| (name.clone(), shape::wit_function(resolve, function)));
        let unstable = interface
            .functions
            .iter()
            .filter(|(_, function)| matches!(function.stability, Stability::Unstable { .. }))
            .map(|(name, _)| name.clone());
        let interface = Interface {
            id,
            name,
            types: types.collect(),
            functions: functions.collect(),
            unstable: unstable.collect(),
        };
        found.insert(key, interface);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_snapshot_can_be_read() {
        let labels: Vec<Version> = labels().collect();
        assert!(labels.len() > 20);
        for label in labels {
            let snapshot = Snapshot::load(&label.to_string()).unwrap_or_else(|| panic!("{label}"));
            assert!(snapshot.interfaces.contains_key("clocks/monotonic-clock"), "{label}");
        }
    }

    #[test]
    fn targets_are_the_finals_and_the_last_candidates() {
        let targets: Vec<String> = targets().iter().map(Version::to_string).collect();
        assert_eq!(targets.len(), 19);
        assert_eq!(targets[0], "0.2.0-rc-2023-11-10");
        assert_eq!(targets[3], "0.2.0");
        assert_eq!(targets[15..], ["0.2.12", "0.3.0-rc-2026-03-15", "0.3.0", "0.3.2"]);
    }

    #[test]
    fn labels_that_are_not_known_are_named_with_their_neighbour() {
        for (label, near) in [
            ("0.2.13", "0.2.12"),
            ("0.2.0-rc-2023-11-11", "0.2.0-rc-2023-11-10"),
            ("0.2.0-rc-2023-01-01", "0.2.0-rc-2023-10-18"),
            ("0.3.1", "0.3.0"),
            ("0.4.0", "0.3.2"),
        ] {
            assert_eq!(nearest(label).as_deref(), Some(near), "{label}");
            assert!(describe(label).contains(near), "{label}");
        }
        assert_eq!(describe("0.2.6"), "WASI 0.2.6");
        assert!(describe("0.2.0-rc-2023-11-10").contains("wasmtime 15"));
    }

    #[test]
    fn a_mixture_of_versions_is_one_snapshot() {
        let versions = [("io", "0.2.0-rc-2023-11-10"), ("cli", "0.2.0-rc-2024-01-16")]
            .map(|(package, version)| (package.to_owned(), version.to_owned()));
        assert_eq!(with_packages(&versions.into()).as_deref(), Some("0.2.0-rc-2024-01-16"));
        let versions = [("io", "0.2.9"), ("cli", "0.2.12")];
        let versions = versions.map(|(package, version)| (package.to_owned(), version.to_owned()));
        assert_eq!(with_packages(&versions.into()), None);
    }

    #[test]
    fn types_are_compared_by_structure() {
        let [old, new] = ["0.2.0-rc-2023-11-10", "0.2.12"].map(|label| Snapshot::load(label).unwrap());
        let of = |snapshot: &Snapshot, interface: &str, function: &str| {
            snapshot.interfaces[interface].functions.get(function).cloned()
        };
        let poll = "[method]pollable.block";
        assert_eq!(of(&old, "io/poll", poll), of(&new, "io/poll", poll));
        let get = "[method]future-trailers.get";
        assert_ne!(of(&old, "http/types", get), of(&new, "http/types", get));
        assert_eq!(of(&new, "sockets/tcp", "[method]tcp-socket.ipv6-only"), None);
    }
}
