//! The matrix of WASI snapshots: guests that were built for each snapshot, on hosts that have another one only.
//!
//! For each cell the guest is refused by the strict host as it is, adapted with the real binary, and run there; what
//! it says is compared with what it has to say. From the cells the book's page is made (`book/src/matrix.md`):
//! `JOINTER_BLESS=1` writes it anew, otherwise it has to be that page already. A cell that must work and does not
//! fails the test. `JOINTER_FULL=1` runs every version of the targets, not only the three that always are.

mod coverage;
mod page;
mod source;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::support::TestEnv;
pub use source::{OCTOBER, Source, component, preview1};

/// The hosts on which every guest is run each time.
const ALWAYS: [&str; 3] = ["0.2.0", "0.2.6", "0.2.12"];

/// The other final versions.
const OTHERS: [&str; 10] =
    ["0.2.1", "0.2.2", "0.2.3", "0.2.4", "0.2.5", "0.2.7", "0.2.8", "0.2.9", "0.2.10", "0.2.11"];

/// Hosts of the next WASI.
const NEXT: [&str; 3] = ["0.3.0-rc-2026-03-15", "0.3.0", "0.3.2"];

/// What adapting a guest for a host came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// It did, in this way, with code for so many functions.
    Works { how: String, functions: usize },
    /// It was refused with this code and reason.
    Refused { code: String, reason: String },
}

#[test]
fn every_snapshot_runs_on_every_host_that_it_must_run_on() {
    let full = std::env::var_os("JOINTER_FULL").is_some();
    let mut rows = Vec::new();
    let mut broken = Vec::new();
    for source in source::all() {
        let env = TestEnv::new();
        let made = source.make(&env);
        let mut cells = BTreeMap::new();
        for to in ALWAYS.into_iter().chain(OTHERS).chain(NEXT) {
            let must = source.must_run_on(to);
            let run = must && (full || !OTHERS.contains(&to));
            match cell(&env, &source, &made, to, run) {
                Ok(Cell::Refused { code, reason }) if must => {
                    broken.push(format!("{} on {to}: {code}: {reason}", source.title()));
                }
                Ok(cell) => drop(cells.insert(to, cell)),
                Err(why) => broken.push(format!("{} on {to}: {}", source.title(), brief(&why))),
            }
        }
        rows.push((source, cells));
    }
    assert!(broken.is_empty(), "{} cells that must work do not:\n{}", broken.len(), broken.join("\n"));
    page::check("matrix.md", &page::matrix(&rows, &coverage::of_all()));
}

/// A message without the file's name, which is another one each time.
fn reason(message: &str) -> String {
    message
        .split_once("`: ")
        .filter(|(file, _)| file.starts_with('`'))
        .map_or(message, |(_, rest)| rest)
        .to_owned()
}

/// A refusal between the tracks without the two versions, which the table says already: so one note serves a column.
fn without_labels(message: &str) -> Option<String> {
    let (place, rest) = message.split_once(" of WASI ")?;
    let why = [" is ", " has no "].into_iter().filter_map(|verb| rest.find(verb)).min()?;
    let why = rest[why..].split(" in WASI 0.").next()?;
    Some(format!("{place}{why}"))
}

/// The first lines: what failed is one of many.
fn brief(why: &str) -> String {
    why.lines().take(3).map(|line| line.chars().take(300).collect::<String>()).collect::<Vec<_>>().join("\n")
}

/// Adapts a guest for a host, and runs it there if it is to be run.
fn cell(env: &TestEnv, source: &Source, made: &Path, to: &str, run: bool) -> Result<Cell, String> {
    let host = format!("wasi@{to}");
    let input = made.to_str().expect("a path");
    let mut args = vec!["adapt", input, "--to", &host, "-o", "adapted.wasm", "--format", "json"];
    args.extend(source.kind().iter().flat_map(|kind| ["--kind", kind]));
    let ran = env.jointer(args);
    if ran.status != 0 {
        let said: Value = serde_json::from_str(ran.stderr.lines().last().unwrap_or_default())
            .map_err(|_| format!("no error as JSON:\n{}", ran.stderr))?;
        let text = |key: &str| said[key].as_str().unwrap_or_default().to_owned();
        return match ran.status {
            5 => {
                let reason = reason(&text("message"));
                let reason = without_labels(&reason).unwrap_or(reason);
                Ok(Cell::Refused { code: text("code"), reason })
            }
            status => Err(format!("adapt ended with {status}:\n{}", ran.stderr)),
        };
    }
    let answer: Value = serde_json::from_str(ran.stdout.trim()).map_err(|error| error.to_string())?;
    let how = answer["how"].as_str().unwrap_or_default().to_owned();
    let functions = answer["functions"].as_array().map_or(0, Vec::len);
    if run {
        if how != "unchanged" {
            refused_as_it_is(env, input, &host)?;
        }
        source.behaves(env, "adapted.wasm", to)?;
    }
    Ok(Cell::Works { how, functions })
}

/// Whether a strict host refuses what was not adapted: otherwise running it there would show nothing.
fn refused_as_it_is(env: &TestEnv, component: &str, host: &str) -> Result<(), String> {
    let ran = env.jointer(["run", "--host", host, component]);
    match ran.status == 5 && (ran.stderr.contains("host::does_not_fit") || ran.stderr.contains("module")) {
        true => Ok(()),
        false => Err(format!("not refused as it is, but {}:\n{}", ran.status, ran.stderr)),
    }
}
