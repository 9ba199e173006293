//! What a new version of a package breaks for those who use the old one.

use std::collections::BTreeMap;

use semver::Version;
use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, WorldItem, WorldKey};

use super::diff::first_difference;
use super::shape::{Extern, Shape};
use crate::component::ComponentError;
use crate::name::InterfaceName;

/// All that somebody who uses `old` has to change for `new`, in words, sorted; empty when nothing. Both are components,
/// or both WIT packages.
///
/// A component breaks its users when it gives less or something else than it did, and when it wants something more that is
/// no WASI: that needs somebody who gives it. More exports, and wanting less, break nobody.
///
/// # Errors
/// When one of them is neither.
pub fn breaking(old: &[u8], new: &[u8]) -> Result<Vec<String>, ComponentError> {
    let (was, is) = (Surface::of(old)?, Surface::of(new)?);
    let mut found = Vec::new();
    for (name, wanted) in &was.gives {
        match find(&is.gives, name) {
            None => found.push(format!("{} `{name}` is gone", kind(wanted))),
            Some((_, given)) => {
                found.extend(
                    first_difference(wanted, given).map(|difference| changed(name, &difference.to_string())),
                );
            }
        }
    }
    for (name, wanted) in &is.wants {
        match find(&was.wants, name) {
            None if name.starts_with("wasi:") => {}
            None => found.push(format!("it wants `{name}`, which it did not")),
            // Who gave what the old one wanted has to satisfy the new one.
            Some((_, given)) => {
                found.extend(
                    first_difference(wanted, given).map(|difference| changed(name, &difference.to_string())),
                );
            }
        }
    }
    found.extend(
        was.worlds
            .keys()
            .filter(|name| !is.worlds.contains_key(*name))
            .map(|name| format!("world `{name}` is gone")),
    );
    for (name, (imports, exports)) in &was.worlds {
        let Some((now_imports, now_exports)) = is.worlds.get(name) else { continue };
        let gone = imports.iter().filter(|import| !now_imports.contains(import));
        found.extend(gone.map(|import| format!("world `{name}` no longer imports `{import}`")));
        let more = now_exports.iter().filter(|export| !exports.contains(export));
        found.extend(more.map(|export| format!("world `{name}` wants its components to export `{export}`")));
    }
    found.sort();
    Ok(found)
}

/// The lowest version after `old` under which nothing needs to stay as it was.
pub fn next_breaking(old: &Version) -> Version {
    match (old.major, old.minor) {
        (0, 0) => Version::new(0, 0, old.patch + 1),
        (0, minor) => Version::new(0, minor + 1, 0),
        (major, _) => Version::new(major + 1, 0, 0),
    }
}

/// Whether users of one version may be given the other: semver's caret rule.
pub fn compatible(one: &Version, other: &Version) -> bool {
    next_breaking(one) == next_breaking(other) && one.pre.is_empty() && other.pre.is_empty()
}

fn changed(name: &str, difference: &str) -> String {
    // `here` is what users of the old version have.
    format!("`{name}` is another: {}", difference.replace(" here, ", " before, ").replace(" there", " now"))
}

fn kind(item: &Extern) -> &'static str {
    match item {
        Extern::Interface(_) => "interface",
        Extern::Function(_) => "function",
        Extern::Type(..) => "type",
        Extern::Other(word) => word,
    }
}

/// The item of that name, whatever compatible version it has: an interface moves with its package.
fn find<'a>(items: &'a BTreeMap<String, Extern>, name: &str) -> Option<(&'a String, &'a Extern)> {
    items.get_key_value(name).or_else(|| {
        let wanted: InterfaceName = name.parse().ok()?;
        items.iter().find(|(other, _)| {
            other.parse::<InterfaceName>().is_ok_and(|other| {
                let versions = (wanted.version.as_ref(), other.version.as_ref());
                other.unversioned() == wanted.unversioned()
                    && matches!(versions, (Some(one), Some(other)) if compatible(one, other))
            })
        })
    })
}

/// What is seen from outside.
#[derive(Default)]
struct Surface {
    wants: BTreeMap<String, Extern>,
    gives: BTreeMap<String, Extern>,
    /// Of a WIT package: imports and exports by world, without versions.
    worlds: BTreeMap<String, (Vec<String>, Vec<String>)>,
}

impl Surface {
    fn of(bytes: &[u8]) -> Result<Self, ComponentError> {
        if let Ok(DecodedWasm::WitPackage(resolve, package)) = wit_component::decode(bytes) {
            return Self::of_package(resolve, package);
        }
        let Shape { imports, exports } = Shape::of(bytes)?;
        Ok(Self {
            wants: imports.into_iter().collect(),
            gives: exports.into_iter().collect(),
            worlds: BTreeMap::new(),
        })
    }

    /// All interfaces of the package, as a component that exports them would show them.
    fn of_package(mut resolve: Resolve, package: wit_parser::PackageId) -> Result<Self, ComponentError> {
        let plain = |name: String| name.split('@').next().unwrap_or_default().to_owned();
        let own = resolve.packages[package].clone();
        let worlds = own.worlds.iter().map(|(name, id)| {
            let names = |items: &mut dyn Iterator<Item = &WorldKey>| {
                items.map(|key| plain(resolve.name_world_key(key))).collect::<Vec<_>>()
            };
            let world = &resolve.worlds[*id];
            (name.clone(), (names(&mut world.imports.keys()), names(&mut world.exports.keys())))
        });
        let worlds = worlds.collect();
        let mut gives = BTreeMap::new();
        for id in own.interfaces.values() {
            let Some(name) = resolve.id_of(*id) else { continue };
            let all = wit_parser::World {
                name: "all-of-it".to_owned(),
                imports: Default::default(),
                exports: [(
                    WorldKey::Interface(*id),
                    WorldItem::Interface {
                        id: *id,
                        stability: Default::default(),
                        external_id: None,
                        docs: Default::default(),
                        span: Default::default(),
                    },
                )]
                .into_iter()
                .collect(),
                package: Some(package),
                docs: Default::default(),
                stability: Default::default(),
                includes: Default::default(),
                span: Default::default(),
            };
            let world = resolve.worlds.alloc(all);
            let component = stand_in(&resolve, world);
            let shape = component.map(|component| Shape::of(&component)).transpose()?;
            if let Some(item) = shape.and_then(|mut shape| shape.exports.swap_remove(&name)) {
                gives.insert(name, item);
            }
        }
        Ok(Self { wants: BTreeMap::new(), gives, worlds })
    }
}

fn stand_in(resolve: &Resolve, world: wit_parser::WorldId) -> Option<Vec<u8>> {
    let mut module = dummy_module(resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8).ok()?;
    ComponentEncoder::default().module(&module).ok()?.encode().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(text: &str) -> Vec<u8> {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("package.wit", text).unwrap();
        wit_component::encode(&resolve, package).unwrap()
    }

    fn component(wit: &str) -> Vec<u8> {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("package.wit", wit).unwrap();
        let world = resolve.select_world(&[package], Some("w")).unwrap();
        stand_in(&resolve, world).unwrap()
    }

    const OLD: &str = "package acme:greet@1.0.0;
interface greeter { record name { first: string } greet: func(who: name) -> string; }
interface extra { more: func(); }
world w { import extra; export greeter; }";

    #[test]
    fn more_breaks_nobody() {
        let new = OLD.replace("1.0.0", "1.1.0").replace("more: func();", "more: func(); even-more: func();");
        let new = format!("{new}\ninterface third {{ f: func(); }}");
        assert_eq!(breaking(&package(OLD), &package(&new)).unwrap(), Vec::<String>::new());
        assert_eq!(breaking(&component(OLD), &component(OLD)).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn less_and_other_is_named() {
        let said = |old: &str, new: &str| breaking(&package(old), &package(new)).unwrap().join("; ");
        let field = said(OLD, &OLD.replace("first: string", "first: string, last: string"));
        assert!(
            field.contains("`acme:greet/greeter@1.0.0` is another") && field.contains("`who`"),
            "{field}"
        );
        let gone =
            said(OLD, &OLD.replace("interface extra { more: func(); }", "").replace("import extra; ", ""));
        assert_eq!(
            gone,
            "interface `acme:greet/extra@1.0.0` is gone; world `w` no longer imports `acme:greet/extra`"
        );
        let wants = breaking(
            &component(OLD),
            &component(&OLD.replace("more: func();", "more: func(); even-more: func();")),
        );
        assert!(wants.unwrap()[0].contains("even-more"), "wanting more is breaking for a component");
    }

    #[test]
    fn the_next_breaking_version_is_semvers() {
        for (old, next) in [("1.2.3", "2.0.0"), ("0.3.1", "0.4.0"), ("0.0.4", "0.0.5")] {
            assert_eq!(next_breaking(&old.parse().unwrap()).to_string(), next);
        }
        let compatible = |one: &str, other: &str| compatible(&one.parse().unwrap(), &other.parse().unwrap());
        assert!(compatible("1.0.0", "1.9.0") && compatible("0.3.0", "0.3.9"));
        assert!(
            !compatible("1.0.0", "2.0.0")
                && !compatible("0.3.0", "0.4.0")
                && !compatible("1.0.0-rc.1", "1.0.0")
        );
    }
}
