//! npm packages, from the `package.json` of each installed package that the program can reach.

use std::collections::BTreeSet;

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
            needs: Vec::new(),
        };
        found.add(folder.to_string(), package, needs(&manifest, folder));
    }
    let direct = needs(&manifest(top), top);
    found.told_by("node_modules", &direct)
}

fn manifest(folder: &Utf8Path) -> Value {
    let text = std::fs::read(folder.join("package.json")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
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
        let installed = |name: &str| top.join("node_modules").join(name);
        let folders = BTreeSet::from([installed("@a/b"), installed("c")]);
        let packages = of_node(&top, &folders, &|name, _| Some(installed(name)));
        let told: Vec<_> =
            packages.list.iter().map(|one| (one.name.as_str(), one.license.as_deref())).collect();
        assert_eq!(told, [("@a/b", Some("MIT")), ("c", Some("ISC"))]);
        assert_eq!((packages.direct, &packages.list[0].needs), (vec![0], &vec![1]));
        assert_eq!(packages.list[0].origin, Origin::Public);
    }
}
