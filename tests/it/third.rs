//! Components of WASI 0.3: genuine ones against each version, adapted to each other and run on strict hosts.

// The tests start compilers; the ban is for the program itself.
#![allow(clippy::disallowed_methods)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::adapt::{guest_with, program};
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
