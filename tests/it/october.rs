//! A program and http handler against `0.2.0-rc-2023-10-18`, adapted by the real binary, on strict hosts of WASI
//! 0.2. What it says was worked out from the specification of its day, not from what it said.

// The tests start the real binary; the ban is for the program itself.
#![allow(clippy::disallowed_methods)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::http::Server;
use crate::matrix::{OCTOBER, component};
use crate::support::{Ran, TestEnv};

/// The final versions that matter: the first, the one that most tools have, the last.
const HOSTS: [&str; 3] = ["wasi@0.2.0", "wasi@0.2.6", "wasi@0.2.12"];

/// The guest as a component of its own snapshot, as `october.wasm` in `env`.
pub(crate) fn october(env: &TestEnv) -> String {
    env.write("october.wasm", component(OCTOBER)).to_str().expect("a path").to_owned()
}

/// Adapts the guest and runs it on a strict host with a folder, a variable, all of loopback, and `input`.
fn run(env: &TestEnv, host: &str, part: &str, input: &str) -> Ran {
    adapt(env, host);
    run_adapted(env, host, part, input)
}

fn adapt(env: &TestEnv, host: &str) {
    env.jointer(["adapt", "october.wasm", "--to", host, "-o", "adapted.wasm"]).success();
}

/// Runs a part of the guest with something done to the adapted component before; it must say what it always says.
pub(crate) fn says_with(part: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>) {
    let env = TestEnv::new();
    october(&env);
    adapt(&env, HOSTS[2]);
    env.write("adapted.wasm", change(std::fs::read(env.path("adapted.wasm")).expect("the component")));
    let expected = SAYS.iter().find(|(name, _)| *name == part).expect("a part of the guest").1;
    assert_eq!(run_adapted(&env, HOSTS[2], part, "").success().stdout, expected, "{part}");
}

fn run_adapted(env: &TestEnv, host: &str, part: &str, input: &str) -> Ran {
    std::fs::create_dir_all(env.path("files")).expect("a folder");
    let args = ["run", "--host", host, "--dir", "files::/", "--env", "COLOUR=red", "--socket", "*"];
    let mut child = env
        .command(args.into_iter().chain(["adapted.wasm", part]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("jointer starts");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("typed");
    Ran::from(child.wait_with_output().expect("it ends"))
}

/// The parts of the guest, and what each says on every host (`matrix` runs them all).
pub(crate) const SAYS: [(&str, &str); 9] = [
    (
        "cli",
        r#"arguments true
colour Some("red")
cwd true
terminals [false, false, false]
stdin "question"
"#,
    ),
    (
        "clocks",
        r#"resolution true
relative true
absolute [1, 3]
year true
wall resolution true
zone UTC 0 false
offset 0
"#,
    ),
    (
        "random",
        r#"random true
random u64 true
insecure 64
insecure u64 true
"#,
    ),
    (
        "files",
        r#"read Ok(("3456", false))
stat 10 DescriptorType::RegularFile
flags true
absent "no-entry"
exclusive "exist"
inside 4
same true false
hash true
entries ["b", "c.txt"]
link "a.txt"
changed 6 Some(1000000000)
gone "no-entry"
"#,
    ),
    (
        "removed",
        r#"exists Ok(())
exists not Err("no-entry")
may Err("unsupported")
mode Err("unsupported")
mode of a folder Err("unsupported")
locks [Err("unsupported"), Err("unsupported"), Err("unsupported"), Err("unsupported"), Err("unsupported")]
"#,
    ),
    (
        "streams",
        r#"room true
blocking splice Ok(5)
splice true
spliced "xy\0\0\0abcde"
forward Ok(80003) size 80003
forward from its end Ok(0)
skip Ok(0) Ok(1)
read Ok(0)
rest "d"
end Err("closed")
failed Some("invalid") true
"#,
    ),
    (
        "tcp",
        r#"listening true IpAddressFamily::Ipv4
ipv6 only "not-supported" "not-supported"
ipv6 only Ok(true) Ok(())
no delay "not-supported" "not-supported"
keep alive Ok(true)
hops Ok(42)
buffers true true
connected true
accepted true
echoed Ok(14)
received "there and back"
"#,
    ),
    (
        "udp",
        r#"unbound Err("invalid-state") true
not connecting Err("not-in-progress")
bound true IpAddressFamily::Ipv4
nothing yet Err("would-block") Ok([])
ipv6 only "not-supported" "not-supported"
hops Ok(17)
buffers true true
twice Err("concurrency-conflict")
connected true
none Ok(0)
sent Ok(2)
received ["one", "two"] from the client true
answered Ok(1)
answer Ok(["answer"])
loose Ok(1)
loose Ok(["three"])
third connected true
"#,
    ),
    (
        "names",
        r#"any ["127.0.0.1"]
four ["127.0.0.1"]
six []
six ["v6"]
four []
"#,
    ),
];

#[test]
fn as_it_is_no_host_of_0_2_runs_it() {
    let env = TestEnv::new();
    let component = october(&env);
    for host in HOSTS {
        let ran = env.jointer(["run", "--host", host, &component, "cli"]);
        let said = ran.ended_with(5).code("host::does_not_fit").unwrapped();
        assert!(said.contains("@0.2.0-rc-2023-10-18"), "{said}");
        env.jointer(["serve", "--host", host, &component]).ended_with(5).code("host::does_not_fit");
    }
}

#[test]
fn standard_error_is_another_stream() {
    let env = TestEnv::new();
    october(&env);
    let ran = run(&env, "wasi@0.2.12", "cli", "").success();
    assert!(ran.stderr.contains("to standard error"), "{}", ran.stderr);
}

#[test]
fn statuses_are_0_and_1() {
    let env = TestEnv::new();
    october(&env);
    for host in HOSTS {
        run(&env, host, "fail", "").ended_with(1);
        run(&env, host, "exit", "").ended_with(1);
    }
}

#[test]
fn messages_for_the_log_go_to_standard_error() {
    let env = TestEnv::new();
    october(&env);
    for host in HOSTS {
        let ran = run(&env, host, "log", "").success();
        let long = format!("WARN     long: {}", "x".repeat(10_000));
        let lines: Vec<&str> = ran.stderr.lines().collect();
        for line in ["TRACE    start: one", "CRITICAL : zwölf", &long] {
            assert!(lines.contains(&line), "no `{line:.40}` on {host}:\n{:.300}", ran.stderr);
        }
    }
}

/// Adapts the guest and serves it on a strict host.
fn serve(env: &TestEnv, host: &str, flags: &[&str]) -> Server {
    october(env);
    adapt(env, host);
    Server::start(env, &[&["--host", host, "adapted.wasm"], flags].concat())
}

#[test]
fn a_handler_answers_with_headers_a_body_and_trailers() {
    let env = TestEnv::new();
    for host in HOSTS {
        let server = serve(&env, host, &[]);
        let response = server.get("/fields");
        assert_eq!((response.status, response.header("x-october")), (201, Some("18")), "{host}");
        assert_eq!(response.header("late"), None, "headers are copied when a response is made");
        assert_eq!(response.text(), r#"1 3 | 4 5 | 0 | [("a", "1"), ("b", "2")]"#);
        let response = server.send("POST", "/request", &[("x-test", "this")], b"a body");
        assert_eq!(
            response.text(),
            r#"POST Some(true) true header "this" body "a body" trailers []"#,
            "{host}"
        );
        // Trailers are for those who ask for them.
        let mut raw = String::new();
        server
            .open("GET", "/request", &[("te", "trailers")], b"")
            .read_to_string(&mut raw)
            .expect("an answer");
        let said = r#"GET Some(true) true header "" body "" trailers []"#;
        assert!(raw.contains(said), "{raw}");
        assert!(raw.ends_with(&format!("0\r\nlength: {}\r\n\r\n", said.len())), "{raw}");
    }
}

#[test]
fn errors_of_then_are_errors_of_today() {
    let env = TestEnv::new();
    let server = serve(&env, "wasi@0.2.12", &[]);
    for (path, error) in [
        ("/invalid-url", "HttpRequestUriInvalid"),
        ("/timeout", "HttpResponseTimeout"),
        ("/protocol", "HttpProtocolError"),
        ("/unexpected", "InternalError(Some(\"what it was\"))"),
        // There was no way to refuse a header.
        ("/bad-field", "trapped"),
        ("/forbidden", "trapped"),
    ] {
        let response = server.get(path);
        assert_eq!(response.status, 500, "{path}");
        assert!(response.text().contains(error), "{path}: {}", response.text());
    }
}

/// A server that answers by path and keeps what it was asked.
struct Origin {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Origin {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let keeps = asked.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let keeps = keeps.clone();
                std::thread::spawn(move || {
                    let request = read_request(&mut stream);
                    let answer = answer(&request);
                    keeps.lock().expect("lock").push(request);
                    // A client that hangs up early is what some of the tests are about.
                    drop(stream.write_all(answer.as_bytes()));
                });
            }
        });
        Self { address, asked }
    }
}

/// The head, and a body that came in chunks.
fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    let ends = |request: &[u8]| {
        let chunked = String::from_utf8_lossy(request).contains("chunked");
        request.ends_with(b"\r\n\r\n") && (!chunked || request.ends_with(b"\r\n0\r\n\r\n"))
    };
    while !ends(&request) && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        request.push(byte[0]);
    }
    String::from_utf8_lossy(&request).into_owned()
}

fn answer(request: &str) -> &'static str {
    let path = request.split(' ').nth(1).unwrap_or_default();
    match path.split('?').next().unwrap_or_default() {
        "/plain" => "HTTP/1.1 203 OK\r\nx-kind: plain\r\ncontent-length: 6\r\n\r\nanswer",
        "/trailers" => {
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: checksum\r\n\r\n\
             6\r\nanswer\r\n0\r\nchecksum: abc\r\n\r\n"
        }
        "/slow" => {
            std::thread::sleep(Duration::from_millis(800));
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nslow"
        }
        "/cut" => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        _ => "what is this?\r\n\r\n",
    }
}

#[test]
fn requests_are_sent_with_what_they_are_made_of() {
    let env = TestEnv::new();
    for host in HOSTS {
        let origin = Origin::new();
        let server = serve(&env, host, &["--outbound", "*"]);
        let fetch = |how: &str, path: &str| server.get(&format!("/{how}/{}/{path}", origin.address)).text();
        assert_eq!(fetch("get", "plain"), r#"203 plain "answer" taken trailers []"#, "{host}");
        assert_eq!(
            fetch("post", "trailers"),
            r#"200  "answer" taken trailers [("checksum", "abc")]"#,
            "{host}"
        );
        assert_eq!(fetch("brew", "plain"), r#"203 plain "answer" taken trailers []"#, "{host}");
        let asked = std::mem::take(&mut *origin.asked.lock().expect("lock"));
        let heads = ["GET /plain?q=1 HTTP/1.1", "POST /trailers?q=1 HTTP/1.1", "BREW /plain?q=1 HTTP/1.1"];
        for (request, head) in asked.iter().zip(heads) {
            let lines: Vec<&str> = request.lines().collect();
            assert_eq!(lines[0], head, "{host}");
            assert!(lines.contains(&"x-test: yes") && !request.contains("late"), "{request}");
            assert!(lines.contains(&format!("host: {}", origin.address).as_str()), "{request}");
            assert_eq!(lines.contains(&"asked"), head.starts_with("POST"), "{request}");
        }
        // Milliseconds became nanoseconds: taken for each other, one of these would be wrong.
        let hurry = fetch("hurry", "slow");
        assert!(hurry.starts_with("failed: timeout "), "{host}: {hurry}");
        assert_eq!(fetch("wait", "slow"), r#"200  "slow" taken trailers []"#, "{host}");
        assert_eq!(fetch("patience", "slow"), r#"200  "slow" taken trailers []"#, "{host}");
        assert_eq!(fetch("get", "nonsense"), "failed: protocol error HTTP-protocol-error", "{host}");
        let cut = fetch("get", "cut");
        assert!(cut.starts_with("200  \"error"), "{host}: {cut}");
        let closed = TcpListener::bind("127.0.0.1:0").and_then(|closed| closed.local_addr()).expect("a port");
        let refused = server.get(&format!("/get/{closed}/plain")).text();
        assert_eq!(refused, "failed: unexpected error connection-refused", "{host}");
    }
    let server = serve(&env, "wasi@0.2.12", &[]);
    let denied = server.get("/get/127.0.0.1:9/plain").text();
    assert_eq!(denied, "failed: unexpected error HTTP-request-denied");
}
