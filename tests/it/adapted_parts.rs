//! What is adapted in an app stands where it is looked for: in `jointer.lock`, the build's record, the SBOM and the
//! component.

use std::io::Read;

use crate::support::TestEnv;

/// A component that imports a clock of this version and exports nothing.
fn clock(version: &str) -> Vec<u8> {
    let import = format!("wasi:clocks/wall-clock@{version}");
    let text = format!(
        r#"(component (import "{import}" (instance
            (type $r (record (field "seconds" u64) (field "nanoseconds" u32)))
            (export "datetime" (type $d (eq $r)))
            (export "now" (func (result $d))))))"#
    );
    wat::parse_str(text).expect("WAT")
}

const MANIFEST: &str =
    "[app]\nname = \"acme:shop\"\nversion = \"1.2.3\"\n[component.gateway]\nfile = \"gateway.wasm\"\n";

fn app(version: &str) -> TestEnv {
    let env = TestEnv::with_own_results();
    env.write("jointer.toml", MANIFEST);
    env.write("gateway.wasm", clock(version));
    env
}

/// The list of parts out of a bundle.
fn sbom(bundle: &[u8]) -> serde_json::Value {
    let mut archive = tar::Archive::new(bundle);
    for entry in archive.entries().expect("a bundle") {
        let mut bytes = Vec::new();
        entry.expect("an entry").read_to_end(&mut bytes).expect("read");
        let value: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
        if let Some(found) = value.filter(|value| value["bomFormat"] == "CycloneDX") {
            return found;
        }
    }
    panic!("no SBOM")
}

#[test]
fn lock_file_record_sbom_and_component_say_what_was_adapted() {
    let env = app("0.2.0-rc-2023-11-10");
    let line = "0.2.0-rc-2023-11-10 to wasi@0.2.12 (renamed)";
    let refused = env.jointer(["build", "--locked"]).ended_with(1).code("build::not_as_locked").unwrapped();
    assert!(refused.contains(line) && !env.path("jointer.lock").exists(), "{refused}");
    assert!(!env.path("build/shop.wasm").exists());
    env.write("jointer.lock", "# by hand\n[tools]\ncargo = \"1.95\"\n");
    env.jointer(["build"]).success();
    let lock = env.read("jointer.lock");
    let expected = format!(
        "# by hand\n[tools]\ncargo = \"1.95\"\n\n[[adapted]]\ncomponent = \"gateway\"\nfrom = [\"0.2.0-rc-2023-11-10\"]\n\
         to = \"wasi@0.2.12\"\nhow = \"renamed\"\njointer = \"{}\"\n",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(lock, expected);
    let record: serde_json::Value = serde_json::from_str(&env.read("build/record.json")).expect("JSON");
    assert_eq!(record["units"]["adapt gateway"]["adapted"], line);
    let inspected = env.jointer(["inspect", "build/shop.wasm"]).success().stdout;
    assert!(inspected.contains(&format!("  {line}\n")), "{inspected}");
    env.jointer(["bundle", "-o", "shop.oci.tar"]).success();
    let list = sbom(&std::fs::read(env.path("shop.oci.tar")).expect("the bundle"));
    let properties = list["components"][0]["properties"].as_array().expect("properties");
    assert!(properties.contains(&serde_json::json!({ "name": "jointer:adapted", "value": line })), "{list}");
    // Fresh or from the cache, it is the same.
    env.jointer(["build", "--locked"]).success();
    std::fs::remove_dir_all(env.path("build")).expect("removed");
    env.jointer(["build", "--locked"]).success();
    assert_eq!(env.read("jointer.lock"), lock);
}

#[test]
fn another_adaptation_is_refused_where_it_is_locked() {
    let env = app("0.2.0-rc-2023-11-10");
    env.jointer(["build"]).success();
    let built = env.read("jointer.lock");
    env.write("gateway.wasm", clock("0.2.0-rc-2023-12-05"));
    let said = env.jointer(["build", "--locked"]).ended_with(1).code("build::not_as_locked").unwrapped();
    assert!(
        said.contains("`gateway` from 0.2.0-rc-2023-12-05")
            && said.contains("and it was `gateway` from 0.2.0-rc-2023-11-10"),
        "{said}"
    );
    assert_eq!(env.read("jointer.lock"), built);
    env.jointer(["build"]).success();
    assert!(env.read("jointer.lock").contains("from = [\"0.2.0-rc-2023-12-05\"]"));
    // What fits as it is leaves nothing behind, nor does a step between two final versions.
    for version in ["0.2.12", "0.2.3"] {
        env.write("gateway.wasm", clock(version));
        env.jointer(["build"]).success();
        assert!(!env.read("jointer.lock").contains("adapted"), "{version}");
    }
    env.write("jointer.lock", "[[adapted]]\ncomponent = 3\n");
    env.jointer(["build"]).ended_with(2).code("build::invalid_lock");
}
