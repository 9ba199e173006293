//! Bills of materials and provenance, read by validators that nobody here wrote.
//!
//! `tests/peers/python.sh` installs them into `target/peers`.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Ran, TestEnv};
use crate::tools::validator;

/// Runs a validator over a file of the folder; `None` when there is none.
fn validate(env: &TestEnv, kind: &str, file: &str) -> Option<Output> {
    let program = validator()?;
    Some(Command::new(program).args([kind, file]).current_dir(env.dir()).output().expect("starts"))
}

#[track_caller]
fn is_valid(env: &TestEnv, kind: &str, file: &str) {
    if let Some(output) = validate(env, kind, file) {
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[track_caller]
fn is_refused(env: &TestEnv, kind: &str, changed: &Value) {
    env.write("changed.json", changed.to_string());
    if let Some(output) = validate(env, kind, "changed.json") {
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The app's list, written to `sbom.json`.
fn sbom(env: &TestEnv) -> Value {
    env.jointer(["sbom", "-o", "sbom.json"]).success();
    serde_json::from_str(&env.read("sbom.json")).expect("JSON")
}

fn named<'a>(list: &'a Value, reference: &str) -> &'a Value {
    let components = list["components"].as_array().expect("components");
    components.iter().find(|one| one["bom-ref"] == reference).unwrap_or_else(|| panic!("no {reference}"))
}

fn completeness(list: &Value) -> BTreeMap<&str, &str> {
    let each = list["compositions"].as_array().expect("compositions").iter();
    each.map(|one| (one["assemblies"][0].as_str().expect("text"), one["aggregate"].as_str().expect("text")))
        .collect()
}

fn properties(component: &Value) -> Vec<(&str, &str)> {
    let each = component["properties"].as_array().expect("properties").iter();
    each.map(|one| (one["name"].as_str().expect("text"), one["value"].as_str().expect("text"))).collect()
}

#[test]
fn the_list_of_three_languages_is_valid_and_honest() {
    let env = TestEnv::new();
    env.copy("examples/shop", ".");
    let list = sbom(&env);
    is_valid(&env, "sbom", "sbom.json");
    let said = completeness(&list);
    assert_eq!(said["part/pricing"], "complete", "cargo knows all that is in a Rust part");
    assert_eq!(said["part/gateway"], "incomplete", "nobody knows what CPython is made of");
    assert_eq!(said["app"], "incomplete");
    let pricing = named(&list, "part/pricing");
    assert!(properties(pricing).contains(&("jointer:packages", "Cargo.lock")), "{pricing}");
    assert!(properties(named(&list, "part/gateway")).contains(&("wasm:language", "python")));
    // What cargo needs for building only, macros say, is not in the component.
    let urls = list["components"].as_array().expect("components").iter();
    let urls: Vec<_> = urls.filter_map(|one| one["purl"].as_str()).collect();
    assert!(urls.iter().any(|url| url.starts_with("pkg:cargo/wit-bindgen@")), "{urls:?}");
    assert!(!urls.iter().any(|url| url.contains("/syn@") || url.contains("macro")), "{urls:?}");
    let mut components = list["components"].as_array().expect("components").iter();
    let bindings = components.find(|one| one["name"] == "wit-bindgen").expect("wit-bindgen");
    assert!(bindings["licenses"][0]["expression"].is_string(), "{bindings}");
    assert_eq!(bindings["hashes"][0]["alg"], "SHA-256");
    let mut dependencies = list["dependencies"].as_array().expect("dependencies").iter();
    let gateway = dependencies.find(|one| one["ref"] == "part/gateway").expect("gateway");
    assert!(gateway["dependsOn"].as_array().expect("refs").contains(&"part/pricing".into()), "{gateway}");
    // What cargo compiled out of its home does not tell where that is.
    let part = std::fs::read(env.path("build/parts/pricing.wasm")).expect("the part");
    let text = String::from_utf8_lossy(&part).into_owned();
    assert!(
        !text.contains("/registry/src/") || text.contains("cargo/registry/src/"),
        "a path of this machine"
    );
    assert!(!text.contains("/.cargo/registry"), "a path of this machine");
    // A build out of the cache says the same.
    let before = env.read("sbom.json");
    env.jointer(["clean"]).success();
    sbom(&env);
    assert_eq!(env.read("sbom.json"), before);
    let mut changed = list.clone();
    changed["bogus"] = 1.into();
    is_refused(&env, "sbom", &changed);
    let mut changed = list.clone();
    changed["compositions"][0]["assemblies"][0] = "part/other".into();
    is_refused(&env, "sbom", &changed);
}

#[test]
fn adapters_are_listed_and_a_file_tells_what_its_bytes_tell() {
    let env = TestEnv::new();
    env.copy("examples/time-machine", ".");
    let list = sbom(&env);
    is_valid(&env, "sbom", "sbom.json");
    let october = named(&list, "part/october");
    let adapted = "0.2.0-rc-2023-10-18 and 0.2.6 to wasi@0.2.12 (wrapped)";
    assert!(properties(october).contains(&("jointer:adapted", adapted)), "{october}");
    let inside = october["components"].as_array().expect("nested");
    let adapters = inside.iter().filter(|one| properties(one).contains(&("jointer:role", "adapter")));
    assert_eq!(adapters.count(), inside.len() - 1, "all but the guest itself");
    assert_eq!(completeness(&list)["part/october"], "complete");
    // The bytes alone know the modules and adapters, and no lock file.
    env.jointer(["sbom", "build/parts/october.wasm", "-o", "file.json"]).success();
    is_valid(&env, "sbom", "file.json");
    let alone: Value = serde_json::from_str(&env.read("file.json")).expect("JSON");
    assert_eq!(completeness(&alone), BTreeMap::from([("app", "incomplete")]));
    assert_eq!(alone["metadata"]["component"]["hashes"], october["hashes"]);
    env.write("none.wasm", "no wasm");
    env.run_alone(&["sbom", "none.wasm"]).code("component::not_wasm");
}

#[test]
fn provenance_is_slsa_and_names_the_commit() {
    let env = TestEnv::new();
    env.ready_app();
    env.keygen("mine");
    let git = |args: &[&str]| {
        let output = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"])
            .args(args)
            .current_dir(env.dir())
            .env("HOME", env.dir())
            .output()
            .expect("git starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    env.write(".gitignore", "build\n*.key\n*.pub\n*.tar\n*.json\nhome\n");
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-qm", "first"]);
    git(&["remote", "add", "origin", "https://user:secret@example.com/shop.git"]);
    let statement = |more: &[&str], variables: &[(&str, &str)]| -> Value {
        let args = [&["bundle", "--sign", "mine.key", "-o", "shop.oci.tar"], more].concat();
        let mut command = env.alone(&args);
        command.env("COSIGN_PASSWORD", "secret").envs(variables.iter().copied());
        Ran::from(command.output().expect("jointer starts")).success();
        let bundle = std::fs::read(env.path("shop.oci.tar")).expect("bundle");
        let statement = json_in(&bundle, |value| {
            value["predicateType"] == "https://slsa.dev/provenance/v1" && value["predicate"].is_object()
        });
        env.write("provenance.json", statement.to_string());
        statement
    };
    let local = statement(&[], &[]);
    is_valid(&env, "provenance", "provenance.json");
    let source = &local["predicate"]["buildDefinition"]["resolvedDependencies"][0];
    assert_eq!(source["digest"]["gitCommit"], git(&["rev-parse", "HEAD"]));
    assert_eq!(source["uri"], "git+https://example.com/shop.git", "without the password");
    assert_eq!(source["annotations"]["dirty"], false);
    assert_eq!(local["predicate"]["runDetails"]["builder"]["id"], "jointer:local");
    assert_eq!(local["subject"][0]["name"], "acme:shop@1.2.3");
    assert_eq!(local, statement(&[], &[]), "no clock is read");
    env.write("jointer.toml", env.read("jointer.toml") + "\n");
    let dirty = statement(&["--builder", "https://ci.example.com/7"], &[]);
    assert_eq!(
        dirty["predicate"]["buildDefinition"]["resolvedDependencies"][0]["annotations"]["dirty"],
        true
    );
    assert_eq!(dirty["predicate"]["runDetails"]["builder"]["id"], "https://ci.example.com/7");
    let mut changed = local.clone();
    changed["predicate"]["buildDefinition"]["materials"] = Value::Array(Vec::new());
    is_refused(&env, "provenance", &changed);
    let mut changed = local;
    changed["subject"][0]["digest"] = Value::Null;
    is_refused(&env, "provenance", &changed);
}

/// The first JSON file of a tar that `is_it`.
fn json_in(tar: &[u8], is_it: impl Fn(&Value) -> bool) -> Value {
    let mut archive = tar::Archive::new(tar);
    for entry in archive.entries().expect("a tar") {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry.expect("an entry"), &mut bytes).expect("bytes");
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(value) if is_it(&value) => return value,
            _ => {}
        }
    }
    panic!("it is not in the bundle")
}

/// cargo-auditable is what writes `.dep-v0` in the field; it has to be compiled, so only with `JOINTER_FULL=1`.
#[test]
fn what_cargo_auditable_wrote_is_read() {
    if std::env::var_os("JOINTER_FULL").is_none() {
        return;
    }
    let env = TestEnv::new();
    let tools = env.path("tools");
    let succeeds = |command: &mut Command| {
        let output = command.output().expect("cargo starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    succeeds(
        Command::new("cargo").args(["install", "--locked", "cargo-auditable@0.7.7", "--root"]).arg(&tools),
    );
    crate::tools::guest_targets();
    env.copy("examples/shop", ".");
    succeeds(
        Command::new(tools.join("bin/cargo-auditable"))
            .args(["auditable", "build", "--release", "--target", "wasm32-wasip2"])
            .current_dir(env.path("pricing"))
            .env("CARGO_TARGET_DIR", env.path("target")),
    );
    env.jointer(["sbom", "target/wasm32-wasip2/release/pricing.wasm", "-o", "sbom.json"]).success();
    is_valid(&env, "sbom", "sbom.json");
    let list: Value = serde_json::from_str(&env.read("sbom.json")).expect("JSON");
    assert_eq!(completeness(&list)["app"], "complete");
    assert!(env.read("sbom.json").contains("pkg:cargo/wit-bindgen@"), "{list}");
}
