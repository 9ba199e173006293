//! Signing packages in registries, through the real binary.

use serde_json::Value;

use crate::registry::component;
use crate::servers::serve_registry;
use crate::support::{Ran, TestEnv};

impl TestEnv {
    /// Runs a command that opens keys of [`TestEnv::keygen`].
    pub fn with_key(&self, args: &[&str]) -> Ran {
        let mut command = self.alone(args);
        Ran::from(command.env("JOINTER_KEY_PASSWORD", "secret").output().expect("jointer starts"))
    }

    /// The answer of a command that opens keys and succeeds.
    pub fn json_with_key(&self, args: &[&str]) -> Value {
        let ran = self.with_key(&[&["--format", "json"], args].concat()).success();
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
    }
}

/// The tags of the package `acme:greet` in the folder `packages`, and the artifact types of all its manifests.
fn in_folder(env: &TestEnv) -> (Vec<String>, Vec<String>) {
    let index: Value = serde_json::from_str(&env.read("packages/acme/greet/index.json")).expect("JSON");
    let entries = index["manifests"].as_array().expect("entries");
    let texts = |pointer: &str| {
        entries.iter().filter_map(|entry| Some(entry.pointer(pointer)?.as_str()?.to_owned())).collect()
    };
    (texts("/annotations/org.opencontainers.image.ref.name"), texts("/artifactType"))
}

#[test]
fn a_package_is_signed_in_both_forms_and_the_same_signature_is_there_once() {
    let env = TestEnv::new();
    env.keygen("mine");
    let published = env.publish_here("acme:greet@1.0.0", &component("hello"));
    let sign = ["sign", "acme:greet@1.0.0", "--key", "mine.key", "--from", "dir:packages"];
    let signed = env.json_with_key(&sign);
    assert_eq!(signed["manifest"], published["manifest"]);
    assert_eq!(signed["attached"].as_array().map(Vec::len), Some(2));
    assert_eq!(env.json_with_key(&sign), signed, "again is the same");
    let (tags, kinds) = in_folder(&env);
    assert!(tags.iter().any(|tag| tag.ends_with(".sig")), "{tags:?}");
    let bundles = kinds.iter().filter(|kind| kind.contains("sigstore.bundle")).count();
    assert_eq!(bundles, 1, "{kinds:?}");
    let verify = ["verify", "acme:greet@1.0.0", "--key", "mine.pub", "--from", "dir:packages"];
    let verified = env.json(&verify);
    assert_eq!(verified["manifest"], published["manifest"]);
    assert_eq!(verified["content"], published["content"]);
    assert_eq!(verified["signer"]["key"], signed["key"]);
    // Others still see a package with one version.
    env.app_with("acme:greet@*");
    env.json(&["lock", "--from", "dir:packages"]);
}

#[test]
fn each_form_alone_is_enough() {
    for form in ["bundle", "legacy"] {
        let env = TestEnv::new();
        env.keygen("mine");
        env.publish_here("acme:greet@1.0.0", &component("hello"));
        let at = ["acme:greet@1.0.0", "--from", "dir:packages"];
        let sign = [&["sign"], &at[..], &["--key", "mine.key", "--signature-format", form]].concat();
        assert_eq!(env.json_with_key(&sign)["attached"].as_array().map(Vec::len), Some(1));
        env.json(&[&["verify"], &at[..], &["--key", "mine.pub"]].concat());
    }
}

#[test]
fn several_sign_and_each_of_them_counts() {
    let env = TestEnv::new();
    let server = serve_registry(&[]);
    let address = server.address.to_string();
    env.write("greet.wasm", component("hello"));
    env.json(&["publish", "greet.wasm", "--as", "acme:greet@1.0.0", "--to", &address]);
    for name in ["one", "two", "three"] {
        env.keygen(name);
        let key = format!("{name}.key");
        env.json_with_key(&["sign", "acme:greet@1.0.0", "--key", &key, "--from", &address]);
    }
    env.keygen("other");
    for name in ["one", "two", "three"] {
        let key = format!("{name}.pub");
        env.json(&["verify", "acme:greet@1.0.0", "--key", &key, "--from", &address]);
    }
    env.run_alone(&["verify", "acme:greet@1.0.0", "--key", "other.pub", "--from", &address])
        .ended_with(6)
        .code("trust::another_key");
}

#[test]
fn of_those_who_sign_at_the_same_time_nobody_is_lost_silently() {
    let env = TestEnv::new();
    let server = serve_registry(&[]);
    let address = server.address.to_string();
    env.write("greet.wasm", component("hello"));
    env.json(&["publish", "greet.wasm", "--as", "acme:greet@1.0.0", "--to", &address]);
    let names: Vec<String> = (0..5).map(|number| format!("signer{number}")).collect();
    names.iter().for_each(|name| env.keygen(name));
    let children: Vec<_> = names
        .iter()
        .map(|name| {
            let key = format!("{name}.key");
            // The older form is the one in which all share a tag.
            let args = [
                "sign",
                "acme:greet@1.0.0",
                "--from",
                &address,
                "--signature-format",
                "legacy",
                "--key",
                &key,
            ];
            let mut command = env.alone(&args);
            command.env("JOINTER_KEY_PASSWORD", "secret").stdout(std::process::Stdio::null());
            (name, command.stderr(std::process::Stdio::piped()).spawn().expect("jointer starts"))
        })
        .collect();
    let mut stayed = 0;
    for (name, child) in children {
        let ran = Ran::from(child.wait_with_output().expect("it ends"));
        let verify = ["verify", "acme:greet@1.0.0", "--from", &address, "--key", &format!("{name}.pub")];
        match ran.status {
            0 => {
                env.run_alone(&verify).success();
                stayed += 1;
            }
            _ => drop(ran.ended_with(7).code("package::signature_lost")),
        }
    }
    assert!(stayed > 0);
}

#[test]
fn what_calls_itself_something_else_is_not_signed() {
    let env = TestEnv::new();
    env.keygen("mine");
    env.publish_here("acme:greet@1.0.0", &component("hello"));
    let index = env.read("packages/acme/greet/index.json");
    env.write("packages/acme/greet/index.json", index.replace("\"1.0.0\"", "\"2.0.0\""));
    env.with_key(&["sign", "acme:greet@2.0.0", "--key", "mine.key", "--from", "dir:packages"])
        .ended_with(6)
        .code("trust::another_package");
    env.with_key(&["sign", "acme:greet@3.0.0", "--key", "mine.key", "--from", "dir:packages"])
        .ended_with(8)
        .code("registry::not_found");
}

#[test]
fn a_statement_is_attached_and_is_no_signature() {
    let env = TestEnv::new();
    env.keygen("mine");
    env.publish_here("acme:greet@1.0.0", &component("hello"));
    env.write("list.json", r#"{"bomFormat":"CycloneDX"}"#);
    let at = ["acme:greet@1.0.0", "--from", "dir:packages"];
    let attest = |kind: &str, file: &str| {
        env.with_key(
            &[&["attest"], &at[..], &["--key", "mine.key", "--type", kind, "--predicate", file]].concat(),
        )
    };
    attest("cyclonedx", "list.json").success();
    let verify = [&["verify"], &at[..], &["--key", "mine.pub"]].concat();
    env.run_alone(&verify).ended_with(6).code("trust::only_attested");
    env.with_key(&[&["sign"], &at[..], &["--key", "mine.key"]].concat()).success();
    assert_eq!(env.json(&verify)["attestations"], serde_json::json!(["https://cyclonedx.org/bom"]));
    attest("cyclondx", "list.json").ended_with(2).code("trust::unknown_kind");
    env.write("list.json", "{");
    attest("cyclonedx", "list.json").ended_with(2).code("package::not_json");
}

#[test]
fn publishing_signed_takes_nobodys_signature_away() {
    let env = TestEnv::new();
    env.keygen("one");
    env.keygen("two");
    env.write("greet.wasm", component("hello"));
    for key in ["one.key", "two.key", "one.key"] {
        let publish =
            ["publish", "greet.wasm", "--as", "acme:greet@1.0.0", "--to", "dir:packages", "--sign", key];
        env.with_key(&publish).success();
    }
    // The older form alone has to do.
    let path = "packages/acme/greet/index.json";
    let mut index: Value = serde_json::from_str(&env.read(path)).expect("JSON");
    let entries = index["manifests"].as_array_mut().expect("entries");
    entries.retain(|entry| entry["annotations"]["org.opencontainers.image.ref.name"].is_string());
    env.write(path, index.to_string());
    for key in ["one.pub", "two.pub"] {
        env.json(&["verify", "acme:greet@1.0.0", "--key", key, "--from", "dir:packages"]);
    }
}
