//! Signatures inside files: ours through the real binary, and each taken by the program of those who wrote the format.

// The program of others is started as any shell would.
#![allow(clippy::disallowed_methods)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::registry::component;
use crate::support::{Ran, TestEnv};
use crate::tools::compiled_peer;

/// An empty folder with a component, a core module and two pairs of keys.
fn prepared() -> TestEnv {
    let env = TestEnv::new();
    env.write("greet.wasm", component("hello"));
    env.write("core.wasm", wat::parse_str(r#"(module (func (export "run")))"#).expect("a module"));
    for name in ["mine", "other"] {
        env.run_alone(&["keygen", "--embedded", "-o", name]).success();
    }
    env
}

fn bytes(env: &TestEnv, name: &str) -> Vec<u8> {
    std::fs::read(env.path(name)).expect(name)
}

fn verify(env: &TestEnv, file: &str, key: &str) -> Ran {
    env.run_alone(&["verify", file, "--embedded", "--key", key])
}

#[test]
fn components_and_core_modules_are_signed_in_place_and_verify() {
    let env = prepared();
    for file in ["greet.wasm", "core.wasm"] {
        let plain = bytes(&env, file);
        verify(&env, file, "mine.pub").ended_with(6).code("trust::not_embedded");
        let sign = ["sign", file, "--embed", "--key", "mine.key"];
        let signed = env.json(&sign);
        let once = bytes(&env, file);
        assert!(once.ends_with(&plain[8..]), "what was there stays as it was");
        assert_eq!(signed["digest"], format!("sha256:{}", sha256(&env, file)));
        assert_eq!(env.json(&sign)["unchanged"], true);
        assert_eq!(bytes(&env, file), once);
        let verified = env.json(&["verify", file, "--embedded", "--key", "mine.pub"]);
        assert_eq!(verified["key"], signed["key"]);
        verify(&env, file, "other.pub").ended_with(6).code("trust::embedded_another_key");
        // Another file, the same bytes.
        env.write("again.wasm", &plain);
        env.json(&["sign", "again.wasm", "--embed", "--key", "mine.key", "-o", "out.wasm"]);
        assert!(bytes(&env, "out.wasm") == once && bytes(&env, "again.wasm") == plain);
        // One more signer.
        env.json(&["sign", file, "--embed", "--key", "other.key"]);
        verify(&env, file, "mine.pub").success();
        verify(&env, file, "other.pub").success();
        let inspected = env.json(&["inspect", file]);
        assert_eq!(inspected["signed_by"].as_array().map(Vec::len), Some(2), "{inspected}");
        assert_eq!(inspected["signed_by"][0], signed["key"]);
    }
    assert!(env.json(&["inspect", "again.wasm"])["signed_by"].as_array().is_some_and(Vec::is_empty));
    // Through standard input and output, signed before or not.
    for (from, key) in [("again.wasm", "mine.key"), ("greet.wasm", "mine.key")] {
        let mut command = env.alone(&["sign", "-", "--embed", "--key", key]);
        let input = std::fs::File::open(env.path(from)).expect(from);
        let written = command.stdin(input).output().expect("jointer starts").stdout;
        env.write("piped.wasm", &written);
        verify(&env, "piped.wasm", "mine.pub").success();
    }
    // It is what it was.
    assert_eq!(env.json(&["inspect", "greet.wasm"])["exports"], Value::from(vec!["hello"]));
}

fn sha256(env: &TestEnv, file: &str) -> String {
    jointer::digest::Digest::of(&bytes(env, file)).hex()
}

#[test]
fn each_way_in_which_a_signature_does_not_count_has_its_code() {
    let env = prepared();
    env.json(&["sign", "greet.wasm", "--embed", "--key", "mine.key", "-o", "signed.wasm"]);
    let signed = bytes(&env, "signed.wasm");
    let refused = |contents: &[u8], code: &str| {
        env.write("bad.wasm", contents);
        verify(&env, "bad.wasm", "mine.pub").ended_with(6).code(code);
    };
    let mut changed = signed.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    refused(&changed, "trust::embedded_changed");
    refused(&[&signed[..], &[0, 2, 1, b'x']].concat(), "trust::embedded_changed");
    // A section of its own kind whose contents say that they are huge.
    let mut malformed = signed.clone();
    malformed[8 + 2 + 1 + 10 + 3..][..5].fill(0xff);
    refused(&malformed, "trust::embedded_malformed");
    let said = env.json(&["inspect", "bad.wasm"])["signed_by"].to_string();
    assert!(said.contains("cannot be read"), "{said}");
    env.run_alone(&["sign", "bad.wasm", "--embed", "--key", "mine.key"])
        .ended_with(6)
        .code("trust::embedded_malformed");
    assert!(bytes(&env, "bad.wasm") == malformed);
    // Whoever takes the signature out has an unsigned file, and not a verified one.
    refused(&bytes(&env, "greet.wasm"), "trust::not_embedded");
    refused(b"hello", "trust::embedded_malformed");
    // The preamble is not signed: a component that says it is a core module is no WebAssembly.
    let mut module = signed;
    module[4..8].copy_from_slice(&[1, 0, 0, 0]);
    env.write("bad.wasm", &module);
    assert_ne!(verify(&env, "bad.wasm", "mine.pub").status, 0);
}

#[test]
fn keys_of_one_kind_are_not_taken_for_the_other() {
    let env = prepared();
    let mode = std::fs::metadata(env.path("mine.key")).expect("a key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let said = env.run_alone(&["keygen", "--embedded", "-o", "third"]).success().stdout;
    assert!(said.contains("nothing encrypts it"), "{said}");
    env.run_alone(&["keygen", "--embedded", "-o", "mine"]).ended_with(9).code("package::exists");
    env.keygen("cosign");
    let sign = |key: &str| env.run_alone(&["sign", "greet.wasm", "--embed", "--key", key]);
    for key in ["cosign.key", "mine.pub", "greet.wasm"] {
        sign(key).ended_with(2).code("trust::embedded_key");
    }
    for key in ["cosign.pub", "mine.key"] {
        verify(&env, "greet.wasm", key).ended_with(2).code("trust::embedded_key");
    }
    sign("absent.key").ended_with(8).code("file::not_found");
    std::fs::set_permissions(env.path("mine.key"), std::fs::Permissions::from_mode(0o644)).expect("a mode");
    sign("mine.key").success().code("trust::readable_key");
    // The other way round as well. A key may be valid text by chance; this one is not.
    env.write("binary.pub", [&[1][..], &[0xff; 32]].concat());
    env.run_alone(&["verify", "greet.wasm", "--key", "binary.pub"]).ended_with(2).code("trust::invalid_key");
    // Nor is a file taken for a package.
    let ran = env.run_alone(&["sign", "greet.wasm", "--key", "mine.key"]);
    assert!(ran.ended_with(2).code("registry::invalid_reference").unwrapped().contains("`--embed`"));
    env.run_alone(&["verify", "greet.wasm", "--embedded"]).ended_with(2);
}

#[test]
fn no_policy_counts_a_signature_inside() {
    let env = prepared();
    env.json(&["sign", "greet.wasm", "--embed", "--key", "mine.key"]);
    env.json(&["publish", "greet.wasm", "--as", "acme:greet@1.0.0", "--to", "dir:packages"]);
    env.keygen("cosign");
    let at = ["verify", "acme:greet@1.0.0", "--from", "dir:packages", "--key", "cosign.pub"];
    env.run_alone(&at).ended_with(6).code("trust::unsigned");
    // It comes out of the registry as it went in.
    env.json(&["pull", "acme:greet@1.0.0", "--from", "dir:packages", "-o", "pulled.wasm"]);
    verify(&env, "pulled.wasm", "mine.pub").success();
}

/// The program of those who wrote the format.
struct Wasmsign<'a> {
    env: &'a TestEnv,
    program: &'a Path,
}

impl Wasmsign<'_> {
    fn run(&self, args: &[&str]) -> Ran {
        let output = Command::new(self.program).args(args).current_dir(self.env.dir()).output();
        Ran::from(output.expect("it starts"))
    }

    fn verifies(&self, file: &str, key: &str) -> bool {
        self.run(&["verify", "-i", file, "-K", key]).status == 0
    }
}

#[test]
fn wasmsign_takes_what_jointer_signed_and_the_reverse() {
    let Some(program) = compiled_peer("wasmsign2") else { return };
    let env = prepared();
    let theirs = Wasmsign { env: &env, program: &program };
    theirs.run(&["keygen", "-k", "their.key", "-K", "their.pub"]).success();
    for file in ["greet.wasm", "core.wasm"] {
        // Signed by ours with the keys of both.
        env.json(&["sign", file, "--embed", "--key", "mine.key", "-o", "ours.wasm"]);
        assert!(theirs.verifies("ours.wasm", "mine.pub") && !theirs.verifies("ours.wasm", "other.pub"));
        env.run_alone(&["sign", "ours.wasm", "--embed", "--key", "their.key"]).success();
        assert!(theirs.verifies("ours.wasm", "their.pub") && theirs.verifies("ours.wasm", "mine.pub"));
        // Signed by theirs, with and without saying whose it is, the second beside the first.
        let sign = |from: &str, to: &str, key: &[&str]| {
            theirs.run(&[&["sign", "-i", from, "-o", to], key].concat()).success();
        };
        sign(file, "named.wasm", &["-k", "their.key", "-K", "their.pub"]);
        sign("named.wasm", "theirs.wasm", &["-k", "mine.key"]);
        verify(&env, "theirs.wasm", "their.pub").success();
        verify(&env, "theirs.wasm", "mine.pub").success();
        let inspected = env.json(&["inspect", "theirs.wasm"])["signed_by"].to_string();
        assert!(inspected.contains("no key"), "{inspected}");
        verify(&env, "theirs.wasm", "other.pub").ended_with(6).code("trust::embedded_another_key");
        // The same key and file give what they give, to the byte.
        env.json(&["sign", file, "--embed", "--key", "their.key", "-o", "ours.wasm"]);
        assert!(bytes(&env, "ours.wasm") == bytes(&env, "named.wasm"), "{file}");
        // Changed: both refuse.
        let mut changed = bytes(&env, "theirs.wasm");
        let last = changed.len() - 1;
        changed[last] ^= 1;
        env.write("changed.wasm", changed);
        assert!(!theirs.verifies("changed.wasm", "mine.pub"));
        verify(&env, "changed.wasm", "mine.pub").ended_with(6).code("trust::embedded_changed");
        verify(&env, file, "mine.pub").ended_with(6).code("trust::not_embedded");
        // Detached and attached again.
        theirs.run(&["detach", "-i", "theirs.wasm", "-o", "bare.wasm", "-S", "signature"]).success();
        verify(&env, "bare.wasm", "mine.pub").ended_with(6).code("trust::not_embedded");
        theirs.run(&["attach", "-i", "bare.wasm", "-o", "attached.wasm", "-S", "signature"]).success();
        verify(&env, "attached.wasm", "mine.pub").success();
    }
}

#[test]
fn a_file_in_parts_counts_as_a_whole_or_not_at_all() {
    let Some(program) = compiled_peer("wasmsign2") else { return };
    let env = prepared();
    let theirs = Wasmsign { env: &env, program: &program };
    // Sections that can be cut off.
    let plain = [bytes(&env, "core.wasm"), [0, 6, 4, b'n', b'o', b't', b'e', b'!'].to_vec()].concat();
    env.write("core.wasm", plain);
    theirs.run(&["split", "-i", "core.wasm", "-o", "parts.wasm", "-s", "^none$"]).success();
    let name = b"signature_delimiter";
    let ends: Vec<usize> = {
        let parts = bytes(&env, "parts.wasm");
        let found = parts.windows(name.len()).enumerate().filter(|(_, window)| window == name);
        found.map(|(at, _)| at + name.len() + 16).collect()
    };
    assert_eq!(ends.len(), 2, "two parts");
    env.json(&["sign", "parts.wasm", "--embed", "--key", "mine.key", "-o", "ours.wasm"]);
    theirs.run(&["sign", "-i", "parts.wasm", "-o", "theirs.wasm", "-k", "mine.key"]).success();
    let plain = bytes(&env, "parts.wasm");
    for signed in ["ours.wasm", "theirs.wasm"] {
        assert!(theirs.verifies(signed, "mine.pub"));
        verify(&env, signed, "mine.pub").success();
        let whole = bytes(&env, signed);
        let cut = whole.len() - (plain.len() - ends[0]);
        env.write("cut.wasm", &whole[..cut]);
        verify(&env, "cut.wasm", "mine.pub").ended_with(6).code("trust::embedded_changed");
    }
}
