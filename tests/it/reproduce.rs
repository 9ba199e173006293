//! `jointer build --verify-reproducible`: measured with the real guest tools.

use serde_json::Value;

use crate::support::TestEnv;

/// What was found of each unit: whether it came out the same.
fn measured(said: &str) -> Vec<(String, bool)> {
    let found: Value = serde_json::from_str(said).expect("JSON");
    let each = found.as_array().expect("a list").iter();
    each.map(|one| (one["unit"].as_str().expect("text").to_owned(), one["same"] == true)).collect()
}

/// What the record says of a unit.
fn recorded(env: &TestEnv, unit: &str) -> Value {
    let record: Value = serde_json::from_str(&env.read("build/record.json")).expect("JSON");
    record["units"][unit]["reproducible"].clone()
}

const MANIFEST: &str = "[app]\nname = \"test:app\"\n[component.hello]\npath = \"hello\"\n";
const CARGO: &str = "[workspace]\n[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";

#[test]
fn rust_comes_out_the_same_in_every_place_and_that_is_kept() {
    let env = TestEnv::with_own_results();
    env.write("jointer.toml", MANIFEST);
    env.write("hello/Cargo.toml", format!("{CARGO}[dependencies]\nsmallvec = \"1\"\n"));
    let source = "fn main() {\n    let mut all: smallvec::SmallVec<[String; 4]> = std::env::args().collect();\n    \
                  println!(\"{}\", all.remove(7));\n}\n";
    env.write("hello/src/main.rs", source);
    let ran = env.jointer(["--format", "json", "build", "--verify-reproducible"]).success();
    let all = ["hello", "adapt hello", "compose app"].map(|unit| (unit.to_owned(), true));
    assert_eq!(measured(&ran.stdout), all);
    assert_eq!(recorded(&env, "hello"), true);
    // A panic out of a package says where that is, but not on which machine.
    let part = std::fs::read(env.path("build/parts/hello.wasm")).expect("the part");
    let text = String::from_utf8_lossy(&part).into_owned();
    assert!(
        text.contains("cargo/registry/src/") && !text.contains("/cargo/registry/src/"),
        "a path is in it"
    );
    // It is known of a build out of the cache too.
    env.jointer(["clean"]).success();
    env.jointer(["build"]).success();
    assert_eq!(recorded(&env, "hello"), true);
    assert_eq!(recorded(&env, "compose app"), true);
    // Another state of the sources was not measured.
    env.write("hello/src/main.rs", "fn main() {}\n");
    env.jointer(["build"]).success();
    assert_eq!(recorded(&env, "hello"), Value::Null);
}

#[test]
fn a_path_in_the_result_is_found_out() {
    let env = TestEnv::with_own_results();
    env.write("jointer.toml", MANIFEST);
    env.write("hello/Cargo.toml", CARGO);
    env.write("hello/src/main.rs", "fn main() {\n    println!(\"{}\", env!(\"CARGO_MANIFEST_DIR\"));\n}\n");
    let ran = env.jointer(["build", "--verify-reproducible"]).ended_with(1);
    assert!(ran.stdout.contains("hello: differs, though it should not (cargo)"), "{}", ran.stdout);
    assert!(ran.stdout.contains("compose app: same (compose)"), "of equal parts: {}", ran.stdout);
    assert_eq!(recorded(&env, "hello"), false);
}

/// All three languages; minutes, so only with `JOINTER_FULL=1`.
#[test]
fn python_and_javascript_are_reported_as_they_are() {
    if std::env::var_os("JOINTER_FULL").is_none() {
        return;
    }
    let env = TestEnv::with_own_results();
    env.copy("examples/shop", ".");
    let ran = env.jointer(["--format", "json", "build", "--verify-reproducible"]).success();
    let found = measured(&ran.stdout);
    for (unit, same) in
        [("pricing", true), ("gateway", false), ("compose shop", true), ("adapt gateway", true)]
    {
        assert!(found.contains(&(unit.to_owned(), same)), "{unit}: {found:?}");
    }
}
