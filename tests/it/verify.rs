//! Verifying packages by a policy, through the real binary. Each refusal's reasons are tested beside the code; here it
//! is that commands take the right policy, fetch what they need and say which code it was.

use serde_json::{Value, json};

use crate::registry::component;
use crate::servers::serve_registry;
use crate::support::{Ran, TestEnv};

const AT: [&str; 3] = ["acme:greet@1.0.0", "--from", "dir:packages"];

/// A package in the folder `packages`, signed with `mine.key`.
fn signed(env: &TestEnv, bytes: &[u8]) {
    env.keygen("mine");
    env.publish_here(AT[0], bytes);
    env.with_key(&[&["sign"], &AT[..], &["--key", "mine.key"]].concat()).success();
}

/// What verifying says under a rule for all packages.
fn under(env: &TestEnv, rule: &str) -> Ran {
    env.write("trust.toml", format!("[package.\"acme:*\"]\n{rule}\n"));
    env.run_alone(&[&["verify"], &AT[..], &["--policy", "trust.toml"]].concat())
}

const KEY: &str = "keys = [{ path = \"mine.pub\", name = \"me\" }]";

#[test]
fn every_refusal_has_its_code() {
    let env = TestEnv::new();
    env.keygen("other");
    signed(&env, &component("hello"));
    under(&env, KEY).success();
    let mine = |more: &str| format!("keys = [{{ path = \"mine.pub\"{more} }}]");
    for (rule, code) in [
        ("keys = [{ path = \"other.pub\" }]".to_owned(), "another_key"),
        (format!("{KEY}\nmin-version = \"1.0.1\""), "too_old"),
        (mine(", not-after = 2020-01-01"), "key_expired"),
        (mine(", not-before = 2999-01-01"), "key_not_yet_valid"),
        (mine(", revoked = true"), "key_revoked"),
        (format!("{KEY}\nattestations = [\"cyclonedx\"]"), "no_attestation"),
        (format!("{KEY}\nlicences = [\"MIT\"]"), "licence"),
    ] {
        under(&env, &rule).ended_with(6).code(&format!("trust::{code}"));
    }
    under(&env, "keys = [{ path = \"absent.pub\" }]").ended_with(2).code("trust::invalid_policy");
    let typo = under(&env, "kees = []").ended_with(2).code("trust::unknown_key");
    assert!(typo.unwrapped().contains("did you mean `keys`?"), "{}", typo.stderr);
    env.write("trust.toml", "[package.\"other:*\"]\nrequire = \"none\"\n");
    let verify = [&["verify"], &AT[..]].concat();
    env.run_alone(&[&verify[..], &["--policy", "trust.toml"]].concat()).ended_with(6).code("trust::no_rule");
    env.publish_here("acme:greet@1.1.0", &component("other"));
    env.run_alone(&["verify", "acme:greet@1.1.0", "--from", "dir:packages", "--key", "mine.pub"])
        .ended_with(6)
        .code("trust::unsigned");
    env.run_alone(&["verify", "absent.oci.tar", "--key", "mine.pub"]).ended_with(8).code("file::not_found");
}

#[test]
fn capabilities_and_provenance_are_read_from_the_package() {
    let env = TestEnv::new();
    let client = wat::parse_str(r#"(component (import "wasi:http/outgoing-handler@0.2.12" (instance)))"#);
    signed(&env, &client.expect("a component"));
    let refused = under(&env, &format!("{KEY}\ncapabilities = [\"files\"]"));
    refused.ended_with(6).code("trust::capability");
    under(&env, &format!("{KEY}\ncapabilities = [\"outbound\"]")).success();
    let provenance = json!({
        "buildDefinition": { "resolvedDependencies": [{ "uri": "git+https://git.example/greet@refs/tags/v1" }] },
        "runDetails": { "builder": { "id": "https://ci.example/a" } },
    });
    env.write("provenance.json", provenance.to_string());
    let rule = format!("{KEY}\nbuilder = \"https://ci.example/a\"\nsource = \"https://git.example/greet\"");
    under(&env, &rule).ended_with(6).code("trust::no_attestation");
    let kind = ["--type", "slsa-provenance-v1", "--predicate", "provenance.json", "--key", "mine.key"];
    env.with_key(&[&["attest"], &AT[..], &kind].concat()).success();
    let verified = under(&env, &rule).success();
    assert!(verified.stdout.contains("attested https://slsa.dev/provenance/v1"), "{}", verified.stdout);
    under(&env, &rule.replace("/a", "/b")).ended_with(6).code("trust::wrong_builder");
    under(&env, &rule.replace("/greet", "/other")).ended_with(6).code("trust::wrong_source");
}

#[test]
fn the_policy_is_the_apps_and_else_the_users() {
    let env = TestEnv::new();
    signed(&env, &component("hello"));
    let verify = [&["verify"], &AT[..]].concat();
    env.run_alone(&verify).ended_with(2).code("trust::no_policy");
    let home = env.path("../home/.config/jointer");
    std::fs::create_dir_all(&home).expect("folders");
    std::fs::copy(env.path("mine.pub"), home.join("mine.pub")).expect("copied");
    std::fs::write(home.join("trust.toml"), format!("[package.\"*\"]\n{KEY}\n")).expect("written");
    let verified = env.json(&verify);
    assert_eq!(verified["signer"]["name"], "me");
    assert_eq!(verified["rule"], "*");
    env.app_with("acme:greet@^1");
    env.write("trust.toml", "[package.\"acme:greet\"]\nrequire = \"none\"\n");
    let verified = env.json(&verify);
    assert_eq!((&verified["rule"], &verified["signer"]), (&"acme:greet".into(), &Value::Null));
}

#[test]
fn what_was_verified_once_is_verified_again_without_the_registry() {
    let env = TestEnv::new();
    env.keygen("mine");
    env.keygen("other");
    let server = serve_registry(&[]);
    let address = server.address.to_string();
    env.write("greet.wasm", component("hello"));
    env.json(&["publish", "greet.wasm", "--as", AT[0], "--to", &address]);
    env.json_with_key(&["sign", AT[0], "--key", "mine.key", "--from", &address]);
    let verify = ["verify", AT[0], "--from", &address, "--key", "mine.pub"];
    let offline = [&verify[..], &["--offline"]].concat();
    // Signing has brought the package into the store, but not what is attached to it.
    env.run_alone(&offline).ended_with(7).code("registry::unreachable");
    let online = env.json(&verify);
    drop(server);
    assert_eq!(env.json(&offline), online);
    let other = ["verify", AT[0], "--from", &address, "--key", "other.pub", "--offline"];
    env.run_alone(&other).ended_with(6).code("trust::another_key");
    env.run_alone(&["verify", "acme:greet@2.0.0", "--from", &address, "--key", "mine.pub", "--offline"])
        .ended_with(8)
        .code("registry::not_found");
}

#[test]
fn an_old_signed_version_under_a_new_tag_is_refused() {
    let env = TestEnv::new();
    signed(&env, &component("hello"));
    let index = env.read("packages/acme/greet/index.json");
    env.write("packages/acme/greet/index.json", index.replace("\"1.0.0\"", "\"2.0.0\""));
    env.run_alone(&["verify", "acme:greet@2.0.0", "--from", "dir:packages", "--key", "mine.pub"])
        .ended_with(6)
        .code("trust::another_package");
}

#[test]
fn the_signature_of_another_version_is_refused() {
    let env = TestEnv::new();
    signed(&env, &component("hello"));
    let unsigned = env.publish_here("acme:greet@1.1.0", &component("evil"));
    // Somebody who can write to the registry attaches the signature of 1.0.0 to 1.1.0.
    let index_path = "packages/acme/greet/index.json";
    let mut index: Value = serde_json::from_str(&env.read(index_path)).expect("JSON");
    let blob = |digest: &Value| {
        let hex = digest.as_str().and_then(|digest| digest.strip_prefix("sha256:")).expect("a digest");
        format!("packages/acme/greet/blobs/sha256/{hex}")
    };
    let entries = index["manifests"].as_array_mut().expect("entries");
    let bundle = entries
        .iter()
        .find(|entry| entry["artifactType"].as_str().is_some_and(|kind| kind.contains("sigstore")))
        .expect("a bundle")
        .clone();
    let mut manifest: Value = serde_json::from_str(&env.read(blob(&bundle["digest"]))).expect("JSON");
    manifest["subject"]["digest"] = unsigned["manifest"].clone();
    let size = std::fs::metadata(env.path(blob(&unsigned["manifest"]))).expect("a manifest").len();
    manifest["subject"]["size"] = size.into();
    env.write("packages/grafted.json", manifest.to_string());
    let sum = std::process::Command::new("sha256sum").arg(env.path("packages/grafted.json")).output();
    let digest = format!("sha256:{}", &String::from_utf8_lossy(&sum.expect("sha256sum").stdout)[..64]);
    env.write(blob(&json!(digest)), manifest.to_string());
    let mut entry = bundle;
    entry["digest"] = json!(digest);
    entry["size"] = manifest.to_string().len().into();
    entries.push(entry);
    env.write(index_path, index.to_string());
    env.run_alone(&["verify", "acme:greet@1.1.0", "--from", "dir:packages", "--key", "mine.pub"])
        .ended_with(6)
        .code("trust::another_subject");
    // What it was taken from is as good as before.
    env.run_alone(&[&["verify"], &AT[..], &["--key", "mine.pub"]].concat()).success();
}

#[test]
fn a_repository_can_be_part_of_what_is_trusted() {
    let env = TestEnv::new();
    env.keygen("mine");
    let (home, copy) = (serve_registry(&[]), serve_registry(&[]));
    let addresses = [home.address.to_string(), copy.address.to_string()];
    env.write("greet.wasm", component("hello"));
    for address in &addresses {
        env.json(&["publish", "greet.wasm", "--as", AT[0], "--to", address]);
    }
    env.json_with_key(&["sign", AT[0], "--key", "mine.key", "--from", &addresses[0]]);
    // A bundle names no repository, so the copy has a good signature.
    env.json_with_key(&[
        "sign",
        AT[0],
        "--key",
        "mine.key",
        "--from",
        &addresses[1],
        "--signature-format",
        "bundle",
    ]);
    env.write("trust.toml", format!("[package.\"*\"]\n{KEY}\nbind-repository = true\n"));
    let verify = |address: &str| {
        // A cache of its own: what was seen in one registry shall not help in the other.
        let mut command = env.command(["verify", AT[0], "--from", address, "--policy", "trust.toml"]);
        command.env("JOINTER_CACHE", env.path(format!("../cache-{}", address.replace(':', "-"))));
        Ran::from(command.output().expect("jointer starts"))
    };
    verify(&addresses[0]).success();
    verify(&addresses[1]).ended_with(6).code("trust::another_repository");
}

#[test]
fn a_bundle_is_verified_by_the_same_policy() {
    let env = TestEnv::new();
    env.ready_app();
    env.keygen("mine");
    env.bundle("mine", "shop.oci.tar");
    let under = |rule: &str| {
        env.write("trust.toml", format!("[package.\"acme:shop\"]\n{rule}\n"));
        env.run_alone(&["verify", "shop.oci.tar"])
    };
    let verified = under(KEY).success();
    assert!(verified.stdout.contains("(me)"), "{}", verified.stdout);
    under(&format!("{KEY}\nmin-version = \"2.0.0\"")).ended_with(6).code("trust::too_old");
    under("keys = [{ path = \"mine.pub\", revoked = true }]").ended_with(6).code("trust::key_revoked");
    under(&format!("{KEY}\nattestations = [\"https://example.com/review/v1\"]"))
        .ended_with(6)
        .code("trust::no_attestation");
}

/// An app that uses `acme:greet@^1` out of the folder `packages` and trusts `mine.pub`.
fn app_with_policy(env: &TestEnv, rule: &str) {
    env.app_with("acme:greet@^1");
    env.write("trust.toml", format!("[package.\"*\"]\n{rule}\n"));
}

#[test]
fn locking_and_fetching_apply_the_policy_and_the_signer_is_locked() {
    let env = TestEnv::new();
    env.keygen("other");
    signed(&env, &component("hello"));
    app_with_policy(&env, "keys = [{ path = \"other.pub\" }]");
    env.run_alone(&["lock", "--from", "dir:packages"]).ended_with(6).code("trust::another_key");
    assert!(!env.path("jointer.lock").exists());
    app_with_policy(&env, KEY);
    let locked = env.json(&["lock", "--from", "dir:packages"]);
    let signer = locked[0]["signer"].as_str().expect("a signer").to_owned();
    assert!(env.read("jointer.lock").contains(&format!("signer = \"{signer}\"")));
    env.run_alone(&["fetch", "--locked"]).success();
    // Everything is in the store, so that it is verified again without the registry, also with another outcome.
    std::fs::rename(env.path("packages"), env.path("away")).expect("moved");
    env.run_alone(&["fetch", "--offline"]).success();
    env.run_alone(&["build"]).success();
    app_with_policy(&env, "keys = [{ path = \"mine.pub\", revoked = true }]");
    env.run_alone(&["fetch", "--offline"]).ended_with(6).code("trust::key_revoked");
    env.run_alone(&["build"]).ended_with(6).code("trust::key_revoked");
    // What is kept in the repository is verified with what is kept beside it.
    app_with_policy(&env, KEY);
    env.run_alone(&["vendor"]).success();
    std::fs::remove_dir_all(env.cache_alone()).expect("removed");
    env.run_alone(&["fetch", "--offline"]).success();
    std::fs::remove_dir_all(env.path("vendor/acme/greet/records")).expect("removed");
    std::fs::remove_dir_all(env.cache_alone()).expect("removed");
    assert_ne!(env.run_alone(&["fetch", "--offline"]).status, 0, "nothing is known of any signature");
}

#[test]
fn an_update_never_goes_back_behind_what_was_verified() {
    let env = TestEnv::new();
    signed(&env, &component("hello"));
    env.publish_here("acme:greet@1.1.0", &component("hello"));
    let sign = ["sign", "acme:greet@1.1.0", "--from", "dir:packages", "--key", "mine.key"];
    env.with_key(&sign).success();
    app_with_policy(&env, KEY);
    assert_eq!(env.json(&["lock", "--from", "dir:packages"])[0]["version"], "1.1.0");
    // Somebody hides the new version, which may have closed a hole.
    let path = "packages/acme/greet/index.json";
    let mut index: Value = serde_json::from_str(&env.read(path)).expect("JSON");
    let entries = index["manifests"].as_array_mut().expect("entries");
    entries.retain(|entry| entry["annotations"]["org.opencontainers.image.ref.name"] != "1.1.0");
    env.write(path, index.to_string());
    let before = env.read("jointer.lock");
    env.run_alone(&["update", "--from", "dir:packages"]).ended_with(6).code("trust::rolled_back");
    assert_eq!(env.read("jointer.lock"), before);
}

#[test]
fn pulling_applies_the_policy() {
    let env = TestEnv::new();
    env.keygen("mine");
    let server = serve_registry(&[]);
    let address = server.address.to_string();
    env.write("greet.wasm", component("hello"));
    env.json(&["publish", "greet.wasm", "--as", AT[0], "--to", &address]);
    app_with_policy(&env, KEY);
    let place = format!("{address}/acme/greet:1.0.0");
    let pulls: [&[&str]; 3] = [
        &["pull", AT[0], "--from", &address],
        &["pull", "acme:greet@^1", "--from", &address],
        &["pull", &place],
    ];
    let pull = |args: &[&str]| env.run_alone(&[args, &["-o", "pulled.wasm"]].concat());
    for args in pulls {
        pull(args).ended_with(6).code("trust::unsigned");
        assert!(!env.path("pulled.wasm").exists());
    }
    env.with_key(&["sign", AT[0], "--key", "mine.key", "--from", &address]).success();
    for args in pulls {
        pull(args).success();
        assert_eq!(std::fs::read(env.path("pulled.wasm")).expect("pulled"), component("hello"));
        std::fs::remove_file(env.path("pulled.wasm")).expect("removed");
    }
    // Which version this shall be, nobody says.
    pull(&["pull", &format!("{address}/acme/greet:latest")]).ended_with(6).code("trust::unnamed");
}
