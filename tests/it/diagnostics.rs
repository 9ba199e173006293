//! Every diagnostic has a code, a help and a section in the book.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All codes in the sources, and a complaint for each `#[error]` without code or help.
fn codes_in_sources() -> (BTreeSet<String>, Vec<String>) {
    let mut codes = BTreeSet::new();
    let mut complaints = Vec::new();
    for file in files(&root().join("src"), "rs") {
        let text = fs::read_to_string(&file).expect("source");
        let speaks = ["Diagnostic", "Event::Warning {", "Finding::"];
        if !speaks.iter().any(|word| text.contains(word)) {
            continue;
        }
        for piece in text.split("#[error(").skip(1) {
            // The attributes of one variant end at the next `#[error(` at the latest.
            let line = piece.lines().next().unwrap_or_default();
            let transparent = piece.contains("diagnostic(transparent)") || line.starts_with("transparent");
            let code = piece
                .split_once("code(")
                .and_then(|(_, rest)| rest.split_once(')'))
                .map(|(code, _)| code.trim());
            match code {
                Some(code) if piece.contains("help(") => {
                    codes.insert(code.replace(' ', ""));
                }
                _ if transparent => {}
                _ => complaints.push(format!("{}: no code or help: {line}", file.display())),
            }
        }
        // Warnings carry their code as text.
        for piece in text.split("Event::Warning {").skip(1) {
            if let Some(code) = piece.split_once("code: \"").and_then(|(_, rest)| rest.split('"').next()) {
                codes.insert(code.to_owned());
            }
        }
        // So do the findings of `check`.
        for made in ["Finding::warning(", "Finding::error("] {
            let firsts = text.split(made).skip(1).filter_map(|piece| piece.split('"').nth(1));
            codes.extend(firsts.filter(|code| code.contains("::")).map(str::to_owned));
        }
    }
    (codes, complaints)
}

fn codes_in_book() -> BTreeSet<String> {
    files(&root().join("book/src/errors"), "md")
        .iter()
        .flat_map(|page| {
            let text = fs::read_to_string(page).expect("page");
            text.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_diagnostic_has_code_help_and_a_section_in_the_book() {
    let (codes, mut complaints) = codes_in_sources();
    assert!(codes.len() > 5, "the sources were not read: {codes:?}");
    let book = codes_in_book();
    complaints
        .extend(codes.difference(&book).map(|code| format!("no section `## {code}` in book/src/errors")));
    complaints.extend(
        book.difference(&codes).map(|code| format!("the book explains `{code}`, which nothing says")),
    );
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_page_of_the_book_is_in_its_summary() {
    let summary = fs::read_to_string(root().join("book/src/SUMMARY.md")).expect("summary");
    let missing: Vec<_> = files(&root().join("book/src"), "md")
        .into_iter()
        .filter_map(|page| Some(page.strip_prefix(root().join("book/src")).ok()?.to_str()?.to_owned()))
        .filter(|page| page != "SUMMARY.md" && !summary.contains(page.as_str()))
        .collect();
    assert!(missing.is_empty(), "not in SUMMARY.md: {missing:?}");
}
