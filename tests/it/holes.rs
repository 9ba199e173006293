//! Eight ways in which clients of today can be made to use wrong bytes, each of which was seen to work
//! somewhere. None of them works here.

use crate::faults::large;
use crate::proxy::{Harm, Proxy};
use crate::registry::component;
use crate::servers::{ServedRegistry, serve_registry};
use crate::support::{Ran, TestEnv};

/// `acme:greet@1.0.0` in a real registry behind a proxy, and an app that wants it.
struct Wanted {
    env: TestEnv,
    proxy: Proxy,
    server: ServedRegistry,
}

impl Wanted {
    fn new() -> Self {
        let server = serve_registry(&[]);
        let wanted = Self { env: TestEnv::new(), proxy: Proxy::new(server.address), server };
        wanted.env.write("greet.wasm", component("hello"));
        wanted.publish("acme:greet@1.0.0", "greet.wasm").success();
        wanted.env.app_with("acme:greet@^1");
        wanted
    }

    fn publish(&self, id: &str, file: &str) -> Ran {
        let to = self.server.address.to_string();
        self.env.run_alone(&["publish", file, "--as", id, "--to", &to, "--allow-breaking"])
    }

    fn lock(&self) -> Ran {
        self.env.run_alone(&["lock", "--from", &self.proxy.address.to_string()])
    }

    fn empty_store(&self) {
        std::fs::remove_dir_all(self.env.cache_alone()).expect("the store");
    }

    /// Every blob in the store is what its name says.
    fn store_is_right(&self) {
        self.env.run_alone(&["cache", "verify"]).success();
    }
}

#[test]
fn a_a_download_that_failed_is_not_given_out_the_next_time() {
    for harm in [Harm::Flip, Harm::Shorten] {
        let wanted = Wanted::new();
        wanted.proxy.rule("GET", "blobs", harm, usize::MAX);
        wanted.lock().ended_with(6).code("registry::corrupt");
        wanted.store_is_right();
        wanted.proxy.heal();
        wanted.lock().success();
        wanted.store_is_right();
    }
}

#[test]
fn b_a_component_that_was_swapped_once_does_not_get_past_the_lock() {
    let wanted = Wanted::new();
    wanted.lock().success();
    let locked = wanted.env.read("jointer.lock");
    wanted.empty_store();
    let swapped = component("from somebody else");
    wanted.proxy.rule("GET", "blobs", Harm::Instead("application/wasm", swapped.clone()), usize::MAX);
    wanted.env.run_alone(&["fetch", "--locked"]).ended_with(6);
    wanted.proxy.heal();
    wanted.env.run_alone(&["fetch", "--locked"]).success();
    assert_eq!(wanted.env.read("jointer.lock"), locked);
    let stored = wanted.env.cache_alone().join("store-v1/blobs/sha256");
    for entry in std::fs::read_dir(stored).expect("blobs") {
        assert!(std::fs::read(entry.expect("entry").path()).expect("blob") != swapped);
    }
}

#[test]
fn c_a_tag_that_moved_does_not_move_the_lock() {
    let wanted = Wanted::new();
    wanted.lock().success();
    let locked = wanted.env.read("jointer.lock");
    wanted.empty_store();
    let other = serve_registry(&[]);
    wanted.env.write("other.wasm", component("other"));
    let to = other.address.to_string();
    wanted.env.run_alone(&["publish", "other.wasm", "--as", "acme:greet@1.0.0", "--to", &to]).success();
    let moved = crate::faults::manifest_text(other.address, "acme/greet", "1.0.0");
    let kind = "application/vnd.oci.image.manifest.v1+json";
    wanted.proxy.rule("GET", "manifests/1.0.0", Harm::Instead(kind, moved), usize::MAX);
    wanted.env.run_alone(&["fetch", "--locked"]).ended_with(6).code("deps::moved");
    assert_eq!(wanted.env.read("jointer.lock"), locked);
    wanted.env.run_alone(&["fetch"]).success();
    assert_eq!(wanted.env.read("jointer.lock"), locked, "what is locked is fetched by its digest");
}

#[test]
fn d_what_one_registry_gave_is_not_given_out_for_another() {
    let wanted = Wanted::new();
    wanted.lock().success();
    std::fs::remove_file(wanted.env.path("jointer.lock")).expect("the lock");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let dead = listener.local_addr().expect("address").to_string();
    drop(listener);
    wanted.env.run_alone(&["lock", "--from", &dead]).ended_with(7).code("registry::unreachable");
    let empty = serve_registry(&[]);
    wanted.env.run_alone(&["lock", "--from", &empty.address.to_string()]).ended_with(8);
    wanted.env.run_alone(&["lock", "--offline", "--from", &dead]).ended_with(8);
    assert!(!wanted.env.path("jointer.lock").exists());
}

#[test]
fn e_two_namespaces_of_one_host_keep_their_own_places() {
    let env = TestEnv::new();
    let server = serve_registry(&[]);
    let host = server.address;
    env.write("one.wasm", component("one"));
    env.write("two.wasm", component("two"));
    env.json(&["publish", "one.wasm", "--as", "acme:greet@1.0.0", "--to", &format!("{host}/pkgs")]);
    env.json(&["publish", "two.wasm", "--as", "team:greet@1.0.0", "--to", &format!("{host}/other")]);
    let line = |namespace: &str, prefix: &str| {
        format!(
            "{namespace} = {{ registry = \"{host}\", metadata = {{ preferredProtocol = \"oci\", oci = {{ registry = \"{host}\", namespacePrefix = \"{prefix}/\" }} }} }}\n"
        )
    };
    let config = env.write(
        "wkg.toml",
        format!("[namespace_registries]\n{}{}", line("acme", "pkgs"), line("team", "other")),
    );
    for (package, word) in [("acme:greet", "one"), ("team:greet", "two")] {
        let mut command = env.alone(&["pull", &format!("{package}@^1"), "-o", "got.wasm"]);
        Ran::from(command.env("WKG_CONFIG_FILE", &config).output().expect("jointer starts")).success();
        assert!(std::fs::read(env.path("got.wasm")).expect("pulled") == component(word), "{package}");
    }
}

#[test]
fn f_versions_on_the_last_page_are_found() {
    // A page of a thousand is what registries give at most; see also `faults`.
    let page = |tags: &[&str]| serde_json::json!({ "tags": tags }).to_string().into_bytes();
    let server = crate::servers::Pages::new(vec![
        (
            "/v2/acme/greet/tags/list?n=1000",
            page(&["1.0.0"]),
            Some("</v2/acme/greet/tags/list?last=1.0.0>; rel=\"next\""),
        ),
        ("/v2/acme/greet/tags/list?last=1.0.0", page(&["1.9.0"]), None),
    ]);
    let env = TestEnv::new();
    env.app_with("acme:greet@^1");
    env.run_alone(&["lock", "--from", &server.address.to_string()]).ended_with(8);
    assert!(server.asked().iter().any(|path| path.ends_with("manifests/1.9.0")), "{:?}", server.asked());
}

#[test]
fn g_a_version_that_exists_is_not_replaced_by_any_option() {
    let wanted = Wanted::new();
    wanted.env.write("other.wasm", component("other"));
    wanted.publish("acme:greet@1.0.0", "other.wasm").ended_with(9).code("registry::conflict");
    let place = format!("{}/acme/greet:1.0.0", wanted.server.address);
    wanted.env.run_alone(&["push", "other.wasm", &place]).ended_with(9).code("registry::conflict");
    // Somebody was faster, after it was looked: only the last look sees it.
    let tag = "manifests/1.0.1";
    wanted.env.write("first.wasm", component("first"));
    wanted.proxy.rule("GET", tag, Harm::Status(404), 1);
    wanted.publish("acme:greet@1.0.1", "first.wasm").success();
    let to = wanted.proxy.address.to_string();
    wanted
        .env
        .run_alone(&["publish", "other.wasm", "--as", "acme:greet@1.0.1", "--to", &to, "--allow-breaking"])
        .ended_with(9)
        .code("registry::conflict");
    wanted
        .env
        .run_alone(&["pull", &format!("{}/acme/greet:1.0.1", wanted.server.address), "-o", "got.wasm"])
        .success();
    assert!(std::fs::read(wanted.env.path("got.wasm")).expect("pulled") == component("first"));
}

#[test]
fn h_a_body_without_end_does_not_fill_the_disk() {
    let wanted = Wanted::new();
    wanted.proxy.rule("GET", "blobs", Harm::Endless, usize::MAX);
    wanted.lock().ended_with(6).code("registry::too_large");
    let store = wanted.env.cache_alone();
    let mut largest = 0;
    let mut folders = vec![store];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type().expect("type").is_dir() {
                true => folders.push(entry.path()),
                false => largest = largest.max(entry.metadata().expect("metadata").len()),
            }
        }
    }
    assert!(largest <= component("hello").len() as u64, "{largest} bytes");
}

#[test]
fn the_cache_is_shown_verified_and_pruned_while_others_use_it() {
    let env = TestEnv::new();
    let server = serve_registry(&[]);
    let to = server.address.to_string();
    env.write("greet.wasm", large("cached"));
    env.json(&["publish", "greet.wasm", "--as", "acme:greet@1.0.0", "--to", &to]);
    env.app_with("acme:greet@^1");
    env.run_alone(&["lock", "--from", &to]).success();
    let shown = env.json(&["cache"]);
    assert_eq!(shown["kinds"][0]["kind"], "packages");
    assert!(shown["kinds"][0]["bytes"].as_u64() > Some(3 << 20), "{shown}");
    // Pruning and fetching against each other: a fetch ends well, or says what is missing.
    let fetching: Vec<_> = (0..4)
        .map(|_| env.alone(&["fetch"]).stderr(std::process::Stdio::piped()).spawn().expect("jointer starts"))
        .collect();
    for _ in 0..4 {
        env.run_alone(&["cache", "prune", "--all"]).success();
    }
    for child in fetching {
        let ran = Ran::from(child.wait_with_output().expect("ended"));
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        assert!([0, 6, 8].contains(&ran.status), "{}: {}", ran.status, ran.stderr);
    }
    env.run_alone(&["fetch"]).success();
    let hex = env.stored();
    for name in &hex {
        let path = env.cache_alone().join("store-v1/blobs/sha256").join(name);
        let mut bytes = std::fs::read(&path).expect("a blob");
        bytes[0] ^= 1;
        std::fs::write(&path, bytes).expect("damaged");
    }
    let ran = env.run_alone(&["--format", "json", "cache", "verify"]).ended_with(6);
    let verified: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(verified["removed"].as_array().map(Vec::len), Some(hex.len()));
    env.run_alone(&["cache", "verify"]).success();
    env.run_alone(&["fetch"]).success();
    assert_eq!(env.json(&["cache", "prune", "--older-than", "1"])["kinds"][0]["files"], 0);
    env.run_alone(&["fetch", "--offline"]).success();
}
