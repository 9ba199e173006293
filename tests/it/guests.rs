//! Guests for the tests of the runner, compiled once in a run.

// The tests start compilers; the ban is for the program itself.
#![allow(clippy::disallowed_methods)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A program that does what its first argument says.
pub fn program() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let output = target().join("program.wasm");
        crate::tools::guest_targets();
        let mut rustc = Command::new("rustc");
        rustc.args(["--edition", "2024", "-O", "--target", "wasm32-wasip2", "-o"]).arg(&output);
        finish(rustc.arg(source("program.rs")));
        output
    };
    BUILT.get_or_init(build).clone()
}

/// An http handler that does what the path says.
pub fn http() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| cargo("http")).clone()
}

/// A library with functions of every kind of value.
pub fn values() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| cargo("values")).clone()
}

/// A component or core module from its text.
pub fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("valid text")
}

fn cargo(name: &str) -> PathBuf {
    crate::tools::guest_targets();
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--locked", "--target", "wasm32-wasip2"]);
    cargo.env("CARGO_TARGET_DIR", target()).current_dir(source(name));
    finish(&mut cargo);
    target().join("wasm32-wasip2/release").join(format!("{name}.wasm"))
}

fn finish(command: &mut Command) {
    let output = command.output().expect("the compiler starts");
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests").join(name)
}

fn target() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests");
    std::fs::create_dir_all(&target).expect("a folder");
    target
}
