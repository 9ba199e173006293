//! The guests of the matrix, and what each has to say.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;

use crate::adapt::{guest, program, snapshots};
use crate::http::Server;
use crate::support::{Ran, TestEnv};

/// What a component can be built against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A program of the standard library for `wasm32-wasip1`.
    Command,
    /// A library for preview1.
    Reactor,
    /// An http handler for preview1.
    Proxy,
    /// A program for the forerunner of preview1.
    Unstable,
    /// A component against 2023-10-18, which is too different to be the same source.
    October,
    /// A command of WASI 0.3 in this version.
    Third(&'static str),
    /// A component against this snapshot.
    Era(&'static str),
}

/// The snapshot with a guest of its own.
pub const OCTOBER: &str = "0.2.0-rc-2023-10-18";

/// The snapshots that `tests/it/guests/eras` are built against.
pub const ERAS: [&str; 17] = [
    "0.2.0-rc-2023-11-05",
    "0.2.0-rc-2023-11-10",
    "0.2.0-rc-2023-12-05",
    "0.2.0-rc-2024-01-16",
    "0.2.0",
    "0.2.1",
    "0.2.2",
    "0.2.3",
    "0.2.4",
    "0.2.5",
    "0.2.6",
    "0.2.7",
    "0.2.8",
    "0.2.9",
    "0.2.10",
    "0.2.11",
    "0.2.12",
];

/// Every row of the matrix.
pub fn all() -> Vec<Source> {
    let others = [Source::Command, Source::Reactor, Source::Proxy, Source::Unstable, Source::October];
    others.into_iter().chain(ERAS.map(Source::Era)).chain(super::NEXT.map(Source::Third)).collect()
}

/// Everything that preview1 has and the standard library calls; it ends with 7.
const PREVIEW1: &str = r#"
use std::hash::BuildHasher;
use std::io::Read;
use std::time::{Duration, Instant, SystemTime};
fn main() {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).unwrap();
    let arguments = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
    println!("arguments {arguments} input {input:?} colour {:?}", std::env::var("COLOUR"));
    std::fs::write("/a.txt", "0123456789").unwrap();
    std::fs::rename("/a.txt", "/b.txt").unwrap();
    let names: Vec<_> = std::fs::read_dir("/").unwrap().map(|entry| entry.unwrap().file_name()).collect();
    println!("read {:?} of {names:?}", std::fs::read_to_string("/b.txt"));
    std::fs::remove_file("/b.txt").unwrap();
    let start = Instant::now();
    std::thread::sleep(Duration::from_millis(3));
    println!("slept {}", start.elapsed() >= Duration::from_millis(3));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    println!("year {}", now.as_secs() / 31_556_952 + 1970 >= 2025);
    println!("random {}", std::hash::RandomState::new().hash_one(1) != 0);
    eprintln!("to standard error");
    std::process::exit(7);
}
"#;

const PREVIEW1_SAYS: &str = "\
arguments a b input \"question\" colour Ok(\"red\")
read Ok(\"0123456789\") of [\"b.txt\"]
slept true
year true
random true
";

/// What the eras' guest calls, in this order.
const PARTS: [&str; 12] = [
    "cli",
    "clocks",
    "random",
    "streams",
    "files",
    "tcp",
    "udp",
    "names",
    "fields",
    "requests",
    "differences",
    "status",
];

const ERA_SAYS: &str = "\
arguments cli clocks random streams files tcp udp names fields requests differences status
colour Some(\"red\")
folder true
terminals [false, false, false]
input \"question\"
resolution true
slept true
ready [1, 3] true false
year true
wall resolution true
random true
random u64 true
insecure 64
insecure u64 true
room true
blocking splice Ok(5)
splice true
spliced \"xy\\0\\0\\0abcde\"
appended 4
skip Ok(0) Ok(1)
read Ok(0)
rest \"d\"
end Err(\"closed\")
folder Err(ErrorCode { code: 14, name: \"is-directory\", message: \"\" })
read Ok((\"3456\", false))
stat 10 DescriptorType::RegularFile
flags true
absent ErrorCode { code: 20, name: \"no-entry\", message: \"\" }
exclusive ErrorCode { code: 7, name: \"exist\", message: \"\" }
inside 4
same true false
hash true
entries [\"b\", \"c.txt\"]
link \"a.txt\"
changed 6 Some(1000000000)
gone ErrorCode { code: 20, name: \"no-entry\", message: \"\" }
listening true true IpAddressFamily::Ipv4
keep alive Ok(true) Ok(30000000000) Ok(20000000000) Ok(3)
hops Ok(42)
buffers true true
connected true
accepted true
received \"there and back\" until closed
bound true IpAddressFamily::Ipv4
hops Ok(17)
buffers true true
nothing yet Ok(0)
connected true
may send true
sent Ok(1)
got \"one\" true
answered Ok(1)
answer \"two\"
four 127.0.0.1
six (0, 0, 0, 0, 0, 0, 0, 1)
fields 1 3 | 4 5 | 0 | [(\"a\", \"1\"), (\"b\", \"2\")] true []
request true Some(\"/p?q=1\") true Some(\"example.test\") [(\"x-test\", \"yes\")]
";

/// Milliseconds that are nanoseconds on the host; the largest number of them is as long as the host can say.
const MILLISECONDS: &str = "options None [Some(1500), Some(2500), Some(3500)] Some(18446744073709)\n";
const NANOSECONDS: &str = "options None [Some(1500000000), Some(2500000000), Some(3500000000)]\n";

const IPV6_ONLY: &str = "\
tcp Err(\"not-supported\") [Err(\"not-supported\"), Err(\"not-supported\")]
udp Err(\"not-supported\") [Err(\"not-supported\"), Err(\"not-supported\")]
tcp Ok(true) [Ok(()), Err(\"not-supported\")]
udp Ok(true) [Ok(()), Err(\"not-supported\")]
";

impl Source {
    /// What the page calls it.
    pub fn title(self) -> String {
        match self {
            Self::Command => "preview1, command".to_owned(),
            Self::Reactor => "preview1, reactor".to_owned(),
            Self::Proxy => "preview1, proxy".to_owned(),
            Self::Unstable => "`wasi_unstable`".to_owned(),
            Self::October => OCTOBER.to_owned(),
            Self::Era(version) | Self::Third(version) => version.to_owned(),
        }
    }

    /// What a core module is to become, where that has to be said.
    pub fn kind(self) -> Option<&'static str> {
        match self {
            Self::Reactor => Some("reactor"),
            Self::Proxy => Some("proxy"),
            _ => None,
        }
    }

    /// Builds the guest, once in a run of the tests.
    pub fn make(self, env: &TestEnv) -> PathBuf {
        match self {
            Self::Command => program(env, PREVIEW1, "wasm32-wasip1"),
            Self::Reactor | Self::Proxy => era("wasm32-wasip1", "preview1"),
            Self::Unstable => {
                let text = wat::parse_str(crate::unstable::PROGRAM).expect("WAT");
                env.write("unstable.wasm", text)
            }
            Self::October => env.write("era.wasm", component(OCTOBER)),
            Self::Era(version) => env.write("era.wasm", component(version)),
            Self::Third(version) => crate::third::component(env, version),
        }
    }

    /// Whether it must run on hosts with this version: those of its own track.
    pub fn must_run_on(self, to: &str) -> bool {
        matches!(self, Self::Third(_)) == to.starts_with("0.3.")
    }

    /// Runs the adapted guest on the strict host and compares what it says.
    pub fn behaves(self, env: &TestEnv, component: &str, to: &str) -> Result<(), String> {
        match self {
            Self::Command => preview1(env, component, to, if to == "0.2.12" { 7 } else { 1 }),
            Self::Unstable => expect(&run(env, component, to, &[]), 0, ""),
            Self::Reactor => {
                env.write("files/hello.txt", "hello");
                let host = format!("wasi@{to}");
                let call = ["call", "--host", &host, "--dir", "files::/", component, "read(\"/hello.txt\")"];
                expect(&env.jointer(call), 0, "ok(\"hello\")\n")
            }
            Self::Proxy => {
                let server = serve(env, component, to);
                let answer = server.get("/");
                server.wait_for("to standard error");
                same("the answer", &answer.text(), "year true")
            }
            Self::October => {
                let (parts, said): (Vec<&str>, Vec<&str>) = crate::october::SAYS.into_iter().unzip();
                let said: String = said.iter().map(|said| said.trim_start()).collect();
                expect(&run(env, component, to, &parts), 0, &said)?;
                expect(&run(env, component, to, &["fail"]), 1, "")?;
                let answer = serve(env, component, to).get("/fields");
                same("the answer", &answer.text(), r#"1 3 | 4 5 | 0 | [("a", "1"), ("b", "2")]"#)
            }
            Self::Third(_) => crate::third::behaves(env, component, to),
            Self::Era(version) => {
                let ran = run(env, component, to, &PARTS);
                let said = [ERA_SAYS, if milliseconds(version) { MILLISECONDS } else { NANOSECONDS }];
                let ipv6_only = version.contains("-2023-");
                let differences =
                    [ipv6_only.then_some(IPV6_ONLY), (!milliseconds(version)).then_some("has true false\n")];
                let said = said.into_iter().chain(differences.into_iter().flatten()).collect::<String>();
                // A number of its own: only the last version has it, on both sides.
                expect(&ran, if version == "0.2.12" && to == "0.2.12" { 7 } else { 1 }, &said)?;
                expect(&run(env, component, to, &["fail"]), 1, "")?;
                expect(&run(env, component, to, &["exit"]), 1, "")?;
                answers(&serve(env, component, to))
            }
        }
    }
}

/// Runs [`Source::Command`] as a component, and compares what it says and its status.
pub fn preview1(env: &TestEnv, component: &str, to: &str, status: i32) -> Result<(), String> {
    expect(&run(env, component, to, &["a", "b"]), status, PREVIEW1_SAYS)
}

/// Whether the snapshot counts timeouts of http in milliseconds: only 2023-11 does.
fn milliseconds(version: &str) -> bool {
    version.contains("2023-11")
}

/// The component of a snapshot, as its tools made it.
pub fn component(version: &str) -> Vec<u8> {
    let path = match version {
        OCTOBER => guest("wasm32-unknown-unknown", "october"),
        _ => era("wasm32-unknown-unknown", version),
    };
    let module = std::fs::read(path).expect("the guest");
    let mut encoder = wit_component::ComponentEncoder::default();
    let encoder = encoder.module(&module).expect("a module").merge_imports_based_on_semver(false);
    encoder.encode().expect("a component")
}

fn era(target: &str, version: &str) -> PathBuf {
    snapshots(target, &format!("era_{}", version.replace(['.', '-'], "_")))
}

fn run(env: &TestEnv, component: &str, to: &str, args: &[&str]) -> Ran {
    std::fs::create_dir_all(env.path("empty")).expect("a folder");
    let host = format!("wasi@{to}");
    let grants = ["--dir", "empty::/", "--env", "COLOUR=red", "--socket", "*", component];
    let mut command = env.command(["run", "--host", &host].iter().chain(&grants).chain(args));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("jointer starts");
    // A guest that does not read its input may be gone already.
    let _ = child.stdin.take().expect("stdin").write_all(b"question");
    Ran::from(child.wait_with_output().expect("it ends"))
}

fn expect(ran: &Ran, status: i32, said: &str) -> Result<(), String> {
    if ran.status != status {
        return Err(format!("status {} and not {status} after\n{}{}", ran.status, ran.stdout, ran.stderr));
    }
    same("what it says", &ran.stdout, said)
}

/// Names the first line that is another one.
fn same(what: &str, is: &str, expected: &str) -> Result<(), String> {
    let lines = is.lines().map(Some).chain([None]).zip(expected.lines().map(Some).chain([None]));
    match lines.into_iter().find(|(is, expected)| is != expected) {
        None => Ok(()),
        Some((is, expected)) => {
            Err(format!("{what}: `{}`, expected `{}`", is.unwrap_or(""), expected.unwrap_or("")))
        }
    }
}

fn serve(env: &TestEnv, component: &str, to: &str) -> Server {
    Server::start(env, &["--host", &format!("wasi@{to}"), "--outbound", "*", component])
}

/// The handler of an era: what it hears, what it answers, what another server answers it.
fn answers(server: &Server) -> Result<(), String> {
    let asked = server.send("POST", "/request", &[("x-test", "yes")], b"body");
    let said = "POST Some(true) true header \"yes\" body \"body\" no trailers";
    same("the answer to a request", &format!("{} {}", asked.status, asked.text()), &format!("201 {said}"))?;
    same("a header", asked.header("x-era").unwrap_or_default(), "old")?;
    let fetched = server.get(&format!("/{}", other_server())).text();
    let said = "203 seen \"answer to question\" true trailers [(\"checksum\", \"abc\")]";
    same("what another server answers", &fetched, said)?;
    // Nobody listens there.
    let refused = server.get("/127.0.0.1:1").text();
    same(
        "nobody's answer",
        &refused.split(['(', ' ']).take(2).collect::<Vec<_>>().join(" "),
        "failed: ErrorCode::ConnectionRefused",
    )?;
    same("an error for the host", &server.get("/denied").status.to_string(), "500")
}

/// A server that answers with what it was sent, a header and a trailer.
fn other_server() -> SocketAddr {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    *ADDRESS.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(&stream);
                let head: Vec<String> = reader
                    .by_ref()
                    .lines()
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                let right = head.first().is_some_and(|line| line.starts_with("POST /asked?q=1 "))
                    && head.iter().any(|line| line == "x-test: yes");
                let mut body = String::new();
                while right
                    && !body.ends_with("0\r\n\r\n")
                    && reader.read_line(&mut body).is_ok_and(|read| read > 0)
                {}
                let body = body.lines().nth(1).unwrap_or_default();
                let answer = format!(
                    "HTTP/1.1 203 seen\r\nx-kind: seen\r\ntrailer: checksum\r\ntransfer-encoding: chunked\r\n\
                     connection: close\r\n\r\n{:x}\r\nanswer to {body}\r\n0\r\nchecksum: abc\r\n\r\n",
                    body.len() + 10
                );
                let _ = (&stream).write_all(answer.as_bytes());
            }
        });
        address
    })
}
