//! npm packages, from the `package.json` of each installed package that the program can reach.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use super::Found;
use crate::component::{Ecosystem, Origin, Package, Packages};

/// The packages in `folders`; `find` says which folder a package means by a name. `top` is the program.
pub(in crate::build) fn of_node(
    top: &Utf8Path,
    folders: &BTreeSet<Utf8PathBuf>,
    find: &dyn Fn(&str, &Utf8Path) -> Option<Utf8PathBuf>,
) -> Packages {
    let mut found = Found::default();
    let mut locks = Locks::default();
    let needs = |manifest: &Value, folder: &Utf8Path| -> Vec<String> {
        let names = manifest["dependencies"].as_object().into_iter().flat_map(|needed| needed.keys());
        names.filter_map(|name| find(name, folder)).map(Utf8PathBuf::into_string).collect()
    };
    for folder in folders {
        let manifest = manifest(folder);
        let text = |name: &str| manifest[name].as_str().map(str::to_owned);
        let (Some(name), Some(version)) = (text("name"), text("version")) else { continue };
        // npm links the packages of a workspace into `node_modules`.
        let linked = folder.canonicalize_utf8().is_ok_and(|real| !real.as_str().contains("/node_modules/"));
        let package = Package {
            ecosystem: Ecosystem::Npm,
            name,
            version,
            origin: if linked { Origin::Local } else { Origin::Public },
            license: manifest["license"].as_str().or(manifest["license"]["type"].as_str()).map(str::to_owned),
            sha256: None,
            sha512: locks.sha512(folder),
            needs: Vec::new(),
        };
        found.add(folder.to_string(), package, needs(&manifest, folder));
    }
    let direct = needs(&manifest(top), top);
    found.told_by("node_modules", &direct)
}

fn manifest(folder: &Utf8Path) -> Value {
    json(&folder.join("package.json"))
}

fn json(path: &Utf8Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap_or_default()).unwrap_or_default()
}

/// What npm wrote down in each `node_modules` about what it put there.
#[derive(Default)]
struct Locks(BTreeMap<Utf8PathBuf, Value>);

impl Locks {
    /// The SHA-512 in hex of the archive that came into `folder`, where npm has noted one.
    fn sha512(&mut self, folder: &Utf8Path) -> Option<String> {
        folder.ancestors().skip(1).find_map(|above| {
            let path = above.join("node_modules/.package-lock.json");
            let lock = self.0.entry(path).or_insert_with_key(|path| json(path));
            let entry = &lock["packages"][folder.strip_prefix(above).ok()?.as_str()];
            // There may be several, the strongest of which is enough.
            let mut sums = entry["integrity"].as_str()?.split_whitespace();
            let sum = sums.find_map(|sum| sum.strip_prefix("sha512-"))?;
            Some(hex::encode(STANDARD.decode(sum).ok().filter(|sum| sum.len() == 64)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_with_their_licences_and_needs() {
        let folder = tempfile::tempdir().unwrap();
        let top = Utf8PathBuf::from_path_buf(folder.path().canonicalize().unwrap()).unwrap();
        let write = |path: &str, text: &str| {
            std::fs::create_dir_all(top.join(path)).unwrap();
            std::fs::write(top.join(path).join("package.json"), text).unwrap();
        };
        write("", r#"{"dependencies":{"@a/b":"^1"}}"#);
        write(
            "node_modules/@a/b",
            r#"{"name":"@a/b","version":"1.2.0","license":"MIT","dependencies":{"c":"*"}}"#,
        );
        write("node_modules/c", r#"{"name":"c","version":"0.1.0","license":{"type":"ISC"}}"#);
        let sum = STANDARD.encode([7; 64]);
        let lock = format!(
            r#"{{"packages":{{"node_modules/@a/b":{{"integrity":"sha1-x sha512-{sum}"}},"node_modules/c":{{"integrity":"sha512-short"}}}}}}"#
        );
        std::fs::write(top.join("node_modules/.package-lock.json"), lock).unwrap();
        let installed = |name: &str| top.join("node_modules").join(name);
        let folders = BTreeSet::from([installed("@a/b"), installed("c")]);
        let packages = of_node(&top, &folders, &|name, _| Some(installed(name)));
        let told: Vec<_> =
            packages.list.iter().map(|one| (one.name.as_str(), one.license.as_deref())).collect();
        assert_eq!(told, [("@a/b", Some("MIT")), ("c", Some("ISC"))]);
        assert_eq!((packages.direct, &packages.list[0].needs), (vec![0], &vec![1]));
        assert_eq!(packages.list[0].origin, Origin::Public);
        assert_eq!(packages.list[0].sha512.as_deref(), Some(&*"07".repeat(64)));
        assert_eq!(packages.list[1].sha512, None);
    }
}
