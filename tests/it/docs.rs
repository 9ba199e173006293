//! Every command that the README and the book show is run as shown.
//!
//! A page's ```` ```console ```` blocks are one shell session in an empty folder. A line after `$ ` is a
//! command; the lines below it, up to the next command, must appear in what it prints, in that order;
//! `…` stands for anything.

// A shell is what is under test here, not the program.
#![allow(clippy::disallowed_methods)]

use std::path::Path;
use std::process::Stdio;

use crate::support::TestEnv;

/// A command of a page and what the page says it prints.
struct Step {
    command: String,
    shown: Vec<String>,
}

fn steps(name: &str, page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match line.trim_end() {
            "```console" => inside = true,
            "```" => inside = false,
            line if !inside || line.is_empty() => {}
            line => match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step { command: command.to_owned(), shown: Vec::new() }),
                None => match steps.last_mut() {
                    Some(step) => step.shown.push(line.to_owned()),
                    None => panic!("{name}: `{line}` stands before any command; begin commands with `$ `"),
                },
            },
        }
    }
    steps
}

/// What a reader types after cloning is the binary under test here.
fn as_run(command: &str) -> String {
    command.replace("cargo run --release --", "jointer")
}

/// Whether `line` is what the page shows, where `…` stands for anything.
fn matches(shown: &str, line: &str) -> bool {
    let mut rest = line.trim();
    let pieces: Vec<&str> = shown.trim().split('…').collect();
    for (number, piece) in pieces.iter().enumerate() {
        let found = match number {
            0 => rest.starts_with(piece).then_some(0),
            _ => rest.find(piece),
        };
        let Some(at) = found else { return false };
        rest = &rest[at + piece.len()..];
    }
    shown.ends_with('…') || rest.is_empty()
}

fn run_page(page: &str) {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).expect("page");
    let steps: Vec<Step> =
        steps(page, &text).into_iter().filter(|step| !step.command.starts_with("cargo test")).collect();
    if steps.is_empty() {
        return;
    }
    let env = TestEnv::with_own_results();
    // Servers started with `&` end with the session.
    let mut script = String::from("set -eu\nexec 2>&1\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n");
    for (number, step) in steps.iter().enumerate() {
        script.push_str(&format!("echo '@@{number}'\n{}\n", as_run(&step.command)));
    }
    script.push_str("echo '@@end'\n");
    let binary = Path::new(env!("CARGO_BIN_EXE_jointer")).parent().expect("a folder").to_owned();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
    let like_jointer = env.command(["--version"]);
    let mut shell = std::process::Command::new("bash");
    shell.arg("-c").arg(&script).current_dir(env.dir()).env_clear();
    shell.envs(like_jointer.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = shell.env("PATH", path).stdin(Stdio::null()).output().expect("bash");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("@@end"), "{page} stopped before its end:\n{said}");
    for (number, step) in steps.iter().enumerate() {
        let from = said.split_once(&format!("@@{number}\n")).expect("the step's mark").1;
        let printed = from.split("\n@@").next().unwrap_or(from);
        let mut lines = printed.lines();
        for shown in step.shown.iter().filter(|shown| shown.trim() != "…") {
            assert!(
                lines.any(|line| matches(shown, line)),
                "{page}: `{}` should print\n    {shown}\nbut printed\n{printed}",
                step.command
            );
        }
    }
}

#[test]
fn the_readme_runs_as_shown() {
    run_page("README.md");
}

#[test]
fn every_page_of_the_book_runs_as_shown() {
    let mut pages = Vec::new();
    pages_in(Path::new("book/src"), &mut pages);
    assert!(pages.len() > 3, "the book was not found: {pages:?}");
    pages.sort();
    pages.iter().for_each(|page| run_page(page));
}

fn pages_in(folder: &Path, pages: &mut Vec<String>) {
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).expect("the book") {
        let entry = entry.expect("entry");
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() {
            pages_in(&path, pages);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path.to_str().expect("a plain name").to_owned());
        }
    }
}

#[test]
fn dots_stand_for_anything() {
    assert!(matches("Built gateway in … (18.4 MB)", "Built gateway in 4.1 s (18.4 MB)"));
    assert!(matches("Serving …", "   Serving http://127.0.0.1:1"));
    assert!(!matches("Built … (1 MB)", "Built x (2 MB)"));
    assert!(!matches("hello", "hello world"));
}
