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

/// A program that does what its arguments say, one after the other.
const PARTS: &str = r#"
use std::io::Read;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
fn main() {
    for part in std::env::args().skip(1) {
        match part.split_once('=').unwrap_or((&part, "")) {
            ("text", text) => println!("text {text:?}"),
            ("variable", name) => println!("{name} {:?}", std::env::var(name)),
            ("year", _) => {
                let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
                println!("year {}", seconds / 31_556_952 + 1970 >= 2025);
            }
            ("hash", _) => println!("hashed {}", std::collections::HashMap::from([(1, 2)]).len()),
            ("sleep", _) => {
                let start = Instant::now();
                std::thread::sleep(Duration::from_millis(20));
                println!("slept {}", start.elapsed().as_millis() >= 19);
            }
            ("input", _) => {
                let mut input = String::new();
                std::io::stdin().read_to_string(&mut input).unwrap();
                println!("input {input:?}");
            }
            ("file", path) => println!("file {:?}", std::fs::read_to_string(path).map_err(|error| error.kind())),
            ("folder", path) => {
                let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
                let mut names: Vec<_> = entries.collect();
                names.sort();
                println!("folder {names:?}");
            }
            ("error", text) => eprintln!("{text}"),
            ("fail", _) => std::process::exit(1),
            _ => panic!("{part}"),
        }
    }
}
"#;

/// Runs a command with something to read, and gives its status and what it wrote.
fn output(command: &mut Command) -> (Option<i32>, String, String) {
    use std::io::Write;
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().expect("it starts");
    child.stdin.take().expect("piped").write_all(b"typed").expect("typed");
    let done = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (done.status.code(), text(done.stdout), text(done.stderr))
}

/// The same component on a host of its time, as it is, and on ours, adapted: both say the same. Only with
/// `JOINTER_FULL=1`, because npm installs three old hosts for it. Nothing is adapted to them: no target is a candidate.
#[test]
fn hosts_of_the_time_and_ours_say_the_same() {
    if std::env::var_os("JOINTER_FULL").is_none() {
        return;
    }
    let env = TestEnv::new();
    env.write("data/hello.txt", "hello file\n");
    let data = env.path("data").canonicalize().expect("the folder");
    let data = data.to_str().expect("a path");
    let [file, none, folder] =
        [format!("file={data}/hello.txt"), format!("file={data}/none"), format!("folder={data}")];
    let plain = ["text=one", "variable=COLOUR", "variable=NONE", "year", "hash", "error=complaint"];
    let program = std::fs::read(crate::adapt::program(&env, PARTS, "wasm32-wasip1")).expect("the program");
    for (host, adapter, snapshot) in [
        // This one's shim has neither standard input nor files, and sleeps only when nothing was written before.
        ("0.14.1", "0.5.0", "0.2.0-rc-2023-11-10"),
        ("0.14.2", "0.6.0", "0.2.0-rc-2023-12-05"),
        ("1.0.3", "0.7.0", "0.2.0"),
    ] {
        let Some(jco) = crate::tools::historical(&format!("jco-host-{host}")) else { return };
        let Some(adapter) = crate::tools::historical(&format!("adapter-{adapter}.wasm")) else { return };
        let adapter = std::fs::read(adapter).expect("the adapter");
        let mut encoder = wit_component::ComponentEncoder::default();
        let encoder = encoder.module(&program).expect("a module");
        let encoder = encoder.adapter("wasi_snapshot_preview1", &adapter).expect("an adapter");
        env.write("old.wasm", encoder.encode().expect("a component"));
        let inspected = env.jointer(["inspect", "old.wasm"]).success().stdout;
        assert!(inspected.contains(&format!("built against WASI\n  {snapshot}\n")), "{host}: {inspected}");
        let mut runs = vec![plain.to_vec(), vec!["sleep"], vec!["fail"]];
        if host != "0.14.1" {
            runs.push(vec!["sleep", "input", &file, &none, &folder, "text=two", "fail"]);
        }
        for parts in runs {
            let script = jco.join("node_modules/@bytecodealliance/jco/src/jco.js");
            let mut then = Command::new(jco.join("node"));
            then.arg(script)
                .args(["run", "old.wasm"])
                .args(&parts)
                .current_dir(env.dir())
                .env("COLOUR", "red");
            let now =
                ["run", "--host", "wasi@0.2.12", "--env", "COLOUR=red", "--dir", &format!("{data}::{data}")];
            adapted(&env, &env.path("old.wasm"), "0.2.12");
            let mut now = env.command(now.into_iter().chain(["adapted.wasm"]).chain(parts.iter().copied()));
            let (then, now) = (output(&mut then), output(&mut now));
            assert_eq!((&then.0, &then.1), (&now.0, &now.1), "{host} {parts:?}: {} {}", then.2, now.2);
            assert!(!parts.contains(&"text=one") || then.1.starts_with("text \"one\"\nCOLOUR Ok(\"red\")\n"));
            assert_eq!(then.2.contains("complaint"), now.2.contains("complaint"), "{host} {parts:?}");
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
