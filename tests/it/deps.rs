//! Packages as components: lock, fetch, and what happens when somebody changes what was published.

use std::path::PathBuf;

use serde_json::Value;

use crate::registry::component;
use crate::servers::{Faulty, serve_registry};
use crate::support::TestEnv;

/// Points a tag of the folder `packages` at what another version has.
fn move_tag(env: &TestEnv, tag: &str, to: &str) {
    let path = "packages/acme/greet/index.json";
    let mut index: Value = serde_json::from_str(&env.read(path)).expect("an index");
    let entries = index["manifests"].as_array_mut().expect("entries");
    let name = |entry: &Value| entry["annotations"]["org.opencontainers.image.ref.name"].clone();
    let target = entries.iter().find(|entry| name(entry) == to).expect("the target").clone();
    let moved = entries.iter_mut().find(|entry| name(entry) == tag).expect("the tag");
    moved["digest"] = target["digest"].clone();
    moved["size"] = target["size"].clone();
    env.write(path, index.to_string());
}

fn stored(env: &TestEnv, digest: &Value) -> PathBuf {
    let hex = digest.as_str().expect("a digest").trim_start_matches("sha256:").to_owned();
    env.cache_alone().join("store-v1/blobs/sha256").join(hex)
}

fn forget_store(env: &TestEnv) {
    std::fs::remove_dir_all(env.cache_alone().join("store-v1")).expect("a store");
}

#[test]
fn the_highest_version_that_the_requirement_allows_is_locked() {
    let env = TestEnv::new();
    for version in ["1.0.0", "1.9.0", "1.10.0", "2.0.0"] {
        env.publish_here(
            &format!("acme:greet@{version}"),
            &component(&format!("v{}", version.replace('.', "-v"))),
        );
    }
    env.app_with("acme:greet@^1");
    env.write("jointer.lock", "# of the tools\n[tools]\nnode = \"20\"\n");
    let locked = env.json(&["lock", "--from", "dir:packages"]);
    assert_eq!(locked[0]["version"], "1.10.0");
    let text = env.read("jointer.lock");
    assert!(text.starts_with("# of the tools\n[tools]\nnode = \"20\"\n"), "{text}");
    for key in ["content", "manifest"] {
        assert!(text.contains(locked[0][key].as_str().expect("a digest")), "no {key} in {text}");
    }
    assert!(text.contains("registry = \"dir:packages\""), "a path of this machine: {text}");
    assert_eq!(std::fs::read(stored(&env, &locked[0]["content"])).expect("stored"), component("v1-v10-v0"));
    env.json(&["lock", "--from", "dir:packages"]);
    assert_eq!(env.read("jointer.lock"), text, "locking again changes nothing");
    env.app_with("acme:greet@^3");
    env.run_alone(&["lock", "--from", "dir:packages"]).ended_with(8).code("deps::no_match");
    env.run_alone(&["fetch"]).ended_with(2).code("deps::not_locked");
    assert_eq!(env.read("jointer.lock"), text);
}

#[test]
fn a_locked_version_stays_until_it_is_updated() {
    let env = TestEnv::new();
    env.publish_here("acme:greet@1.0.0", &component("hello"));
    env.app_with("acme:greet@^1");
    let version = |answer: Value| answer[0]["version"].as_str().expect("a version").to_owned();
    let from = ["--from", "dir:packages"];
    assert_eq!(version(env.json(&[&["lock"], &from[..]].concat())), "1.0.0");
    env.publish_here("acme:greet@1.1.0", &component("hi"));
    let text = env.read("jointer.lock");
    assert_eq!(version(env.json(&["lock"])), "1.0.0");
    assert_eq!(version(env.json(&[&["update", "acme:other"], &from[..]].concat())), "1.0.0");
    assert_eq!(env.read("jointer.lock"), text);
    assert_eq!(version(env.json(&[&["update", "acme:greet"], &from[..]].concat())), "1.1.0");
    env.publish_here("acme:greet@1.2.0", &component("hey"));
    let text = env.read("jointer.lock");
    env.run_alone(&["update", "--locked", "--from", "dir:packages"]).ended_with(1).code("deps::would_change");
    assert_eq!(env.read("jointer.lock"), text);
    assert_eq!(version(env.json(&["update"])), "1.2.0", "out of the registry that it was locked from");
}

#[test]
fn a_build_locks_what_is_not_and_fetches_what_is() {
    let env = TestEnv::new();
    env.publish_here("acme:greet@1.0.0", &component("hello"));
    env.app_with("acme:greet@^1");
    env.run_alone(&["build", "--locked", "--from", "dir:packages"]).ended_with(2).code("deps::not_locked");
    env.run_alone(&["build", "--from", "dir:packages"]).success();
    let text = env.read("jointer.lock");
    assert!(text.contains("acme:greet"), "{text}");
    forget_store(&env);
    env.run_alone(&["build", "--frozen"]).ended_with(8).code("deps::not_fetched");
    env.run_alone(&["build", "--locked"]).success();
    env.run_alone(&["build", "--frozen"]).success();
    assert_eq!(env.read("jointer.lock"), text);
}

#[test]
fn vendored_packages_need_neither_store_nor_registry() {
    let env = TestEnv::new();
    let published = env.publish_here("acme:greet@1.0.0", &component("hello"));
    env.app_with("acme:greet@^1");
    env.json(&["lock", "--from", "dir:packages"]);
    assert_eq!(env.json(&["vendor"])["packages"][0]["version"], "1.0.0");
    std::fs::rename(env.path("packages"), env.path("gone")).expect("moved");
    forget_store(&env);
    env.run_alone(&["build", "--frozen"]).success();
    // What is in the folder is believed as little as what comes from a registry.
    forget_store(&env);
    let hex = published["content"].as_str().expect("a digest").trim_start_matches("sha256:").to_owned();
    let path = format!("vendor/acme/greet/blobs/sha256/{hex}");
    let mut bytes = std::fs::read(env.path(&path)).expect("vendored");
    bytes[100] ^= 1;
    env.write(&path, bytes);
    env.run_alone(&["fetch", "--frozen"]).ended_with(6).code("registry::corrupt");
    std::fs::rename(env.path("gone"), env.path("packages")).expect("moved");
    env.app_with("acme:greet@^2");
    env.publish_here("acme:greet@2.0.0", &component("hi"));
    env.json(&["lock", "--from", "dir:packages"]);
    env.json(&["vendor"]);
    assert!(env.run_alone(&["fetch", "--frozen"]).success().stdout.contains("2.0.0"));
    let index = env.read("vendor/acme/greet/index.json");
    assert!(!index.contains("1.0.0"), "what is not locked any more is gone: {index}");
}

#[test]
fn what_is_locked_and_stored_needs_no_registry() {
    let env = TestEnv::new();
    env.publish_here("acme:greet@1.0.0", &component("hello"));
    env.app_with("acme:greet@^1");
    let server = Faulty::new(env.path("packages"));
    env.json(&["lock", "--from", &server.address.to_string()]);
    server.heal();
    env.run_alone(&["fetch"]).success();
    env.run_alone(&["fetch", "--locked", "--offline"]).success();
    env.run_alone(&["lock"]).success();
    env.run_alone(&["lock", "--frozen"]).success();
    env.run_alone(&["update", "--offline", "--from", &server.address.to_string()]).success();
    assert_eq!(server.asked(), Vec::<String>::new());
    forget_store(&env);
    env.run_alone(&["fetch", "--offline"]).ended_with(8).code("deps::not_fetched");
    assert_eq!(server.asked(), Vec::<String>::new());
    env.run_alone(&["fetch", "--locked"]).success();
    assert!(!server.asked().is_empty());
}

#[test]
fn a_moved_tag_is_refused_with_both_digests_and_the_lock_stays() {
    for warm in [true, false] {
        let env = TestEnv::new();
        env.publish_here("acme:greet@1.0.0", &component("hello"));
        let evil = env.publish_here("acme:greet@0.9.0", &component("evil"));
        env.app_with("acme:greet@^1");
        let locked = env.json(&["lock", "--from", "dir:packages"]);
        let text = env.read("jointer.lock");
        move_tag(&env, "1.0.0", "0.9.0");
        if !warm {
            forget_store(&env);
        }
        let refused = env.run_alone(&["fetch", "--locked"]).ended_with(6).code("deps::moved");
        // The diagnostic is wrapped, so look for the digests without line ends.
        let said: String = refused.stderr.chars().filter(char::is_ascii_alphanumeric).collect();
        for digest in [&locked[0]["manifest"], &evil["manifest"]] {
            let hex = digest.as_str().expect("a digest").trim_start_matches("sha256:");
            assert!(said.contains(hex), "no {hex} in {}", refused.stderr);
        }
        env.run_alone(&["lock", "--locked"]).ended_with(6).code("deps::moved");
        if !warm {
            forget_store(&env);
            env.run_alone(&["lock"]).ended_with(6).code("deps::moved");
        }
        env.run_alone(&["update", "--from", "dir:packages"]).ended_with(6).code("deps::moved");
        assert_eq!(env.read("jointer.lock"), text);
        // Without `--locked` the pinned digest counts, whatever the tag says.
        env.run_alone(&["fetch"]).success();
        assert_eq!(std::fs::read(stored(&env, &locked[0]["content"])).expect("stored"), component("hello"));
        assert_eq!(env.read("jointer.lock"), text);
    }
}

#[test]
fn a_flipped_byte_in_the_store_is_noticed_and_mended() {
    let env = TestEnv::new();
    env.publish_here("acme:greet@1.0.0", &component("hello"));
    env.app_with("acme:greet@^1");
    let locked = env.json(&["lock", "--from", "dir:packages"]);
    let path = stored(&env, &locked[0]["content"]);
    let mut bytes = std::fs::read(&path).expect("stored");
    bytes[100] ^= 1;
    std::fs::write(&path, &bytes).expect("changed");
    env.run_alone(&["fetch", "--offline"]).ended_with(8).code("deps::not_fetched");
    env.run_alone(&["fetch"]).success();
    assert_eq!(std::fs::read(&path).expect("stored"), component("hello"));
}

#[test]
fn a_damaged_folder_of_packages_is_refused() {
    let env = TestEnv::new();
    let published = env.publish_here("acme:greet@1.0.0", &component("hello"));
    env.app_with("acme:greet@^1");
    for key in ["content", "manifest"] {
        let hex = published[key].as_str().expect("a digest").trim_start_matches("sha256:");
        let path = format!("packages/acme/greet/blobs/sha256/{hex}");
        let good = std::fs::read(env.path(&path)).expect("a blob");
        let mut bad = good.clone();
        bad[20] ^= 1;
        env.write(&path, bad);
        env.run_alone(&["lock", "--from", "dir:packages"]).ended_with(6).code("registry::corrupt");
        assert!(!env.path("jointer.lock").exists());
        env.write(&path, good);
    }
    env.run_alone(&["lock", "--from", "dir:packages"]).success();
}

#[test]
fn the_same_version_of_two_registries_is_not_confused() {
    let env = TestEnv::new();
    let servers = [serve_registry(&[]), serve_registry(&[])];
    let [one, two] = servers.each_ref().map(|server| server.address.to_string());
    env.app_with("acme:greet@^1");
    for (registry, word) in [(&one, "one"), (&two, "two")] {
        env.write("greet.wasm", component(word));
        env.json(&["publish", "greet.wasm", "--as", "acme:greet@1.0.0", "--to", registry]);
        let locked = env.json(&["lock", "--from", registry]);
        assert_eq!(std::fs::read(stored(&env, &locked[0]["content"])).expect("stored"), component(word));
        assert_eq!(locked[0]["registry"], *registry);
    }
}

#[test]
fn a_broken_lock_file_is_named() {
    let env = TestEnv::new();
    env.app_with("acme:greet@^1");
    for text in ["[[package]", "[[package]]\nname = \"acme:greet\"\n", "package = 1\n"] {
        env.write("jointer.lock", text);
        env.run_alone(&["fetch"]).ended_with(2).code("deps::invalid_lock");
        env.run_alone(&["lock", "--from", "dir:packages"]).ended_with(2).code("deps::invalid_lock");
        assert_eq!(env.read("jointer.lock"), text);
    }
}
