//! Python distributions, from the `*.dist-info` folders that an installer leaves beside what it installs.

use camino::{Utf8Path, Utf8PathBuf};

use super::Found;
use crate::component::{Ecosystem, Origin, Package, Packages, spdx};

/// Licences that older distributions only name by a classifier which stands for exactly one.
const CLASSIFIERS: [(&str, &str); 6] = [
    ("MIT License", "MIT"),
    ("Apache Software License", "Apache-2.0"),
    ("ISC License (ISCL)", "ISC"),
    ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
    ("Python Software Foundation License", "PSF-2.0"),
    ("The Unlicense (Unlicense)", "Unlicense"),
];

/// A licence that is longer than this is its text, not its name.
const MAX_LICENSE: usize = 120;

/// The distributions installed in `folders`; `requirements` names those that the program itself needs.
pub(in crate::build) fn of_python(folders: &[Utf8PathBuf], requirements: &str) -> Packages {
    let mut found = Found::default();
    for metadata in folders.iter().flat_map(|folder| metadata_files(folder)) {
        let text = std::fs::read_to_string(&metadata).unwrap_or_default();
        let Some((package, needs)) = distribution(&text) else { continue };
        found.add(package.name.clone(), package, needs);
    }
    let direct: Vec<String> = requirements.lines().filter_map(requirement).collect();
    found.told_by("dist-info", &direct)
}

fn metadata_files(folder: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = folder.read_dir_utf8().into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().ends_with(".dist-info"))
        .map(|entry| entry.path().join("METADATA"))
        .collect()
}

/// One `METADATA`, and the names of what it needs without extras.
fn distribution(text: &str) -> Option<(Package, Vec<String>)> {
    let head = text.split("\n\n").next().unwrap_or_default();
    let all = |field: &'static str| {
        head.lines().filter_map(move |line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(field).then(|| value.trim())
        })
    };
    let package = Package {
        ecosystem: Ecosystem::Pypi,
        name: normal(all("Name").next()?),
        version: all("Version").next()?.to_owned(),
        origin: Origin::Public,
        license: license(all("License-Expression").next(), all("License").next(), all("Classifier")),
        sha256: None,
        sha512: None,
        needs: Vec::new(),
    };
    let needs = all("Requires-Dist").filter(|need| !need.contains("extra ==")).filter_map(requirement);
    Some((package, needs.collect()))
}

fn license<'a>(
    expression: Option<&'a str>,
    named: Option<&'a str>,
    classifiers: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let classified: Vec<&str> = classifiers
        .filter(|classifier| classifier.starts_with("License ::"))
        .filter_map(|classifier| classifier.rsplit(" :: ").next())
        .collect();
    let one = || {
        let [only] = classified.as_slice() else { return None };
        CLASSIFIERS.iter().find(|(name, _)| name == only).map(|(_, license)| (*license).to_owned())
    };
    let named = named.filter(|text| !text.is_empty() && text.len() <= MAX_LICENSE && *text != "UNKNOWN");
    expression
        .map(str::to_owned)
        .or_else(|| named.filter(|text| spdx(text).is_some()).map(str::to_owned))
        .or_else(one)
        .or_else(|| named.map(str::to_owned))
        .or_else(|| classified.first().map(|name| (*name).to_owned()))
}

/// The name at the beginning of `attrs>=25; python_version < "3.9"`; none for options and comments.
fn requirement(line: &str) -> Option<String> {
    let line = line.trim();
    let end = line.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)).unwrap_or(line.len());
    let name = &line[..end];
    name.starts_with(|c: char| c.is_ascii_alphanumeric()).then(|| normal(name))
}

/// Names that differ in case and in `-`, `_`, `.` are one name.
fn normal(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_says_what_it_is_and_needs() {
        let text = "Metadata-Version: 2.4\nName: Flask_Thing\nVersion: 3.1\nLicense: BSD\nClassifier: License :: OSI Approved :: MIT License\nRequires-Dist: Jinja2>=3; python_version > \"3\"\nRequires-Dist: pytest ; extra == 'test'\n\nName: not this\n";
        let (package, needs) = distribution(text).unwrap();
        assert_eq!((package.name.as_str(), package.version.as_str()), ("flask-thing", "3.1"));
        assert_eq!(package.license.as_deref(), Some("MIT"));
        assert_eq!(needs, ["jinja2"]);
        assert_eq!(distribution("Version: 1\n"), None);
    }

    #[test]
    fn a_classifier_that_stands_for_several_licences_stays_a_name() {
        let bsd = ["License :: OSI Approved :: BSD License"];
        assert_eq!(license(None, None, bsd.into_iter()).unwrap(), "BSD License");
        assert_eq!(license(Some("BSD-3-Clause"), Some("BSD"), bsd.into_iter()).unwrap(), "BSD-3-Clause");
        let text = "x".repeat(MAX_LICENSE + 1);
        assert_eq!(license(None, Some(&text), std::iter::empty()), None);
    }

    #[test]
    fn requirements_are_names() {
        let named: Vec<_> = ["attrs==25.1", "-r other.txt", "# no", "A.B[c] ; x", ""]
            .into_iter()
            .filter_map(requirement)
            .collect();
        assert_eq!(named, ["attrs", "a-b"]);
    }
}
