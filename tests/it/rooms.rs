//! The rooms of `src/lib.rs` know only what stands above them.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms in order, as the table in `src/lib.rs` gives them. Rooms of one line are level: the leaf
/// files know no room at all.
fn rooms() -> Vec<Vec<String>> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
    lib.lines()
        .filter_map(|line| line.strip_prefix("//! | `"))
        .map(|row| {
            let names = row.split('|').next().expect("first column");
            names.split('`').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
        })
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("src") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The room of a file, and its place in the order.
fn room_of(path: &Path, rooms: &[Vec<String>]) -> Option<(usize, String)> {
    let inside = path.strip_prefix(root().join("src")).expect("in src");
    let first = inside.components().next()?.as_os_str().to_str()?.trim_end_matches(".rs").to_owned();
    let place = rooms.iter().position(|names| names.contains(&first))?;
    Some((place, first))
}

/// Every room named after `crate::`, also inside `use crate::{a, b::c}`.
fn mentioned(line: &str) -> Vec<String> {
    let ident =
        |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    line.match_indices("crate::")
        .flat_map(|(at, found)| {
            let rest = &line[at + found.len()..];
            match rest.strip_prefix('{') {
                Some(group) => group.split([',', '}', ';']).map(|part| ident(part.trim())).collect(),
                None => vec![ident(rest)],
            }
        })
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn a_room_uses_only_rooms_above_it() {
    let rooms = rooms();
    assert!(rooms.len() > 10, "the table in src/lib.rs was not read: {rooms:?}");
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let Some((place, room)) = room_of(&file, &rooms) else { continue };
        let text = fs::read_to_string(&file).expect("source");
        for (number, line) in text.lines().enumerate() {
            for other in mentioned(line) {
                let Some(target) = rooms.iter().position(|names| names.contains(&other)) else { continue };
                let leaf_in_leaf = place == 0 && target == 0;
                if other != room && target >= place && !leaf_in_leaf {
                    wrong.push(format!("{}:{}: {room} must not use {other}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_stands_in_a_room() {
    let rooms = rooms();
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let strays: Vec<_> = files
        .iter()
        .filter(|file| !file.ends_with("lib.rs") && !file.ends_with("main.rs"))
        .filter(|file| room_of(file, &rooms).is_none())
        .collect();
    assert!(strays.is_empty(), "not in the table of src/lib.rs: {strays:?}");
}

#[test]
fn the_check_sees_grouped_and_single_uses() {
    assert_eq!(mentioned("use crate::{cli, ui::Ui};"), ["cli", "ui"]);
    assert_eq!(mentioned("    let x = crate::build::plan();"), ["build"]);
}
