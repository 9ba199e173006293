//! A proxy before a real registry that does damage where it is told, to what is asked and to what is
//! answered; and that can want tokens that run out soon.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;

/// What happens to a request or its answer.
#[derive(Debug, Clone)]
pub enum Harm {
    /// This status at once, with `Retry-After: 1` for 429.
    Status(u16),
    /// The connection ends before anything is passed on.
    Reset,
    /// So many bytes of the request's body are passed on, then both connections end.
    CutRequest(usize),
    /// Nothing comes for so long.
    Stall(Duration),
    /// One bit of the answer is another.
    Flip,
    /// The answer announces all and ends after half.
    Truncate,
    /// The answer announces half and ends there.
    Shorten,
    /// The answer never ends.
    Endless,
    /// This instead, with this type.
    Instead(&'static str, Vec<u8>),
    /// A header of the answer is this, or gone.
    Header(&'static str, Option<String>),
    /// The answer sends the client there.
    Redirect(String),
}

/// A harm, and to what.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Method.
    pub method: &'static str,
    /// What the path holds.
    pub path: String,
    /// What happens.
    pub harm: Harm,
    /// To how many more requests.
    pub times: usize,
}

/// Tokens are wanted, and cost a password.
struct Tokens {
    life: Duration,
    /// Tokens are given that nothing accepts.
    useless: bool,
    given: Vec<(String, Instant)>,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    log: Vec<String>,
    tokens: Option<Tokens>,
    /// The pause after each piece of a body that is read.
    pause: Duration,
}

/// The proxy.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

/// User and password that buy tokens.
pub const USER: &str = "ci";
/// See [`USER`].
pub const PASSWORD: &str = "s3cret";

struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl Proxy {
    /// Before the registry at `upstream`.
    pub fn new(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let state: Arc<Mutex<State>> = Arc::default();
        let proxy = Self { address, state: state.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = state.clone();
                // A client that hangs up in the middle is what some of the tests are about.
                std::thread::spawn(move || drop(answer(stream, upstream, address, &state)));
            }
        });
        proxy
    }

    /// The next `times` requests like this suffer.
    pub fn rule(&self, method: &'static str, path: &str, harm: Harm, times: usize) {
        self.state.lock().expect("state").rules.push(Rule { method, path: path.to_owned(), harm, times });
    }

    /// Wants tokens that live so long.
    pub fn want_tokens(&self, life: Duration, useless: bool) {
        self.state.lock().expect("state").tokens = Some(Tokens { life, useless, given: Vec::new() });
    }

    /// Reads what is sent with this pause after each quarter of a megabyte.
    pub fn read_slowly(&self, pause: Duration) {
        self.state.lock().expect("state").pause = pause;
    }

    /// Forgets all rules and what was asked.
    pub fn heal(&self) {
        let mut state = self.state.lock().expect("state");
        state.rules.clear();
        state.log.clear();
    }

    /// The requests so far: method, path, and the range that is asked for.
    pub fn asked(&self) -> Vec<String> {
        self.state.lock().expect("state").log.clone()
    }
}

fn read_request(reader: &mut impl BufRead, pause: Duration) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let headers = read_headers(reader)?;
    let mut request = Request { method, target, headers, body: Vec::new() };
    if let Some(length) = request.header("content-length").and_then(|length| length.parse().ok()) {
        request.body.resize(length, 0);
        for piece in request.body.chunks_mut(1 << 18) {
            reader.read_exact(piece)?;
            std::thread::sleep(pause);
        }
    } else if request.header("transfer-encoding").is_some() {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let length = usize::from_str_radix(line.trim(), 16).unwrap_or_default();
            let mut chunk = vec![0; length + 2];
            reader.read_exact(&mut chunk)?;
            if length == 0 {
                break;
            }
            request.body.extend_from_slice(&chunk[..length]);
        }
    }
    Ok(Some(request))
}

fn read_headers(reader: &mut impl BufRead) -> std::io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim().split_once(':') {
            Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
            None => return Ok(headers),
        }
    }
}

fn answer(
    mut stream: TcpStream,
    upstream: SocketAddr,
    own: SocketAddr,
    state: &Mutex<State>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let pause = state.lock().expect("state").pause;
    let Some(request) = read_request(&mut reader, pause)? else { return Ok(()) };
    let harm = {
        let mut state = state.lock().expect("state");
        let range = request.header("range").or(request.header("content-range")).unwrap_or_default();
        state.log.push(format!("{} {} {range}", request.method, request.target));
        if let Some(refusal) = state.tokens.as_mut().and_then(|tokens| tokens.judge(&request, own)) {
            stream.write_all(refusal.as_bytes())?;
            return stream.shutdown(std::net::Shutdown::Write);
        }
        let like = |rule: &&mut Rule| {
            rule.times > 0 && rule.method == request.method && request.target.contains(&rule.path)
        };
        state.rules.iter_mut().find(like).map(|rule| {
            rule.times -= 1;
            rule.harm.clone()
        })
    };
    match &harm {
        Some(Harm::Status(status)) => {
            let wait = if *status == 429 { "Retry-After: 1\r\n" } else { "" };
            return write!(
                stream,
                "HTTP/1.1 {status} x\r\nContent-Length: 0\r\n{wait}Connection: close\r\n\r\n"
            );
        }
        Some(Harm::Reset) => return Ok(()),
        Some(Harm::CutRequest(length)) => {
            let length = request.body.len().min(*length);
            let upstream = pass_on(upstream, &request, &request.body[..length])?;
            upstream.shutdown(std::net::Shutdown::Write)?;
            // It has noticed when it hangs up too.
            return std::io::copy(&mut &upstream, &mut std::io::sink()).map(drop);
        }
        Some(Harm::Stall(time)) => std::thread::sleep(*time),
        Some(Harm::Redirect(place)) => {
            return write!(
                stream,
                "HTTP/1.1 307 x\r\nLocation: {place}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        _ => {}
    }
    let (status, mut headers, mut body) = forward(upstream, &request)?;
    let mut send = body.len();
    match harm {
        Some(Harm::Flip) => {
            let half = body.len() / 2;
            body[half] ^= 1;
        }
        Some(Harm::Truncate) => send /= 2,
        Some(Harm::Shorten) => {
            body.truncate(body.len() / 2);
            send = body.len();
        }
        Some(Harm::Instead(kind, other)) => {
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type") && !is_digest(name));
            headers.push(("Content-Type".to_owned(), kind.to_owned()));
            body = other;
            send = body.len();
        }
        Some(Harm::Header(name, value)) => {
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.extend(value.map(|value| (name.to_owned(), value)));
        }
        Some(Harm::Endless) => {
            write!(stream, "HTTP/1.1 {status} x\r\nConnection: close\r\n\r\n")?;
            loop {
                // Ends when the client hangs up.
                stream.write_all(&[b' '; 1 << 16])?;
            }
        }
        _ => {}
    }
    let mut head = format!("HTTP/1.1 {status} x\r\nConnection: close\r\n");
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length")).cloned();
    for (name, value) in headers {
        if !["content-length", "connection", "transfer-encoding"].contains(&name.to_lowercase().as_str()) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    let length = match (request.method.as_str(), length) {
        ("HEAD", Some((_, length))) => length,
        _ => body.len().to_string(),
    };
    write!(stream, "{head}Content-Length: {length}\r\n\r\n")?;
    stream.write_all(&body[..send])?;
    stream.shutdown(std::net::Shutdown::Write)?;
    // Closing with unread input would reset the connection under the client.
    stream.read(&mut [0; 1]).map(drop)
}

fn is_digest(name: &str) -> bool {
    name.eq_ignore_ascii_case("docker-content-digest")
}

type Answer = (u16, Vec<(String, String)>, Vec<u8>);

/// Passes a request on, with as much of its body as this.
fn pass_on(upstream: SocketAddr, request: &Request, body: &[u8]) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(upstream)?;
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        let name_lower = name.to_lowercase();
        let dropped = ["content-length", "transfer-encoding", "connection", "authorization"];
        if !dropped.contains(&name_lower.as_str()) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    write!(stream, "{head}Connection: close\r\nContent-Length: {}\r\n\r\n", request.body.len())?;
    stream.write_all(body)?;
    Ok(stream)
}

/// Passes a request on and reads the whole answer.
fn forward(upstream: SocketAddr, request: &Request) -> std::io::Result<Answer> {
    let mut reader = BufReader::new(pass_on(upstream, request, &request.body)?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(502);
    let headers = read_headers(&mut reader)?;
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut answer = Vec::new();
    match length.and_then(|(_, length)| length.parse::<u64>().ok()) {
        _ if request.method == "HEAD" => {}
        Some(length) => drop(reader.take(length).read_to_end(&mut answer)?),
        None => loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Ok(length) = usize::from_str_radix(line.trim(), 16) else { break };
            let mut chunk = vec![0; length + 2];
            reader.read_exact(&mut chunk)?;
            if length == 0 {
                break;
            }
            answer.extend_from_slice(&chunk[..length]);
        },
    }
    Ok((status, headers, answer))
}

impl Tokens {
    /// The answer to a request that is not let through, and to one for a token.
    fn judge(&mut self, request: &Request, own: SocketAddr) -> Option<String> {
        if request.target.starts_with("/token") {
            let wanted = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
            let basic = request.header("authorization") == Some(&format!("Basic {wanted}"));
            let form = String::from_utf8_lossy(&request.body);
            if !basic && !form.contains("refresh_token=lasting") {
                return Some(refusal(""));
            }
            let token = format!("t{}", self.given.len());
            self.given.push((token.clone(), Instant::now()));
            let body = format!(r#"{{"token":"{token}","expires_in":{}}}"#, self.life.as_secs());
            let length = body.len();
            return Some(format!(
                "HTTP/1.1 200 x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            ));
        }
        let shown = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let good =
            |(token, born): &(String, Instant)| Some(token.as_str()) == shown && born.elapsed() < self.life;
        if !self.useless && self.given.iter().any(good) {
            return None;
        }
        Some(refusal(&format!("WWW-Authenticate: Bearer realm=\"http://{own}/token\",service=\"test\"\r\n")))
    }
}

fn refusal(header: &str) -> String {
    format!("HTTP/1.1 401 x\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n")
}
