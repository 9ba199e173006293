//! The workflow that the book shows is run, step by step, as it stands there.

// A shell is what is under test here, not the program.
#![allow(clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use crate::support::TestEnv;

/// A `run:` of the workflow with its own variables.
struct Step {
    command: String,
    env: Vec<(String, String)>,
}

/// The steps of the page's workflow, and the variables of its job.
fn workflow(page: &str) -> (Vec<Step>, Vec<(String, String)>) {
    let yaml =
        page.split("```yaml\n").nth(1).and_then(|rest| rest.split("\n```").next()).expect("a workflow");
    let (mut steps, mut job): (Vec<Step>, Vec<(String, String)>) = (Vec::new(), Vec::new());
    let mut in_env = false;
    for line in yaml.lines() {
        let text = line.trim();
        if let Some(command) = text.strip_prefix("- run: ") {
            steps.push(Step { command: command.to_owned(), env: Vec::new() });
            in_env = false;
        } else if text == "env:" {
            in_env = true;
        } else if text == "steps:" {
            in_env = false;
        } else if let (true, Some((name, value))) = (in_env, text.split_once(": ")) {
            let pair = (name.to_owned(), value.to_owned());
            match steps.last_mut() {
                Some(step) => step.env.push(pair),
                None => job.push(pair),
            }
        }
    }
    (steps, job)
}

/// `${{ secrets.NAME }}` and the like.
fn expanded(text: &str, known: &BTreeMap<&str, String>) -> String {
    let Some(name) = text.strip_prefix("${{ ").and_then(|rest| rest.strip_suffix(" }}")) else {
        return text.to_owned();
    };
    known.get(name).unwrap_or_else(|| panic!("the workflow wants `{name}`")).clone()
}

#[test]
fn the_workflow_of_the_book_publishes_signed_and_verifies() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("book/src/ci.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let (steps, job) = workflow(&page);
    assert!(steps.len() > 7, "steps were not found");

    let env = TestEnv::new();
    let Some(registry) = crate::docker::with_password(&env) else { return };
    env.jointer(["new", "hello", "-t", "command-rust"]).success();
    let hello = env.path("hello");
    env.keygen("hello/signing");
    env.jointer(["-C", "hello", "build"]).success();
    let manifest = env.read("hello/jointer.toml");
    let name = manifest.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let known = BTreeMap::from([
        ("vars.REGISTRY", format!("{}/team", registry.address)),
        ("vars.PACKAGE", format!("{}@0.1.0", name.expect("a name"))),
        ("github.actor", "ci".to_owned()),
        ("secrets.REGISTRY_TOKEN", "s3cret".to_owned()),
        ("secrets.SIGNING_KEY", env.read("hello/signing.key")),
        ("secrets.SIGNING_PASSWORD", "secret".to_owned()),
    ]);
    std::fs::rename(env.path("hello/signing.key"), env.path("elsewhere.key")).expect("moved");
    let binary = Path::new(env!("CARGO_BIN_EXE_jointer")).parent().expect("a folder").to_owned();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
    let like_jointer = env.command(["--version"]);
    std::fs::create_dir(env.path("runner")).expect("made");
    for step in steps.iter().filter(|step| !step.command.starts_with("cargo install")) {
        let mut shell = std::process::Command::new("bash");
        shell.args(["-e", "-c", &step.command]).current_dir(&hello).env_clear();
        shell.envs(like_jointer.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.env("PATH", &path).env("RUNNER_TEMP", env.path("runner")).stdin(Stdio::null());
        for (name, value) in job.iter().chain(&step.env) {
            shell.env(name, expanded(value, &known));
        }
        let output = shell.output().expect("bash");
        assert!(
            output.status.success(),
            "`{}` failed:\n{}{}",
            step.command,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
