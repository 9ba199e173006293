//! `jointer serve` with a real handler and real sockets.

use std::io::Read;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::guests;
use crate::http::{Response, Server};
use crate::support::TestEnv;

fn serve(env: &TestEnv, flags: &[&str]) -> Server {
    let handler = guests::http();
    let mut args = vec![handler.to_str().expect("a plain path")];
    args.extend(flags);
    Server::start(env, &args)
}

#[test]
fn every_request_has_an_instance_of_its_own() {
    let env = TestEnv::new();
    let server = serve(&env, &["--access-log"]);
    for _ in 0..3 {
        assert_eq!(server.get("/count").text(), "1");
    }
    server.wait_for("200 GET /count in");
    let clients: Vec<_> = (0..20).map(|_| server.open("GET", "/count", &[], b"")).collect();
    for mut client in clients {
        assert_eq!(Response::read(&mut client, false).text(), "1");
    }
}

#[test]
fn output_appears_line_by_line() {
    let env = TestEnv::new();
    let server = serve(&env, &[]);
    assert_eq!(server.get("/log").text(), "logged");
    server.wait_for("to stdout");
    server.wait_for("to stderr");
}

#[test]
fn events_are_json_when_asked() {
    let env = TestEnv::new();
    let server = serve(&env, &["--format", "json", "--access-log"]);
    let ready: serde_json::Value = serde_json::from_str(&server.wait_for("\"serving\"")).expect("JSON");
    assert_eq!(ready["url"], format!("http://{}", server.address));
    server.get("/log");
    let request: serde_json::Value = serde_json::from_str(&server.wait_for("\"request\"")).expect("JSON");
    assert_eq!((&request["status"], &request["complete"]), (&200.into(), &true.into()));
    assert_eq!(request["instances"], 0);
    let line: serde_json::Value = serde_json::from_str(&server.wait_for("to stdout")).expect("JSON");
    assert_eq!(line["reason"], "guest");
}

#[test]
fn a_trap_or_silence_is_500_and_the_next_request_is_served() {
    let env = TestEnv::new();
    let server = serve(&env, &[]);
    let trapped = server.get("/trap");
    assert_eq!(trapped.status, 500);
    assert!(trapped.text().contains("trapped"), "{}", trapped.text());
    server.wait_for("as asked");
    server.wait_for("run::request_failed");
    let silent = server.get("/silent");
    assert_eq!((silent.status, silent.text().lines().count()), (500, 1));
    assert!(silent.text().contains("without an answer"), "{}", silent.text());
    assert_eq!(server.get("/").text(), "hello");
}

#[test]
fn bodies_are_streamed_both_ways() {
    let env = TestEnv::new();
    let server = serve(&env, &[]);
    let body: Vec<u8> = (0..5_000_000u32).map(|number| (number % 251) as u8).collect();
    assert_eq!(server.send("POST", "/upload", &[], &body).text(), "5000000");
    // Sent and read at the same time: neither side may wait for the whole.
    let stream = std::net::TcpStream::connect(&server.address).expect("connects");
    let mut writing = stream.try_clone().expect("cloned");
    let sent = body.clone();
    let sender = std::thread::spawn(move || {
        use std::io::Write;
        let head = format!(
            "POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            sent.len()
        );
        writing.write_all(head.as_bytes()).expect("sent");
        writing.write_all(&sent).expect("sent");
    });
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let echoed = Response::read(&mut std::io::BufReader::new(stream), false);
    sender.join().expect("sent");
    assert!(echoed.body == body, "{} of {} bytes", echoed.body.len(), body.len());
}

#[test]
fn head_is_answered_without_a_body_and_the_guest_still_ends() {
    let env = TestEnv::new();
    let server = serve(&env, &["--access-log"]);
    let response = server.send("HEAD", "/stream?100000000", &[], b"");
    assert_eq!((response.status, response.body.len()), (200, 0));
    server.wait_for("the client has left");
    assert!(server.wait_for("HEAD /stream").contains("; 0 running"));
}

#[test]
fn a_client_that_stalls_holds_no_memory_and_one_that_leaves_ends_its_instance() {
    let env = TestEnv::new();
    let server = serve(&env, &["--access-log"]);
    server.get("/stream?10000000");
    let before = server.resident();
    let mut stream = server.open("GET", "/stream?4000000000", &[], b"");
    assert_eq!(Response::read_head(&mut stream).status, 200);
    let mut some = vec![0; 1_000_000];
    stream.read_exact(&mut some).expect("a first piece");
    std::thread::sleep(Duration::from_secs(2));
    let grown = server.resident().saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes more while the client stalls");
    stream.read_exact(&mut some).expect("it goes on");
    drop(stream);
    let over = server.wait_for("GET /stream?4000000000");
    assert!(over.contains("not finished; 0 running"), "{over}");
    assert!(
        !server.lines().iter().any(|line| line.contains("the client has left")),
        "it was dropped, not told"
    );
}

#[test]
fn a_client_that_leaves_before_the_answer_ends_its_instance() {
    let env = TestEnv::new();
    let server = serve(&env, &["--access-log"]);
    for path in ["/late?60000", "/spin"] {
        let stream = server.open("GET", path, &[], b"");
        std::thread::sleep(Duration::from_millis(300));
        drop(stream);
        let over = server.wait_for(&format!("- GET {path} in"));
        assert!(over.contains("not finished; 0 running"), "{over}");
    }
}

#[test]
fn a_guest_may_go_on_after_its_answer() {
    let env = TestEnv::new();
    let server = serve(&env, &["--access-log"]);
    let began = Instant::now();
    assert_eq!(server.get("/afterwards").text(), "answered");
    let answered = began.elapsed();
    server.wait_for("went on afterwards");
    assert!(began.elapsed() > answered);
    assert!(server.wait_for("GET /afterwards").contains("; 0 running"));
}

#[test]
fn time_and_memory_are_limited_for_each_request() {
    let env = TestEnv::new();
    let server = serve(&env, &["--timeout", "1", "--max-memory", "16MiB", "--access-log"]);
    for path in ["/late?60000", "/spin"] {
        let response = server.get(path);
        assert_eq!(response.status, 504, "{path}: {}", response.text());
    }
    assert_eq!(server.get("/late?100").text(), "late");
    let memory = server.get("/memory?50000000");
    assert_eq!(memory.status, 500);
    assert!(memory.text().contains("--max-memory"), "{}", memory.text());
    assert_eq!(server.get("/memory?1000000").text(), "1000000");
    // Broken off: nobody can take the half for the whole.
    let mut stream = server.open("GET", "/halfway", &[], b"");
    assert_eq!(Response::read_head(&mut stream).status, 200);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(!rest.ends_with(b"0\r\n\r\n"), "the last chunk must not come");
    assert!(server.wait_for("GET /halfway in").contains("not finished; 0 running"));
}

#[test]
fn the_network_files_and_variables_are_denied_until_granted() {
    let env = TestEnv::new();
    env.write("data/note.txt", "a note\n");
    let other = TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = other.local_addr().expect("an address").to_string();
    let server = serve(&env, &[]);
    let fetch = format!("/fetch?{address}");
    for _ in 0..2 {
        assert!(server.get(&fetch).text().contains("HttpRequestDenied"));
    }
    let line = server.wait_for("run::denied_outbound");
    assert!(line.contains(&format!("`http://{address}`")), "{line}");
    server.wait_for(&format!("--outbound http://{address}"));
    let said = server.lines().iter().filter(|line| line.contains("run::denied_outbound")).count();
    assert_eq!(said, 1, "a refusal is said once");
    assert_ne!(server.get("/file?/note.txt").text(), "a note\n");
    assert_eq!(server.get("/env?HOME").text(), "environment variable not found");

    let answering = std::thread::spawn(move || {
        use std::io::Write;
        let (mut stream, _) = other.accept().expect("a client");
        let mut bytes = [0; 1024];
        let _ = stream.read(&mut bytes).expect("a request");
        stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").expect("sent");
    });
    let origin = format!("http://{address}");
    let granted = serve(&env, &["--outbound", &origin, "--dir", "data::/::ro", "--env", "COLOUR=red"]);
    assert_eq!(granted.get(&fetch).text(), "204");
    answering.join().expect("answered");
    assert!(granted.get("/fetch?127.0.0.1:1").text().contains("HttpRequestDenied"), "only this origin");
    assert_eq!(granted.get("/file?/note.txt").text(), "a note\n");
    assert_eq!(granted.get("/env?COLOUR").text(), "red");
}

#[test]
fn answers_in_progress_are_finished_when_it_is_told_to_stop() {
    let env = TestEnv::new();
    let mut server = serve(&env, &[]);
    let mut late = server.open("GET", "/late?1500", &[], b"");
    std::thread::sleep(Duration::from_millis(500));
    let pid = Pid::from_raw(i32::try_from(server.pid()).expect("a pid")).expect("a pid");
    kill_process(pid, Signal::TERM).expect("sent");
    assert_eq!(Response::read(&mut late, false).text(), "late");
    assert_eq!(server.status(), Some(0));
}

#[test]
fn an_address_in_use_is_a_conflict() {
    let env = TestEnv::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = taken.local_addr().expect("an address").to_string();
    let handler = guests::http();
    let handler = handler.to_str().expect("a plain path");
    env.jointer(["serve", handler, "--listen", &address]).ended_with(9).code("run::cannot_listen");
    env.jointer(["serve", handler, "--addr", "nonsense"]).ended_with(2).code("run::cannot_listen");
}

#[test]
fn what_is_no_handler_names_the_right_command() {
    let env = TestEnv::new();
    let program = guests::program();
    let ran = env.jointer(["serve".as_ref(), program.as_os_str()]).ended_with(2).code("run::wrong_world");
    assert!(ran.stderr.contains("jointer run"), "{}", ran.stderr);
}

#[test]
fn a_signal_that_comes_before_it_serves_ends_it_too() {
    let env = TestEnv::new();
    let handler = guests::http();
    // With a cache of its own it compiles for a while; at some of these moments the signal comes then.
    for millis in [50, 150, 300, 600] {
        let args = ["serve", "--addr", "127.0.0.1:0", handler.to_str().expect("a plain path")];
        let _ = std::fs::remove_dir_all(env.cache_alone());
        let mut child = env.alone(&args).stderr(std::process::Stdio::null()).spawn().expect("jointer starts");
        std::thread::sleep(Duration::from_millis(millis));
        kill_process(Pid::from_child(&child), Signal::TERM).expect("a signal");
        let until = Instant::now() + Duration::from_secs(120);
        while child.try_wait().expect("a child").is_none() {
            if Instant::now() > until {
                let _ = child.kill();
                panic!("it goes on after a signal at {millis} ms");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
