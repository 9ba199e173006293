//! `jointer test`: tables against real components.

use std::path::Path;

use crate::guests;
use crate::support::{Ran, TestEnv};

/// Runs one table against a component.
fn test(env: &TestEnv, component: &Path, table: &str, flags: &[&str]) -> Ran {
    env.write("tests/table.toml", table);
    let component = component.to_str().expect("a plain path");
    env.jointer(["test", "-c", component].iter().chain(flags))
}

#[test]
fn calls_are_compared_as_values() {
    let env = TestEnv::new();
    let table = r#"
        [[case]]
        name = "adds"
        call = "add(2, 3)"
        returns = "  5 "
        [[case]]
        call = 'shop.quote("tea", 2)'
        returns = "ok(498)"
        [[case]]
        call = "nothing()"
        [[case]]
        name = "instances are fresh"
        call = "count()"
        returns = "1"
        [[case]]
        name = "still fresh"
        call = "count()"
        returns = "1"
    "#;
    let ran = test(&env, &guests::values(), table, &[]).success();
    assert_eq!(ran.stdout, "5 passed, 0 failed\n");
    assert!(ran.stderr.contains("tests/table.toml: adds"), "{}", ran.stderr);
    let filtered = test(&env, &guests::values(), table, &["--filter", "fresh"]).success();
    assert_eq!(filtered.stdout, "2 passed, 0 failed\n");
    test(&env, &guests::values(), table, &["--filter", "nowhere"]).ended_with(8).code("test::no_cases");
}

#[test]
fn what_differs_is_shown() {
    let env = TestEnv::new();
    let table = r#"
        [[case]]
        name = "wrong sum"
        call = "add(2, 3)"
        returns = "6"
        [[case]]
        name = "traps"
        call = "trap()"
        [[case]]
        name = "of another type"
        call = "add(2, 3)"
        returns = '"five"'
        [[case]]
        name = "does not exist"
        call = "ad(2, 3)"
        [[case]]
        name = "endless"
        call = "spin()"
        [[case]]
        name = "fine"
        call = "add(0, 0)"
        returns = "0"
    "#;
    let ran = test(&env, &guests::values(), table, &["--timeout", "0.5"]).ended_with(1);
    assert!(ran.stdout.ends_with("1 passed, 5 failed\n"), "{}", ran.stdout);
    for shown in [
        "tests/table.toml: wrong sum\n  returns\n    - 6\n    + 5\n",
        "trapped",
        "| as asked",
        "which does not fit",
        "did you mean `add`?",
        "was stopped after 0.5 s",
    ] {
        assert!(ran.stdout.contains(shown), "no `{shown}` in\n{}{}", ran.stdout, ran.stderr);
    }
    let json = test(&env, &guests::values(), table, &["--timeout", "0.5", "--format", "json"]).ended_with(1);
    let report: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!((&report["passed"], &report["failed"]), (&1.into(), &5.into()));
    assert_eq!(report["cases"][0]["outcome"], "failed");
    assert_eq!(report["cases"][0]["differences"][0]["actual"], "5");
}

#[test]
fn requests_are_compared_in_status_headers_and_body() {
    let env = TestEnv::new();
    let table = r#"
        [[case]]
        request = { path = "/" }
        response = { body = "hello" }
        [[case]]
        request = { method = "POST", path = "/echo", body = "there and back" }
        response = { status = 200, body-contains = ["there", "back"] }
        [[case]]
        request = { path = "/env?COLOUR" }
        response = { body = "red" }
        [[case]]
        name = "a trap is 500"
        request = { path = "/trap" }
        response = { status = 500, headers = { content-type = "text/plain; charset=utf-8" } }
    "#;
    let ran = test(&env, &guests::http(), table, &["--env", "COLOUR=red"]).success();
    assert_eq!(ran.stdout, "4 passed, 0 failed\n");
    let wrong = r#"
        [[case]]
        request = { path = "/log" }
        response = { status = 404, headers = { x-none = "1" }, body-contains = "nothing" }
    "#;
    let ran = test(&env, &guests::http(), wrong, &[]).ended_with(1);
    for shown in ["- 404\n    + 200", "header x-none", "+ no such header", "body contains", "| to stderr"] {
        assert!(ran.stdout.contains(shown), "no `{shown}` in\n{}", ran.stdout);
    }
}

#[test]
fn programs_are_compared_in_status_and_output() {
    let env = TestEnv::new();
    let table = r#"
        [[case]]
        command = { args = ["args", "a b", "c"] }
        output = { stdout = "args|a b|c\n" }
        [[case]]
        command = { args = ["shout"], stdin = "quiet" }
        output = { stdout = "QUIET" }
        [[case]]
        command = { args = ["env", "X"], env = { X = "1" } }
        output = { stdout = "1\n" }
        [[case]]
        command = { args = ["panic"] }
        output = { status = 134, stderr-contains = "as asked" }
        [[case]]
        command = { args = ["env", "X"] }
        output = { status = 1 }
    "#;
    assert_eq!(test(&env, &guests::program(), table, &[]).success().stdout, "5 passed, 0 failed\n");
    let wrong = "[[case]]\ncommand = { args = [\"exit\", \"1\"] }\noutput = { stdout = \"x\\n\" }\n";
    let ran = test(&env, &guests::program(), wrong, &[]).ended_with(1);
    assert!(ran.stdout.contains("status\n    - 0\n    + 1\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("stdout\n    - x\n"), "{}", ran.stdout);
}

#[test]
fn a_table_with_a_typo_is_refused_at_its_place() {
    let env = TestEnv::new();
    let table = "[[case]]\ncall = \"add(1, 2)\"\nreturn = \"3\"\n";
    let ran = test(&env, &guests::values(), table, &[]).ended_with(2).code("run::invalid_table");
    assert!(ran.stderr.contains("did you mean `returns`?") && ran.stderr.contains("3 │"), "{}", ran.stderr);
}

#[test]
fn no_tables_is_said_plainly() {
    let env = TestEnv::new();
    let values = guests::values();
    let ran = env.jointer(["test".as_ref(), "-c".as_ref(), values.as_os_str()]);
    ran.ended_with(8).code("test::no_tables");
    app(&env);
    env.jointer(["test", "--no-build"]).ended_with(8).code("test::no_tables");
    env.jointer(["test", "--no-build", "-c", "librari"]).ended_with(8).code("test::unknown_component");
    env.jointer(["test", "absent.toml", "--no-build"]).ended_with(8).code("file::not_found");
}

/// An app that was built: a program as root, and a library.
fn app(env: &TestEnv) {
    let manifest = "[app]\nname = \"acme:tool\"\nroot = \"tool\"\n[component.tool]\npath = \"tool\"\n\
        [component.library]\npath = \"library\"\n[component.tool.capabilities]\nenv = [\"COLOUR=red\"]\n";
    env.write("jointer.toml", manifest);
    for folder in ["tool", "library", "build/parts"] {
        std::fs::create_dir_all(env.path(folder)).expect("a folder");
    }
    std::fs::copy(guests::program(), env.path("build/tool.wasm")).expect("copied");
    std::fs::copy(guests::program(), env.path("build/parts/tool.wasm")).expect("copied");
    std::fs::copy(guests::values(), env.path("build/parts/library.wasm")).expect("copied");
}

#[test]
fn an_apps_tables_are_run_against_what_they_belong_to() {
    let env = TestEnv::new();
    app(&env);
    let colour = "[[case]]\ncommand = { args = [\"env\", \"COLOUR\"] }\noutput = { stdout = \"red\\n\" }\n";
    env.write("tests/app.toml", colour);
    env.write("tool/tests/own.toml", colour);
    env.write("library/tests/sums.toml", "[[case]]\ncall = \"add(1, 2)\"\nreturns = \"3\"\n");
    let all = env.jointer(["test", "--no-build"]).success();
    assert_eq!(all.stdout, "3 passed, 0 failed\n");
    assert!(all.stderr.contains("library/tests/sums.toml: add(1, 2)"), "{}", all.stderr);
    for args in [["test", "--no-build", "-clibrary"], ["test", "--no-build", "library/tests/sums.toml"]] {
        assert_eq!(env.jointer(args).success().stdout, "1 passed, 0 failed\n", "{args:?}");
    }
}

#[test]
fn a_parts_own_tables_see_it_with_what_it_imports() {
    let env = TestEnv::new();
    app(&env);
    env.write(
        "jointer.toml",
        "[app]\nname = \"acme:tool\"\nroot = \"tool\"\n[component.tool]\npath = \"tool\"\n\
            [component.middle]\npath = \"middle\"\n[component.low]\npath = \"low\"\n",
    );
    let low = r#"(component
        (core module $m (func (export "n") (result i32) i32.const 42))
        (core instance $i (instantiate $m))
        (func $n (result u32) (canon lift (core func $i "n")))
        (instance $e (export "n" (func $n)))
        (export "acme:x/low@1.0.0" (instance $e)))"#;
    let middle = r#"(component
        (import "acme:x/low@1.0.0" (instance $l (export "n" (func (result u32)))))
        (alias export $l "n" (func $n))
        (instance $e (export "again" (func $n)))
        (export "acme:x/middle@1.0.0" (instance $e)))"#;
    env.write("build/parts/low.wasm", guests::wat(low));
    env.write("build/parts/middle.wasm", guests::wat(middle));
    env.write("low/x", "");
    env.write("middle/tests/own.toml", "[[case]]\ncall = \"again()\"\nreturns = \"42\"\n");
    assert_eq!(env.jointer(["test", "--no-build"]).success().stdout, "1 passed, 0 failed\n");
}
