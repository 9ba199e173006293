//! What jointer writes is read by tools that nobody here wrote: oras, cosign and docker-registry.
//!
//! `tests/peers/install.sh` installs them into `target/peers`.

// The tools of others are started as any shell would.
#![allow(clippy::disallowed_methods)]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::registry::component;
use crate::servers::serve_registry;
use crate::support::TestEnv;
use crate::tools::peer;

fn run(program: &Path, dir: &Path, args: &[&str]) -> Output {
    let output = Command::new(program).args(args).current_dir(dir).env("HOME", dir).output();
    output.unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

#[track_caller]
fn succeeds(program: &Path, dir: &Path, args: &[&str]) -> String {
    let output = run(program, dir, args);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{} {args:?}:\n{out}\n{err}", program.display());
    out.into_owned()
}

/// A real docker-registry, killed when dropped.
struct Docker {
    child: Child,
    address: SocketAddr,
}

impl Docker {
    fn start(program: &Path, dir: &Path) -> Self {
        let address =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: {address}}}\n",
            dir.join("registry").display()
        );
        std::fs::write(dir.join("registry.yml"), config).expect("its config");
        let child = Command::new(program)
            .args(["serve", "registry.yml"])
            .current_dir(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let docker = Self { child, address };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < Duration::from_secs(30), "docker-registry does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        docker
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn docker_registry_takes_and_gives_packages() {
    let Some(program) = peer("docker-registry") else { return };
    let env = TestEnv::new();
    let docker = Docker::start(&program, &env.dir());
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
    // All that the bundle holds came along: parts, bill of materials, and the signature of each.
    let tree = succeeds(
        &oras,
        &env.dir(),
        &["discover", "--plain-http", "--format", "tree", &format!("{repository}:1.2.3")],
    );
    for kind in ["parts.v1", "cyclonedx", "sigstore.bundle"] {
        assert!(tree.contains(kind), "no {kind} in {tree}");
    }
}

#[test]
fn cosign_verifies_the_bundle_file_inside() {
    let (Some(oras), Some(cosign)) = (peer("oras"), peer("cosign")) else { return };
    let env = TestEnv::new();
    env.ready_app();
    env.keygen("mine");
    let bundled = env.bundle("mine", "shop.oci.tar");
    let manifest = bundled["manifest"].as_str().expect("a digest");
    succeeds(
        &oras,
        &env.dir(),
        &["manifest", "fetch", "--oci-layout", "shop.oci.tar:1.2.3", "-o", "manifest.json"],
    );
    let listed = succeeds(
        &oras,
        &env.dir(),
        &["discover", "--oci-layout", "--format", "json", &format!("shop.oci.tar@{manifest}")],
    );
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    let referrers = listed["manifests"].as_array().expect("referrers");
    let signature = referrers
        .iter()
        .find(|entry| entry["artifactType"].as_str().is_some_and(|kind| kind.contains("sigstore.bundle")))
        .expect("a signature");
    let digest = signature["digest"].as_str().expect("a digest");
    let signature = succeeds(
        &oras,
        &env.dir(),
        &["manifest", "fetch", "--oci-layout", &format!("shop.oci.tar@{digest}")],
    );
    let signature: serde_json::Value = serde_json::from_str(&signature).expect("JSON");
    let blob = signature["layers"][0]["digest"].as_str().expect("a digest");
    succeeds(
        &oras,
        &env.dir(),
        &["blob", "fetch", "--oci-layout", &format!("shop.oci.tar@{blob}"), "-o", "bundle.json"],
    );
    // A key needs no root of trust; without one, cosign would ask the internet for Sigstore's.
    env.write("root.json", r#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#);
    let verify = [
        "verify-blob-attestation",
        "--bundle",
        "bundle.json",
        "--new-bundle-format",
        "--key",
        "mine.pub",
        "--insecure-ignore-tlog",
        "--trusted-root",
        "root.json",
        "--type",
        "https://sigstore.dev/cosign/sign/v1",
        "manifest.json",
    ];
    succeeds(&cosign, &env.dir(), &verify);
    env.write("manifest.json", env.read("manifest.json").replace("1.2.3", "1.2.4"));
    assert!(!run(&cosign, &env.dir(), &verify).status.success(), "another manifest");
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
