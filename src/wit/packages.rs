//! WIT packages as dependencies: which a folder lacks, and what binary ones say as text.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use wit_component::{DecodedWasm, WitPrinter};
use wit_parser::{Resolve, UnresolvedPackageGroup, WorldItem};

use super::view::wasi_packages;
use crate::name::PackageId;

/// A WIT package as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageText {
    /// Name and version.
    pub id: PackageId,
    /// Its WIT.
    pub text: String,
    /// The full names of its interfaces.
    pub interfaces: Vec<String>,
}

/// The packages that the WIT in `dir` mentions and does not have, with versions; sorted. What stands in one of `not`
/// (files or folders) counts as not there. Text that cannot be parsed mentions nothing: [`super::load`] complains
/// about it.
pub fn missing(dir: &Utf8Path, not: &BTreeSet<Utf8PathBuf>) -> Vec<PackageId> {
    Mentions::of(dir, not).missing()
}

/// The packages that `dir` has, as [`missing`] counts them.
pub fn declared(dir: &Utf8Path, not: &BTreeSet<Utf8PathBuf>) -> BTreeSet<PackageId> {
    Mentions::of(dir, not).has.iter().filter_map(|name| name.parse().ok()).collect()
}

/// The packages that the text of one package mentions; sorted.
pub fn mentioned(text: &str) -> Vec<PackageId> {
    let mut found = Mentions::default();
    found.text(text);
    found.missing()
}

/// The WIT of WASI that jointer has built in, by package.
pub fn built_in(id: &PackageId) -> Option<&'static str> {
    if id.name.namespace != "wasi" {
        return None;
    }
    let packages = wasi_packages(&id.version).ok()?;
    packages.into_iter().map(|(_, text)| text).find(|text| names(text).as_ref() == Some(id))
}

/// A binary WIT package as text; `None` when it is something else, or has no version.
pub fn package_text(bytes: &[u8]) -> Option<PackageText> {
    let Ok(DecodedWasm::WitPackage(resolve, package)) = wit_component::decode(bytes) else { return None };
    text_of(&resolve, package)
}

/// The packages whose interfaces a component exports, with those that they need, as far as the component shows them;
/// sorted by name. Interfaces without a version, and what is no interface, are passed over.
pub fn exported(component: &[u8]) -> Vec<PackageText> {
    let Ok(DecodedWasm::Component(resolve, world)) = wit_component::decode(component) else {
        return Vec::new();
    };
    let mut wanted: Vec<PackageId> = Vec::new();
    for item in resolve.worlds[world].exports.values() {
        let WorldItem::Interface { id, .. } = item else { continue };
        wanted.extend(resolve.interfaces[*id].package.and_then(|package| id_of(&resolve, package)));
    }
    let all: BTreeMap<PackageId, PackageText> = resolve
        .packages
        .iter()
        .filter_map(|(package, _)| text_of(&resolve, package))
        .map(|text| (text.id.clone(), text))
        .collect();
    let mut found = BTreeMap::new();
    while let Some(id) = wanted.pop() {
        let Some(text) = all.get(&id).filter(|_| !found.contains_key(&id)) else { continue };
        wanted.extend(mentioned(&text.text));
        found.insert(id, text.clone());
    }
    found.into_values().collect()
}

fn id_of(resolve: &Resolve, package: wit_parser::PackageId) -> Option<PackageId> {
    resolve.packages[package].name.to_string().parse().ok()
}

fn text_of(resolve: &Resolve, package: wit_parser::PackageId) -> Option<PackageText> {
    let id = id_of(resolve, package)?;
    let mut printer = WitPrinter::default();
    printer.print(resolve, package, &[]).ok()?;
    let interfaces =
        resolve.packages[package].interfaces.values().filter_map(|id| resolve.id_of(*id)).collect();
    Some(PackageText { id, text: printer.output.to_string(), interfaces })
}

/// The package that a text declares.
fn names(text: &str) -> Option<PackageId> {
    let group = UnresolvedPackageGroup::parse("package.wit", text).ok()?;
    group.main.name.to_string().parse().ok()
}

/// Packages by name, with versions or without.
#[derive(Default)]
struct Mentions {
    has: BTreeSet<String>,
    wants: BTreeSet<String>,
}

impl Mentions {
    fn of(dir: &Utf8Path, not: &BTreeSet<Utf8PathBuf>) -> Self {
        let mut found = Self::default();
        found.folder(dir);
        let entries = dir.join("deps").read_dir_utf8();
        let mut paths: Vec<_> =
            entries.into_iter().flatten().flatten().map(|entry| entry.into_path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| !not.contains(*path)) {
            match path.extension() {
                _ if path.is_dir() => found.folder(path),
                Some("wit") => found.text(&std::fs::read_to_string(path).unwrap_or_default()),
                Some("wasm" | "wat") => found.binary(path),
                _ => {}
            }
        }
        found
    }

    fn folder(&mut self, dir: &Utf8Path) {
        if let Ok(group) = UnresolvedPackageGroup::parse_dir(dir) {
            self.group(&group);
        }
    }

    fn text(&mut self, text: &str) {
        if let Ok(group) = UnresolvedPackageGroup::parse("package.wit", text) {
            self.group(&group);
        }
    }

    fn group(&mut self, group: &UnresolvedPackageGroup) {
        for package in std::iter::once(&group.main).chain(&group.nested) {
            self.has.insert(package.name.to_string());
            self.wants.extend(package.foreign_deps.keys().map(ToString::to_string));
        }
    }

    fn binary(&mut self, path: &Utf8Path) {
        let decoded = std::fs::read(path).ok().and_then(|bytes| wit_component::decode(&bytes).ok());
        let Some(decoded) = decoded else { return };
        // A binary package carries what it needs of others.
        self.has.extend(decoded.resolve().packages.iter().map(|(_, package)| package.name.to_string()));
    }

    /// Without a version a package cannot be looked for.
    fn missing(&self) -> Vec<PackageId> {
        let mut missing: Vec<PackageId> =
            self.wants.difference(&self.has).filter_map(|name| name.parse().ok()).collect();
        missing.sort();
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Utf8PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
        for (name, text) in files {
            let file = path.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        (dir, path)
    }

    fn ids(ids: &[PackageId]) -> Vec<String> {
        ids.iter().map(ToString::to_string).collect()
    }

    const WORLD: &str = "package acme:shop@0.1.0;
world gateway { import acme:greet/greeter@1.0.0; import acme:base/types@1.0.0; import wasi:io/poll@0.2.6; import old:x/y; }";
    const GREET: &str = "package acme:greet@1.0.0; interface greeter { use acme:words/common@2.0.0.{word}; greet: func() -> word; }";

    #[test]
    fn what_is_mentioned_and_not_there_is_missing() {
        let base = "package acme:base@1.0.0; interface types { type money = u32; }";
        let (_kept, dir) =
            folder(&[("world.wit", WORLD), ("deps/base.wit", base), ("deps/greet/package.wit", GREET)]);
        let none = BTreeSet::new();
        assert_eq!(ids(&missing(&dir, &none)), ["acme:words@2.0.0", "wasi:io@0.2.6"]);
        let without = [dir.join("deps/greet")].into();
        assert_eq!(ids(&missing(&dir, &without)), ["acme:greet@1.0.0", "wasi:io@0.2.6"]);
        assert_eq!(ids(&mentioned(GREET)), ["acme:words@2.0.0"]);
        assert!(missing(Utf8Path::new("/nowhere"), &none).is_empty());
    }

    #[test]
    fn wasi_is_built_in() {
        let io = built_in(&"wasi:io@0.2.6".parse().unwrap()).unwrap();
        assert!(io.contains("interface poll"));
        assert_eq!(built_in(&"wasi:io@0.2.99".parse().unwrap()), None);
        assert_eq!(built_in(&"acme:io@0.2.6".parse().unwrap()), None);
    }

    #[test]
    fn a_component_shows_the_wit_of_what_it_exports() {
        let words = "package acme:words@2.0.0; interface common { type word = string; }";
        let (_kept, dir) = folder(&[
            ("world.wit", "package a:b; world w { import wasi:x/y@1.0.0; export acme:greet/greeter@1.0.0; }"),
            ("deps/greet.wit", GREET),
            ("deps/words.wit", words),
            ("deps/x.wit", "package wasi:x@1.0.0; interface y { f: func(); }"),
        ]);
        let component = super::super::stand_in(&dir, "w").unwrap();
        let found = exported(&component);
        let names: Vec<_> = found.iter().map(|text| text.id.to_string()).collect();
        assert_eq!(names, ["acme:greet@1.0.0", "acme:words@2.0.0"]);
        assert_eq!(found[0].interfaces, ["acme:greet/greeter@1.0.0"]);
        let (_kept, again) = folder(&[("greet.wit", &found[0].text), ("deps/words.wit", &found[1].text)]);
        let bytes = super::super::encode(&again).unwrap();
        assert_eq!(package_text(&bytes).unwrap().text, found[0].text);
    }
}
