//! Registries on loopback: the one inside jointer, and one that does damage.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A registry that the real binary serves; killed when dropped.
pub struct ServedRegistry {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl ServedRegistry {
    /// Asks it to end, and gives its exit status.
    pub fn end(&mut self) -> Option<i32> {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for ServedRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts `jointer registry serve ARGS…` on a free port: a real OCI registry (ferro-oci-server).
pub fn serve_registry(args: &[&str]) -> ServedRegistry {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jointer"));
    command.args(["--format", "json", "registry", "serve", "--addr", "127.0.0.1:0"]).args(args);
    let mut child = command.stderr(Stdio::piped()).spawn().expect("jointer starts");
    let mut lines = BufReader::new(child.stderr.take().expect("its events"));
    let mut line = String::new();
    lines.read_line(&mut line).expect("a first line");
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('"').next());
    let address = address.unwrap_or_else(|| panic!("no address in {line}")).parse().expect("an address");
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    ServedRegistry { child, address }
}

/// What happens to an answer instead of going out as it is.
#[derive(Debug, Clone)]
pub enum Fault {
    /// One bit is another.
    Flip,
    /// It announces all and ends after half.
    Truncate,
    /// It announces half, and ends there.
    Shorten,
    /// It never ends.
    Endless,
    /// These bytes instead, with this type.
    Instead(&'static str, Vec<u8>),
    /// This status, and `Retry-After: 1` with 429.
    Status(u16),
    /// The connection breaks before the answer.
    Reset,
    /// Nothing comes for a while.
    Stall(Duration),
}

/// Which answers a fault is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Manifests.
    Manifest,
    /// The largest blob: the component.
    Layer,
    /// The list of tags.
    Tags,
}

struct Rule {
    of: Of,
    fault: Fault,
    times: usize,
}

/// Serves the packages of a directory registry over HTTP, and does to them what it is told.
pub struct Faulty {
    /// Where it listens.
    pub address: SocketAddr,
    rules: Arc<Mutex<Vec<Rule>>>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Faulty {
    /// Serves the registry in `root`.
    pub fn new(root: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let faulty = Self {
            address: listener.local_addr().expect("its address"),
            rules: Arc::default(),
            log: Arc::default(),
        };
        let (rules, log) = (faulty.rules.clone(), faulty.log.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (root, rules, log) = (root.clone(), rules.clone(), log.clone());
                // A client that hangs up in the middle is what some of the tests are about.
                std::thread::spawn(move || drop(answer(stream, &root, &rules, &log)));
            }
        });
        faulty
    }

    /// The next `times` answers of this kind suffer this.
    pub fn rule(&self, of: Of, fault: Fault, times: usize) {
        self.rules.lock().expect("rules").push(Rule { of, fault, times });
    }

    /// Forgets all rules and what was asked.
    pub fn heal(&self) {
        self.rules.lock().expect("rules").clear();
        self.log.lock().expect("log").clear();
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<String> {
        self.log.lock().expect("log").clone()
    }
}

fn answer(
    stream: TcpStream,
    root: &std::path::Path,
    rules: &Mutex<Vec<Rule>>,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
    log.lock().expect("log").push(request.trim().to_owned());
    let found = find(root, &path);
    let fault = found.as_ref().and_then(|(of, _, _)| take(rules, (*of)?));
    respond(stream, found.map(|(_, kind, bytes)| (kind, bytes)), fault)
}

fn take(rules: &Mutex<Vec<Rule>>, of: Of) -> Option<Fault> {
    let mut rules = rules.lock().expect("rules");
    let rule = rules.iter_mut().find(|rule| rule.of == of && rule.times > 0)?;
    rule.times -= 1;
    Some(rule.fault.clone())
}

type Found = (Option<Of>, &'static str, Vec<u8>);

/// What a healthy registry would answer.
fn find(root: &std::path::Path, path: &str) -> Option<Found> {
    let rest = path.strip_prefix("/v2/")?;
    if rest.is_empty() {
        return Some((None, "application/json", b"{}".to_vec()));
    }
    let pieces: Vec<&str> = rest.split('/').collect();
    let [namespace, name, kind, reference] = pieces.as_slice() else { return None };
    let layout = root.join(namespace).join(name);
    let index: serde_json::Value =
        serde_json::from_slice(&std::fs::read(layout.join("index.json")).ok()?).ok()?;
    let entries = index["manifests"].as_array()?;
    let tags: BTreeMap<&str, &str> = entries
        .iter()
        .filter_map(|entry| {
            let tag = entry["annotations"]["org.opencontainers.image.ref.name"].as_str()?;
            Some((tag, entry["digest"].as_str()?))
        })
        .collect();
    let blob =
        |digest: &str| std::fs::read(layout.join("blobs/sha256").join(digest.strip_prefix("sha256:")?)).ok();
    match *kind {
        "tags" => {
            let tags: Vec<&str> = tags.keys().copied().collect();
            let list = serde_json::json!({ "name": format!("{namespace}/{name}"), "tags": tags });
            Some((Some(Of::Tags), "application/json", list.to_string().into_bytes()))
        }
        "manifests" => {
            let bytes = blob(tags.get(reference).copied().unwrap_or(reference))?;
            Some((Some(Of::Manifest), "application/vnd.oci.image.manifest.v1+json", bytes))
        }
        "blobs" => {
            let bytes = blob(reference)?;
            let of = bytes.starts_with(b"\0asm").then_some(Of::Layer);
            Some((of, "application/octet-stream", bytes))
        }
        _ => None,
    }
}

fn respond(
    mut stream: TcpStream,
    found: Option<(&str, Vec<u8>)>,
    fault: Option<Fault>,
) -> std::io::Result<()> {
    let head = |status: u16, kind: &str, length: Option<usize>| {
        let length = length.map(|length| format!("Content-Length: {length}\r\n")).unwrap_or_default();
        format!("HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\n{length}Connection: close\r\n")
    };
    let Some((kind, mut bytes)) = found else {
        return write!(stream, "{}\r\n", head(404, "text/plain", Some(0)));
    };
    let half = bytes.len() / 2;
    match fault {
        None => {}
        Some(Fault::Flip) => bytes[half] ^= 1,
        Some(Fault::Truncate) => {
            write!(stream, "{}\r\n", head(200, kind, Some(bytes.len())))?;
            return stream.write_all(&bytes[..half]);
        }
        Some(Fault::Shorten) => bytes.truncate(half),
        Some(Fault::Endless) => {
            write!(stream, "{}\r\n", head(200, kind, None))?;
            stream.write_all(&bytes)?;
            loop {
                // Ends when the client hangs up.
                stream.write_all(&[b' '; 1 << 16])?;
            }
        }
        Some(Fault::Instead(kind, other)) => {
            write!(stream, "{}\r\n", head(200, kind, Some(other.len())))?;
            return stream.write_all(&other);
        }
        Some(Fault::Status(status)) => {
            let wait = if status == 429 { "Retry-After: 1\r\n" } else { "" };
            return write!(stream, "{}{wait}\r\n", head(status, "text/plain", Some(0)));
        }
        Some(Fault::Reset) => return Ok(()),
        Some(Fault::Stall(time)) => std::thread::sleep(time),
    }
    write!(stream, "{}\r\n", head(200, kind, Some(bytes.len())))?;
    stream.write_all(&bytes)?;
    // Closing with unread input would reset the connection under the client.
    stream.shutdown(std::net::Shutdown::Write)?;
    stream.read(&mut [0; 1]).map(drop)
}

/// One page: its path, what it says, and where its `Link` points.
pub type Page = (&'static str, Vec<u8>, Option<&'static str>);

/// Serves a few pages as they are.
pub struct Pages {
    /// Where it listens.
    pub address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
}

impl Pages {
    /// Serves these; everything else is not there.
    pub fn new(pages: Vec<Page>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let served = Self { address, log: log.clone() };
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut lines =
                    BufReader::new(stream.try_clone().expect("stream")).lines().map_while(Result::ok);
                let first = lines.next().unwrap_or_default();
                let _ = lines.take_while(|line| !line.is_empty()).count();
                let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                log.lock().expect("log").push(path.clone());
                let found = pages.iter().find(|(known, _, _)| *known == path);
                let (status, body, link) = match found {
                    Some((_, body, link)) => (200, body.as_slice(), *link),
                    None => (404, &b""[..], None),
                };
                let link = link.map(|link| format!("Link: {link}\r\n")).unwrap_or_default();
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{link}Connection: close\r\n\r\n"
                );
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
            }
        });
        served
    }

    /// The paths that were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.log.lock().expect("log").clone()
    }
}
