//! Components that were published when their snapshots were new, and programs joined with the adapters of that time:
//! what nobody here wrote runs on hosts of today.

// The tests start tools of old; the ban is for the program itself.
#![allow(clippy::disallowed_methods)]

use std::path::Path;
use std::process::{Command, Stdio};

use crate::matrix::{Source, preview1};
use crate::support::TestEnv;

/// The first and the last version that hosts may have.
const HOSTS: [&str; 2] = ["0.2.0", "0.2.12"];

/// Adapts a component and gives how; as it is, no host runs it unless the snapshot is its own.
fn adapted(env: &TestEnv, component: &Path, to: &str) -> String {
    let host = &format!("wasi@{to}");
    let input = component.to_str().expect("a path");
    let ran = env.jointer(["adapt", input, "--to", host, "-o", "adapted.wasm", "--format", "json"]).success();
    let answer: serde_json::Value = serde_json::from_str(ran.stdout.trim()).expect("JSON");
    let how = answer["how"].as_str().expect("how").to_owned();
    if how != "unchanged" {
        env.jointer(["run", "--host", host, input]).ended_with(5).code("host::does_not_fit");
    }
    how
}

#[test]
fn programs_joined_with_the_adapters_of_2023_run() {
    for (version, snapshot, how) in [
        ("0.3.0", "0.2.0-rc-2023-10-18", "wrapped"),
        ("0.5.0", "0.2.0-rc-2023-11-10", "renamed"),
        ("0.6.0", "0.2.0-rc-2023-12-05", "renamed"),
        ("0.7.0", "0.2.0", "renamed"),
    ] {
        let Some(adapter) = crate::tools::historical(&format!("adapter-{version}.wasm")) else { return };
        let env = TestEnv::new();
        let module = std::fs::read(Source::Command.make(&env)).expect("the program");
        let adapter = std::fs::read(adapter).expect("the adapter");
        let mut encoder = wit_component::ComponentEncoder::default();
        let component = encoder
            .module(&module)
            .and_then(|encoder| encoder.adapter("wasi_snapshot_preview1", &adapter))
            .and_then(|encoder| encoder.encode())
            .expect("a component");
        let component = env.write("old.wasm", component);
        let inspected = env.jointer(["inspect", "old.wasm"]).success().stdout;
        assert!(inspected.contains(&format!("built against WASI\n  {snapshot}\n")), "{version}: {inspected}");
        for to in HOSTS {
            let expected = if snapshot == "0.2.0" && to == "0.2.0" { "unchanged" } else { how };
            assert_eq!(adapted(&env, &component, to), expected, "{version} on {to}");
            preview1(&env, "adapted.wasm", to, 1).unwrap_or_else(|why| panic!("{version} on {to}: {why}"));
        }
    }
}

#[test]
fn components_out_of_old_packages_of_jco_work() {
    for (version, snapshot) in [
        // An early form of the snapshot, whose `open-at` still has modes.
        ("0.13.3", "0.2.0-rc-2023-11-05"),
        ("0.14.1", "0.2.0-rc-2023-11-10"),
        ("0.14.2", "0.2.0-rc-2023-12-05"),
        ("1.0.3", "0.2.0"),
    ] {
        let Some(component) = crate::tools::historical(&format!("jco-{version}.wasm")) else { return };
        let env = TestEnv::new();
        let inspected = env.jointer(["inspect", component.to_str().expect("a path")]).success().stdout;
        assert!(inspected.contains(&format!("built against WASI\n  {snapshot}\n")), "{version}: {inspected}");
        for to in HOSTS {
            adapted(&env, &component, to);
            let host = format!("wasi@{to}");
            let call =
                |call: &str| env.jointer(["call", "--host", &host, "adapted.wasm", call]).success().stdout;
            assert_eq!(
                call("parse(\"(module)\")"),
                "ok([0, 97, 115, 109, 1, 0, 0, 0])\n",
                "{version} on {to}"
            );
            let printed = call("print([0, 97, 115, 109, 1, 0, 0, 0])");
            assert!(printed.starts_with("ok(\"(module"), "{version} on {to}: {printed}");
        }
    }
}

const APP: &str = r#"
import os, sys, time
from command import exports
class Run(exports.Run):
    def run(self):
        print("colour", os.environ.get("COLOUR"), "year", time.gmtime().tm_year >= 2025)
        start = time.monotonic()
        time.sleep(0.003)
        print("slept", time.monotonic() - start >= 0.003, "random", len(os.urandom(8)))
        print("to standard error", file=sys.stderr)
"#;

/// Compiles CPython four times, so only with `JOINTER_FULL=1`.
#[test]
fn python_of_2023_runs() {
    if std::env::var_os("JOINTER_FULL").is_none() {
        return;
    }
    for (version, snapshot) in [
        ("0.6.0", "0.2.0-rc-2023-10-18"),
        ("0.7.0", "0.2.0-rc-2023-11-10"),
        ("0.8.0", "0.2.0-rc-2023-12-05"),
        ("0.11.0", "0.2.0"),
    ] {
        let Some(tool) = crate::tools::historical(&format!("componentize-py-{version}")) else { return };
        let env = TestEnv::new();
        env.write("app.py", APP);
        env.write(
            "wit/world.wit",
            format!("package t:t; world command {{ export wasi:cli/run@{snapshot}; }}"),
        );
        for package in ["cli", "clocks", "filesystem", "io", "random", "sockets"] {
            let wit =
                Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("wit/wasi/{snapshot}/deps/{package}.wit"));
            env.write(
                format!("wit/deps/{package}/{package}.wit"),
                std::fs::read(wit).expect("the snapshot's WIT"),
            );
        }
        componentize(&env, &tool);
        for to in HOSTS {
            adapted(&env, &env.path("app.wasm"), to);
            let host = format!("wasi@{to}");
            let ran = env.jointer(["run", "--host", &host, "--env", "COLOUR=red", "adapted.wasm"]).success();
            assert_eq!(ran.stdout, "colour red year True\nslept True random 8\n", "{version} on {to}");
            assert!(ran.stderr.contains("to standard error"), "{version} on {to}: {}", ran.stderr);
        }
    }
}

/// The package is a library; its program is one line.
fn componentize(env: &TestEnv, tool: &Path) {
    let line = "import sys; from componentize_py import script; sys.argv[0] = 'componentize-py'; script()";
    let mut python = Command::new("python3");
    python.args(["-c", line, "-d", "wit", "-w", "command", "componentize", "app", "-o", "app.wasm"]);
    python.env("PYTHONPATH", tool).current_dir(env.dir()).stdin(Stdio::null());
    let output = python.output().expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
