//! What jointer writes is read by tools that nobody here wrote: oras, cosign and docker-registry.
//!
//! `tests/peers/install.sh` installs them into `target/peers`.

// The tools of others are started as any shell would.
#![allow(clippy::disallowed_methods)]

use std::path::Path;
use std::process::{Command, Output};

use crate::docker;
use crate::registry::component;
use crate::servers::serve_registry;
use crate::support::TestEnv;
use crate::tools::peer;

/// A key needs no root of trust; without one, cosign would ask the internet for Sigstore's.
const NO_ROOT: &str = r#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#;

pub fn run(program: &Path, dir: &Path, args: &[&str]) -> Output {
    let output = Command::new(program).args(args).current_dir(dir).env("HOME", dir).output();
    output.unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

#[track_caller]
pub fn succeeds(program: &Path, dir: &Path, args: &[&str]) -> String {
    let output = run(program, dir, args);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{} {args:?}:\n{out}\n{err}", program.display());
    out.into_owned()
}

#[test]
fn docker_registry_takes_and_gives_packages() {
    let env = TestEnv::new();
    let Some(docker) = docker::open(&env) else { return };
    let to = format!("{}/team", docker.address);
    env.write("greet.wasm", component("hello"));
    let publish = ["publish", "greet.wasm", "--as", "acme:greet@1.0.0", "--to", &to];
    assert_eq!(env.json(&publish)["outcome"], "published");
    assert_eq!(env.json(&publish)["outcome"], "unchanged");
    env.app_with("acme:greet@^1");
    env.json(&["lock", "--from", &to]);
    env.run_alone(&["fetch", "--locked"]).success();
    env.write("greet.wasm", component("other"));
    env.run_alone(&publish).ended_with(9).code("registry::conflict");
}

#[test]
fn oras_pulls_what_was_published() {
    let Some(oras) = peer("oras") else { return };
    let env = TestEnv::new();
    let server = serve_registry(&[]);
    let address = server.address.to_string();
    env.write("greet.wasm", component("hello"));
    env.json(&["publish", "greet.wasm", "--as", "acme:greet@1.0.0", "--to", &address]);
    env.json(&["publish", "greet.wasm", "--as", "acme:greet@1.0.0", "--to", "dir:packages"]);
    for (from, source) in [
        (format!("{address}/acme/greet:1.0.0"), "--plain-http"),
        ("packages/acme/greet:1.0.0".to_owned(), "--oci-layout"),
    ] {
        succeeds(&oras, &env.dir(), &["pull", source, "-o", "pulled", &from]);
        assert_eq!(std::fs::read(env.path("pulled/greet.wasm")).expect("pulled"), component("hello"));
        std::fs::remove_dir_all(env.path("pulled")).expect("removed");
    }
}

#[test]
fn what_oras_pushed_can_be_locked_when_it_has_the_right_form_only() {
    let Some(oras) = peer("oras") else { return };
    let env = TestEnv::new();
    let server = serve_registry(&[]);
    let address = server.address.to_string();
    env.write("greet.wasm", component("hello"));
    env.app_with("acme:greet@^1");
    let reference = format!("{address}/acme/greet:1.0.0");
    succeeds(&oras, &env.dir(), &["push", "--plain-http", &reference, "greet.wasm:application/wasm"]);
    env.run_alone(&["lock", "--from", &address]).ended_with(6).code("registry::not_a_package");
    // A package in a folder, copied by oras into a registry, is the same package.
    env.json(&["publish", "greet.wasm", "--as", "acme:greet@1.1.0", "--to", "dir:packages"]);
    let copy = ["cp", "--from-oci-layout", "packages/acme/greet:1.1.0", "--to-plain-http"];
    succeeds(&oras, &env.dir(), &[&copy[..], &[&format!("{address}/acme/greet:1.1.0")]].concat());
    assert_eq!(env.json(&["lock", "--from", &address])[0]["version"], "1.1.0");
}

#[test]
fn cosign_verifies_a_bundle_that_oras_copied_to_a_registry() {
    let (Some(oras), Some(cosign)) = (peer("oras"), peer("cosign")) else { return };
    let env = TestEnv::new();
    env.ready_app();
    env.keygen("mine");
    env.keygen("other");
    let bundled = env.bundle("mine", "shop.oci.tar");
    let manifest = bundled["manifest"].as_str().expect("a digest");
    let signature = format!("{}.sig", manifest.replace(':', "-"));
    let server = serve_registry(&[]);
    let repository = format!("{}/acme/shop", server.address);
    for tag in ["1.2.3", &signature] {
        let (from, to) = (format!("shop.oci.tar:{tag}"), format!("{repository}:{tag}"));
        succeeds(&oras, &env.dir(), &["cp", "-r", "--from-oci-layout", &from, "--to-plain-http", &to]);
    }
    let verify = |key: &str, reference: &str| {
        let args = ["verify", "--key", key, "--insecure-ignore-tlog", "--allow-http-registry", reference];
        run(&cosign, &env.dir(), &args)
    };
    for reference in [format!("{repository}:1.2.3"), format!("{repository}@{manifest}")] {
        let good = verify("mine.pub", &reference);
        assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
        assert!(String::from_utf8_lossy(&good.stdout).contains(manifest));
        assert!(!verify("other.pub", &reference).status.success(), "another key");
    }
    env.write("root.json", NO_ROOT);
    for kind in ["cyclonedx", "slsaprovenance1"] {
        let attested = |key: &str| {
            let how = ["verify-attestation", "--new-bundle-format", "--trusted-root", "root.json"];
            let key = ["--key", key, "--insecure-ignore-tlog", "--allow-http-registry", "--type", kind];
            run(&cosign, &env.dir(), &[&how[..], &key, &[&format!("{repository}@{manifest}")]].concat())
        };
        let good = attested("mine.pub");
        assert!(good.status.success(), "{kind}: {}", String::from_utf8_lossy(&good.stderr));
        assert!(!attested("other.pub").status.success(), "{kind} by another key");
    }
    // All that the bundle holds came along: parts, bill of materials, and the signature of each.
    let tree = succeeds(
        &oras,
        &env.dir(),
        &["discover", "--plain-http", "--format", "tree", &format!("{repository}:1.2.3")],
    );
    for kind in ["parts.v1", "cyclonedx", "in-toto", "sigstore.bundle"] {
        assert!(tree.contains(kind), "no {kind} in {tree}");
    }
}

#[test]
fn cosign_verifies_the_bundle_files_inside() {
    let (Some(oras), Some(cosign)) = (peer("oras"), peer("cosign")) else { return };
    let env = TestEnv::new();
    env.ready_app();
    env.keygen("mine");
    env.keygen("other");
    let bundled = env.bundle("mine", "shop.oci.tar");
    let manifest = bundled["manifest"].as_str().expect("a digest");
    let oras = |args: &[&str]| succeeds(&oras, &env.dir(), args);
    let json = |args: &[&str]| -> serde_json::Value { serde_json::from_str(&oras(args)).expect("JSON") };
    oras(&["manifest", "fetch", "--oci-layout", "shop.oci.tar:1.2.3", "-o", "manifest.json"]);
    env.write("root.json", NO_ROOT);
    let place = format!("shop.oci.tar@{manifest}");
    let listed = json(&["discover", "--oci-layout", "--format", "json", &place]);
    let referrers = listed["manifests"].as_array().expect("referrers").iter();
    let said = referrers
        .filter(|entry| entry["artifactType"].as_str().is_some_and(|kind| kind.contains("sigstore.bundle")));
    let mut kinds = Vec::new();
    for entry in said {
        let digest = entry["digest"].as_str().expect("a digest");
        let said = json(&["manifest", "fetch", "--oci-layout", &format!("shop.oci.tar@{digest}")]);
        let kind =
            said["annotations"]["dev.sigstore.bundle.predicateType"].as_str().expect("a type").to_owned();
        let blob = said["layers"][0]["digest"].as_str().expect("a digest");
        let blob = format!("shop.oci.tar@{blob}");
        oras(&["blob", "fetch", "--oci-layout", &blob, "-o", "bundle.json"]);
        let verify = |key: &str, file: &str| {
            let args = ["verify-blob-attestation", "--bundle", "bundle.json", "--new-bundle-format"];
            let key = ["--key", key, "--insecure-ignore-tlog", "--trusted-root", "root.json"];
            run(&cosign, &env.dir(), &[&args[..], &key, &["--type", &kind, file]].concat())
        };
        let good = verify("mine.pub", "manifest.json");
        assert!(good.status.success(), "{kind}: {}", String::from_utf8_lossy(&good.stderr));
        assert!(!verify("other.pub", "manifest.json").status.success(), "another key");
        env.write("other.json", env.read("manifest.json").replace("1.2.3", "1.2.4"));
        assert!(!verify("mine.pub", "other.json").status.success(), "another manifest");
        kinds.push(kind);
    }
    kinds.sort();
    let expected = [
        "https://cyclonedx.org/bom",
        "https://sigstore.dev/cosign/sign/v1",
        "https://slsa.dev/provenance/v1",
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn keys_of_jointer_and_cosign_are_interchangeable() {
    let Some(cosign) = peer("cosign") else { return };
    let env = TestEnv::new();
    env.ready_app();
    env.keygen("mine");
    let cosign = |args: &[&str]| {
        let mut command = Command::new(&cosign);
        command.args(args).current_dir(env.dir()).env("HOME", env.dir()).env("COSIGN_PASSWORD", "secret");
        let output = command.output().expect("cosign starts");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let public = cosign(&["public-key", "--key", "mine.key"]);
    assert_eq!(public.trim(), env.read("mine.pub").trim());
    cosign(&["generate-key-pair", "--output-key-prefix", "theirs"]);
    env.bundle("theirs", "shop.oci.tar");
    env.run_alone(&["verify", "shop.oci.tar", "--key", "theirs.pub"]).success();
}
