//! The apps under `examples/`, built and served as a reader of the book would.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use jointer::digest::{Digest, Hasher};
use serde_json::Value;

use crate::http::{Response, Server};
use crate::support::TestEnv;

const TOKEN: (&str, &str) = ("authorization", "Bearer open-sesame");

/// The digests of all core modules inside a component, sorted.
fn modules(env: &TestEnv, component: &str) -> Vec<String> {
    let said = env.jointer(["inspect", component, "--format", "json"]).success().stdout;
    let told: Value = serde_json::from_str(&said).expect("json");
    let modules = told["core_modules"].as_array().expect("modules");
    let mut digests: Vec<_> =
        modules.iter().map(|module| module["digest"].as_str().expect("a digest").to_owned()).collect();
    digests.sort();
    digests
}

fn replace(env: &TestEnv, file: &str, old: &str, new: &str) {
    let text = env.read(file);
    assert!(text.contains(old), "no `{old}` in {file}");
    env.write(file, text.replace(old, new));
}

#[test]
fn shop_is_three_languages_in_one_component() {
    let env = TestEnv::with_own_results();
    env.copy("examples/shop", ".");
    let built = env.jointer(["build"]).success();
    // What the tools of three languages made is in the one component, each module once.
    let parts =
        ["gateway", "pricing", "rendering"].map(|part| modules(&env, &format!("build/parts/{part}.wasm")));
    let counts = parts.each_ref().map(Vec::len);
    assert_eq!(counts, [14, 3, 3], "Python, Rust, JavaScript: {}", built.stderr);
    let mut all = parts.concat();
    all.sort();
    assert_eq!(modules(&env, "build/shop.wasm"), all);
    // Nothing of the tools is left on the outside, and one WASI version is imported.
    let told = env.jointer(["inspect", "build/shop.wasm", "--format", "json"]).success().stdout;
    let told: Value = serde_json::from_str(&told).expect("json");
    assert_eq!(told["exports"], serde_json::json!(["wasi:http/incoming-handler@0.2.12"]));
    let imports = told["imports"].as_array().expect("imports");
    assert!(!imports.is_empty());
    for import in imports {
        let import = import.as_str().expect("a name");
        assert!(import.starts_with("wasi:") && import.ends_with("@0.2.12"), "{import}");
    }
    assert_eq!(
        order(&env),
        [
            "Acme's finest",
            "================================",
            "3 x apple @ 0.30            0.90",
            "2 x pear @ 0.45             0.90",
            "--------------------------------",
            "total                       1.80",
        ]
    );
    env.jointer(["test", "--no-build"]).success();
    each_part_is_seen_in_the_answer(&env);
}

/// Serves what was built and asks for a receipt.
fn order(env: &TestEnv) -> Vec<String> {
    let server = Server::start(env, &["--no-build"]);
    let response = server.get("/?apple=3&pear=2");
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(server.get("/?gold=1").text(), "nobody sells gold\n");
    response.text().lines().map(str::to_owned).collect()
}

fn each_part_is_seen_in_the_answer(env: &TestEnv) {
    for (part, file, old, new, line, seen) in [
        ("gateway", "gateway/app.py", "Acme's finest", "Fresh today", 0, "Fresh today"),
        (
            "pricing",
            "pricing/src/lib.rs",
            "(\"apple\", 30)",
            "(\"apple\", 31)",
            2,
            "3 x apple @ 0.31            0.93",
        ),
        (
            "rendering",
            "rendering/src/index.js",
            "row('total'",
            "row('to pay'",
            5,
            "to pay                      1.83",
        ),
    ] {
        replace(env, file, old, new);
        let built = env.jointer(["build", "--explain"]).success();
        let dirty: Vec<_> = built.stderr.lines().filter(|line| line.contains("Dirty")).collect();
        for other in ["gateway", "pricing", "rendering"] {
            let named = dirty.iter().any(|line| line.contains(&format!("Dirty {other}")));
            assert_eq!(named, other == part, "{}", built.stderr);
        }
        assert_eq!(order(env)[line], seen);
    }
}

/// What every variant of the gate must do.
fn the_gate_holds(server: &Server) {
    let refused = server.get("/treasure.txt");
    assert_eq!((refused.status, refused.text().as_str()), (401, "bring a token\n"));
    assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"gate\""));
    let wrong = server.send("GET", "/treasure.txt", &[("authorization", "Bearer open-barley")], b"");
    assert_eq!(wrong.status, 401);
    server.wait_for("auth: refused");
    // What a build said, with the name of the part in front, comes before the server starts.
    let lines = server.lines();
    let mut served = lines.iter().skip_while(|line| !line.contains("Serving"));
    assert!(!served.any(|line| line.contains("files: ")), "{lines:?}");

    let admitted = |method, path, more: &[(&str, &str)]| -> Response {
        server.send(method, path, &[&[TOKEN], more].concat(), b"")
    };
    let treasure = admitted("GET", "/treasure.txt", &[]);
    assert_eq!((treasure.status, treasure.text().as_str()), (200, "the treasure\n"));
    assert_eq!(treasure.header("content-type"), Some("text/plain; charset=utf-8"));
    server.wait_for("auth: admitted");
    server.wait_for("files: 200 /treasure.txt");
    assert_eq!(admitted("GET", "/nothing", &[]).status, 404);
    for outside in ["/../jointer.toml", "/%2e%2e/jointer.toml", "/a/../../jointer.toml", "//etc/passwd"] {
        assert_eq!(admitted("GET", outside, &[]).status, 404, "{outside}");
    }
    let head = admitted("HEAD", "/treasure.txt", &[]);
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("13"), 0));
    let part = admitted("GET", "/treasure.txt", &[("range", "bytes=4-6")]);
    assert_eq!((part.status, part.text().as_str()), (206, "tre"));
    assert_eq!(part.header("content-range"), Some("bytes 4-6/13"));
    let beyond = admitted("GET", "/treasure.txt", &[("range", "bytes=99-")]);
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */13")));
    assert_eq!(admitted("POST", "/treasure.txt", &[]).status, 405);
}

#[test]
fn gate_in_python_before_rust() {
    let env = TestEnv::new();
    env.copy("examples/gate", ".");
    let server = Server::start(&env, &[]);
    the_gate_holds(&server);
    drop(server);
    env.jointer(["test", "--no-build"]).success();
}

#[test]
fn gate_in_javascript_by_one_line() {
    let env = TestEnv::new();
    env.copy("examples/gate", ".");
    replace(&env, "jointer.toml", "path = \"auth\"", "path = \"auth-js\"");
    the_gate_holds(&Server::start(&env, &[]));
}

#[test]
fn gate_before_a_file_server_of_november_2023() {
    let env = TestEnv::new();
    env.copy("examples/gate", ".");
    replace(&env, "jointer.toml", "path = \"auth\"", "path = \"auth-js\"");
    replace(&env, "jointer.toml", "path = \"files\"", "path = \"files-2023\"");
    replace(&env, "jointer.toml", "[component.files]", "[component.files]\nworld = \"files\"");
    let built = env.jointer(["build"]).success();
    let adapted = built.stderr.lines().find(|line| line.contains("Adapted") && line.contains("files"));
    let adapted = adapted.unwrap_or_else(|| panic!("no line about the adapter:\n{}", built.stderr));
    assert!(adapted.contains("0.2.0-rc-2023-11-10"), "{adapted}");
    the_gate_holds(&Server::start(&env, &["--no-build"]));
}

#[test]
fn time_machine_joins_parts_for_three_snapshots_on_one_host() {
    let env = TestEnv::new();
    env.copy("examples/time-machine", ".");
    let built = env.jointer(["build"]).success();
    for (part, snapshot) in [("november", "0.2.0-rc-2023-11-10"), ("october", "0.2.0-rc-2023-10-18")] {
        let adapted = built.stderr.lines().find(|line| line.contains("Adapted") && line.contains(part));
        let adapted = adapted.unwrap_or_else(|| panic!("no adapter for {part}:\n{}", built.stderr));
        assert!(adapted.contains(snapshot) && adapted.contains("wrapped"), "{adapted}");
    }
    let inspected = env.jointer(["inspect", "build/time-machine.wasm"]).success().stdout;
    assert!(inspected.contains("built against WASI\n  0.2.12\n"), "{inspected}");
    // What fits a strict host names no other version.
    let server = Server::start(&env, &["--no-build", "--host", "wasi@0.2.12"]);
    let answer = server.get("/anything");
    let lines = [
        "october: waited for a millisecond: true",
        "october: the resources had just arrived",
        "november: waited for a millisecond: true",
        "november: the first components were joined",
        "november: a timeout of Some(1500) milliseconds",
    ];
    assert_eq!((answer.status, answer.text()), (200, format!("{}\n", lines.join("\n"))));
    for said in ["today: asked for /anything", "november: answers", "october: tells"] {
        server.wait_for(said);
    }
    drop(server);
    env.jointer(["test", "--no-build"]).success();
}

const MIB: u64 = 1 << 20;

/// 2 GiB of which the first 256 MiB carry a mark in each MiB; the rest is a hole.
fn sparse_file(path: &Path) {
    let mut file = File::create(path).expect("creates");
    file.set_len(2048 * MIB).expect("grows");
    for number in 0..256 {
        file.seek(SeekFrom::Start(number * MIB + number)).expect("seeks");
        file.write_all(format!("mark {number}").as_bytes()).expect("writes");
    }
}

fn digest_of_start(path: &Path, length: u64) -> Digest {
    Digest::of_reader(OpenOptions::new().read(true).open(path).expect("opens").take(length)).expect("reads")
}

#[test]
fn gate_streams_a_file_larger_than_its_memory() {
    let env = TestEnv::new();
    env.copy("examples/gate", ".");
    let big = env.path("public/big.bin");
    sparse_file(&big);
    let server = Server::start(&env, &["--max-memory", "64MiB", "--access-log", "--format", "json"]);
    // The first request compiles nothing any more, but it maps code and memory that all share.
    assert_eq!(server.send("GET", "/treasure.txt", &[TOKEN], b"").status, 200);
    let before = server.resident();

    let mut stream = server.open("GET", "/big.bin", &[TOKEN], b"");
    let head = Response::read_head(&mut stream);
    assert_eq!((head.status, head.header("content-length")), (200, Some("2147483648")));
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 64 * 1024];
    stream.read_exact(&mut buffer).expect("the first 64 KiB");
    hasher.update(&buffer);
    std::thread::sleep(Duration::from_secs(2));
    let grown = server.resident().saturating_sub(before);
    assert!(grown < 64 * MIB, "grown by {grown} bytes while the client did not read");
    for _ in 1..(256 * MIB / buffer.len() as u64) {
        stream.read_exact(&mut buffer).expect("the next 64 KiB");
        hasher.update(&buffer);
    }
    assert_eq!(hasher.finish(), digest_of_start(&big, 256 * MIB));
    let grown = server.resident().saturating_sub(before);
    assert!(grown < 64 * MIB, "grown by {grown} bytes after 256 MiB");

    // Closing early ends the instance.
    drop(stream);
    let until = Instant::now() + Duration::from_secs(20);
    while !server.lines().iter().any(|line| ended_early(line)) {
        assert!(Instant::now() < until, "the instance lives on:\n{}", server.lines().join("\n"));
        std::thread::sleep(Duration::from_millis(50));
    }
    fs::remove_file(big).expect("removes");
}

/// The event of the request for the big file: cut short, and no instance left.
fn ended_early(line: &str) -> bool {
    let Ok(event) = serde_json::from_str::<Value>(line) else { return false };
    event["reason"] == "request"
        && event["path"] == "/big.bin"
        && event["complete"] == false
        && event["instances"] == 0
}
