//! Publishing to registries and fetching from them, good ones and bad ones.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::servers::{Fault, Faulty, Of, serve_registry};
use crate::support::{Ran, TestEnv};

/// A component that differs from all others by `word`.
pub fn component(word: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component
            (core module $m (func (export "{word}")) (data "{}"))
            (core instance $i (instantiate $m))
            (func $run (canon lift (core func $i "{word}")))
            (export "{word}" (func $run)))"#,
        "x".repeat(4096)
    ))
    .expect("a component")
}

impl TestEnv {
    /// The real binary with a store of its own: what is in it is what the test put there.
    pub fn alone(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.command(args);
        command.env("JOINTER_CACHE", self.cache_alone());
        command
    }

    /// Its cache.
    pub fn cache_alone(&self) -> PathBuf {
        self.path("../cache")
    }

    /// Runs [`TestEnv::alone`] to its end.
    pub fn run_alone(&self, args: &[&str]) -> Ran {
        Ran::from(self.alone(args).output().expect("jointer starts"))
    }

    /// An app whose one component is the package `request`.
    pub fn app_with(&self, request: &str) {
        let text = format!(
            "[app]\nname = \"acme:app\"\nversion = \"1.0.0\"\n[component.greet]\npackage = \"{request}\"\n"
        );
        self.write("jointer.toml", text);
    }

    /// Publishes a component to the folder `packages`.
    pub fn publish_here(&self, id: &str, bytes: &[u8]) -> Value {
        self.write("greet.wasm", bytes);
        self.json(&["publish", "greet.wasm", "--as", id, "--to", "dir:packages", "--allow-breaking"])
    }

    /// The answer of a command that succeeds.
    pub fn json(&self, args: &[&str]) -> Value {
        let mut all = vec!["--format", "json"];
        all.extend(args);
        let ran = self.run_alone(&all).success();
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
    }

    /// Every file of the store's blobs.
    pub fn stored(&self) -> Vec<String> {
        let folder = self.cache_alone().join("store-v1/blobs/sha256");
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        entries.map(|entry| entry.expect("entry").file_name().into_string().expect("hex")).collect()
    }
}

/// The hex digits of a digest in an answer.
fn hex(digest: &Value) -> String {
    digest.as_str().expect("a digest").strip_prefix("sha256:").expect("sha256").to_owned()
}

#[test]
fn the_same_component_has_the_same_digests_everywhere_and_at_any_time() {
    let (one, two) = (TestEnv::new(), TestEnv::new());
    let here = one.publish_here("acme:greet@1.0.0", &component("hello"));
    std::thread::sleep(Duration::from_millis(1100));
    two.write("other.wasm", component("hello"));
    let server = serve_registry(&[]);
    let address = server.address.to_string();
    let there = two.json(&["publish", "other.wasm", "--as", "acme:greet@1.0.0", "--to", &address]);
    assert_eq!(here["manifest"], there["manifest"]);
    assert_eq!(here["content"], there["content"]);
    assert_eq!(there["outcome"], "published");
}

#[test]
fn a_registry_of_ones_own_keeps_what_was_pushed() {
    let env = TestEnv::new();
    env.write("greet.wasm", component("hello"));
    let folder = env.path("pushed");
    let folder = folder.to_str().expect("a path");
    let mut first = serve_registry(&["--dir", folder]);
    let to = first.address.to_string();
    let published = env.json(&["publish", "greet.wasm", "--as", "acme:greet@1.0.0", "--to", &to]);
    assert_eq!(first.end(), Some(0));
    env.jointer(["publish", "greet.wasm", "--as", "acme:greet@1.0.0", "--to", &to])
        .ended_with(7)
        .code("registry::unreachable");
    let second = serve_registry(&["--dir", folder]);
    let again = second.address.to_string();
    let again = env.json(&["publish", "greet.wasm", "--as", "acme:greet@1.0.0", "--to", &again]);
    assert_eq!((&again["outcome"], &again["manifest"]), (&"unchanged".into(), &published["manifest"]));
    let taken = second.address.to_string();
    env.jointer(["registry", "serve", "--addr", &taken]).ended_with(9).code("registry::cannot_listen");
    env.jointer(["registry", "serve", "--addr", "0.0.0.0:0"]).ended_with(2).code("registry::not_loopback");
    env.write("file", "");
    env.jointer(["registry", "serve", "--addr", "127.0.0.1:0", "--dir", "file"])
        .ended_with(2)
        .code("registry::cannot_serve");
}

#[test]
fn publishing_again_is_fine_with_the_same_contents_and_refused_with_others() {
    let env = TestEnv::new();
    let server = serve_registry(&[]);
    let address = server.address.to_string();
    for to in ["dir:packages".to_owned(), "local".to_owned(), address.clone(), format!("{address}/team/x")] {
        let publish = ["publish", "greet.wasm", "--as", "acme:greet@1.0.0", "--to", &to];
        env.write("greet.wasm", component("hello"));
        let dry = env.json(&[&publish[..], &["--dry-run"]].concat());
        assert_eq!(dry["outcome"], "would", "{to}");
        let first = env.json(&publish);
        assert_eq!(first["outcome"], "published", "{to}");
        assert_eq!(dry["manifest"], first["manifest"], "what was said is what was sent");
        assert_eq!(env.json(&publish)["outcome"], "unchanged", "{to}");
        env.write("greet.wasm", component("goodbye"));
        env.run_alone(&publish).ended_with(9).code("registry::conflict");
    }
}

#[test]
fn a_folder_of_wit_is_a_package_that_knows_its_name() {
    let env = TestEnv::new();
    env.write(
        "wit/greet.wit",
        "package acme:greet@1.2.0;\ninterface greeter { greet: func(name: string) -> string; }\n",
    );
    let published = env.json(&["publish", "wit", "--to", "dir:packages"]);
    assert_eq!(published["package"], "acme:greet@1.2.0");
    env.run_alone(&["publish", "wit", "--as", "acme:other@1.0.0"]).ended_with(2).code("package::wrong_id");
    env.write("wit/greet.wit", "package acme:greet@1.2.0;\ninterface greeter {");
    env.run_alone(&["publish", "wit"]).ended_with(2).code("package::invalid_wit");
    env.app_with("acme:greet@^1");
    env.run_alone(&["lock", "--from", "dir:packages"]).ended_with(5).code("deps::not_a_component");
}

#[test]
fn what_cannot_be_published_is_refused_before_anything_is_sent() {
    let env = TestEnv::new();
    env.write("greet.wasm", component("hello"));
    env.write("module.wasm", wat::parse_str("(module)").expect("a module"));
    env.write("text.wasm", "hello");
    let publish = |args: &[&str]| env.run_alone(&[&["publish", "--to", "dir:packages"], args].concat());
    publish(&["greet.wasm"]).ended_with(2).code("package::no_id");
    publish(&["greet.wasm", "--as", "acme:greet@1.0.0+b5"]).ended_with(2).code("registry::build_metadata");
    publish(&["greet.wasm", "--as", "Acme:greet@1.0.0"]).ended_with(2);
    publish(&["module.wasm", "--as", "acme:greet@1.0.0"]).ended_with(2).code("component::core_module");
    publish(&["text.wasm", "--as", "acme:greet@1.0.0"]).ended_with(2).code("component::not_wasm");
    publish(&["absent.wasm", "--as", "acme:greet@1.0.0"]).ended_with(8).code("file::not_found");
    publish(&[]).ended_with(8).code("app::no_manifest");
    assert!(!env.path("packages").exists());
    env.run_alone(&["publish", "greet.wasm", "--as", "acme:greet@1.0.0", "--to", "https://x"])
        .ended_with(2)
        .code("registry::invalid_location");
}

#[test]
fn a_registry_that_is_not_there_is_a_network_error() {
    let env = TestEnv::new();
    env.write("greet.wasm", component("hello"));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("address").to_string();
    drop(listener);
    env.run_alone(&["publish", "greet.wasm", "--as", "acme:greet@1.0.0", "--to", &address])
        .ended_with(7)
        .code("registry::unreachable");
}

/// A registry over HTTP with one package in it, and an app that wants it.
struct Bad {
    env: TestEnv,
    server: Faulty,
    address: String,
    content: String,
}

impl Bad {
    fn new() -> Self {
        let env = TestEnv::new();
        let published = env.publish_here("acme:greet@1.0.0", &component("hello"));
        env.app_with("acme:greet@^1");
        let server = Faulty::new(env.path("packages"));
        let address = server.address.to_string();
        Self { env, address, server, content: hex(&published["content"]) }
    }

    fn lock(&self) -> Ran {
        let mut command = self.env.alone(&["lock", "--from", &self.address]);
        command.env("JOINTER_NETWORK_TIMEOUT", "2");
        Ran::from(command.output().expect("jointer starts"))
    }

    /// The component is not in the store, and nothing half-written lies about.
    fn nothing_stored(&self) {
        assert!(!self.env.stored().contains(&self.content), "{:?}", self.env.stored());
        let incoming = self.env.cache_alone().join("store-v1/incoming");
        let left = std::fs::read_dir(incoming).map(|entries| entries.count()).unwrap_or_default();
        assert_eq!(left, 0, "unfinished files");
        assert!(!self.env.path("jointer.lock").exists());
    }

    /// The second run, with the registry healthy again, gets the right bytes.
    fn heals(&self) {
        self.server.heal();
        self.lock().success();
        let bytes = std::fs::read(self.env.cache_alone().join("store-v1/blobs/sha256").join(&self.content));
        assert_eq!(bytes.expect("stored"), component("hello"));
    }
}

#[test]
fn damaged_answers_are_refused_leave_nothing_and_the_next_run_is_healthy() {
    let swapped = component("hello-from-somebody-else");
    let html = b"<!DOCTYPE html><html>please log in</html>".to_vec();
    let index =
        br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#
            .to_vec();
    let cases: Vec<(Of, Fault, i32, &str)> = vec![
        (Of::Layer, Fault::Flip, 6, "registry::corrupt"),
        (Of::Layer, Fault::Shorten, 6, "registry::corrupt"),
        (Of::Layer, Fault::Truncate, 7, "registry::unreachable"),
        (Of::Layer, Fault::Instead("application/wasm", swapped), 6, "registry::"),
        (Of::Layer, Fault::Endless, 6, "registry::too_large"),
        (Of::Layer, Fault::Status(404), 8, "registry::not_found"),
        (Of::Manifest, Fault::Instead("text/html", html.clone()), 6, "registry::not_a_package"),
        (
            Of::Manifest,
            Fault::Instead("application/vnd.oci.image.index.v1+json", index),
            6,
            "registry::not_a_package",
        ),
        (Of::Manifest, Fault::Shorten, 6, "registry::not_a_package"),
        (Of::Manifest, Fault::Endless, 6, "registry::too_large"),
        (Of::Manifest, Fault::Status(403), 7, "registry::unauthorized"),
        (Of::Tags, Fault::Instead("text/html", html), 7, "registry::failed"),
        (Of::Tags, Fault::Status(500), 7, "registry::failed"),
    ];
    for (of, fault, status, code) in cases {
        let bad = Bad::new();
        bad.server.rule(of, fault.clone(), usize::MAX);
        let ran = bad.lock();
        assert_eq!(ran.status, status, "{of:?} {fault:?}:\n{}", ran.stderr);
        ran.code(code);
        bad.nothing_stored();
        bad.heals();
    }
}

#[test]
fn what_passes_is_tried_again() {
    for (of, fault) in [
        (Of::Layer, Fault::Status(503)),
        (Of::Layer, Fault::Status(429)),
        (Of::Layer, Fault::Reset),
        (Of::Layer, Fault::Truncate),
        (Of::Layer, Fault::Flip),
        (Of::Manifest, Fault::Reset),
        (Of::Tags, Fault::Status(502)),
        (Of::Layer, Fault::Stall(Duration::from_secs(4))),
    ] {
        let bad = Bad::new();
        bad.server.rule(of, fault.clone(), 1);
        let ran = bad.lock();
        assert_eq!(ran.status, 0, "{of:?} {fault:?}:\n{}", ran.stderr);
    }
}

#[test]
fn a_registry_that_says_nothing_is_not_waited_for_for_ever() {
    let bad = Bad::new();
    bad.server.rule(Of::Tags, Fault::Stall(Duration::from_secs(600)), usize::MAX);
    let began = std::time::Instant::now();
    bad.lock().ended_with(7).code("registry::unreachable");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    bad.nothing_stored();
}

#[test]
fn a_kill_in_the_middle_of_a_download_leaves_no_wrong_file() {
    let bad = Bad::new();
    bad.server.rule(Of::Layer, Fault::Stall(Duration::from_secs(600)), usize::MAX);
    let mut child = bad.env.alone(&["lock", "--from", &bad.address]).spawn().expect("jointer starts");
    let began = std::time::Instant::now();
    while !bad.server.asked().iter().any(|request| request.contains(&bad.content)) {
        assert!(began.elapsed() < Duration::from_secs(60), "it never asked: {:?}", bad.server.asked());
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert!(!bad.env.stored().contains(&bad.content));
    assert!(!bad.env.path("jointer.lock").exists());
    bad.heals();
}

#[test]
fn many_publishing_the_same_version_at_once_agree_on_one() {
    let env = TestEnv::new();
    let words = ["one", "two", "three", "four"];
    for word in words {
        env.write(format!("{word}.wasm"), component(word));
    }
    let children: Vec<_> = words
        .iter()
        .map(|word| {
            let args =
                ["publish", &format!("{word}.wasm"), "--as", "acme:greet@1.0.0", "--to", "dir:packages"];
            env.alone(&args)
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .expect("jointer starts")
        })
        .collect();
    let statuses: Vec<_> =
        children.into_iter().map(|mut child| child.wait().expect("ended").code()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == Some(0)).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == Some(9)).count(), 3, "{statuses:?}");
}

#[test]
fn credentials_that_cannot_be_read_are_an_error_and_none_are_not() {
    let env = TestEnv::new();
    env.write("greet.wasm", component("hello"));
    let server = serve_registry(&[]);
    let address = server.address.to_string();
    let publish = |config: &str| {
        env.write("docker/config.json", config);
        let mut command = env.alone(&["publish", "greet.wasm", "--as", "acme:greet@1.0.0", "--to", &address]);
        Ran::from(command.env("DOCKER_CONFIG", env.path("docker")).output().expect("jointer starts"))
    };
    publish("{").ended_with(2).code("registry::credentials");
    publish(&format!(r#"{{"credHelpers":{{"{address}":"there-is-no-such-helper"}}}}"#))
        .ended_with(2)
        .code("registry::credentials");
    publish("{}").success();
    publish(&format!(r#"{{"auths":{{"{address}":{{"auth":"dXNlcjpwYXNz"}}}}}}"#)).success();
}
