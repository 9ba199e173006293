//! What a new release of WASI asks of the tables: the functions that need thought, by name.
//!
//! `JOINTER_NEW_WASI=FOLDER cargo test --release --lib adapt::release` compares the release in `FOLDER` (its `.wit`
//! files, one package each, as `wit/wasi/<version>/deps` has them) with everything that is known, and fails if there is
//! anything that no table answers.

use std::collections::BTreeMap;

use super::sample;
use super::snapshot::{Snapshot, labels_in_order};
use super::trim::trimmed;
use super::uses::Uses;

/// What of a release needs thought.
#[derive(Debug, Default, PartialEq, Eq)]
struct Thoughts {
    /// What earlier components use, the last release has (itself or through the tables) and this one has not or
    /// otherwise; with the snapshots concerned.
    lost: BTreeMap<String, Vec<String>>,
    /// What it has and the last release had not: components that use it go no lower.
    new: Vec<String>,
}

fn thoughts(new: &Snapshot) -> Thoughts {
    let version = |label: &str| label.parse::<semver::Version>().unwrap();
    let release = version(&new.label);
    let known: Vec<String> = labels_in_order()
        .into_iter()
        .filter(|label| version(label).minor == release.minor && version(label) < release)
        .collect();
    let last = known.iter().rev().find(|label| version(label).pre.is_empty()).or(known.last()).unwrap();
    let last = Snapshot::load(last).unwrap();
    let lacking = |from: &str, to: &Snapshot| {
        let uses = Uses::of(&sample::everything(from).unwrap()).unwrap();
        trimmed(uses, to).map_or_else(|error| vec![error.to_string()], |found| found.lacking)
    };
    let mut found = Thoughts::default();
    for from in &known {
        let before = lacking(from, &last);
        for item in lacking(from, new).into_iter().filter(|item| !before.contains(item)) {
            found.lost.entry(item).or_default().push(from.clone());
        }
    }
    for (key, interface) in &new.interfaces {
        let had = last.interfaces.get(key);
        let functions = interface.functions.keys();
        let added = functions.filter(|name| had.is_none_or(|had| !had.functions.contains_key(*name)));
        found.new.extend(added.map(|name| format!("wasi:{key} {name}")));
    }
    found
}

impl std::fmt::Display for Thoughts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (item, from) in &self.lost {
            writeln!(f, "needs thought: {item}, which components of {} may use", from.join(", "))?;
        }
        for item in &self.new {
            writeln!(f, "new: {item}; components that use it are refused for earlier versions")?;
        }
        Ok(())
    }
}

/// The files of a release that is known, as another one.
fn as_release(label: &str, new: &str, change: impl Fn(String) -> String) -> Snapshot {
    let texts = Snapshot::texts(label).unwrap();
    let texts: Vec<(String, String)> =
        texts.into_iter().map(|(path, text)| (path, change(text.replace(label, new)))).collect();
    Snapshot::of_texts(new, &texts).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn each_known_release_was_an_addition_to_the_one_before() {
    for (label, new) in [("0.2.1", 0), ("0.2.6", 0), ("0.2.12", 0), ("0.3.2", 0)] {
        let found = thoughts(&Snapshot::load(label).unwrap());
        assert_eq!(found.lost, BTreeMap::new(), "{label}");
        assert!(found.new.len() >= new, "{label}");
    }
    let first = thoughts(&Snapshot::load("0.2.1").unwrap());
    assert!(first.new.iter().any(|item| item == "wasi:cli/exit exit-with-code"), "{first}");
}

#[test]
fn what_a_release_changes_removes_or_adds_is_named() {
    let release = as_release("0.2.12", "0.2.13", |text| {
        text.replace("get-random-u64: func() -> u64", "get-random-u64: func() -> u32")
            .replace("subscribe-duration:", "subscribe-for:")
    });
    let found = thoughts(&release);
    let lost: Vec<&str> = found.lost.keys().map(String::as_str).collect();
    assert!(lost.contains(&"wasi:random/random get-random-u64"), "{found}");
    assert!(lost.contains(&"wasi:clocks/monotonic-clock subscribe-duration"), "{found}");
    assert_eq!(found.new, ["wasi:clocks/monotonic-clock subscribe-for"]);
    // What stands on a function that is gone is lost as well, in the snapshot that needs it.
    let early = found.lost.get("wasi:clocks/monotonic-clock subscribe");
    assert!(early.is_some_and(|from| from.contains(&"0.2.0-rc-2023-10-18".to_owned())), "{found}");
    assert_eq!(thoughts(&as_release("0.2.12", "0.2.13", |text| text)), Thoughts::default());
}

#[test]
fn the_release_that_is_asked_about_needs_no_thought() {
    let Some(folder) = std::env::var_os("JOINTER_NEW_WASI") else { return };
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut texts: Vec<(String, String)> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wit"))
        .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap()))
        .collect();
    texts.sort();
    // Each package says its version in its first line.
    let label = texts.iter().find_map(|(_, text)| {
        let line = text.lines().find(|line| line.starts_with("package wasi:"))?;
        Some(line.split_once('@')?.1.trim_end_matches(';').to_owned())
    });
    let label = label.unwrap_or_else(|| panic!("no package of WASI in {}", folder.display()));
    let release = Snapshot::of_texts(&label, &texts).unwrap_or_else(|error| panic!("{error}"));
    let found = thoughts(&release);
    // Standard output is the answer, here as elsewhere; seen with `--nocapture`.
    std::io::Write::write_all(&mut std::io::stdout(), found.to_string().as_bytes()).unwrap();
    assert!(found.lost.is_empty(), "WASI {label}:\n{found}");
}
