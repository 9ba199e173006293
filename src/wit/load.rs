//! A folder of WIT: which worlds its package has, and what each imports and exports.

use camino::{Utf8Path, Utf8PathBuf};
use miette::{NamedSource, SourceSpan};
use wit_parser::{ParseError, Resolve, ResolveError, WorldKey};

use super::WitError;
use crate::digest::{Digest, Hasher};
use crate::name::nearest;

/// A WIT package with all that it depends on, resolved.
#[derive(Debug, Clone)]
pub struct Wit {
    /// `acme:shop@0.1.0`, or without a version.
    pub package: String,
    /// The package's own worlds, in the order in which they are written.
    pub worlds: Vec<World>,
    /// The package's own interfaces by full name.
    pub interfaces: Vec<String>,
    /// Every file that was read, dependencies included; sorted.
    pub files: Vec<Utf8PathBuf>,
}

/// One world.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct World {
    /// Its name, without the package's.
    pub name: String,
    /// What it imports: full names of interfaces, plain names of functions. Includes what the
    /// interfaces `use`.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// The digest of the world and of every interface and type that it reaches, as they are encoded for
    /// binding generators: comments, layout and other worlds do not matter.
    pub digest: Digest,
}

impl Wit {
    /// The world of that name: `shop`, or with the package's name `acme:shop/shop`.
    ///
    /// # Errors
    /// [`WitError::UnknownWorld`], with the nearest worlds.
    pub fn world(&self, name: &str) -> Result<&World, WitError> {
        let (package, version) = self.package.split_once('@').unwrap_or((&self.package, ""));
        let plain = name
            .strip_prefix(package)
            .and_then(|rest| rest.strip_prefix('/'))
            .map_or(name, |rest| rest.strip_suffix(version).map_or(rest, |rest| rest.trim_end_matches('@')));
        self.worlds.iter().find(|world| world.name == plain).ok_or_else(|| WitError::UnknownWorld {
            world: name.to_owned(),
            package: self.package.clone(),
            help: suggestion(plain, self.worlds.iter().map(|world| world.name.as_str())),
        })
    }
}

/// "did you mean" with the nearest, else all.
fn suggestion<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let near = nearest(typed, known.iter().copied());
    let quote =
        |names: Vec<&str>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match (near.is_empty(), known.is_empty()) {
        (_, true) => "the package has no world; write `world NAME { … }`".to_owned(),
        (true, _) => format!("its worlds are {}", quote(known)),
        (false, _) => format!("did you mean {}?", quote(near.iter().map(String::as_str).collect())),
    }
}

/// Reads the WIT package in `dir`, with the packages under its `deps`.
///
/// # Errors
/// [`WitError::NotFound`] and [`WitError::Invalid`], with the place where the parser names one.
pub fn load(dir: &Utf8Path) -> Result<Wit, WitError> {
    if !holds_wit(dir) {
        return Err(WitError::NotFound(dir.to_owned()));
    }
    let mut resolve = Resolve { all_features: true, ..Resolve::default() };
    let (package, sources) = match resolve.push_dir(dir) {
        Ok(read) => read,
        Err(error) => return Err(invalid(dir, &resolve, error.as_ref())),
    };
    let mut files: Vec<Utf8PathBuf> =
        sources.paths().filter_map(|path| Utf8PathBuf::from_path_buf(path.to_owned()).ok()).collect();
    files.sort();
    files.dedup();
    let own = &resolve.packages[package];
    let worlds = own.worlds.values().map(|id| world(&resolve, *id)).collect();
    let interfaces = own.interfaces.values().filter_map(|id| resolve.id_of(*id)).collect();
    Ok(Wit { package: own.name.to_string(), worlds, interfaces, files })
}

/// The WIT package in `dir` as a binary WIT package.
///
/// # Errors
/// As [`load`].
pub fn encode(dir: &Utf8Path) -> Result<Vec<u8>, WitError> {
    if !holds_wit(dir) {
        return Err(WitError::NotFound(dir.to_owned()));
    }
    let mut resolve = Resolve::default();
    let encoded = resolve.push_dir(dir).and_then(|(package, _)| wit_component::encode(&resolve, package));
    encoded.map_err(|error| invalid(dir, &resolve, error.as_ref()))
}

fn holds_wit(dir: &Utf8Path) -> bool {
    dir.read_dir_utf8().is_ok_and(|entries| {
        entries.flatten().any(|entry| matches!(entry.path().extension(), Some("wit" | "wat" | "wasm")))
    })
}

fn world(resolve: &Resolve, id: wit_parser::WorldId) -> World {
    let world = &resolve.worlds[id];
    let names = |keys: &mut dyn Iterator<Item = &WorldKey>| {
        keys.map(|key| resolve.name_world_key(key)).collect::<Vec<_>>()
    };
    World {
        name: world.name.clone(),
        imports: names(&mut world.imports.keys()),
        exports: names(&mut world.exports.keys()),
        digest: reach(resolve, id),
    }
}

/// The digest of all that a world reaches.
fn reach(resolve: &Resolve, id: wit_parser::WorldId) -> Digest {
    let mut hasher = Hasher::default();
    hasher.field(&resolve.worlds[id].name);
    match wit_component::metadata::encode(resolve, id, wit_component::StringEncoding::UTF8, None) {
        Ok(bytes) => hasher.field(bytes),
        // Nothing that can be encoded: then everything counts.
        Err(_) => hasher.field(format!("{resolve:?}")),
    }
    hasher.finish()
}

/// The parser's complaint with its place, which it keeps beside the text it read.
fn invalid(dir: &Utf8Path, resolve: &Resolve, error: &(dyn std::error::Error + 'static)) -> WitError {
    let mut chain = vec![error];
    while let Some(source) = chain[chain.len() - 1].source() {
        chain.push(source);
    }
    let span = chain.iter().find_map(|error| {
        let parse = error.downcast_ref::<ParseError>().map(|error| error.kind().span());
        parse.or_else(|| error.downcast_ref::<ResolveError>().map(|error| error.kind().span()))
    });
    let location = span.and_then(|span| resolve.source_map.resolve_span(span));
    let place = location.and_then(|location| {
        let text = std::fs::read_to_string(location.path).ok()?;
        let span = SourceSpan::from((location.range.start, location.range.len()));
        Some((NamedSource::new(location.path, text), span))
    });
    // What comes before the last only says which folder was being read.
    let message = chain[chain.len() - 1].to_string();
    let missing = message.starts_with("package") && message.contains("not found");
    let help = if missing {
        "put the package's WIT into `wit/deps`, or correct its name and version"
    } else {
        "correct it; the language is described at https://component-model.bytecodealliance.org/design/wit.html"
    };
    let (text, span) = place.unzip();
    let message = message.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    WitError::Invalid { dir: dir.to_owned(), message, help: help.to_owned(), text, span }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Utf8PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let path = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
        (dir, path)
    }

    const SHOP: &str = "package acme:shop@0.1.0;
interface pricing { use other:base/types@1.0.0.{money}; price: func() -> money; }
world gateway { import pricing; export run: func(); }
world pricing-part { export pricing; }
";
    const BASE: &str = "package other:base@1.0.0; interface types { type money = u32; }";

    #[test]
    fn worlds_are_listed_with_what_their_interfaces_use() {
        let (_kept, dir) = folder(&[("world.wit", SHOP), ("deps/base.wit", BASE)]);
        let wit = load(&dir).unwrap();
        assert_eq!(wit.package, "acme:shop@0.1.0");
        assert_eq!(wit.interfaces, ["acme:shop/pricing@0.1.0"]);
        assert_eq!(wit.files.len(), 2);
        let gateway = wit.world("gateway").unwrap();
        assert_eq!(gateway.imports, ["other:base/types@1.0.0", "acme:shop/pricing@0.1.0"]);
        assert_eq!(gateway.exports, ["run"]);
        assert_eq!(wit.world("acme:shop/gateway").unwrap(), gateway);
        assert_eq!(wit.world("acme:shop/gateway@0.1.0").unwrap(), gateway);
    }

    #[test]
    fn the_digest_of_a_world_is_of_what_it_reaches() {
        let digest = |shop: &str, world: &str| {
            let (_kept, dir) = folder(&[("world.wit", shop), ("deps/base.wit", BASE)]);
            load(&dir).unwrap().world(world).unwrap().digest
        };
        let other_world = SHOP.replace("export run: func();", "export go: func();");
        let comment = SHOP.replace("world gateway", "/// The front.\nworld gateway");
        let reached = SHOP.replace("-> money", "-> option<money>");
        let part = digest(SHOP, "pricing-part");
        assert_eq!(digest(&other_world, "pricing-part"), part);
        assert_eq!(digest(&comment, "gateway"), digest(SHOP, "gateway"));
        assert_ne!(digest(&other_world, "gateway"), digest(SHOP, "gateway"));
        assert_ne!(digest(&reached, "pricing-part"), part);
    }

    #[test]
    fn an_unknown_world_names_the_nearest() {
        let (_kept, dir) = folder(&[("world.wit", SHOP), ("deps/base.wit", BASE)]);
        let error = load(&dir).unwrap().world("gatway").unwrap_err();
        let WitError::UnknownWorld { help, .. } = &error else { panic!("{error:?}") };
        assert_eq!(help, "did you mean `gateway`?");
    }

    #[test]
    fn a_mistake_is_shown_at_its_place() {
        let (_kept, dir) = folder(&[("world.wit", "package a:b;\nworld w { import nothing; }\n")]);
        let error = load(&dir).unwrap_err();
        let WitError::Invalid { message, span: Some(span), .. } = &error else { panic!("{error:?}") };
        assert!(message.contains("nothing"), "{message}");
        assert_eq!((span.offset(), span.len()), (30, 7));
    }

    #[test]
    fn a_missing_package_is_called_so() {
        let (_kept, dir) = folder(&[("world.wit", SHOP)]);
        let error = load(&dir).unwrap_err();
        let WitError::Invalid { help, .. } = &error else { panic!("{error:?}") };
        assert!(help.contains("wit/deps"), "{error} {help}");
        assert!(matches!(load(Utf8Path::new("/nowhere")), Err(WitError::NotFound(_))));
    }
}
