//! `jointer run` with real programs.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::guests::{self, wat};
use crate::support::{Ran, TestEnv};

/// Runs the program with flags for jointer and arguments for it.
fn run(env: &TestEnv, flags: &[&str], args: &[&str]) -> Ran {
    let program = guests::program();
    let program = program.to_str().expect("a plain path");
    env.jointer(["run"].iter().chain(flags).chain(&[program]).chain(args))
}

#[test]
fn arguments_streams_and_success_are_the_programs_own() {
    let env = TestEnv::new();
    assert_eq!(run(&env, &[], &["args", "a b", "--flag", "-x"]).success().stdout, "args|a b|--flag|-x\n");
    let mut child = env
        .command(["run".as_ref(), guests::program().as_os_str(), "shout".as_ref()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    child.stdin.take().expect("piped").write_all("schön\n".as_bytes()).expect("sent");
    let ran = Ran::from(child.wait_with_output().expect("ends"));
    assert_eq!(ran.success().stdout, "SCHÖN\n");
}

/// A component whose `run` is this core function, which may `(call $exit …)` with a status.
fn running(body: &str) -> Vec<u8> {
    wat(&format!(
        r#"(component
            (import "wasi:cli/exit@0.2.12" (instance $exit
                (export "exit-with-code" (func (param "status-code" u8)))))
            (core func $lowered (canon lower (func $exit "exit-with-code")))
            (core module $m
                (import "host" "exit" (func $exit (param i32)))
                (func (export "run") (result i32) {body}))
            (core instance $i (instantiate $m (with "host" (instance (export "exit" (func $lowered))))))
            (func $run (result (result)) (canon lift (core func $i "run")))
            (instance $r (export "run" (func $run)))
            (export "wasi:cli/run@0.2.12" (instance $r)))"#
    ))
}

#[test]
fn the_status_is_passed_on() {
    let env = TestEnv::new();
    for (body, status) in [
        ("(call $exit (i32.const 9)) (i32.const 0)", 9),
        ("(call $exit (i32.const 0)) (i32.const 1)", 0),
        ("(i32.const 1)", 1),
        ("(i32.const 0)", 0),
        ("unreachable", 134),
    ] {
        env.write("x.wasm", running(body));
        let ran = env.jointer(["run", "x.wasm"]);
        assert_eq!(ran.status, status, "{body}: {}", ran.stderr);
    }
    // WASI's `exit` knows only success and failure.
    run(&env, &[], &["exit", "3"]).ended_with(1);
}

#[test]
fn a_panic_is_134_and_says_where() {
    let env = TestEnv::new();
    let ran = run(&env, &[], &["panic"]).ended_with(134);
    assert!(ran.stderr.contains("run::trapped"), "{}", ran.stderr);
    assert!(ran.stderr.contains("as asked"), "the program's own words: {}", ran.stderr);
    assert!(ran.stderr.contains("`program::main"), "the function: {}", ran.stderr);
    assert!(!ran.stderr.contains("run::denied"), "nothing was denied: {}", ran.stderr);
}

#[test]
fn variables_are_seen_only_when_granted() {
    let env = TestEnv::new();
    let denied = run(&env, &[], &["env", "HOME"]).ended_with(1).code("run::denied_env");
    assert!(denied.stderr.contains("--env NAME"), "{}", denied.stderr);
    assert_eq!(run(&env, &["--env", "COLOUR=red"], &["env", "COLOUR"]).success().stdout, "red\n");
    let home = run(&env, &["--env", "HOME"], &["env", "HOME"]).success().stdout;
    assert!(home.trim().ends_with("/home"), "{home}");
    run(&env, &["--env", "COLOUR=red"], &["env", "HOME"]).ended_with(1);
}

#[test]
fn folders_are_seen_only_when_granted() {
    let env = TestEnv::new();
    env.write("data/note.txt", "a note\n");
    let denied = run(&env, &[], &["read", "/note.txt"]).ended_with(1).code("run::denied_files");
    assert!(denied.stderr.contains("--dir FOLDER::/"), "{}", denied.stderr);
    assert_eq!(run(&env, &["--dir", "data::/"], &["read", "/note.txt"]).success().stdout, "a note\n");
    assert_eq!(run(&env, &["--dir", "data"], &["read", "data/note.txt"]).success().stdout, "a note\n");
    run(&env, &["--dir", "data::/"], &["read", "/../secret"]).ended_with(1);
    run(&env, &["--dir", "data::/::ro"], &["write", "/new.txt"]).ended_with(1);
    assert!(!env.path("data/new.txt").exists());
    run(&env, &["--dir", "data::/"], &["write", "/new.txt"]).success();
    assert_eq!(env.read("data/new.txt"), "written\n");
    run(&env, &["--dir", "absent::/"], &[]).ended_with(8).code("run::no_folder");
}

#[test]
fn sockets_are_opened_only_when_granted() {
    let env = TestEnv::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = listener.local_addr().expect("an address").to_string();
    let denied = run(&env, &[], &["connect", &address]).ended_with(1).code("run::denied_socket");
    assert!(denied.stderr.contains(&format!("--socket {address}")), "{}", denied.stderr);
    let other = run(&env, &["--socket", "127.0.0.1:1"], &["connect", &address]);
    other.ended_with(1).code("run::denied_socket");
    let named = run(&env, &[], &["connect", "somewhere.invalid:80"]).ended_with(1).code("run::denied_socket");
    assert!(named.stderr.contains("somewhere.invalid"), "{}", named.stderr);
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut hello = [0; 6];
        stream.read_exact(&mut hello).expect("received");
        stream.write_all(b"welcome\n").expect("sent");
        hello
    });
    let granted = run(&env, &["--socket", &address], &["connect", &address]).success();
    assert_eq!(granted.stdout, "welcome\n");
    assert_eq!(&answering.join().expect("answered"), b"hello\n");
}

#[test]
fn grants_that_are_none_are_refused() {
    let env = TestEnv::new();
    for flags in [["--outbound", "example.com"], ["--socket", "localhost"], ["--dir", "::/"]] {
        run(&env, &flags, &[]).ended_with(2).code("run::invalid_grant");
    }
    run(&env, &["--max-memory", "much"], &[]).ended_with(2);
}

#[test]
fn time_and_memory_are_limited() {
    let env = TestEnv::new();
    let began = Instant::now();
    run(&env, &["--timeout", "0.3"], &["spin"]).ended_with(1).code("run::timed_out");
    assert!(began.elapsed() < Duration::from_secs(30));
    let ran = run(&env, &["--max-memory", "16MiB"], &["memory", "50000000"]).ended_with(134);
    assert!(ran.code("run::trapped").stderr.contains("`--max-memory` forbids"));
    assert_eq!(run(&env, &["--max-memory", "64MiB"], &["memory", "50000000"]).success().stdout, "50000000\n");
}

#[test]
fn ctrl_c_ends_a_program_that_computes() {
    let env = TestEnv::new();
    let child = env
        .command(["run".as_ref(), guests::program().as_os_str(), "spin".as_ref()])
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    std::thread::sleep(Duration::from_secs(2));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("sent");
    let ran = Ran::from(child.wait_with_output().expect("ends"));
    ran.ended_with(130).code("process::interrupted");
}

#[test]
fn a_core_module_becomes_a_component_first() {
    let env = TestEnv::new();
    let module = wat(r#"(module
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "\10\00\00\00\06\00\00\00")
            (data (i32.const 16) "hello\n")
            (func (export "_start")
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#);
    env.write("hello.wasm", module);
    let ran = env.jointer(["run", "hello.wasm"]).success();
    assert_eq!(ran.stdout, "hello\n");
    assert!(
        ran.stderr.contains("Adapted") && ran.stderr.contains("wasi_snapshot_preview1"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_is_no_program_names_the_right_command() {
    let env = TestEnv::new();
    let http = guests::http();
    let ran = env.jointer(["run".as_ref(), http.as_os_str()]).ended_with(2).code("run::wrong_world");
    assert!(ran.stderr.contains("jointer serve"), "{}", ran.stderr);
    let values = guests::values();
    let ran = env.jointer(["run".as_ref(), values.as_os_str()]).ended_with(2).code("run::wrong_world");
    assert!(ran.stderr.contains("jointer call"), "{}", ran.stderr);
}

#[test]
fn an_import_that_nobody_provides_is_named() {
    let env = TestEnv::new();
    env.write("x.wasm", wat(r#"(component (import "acme:shop/pricing@0.1.0" (instance)))"#));
    let ran = env.jointer(["run", "x.wasm"]).ended_with(5).code("run::unsatisfied_import");
    assert!(ran.stderr.contains("`acme:shop/pricing@0.1.0`"), "{}", ran.stderr);
    let wrong = r#"(component (import "wasi:cli/exit@0.2.12" (instance (export "leave" (func)))))"#;
    env.write("x.wasm", wat(wrong));
    env.jointer(["run", "x.wasm"]).ended_with(5).code("run::does_not_fit");
}

#[test]
fn files_that_are_no_components_are_refused() {
    let env = TestEnv::new();
    env.jointer(["run", "absent.wasm"]).ended_with(8).code("file::not_found");
    env.write("text.wasm", "not wasm at all");
    assert_ne!(env.jointer(["run", "text.wasm"]).code("component::").status, 0);
    let whole = std::fs::read(guests::program()).expect("read");
    env.write("half.wasm", &whole[..whole.len() / 2]);
    let ran = env.jointer(["run", "half.wasm"]);
    assert!([2, 5].contains(&ran.status), "{}: {}", ran.status, ran.stderr);
    ran.code("::");
}

#[test]
fn damaged_compiled_code_is_made_anew() {
    let env = TestEnv::new();
    let cache = env.path("cache");
    let run = || {
        let mut command = env.command(["run".as_ref(), guests::program().as_os_str()]);
        Ran::from(command.env("JOINTER_CACHE", &cache).output().expect("starts")).success()
    };
    run();
    let mut kept = Vec::new();
    files(&cache.join("compiled-v1"), &mut kept);
    assert!(!kept.is_empty(), "compiled code is kept");
    for (number, file) in kept.iter().enumerate() {
        let bytes = std::fs::read(file).expect("read");
        let damaged = if number % 2 == 0 { &bytes[..bytes.len() / 2] } else { b"nonsense" };
        std::fs::write(file, damaged).expect("written");
    }
    assert_eq!(run().stdout, "hello\n");
    std::fs::remove_dir_all(&cache).expect("removed");
    std::fs::write(&cache, "a file where a folder should be").expect("written");
    assert_eq!(run().code("run::no_cache").stdout, "hello\n");
}

fn files(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn an_app_runs_with_what_its_manifest_grants() {
    let env = TestEnv::new();
    env.write("app/data/note.txt", "a note\n");
    env.write("app/sub/x", "");
    std::fs::copy(guests::program(), env.path("app/program.wasm")).expect("copied");
    let manifest = "[app]\nname = \"acme:tool\"\n[component.tool]\nfile = \"program.wasm\"\n\
        [component.tool.capabilities]\nenv = [\"COLOUR=red\"]\nfiles = [{ host = \"data\", guest = \"/\" }]\n";
    env.write("app/jointer.toml", manifest);
    let run = |args: &[&str]| {
        // From a folder below, so that paths must be the manifest's.
        let mut command = env.command(["run", "--"].iter().chain(args));
        Ran::from(command.current_dir(env.path("app/sub")).output().expect("starts"))
    };
    assert_eq!(run(&["args", "-a"]).success().stdout, "args|-a\n");
    assert_eq!(run(&["env", "COLOUR"]).success().stdout, "red\n");
    assert_eq!(run(&["read", "/note.txt"]).success().stdout, "a note\n");
    run(&["write", "/new.txt"]).ended_with(1);
    std::fs::remove_file(env.path("app/program.wasm")).expect("removed");
    run(&["args"]).ended_with(2).code("app::absent_source");
}
