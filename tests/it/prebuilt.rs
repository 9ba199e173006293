//! The components in `adapters/built` are what their source gives.
//!
//! A library built by other hands gives other bytes, even of the same version: with the recorded one the bytes
//! must be equal, with any other the tests of the adapters run with what was built here.
//!
//! `JOINTER_ADAPTERS=write cargo test --release --test it prebuilt::` writes what was built, and the record.

// The tests start compilers; the ban is for the program itself.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use jointer::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::october;

const NAMES: [&str; 2] = ["names", "udp"];

/// What `adapters/built/record.toml` holds.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    /// The commit of rustc.
    rustc: String,
    /// The digests of the libraries that the adapters are linked with, as the toolchain brings them.
    libcore: Digest,
    liballoc: Digest,
    /// The digest of each adapter.
    adapters: BTreeMap<String, Digest>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn built(name: &str) -> PathBuf {
    root().join("adapters/built").join(format!("{name}.wasm"))
}

#[test]
fn the_components_in_the_repository_are_what_their_source_gives() {
    crate::tools::guest_targets();
    let components: BTreeMap<&str, Vec<u8>> = NAMES.map(|name| (name, rebuild(name))).into();
    let digests = components.iter().map(|(name, bytes)| ((*name).to_owned(), Digest::of(bytes)));
    let here = Record {
        rustc: rustc_commit(),
        libcore: library("libcore"),
        liballoc: library("liballoc"),
        adapters: digests.collect(),
    };
    let record = root().join("adapters/built/record.toml");
    if std::env::var("JOINTER_ADAPTERS").is_ok_and(|word| word == "write") {
        components.iter().for_each(|(name, bytes)| std::fs::write(built(name), bytes).expect("written"));
        let text = toml::to_string(&here).expect("TOML");
        std::fs::write(&record, format!("# Written by tests/it/prebuilt.rs; see ../README.md.\n{text}"))
            .expect("written");
    }
    let recorded: Record =
        toml::from_str(&std::fs::read_to_string(&record).expect("the record")).expect("a record");
    for name in NAMES {
        let bytes = std::fs::read(built(name)).expect("the component");
        assert_eq!(recorded.adapters[name], Digest::of(&bytes), "the record is about another `{name}`");
    }
    let known = |record: &Record| (record.rustc.clone(), record.libcore, record.liballoc);
    if known(&here) == known(&recorded) {
        eprintln!("the recorded libcore: the rebuilt adapters must be those in the repository");
        assert_eq!(here, recorded, "other bytes from the same libraries");
    } else {
        eprintln!("another libcore than the recorded one: the adapters' tests run on the rebuilt ones");
        for (part, name) in [("udp", "udp"), ("names", "names")] {
            let old = std::fs::read(built(name)).expect("the component");
            october::says_with(part, &|adapted| replace(&adapted, &old, &components[name]));
        }
    }
}

/// Even where the libraries are the recorded ones, the other way is taken once: with a rebuilt adapter that has
/// other bytes, and must do the same.
#[test]
fn an_adapted_component_takes_another_build_of_its_adapter() {
    let old = std::fs::read(built("names")).expect("the component");
    let other = [&old[..], &[0, 5, 4], b"else"].concat();
    october::says_with("names", &|adapted| {
        let replaced = replace(&adapted, &old, &other);
        assert_eq!(replaced.len(), adapted.len() + 7);
        replaced
    });
}

/// Builds one adapter from its source: a core module, and a component of it without names and notes.
fn rebuild(name: &str) -> Vec<u8> {
    let source = root().join("adapters/source");
    // The guests of the other tests need the same bindings generator.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("adapt-guests");
    let home = std::env::var("CARGO_HOME")
        .unwrap_or_else(|_| format!("{}/.cargo", std::env::var("HOME").unwrap_or_default()));
    let mut cargo = Command::new("cargo");
    cargo.args([
        "build",
        "--release",
        "--locked",
        "--quiet",
        "--target",
        "wasm32-unknown-unknown",
        "-p",
        name,
    ]);
    // The environment of `cargo test` is about jointer, not about the adapter.
    for (variable, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO")) {
        cargo.env_remove(variable);
    }
    let remapped = [(source.display().to_string(), "/adapters"), (home.clone(), "/cargo")];
    let flags = remapped.map(|(from, to)| format!("--remap-path-prefix={from}={to}")).join("\u{1f}");
    cargo.env("CARGO_HOME", home).env("CARGO_ENCODED_RUSTFLAGS", flags).env_remove("RUSTFLAGS");
    let status = cargo.env("CARGO_TARGET_DIR", &target).current_dir(&source).status().expect("cargo starts");
    assert!(status.success(), "the adapter `{name}` does not build");
    let module = target.join("wasm32-unknown-unknown/release").join(format!("{name}.wasm"));
    let module = std::fs::read(module).expect("the module");
    let mut encoder = wit_component::ComponentEncoder::default();
    let component = encoder.module(&module).and_then(|encoder| encoder.encode()).expect("a component");
    let stripped = rewrite(&component, &|id, data| match id {
        0 => None,
        1 | 4 => Some(rewrite(data, &|id, data| (id != 0).then(|| data.to_vec()))),
        _ => Some(data.to_vec()),
    });
    jointer::component::validate(&stripped).expect("a valid component");
    stripped
}

/// What becomes of a section with some id and contents; none leaves it out.
type Rewrite<'a> = &'a dyn Fn(u8, &[u8]) -> Option<Vec<u8>>;

/// Rewrites the sections of a component or core module.
fn rewrite(bytes: &[u8], section: Rewrite<'_>) -> Vec<u8> {
    let (header, mut rest) = bytes.split_at(8);
    let mut rewritten = header.to_vec();
    while let [id, data @ ..] = rest {
        let mut reader = wasmparser::BinaryReader::new(data, 0);
        let size = reader.read_var_u32().expect("a size") as usize;
        let start = reader.original_position() as usize;
        let (data, behind) = data.split_at(start + size);
        if let Some(data) = section(*id, &data[start..]) {
            rewritten.push(*id);
            wasm_encoder::Encode::encode(&data[..], &mut rewritten);
        }
        rest = behind;
    }
    rewritten
}

/// Puts another component where one is in a component.
fn replace(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let replaced = rewrite(bytes, &|_, data| Some(if data == old { new } else { data }.to_vec()));
    assert_ne!(replaced, bytes, "the adapter is in there");
    replaced
}

fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn rustc_commit() -> String {
    let said = output("rustc", &["-vV"]);
    said.lines().find_map(|line| line.strip_prefix("commit-hash: ")).expect("a commit").to_owned()
}

/// The digest of a library of the toolchain, of which there is one.
fn library(name: &str) -> Digest {
    let folder = output("rustc", &["--print", "target-libdir", "--target", "wasm32-unknown-unknown"]);
    let files = std::fs::read_dir(folder.trim()).expect("the toolchain's libraries");
    let is_it = |path: &PathBuf| {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        file.starts_with(&format!("{name}-")) && file.ends_with(".rlib")
    };
    let mut found: Vec<PathBuf> = files.map(|entry| entry.expect("an entry").path()).filter(is_it).collect();
    found.sort();
    let [path] = &found[..] else { panic!("{name}: {found:?}") };
    Digest::of(&std::fs::read(path).expect("the library"))
}
