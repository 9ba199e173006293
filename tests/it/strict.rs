//! Components on strict hosts: what was not adapted is refused before it is linked, what was adapted runs.

use crate::adapt::program;
use crate::support::TestEnv;

const EXITS: &str = r#"
fn main() {
    let status = std::env::args().nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    println!("ends with {status}");
    std::process::exit(status);
}
"#;

#[test]
fn only_what_was_adapted_for_a_host_runs_on_it() {
    let env = TestEnv::new();
    // The toolchain of today imports one version and exports another.
    let component = program(&env, EXITS, "wasm32-wasip2");
    let input = component.to_str().expect("a path");
    for to in ["0.2.0", "0.2.6", "0.2.12"] {
        let host = format!("wasi@{to}");
        let said = env.jointer(["run", "--host", &host, input, "0"]).ended_with(5).code("host::does_not_fit");
        assert!(said.unwrapped().contains(&format!("jointer adapt {input} --to {host}")), "{}", said.stderr);
        env.jointer(["adapt", input, "--to", &host, "-o", "adapted.wasm"]).success();
        let ran = env.jointer(["run", "--host", &host, "adapted.wasm", "0"]).success();
        assert_eq!(ran.stdout, "ends with 0\n");
    }
}

#[test]
fn a_status_is_kept_where_the_host_has_statuses_and_is_1_elsewhere() {
    let env = TestEnv::new();
    let input = program(&env, EXITS, "wasm32-wasip1");
    let input = input.to_str().expect("a path");
    for (to, status) in [("0.2.12", 7), ("0.2.6", 1), ("0.2.0", 1)] {
        let host = format!("wasi@{to}");
        env.jointer(["run", "--host", &host, input]).ended_with(5).code("host::does_not_fit");
        env.jointer(["adapt", input, "--to", &host, "-o", "adapted.wasm"]).success();
        let ran = env.jointer(["run", "--host", &host, "adapted.wasm", "7"]).ended_with(status);
        assert_eq!(ran.stdout, "ends with 7\n", "{to}");
        env.jointer(["run", "--host", &host, "adapted.wasm", "0"]).success();
    }
}

#[test]
fn hosts_that_are_not_known_are_named() {
    let env = TestEnv::new();
    env.write("any.wasm", wat::parse_str("(component)").expect("WAT"));
    env.jointer(["run", "--host", "wasi@0.2.13", "any.wasm"]).ended_with(2).code("host::unknown_version");
    env.jointer(["serve", "--host", "wasmtine", "any.wasm"]).ended_with(2).code("host::unknown");
    let own = wat::parse_str(r#"(component (import "acme:kv/store@1.0.0" (instance)))"#).expect("WAT");
    env.write("own.wasm", own);
    let said =
        env.jointer(["serve", "--host", "wasmtime@48", "own.wasm"]).ended_with(5).code("host::does_not_fit");
    assert!(said.unwrapped().contains("jointer plug own.wasm"), "{}", said.stderr);
}
