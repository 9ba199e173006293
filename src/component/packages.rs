//! Packages of the guest languages: what a core module is made of, besides the code of its author.
//!
//! `cargo auditable` writes them into a section of the module, `.dep-v0`: JSON, packed with zlib. Whoever wrote
//! a module chose what is in it, so it is read with limits, and a section that breaks them tells nothing.

use std::io::Read as _;

use flate2::read::ZlibDecoder;
use serde::{Deserialize, Serialize};

/// What `.dep-v0` may have when it is unpacked: what the tools of the field take.
const MAX_BYTES: u64 = 2 << 20;
/// How many packages one module may have; the largest known programs have about a thousand.
const MAX_PACKAGES: usize = 20_000;
/// How long a name, a version or the name of a source may be.
const MAX_TEXT: usize = 256;

/// Where packages of a language come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ecosystem {
    /// Rust.
    Cargo,
    /// Python.
    Pypi,
    /// JavaScript and TypeScript.
    Npm,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Whose.
    pub ecosystem: Ecosystem,
    /// Its name there.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it comes from.
    #[serde(default)]
    pub origin: Origin,
    /// Its licence, in its author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// The SHA-256 of the archive that it came in, where the lock file has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Its SHA-512, where that is what there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha512: Option<String>,
    /// The packages that it needs, as places in [`Packages::list`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<usize>,
}

/// Where a package comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The public registry of its language.
    #[default]
    Public,
    /// The author's own sources: nobody else has it under this name.
    Local,
    /// A repository or another registry, where it is known which.
    Elsewhere(Option<String>),
}

/// The packages inside of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packages {
    /// What tells it: `.dep-v0`, `Cargo.lock`.
    pub told_by: String,
    /// Those that are needed directly, as places in [`Packages::list`].
    pub direct: Vec<usize>,
    /// All of them.
    pub list: Vec<Package>,
}

/// The section's own form.
#[derive(Deserialize)]
struct Auditable {
    packages: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    version: String,
    source: String,
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    dependencies: Vec<usize>,
    #[serde(default)]
    root: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Runtime,
    /// Macros and build scripts: they are not in the module.
    #[serde(other)]
    Build,
}

impl Entry {
    fn is_sane(&self) -> bool {
        [&self.name, &self.version, &self.source].iter().all(|text| text.len() <= MAX_TEXT)
    }

    fn origin(&self) -> Origin {
        match self.source.as_str() {
            "crates.io" => Origin::Public,
            "local" => Origin::Local,
            "registry" | "git" => Origin::Elsewhere(None),
            other => Origin::Elsewhere(Some(other.to_owned())),
        }
    }
}

/// The name of the section.
pub(super) const SECTION: &str = ".dep-v0";

/// Reads the section: what runs, without the module's own package. `None` when it cannot be read, is larger
/// than it may be or contradicts itself.
pub(super) fn auditable(section: &[u8]) -> Option<Packages> {
    let mut json = Vec::new();
    ZlibDecoder::new(section).take(MAX_BYTES + 1).read_to_end(&mut json).ok()?;
    if json.len() as u64 > MAX_BYTES {
        return None;
    }
    let entries = serde_json::from_slice::<Auditable>(&json).ok()?.packages;
    let in_range = |entry: &Entry| entry.dependencies.iter().all(|need| *need < entries.len());
    if entries.len() > MAX_PACKAGES || !entries.iter().all(|entry| entry.is_sane() && in_range(entry)) {
        return None;
    }
    let kept: Vec<usize> =
        (0..entries.len()).filter(|at| entries[*at].kind == Kind::Runtime && !entries[*at].root).collect();
    let places = |needs: &[usize]| {
        let mut places: Vec<usize> = needs.iter().filter_map(|need| kept.binary_search(need).ok()).collect();
        places.sort_unstable();
        places.dedup();
        places
    };
    let package = |entry: &Entry| Package {
        ecosystem: Ecosystem::Cargo,
        name: entry.name.clone(),
        version: entry.version.clone(),
        origin: entry.origin(),
        license: None,
        sha256: None,
        sha512: None,
        needs: places(&entry.dependencies),
    };
    let root = entries.iter().find(|entry| entry.root);
    Some(Packages {
        told_by: SECTION.to_owned(),
        direct: root.map_or_else(|| (0..kept.len()).collect(), |root| places(&root.dependencies)),
        list: kept.iter().map(|at| package(&entries[*at])).collect(),
    })
}

/// A licence as an SPDX expression, with the slash of old manifests as the `OR` that it meant; `None` when
/// it is none.
pub fn spdx(license: &str) -> Option<String> {
    let text = license.trim();
    if text.is_empty() || text.len() > MAX_TEXT {
        return None;
    }
    let text = text.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ");
    wasm_metadata::Licenses::new(&text).ok().map(|_| text)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write as _;

    use super::*;

    pub(in super::super) fn packed(json: &str) -> Vec<u8> {
        let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(json.as_bytes()).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn what_runs_is_listed_and_what_only_builds_is_not() {
        let json = r#"{"format":1,"packages":[
            {"name":"anyhow","version":"1.0.1","source":"crates.io"},
            {"name":"greet","version":"0.1.0","source":"local","dependencies":[0,2,3],"root":true},
            {"name":"macro","version":"1.0.0","source":"crates.io","kind":"build","dependencies":[0]},
            {"name":"own","version":"0.2.0","source":"git","dependencies":[0,2]}]}"#;
        let packages = auditable(&packed(json)).unwrap();
        let names: Vec<_> = packages.list.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["anyhow", "own"]);
        assert_eq!(packages.direct, [0, 1]);
        assert_eq!(packages.list[1].needs, [0]);
        assert_eq!(packages.list[1].origin, Origin::Elsewhere(None));
    }

    #[test]
    fn a_section_that_cannot_be_believed_tells_nothing() {
        let package =
            |text: &str| format!(r#"{{"packages":[{{"name":"{text}","version":"1","source":"local"}}]}}"#);
        assert!(auditable(&packed(&package("a"))).is_some());
        assert_eq!(auditable(b"not zlib"), None);
        assert_eq!(auditable(&packed("{}")), None);
        assert_eq!(auditable(&packed(&package(&"a".repeat(MAX_TEXT + 1)))), None, "a name without end");
        let loose = r#"{"packages":[{"name":"a","version":"1","source":"local","dependencies":[7]}]}"#;
        assert_eq!(auditable(&packed(loose)), None, "a dependency that is not there");
        let bomb = format!("{{\"packages\":[]{}}}", " ".repeat(MAX_BYTES as usize));
        let bomb = packed(&bomb);
        assert!(bomb.len() < 20_000, "small when packed");
        assert_eq!(auditable(&bomb), None, "large when unpacked");
    }

    #[test]
    fn licences_become_expressions() {
        assert_eq!(spdx("MIT/Apache-2.0").unwrap(), "MIT OR Apache-2.0");
        assert_eq!(spdx("MIT / Apache-2.0").unwrap(), "MIT OR Apache-2.0");
        assert_eq!(spdx("Apache-2.0 WITH LLVM-exception").unwrap(), "Apache-2.0 WITH LLVM-exception");
        assert_eq!(spdx("see LICENSE"), None);
        assert_eq!(spdx(""), None);
    }
}
