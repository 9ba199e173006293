//! The adapter as a component of its own, plugged by wac and by jointer; the table; mappings; bad input.

// The tests start the real binary; the ban is for the program itself.
#![allow(clippy::disallowed_methods)]

use wac_graph::{CompositionGraph, EncodeOptions, types::Package};

use crate::adapt::program;
use crate::october::october;
use crate::support::TestEnv;
use crate::tools::compiled_peer;

const OLD: &str = "0.2.0-rc-2023-10-18";

/// What `wac plug` does with one plug and a socket, by the library that it is made of.
fn wac_plug(plug: &[u8], socket: &[u8]) -> Vec<u8> {
    let mut graph = CompositionGraph::new();
    let mut register = |name: &str, bytes: &[u8]| {
        let package =
            Package::from_bytes(name, None, bytes.to_vec(), graph.types_mut()).expect("a component");
        graph.register_package(package).expect("registered")
    };
    let (plug, socket) = (register("test:plug", plug), register("test:socket", socket));
    wac_graph::plug(&mut graph, vec![plug], socket).expect("it fits");
    graph.encode(EncodeOptions::default()).expect("encoded")
}

fn read(env: &TestEnv, name: &str) -> Vec<u8> {
    std::fs::read(env.path(name)).expect("the file")
}

/// One who plugs the second file into the first and writes the third.
type Plugger<'a> = &'a dyn Fn(&TestEnv, &str, &str, &str);

/// Adapts the guest of the oldest snapshot by plugging adapters; it does what it does when adapted at once.
fn plugging_does_what_adapting_does(to: &str, plug: Plugger<'_>) {
    let env = TestEnv::new();
    october(&env);
    let from = format!("wasi@{OLD}");
    std::fs::create_dir_all(env.path("files")).expect("a folder");
    let only = ["adapt", "--only", "--from", &from, "--to", to, "--for", "october.wasm"];
    env.jointer(only.into_iter().chain(["-o", "adapter.wasm"])).success();
    env.jointer(only.into_iter().chain(["--exports", "-o", "exports.wasm"])).success();
    plug(&env, "october.wasm", "adapter.wasm", "plugged.wasm");
    plug(&env, "exports.wasm", "plugged.wasm", "both.wasm");
    env.jointer(["adapt", "october.wasm", "--to", to, "-o", "adapted.wasm"]).success();
    let run = |file: &str, part: &str| {
        let flags = ["run", "--host", to, "--dir", "files::/", "--env", "COLOUR=green", "--socket", "*"];
        env.jointer(flags.into_iter().chain([file, part]))
    };
    // What the application exports is still called as before, until the second adapter.
    run("plugged.wasm", "cli").ended_with(5).code("host::does_not_fit");
    for part in ["cli", "files", "udp"] {
        let expected = run("adapted.wasm", part).success().stdout;
        assert!(!expected.is_empty());
        assert_eq!(run("both.wasm", part).success().stdout, expected, "{part} {to}");
    }
}

#[test]
fn an_adapter_plugged_by_wacs_library_does_what_adapting_does() {
    for to in ["wasi@0.2.12", "wasi@0.2.0"] {
        plugging_does_what_adapting_does(to, &|env, socket, plug, output| {
            env.write(output, wac_plug(&read(env, plug), &read(env, socket)));
        });
    }
}

#[test]
fn an_adapter_plugged_by_the_wac_program_does_what_adapting_does() {
    let Some(wac) = compiled_peer("wac") else { return };
    plugging_does_what_adapting_does("wasi@0.2.12", &|env, socket, plug, output| {
        let args = ["plug", "--plug", plug, socket, "-o", output];
        let done =
            std::process::Command::new(&wac).args(args).current_dir(env.dir()).output().expect("wac starts");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    });
}

#[test]
fn an_adapter_plugged_by_jointer_does_what_adapting_does() {
    plugging_does_what_adapting_does("wasi@0.2.12", &|env, socket, plug, output| {
        env.jointer(["plug", socket, "--plug", plug, "-o", output]).success();
    });
}

#[test]
fn a_program_of_a_compiler_runs_with_an_adapter_plugged_by_jointer() {
    let env = TestEnv::new();
    let program = program(&env, "fn main() { println!(\"hello\") }", "wasm32-wasip2");
    let old = "wasi@0.2.0-rc-2024-01-16";
    env.jointer(["adapt", program.to_str().expect("a path"), "--to", old, "-o", "old.wasm"]).success();
    let only = ["adapt", "--only", "--from", old, "--to", "wasi@0.2.12", "--for", "old.wasm"];
    env.jointer(only.into_iter().chain(["-o", "adapter.wasm"])).success();
    env.jointer(only.into_iter().chain(["--exports", "-o", "exports.wasm"])).success();
    env.jointer(["plug", "old.wasm", "--plug", "adapter.wasm", "-o", "new.wasm"]).success();
    env.jointer(["plug", "exports.wasm", "--plug", "new.wasm", "-o", "whole.wasm"]).success();
    assert_eq!(env.jointer(["run", "--host", "wasi@0.2.12", "whole.wasm"]).success().stdout, "hello\n");
}

#[test]
fn an_adapter_for_a_whole_snapshot_serves_any_component_of_it() {
    let env = TestEnv::new();
    october(&env);
    let from = format!("wasi@{OLD}");
    let said =
        env.jointer(["adapt", "--only", "--from", &from, "-o", "adapter.wasm", "--format", "json"]).success();
    let answer: serde_json::Value = serde_json::from_str(said.stdout.trim()).expect("JSON");
    assert!(answer["functions"].as_array().is_some_and(|functions| functions.len() > 40), "{answer}");
    assert!(answer["bytes"].as_u64().is_some_and(|bytes| bytes < 100_000), "{answer}");
    env.write("app.wasm", wac_plug(&read(&env, "adapter.wasm"), &read(&env, "october.wasm")));
    let inspected = env.jointer(["inspect", "app.wasm"]).success().stdout;
    let imports: Vec<&str> = inspected.lines().filter(|line| line.starts_with("  wasi:")).collect();
    assert!(imports.iter().any(|line| line.ends_with("@0.2.12")), "{inspected}");
    assert!(
        imports.iter().all(|line| !line.ends_with(OLD) || line.contains("run") || line.contains("handler"))
    );
    env.jointer(["adapt", "--only", "--from", "wasi@0.2.0-rc-2023-11-11", "-o", "no.wasm"])
        .ended_with(2)
        .code("adapt::unknown_snapshot");
    env.jointer(["adapt", "--only", "--from", "wasi@0.2.3", "--for", "october.wasm", "-o", "no.wasm"])
        .ended_with(5)
        .code("adapt::nothing_of_snapshot");
    assert!(!env.path("no.wasm").exists());
}

#[test]
fn the_table_has_every_cell_that_must_work() {
    let env = TestEnv::new();
    let said = env.jointer(["adapt", "--list", "--format", "json"]).success();
    let rows: serde_json::Value = serde_json::from_str(said.stdout.trim()).expect("JSON");
    let rows = rows.as_array().expect("rows");
    let how = |from: &str, to: &str| {
        let row = rows.iter().find(|row| row["from"] == from).unwrap_or_else(|| panic!("no row {from}"));
        let cells = row["cells"].as_array().expect("cells");
        let cell = cells.iter().find(|cell| cell["to"] == to).unwrap_or_else(|| panic!("no column {to}"));
        cell["how"].as_str().expect("how").to_owned()
    };
    let second: Vec<String> = [
        "wasi_unstable",
        "wasi_snapshot_preview1 command",
        "wasi_snapshot_preview1 reactor",
        "wasi_snapshot_preview1 proxy",
        OLD,
        "0.2.0-rc-2023-11-05",
        "0.2.0-rc-2023-11-10",
        "0.2.0-rc-2023-12-05",
        "0.2.0-rc-2024-01-16",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain((0..=12).map(|patch| format!("0.2.{patch}")))
    .collect();
    for from in &second {
        for to in ["0.2.0", "0.2.6", "0.2.12"] {
            assert_ne!(how(from, to), "refused", "{from} to {to}");
        }
        assert_eq!(how(from, "0.3.0"), "refused", "{from}");
    }
    let third = ["0.3.0-rc-2026-03-15", "0.3.0", "0.3.2"];
    for from in third {
        for to in third {
            assert_eq!(how(from, to), if from == to { "same" } else { "rename" }, "{from} to {to}");
        }
        assert_eq!(how(from, "0.2.12"), "refused");
    }
    assert_eq!(how("0.2.0-rc-2023-11-10", "0.2.12"), "wrap");
    assert_eq!(how("0.2.0-rc-2024-01-16", "0.2.0"), "rename");
    assert_eq!(how("wasi_snapshot_preview1 command", "0.2.12"), "componentize");
    let text = env.jointer(["adapt", "--list"]).success().stdout;
    for line in ["0.2.0-rc-2023-11-10 (wasmtime 15)\n", "0.2.12: as it is", "functions stand in"] {
        assert!(text.contains(line), "{line}:\n{text}");
    }
}

#[test]
fn inspect_tells_the_era_the_functions_and_the_hosts() {
    let env = TestEnv::new();
    october(&env);
    let said = env.jointer(["inspect", "october.wasm"]).success().stdout;
    for word in [
        "wasmtime 14, Spin 2.0",
        "no host of today offers",
        "functions differ from 0.2.12",
        "wasi:io/poll poll-list",
    ] {
        assert!(said.contains(word), "{word}:\n{said}");
    }
    env.jointer(["adapt", "october.wasm", "--to", "wasi@0.2.6", "-o", "adapted.wasm"]).success();
    env.jointer(["adapt", "adapted.wasm", "--to", "wasi@0.2.12", "-o", "again.wasm"]).success();
    let said = env.jointer(["inspect", "again.wasm"]).success().stdout;
    for word in [
        &format!("{OLD} to wasi@0.2.6 (wrapped)"),
        "0.2.6 to wasi@0.2.12 (renamed)",
        "wasmtime 46 and later",
        "jointer\n",
    ] {
        assert!(said.contains(word), "{word}:\n{said}");
    }
    let program = program(&env, "fn main() {}", "wasm32-wasip2");
    let said =
        env.jointer(["inspect", program.to_str().expect("a path"), "--format", "json"]).success().stdout;
    let answer: serde_json::Value = serde_json::from_str(said.trim()).expect("JSON");
    let hosts = answer["wasi"]["hosts"].as_array().expect("hosts");
    assert!(hosts.iter().any(|host| host == "wasmtime 17 to 24"), "{answer}");
    assert_eq!(answer["wasi"]["adapted"].as_array().map(Vec::len), Some(0));
}

/// A component that imports or exports `acme:kv/store`, from its text.
fn kv(side: &str, version: &str, size: &str) -> Vec<u8> {
    let instance = format!(
        r#"(type $e (record (field "key" string) (field "size" {size}))) (export $x "entry" (type (eq $e)))
           (type $o (option $x)) (export "get" (func (param "key" string) (result $o)))"#
    );
    let text = match side {
        "import" => {
            let instance = instance
                .replace("(export $x \"entry\" (type (eq $e)))", "(export \"entry\" (type $x (eq $e)))");
            format!(r#"(component (import "acme:kv/store@{version}" (instance {instance})))"#)
        }
        _ => format!(
            r#"(component
                (core module $m (memory (export "memory") 1)
                    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 64)
                    (func (export "get") (param i32 i32) (result i32) i32.const 0))
                (core instance $i (instantiate $m))
                (type $e (record (field "key" string) (field "size" {size})))
                (type $o (option $e))
                (func $get (param "key" string) (result $o)
                    (canon lift (core func $i "get") (memory $i "memory") (realloc (func $i "realloc"))))
                (component $c
                    (type $e (record (field "key" string) (field "size" {size})))
                    (import "entry" (type $n (eq $e)))
                    (type $o (option $n))
                    (import "get" (func $get (param "key" string) (result $o)))
                    (export $x "entry" (type $e))
                    (type $p (option $x))
                    (export "get" (func $get) (func (param "key" string) (result $p))))
                (instance $s (instantiate $c (with "entry" (type $e)) (with "get" (func $get))))
                (export "acme:kv/store@{version}" (instance $s)))"#
        ),
    };
    wat::parse_str(text).expect("WAT")
}

#[test]
fn packages_of_ones_own_take_each_others_place_where_they_agree() {
    let env = TestEnv::new();
    env.write("app.wasm", kv("import", "1.1.0", "u32"));
    env.write("store.wasm", kv("export", "1.2.0", "u32"));
    env.write("other.wasm", kv("export", "1.2.0", "u64"));
    let map = |with: &str, mapping: &str| {
        env.jointer(["adapt", "app.wasm", "--map", mapping, "--with", with, "-o", "mapped.wasm"])
    };
    map("store.wasm", "acme:kv@1.1.0=acme:kv@1.2.0").success();
    let said = env.jointer(["inspect", "mapped.wasm"]).success().stdout;
    assert!(said.contains("  acme:kv/store@1.2.0\n") && !said.contains("store@1.1.0"), "{said}");
    assert!(said.contains("acme:kv@1.1.0 to acme:kv@1.2.0 (renamed)"), "{said}");
    env.jointer(["plug", "mapped.wasm", "--plug", "store.wasm", "-o", "whole.wasm"]).success();
    // Versions that promise to agree need no mapping.
    env.jointer(["plug", "app.wasm", "--plug", "store.wasm", "-o", "whole.wasm"]).success();
    let said =
        map("other.wasm", "acme:kv@1.1.0=acme:kv@1.2.0").ended_with(5).code("adapt::map_differs").unwrapped();
    assert!(said.contains("field `size`") && said.contains("u32") && said.contains("u64"), "{said}");
    let said =
        env.jointer(["plug", "app.wasm", "--plug", "other.wasm", "-o", "no.wasm"]).ended_with(4).unwrapped();
    assert!(said.contains("field `size`"), "{said}");
    map("store.wasm", "acme:kv@1.0.0=acme:kv@1.2.0").ended_with(2).code("adapt::map_unused");
    map("store.wasm", "acme:kv@1.1.0=acme:kv@3.0.0").ended_with(5).code("adapt::map_missing");
    assert_eq!(map("store.wasm", "acme:kv").status, 2);
}

#[test]
fn bad_input_names_the_interface_and_the_nearest_known_version() {
    let env = TestEnv::new();
    let import = |name: &str, function: &str| {
        let text = format!(r#"(component (import "{name}" (instance (export "{function}" (func)))))"#);
        wat::parse_str(text).expect("WAT")
    };
    let adapt = |file: &str| env.jointer(["adapt", file, "-o", "no.wasm"]);
    env.write("unknown.wasm", import("wasi:clocks/monotonic-clock@0.2.0-rc-2023-11-11", "tick"));
    let said = adapt("unknown.wasm").ended_with(5).code("adapt::function_missing").unwrapped();
    for word in ["`tick`", "wasi:clocks/monotonic-clock", "the nearest known is 0.2.0-rc-2023-11-10"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    env.write("future.wasm", import("wasi:clocks/monotonic-clock@0.4.0", "tick"));
    let said = adapt("future.wasm").ended_with(5).unwrapped();
    assert!(said.contains("0.4.0 (unknown; the nearest known is 0.3.2)"), "{said}");
    let said = env.jointer(["adapt", "unknown.wasm", "--to", "wasi@0.2.13", "-o", "no.wasm"]).ended_with(2);
    assert!(said.unwrapped().contains("the nearest is 0.2.12"));
    // A label that nobody knows, and functions that everybody has.
    let clock = r#"(component (import "wasi:clocks/monotonic-clock@0.2.13" (instance (export "now" (func (result u64))))))"#;
    env.write("next.wasm", wat::parse_str(clock).expect("WAT"));
    env.jointer(["adapt", "next.wasm", "-o", "next-adapted.wasm"]).success();
    // Several snapshots in one component, of which one cannot be adapted.
    let mixed = r#"(component
        (import "wasi:clocks/monotonic-clock@0.2.0-rc-2023-11-10" (instance (export "now" (func (result u64)))))
        (import "wasi:clocks/monotonic-clock@0.2.3" (instance (export "now" (func (result u64)))))
        (import "wasi:random/random@0.2.0-rc-2023-12-05" (instance (export "get-luck" (func (result u64))))))"#;
    env.write("mixed.wasm", wat::parse_str(mixed).expect("WAT"));
    let said = adapt("mixed.wasm").ended_with(5).code("adapt::function_missing").unwrapped();
    assert!(said.contains("get-luck") && said.contains("2023-12-05"), "{said}");
    let said = env.jointer(["inspect", "mixed.wasm"]).success().stdout;
    for label in ["  0.2.0-rc-2023-11-10\n", "  0.2.0-rc-2023-12-05\n", "  0.2.3\n"] {
        assert!(said.contains(label), "{label}: {said}");
    }
    // What is no WASI is nobody's to adapt, and nobody's to run.
    env.write("own.wasm", import("acme:kv/store@1.0.0", "get"));
    assert!(adapt("own.wasm").success().stderr.contains("Unchanged"));
    std::fs::remove_file(env.path("no.wasm")).expect("written");
    let said = env.jointer(["run", "--host", "wasi@0.2.12", "own.wasm"]).ended_with(5).unwrapped();
    assert!(said.contains("acme:kv/store@1.0.0") && said.contains("jointer plug own.wasm"), "{said}");
    october(&env);
    let whole = read(&env, "october.wasm");
    for end in [7, 9, whole.len() / 2, whole.len() - 1] {
        env.write("cut.wasm", &whole[..end]);
        let said = adapt("cut.wasm").ended_with(2);
        assert!(
            said.stderr.contains("component::truncated") && said.stderr.contains(&end.to_string()),
            "{}",
            said.stderr
        );
    }
    assert!(!env.path("no.wasm").exists());
}
