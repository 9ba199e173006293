//! Crates, from what `cargo metadata` says of the lock file.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use camino::Utf8Path;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

use super::Found;
use crate::component::{Ecosystem, Origin, Package, Packages};

/// The public registry, as lock files of two ages call it.
const PUBLIC: [&str; 2] =
    ["registry+https://github.com/rust-lang/crates.io-index", "sparse+https://index.crates.io/"];

/// The crates that the package with this manifest needs when it runs. Macros and build scripts run on the
/// machine that builds; they and what only they need are not in the result.
pub(in crate::build) fn of_cargo(metadata: &str, manifest: &Utf8Path) -> Option<Packages> {
    let metadata = MetadataCommand::parse(metadata).ok()?;
    let root = metadata.packages.iter().find(|package| package.manifest_path == manifest)?;
    let needs = Needs::of(&metadata);
    let lock = std::fs::read_to_string(metadata.workspace_root.join("Cargo.lock")).unwrap_or_default();
    let sums = checksums(&lock);
    let mut found = Found::default();
    let mut left = vec![&root.id];
    let mut seen = BTreeSet::from([&root.id]);
    while let Some(id) = left.pop() {
        let needed = needs.of.get(id).cloned().unwrap_or_default();
        left.extend(needed.iter().filter(|need| seen.insert(need)));
        let Some(package) = needs.packages.get(id).filter(|_| *id != root.id) else { continue };
        let version = package.version.to_string();
        let source = package.source.as_ref().map(|source| source.repr.as_str());
        let described = Package {
            ecosystem: Ecosystem::Cargo,
            name: package.name.to_string(),
            origin: match source {
                None => Origin::Local,
                Some(source) if PUBLIC.contains(&source) => Origin::Public,
                Some(source) => Origin::Elsewhere(Some(source.to_owned())),
            },
            license: package.license.clone(),
            sha256: sums.get(&(package.name.to_string(), version.clone())).cloned(),
            sha512: None,
            version,
            needs: Vec::new(),
        };
        found.add(id.repr.clone(), described, keys(&needed));
    }
    let direct = keys(&needs.of.get(&root.id).cloned().unwrap_or_default());
    Some(found.told_by("Cargo.lock", &direct))
}

fn keys(ids: &[&PackageId]) -> Vec<String> {
    ids.iter().map(|id| id.repr.clone()).collect()
}

struct Needs<'a> {
    packages: HashMap<&'a PackageId, &'a cargo_metadata::Package>,
    of: HashMap<&'a PackageId, Vec<&'a PackageId>>,
}

impl<'a> Needs<'a> {
    fn of(metadata: &'a Metadata) -> Self {
        let packages: HashMap<_, _> =
            metadata.packages.iter().map(|package| (&package.id, package)).collect();
        let runs = |id: &PackageId| {
            packages
                .get(id)
                .is_some_and(|package| !package.targets.iter().any(|target| target.is_proc_macro()))
        };
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        let of = nodes.map(|node| {
            let normal = node.deps.iter().filter(|dependency| {
                dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
            });
            (&node.id, normal.map(|dependency| &dependency.pkg).filter(|id| runs(id)).collect())
        });
        let of = of.collect();
        Self { packages, of }
    }
}

/// The checksums of a lock file by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let table: toml::Table = lock.parse().unwrap_or_default();
    let packages = table.get("package").and_then(toml::Value::as_array).into_iter().flatten();
    packages
        .filter_map(|package| {
            let text = |name| package.get(name).and_then(toml::Value::as_str).map(str::to_owned);
            Some(((text("name")?, text("version")?), text("checksum")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_found_by_name_and_version() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"ab\"\n\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n";
        let sums = checksums(lock);
        assert_eq!(
            sums.into_iter().collect::<Vec<_>>(),
            [(("a".to_owned(), "1.0.0".to_owned()), "ab".to_owned())]
        );
        assert!(checksums("not toml [").is_empty());
    }

    #[test]
    fn what_is_not_metadata_tells_nothing() {
        assert_eq!(of_cargo("", "/a/Cargo.toml".into()), None);
        assert_eq!(of_cargo("{}", "/a/Cargo.toml".into()), None);
    }
}
