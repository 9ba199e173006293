//! A resource of Rust goes through Python and JavaScript, in parts whose tools emitted three different
//! WASI versions.

use std::collections::BTreeSet;

use jointer::component;
use serde_json::Value;

use crate::support::TestEnv;

/// The 0.2 versions that the tool of a part emitted: those of its result before it was adapted.
fn emitted(env: &TestEnv, part: &str) -> BTreeSet<String> {
    let record: Value = serde_json::from_str(&env.read("build/record.json")).expect("json");
    let output = record["units"][part]["output"].as_str().expect("a digest");
    let hex = output.trim_start_matches("sha256:");
    let blob = TestEnv::cache().join("units-v1/blobs").join(&hex[..2]).join(hex);
    let bytes = std::fs::read(&blob).unwrap_or_else(|error| panic!("{}: {error}", blob.display()));
    let imports = component::externs(&bytes).expect("a component").imports;
    imports
        .iter()
        .filter_map(|import| {
            import.strip_prefix("wasi:")?.split_once('@').map(|(_, version)| version.to_owned())
        })
        .collect()
}

#[test]
fn a_resource_goes_through_three_languages_and_three_wasi_versions() {
    let env = TestEnv::new();
    env.copy("tests/apps/resource-chain", ".");
    env.jointer(["build"]).success();
    let versions: BTreeSet<String> =
        ["ledger", "stamps", "report"].iter().flat_map(|part| emitted(&env, part)).collect();
    assert!(versions.len() >= 3, "the tools agree by now, which proves less: {versions:?}");
    let composed = std::fs::read(env.path("build/chain.wasm")).expect("build/chain.wasm");
    component::validate(&composed).expect("valid");
    let externs = component::externs(&composed).expect("externs");
    assert_eq!(externs.exports, ["acme:chain/report@0.1.0"]);
    let foreign: Vec<_> = externs.imports.iter().filter(|import| !import.ends_with("@0.2.12")).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    let said = env.jointer(["call", "--no-build", "acme:chain/report.write(\"May\")"]).success().stdout;
    assert_eq!(
        said.trim(),
        "[\"copy of May\", \"rust: opened copy of May\", \"rust: opened May\", \"javascript: began\", \
         \"python: stamped May\", \"javascript: ended\"]"
    );
}
