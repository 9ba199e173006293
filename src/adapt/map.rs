//! A user's own package in the place of another version of it: `acme:kv@1.1.0` becomes `acme:kv@1.2.0`.
//!
//! What was said of WASI holds here too: versions promise, types decide. Each interface that the component
//! imports must be what somebody exports under the new name, function by function and field by field, and what it
//! exports must be what somebody imports. Then only names change.

use std::collections::BTreeSet;

use super::{AdaptError, Adapted, How, Step, component, step};
use crate::component::Side;
use crate::name::{InterfaceName, PackageName};
use crate::wit::{Extern, Shape, first_difference};

/// One package, in a version or without, in the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    from: Package,
    to: Package,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Package {
    name: PackageName,
    version: Option<semver::Version>,
}

impl std::str::FromStr for Mapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || "write PACKAGE=PACKAGE, as in `acme:kv@1.1.0=acme:kv@1.2.0`".to_owned();
        let (from, to) = text.split_once('=').ok_or_else(form)?;
        Ok(Self { from: Package::parse(from).ok_or_else(form)?, to: Package::parse(to).ok_or_else(form)? })
    }
}

impl std::fmt::Display for Package {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}@{version}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

impl Package {
    fn parse(text: &str) -> Option<Self> {
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(version.parse().ok()?)),
            None => (text, None),
        };
        Some(Self { name: name.parse().ok()?, version })
    }
}

impl Mapping {
    /// What takes the place: `acme:kv@1.2.0`.
    pub fn to(&self) -> String {
        self.to.to_string()
    }

    /// The new name of an import or export, if it is of the package.
    fn name(&self, name: &str) -> Option<String> {
        let parsed: InterfaceName = name.parse().ok()?;
        let is_of = parsed.package == self.from.name && parsed.version == self.from.version;
        let new = InterfaceName { package: self.to.name.clone(), version: self.to.version.clone(), ..parsed };
        is_of.then(|| new.to_string())
    }
}

/// Gives what a component imports and exports of packages the names of others. `with` are components that have
/// those: export what is to be imported, import what is to be exported.
///
/// # Errors
/// [`AdaptError::MapUnused`], [`AdaptError::MapMissing`], [`AdaptError::MapDiffers`] and
/// [`AdaptError::MapTwice`].
pub fn map(bytes: &[u8], mappings: &[Mapping], with: &[&[u8]]) -> Result<Adapted, AdaptError> {
    let shape = Shape::of(bytes)?;
    let others = with.iter().map(|bytes| Shape::of(bytes)).collect::<Result<Vec<_>, _>>()?;
    for mapping in mappings {
        let names = || shape.imports.keys().chain(shape.exports.keys());
        if !names().any(|name| mapping.name(name).is_some()) {
            return Err(unused(mapping, names()));
        }
    }
    let new = |name: &str| mappings.iter().find_map(|mapping| mapping.name(name));
    for (name, wanted) in &shape.imports {
        let Some(to) = new(name) else { continue };
        let exported = others.iter().find_map(|other| other.exports.get(&to));
        // Types alone nobody has to export: whoever uses them imports them from nobody as well.
        let plain = |given: &&Extern| matches!(given, Extern::Interface(interface) if interface.is_plain());
        let given = exported.or_else(|| others.iter().filter_map(|other| other.imports.get(&to)).find(plain));
        compare(name, &to, Some(wanted), given, &others)?;
    }
    for (name, given) in &shape.exports {
        let Some(to) = new(name) else { continue };
        let wanted = others.iter().find_map(|other| other.imports.get(&to));
        compare(name, &to, wanted, Some(given), &others)?;
    }
    let mut seen = BTreeSet::new();
    for (side, name) in shape
        .imports
        .keys()
        .map(|name| (Side::Import, name))
        .chain(shape.exports.keys().map(|name| (Side::Export, name)))
    {
        let name = new(name).unwrap_or_else(|| name.clone());
        if !seen.insert((side, name.clone())) {
            return Err(AdaptError::MapTwice { name });
        }
    }
    let mut renamed = component::rename(bytes, |_, name| new(name))?;
    for mapping in mappings {
        let step = Step {
            from: vec![mapping.from.to_string()],
            to: mapping.to.to_string(),
            how: How::Renamed.word().to_owned(),
        };
        renamed = step::written(&renamed, &step)?;
    }
    component::validate(&renamed)?;
    let from = mappings.iter().map(|mapping| mapping.from.to_string()).collect();
    Ok(Adapted { bytes: renamed, from, left: Vec::new(), drift: None, how: How::Renamed, stubs: Vec::new() })
}

fn compare(
    from: &str,
    to: &str,
    wanted: Option<&Extern>,
    given: Option<&Extern>,
    others: &[Shape],
) -> Result<(), AdaptError> {
    let (Some(wanted), Some(given)) = (wanted, given) else {
        return Err(missing(to, others));
    };
    let Some(difference) = first_difference(wanted, given) else { return Ok(()) };
    let place = difference.place();
    Err(AdaptError::MapDiffers {
        from: from.into(),
        to: to.into(),
        place: if place.is_empty() { place } else { format!("{place}: ") }.into(),
        wanted: difference.wanted.into(),
        given: difference.given.into(),
        help: "a version that differs in its types needs code between the two: a component that imports the one and \
               exports the other"
            .into(),
    })
}

fn missing(interface: &str, others: &[Shape]) -> AdaptError {
    let names: BTreeSet<&str> = others
        .iter()
        .flat_map(|other| other.exports.keys().chain(other.imports.keys()))
        .map(String::as_str)
        .filter(|name| name.contains(':') && !name.starts_with("wasi:"))
        .collect();
    let found = match names.is_empty() {
        true => "what was named has no interface of its own".to_owned(),
        false => format!("what was named has `{}`", names.into_iter().collect::<Vec<_>>().join("`, `")),
    };
    AdaptError::MapMissing { interface: interface.to_owned(), found }
}

fn unused<'a>(mapping: &Mapping, names: impl Iterator<Item = &'a String>) -> AdaptError {
    let packages: BTreeSet<String> = names
        .filter_map(|name| name.parse::<InterfaceName>().ok())
        .filter(|name| !name.is_wasi())
        .map(|name| Package { name: name.package, version: name.version }.to_string())
        .collect();
    let known = match packages.is_empty() {
        true => "none".to_owned(),
        false => format!("`{}`", packages.into_iter().collect::<Vec<_>>().join("`, `")),
    };
    AdaptError::MapUnused { package: mapping.from.to_string(), known }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{externs, world};
    use super::*;

    const KV: &str = "record entry { key: string, size: u32 } get: func(key: string) -> option<entry>;";

    /// A component of a world with `acme:kv@VERSION` in it.
    fn kv(version: &str, store: &str, side: &str) -> Vec<u8> {
        let text = format!(
            "package test:app; world app {{ {side} acme:kv/store@{version}; }}
             package acme:kv@{version} {{ interface store {{ {store} }} }}"
        );
        let mut resolve = wit_parser::Resolve::default();
        resolve.push_str("test.wit", &text).unwrap();
        super::super::tests::dummy(&resolve, "app")
    }

    fn mapped(app: &[u8], mapping: &str, with: &[u8]) -> Result<Adapted, AdaptError> {
        map(app, &[mapping.parse().unwrap()], &[with])
    }

    #[test]
    fn a_version_that_agrees_takes_the_place_of_another() {
        let app = kv("1.1.0", KV, "import");
        let more = format!("{KV} remove: func(key: string);");
        let plug = kv("1.2.0", &more, "export");
        let adapted = mapped(&app, "acme:kv@1.1.0=acme:kv@1.2.0", &plug).unwrap();
        assert_eq!(externs(&adapted.bytes).imports, ["acme:kv/store@1.2.0"]);
        assert_eq!(
            super::super::steps(&adapted.bytes)[0].to_string(),
            "acme:kv@1.1.0 to acme:kv@1.2.0 (renamed)"
        );
        // The other way round: what is exported, for one that imports it.
        let adapted = mapped(&plug, "acme:kv@1.2.0=acme:kv@1.1.0", &app).unwrap();
        assert_eq!(externs(&adapted.bytes).exports, ["acme:kv/store@1.1.0"]);
        let back =
            mapped(&kv("1.1.0", KV, "export"), "acme:kv@1.1.0=acme:kv@1.2.0", &kv("1.2.0", &more, "import"));
        let error = back.unwrap_err();
        assert!(error.to_string().contains("`remove`"), "{error}");
    }

    /// A component whose store takes its types from another interface of the package.
    fn typed(version: &str, field: &str, side: &str) -> Vec<u8> {
        let text = format!(
            "package test:app; world app {{ {side} acme:kv/store@{version}; }}
             package acme:kv@{version} {{
                 interface types {{ record entry {{ {field} }} }}
                 interface store {{ use types.{{entry}}; get: func() -> entry; }}
             }}"
        );
        let mut resolve = wit_parser::Resolve::default();
        resolve.push_str("test.wit", &text).unwrap();
        super::super::tests::dummy(&resolve, "app")
    }

    #[test]
    fn interfaces_of_types_alone_need_not_be_exported() {
        let (app, plug) = (typed("1.1.0", "size: u32", "import"), typed("1.2.0", "size: u32", "export"));
        assert_eq!(externs(&plug).imports, ["acme:kv/types@1.2.0"]);
        let adapted = mapped(&app, "acme:kv@1.1.0=acme:kv@1.2.0", &plug).unwrap();
        assert_eq!(externs(&adapted.bytes).imports, ["acme:kv/types@1.2.0", "acme:kv/store@1.2.0"]);
        let other = typed("1.2.0", "size: u64", "export");
        let error = mapped(&app, "acme:kv@1.1.0=acme:kv@1.2.0", &other).unwrap_err().to_string();
        assert!(error.contains("field `size`"), "{error}");
    }

    #[test]
    fn what_differs_is_named_to_the_field() {
        let app = kv("1.1.0", KV, "import");
        let plug = kv("1.2.0", &KV.replace("size: u32", "size: u64"), "export");
        let error = mapped(&app, "acme:kv@1.1.0=acme:kv@1.2.0", &plug).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("field `size`") && said.contains("u32") && said.contains("u64"), "{said}");
        let error = mapped(&app, "acme:kv@1.1.0=acme:kv@2.0.0", &plug).unwrap_err();
        assert!(matches!(error, AdaptError::MapMissing { .. }), "{error}");
        let error = mapped(&app, "acme:kv@1.0.0=acme:kv@1.2.0", &plug).unwrap_err();
        assert!(
            matches!(&error, AdaptError::MapUnused { known, .. } if known == "`acme:kv@1.1.0`"),
            "{error:?}"
        );
        assert!("acme".parse::<Mapping>().is_err() && "acme:kv@x=a:b".parse::<Mapping>().is_err());
        assert!(mapped(&world("import a: interface {}", &[]), "a:b=c:d", &plug).is_err());
    }
}
