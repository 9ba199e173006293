//! A served app and a client that shows every byte of the answer.

// Each test file uses what it needs of this.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::TestEnv;

/// `jointer serve` on a free port; killed when dropped.
pub struct Server {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub address: String,
    said: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts `jointer serve --addr 127.0.0.1:0 ARGS…` and waits for its ready line. Building and compiling may take
    /// minutes on a loaded machine.
    pub fn start(env: &TestEnv, args: &[&str]) -> Self {
        Self::start_in(env, ".", args)
    }

    /// The same in a folder below the test's.
    pub fn start_in(env: &TestEnv, folder: &str, args: &[&str]) -> Self {
        let mut command = env.command(["serve", "--addr", "127.0.0.1:0"].iter().chain(args));
        command.current_dir(env.path(folder));
        let mut server = Self::spawn(command);
        server.address = server.ready();
        server
    }

    /// Another host's server, told by its arguments to listen on `address`; ready once it takes connections.
    pub fn elsewhere(command: Command, address: &str) -> Self {
        let mut server = Self::spawn(command);
        server.address = address.to_owned();
        let until = Instant::now() + Duration::from_secs(120);
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait().expect("a child") {
                std::thread::sleep(Duration::from_millis(100));
                panic!("it ended with {status}:\n{}", server.lines().join("\n"));
            }
            assert!(Instant::now() < until, "nobody listens:\n{}", server.lines().join("\n"));
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    fn spawn(mut command: Command) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::piped()).stdin(Stdio::null());
        let mut child = command.spawn().expect("the server starts");
        let said = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let collected = Arc::clone(&said);
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| collected.lock().expect("lines").push(line));
        });
        Self { child, address: String::new(), said }
    }

    fn ready(&mut self) -> String {
        let until = Instant::now() + Duration::from_secs(400);
        loop {
            if let Some(line) = self.lines().iter().find(|line| line.contains("http://127.0.0.1:")) {
                let address = line.split("http://").nth(1).expect("checked");
                return address.chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
            }
            if let Some(status) = self.child.try_wait().expect("a child") {
                std::thread::sleep(Duration::from_millis(100));
                panic!("serve ended with {status}:\n{}", self.lines().join("\n"));
            }
            assert!(Instant::now() < until, "serve is not ready:\n{}", self.lines().join("\n"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Every line on standard error so far, the guests' included.
    pub fn lines(&self) -> Vec<String> {
        self.said.lock().expect("lines").clone()
    }

    /// Waits until a line contains `words`.
    #[track_caller]
    pub fn wait_for(&self, words: &str) -> String {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(line) = self.lines().into_iter().find(|line| line.contains(words)) {
                return line;
            }
            assert!(Instant::now() < until, "no `{words}` in:\n{}", self.lines().join("\n"));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for the server's end.
    pub fn status(&mut self) -> Option<i32> {
        self.child.wait().expect("a child").code()
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The process's resident memory in bytes (`VmRSS` of proc(5)).
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("procfs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// A GET.
    pub fn get(&self, path: &str) -> Response {
        self.send("GET", path, &[], b"")
    }

    /// Any request, to its end.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let mut stream = self.open(method, path, headers, body);
        Response::read(&mut stream, method == "HEAD")
    }

    /// Sends a request and gives the connection, the answer unread.
    pub fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).expect("connects");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        if !body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).expect("sends");
        stream.write_all(body).expect("sends");
        BufReader::new(stream)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Decoded when it came in chunks.
    pub body: Vec<u8>,
}

impl Response {
    /// Reads a whole answer; `head` answers have no body.
    pub fn read(stream: &mut BufReader<TcpStream>, head: bool) -> Self {
        let mut response = Self::read_head(stream);
        if head {
            return response;
        }
        if response.header("transfer-encoding") == Some("chunked") {
            loop {
                let mut size = String::new();
                stream.read_line(&mut size).expect("a chunk's size");
                let size = usize::from_str_radix(size.trim(), 16).expect("hexadecimal");
                let mut chunk = vec![0; size + 2];
                stream.read_exact(&mut chunk).expect("a chunk");
                response.body.extend(&chunk[..size]);
                if size == 0 {
                    return response;
                }
            }
        }
        match response.header("content-length").map(|length| length.parse().expect("a length")) {
            Some(length) => {
                response.body.resize(length, 0);
                stream.read_exact(&mut response.body).expect("the body");
            }
            None => {
                stream.read_to_end(&mut response.body).expect("the body");
            }
        }
        response
    }

    /// Reads the status line and the headers only.
    pub fn read_head(stream: &mut BufReader<TcpStream>) -> Self {
        let mut lines = stream.by_ref().lines().map(|line| line.expect("a line"));
        let first = lines.next().expect("a status line");
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status code");
        let headers = lines
            .take_while(|line| !line.is_empty())
            .filter_map(|line| {
                line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            })
            .collect();
        Self { status, headers, body: Vec::new() }
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
