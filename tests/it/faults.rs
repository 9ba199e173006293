//! What can go wrong between jointer and a registry: each case is done to a real registry by a proxy. The
//! right bytes or none: that is what is looked at after every case, and that the next try, with all well
//! again, succeeds.

use std::time::{Duration, Instant};

use jointer::digest::Digest;
use serde_json::Value;
use wasm_encoder::{ComponentSection as _, CustomSection};

use crate::fault_table::{ALWAYS, Case, End, reading, writing};
use crate::proxy::{Harm, PASSWORD, Proxy, USER};
use crate::registry::component;
use crate::servers::{ServedRegistry, serve_registry};
use crate::support::{Ran, TestEnv};

/// A component that is sent in pieces: more than a megabyte, other for each `word`.
pub fn large(word: &str) -> Vec<u8> {
    let data = format!("{word} ").repeat((3 << 20) / (word.len() + 1));
    wat::parse_str(format!(
        r#"(component
            (core module $m (memory (export "m") 64) (func (export "run")) (data (i32.const 0) "{data}"))
            (core instance $i (instantiate $m))
            (func $run (canon lift (core func $i "run")))
            (export "run" (func $run)))"#
    ))
    .expect("a component")
}

/// One that is sent in several parts when something goes wrong.
pub fn huge(word: &str) -> Vec<u8> {
    let mut component = large(word);
    let much = CustomSection { name: "much".into(), data: vec![0; 24 << 20].into() };
    much.append_to_component(&mut component);
    component
}

/// A real registry behind the proxy.
struct Behind {
    env: TestEnv,
    proxy: Proxy,
    server: ServedRegistry,
}

impl Behind {
    fn new() -> Self {
        let server = serve_registry(&[]);
        Self { env: TestEnv::new(), proxy: Proxy::new(server.address), server }
    }

    fn place(&self, tag: &str) -> String {
        format!("{}/acme/greet:{tag}", self.proxy.address)
    }

    fn run(&self, args: &[&str]) -> Ran {
        let mut command = self.env.alone(args);
        command.env("JOINTER_NETWORK_TIMEOUT", "2").env("DOCKER_CONFIG", self.env.path("docker"));
        Ran::from(command.output().expect("jointer starts"))
    }

    fn push(&self, file: &str, tag: &str) -> Ran {
        self.run(&["push", file, &self.place(tag)])
    }

    fn pull(&self, tag: &str) -> Ran {
        let _ = std::fs::remove_file(self.env.path("pulled.wasm"));
        self.run(&["pull", &self.place(tag), "-o", "pulled.wasm"])
    }

    /// What is in the folder besides what the test put there.
    fn left(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.env.dir())
            .expect("folder")
            .map(|entry| entry.expect("entry").file_name().into_string().expect("a name"));
        names.filter(|name| name.starts_with(".jointer-") || name == "pulled.wasm").collect()
    }
}

/// Every fault of reading and writing. One line at the end says what came of it.
#[test]
fn the_right_bytes_or_none_whatever_goes_wrong() {
    let behind = Behind::new();
    let (mut tried, mut survived, mut lost) = (0, 0, 0_usize);
    let right = large("right");
    behind.env.write("right.wasm", &right);
    let pushed = behind.push("right.wasm", "1.0.0").success();
    drop(pushed);
    let json =
        behind.run(&["--format", "json", "pull", &behind.place("1.0.0"), "-o", "pulled.wasm"]).success();
    let pulled: Value = serde_json::from_str(&json.stdout).expect("JSON");
    let manifest = manifest(behind.server.address, "acme/greet", "1.0.0");
    let layer = pulled["layer"].as_str().expect("a digest").to_owned();
    for case in reading(&layer, &large("swapped"), &manifest) {
        behind.proxy.heal();
        behind.proxy.rule(case.method, &case.path, case.harm.clone(), case.times);
        let began = Instant::now();
        // Each time a store that has nothing yet.
        let _ = std::fs::remove_dir_all(behind.env.cache_alone());
        let ran = behind.pull("1.0.0");
        tried += 1;
        judge(&case, &ran);
        assert!(began.elapsed() < Duration::from_secs(60), "{}: {:?}", case.what, began.elapsed());
        match case.end {
            End::Well => {
                let got = std::fs::read(behind.env.path("pulled.wasm")).expect("pulled");
                lost += got.iter().zip(&right).filter(|(one, other)| one != other).count();
                assert!(got == right, "{}: other bytes", case.what);
                assert_eq!(behind.left(), ["pulled.wasm"], "{}", case.what);
            }
            End::Refused(..) => assert!(behind.left().is_empty(), "{}: {:?}", case.what, behind.left()),
        }
        behind.proxy.heal();
        behind.pull("1.0.0").success();
        assert!(std::fs::read(behind.env.path("pulled.wasm")).expect("pulled") == right, "{}", case.what);
        survived += 1;
    }
    for (number, case) in writing().into_iter().enumerate() {
        let tag = format!("2.0.{number}");
        let sent = large(&tag);
        behind.env.write("sent.wasm", &sent);
        behind.proxy.heal();
        // The layer's, not the config's, which goes at the same time.
        let layer = Digest::of(&sent).hex();
        let blob = case.method == "PUT" && case.path == "uploads";
        let path = if blob { &layer } else { &case.path };
        behind.proxy.rule(case.method, path, case.harm.clone(), case.times);
        if case.method == "PATCH" {
            behind.proxy.rule("PUT", &layer, Harm::CutRequest(200_000), 1);
        }
        let ran = behind.push("sent.wasm", &tag);
        tried += 1;
        judge(&case, &ran);
        let there = status(behind.server.address, &format!("/v2/acme/greet/manifests/{tag}"));
        assert_eq!(there == 200, matches!(case.end, End::Well), "{}: the tag", case.what);
        behind.proxy.heal();
        behind.push("sent.wasm", &tag).success();
        behind.pull(&tag).success();
        let got = std::fs::read(behind.env.path("pulled.wasm")).expect("pulled");
        lost += got.iter().zip(&sent).filter(|(one, other)| one != other).count();
        assert!(got == sent, "{}: other bytes", case.what);
        survived += 1;
    }
    // Past the capture of the harness: this is the figure.
    let line = format!("faults: {tried} cases tried, {survived} survived, {lost} bytes lost\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
    assert_eq!((tried, lost), (survived, 0));
}

#[track_caller]
fn judge(case: &Case, ran: &Ran) {
    match case.end {
        End::Well => assert_eq!(ran.status, 0, "{}:\n{}", case.what, ran.stderr),
        End::Refused(status, code) => {
            assert_eq!(ran.status, status, "{}:\n{}", case.what, ran.stderr);
            assert!(ran.stderr.contains(code), "{}: no {code} in\n{}", case.what, ran.stderr);
        }
    }
    assert!(!ran.stderr.contains("panicked at"), "{}:\n{}", case.what, ran.stderr);
    assert!(!ran.stderr.contains("_state="), "{}: a secret is told\n{}", case.what, ran.stderr);
}

/// A plain GET, for a look behind the proxy.
fn get(address: std::net::SocketAddr, path: &str) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).expect("connects");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("asked");
    let mut text = Vec::new();
    stream.read_to_end(&mut text).expect("answered");
    String::from_utf8_lossy(&text).into_owned()
}

fn status(address: std::net::SocketAddr, path: &str) -> u16 {
    get(address, path).split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

/// A manifest as a registry has it.
pub fn manifest_text(address: std::net::SocketAddr, repository: &str, reference: &str) -> Vec<u8> {
    let text = get(address, &format!("/v2/{repository}/manifests/{reference}"));
    text.split_once("\r\n\r\n").expect("a body").1.as_bytes().to_vec()
}

fn manifest(address: std::net::SocketAddr, repository: &str, reference: &str) -> Value {
    let text = manifest_text(address, repository, reference);
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
}

#[test]
fn a_second_push_sends_no_blob() {
    let behind = Behind::new();
    behind.env.write("greet.wasm", large("again"));
    behind.push("greet.wasm", "1.0.0").success();
    behind.proxy.heal();
    behind.push("greet.wasm", "1.0.0").success();
    assert_eq!(behind.proxy.asked(), ["GET /v2/acme/greet/manifests/1.0.0 "], "one round trip");
    behind.proxy.heal();
    behind.push("greet.wasm", "latest").success();
    let asked = behind.proxy.asked();
    assert!(!asked.iter().any(|request| request.contains("uploads")), "{asked:?}");
}

#[test]
fn a_blob_goes_out_in_one_request() {
    let behind = Behind::new();
    behind.env.write("greet.wasm", large("one request"));
    behind.push("greet.wasm", "1.0.0").success();
    let asked = behind.proxy.asked();
    let mut asked: Vec<&str> = asked.iter().filter_map(|request| request.split(['/', ' ']).next()).collect();
    // The tag; layer and config, at the same time, each asked for, opened and sent; the tag once more before it is put.
    asked[1..7].sort_unstable();
    assert_eq!(asked, ["GET", "HEAD", "HEAD", "POST", "POST", "PUT", "PUT", "GET", "PUT"]);
}

#[test]
fn an_upload_may_take_longer_than_silence_may_last() {
    let behind = Behind::new();
    // More than the buffers between the two take at once.
    behind.env.write("greet.wasm", huge("slow"));
    behind.proxy.read_slowly(Duration::from_millis(60));
    let began = Instant::now();
    behind.push("greet.wasm", "1.0.0").success();
    assert!(began.elapsed() > Duration::from_secs(4), "it was not slow");
    let sent = behind
        .proxy
        .asked()
        .iter()
        .filter(|request| request.starts_with("PUT") && request.contains("uploads"))
        .count();
    assert_eq!(sent, 2, "layer and config: {:#?}", behind.proxy.asked());
}

#[test]
fn an_upload_goes_on_where_it_broke_off() {
    let behind = Behind::new();
    let bytes = huge("resumed");
    behind.env.write("greet.wasm", &bytes);
    behind.proxy.rule("PUT", &Digest::of(&bytes).hex(), Harm::CutRequest(1 << 20), 1);
    // The first part arrives, the second breaks off.
    behind.proxy.rule("PATCH", "uploads", Harm::Header("X-Harmless", None), 1);
    behind.proxy.rule("PATCH", "uploads", Harm::CutRequest(1 << 20), 1);
    behind.push("greet.wasm", "1.0.0").success();
    let asked = behind.proxy.asked();
    let patched = asked.iter().filter(|request| request.starts_with("PATCH"));
    let ranges: Vec<&str> = patched.filter_map(|request| request.rsplit(' ').next()).collect();
    assert!(ranges.starts_with(&["0-8388607", "8388608-16777215", "8388608-16777215"]), "{asked:#?}");
    behind.pull("1.0.0").success();
    assert!(std::fs::read(behind.env.path("pulled.wasm")).expect("pulled") == bytes);
}

#[test]
fn tokens_that_run_out_are_renewed() {
    let behind = Behind::new();
    behind.env.write("greet.wasm", large("token"));
    let auth =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{USER}:{PASSWORD}"));
    let address = behind.proxy.address;
    behind.env.write("docker/config.json", format!(r#"{{"auths":{{"{address}":{{"auth":"{auth}"}}}}}}"#));
    behind.proxy.want_tokens(Duration::from_secs(1), false);
    // In the middle of it the token runs out, twice.
    behind.proxy.rule("PUT", "uploads", Harm::Stall(Duration::from_millis(1200)), 1);
    behind.proxy.rule("HEAD", "blobs", Harm::Stall(Duration::from_millis(1200)), 1);
    behind.push("greet.wasm", "1.0.0").success();
    behind.proxy.rule("GET", "manifests/1.0.0", Harm::Stall(Duration::from_millis(1200)), 1);
    behind.pull("1.0.0").success();
    let bought = behind.proxy.asked().iter().filter(|request| request.starts_with("GET /token")).count();
    assert!(bought >= 4, "{:#?}", behind.proxy.asked());
    // An identity token buys them as well, and is shown to nobody else.
    behind.env.write(
        "docker/config.json",
        format!(r#"{{"auths":{{"{address}":{{"auth":"","identitytoken":"lasting"}}}}}}"#),
    );
    behind.pull("1.0.0").success();
    assert!(behind.proxy.asked().iter().any(|request| request.starts_with("POST /token")));
    // Tokens that nothing accepts end it.
    behind.proxy.want_tokens(Duration::from_secs(60), true);
    behind.proxy.heal();
    behind.pull("1.0.0").ended_with(7).code("registry::unauthorized");
    assert!(behind.proxy.asked().len() < 6, "{:#?}", behind.proxy.asked());
}

#[test]
fn credentials_are_not_shown_to_other_hosts() {
    let behind = Behind::new();
    behind.env.write("greet.wasm", component("secret"));
    behind.push("greet.wasm", "1.0.0").success();
    // A third party: it only writes down what it is shown.
    let thief = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let place = format!("http://{}/stolen", thief.local_addr().expect("address"));
    let shown = std::thread::spawn(move || {
        use std::io::{BufRead as _, Write as _};
        let (mut stream, _) = thief.accept().expect("somebody comes");
        let reader = std::io::BufReader::new(stream.try_clone().expect("stream"));
        let lines: Vec<String> =
            reader.lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        let _ = stream.write_all(b"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n");
        lines
    });
    let variable = behind.proxy.address.to_string().replace(['.', ':'], "_");
    behind.proxy.want_tokens(Duration::from_secs(60), false);
    let auth =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{USER}:{PASSWORD}"));
    let address = behind.proxy.address;
    behind.env.write("docker/config.json", format!(r#"{{"auths":{{"{address}":{{"auth":"{auth}"}}}}}}"#));
    assert!(!variable.is_empty());
    behind.proxy.rule("GET", "manifests", Harm::Redirect(place), ALWAYS);
    behind.pull("1.0.0").ended_with(8).code("registry::not_found");
    let lines = shown.join().expect("the thief");
    assert!(!lines.iter().any(|line| line.to_lowercase().starts_with("authorization")), "{lines:?}");
}

#[test]
fn a_kill_in_the_middle_of_a_push_leaves_no_tag_and_the_next_push_completes() {
    let behind = Behind::new();
    behind.env.write("greet.wasm", large("killed"));
    for (method, path) in [("POST", "uploads"), ("PUT", "uploads"), ("PUT", "manifests")] {
        behind.proxy.heal();
        behind.proxy.rule(method, path, Harm::Stall(Duration::from_secs(5)), ALWAYS);
        let place = behind.place("1.0.0");
        let mut child = behind.env.alone(&["push", "greet.wasm", &place]).spawn().expect("jointer starts");
        let began = Instant::now();
        while !behind
            .proxy
            .asked()
            .iter()
            .any(|request| request.starts_with(method) && request.contains(path))
        {
            assert!(began.elapsed() < Duration::from_secs(60), "{method} {path} was never asked");
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
        if method != "PUT" || path != "manifests" {
            assert_eq!(status(behind.server.address, "/v2/acme/greet/manifests/1.0.0"), 404, "{method}");
        }
    }
    behind.proxy.heal();
    behind.push("greet.wasm", "1.0.0").success();
    behind.pull("1.0.0").success();
    assert!(std::fs::read(behind.env.path("pulled.wasm")).expect("pulled") == large("killed"));
}

#[test]
fn a_kill_in_the_middle_of_a_pull_leaves_no_file() {
    let behind = Behind::new();
    behind.env.write("greet.wasm", large("killed"));
    behind.push("greet.wasm", "1.0.0").success();
    behind.proxy.rule("GET", "blobs", Harm::Stall(Duration::from_secs(5)), ALWAYS);
    let place = behind.place("1.0.0");
    let mut child = behind.env.alone(&["pull", &place, "-o", "pulled.wasm"]).spawn().expect("jointer starts");
    let began = Instant::now();
    while !behind.proxy.asked().iter().any(|request| request.contains("blobs")) {
        assert!(began.elapsed() < Duration::from_secs(60), "it never asked");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert!(!behind.env.path("pulled.wasm").exists());
    behind.proxy.heal();
    behind.pull("1.0.0").success();
}

#[test]
fn a_versions_tag_stays_and_other_tags_move() {
    let behind = Behind::new();
    behind.env.write("one.wasm", component("one"));
    behind.env.write("two.wasm", component("two"));
    behind.push("one.wasm", "1.0.0").success();
    behind.push("two.wasm", "1.0.0").ended_with(9).code("registry::conflict");
    behind.push("one.wasm", "latest").success();
    behind.push("two.wasm", "latest").success();
    behind.pull("latest").success();
    assert!(std::fs::read(behind.env.path("pulled.wasm")).expect("pulled") == component("two"));
}

#[test]
fn the_hostile_names_of_a_registry_reach_no_path() {
    let behind = Behind::new();
    behind.env.write("greet.wasm", component("hello"));
    for place in
        ["127.0.0.1:1/../../etc:1", "127.0.0.1:1/a/../b:1", "127.0.0.1:1/A:1", "127.0.0.1:1/a:..", "x@y/a:1"]
    {
        behind.run(&["pull", place]).ended_with(2);
        behind.run(&["push", "greet.wasm", place]).ended_with(2);
    }
    let tags = br#"{"name":"acme/greet","tags":["../../x","1.0.0","\u001b[2J","1.0.0/../..","sha256-00"]}"#;
    behind.push("greet.wasm", "1.0.0").success();
    behind.proxy.rule("GET", "tags", Harm::Instead("application/json", tags.to_vec()), 1);
    let from = behind.proxy.address.to_string();
    behind.run(&["pull", "acme:greet@^1", "--from", &from]).success();
    assert!(behind.env.path("greet.wasm").exists());
}

#[test]
fn a_list_of_tags_is_read_to_its_end_and_no_further() {
    let behind = Behind::new();
    behind.env.write("greet.wasm", component("hello"));
    behind.push("greet.wasm", "1.0.0").success();
    let page = |from: usize| {
        let tags: Vec<String> = (from..from + 1000).map(|number| format!("0.0.{number}")).collect();
        serde_json::json!({ "name": "acme/greet", "tags": tags }).to_string().into_bytes()
    };
    let server = crate::servers::Pages::new(vec![
        (
            "/v2/acme/greet/tags/list?n=1000",
            page(0),
            Some("</v2/acme/greet/tags/list?n=1000&last=a>; rel=\"next\""),
        ),
        (
            "/v2/acme/greet/tags/list?n=1000&last=a",
            page(1000),
            Some("</v2/acme/greet/tags/list?last=b>; rel=\"next\""),
        ),
        (
            "/v2/acme/greet/tags/list?last=b",
            br#"{"tags":["3.0.0"]}"#.to_vec(),
            Some("<http://127.0.0.1:1/v2/x>; rel=\"next\""),
        ),
    ]);
    let from = server.address.to_string();
    let ran = behind.run(&["pull", "acme:greet@^3", "--from", &from]);
    // The version of the last page is found; its manifest is not there.
    ran.ended_with(8).code("registry::not_found");
    let asked = server.asked();
    assert!(asked.iter().any(|path| path.contains("manifests/3.0.0")), "{asked:?}");
    let round = crate::servers::Pages::new(vec![(
        "/v2/acme/greet/tags/list?n=1000",
        page(0),
        Some("</v2/acme/greet/tags/list?n=1000>; rel=\"next\""),
    )]);
    behind.run(&["pull", "acme:greet@^3", "--from", &round.address.to_string()]).ended_with(8);
    assert_eq!(round.asked().len(), 1, "a page that leads to itself");
}
