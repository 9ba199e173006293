//! Names of the component model, parsed once and passed as types.
//!
//! Source of the rules: the component model's `WIT.md` (package names, identifiers) and
//! `Explainer.md` (import and export names).

use std::fmt;
use std::str::FromStr;

use semver::Version;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}: {why}")]
pub struct NameError {
    text: String,
    what: &'static str,
    why: &'static str,
}

/// A kebab-case identifier of WIT: words of letters and digits joined by single hyphens, each word
/// begun by a letter.
pub fn is_kebab(text: &str) -> bool {
    !text.is_empty()
        && text.split('-').all(|word| {
            word.starts_with(|first: char| first.is_ascii_alphabetic())
                && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && (word.bytes().all(|byte| !byte.is_ascii_uppercase())
                    || word.bytes().all(|byte| !byte.is_ascii_lowercase()))
        })
}

macro_rules! text_form {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// The name of a component inside an app: `[component.NAME]`. Kebab-case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComponentName(String);

impl ComponentName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ComponentName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_kebab(text) && text.bytes().all(|byte| !byte.is_ascii_uppercase()) {
            return Ok(Self(text.to_owned()));
        }
        Err(NameError {
            text: text.to_owned(),
            what: "component name",
            why: "use lower-case words joined by single hyphens, each begun by a letter",
        })
    }
}

impl fmt::Display for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_form!(ComponentName);

/// `namespace:name`, without a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName {
    /// Before the colon.
    pub namespace: String,
    /// After the colon.
    pub name: String,
}

impl FromStr for PackageName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |why| NameError { text: text.to_owned(), what: "package name", why };
        let (namespace, name) =
            text.split_once(':').ok_or_else(|| invalid("a namespace is missing, as in `acme:shop`"))?;
        if !is_kebab(namespace) || !is_kebab(name) || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(invalid("use lower-case words joined by single hyphens, each begun by a letter"));
        }
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.namespace, self.name)
    }
}

text_form!(PackageName);

/// `namespace:name@version`: one published package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageId {
    /// Which package.
    pub name: PackageName,
    /// Which version of it.
    pub version: Version,
}

impl FromStr for PackageId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |why| NameError { text: text.to_owned(), what: "package id", why };
        let (name, version) =
            text.split_once('@').ok_or_else(|| invalid("a version is missing, as in `acme:shop@1.0.0`"))?;
        Ok(Self {
            name: name.parse()?,
            version: version.parse().map_err(|_| invalid("the version is not a semantic version"))?,
        })
    }
}

impl fmt::Display for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

text_form!(PackageId);

/// `namespace:package/interface@version`: the name of an imported or exported interface.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceName {
    /// `namespace:package`.
    pub package: PackageName,
    /// After the slash. A package nested deeper keeps its slashes.
    pub interface: String,
    /// After the `@`, where there is one.
    pub version: Option<Version>,
}

impl InterfaceName {
    /// The name without its version: what two versions of one interface share.
    pub fn unversioned(&self) -> String {
        format!("{}/{}", self.package, self.interface)
    }

    /// The same interface under another version.
    pub fn with_version(&self, version: Version) -> Self {
        Self { version: Some(version), ..self.clone() }
    }

    /// Whether this belongs to WASI.
    pub fn is_wasi(&self) -> bool {
        self.package.namespace == "wasi"
    }
}

impl FromStr for InterfaceName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |why| NameError { text: text.to_owned(), what: "interface name", why };
        let (path, version) = match text.split_once('@') {
            Some((path, version)) => {
                let version =
                    version.parse().map_err(|_| invalid("the version is not a semantic version"))?;
                (path, Some(version))
            }
            None => (text, None),
        };
        let (package, interface) = path
            .split_once('/')
            .ok_or_else(|| invalid("an interface is missing, as in `wasi:http/types`"))?;
        if !interface.split('/').all(is_kebab) {
            return Err(invalid("the interface is not kebab-case"));
        }
        Ok(Self { package: package.parse()?, interface: interface.to_owned(), version })
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.package, self.interface)?;
        match &self.version {
            Some(version) => write!(f, "@{version}"),
            None => Ok(()),
        }
    }
}

text_form!(InterfaceName);

/// The candidates nearest to what was typed, best first, at most three; for "did you mean".
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut scored: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(typed, candidate), candidate))
        .filter(|(score, _)| *score > 0.75)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(3).map(|(_, candidate)| candidate.to_owned()).collect()
}

/// "did you mean" with the nearest candidates, else all of them.
pub fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let near = nearest(typed, known.iter().copied());
    let quote =
        |names: Vec<&str>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if near.is_empty() {
        format!("known here: {}", quote(known))
    } else {
        format!("did you mean {}?", quote(near.iter().map(String::as_str).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_names_read_back_as_written() {
        for text in ["wasi:http/types@0.2.12", "wasi:io/poll@0.2.0-rc-2023-11-10", "acme:kv/store"] {
            assert_eq!(text.parse::<InterfaceName>().map(|name| name.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "shop", "acme:", ":shop", "acme:shop--x", "Acme:shop", "acme:1shop"] {
            assert!(text.parse::<PackageName>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_nearest_candidate_comes_first() {
        assert_eq!(nearest("prising", ["gateway", "pricing", "printing"])[0], "pricing");
        assert!(nearest("zzz", ["gateway"]).is_empty());
    }
}
