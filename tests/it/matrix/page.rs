//! The book's page of the matrix.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use super::coverage::Coverage;
use super::{ALWAYS, Cell, NEXT, OTHERS, Source};

const ABOUT: &str = "\
# The matrix

Which component runs on which host, and what `jointer adapt` does for it. This page is written by a test
(`tests/it/matrix`): for each cell a guest that was built against the snapshot is refused by a host that has the other
version only, adapted, and run there; what it says is compared with what it has to say. On 0.2.0, 0.2.6 and 0.2.12 that
is done whenever the tests run, on the other versions in the full run (`JOINTER_FULL=1`).

- **as it is**: nothing is done;
- **renamed**: only names of imports and exports change, a millisecond's work that costs nothing afterwards;
- **wrapped (n)**: an adapter stands beside the component; n functions go through it, all others are the host's own;
- **module**: a core module becomes a component, in (n) with code for n functions;
- **no**: refused; the footnote has the reason.

";

/// The page's text.
///
/// # Panics
/// When the guests call too little of a snapshot.
pub fn matrix(rows: &[(Source, BTreeMap<&str, Cell>)], coverage: &[Coverage]) -> String {
    let mut page = ABOUT.to_owned();
    let mut reasons: Vec<String> = Vec::new();
    let columns =
        ALWAYS.map(|to| vec![to]).into_iter().chain([OTHERS.to_vec()]).chain(NEXT.map(|to| vec![to]));
    let columns: Vec<Vec<&str>> = columns.collect();
    page.push_str(
        "| built against | 0.2.0 | 0.2.6 | 0.2.12 | other 0.2.x | 0.3.0-rc-2026-03-15 | 0.3.0 | 0.3.2 |\n",
    );
    page.push_str("|---|---|---|---|---|---|---|---|\n");
    for (source, cells) in rows {
        let _ = write!(page, "| {} |", source.title());
        for column in &columns {
            let mut words: Vec<String> =
                column.iter().filter_map(|to| cells.get(to)).map(|cell| word(cell, &mut reasons)).collect();
            words.sort();
            words.dedup();
            // A version fits itself.
            if words.len() > 1 && column.len() > 1 {
                words.retain(|word| word != "as it is");
            }
            let _ = write!(page, " {} |", words.join(", "));
        }
        page.push('\n');
    }
    page.push('\n');
    for (at, reason) in reasons.iter().enumerate() {
        let _ = writeln!(page, "{}. {reason}", at + 1);
    }
    page.push_str(
        "\n## What the guests call\n\n| snapshot | functions | called | not called |\n|---|---|---|---|\n",
    );
    for Coverage { snapshot, functions, not_called } in coverage {
        let called = functions - not_called.len();
        assert!(100 * called >= 95 * functions, "{snapshot}: not called are {not_called:#?}");
        let missing = not_called.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let missing = if missing.is_empty() { "none".to_owned() } else { missing };
        let _ = writeln!(page, "| {snapshot} | {functions} | {called} | {missing} |");
    }
    page
}

fn word(cell: &Cell, reasons: &mut Vec<String>) -> String {
    match cell {
        Cell::Works { how, functions } => {
            let word = match how.as_str() {
                "unchanged" => "as it is",
                "componentized" => "module",
                other => other,
            };
            if *functions == 0 { word.to_owned() } else { format!("{word} ({functions})") }
        }
        Cell::Refused { code, reason } => {
            let reason = format!("`{code}`: {reason}");
            let at = reasons.iter().position(|known| *known == reason).unwrap_or_else(|| {
                reasons.push(reason);
                reasons.len() - 1
            });
            format!("no ({})", at + 1)
        }
    }
}

/// Compares a page of the book with what it has to be, or writes it (`JOINTER_BLESS=1`).
pub fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("book/src").join(name);
    if std::env::var_os("JOINTER_BLESS").is_some() {
        std::fs::write(&path, text).expect("the page is written");
        return;
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    let line = page.lines().zip(text.lines()).find(|(is, expected)| is != expected);
    assert!(
        page == text,
        "{name} is not what the tests say; JOINTER_BLESS=1 writes it anew. First: {line:#?}"
    );
}
