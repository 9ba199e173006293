//! Signatures and attestations of jointer are accepted by verifiers that nobody here wrote, and theirs by jointer: cosign,
//! sigstore-js and securesystemslib. Each of them also says no where it has to, so that these tests can fail.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::docker;
use crate::peers::{run, succeeds};
use crate::registry::component;
use crate::servers::serve_registry;
use crate::support::{Ran, TestEnv};
use crate::tools::{full_peer, peer, verifier};

const PACKAGE: &str = "acme:greet@1.0.0";
const KINDS: [&str; 3] =
    ["https://sigstore.dev/cosign/sign/v1", "https://cyclonedx.org/bom", "https://slsa.dev/provenance/v1"];

/// `acme:greet@1.0.0` in a registry, signed with `mine.key` and with both attestations, and `1.1.0`, of which nobody said
/// anything; gives the digests of their manifests.
fn signed(env: &TestEnv, registry: &str) -> [String; 2] {
    env.keygen("mine");
    env.keygen("other");
    let digests = [("hello", PACKAGE), ("other", "acme:greet@1.1.0")].map(|(word, id)| {
        env.write("greet.wasm", component(word));
        let publish = ["publish", "greet.wasm", "--as", id, "--to", registry, "--allow-breaking"];
        let published = env.json(&publish);
        published["manifest"].as_str().expect("a digest").to_owned()
    });
    let at = [PACKAGE, "--from", registry, "--key", "mine.key"];
    env.json_with_key(&[&["sign"], &at[..]].concat());
    env.write("list.json", r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[]}"#);
    env.write(
        "provenance.json",
        r#"{"buildDefinition":{"buildType":"https://example.com/b","externalParameters":{}},"runDetails":{"builder":{"id":"https://example.com/ci"}}}"#,
    );
    for (kind, file) in [("cyclonedx", "list.json"), ("slsa-provenance-v1", "provenance.json")] {
        env.json_with_key(&[&["attest"], &at[..], &["--type", kind, "--predicate", file]].concat());
    }
    digests
}

/// The bundle in the folder `packages` whose statement is of this kind.
fn bundle(env: &TestEnv, kind: &str) -> PathBuf {
    let blob = |digest: &Value| {
        let hex = digest.as_str().and_then(|digest| digest.strip_prefix("sha256:")).expect("a digest");
        env.path("packages/acme/greet/blobs/sha256").join(hex)
    };
    let read = |path: &Path| -> Value {
        serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON")
    };
    let index = read(&env.path("packages/acme/greet/index.json"));
    let manifests = index["manifests"].as_array().expect("entries").iter();
    let manifest = manifests
        .map(|entry| read(&blob(&entry["digest"])))
        .find(|manifest| manifest["annotations"]["dev.sigstore.bundle.predicateType"] == kind);
    blob(&manifest.unwrap_or_else(|| panic!("no bundle of {kind}"))["layers"][0]["digest"])
}

#[test]
fn verifiers_in_javascript_and_python_take_our_bundles_and_refuse_others() {
    let (Some(js), Some(python)) = (verifier("js"), verifier("python")) else { return };
    let env = TestEnv::new();
    let [digest, other_digest] = signed(&env, "dir:packages");
    let verifiers: [(PathBuf, PathBuf); 2] =
        [("node".into(), js.join("verify.js")), (python.join("venv/bin/python"), python.join("verify.py"))];
    for kind in KINDS {
        let file = bundle(&env, kind);
        let mut changed: Value =
            serde_json::from_slice(&std::fs::read(&file).expect("a bundle")).expect("JSON");
        let payload = changed["dsseEnvelope"]["payload"].as_str().expect("a payload");
        // `{"_type"` becomes `{"_uype"`.
        let swapped = payload.replacen("eyJfdHlwZSI", "eyJfdXlwZSI", 1);
        assert_ne!(payload, swapped);
        changed["dsseEnvelope"]["payload"] = swapped.into();
        let tampered = env.write("tampered.json", changed.to_string());
        for (program, script) in &verifiers {
            let verify = |bundle: &Path, key: &str, digest: &str| -> Output {
                let mut command = Command::new(program);
                command.arg(script).arg(bundle).arg(env.path(key)).arg(digest);
                command.output().unwrap_or_else(|error| panic!("{}: {error}", program.display()))
            };
            let good = verify(&file, "mine.pub", &digest);
            let said = String::from_utf8_lossy(&good.stdout);
            assert!(
                good.status.success(),
                "{}: {}",
                program.display(),
                String::from_utf8_lossy(&good.stderr)
            );
            assert_eq!(said.trim(), kind);
            for (what, bad) in [
                ("another key", verify(&file, "other.pub", &digest)),
                ("changed", verify(&tampered, "mine.pub", &digest)),
                ("another manifest", verify(&file, "mine.pub", &other_digest)),
            ] {
                assert!(!bad.status.success(), "{} takes {what}", program.display());
            }
        }
    }
}

/// cosign with a password for its keys.
fn cosign(env: &TestEnv, program: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(args).current_dir(env.dir()).env("HOME", env.dir()).env("COSIGN_PASSWORD", "secret");
    command.output().unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

#[track_caller]
fn cosign_succeeds(env: &TestEnv, program: &Path, args: &[&str]) -> String {
    let output = cosign(env, program, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const OPEN: [&str; 2] = ["--insecure-ignore-tlog", "--allow-http-registry"];

/// cosign's `verify` and `verify-attestation` of what [`signed`] made. `bundles` is what this cosign needs to read
/// bundles.
fn cosign_agrees(env: &TestEnv, program: &Path, registry: &str, bundles: &[&str]) {
    let [digest, unsigned] = signed(env, registry);
    let repository = format!("{registry}/acme/greet");
    let good = format!("{repository}@{digest}");
    let verify = |reference: &str, key: &str| {
        cosign(env, program, &[&["verify", "--key", key], &OPEN[..], &[reference]].concat())
    };
    for reference in [&good, &format!("{repository}:1.0.0")] {
        let output = verify(reference, "mine.pub");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains(&digest));
    }
    assert!(!verify(&good, "other.pub").status.success(), "another key");
    assert!(!verify(&format!("{repository}@{unsigned}"), "mine.pub").status.success(), "not signed");
    // A key needs no root of trust; without one, cosign would ask the internet for Sigstore's.
    env.write("root.json", r#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#);
    for kind in ["cyclonedx", "slsaprovenance1"] {
        let attested = |reference: &str, key: &str, kind: &str| {
            let start = ["verify-attestation", "--key", key, "--type", kind];
            cosign(env, program, &[&start[..], bundles, &OPEN[..], &[reference]].concat())
        };
        let output = attested(&good, "mine.pub", kind);
        assert!(output.status.success(), "{kind}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!attested(&good, "other.pub", kind).status.success(), "{kind} of another key");
        assert!(!attested(&good, "mine.pub", "spdx").status.success(), "a kind that is not there");
        let none = attested(&format!("{repository}@{unsigned}"), "mine.pub", kind);
        assert!(!none.status.success(), "{kind} of something else");
    }
}

#[test]
fn cosign_2_verifies_what_jointer_signed_and_attested() {
    let Some(program) = peer("cosign") else { return };
    let bundles = ["--new-bundle-format", "--trusted-root", "root.json"];
    let server = serve_registry(&[]);
    cosign_agrees(&TestEnv::new(), &program, &server.address.to_string(), &bundles);
    // A registry that keeps no list of referrers.
    let Some(docker) = peer("docker-registry") else { return };
    let env = TestEnv::new();
    let docker = docker::started(&docker, &env);
    cosign_agrees(&env, &program, &format!("{}/team", docker.address), &bundles);
}

#[test]
fn a_signature_moved_to_another_package_convinces_neither() {
    let (Some(program), Some(oras)) = (peer("cosign"), peer("oras")) else { return };
    let env = TestEnv::new();
    let server = serve_registry(&[]);
    let address = server.address.to_string();
    let [digest, unsigned] = signed(&env, &address);
    let repository = format!("{address}/acme/greet");
    let tag = |digest: &str| format!("{repository}:{}.sig", digest.replace(':', "-"));
    let copy = ["cp", "--from-plain-http", "--to-plain-http", &tag(&digest), &tag(&unsigned)];
    succeeds(&oras, &env.dir(), &copy);
    let reference = format!("{repository}@{unsigned}");
    let verify = [&["verify", "--key", "mine.pub"], &OPEN[..], &[&reference]].concat();
    assert!(!run(&program, &env.dir(), &verify).status.success());
    env.run_alone(&["verify", "acme:greet@1.1.0", "--key", "mine.pub", "--from", &address])
        .ended_with(6)
        .code("trust::another_subject");
}

/// What cosign signs and attests is verified by jointer, beside what jointer itself signs with a key of cosign's.
fn jointer_agrees(env: &TestEnv, program: &Path, registry: &str, sign: &[&str], attest: &[&str]) {
    env.keygen("other");
    env.write("greet.wasm", component("hello"));
    let published = env.json(&["publish", "greet.wasm", "--as", PACKAGE, "--to", registry]);
    let reference = format!("{registry}/acme/greet@{}", published["manifest"].as_str().expect("a digest"));
    cosign_succeeds(env, program, &["generate-key-pair", "--output-key-prefix", "theirs"]);
    let verify = |key: &str| -> Ran {
        let mut command =
            env.command(["--format", "json", "verify", PACKAGE, "--from", registry, "--key", key]);
        // Asked anew each time.
        let cache = tempfile::tempdir().expect("a folder");
        command.env("JOINTER_CACHE", cache.path());
        Ran::from(command.output().expect("jointer starts"))
    };
    verify("theirs.pub").ended_with(6).code("trust::unsigned");
    let yes = ["-y", "--allow-http-registry", "--key", "theirs.key"];
    env.write("list.json", r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[]}"#);
    let kind = ["--type", "cyclonedx", "--predicate", "list.json"];
    cosign_succeeds(env, program, &[&["attest"], &yes[..], &kind, attest, &[&reference]].concat());
    verify("theirs.pub").ended_with(6).code("trust::only_attested");
    cosign_succeeds(env, program, &[&["sign"], &yes[..], sign, &[&reference]].concat());
    let verified: Value = serde_json::from_str(&verify("theirs.pub").success().stdout).expect("JSON");
    assert_eq!(verified["attestations"][0], "https://cyclonedx.org/bom");
    verify("other.pub").ended_with(6);
    // A second signature beside cosign's own leaves that one alone, also for cosign.
    env.json_with_key(&["sign", PACKAGE, "--key", "other.key", "--from", registry]);
    verify("other.pub").success();
    verify("theirs.pub").success();
    for key in ["theirs.pub", "other.pub"] {
        cosign_succeeds(env, program, &[&["verify", "--key", key], &OPEN[..], &[&reference]].concat());
    }
    // The same key file works in both.
    env.with_key(&["sign", PACKAGE, "--key", "theirs.key", "--from", registry]).success();
    let public = cosign_succeeds(env, program, &["public-key", "--key", "other.key"]);
    assert_eq!(public.trim(), env.read("other.pub").trim());
}

#[test]
fn jointer_verifies_what_cosign_2_signed_and_attested() {
    let Some(program) = peer("cosign") else { return };
    let server = serve_registry(&[]);
    let no_log = ["--tlog-upload=false"];
    jointer_agrees(&TestEnv::new(), &program, &server.address.to_string(), &no_log, &no_log);
}

#[test]
fn cosign_3_and_jointer_agree_about_bundles() {
    let Some(program) = full_peer("cosign3") else { return };
    let server = serve_registry(&[]);
    cosign_agrees(&TestEnv::new(), &program, &server.address.to_string(), &[]);
    let env = TestEnv::new();
    let config = cosign_succeeds(&env, &program, &["signing-config", "create"]);
    env.write("signing.json", config);
    let server = serve_registry(&[]);
    let offline = ["--signing-config", "signing.json"];
    jointer_agrees(&env, &program, &server.address.to_string(), &offline, &offline);
    let Some(docker) = peer("docker-registry") else { return };
    let env = TestEnv::new();
    let docker = docker::started(&docker, &env);
    cosign_agrees(&env, &program, &docker.address.to_string(), &[]);
}
