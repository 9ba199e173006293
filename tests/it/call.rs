//! `jointer call`: values in and out.

use crate::guests;
use crate::support::{Ran, TestEnv};

fn call(env: &TestEnv, args: &[&str]) -> Ran {
    let library = guests::values();
    let library = library.to_str().expect("a plain path");
    env.jointer(["call", library].iter().chain(args))
}

#[test]
fn every_kind_of_value_goes_in_and_comes_out() {
    let env = TestEnv::new();
    let order = "{id: 18446744073709551615, lines: [{item: \"tea \\\"green\\\"\", count: 2, note: some(\"hot\")}, {item: \"cup\", count: 1}], \
        size: large, shape: circle(1.5), marks: {new, gone}, at: (-3, 'ü')}";
    let called = call(&env, &[&format!("shop.echo({order})"), "--format", "json"]).success();
    let answer: serde_json::Value = serde_json::from_str(&called.stdout).expect("JSON");
    assert_eq!(answer["wave"], order);
    assert_eq!(
        answer["value"],
        serde_json::json!({
            "id": u64::MAX,
            "lines": [
                {"item": "tea \"green\"", "count": 2, "note": "hot"},
                {"item": "cup", "count": 1, "note": null}
            ],
            "size": "large",
            "shape": {"circle": 1.5},
            "marks": ["new", "gone"],
            "at": [-3, "ü"]
        })
    );
}

#[test]
fn a_function_is_named_in_full_in_part_or_bare() {
    let env = TestEnv::new();
    for name in
        ["test:values/shop@1.2.0.quote", "test:values/shop.quote", "shop.quote", "test:values/shop#quote"]
    {
        let called = call(&env, &[&format!("{name}(\"tea\", 2)")]).success();
        assert_eq!(called.stdout, "ok(498)\n", "{name}");
    }
    assert_eq!(call(&env, &["add(2, -3)"]).success().stdout, "-1\n");
    assert_eq!(call(&env, &["total([{item: \"x\", count: 4}])"]).success().stdout, "4\n");
    assert_eq!(call(&env, &["nothing()"]).success().stdout, "");
    let ambiguous = call(&env, &["quote(\"tea\", 2)"]).ended_with(2).code("run::ambiguous_function");
    assert!(ambiguous.stderr.contains("test:values/other@1.2.0"), "{}", ambiguous.stderr);
}

#[test]
fn an_error_is_printed_and_ends_with_1() {
    let env = TestEnv::new();
    assert_eq!(call(&env, &["shop.quote(\"rum\", 2)"]).ended_with(1).stdout, "err(\"no rum here\")\n");
}

#[test]
fn each_call_has_a_fresh_instance() {
    let env = TestEnv::new();
    for _ in 0..2 {
        assert_eq!(call(&env, &["count()"]).success().stdout, "1\n");
    }
}

#[test]
fn an_unknown_function_gets_a_suggestion() {
    let env = TestEnv::new();
    let ran = call(&env, &["totl([])"]).ended_with(8).code("run::unknown_function");
    assert!(ran.stderr.contains("did you mean `test:values/shop@1.2.0.total`?"), "{}", ran.stderr);
    let ran = call(&env, &["test:values/shop.qoute(\"\", 1)"]).ended_with(8);
    assert!(ran.stderr.contains("shop@1.2.0.quote"), "{}", ran.stderr);
    let ran = call(&env, &["zzz()"]).ended_with(8);
    assert!(ran.stderr.contains("it exports") && ran.stderr.contains("`add`"), "{}", ran.stderr);
}

#[test]
fn arguments_that_do_not_fit_are_shown_with_the_signature() {
    let env = TestEnv::new();
    for wrong in ["add(1, x)", "add(1)", "add(1, 2, 3)", "add(1,", "add(99999999999, 1)", "add"] {
        let ran = call(&env, &[wrong]).ended_with(2).code("run::invalid_call");
        assert!(ran.stderr.contains("add: func(a: s32, b: s32) -> s32"), "{wrong}: {}", ran.stderr);
        assert!(ran.stderr.contains(wrong), "the call is shown: {}", ran.stderr);
    }
}

#[test]
fn functions_over_handles_are_refused() {
    let env = TestEnv::new();
    let ran = call(&env, &["handles.make()"]).ended_with(2).code("run::handles");
    assert!(ran.stderr.contains("its result has a resource"), "{}", ran.stderr);
    let ran = call(&env, &["names([])"]).ended_with(2).code("run::handles");
    assert!(ran.stderr.contains("its parameter `things` has"), "{}", ran.stderr);
}

#[test]
fn without_a_call_the_functions_are_listed() {
    let env = TestEnv::new();
    let listed = call(&env, &[]).success().stdout;
    let names: Vec<&str> = listed.lines().collect();
    assert!(names.contains(&"add") && names.contains(&"test:values/other@1.2.0.quote"), "{names:?}");
    assert!(!listed.contains("[method]"), "{listed}");
}

#[test]
fn traps_and_endless_calls_end() {
    let env = TestEnv::new();
    let trapped = call(&env, &["trap()"]).ended_with(134);
    assert!(trapped.stderr.contains("run::trapped"), "{}", trapped.stderr);
    call(&env, &["spin()", "--timeout", "0.3"]).ended_with(1).code("run::timed_out");
}
