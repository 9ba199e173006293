//! The same WIT under another WASI version.
//!
//! Some guest tools accept one WASI version only. They get a view of the app's WIT in which every
//! `wasi:…@version` is rewritten and the WASI packages under `deps` are those of that version; the app's
//! own text stays as it is otherwise.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use include_dir::{Dir, include_dir};
use semver::Version;

use super::WitError;
use super::text::tokens;
use crate::error::{FileError, Result};

/// The WIT of all WASI snapshots that jointer knows.
static WASI: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/wit/wasi");

/// The WASI versions whose WIT is built in; sorted.
pub fn wasi_versions() -> Vec<Version> {
    let mut versions: Vec<Version> =
        WASI.dirs().filter_map(|dir| dir.path().file_name()?.to_str()?.parse().ok()).collect();
    versions.sort();
    versions
}

/// The WASI packages of a version: file name (`http.wit`) and text, sorted by name.
///
/// # Errors
/// [`WitError::UnknownWasi`].
pub fn wasi_packages(version: &Version) -> Result<Vec<(&'static str, &'static str)>, WitError> {
    let dir = WASI.get_dir(format!("{version}/deps")).ok_or_else(|| WitError::UnknownWasi {
        version: version.to_string(),
        known: wasi_versions().iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    })?;
    let mut packages: Vec<(&str, &str)> = dir
        .files()
        .filter_map(|file| Some((file.path().file_name()?.to_str()?, file.contents_utf8()?)))
        .collect();
    packages.sort_unstable();
    Ok(packages)
}

/// `text` with every `wasi:…@OLD` naming `to` instead. Comments stay.
pub fn reversion(text: &str, to: &Version) -> String {
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for token in tokens(text) {
        let Some(at) = token.text.find('@').filter(|_| token.text.starts_with("wasi:")) else { continue };
        out.push_str(&text[copied..token.at + at + 1]);
        out.push_str(&to.to_string());
        copied = token.at + version_end(token.text, at + 1);
    }
    out.push_str(&text[copied..]);
    out
}

/// Where the version that starts at `start` ends: `wasi:io/poll@0.2.0.{pollable}` goes on behind it.
fn version_end(word: &str, start: usize) -> usize {
    let mut end = word.len();
    while end > start && Version::parse(&word[start..end]).is_err() {
        end = word[..end].rfind(['.', '-', '+']).unwrap_or(start);
    }
    if end > start { end } else { word.len() }
}

/// The folder `dir` of WIT as files (paths relative to it) in which all of WASI has version `to`.
/// Packages of WASI under `deps` are replaced by those of that version; if the folder has none, none
/// are added unless something in it names WASI.
///
/// # Errors
/// [`WitError::UnknownWasi`], [`WitError::NotFound`], and [`FileError`] for files that cannot be read.
pub fn view(dir: &Utf8Path, to: &Version) -> Result<BTreeMap<Utf8PathBuf, String>> {
    let wasi = wasi_packages(to)?;
    let mut files = BTreeMap::new();
    collect(dir, Utf8Path::new(""), &mut files)?;
    if files.is_empty() {
        return Err(WitError::NotFound(dir.to_owned()).into());
    }
    let mut names_wasi = false;
    files.retain(|path, text| {
        if is_wasi_package(text) {
            names_wasi = true;
            return false;
        }
        names_wasi |= tokens(text).iter().any(|token| token.text.starts_with("wasi:"));
        *text = reversion(text, to);
        debug_assert!(!path.as_str().is_empty());
        true
    });
    if names_wasi {
        for (name, text) in wasi {
            files.insert(Utf8Path::new("deps").join(format!("wasi-{name}")), text.to_owned());
        }
    }
    Ok(files)
}

fn is_wasi_package(text: &str) -> bool {
    tokens(text)
        .windows(2)
        .find(|pair| pair[0].text == "package")
        .is_some_and(|pair| pair[1].text.starts_with("wasi:"))
}

fn collect(dir: &Utf8Path, below: &Utf8Path, files: &mut BTreeMap<Utf8PathBuf, String>) -> Result<()> {
    let folder = dir.join(below);
    let entries = folder.read_dir_utf8().map_err(|error| FileError::reading(&folder, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| FileError::reading(&folder, &error))?;
        let path = below.join(entry.file_name());
        if entry.path().is_dir() {
            collect(dir, &path, files)?;
        } else if path.extension() == Some("wit") {
            let text = std::fs::read_to_string(entry.path())
                .map_err(|error| FileError::reading(entry.path(), &error))?;
            files.insert(path, text);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn only_the_versions_of_wasi_change() {
        let text = "package acme:shop@0.2.12; // wasi:io/poll@0.2.12
interface i { use wasi:io/poll@0.2.12.{pollable}; use acme:x/y@0.2.12.{z}; }
world w { include wasi:http/proxy@0.2.0-rc-2023-11-10; }";
        let expected = "package acme:shop@0.2.12; // wasi:io/poll@0.2.12
interface i { use wasi:io/poll@0.2.10.{pollable}; use acme:x/y@0.2.12.{z}; }
world w { include wasi:http/proxy@0.2.10; }";
        assert_eq!(reversion(text, &version("0.2.10")), expected);
    }

    #[test]
    fn a_view_resolves_in_every_version_it_is_made_for() {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        std::fs::write(
            root.join("world.wit"),
            "package acme:shop; world w { import wasi:io/poll@0.2.12; export wasi:http/incoming-handler@0.2.12; }",
        )
        .unwrap();
        for to in ["0.2.0", "0.2.6", "0.2.10", "0.2.12"] {
            let out = tempfile::tempdir().unwrap();
            let out = Utf8Path::from_path(out.path()).unwrap();
            for (path, text) in view(root, &version(to)).unwrap() {
                std::fs::create_dir_all(out.join(&path).parent().unwrap()).unwrap();
                std::fs::write(out.join(path), text).unwrap();
            }
            let wit = super::super::load(out).unwrap();
            assert_eq!(wit.worlds[0].exports, [format!("wasi:http/incoming-handler@{to}")]);
        }
        assert!(view(root, &version("9.9.9")).is_err());
    }

    #[test]
    fn the_versions_known_are_those_in_the_repository() {
        assert!(wasi_versions().contains(&version("0.2.12")));
        assert!(wasi_versions().contains(&version("0.2.0-rc-2023-11-10")));
    }
}
