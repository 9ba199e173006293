//! Components without some of their interfaces, made and run by the real binary.

use crate::adapt::program;
use crate::support::TestEnv;

const PROGRAM: &str = r#"
use std::net::{TcpStream, UdpSocket};
fn main() {
    println!("arguments {}", std::env::args().count());
    println!("variables {:?}", std::env::var("COLOUR"));
    println!("file {:?}", std::fs::read_to_string("/a.txt").map_err(|error| error.kind()));
    println!("write {:?}", std::fs::write("/b.txt", "b").map_err(|error| error.kind()));
    let refused = |error: std::io::Error| error.kind() == std::io::ErrorKind::PermissionDenied;
    println!("tcp {:?}", TcpStream::connect("127.0.0.1:9").map(drop).map_err(refused));
    println!("udp {:?}", UdpSocket::bind("127.0.0.1:0").map(drop).map_err(refused));
    println!("time {}", std::time::SystemTime::now() > std::time::SystemTime::UNIX_EPOCH);
}
"#;

/// Denies interfaces to the program and gives what it says then, with everything granted.
fn says(env: &TestEnv, host: &str, denied: &[&str]) -> String {
    let component = env.path("guest.wasm");
    let mut args = vec!["adapt", component.to_str().expect("a path"), "--to", host, "-o", "denied.wasm"];
    args.extend(denied.iter().flat_map(|what| ["--deny", what]));
    env.jointer(args).success();
    let inspected = env.jointer(["inspect", "denied.wasm", "--format", "json"]).success().stdout;
    let answer: serde_json::Value = serde_json::from_str(inspected.trim()).expect("JSON");
    let imports = answer["imports"].to_string();
    for what in denied {
        assert!(!imports.contains(&format!("wasi:{what}")), "{what} in {imports}");
    }
    let steps = answer["wasi"]["adapted"].as_array().expect("steps");
    let taken = steps.iter().find(|step| step["how"] == "denied");
    assert_eq!(taken.is_some(), !denied.is_empty(), "{steps:?}");
    for what in denied {
        let from = taken.expect("a step")["from"].to_string();
        assert!(from.contains(&format!("wasi:{what}")), "{what} in {from}");
    }
    env.write("files/a.txt", "a");
    let run = ["run", "--host", host, "--dir", "files::/", "--env", "COLOUR=red", "--socket", "*"];
    env.jointer(run.into_iter().chain(["denied.wasm", "one"])).success().stdout
}

#[test]
fn what_is_denied_fails_with_the_interfaces_own_error() {
    let env = TestEnv::new();
    program(&env, PROGRAM, "wasm32-wasip2");
    for host in ["wasi@0.2.0", "wasi@0.2.12"] {
        let all = says(&env, host, &[]);
        let free =
            ["variables Ok(\"red\")", "file Ok(\"a\")", "write Ok(())", "tcp Err(false)", "udp Ok(())"];
        for line in free {
            assert!(all.lines().any(|said| said == line), "{line}: {all}");
        }
        let said = says(&env, host, &["sockets"]);
        for line in ["tcp Err(true)", "udp Err(true)", "file Ok(\"a\")", "arguments 2", "time true"] {
            assert!(said.lines().any(|said| said == line), "{line}: {said}");
        }
        let said = says(&env, host, &["filesystem", "cli/environment"]);
        for line in ["arguments 0", "variables Err(NotPresent)", "tcp Err(false)", "time true"] {
            assert!(said.lines().any(|said| said == line), "{line}: {said}");
        }
        assert!(said.contains("file Err(") && said.contains("write Err("), "{said}");
    }
    assert!(!env.path("files/b.txt").exists() || env.read("files/b.txt") == "b");
}

#[test]
fn what_cannot_be_denied_is_named() {
    let env = TestEnv::new();
    program(&env, PROGRAM, "wasm32-wasip2");
    let deny = |what: &str| env.jointer(["adapt", "guest.wasm", "--deny", what, "-o", "denied.wasm"]);
    let said = deny("sokets").ended_with(2).code("adapt::deny_unknown").unwrapped();
    assert!(said.contains("sokets") && said.contains("wasi:sockets/tcp@"), "{said}");
    let said = deny("io").ended_with(5).code("adapt::deny_needed").unwrapped();
    assert!(said.contains("as well"), "{said}");
    assert!(!env.path("denied.wasm").exists());
    // It sends no requests: nothing to be done, and no mistake.
    assert!(deny("http").success().stderr.contains("imports nothing of http"));
}
