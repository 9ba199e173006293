//! Tools of others that tests need. They are installed when the first test asks for one, into `target/peers`
//! or by rustup, so that `cargo test --release` alone does everything.
//!
//! Where they cannot be installed (no Debian, no network), a test says loudly that it was skipped; with
//! `JOINTER_PEERS=required` that is a failure.

// Installers are started as any shell would.
#![allow(clippy::disallowed_methods)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, Once};

/// A program that `tests/peers/install.sh` or `tests/peers/hosts.sh` installs; `None` has been said and means skip.
pub fn peer(name: &str) -> Option<PathBuf> {
    let script = if name == "wasmtime" { "tests/peers/hosts.sh" } else { "tests/peers/install.sh" };
    installed(name, root().join("target/peers/bin").join(name), script)
}

/// Something that `tests/peers/history.sh` installs: what was published when the snapshots were new.
pub fn historical(name: &str) -> Option<PathBuf> {
    installed(name, root().join("target/peers/history").join(name), "tests/peers/history.sh")
}

/// The validators that `tests/peers/python.sh` installs, behind `tests/peers/validate.py`.
pub fn validator() -> Option<PathBuf> {
    installed("validate", root().join("target/peers/bin/validate"), "tests/peers/python.sh")
}

/// The folder of a verifier (`js`, `python`) that `tests/peers/verifiers.sh` installs.
pub fn verifier(name: &str) -> Option<PathBuf> {
    installed(
        name,
        root().join("target/peers/verifiers").join(name).join(".want"),
        "tests/peers/verifiers.sh",
    )
    .and_then(|file| Some(file.parent()?.to_owned()))
}

/// A program that only the long run installs and uses: `JOINTER_FULL=1`.
pub fn full_peer(name: &str) -> Option<PathBuf> {
    if std::env::var_os("JOINTER_FULL").is_none_or(|value| value != "1") {
        eprintln!("SKIPPED: {name} is used with JOINTER_FULL=1 only");
        return None;
    }
    peer(name)
}

fn installed(name: &str, path: PathBuf, script: &'static str) -> Option<PathBuf> {
    if !path.exists() {
        install(script);
    }
    if path.exists() {
        return Some(path);
    }
    let required = std::env::var_os("JOINTER_PEERS").is_some_and(|value| value == "required");
    assert!(!required, "{name} is missing and JOINTER_PEERS=required: run {script}");
    eprintln!("SKIPPED: {name} not found and {script} cannot install it");
    None
}

/// A program that `tests/peers/NAME.sh` compiles, which takes minutes: it is used where it is, and has to be there in the
/// long run alone.
pub fn compiled_peer(name: &str) -> Option<PathBuf> {
    let path = root().join("target/peers/bin").join(name);
    if path.exists() {
        return Some(path);
    }
    let set = |variable, wanted| std::env::var_os(variable).is_some_and(|value| value == wanted);
    let required = set("JOINTER_PEERS", "required") && set("JOINTER_FULL", "1");
    assert!(!required, "{name} is missing and JOINTER_PEERS=required: run tests/peers/{name}.sh");
    eprintln!("SKIPPED: {name} not found; tests/peers/{name}.sh compiles it");
    None
}

/// strace, the machine's own or the peer.
pub fn strace() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = std::env::split_paths(&path).map(|folder| folder.join("strace")).find(|file| file.exists());
    own.or_else(|| peer("strace"))
}

/// The targets of the guests that tests compile themselves. A user's build gets its target from jointer.
pub fn guest_targets() {
    static ADDED: Once = Once::new();
    ADDED.call_once(|| {
        let targets = ["wasm32-wasip1", "wasm32-wasip2", "wasm32-unknown-unknown"];
        // Where rustup is not what manages Rust, the compiler's own words will say what is missing.
        if let Ok(output) = Command::new("rustup").args(["target", "add"]).args(targets).output() {
            assert!(output.status.success(), "rustup: {}", String::from_utf8_lossy(&output.stderr));
        }
    });
}

/// Runs a script once in a run of the tests, whatever comes of it; tests beside each other wait.
fn install(script: &'static str) {
    static RUN: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    let mut run = RUN.lock().expect("no script panicked");
    if run.contains(&script) {
        return;
    }
    run.push(script);
    match Command::new(root().join(script)).output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => eprintln!("{script}: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => eprintln!("{script}: {error}"),
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
