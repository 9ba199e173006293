//! Components of WASI 0.3: genuine ones against each version, adapted to each other and run on strict hosts.

// The tests start compilers; the ban is for the program itself.
#![allow(clippy::disallowed_methods)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::adapt::{guest_with, program};
use crate::http::Server;
use crate::support::TestEnv;

const VERSIONS: [(&str, &str); 3] =
    [("candidate", "0.3.0-rc-2026-03-15"), ("first", "0.3.0"), ("latest", "0.3.2")];

/// The guest against each version, as core modules.
fn guests() -> &'static Vec<PathBuf> {
    static BUILT: OnceLock<Vec<PathBuf>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let build = |(feature, _): &(&str, &str)| {
            let built = guest_with("wasm32-unknown-unknown", "third", &["--features", feature]);
            let kept = built.with_file_name(format!("third-{feature}.wasm"));
            std::fs::copy(built, &kept).expect("copy");
            kept
        };
        VERSIONS.iter().map(build).collect()
    })
}

const SAID: &str = r#"arguments ["one"]
waited true
year true
random true
file hello file of 11
folder ["copy.txt", "hello.txt"]
absent Err(ErrorCode::NoEntry)
over tcp
over udp
202 PING
"#;

/// Answers one request with its body in capitals.
fn echo() -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let authority = listener.local_addr().expect("address").to_string();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a request");
        let mut read = Vec::new();
        let mut piece = [0; 1024];
        while !read.ends_with(b"ping") {
            let count = stream.read(&mut piece).expect("read");
            assert!(count > 0, "the request ends early: {}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&piece[..count]);
        }
        assert!(read.starts_with(b"POST /echo "), "{}", String::from_utf8_lossy(&read));
        let answer = "HTTP/1.1 202 Accepted\r\ncontent-length: 4\r\nconnection: close\r\n\r\nPING";
        stream.write_all(answer.as_bytes()).expect("write");
    });
    (authority, served)
}

/// The guest against a version, as a component with that version's names.
pub(crate) fn component(env: &TestEnv, version: &str) -> PathBuf {
    let at = VERSIONS.iter().position(|(_, of)| *of == version).expect("a version with a guest");
    let module = guests()[at].to_str().expect("a path");
    env.jointer(["adapt", module, "--to", &format!("wasi@{version}"), "-o", "third.wasm"]).success();
    env.path("third.wasm")
}

/// Runs a component on a strict host and compares what it says.
pub(crate) fn behaves(env: &TestEnv, component: &str, to: &str) -> Result<(), String> {
    env.write("data/hello.txt", "hello file\n");
    let (authority, served) = echo();
    let (host, origin) = (format!("wasi@{to}"), format!("http://{authority}"));
    let args = ["run", "--host", &host, "--dir", "data::/", "--socket", "*", "--outbound", &origin];
    let ran = env.jointer(args.into_iter().chain([component, "one", &authority]));
    if ran.status != 0 || ran.stdout != SAID {
        return Err(format!("status {}\n{}{}", ran.status, ran.stdout, ran.stderr));
    }
    served.join().map_err(|_| "no request came".to_owned())
}

#[test]
fn nothing_but_what_agrees_goes_from_one_track_to_the_other() {
    let env = TestEnv::new();
    let module = guests()[1].to_str().expect("a path");
    let refused = |file: &str, to: &str| {
        env.jointer(["adapt", file, "--to", to, "-o", "no.wasm"])
            .ended_with(5)
            .code("adapt::other_track")
            .unwrapped()
    };
    env.jointer(["adapt", module, "--to", "wasi@0.3.0", "-o", "third.wasm"]).success();
    let down = refused("third.wasm", "wasi@0.2.12");
    assert!(down.contains("WASI 0.3.0") && down.contains("build it for WASI 0.2"), "{down}");
    let second = program(&env, "fn main() { println!(\"second\") }", "wasm32-wasip2");
    let second = second.to_str().expect("a path");
    let up = refused(second, "wasi@0.3.0");
    assert!(up.contains("have 0.2 as well"), "{up}");
    assert!(!env.path("no.wasm").exists());
    // What uses only what is the same in both.
    let text = r#"(component
        (import "wasi:clocks/monotonic-clock@0.2.6" (instance $clock (export "now" (func (result u64)))))
        (core func $now (canon lower (func $clock "now")))
        (core module $m (import "clock" "now" (func $now (result i64))) (func (export "passed") (result i32)
            (i64.lt_u (call $now) (i64.const 0xffff_ffff_ffff)) ))
        (core instance $i (instantiate $m (with "clock" (instance (export "now" (func $now))))))
        (func (export "passed") (result bool) (canon lift (core func $i "passed"))))"#;
    env.write("clock.wasm", wat::parse_str(text).expect("WAT"));
    env.jointer(["adapt", "clock.wasm", "--to", "wasi@0.3.2", "-o", "up.wasm"]).success();
    assert!(
        env.jointer(["inspect", "up.wasm"]).success().stdout.contains("wasi:clocks/monotonic-clock@0.3.2")
    );
    assert!(env.jointer(["call", "up.wasm", "passed()"]).success().stdout.starts_with(['t', 'f']));
}

#[test]
fn what_async_code_of_its_time_does_is_named_with_its_tool() {
    let env = TestEnv::new();
    let module = r#"(core module (@producers (processed-by "wit-bindgen-rust" "0.44.0")))"#;
    let import = r#"(import "wasi:cli/run@0.3.0-rc-2025-09-16" (instance (export "[async]run" (func))))"#;
    env.write("early.wasm", wat::parse_str(format!("(component {module} {import})")).expect("WAT"));
    let said = env.jointer(["adapt", "early.wasm", "--to", "wasi@0.3.0", "-o", "no.wasm"]).ended_with(5);
    let said = said.code("adapt::drifted").unwrapped();
    assert!(said.contains("wit-bindgen-rust 0.44.0") && said.contains("2025-11"), "{said}");
    let module = r#"(core module (@producers (processed-by "wit-bindgen-rust" "0.57.1")))
        (core func (canon waitable-set.new))"#;
    let import = r#"(import "wasi:cli/terminal-input@0.3.0-rc-2026-03-15" (instance))"#;
    env.write("spring.wasm", wat::parse_str(format!("(component {module} {import})")).expect("WAT"));
    let said =
        env.jointer(["adapt", "spring.wasm", "--to", "wasi@0.3.0", "-o", "spring-0.3.0.wasm"]).success();
    let said = said.unwrapped();
    assert!(said.contains("wasmtime 46") && said.contains("wit-bindgen-rust 0.57.1"), "{said}");
}

#[test]
fn handlers_of_each_version_are_served() {
    let env = TestEnv::new();
    for (_, version) in VERSIONS {
        let component = component(&env, version);
        // Whatever its version, the host finds it.
        let server = Server::start(&env, &[component.to_str().expect("a path"), "--access-log"]);
        let answer = server.send("POST", "/shout?now", &[], b"hello in pieces");
        assert_eq!((answer.status, answer.text().as_str()), (200, "HELLO IN PIECES"), "{version}");
        assert_eq!(answer.header("asked"), Some("Method::Post /shout?now"), "{version}");
        server.wait_for("200 POST /shout");
        assert_eq!(server.get("/").text(), "", "{version}");
    }
}

#[test]
fn a_handler_of_wasi_0_3_that_fails_is_500_and_the_next_request_is_served() {
    let env = TestEnv::new();
    let component = component(&env, "0.3.2");
    let server =
        Server::start(&env, &[component.to_str().expect("a path"), "--format", "json", "--access-log"]);
    let trapped = server.get("/trap");
    assert!(trapped.status == 500 && trapped.text().contains("trapped"), "{trapped:?}");
    let refused = server.get("/error");
    assert!(refused.status == 500 && refused.text().contains("asked to"), "{refused:?}");
    let body = vec![b'a'; 20_000];
    assert_eq!(server.send("PUT", "/large", &[], &body).body, vec![b'A'; 20_000]);
    // A client that leaves in the middle takes its instance with it.
    drop(server.open("POST", "/left", &[("content-length", "1000")], b""));
    assert_eq!(server.send("HEAD", "/head", &[], b"").status, 200);
    let request = server.wait_for("/large");
    let request: serde_json::Value = serde_json::from_str(&request).expect("JSON");
    assert_eq!((&request["bytes"], &request["complete"]), (&20_000.into(), &true.into()));
    let mut nameless = std::net::TcpStream::connect(&server.address).expect("connects");
    nameless.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("sends");
    let mut said = String::new();
    nameless.read_to_string(&mut said).expect("an answer");
    assert!(said.contains(" 400 ") && said.contains("names no host"), "{said}");
}

#[test]
fn parts_for_two_versions_of_0_3_are_adapted_together() {
    let env = TestEnv::new();
    let clock = |version: &str| {
        format!(
            r#"(import "wasi:clocks/monotonic-clock@{version}" (instance $clock (export "now" (func (result u64)))))
               (core func $now (canon lower (func $clock "now")))"#
        )
    };
    let past = format!(
        r#"(component {}
            (core module $m (import "" "now" (func $now (result i64))) (func (export "now") (result i64) (call $now)))
            (core instance $i (instantiate $m (with "" (instance (export "now" (func $now))))))
            (func $past (result u64) (canon lift (core func $i "now")))
            (instance $p (export "now" (func $past)))
            (export "acme:clock/past@1.0.0" (instance $p)))"#,
        clock("0.3.0-rc-2026-03-15")
    );
    let present = format!(
        r#"(component {}
            (import "acme:clock/past@1.0.0" (instance $past (export "now" (func (result u64)))))
            (core func $then (canon lower (func $past "now")))
            (core module $m (import "" "now" (func $now (result i64))) (import "" "then" (func $then (result i64)))
                (func (export "passed") (result i32) (i64.le_u (call $then) (call $now))))
            (core instance $i (instantiate $m (with "" (instance
                (export "now" (func $now)) (export "then" (func $then))))))
            (func (export "passed") (result bool) (canon lift (core func $i "passed"))))"#,
        clock("0.3.2")
    );
    env.write("past.wasm", wat::parse_str(past).expect("WAT"));
    env.write("present.wasm", wat::parse_str(present).expect("WAT"));
    env.jointer(["plug", "present.wasm", "--plug", "past.wasm", "-o", "both.wasm"]).success();
    let imports = |file: &str| {
        let said = env.jointer(["inspect", file, "--format", "json"]).success().stdout;
        let answer: serde_json::Value = serde_json::from_str(said.trim()).expect("JSON");
        answer["imports"].clone()
    };
    assert_eq!(imports("both.wasm").as_array().map(Vec::len), Some(2));
    for to in ["0.3.0", "0.3.2", "0.3.0-rc-2026-03-15"] {
        env.jointer(["adapt", "both.wasm", "--to", &format!("wasi@{to}"), "-o", "one.wasm"]).success();
        assert_eq!(imports("one.wasm"), serde_json::json!([format!("wasi:clocks/monotonic-clock@{to}")]));
        assert_eq!(env.jointer(["call", "one.wasm", "passed()"]).success().stdout, "true\n", "{to}");
    }
}
