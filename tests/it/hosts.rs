//! What jointer composes runs under hosts that nobody here wrote: the wasmtime command and jco on Node.
//!
//! `tests/peers/hosts.sh` installs wasmtime. jco and Node are the ones that built the JavaScript part.

// The hosts of others are started as any shell would.
#![allow(clippy::disallowed_methods)]

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use crate::http::Server;
use crate::support::TestEnv;
use crate::tools::peer;

const TOKEN: (&str, &str) = ("authorization", "Bearer open-sesame");

/// An address on which nobody listens yet.
fn free_address() -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    (address.to_string(), address.port().to_string())
}

/// `wasmtime serve` of a component, unless wasmtime is not installed.
fn wasmtime(env: &TestEnv, component: &str, more: &[&str]) -> Option<Server> {
    let program = peer("wasmtime")?;
    let (address, _) = free_address();
    let mut command = Command::new(program);
    command.args(["serve", "-S", "cli", "--addr", &address]).args(more).arg(component).current_dir(env.dir());
    Some(Server::elsewhere(command, &address))
}

/// A file of the guest tools that built this test's parts, in the shared cache.
fn tool(path: &str) -> Option<PathBuf> {
    let mut folders = vec![TestEnv::cache().join("tools-v1")];
    while let Some(folder) = folders.pop() {
        if folder.join(path).is_file() {
            return Some(folder.join(path));
        }
        let depth = folder.components().count() - TestEnv::cache().components().count();
        let inside = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        folders.extend(inside.filter(|path| depth < 4 && path.is_dir()));
    }
    None
}

/// `jco serve` of a component.
fn jco(env: &TestEnv, component: &str) -> Server {
    let (address, port) = free_address();
    let node = tool("bin/node").unwrap_or_else(|| "node".into());
    let mut command = match tool("node_modules/@bytecodealliance/jco/dist/jco.js") {
        Some(script) => {
            let mut command = Command::new(node);
            command.arg(script);
            command
        }
        // The build found one on the system, so it is here as well.
        None => Command::new("jco"),
    };
    command.args(["serve", component, "--host", "127.0.0.1", "--port", &port]).current_dir(env.dir());
    Server::elsewhere(command, &address)
}

#[test]
fn wasmtime_serves_the_shop() {
    let env = TestEnv::new();
    env.copy("examples/shop", ".");
    env.jointer(["build"]).success();
    let Some(server) = wasmtime(&env, "build/shop.wasm", &[]) else { return };
    let receipt = server.get("/?apple=3&pear=2");
    assert_eq!(receipt.status, 200);
    assert!(receipt.text().contains("total                       1.80"), "{}", receipt.text());
    assert_eq!(server.get("/?gold=1").text(), "nobody sells gold\n");
    server.wait_for("gateway: an order of 2 lines");
}

#[test]
fn wasmtime_serves_the_gate() {
    let env = TestEnv::new();
    env.copy("examples/gate", ".");
    env.jointer(["build"]).success();
    let Some(server) = wasmtime(&env, "build/gate.wasm", &["--dir", "public::/"]) else { return };
    assert_eq!(server.get("/treasure.txt").status, 401);
    let treasure = server.send("GET", "/treasure.txt", &[TOKEN], b"");
    assert_eq!((treasure.status, treasure.text().as_str()), (200, "the treasure\n"));
    assert_eq!(server.send("GET", "/../jointer.toml", &[TOKEN], b"").status, 404);
    server.wait_for("auth: admitted");
    server.wait_for("files: 200 /treasure.txt");
}

/// With the gate in JavaScript: the V8 of Node 20 refuses the extended constant expressions in Python's core modules. No
/// file's content is asked for: jco's shim loses the stream when a file is spliced into a body.
#[test]
fn jco_serves_the_gate() {
    let env = TestEnv::new();
    env.copy("examples/gate", ".");
    let manifest = env.read("jointer.toml");
    env.write("jointer.toml", manifest.replace("path = \"auth\"", "path = \"auth-js\""));
    env.jointer(["build"]).success();
    let server = jco(&env, "build/gate.wasm");
    let refused = server.get("/treasure.txt");
    assert_eq!((refused.status, refused.text().as_str()), (401, "bring a token\n"));
    // jco gives a component the whole file system.
    let treasure = env.path("public/treasure.txt");
    let head = server.send("HEAD", treasure.to_str().expect("a plain path"), &[TOKEN], b"");
    assert_eq!((head.status, head.header("content-length")), (200, Some("13")));
    let missing = server.send("GET", "/no/such/file", &[TOKEN], b"");
    assert_eq!((missing.status, missing.text().as_str()), (404, "no such file\n"));
    server.wait_for("auth: admitted");
    server.wait_for("files: 404 /no/such/file");
}
