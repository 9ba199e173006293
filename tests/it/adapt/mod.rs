//! Components and core modules adapted by the real binary, and run.

// The tests start compilers; the ban is for the program itself.
#![allow(clippy::disallowed_methods)]

mod host;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::support::TestEnv;
use host::{Running, Trailers};

const OLD: &str = "0.2.0-rc-2023-11-10";

/// Builds a guest of `tests/it/guests` for a target, once for all tests.
pub(crate) fn guest(target: &str, name: &str) -> PathBuf {
    build(target, &["-p", name]).join(format!("{name}.wasm"))
}

/// A guest with more arguments for cargo, which may lead to another result of the same name.
pub(crate) fn guest_with(target: &str, name: &str, more: &[&str]) -> PathBuf {
    let what: Vec<&str> = ["-p", name].into_iter().chain(more.iter().copied()).collect();
    build(target, &what).join(format!("{name}.wasm"))
}

/// One of the guests that are the same source against each snapshot (`tests/it/guests/eras`).
pub(crate) fn snapshots(target: &str, name: &str) -> PathBuf {
    let wasm = format!("{name}.wasm");
    match target {
        "wasm32-unknown-unknown" => build(target, &["-p", "eras", "--examples"]),
        _ => build(target, &["-p", "eras", "--example", name]),
    }
    .join("examples")
    .join(wasm)
}

/// Runs cargo in `tests/it/guests` unless it already has; gives the folder of what it made.
fn build(target: &str, what: &[&str]) -> PathBuf {
    static BUILT: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("adapt-guests");
    let mut built = BUILT.lock().expect("no test panicked while building");
    let this = format!("{target} {what:?}");
    if !built.contains(&this) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/guests");
        crate::tools::guest_targets();
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--release", "--locked", "--quiet", "--target", target]).args(what);
        // The environment of `cargo test` is about jointer, not about the guest.
        for (variable, _) in
            std::env::vars().filter(|(name, _)| name.starts_with("CARGO") && name != "CARGO_HOME")
        {
            cargo.env_remove(variable);
        }
        let status = cargo.current_dir(folder).env("CARGO_TARGET_DIR", &out).status().expect("cargo starts");
        assert!(status.success(), "the guests {what:?} do not build for {target}");
        built.push(this);
    }
    out.join(target).join("release")
}

/// A guest of one file, built by rustc alone.
pub(crate) fn program(env: &TestEnv, source: &str, target: &str) -> PathBuf {
    let source = env.write("guest.rs", source);
    let output = env.path("guest.wasm");
    crate::tools::guest_targets();
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "-O", "--target", target]).arg(&source).arg("-o").arg(&output);
    assert!(rustc.status().expect("rustc starts").success());
    output
}

/// Adapts a file with the binary and gives the result.
fn adapted(env: &TestEnv, input: &Path, to: &str) -> Vec<u8> {
    let args = ["adapt", input.to_str().expect("a path"), "--to", to, "-o", "adapted.wasm"];
    env.jointer(args).success();
    std::fs::read(env.path("adapted.wasm")).expect("the result")
}

const HELLO: &str = r#"
fn main() {
    let text = std::fs::read_to_string("/hello.txt").unwrap();
    println!("hello {:?} {}", std::env::args().collect::<Vec<_>>(), text.trim());
}
"#;

#[test]
fn a_preview1_program_becomes_a_command_that_runs() {
    let env = TestEnv::new();
    let module = program(&env, HELLO, "wasm32-wasip1");
    let component = adapted(&env, &module, "wasi@0.2.12");
    assert_eq!(Running::new(&component, Trailers::None).command(), "hello [\"guest\", \"one\"] hello file\n");
    // Lower versions are linked by the same host; what matters is that they are named as asked.
    let component = adapted(&env, &module, "wasi@0.2.0");
    let inspected = env.jointer(["inspect", "adapted.wasm"]).success().stdout;
    assert!(inspected.contains("wasi:cli/run@0.2.0\n") && !inspected.contains("@0.2.12"), "{inspected}");
    assert_eq!(Running::new(&component, Trailers::None).command(), "hello [\"guest\", \"one\"] hello file\n");
}

#[test]
fn a_program_of_today_goes_down_and_up_again() {
    let env = TestEnv::new();
    let component = program(&env, HELLO, "wasm32-wasip2");
    let down = adapted(&env, &component, "wasi@0.2.0-rc-2024-01-16");
    let inspected = env.jointer(["inspect", "adapted.wasm"]).success().stdout;
    assert!(inspected.contains("wasi:cli/run@0.2.0-rc-2024-01-16"), "{inspected}");
    assert!(inspected.contains("wasi:io/streams@0.2.0-rc-2023-11-10"), "{inspected}");
    assert!(inspected.contains("no host of today"), "{inspected}");
    let down = env.write("down.wasm", down);
    let up = adapted(&env, &down, "wasi@0.2.12");
    assert_eq!(Running::new(&up, Trailers::None).command(), "hello [\"guest\", \"one\"] hello file\n");
}

#[test]
fn wrapping_may_be_asked_for_and_leaves_the_component_inside_as_it_is() {
    let env = TestEnv::new();
    let component = program(&env, HELLO, "wasm32-wasip2");
    let input = component.to_str().expect("a path");
    let args = ["adapt", input, "--wrap", "--to", "wasi@0.2.12", "-o", "adapted.wasm"];
    assert!(env.jointer(args).success().stderr.contains("(wrapped)"));
    let wrapped = std::fs::read(env.path("adapted.wasm")).expect("the result");
    let inside = std::fs::read(&component).expect("the component");
    assert!(wrapped.windows(inside.len()).any(|bytes| bytes == inside), "its bytes are in there");
    assert_eq!(Running::new(&wrapped, Trailers::None).command(), "hello [\"guest\", \"one\"] hello file\n");
}

/// What the guest says where its snapshot's functions do what they did then.
fn said() -> String {
    // Where the machine has no IPv6, the guest passes over it.
    let ipv6 = std::net::UdpSocket::bind("[::]:0").is_ok();
    SAID.lines().filter(|line| ipv6 || !line.contains("Ipv6")).map(|line| format!("{line}\n")).collect()
}

const SAID: &str = "\
arguments [\"guest\", \"one\"]
motto onwards
file hello file
slept true
year true
random true
tcp IpAddressFamily::Ipv4 Err(\"not-supported\") [Err(\"not-supported\"), Err(\"not-supported\")]
udp IpAddressFamily::Ipv4 Err(\"not-supported\") [Err(\"not-supported\"), Err(\"not-supported\")]
tcp IpAddressFamily::Ipv6 Ok(true) [Ok(()), Err(\"not-supported\")]
udp IpAddressFamily::Ipv6 Ok(true) [Ok(()), Err(\"not-supported\")]
unset None
connect Some(1500)
first byte Some(2500)
between bytes Some(18446744073709)
unset again None
";

#[test]
fn a_command_of_2023_11_10_runs_with_files_clocks_random_and_sockets() {
    let env = TestEnv::new();
    // The core module carries its world in a custom section, which is honoured.
    let module = guest("wasm32-unknown-unknown", "snapshot");
    let component = adapted(&env, &module, "wasi@0.2.12");
    assert_eq!(Running::new(&component, Trailers::None).with_motto().command(), said());
    let inspected = env.jointer(["inspect", "adapted.wasm"]).success().stdout;
    for own in ["  motto\n", "  checks\n"] {
        assert!(inspected.contains(own), "{own} is handed on:\n{inspected}");
    }
}

#[test]
fn two_snapshots_in_one_component_share_one_host() {
    let env = TestEnv::new();
    // For wasip2 the standard library brings its own, newer version of the interfaces.
    let component = guest("wasm32-wasip2", "snapshot");
    let before = env.jointer(["inspect", component.to_str().expect("a path")]).success().stdout;
    assert!(
        before.contains(&format!("wasi:io/streams@{OLD}\n")) && before.contains("wasi:io/streams@0.2."),
        "{before}"
    );
    let component = adapted(&env, &component, "wasi@0.2.12");
    let said = Running::new(&component, Trailers::None).with_motto().command();
    assert_eq!(said, format!("{}std hello file\n", self::said()));
}

#[test]
fn two_final_versions_in_one_component_become_one_with_one_type_of_each_resource() {
    let env = TestEnv::new();
    let module = std::fs::read(guest("wasm32-unknown-unknown", "mixed")).expect("the guest");
    // Some tools merge versions themselves; here both are to stay.
    let mut encoder = wit_component::ComponentEncoder::default();
    let encoder = encoder.module(&module).expect("a module");
    let component = encoder.merge_imports_based_on_semver(false).encode().expect("a component");
    let path = env.write("two.wasm", &component);
    let before = env.jointer(["inspect", "two.wasm"]).success().stdout;
    assert_eq!(before.matches("  wasi:io/streams@").count(), 2, "{before}");
    let trapped = std::panic::catch_unwind(|| Running::new(&component, Trailers::None).command());
    assert!(trapped.is_err(), "before, a pollable of one version is none of the other: {trapped:?}");
    for to in ["0.2.12", "0.2.0"] {
        let component = adapted(&env, &path, &format!("wasi@{to}"));
        let after = env.jointer(["inspect", "adapted.wasm"]).success().stdout;
        assert_eq!(after.matches("  wasi:io/streams@").count(), 1, "{after}");
        assert!(after.contains("  times\n") && after.contains(&format!("wasi:cli/run@{to}")), "{after}");
        let said = Running::new(&component, Trailers::None).command();
        assert_eq!(said, "older newer ready [0]\n", "{to}");
    }
}

#[test]
fn timeouts_of_2023_11_10_arrive_as_nanoseconds_and_trailers_come_back() {
    let env = TestEnv::new();
    let component = adapted(&env, &guest("wasm32-unknown-unknown", "snapshot"), "wasi@0.2.12");
    let fetch = |trailers, path| Running::new(&component, trailers).with_motto().request(path);
    let (status, body, seen) = fetch(Trailers::Some, "/out");
    assert_eq!(
        (status, String::from_utf8(body).expect("text").as_str()),
        (200, "200 answer trailers [(\"checksum\", \"abc\")]")
    );
    let millis = |timeout: Option<std::time::Duration>| timeout.expect("a timeout").as_millis();
    assert_eq!(millis(seen[0].connect_timeout), 1500);
    assert_eq!(millis(seen[0].first_byte_timeout), 2500);
    assert_eq!(millis(seen[0].between_bytes_timeout), 3500);
    let (_, body, _) = fetch(Trailers::None, "/out");
    assert_eq!(String::from_utf8(body).expect("text"), "200 answer trailers none");
    // An error whose text is larger than the adapter's memory at the start.
    let (_, body, _) = fetch(Trailers::Broken, "/out-unread");
    let body = String::from_utf8(body).expect("text");
    let start: String = body.chars().take(200).collect();
    assert!(body.starts_with("200  trailers ErrorCode::InternalError"), "{start}");
    assert!(body.contains(&"x".repeat(100_000)), "{} bytes: {start}", body.len());
}

#[test]
fn a_file_server_of_2023_11_10_serves() {
    let env = TestEnv::new();
    for target in ["wasm32-unknown-unknown", "wasm32-wasip2"] {
        let component = adapted(&env, &guest(target, "snapshot"), "wasi@0.2.12");
        let get = |path: &str| {
            let (status, body, _) = Running::new(&component, Trailers::None).with_motto().request(path);
            (status, body)
        };
        assert_eq!(get("/hello.txt"), (200, b"hello file\n".to_vec()), "{target}");
        assert_eq!(get("/big.bin"), (200, vec![7; 300_000]), "{target}");
        assert_eq!(get("/absent"), (404, b"not found".to_vec()), "{target}");
    }
}

#[test]
fn one_line_says_what_was_done_and_json_says_more() {
    let env = TestEnv::new();
    let old = guest("wasm32-wasip2", "snapshot");
    let old = old.to_str().expect("a path");
    let ran = env.jointer(["adapt", old, "-o", "out.wasm"]).success();
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    for word in ["Adapted", OLD, "wasi@0.2.12", "wrapped"] {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.stderr);
    }
    let ran = env.jointer(["adapt", "out.wasm", "-o", "again.wasm"]).success();
    assert!(ran.stderr.contains("Unchanged"), "{}", ran.stderr);
    assert_eq!(
        std::fs::read(env.path("out.wasm")).expect("out"),
        std::fs::read(env.path("again.wasm")).expect("again")
    );
    let ran = env.jointer(["adapt", old, "-o", "out.wasm", "--format", "json"]).success();
    let answer: serde_json::Value = serde_json::from_str(ran.stdout.trim()).expect("JSON");
    assert_eq!((answer["how"].as_str(), answer["to"].as_str()), (Some("wrapped"), Some("0.2.12")));
    assert_eq!(answer["functions"].as_array().map(Vec::len), Some(11));
    let ran = env.jointer(["inspect", "out.wasm", "--format", "json"]).success();
    let answer: serde_json::Value = serde_json::from_str(ran.stdout.trim()).expect("JSON");
    assert_eq!(answer["kind"].as_str(), Some("component"));
    assert!(answer["core_modules"].as_array().is_some_and(|modules| modules.len() > 3));
    assert_eq!(answer["wasi"]["snapshots"][0].as_str(), Some("0.2.12"));
}

#[test]
fn standard_input_and_output_carry_components() {
    use std::io::Write;
    let env = TestEnv::new();
    let module = program(&env, "fn main() {}", "wasm32-wasip1");
    let mut child = env
        .command(["adapt", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("jointer starts");
    let module = std::fs::read(module).expect("the module");
    child.stdin.take().expect("stdin").write_all(&module).expect("write");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard input"));
    assert_eq!(Running::new(&output.stdout, Trailers::None).command(), "");
}

#[test]
fn core_modules_become_what_is_asked_for() {
    let env = TestEnv::new();
    let write = |name: &str, text: &str| env.write(name, wat::parse_str(text).expect("WAT"));
    write("library.wasm", r#"(module (func (export "add") (result i32) i32.const 1))"#);
    env.jointer(["adapt", "library.wasm", "-o", "out.wasm"]).success();
    let import = |module: &str, name: &str| {
        format!(
            r#"(module (import "{module}" "{name}" (func (param i32 i32) (result i32)))
                (memory (export "memory") 1) (func (export "_start")))"#
        )
    };
    write("random.wasm", &import("wasi_snapshot_preview1", "random_get"));
    env.jointer(["adapt", "random.wasm", "-o", "out.wasm", "--kind", "reactor"]).success();
    assert!(!env.jointer(["inspect", "out.wasm"]).success().stdout.contains("cli/run"));
    env.jointer(["adapt", "random.wasm", "-o", "out.wasm", "--kind", "proxy"]).success();
    env.jointer(["adapt", "random.wasm", "-o", "out.wasm"]).success();
    assert!(env.jointer(["inspect", "out.wasm"]).success().stdout.contains("wasi:cli/run@0.2.12"));
    write("emscripten.wasm", &import("env", "emscripten_run_script"));
    env.jointer(["adapt", "emscripten.wasm", "-o", "no.wasm"])
        .ended_with(5)
        .code("adapt::not_componentizable");
    write("unstable.wasm", &import("wasi_unstable", "random_put"));
    env.jointer(["adapt", "unstable.wasm", "-o", "no.wasm"]).ended_with(5).code("adapt::not_componentizable");
    assert!(!env.path("no.wasm").exists());
}

#[test]
fn what_cannot_be_adapted_is_refused_with_its_name() {
    let env = TestEnv::new();
    let component = |import: &str| {
        wat::parse_str(format!(
            r#"(component (import "{import}" (instance (export "poll-list" (func (param "in" (list u32)) (result (list u32)))))))"#
        ))
        .expect("WAT")
    };
    env.write("old.wasm", component("wasi:io/poll@0.2.0-rc-2023-10-18"));
    let said = env
        .jointer(["adapt", "old.wasm", "-o", "no.wasm"])
        .ended_with(5)
        .code("adapt::function_missing")
        .stderr;
    assert!(
        said.contains("2023-10-18") && said.contains("poll-list") && said.contains("wasi:io/poll"),
        "{said}"
    );
    env.write("new.wasm", component("wasi:clocks/system-clock@0.3.0"));
    env.jointer(["adapt", "new.wasm", "-o", "no.wasm"]).ended_with(5).code("adapt::other_track");
    let clock = r#"(component (import "wasi:clocks/monotonic-clock@0.2.3" (instance (export "now" (func (result u32))))))"#;
    env.write("strange.wasm", wat::parse_str(clock).expect("WAT"));
    let said = env
        .jointer(["adapt", "strange.wasm", "-o", "no.wasm"])
        .ended_with(5)
        .code("adapt::differs")
        .unwrapped();
    assert!(said.contains("func() -> u32") && said.contains("func() -> u64"), "{said}");
    env.jointer(["adapt", "old.wasm", "--to", "wasi@0.4.0", "-o", "no.wasm"])
        .ended_with(2)
        .code("adapt::unknown_target");
    env.jointer(["adapt", "old.wasm", "--to", "latest", "-o", "no.wasm"])
        .ended_with(2)
        .code("adapt::unknown_target");
    assert!(!env.path("no.wasm").exists());
}

#[test]
fn what_a_version_lacks_fails_alone_if_that_is_wanted() {
    let env = TestEnv::new();
    let module = std::fs::read(guest("wasm32-unknown-unknown", "informational")).expect("the guest");
    let mut encoder = wit_component::ComponentEncoder::default();
    let component = encoder.module(&module).and_then(|encoder| encoder.encode()).expect("a component");
    env.write("new.wasm", component);
    for host in ["wasi@0.2.0", "wasi@0.2.3"] {
        let adapt = ["adapt", "new.wasm", "--to", host, "-o", "stubbed.wasm"];
        let said = env.jointer(adapt).ended_with(5).code("adapt::function_missing").unwrapped();
        assert!(said.contains("send-informational") && said.contains("--stub"), "{said}");
        env.jointer(adapt.into_iter().chain(["--stub"])).success();
        let server = crate::http::Server::start(&env, &["--host", host, "stubbed.wasm"]);
        // The error that says least; the types have none that says more.
        let error = "Err(ErrorCode::InternalError(None))";
        assert_eq!(server.get("/").text(), format!("[{error}, {error}, {error}]"), "{host}");
    }
}

#[test]
fn what_is_no_component_is_named() {
    let env = TestEnv::new();
    env.write("text.wat", "(component)");
    env.write("empty.wasm", "");
    let whole = wat::parse_str(r#"(component (core module (func)) (import "run" (func)))"#).expect("WAT");
    env.write("cut.wasm", &whole[..whole.len() - 3]);
    for command in ["adapt", "inspect"] {
        env.jointer([command, "text.wat"]).ended_with(2).code("component::not_wasm");
        env.jointer([command, "empty.wasm"]).ended_with(2).code("component::empty");
        env.jointer([command, "cut.wasm"]).ended_with(2).code("component::truncated");
        env.jointer([command, "absent.wasm"]).ended_with(8).code("file::not_found");
    }
}
