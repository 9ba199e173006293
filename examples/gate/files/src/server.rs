//! A static file server: GET and HEAD, one range, never above its folder. Written once for all WASI snapshots: the
//! crate that holds it decides by its bindings which one it is built against.

#[path = "range.rs"]
mod range;

use crate::exports::wasi::http::incoming_handler::Guest;
use crate::wasi::filesystem::preopens::get_directories;
use crate::wasi::filesystem::types::{Descriptor, DescriptorFlags, DescriptorType, OpenFlags, PathFlags};
use crate::wasi::http::types::{
    Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use crate::wasi::io::streams::{InputStream, OutputStream};
use range::Range;

/// The component.
pub struct Files;

impl Guest for Files {
    fn handle(request: IncomingRequest, response_out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let answer = match request.method() {
            Method::Get => find(&path, requested_range(&request).as_deref()),
            Method::Head => find(&path, None).without_body(),
            _ => Answer::status(405).with("allow", "GET, HEAD"),
        };
        eprintln!("files: {} {path}", answer.status);
        answer.send(response_out);
    }
}

/// What is sent back.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    content: Content,
}

enum Content {
    Nothing,
    Text(&'static str),
    /// So many bytes of a file from its stream's place on.
    File(InputStream, u64),
}

impl Answer {
    fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), content: Content::Nothing }
    }

    fn not_found() -> Self {
        let content = Content::Text("no such file\n");
        Self { content, ..Self::status(404).with("content-type", "text/plain") }
    }

    fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    fn without_body(self) -> Self {
        Self { content: Content::Nothing, ..self }
    }

    fn send(self, response_out: ResponseOutparam) {
        let headers: Vec<_> =
            self.headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        // Only names and values written above reach this, so neither call can refuse.
        let response = OutgoingResponse::new(Fields::from_list(&headers).unwrap_or_default());
        let _ = response.set_status_code(self.status);
        let Ok(body) = response.body() else { return };
        ResponseOutparam::set(response_out, Ok(response));
        let Ok(stream) = body.write() else { return };
        let complete = match self.content {
            Content::Nothing => true,
            Content::Text(text) => stream.blocking_write_and_flush(text.as_bytes()).is_ok(),
            Content::File(file, length) => pass_on(&file, &stream, length),
        };
        drop(stream);
        // An unfinished body tells the host that the response was cut short.
        if complete {
            let _ = OutgoingBody::finish(body, None);
        }
    }
}

impl Default for Fields {
    fn default() -> Self {
        Self::new()
    }
}

/// Moves `length` bytes from the file to the client without holding them: the host splices, and waits while the
/// client does not read.
fn pass_on(file: &InputStream, client: &OutputStream, mut length: u64) -> bool {
    while length > 0 {
        match client.blocking_splice(file, length.min(64 * 1024)) {
            Ok(0) | Err(_) => return false,
            Ok(moved) => length -= moved,
        }
    }
    client.blocking_flush().is_ok()
}

fn requested_range(request: &IncomingRequest) -> Option<String> {
    let values = request.headers().get("range");
    String::from_utf8(values.into_iter().next()?).ok()
}

/// The file of a request path, or why there is none.
fn find(path: &str, range: Option<&str>) -> Answer {
    let Some((folder, _)) = get_directories().into_iter().next() else {
        return Answer { content: Content::Text("no folder was granted\n"), ..Answer::status(500) };
    };
    match relative(path) {
        Some(path) => open(&folder, &path, range).unwrap_or_else(Answer::not_found),
        None => Answer::not_found(),
    }
}

fn open(folder: &Descriptor, path: &str, range: Option<&str>) -> Option<Answer> {
    // Links are not followed: one could lead to what was not meant to be served.
    let file = folder.open_at(PathFlags::empty(), path, OpenFlags::empty(), DescriptorFlags::READ).ok()?;
    let stat = file.stat().ok()?;
    match stat.type_ {
        DescriptorType::Directory => return open(folder, &format!("{path}/index.html"), range),
        DescriptorType::RegularFile => {}
        _ => return None,
    }
    let answer = match range::parse(range, stat.size) {
        Range::Unsatisfiable => Answer::status(416).with("content-range", format!("bytes */{}", stat.size)),
        Range::Whole => part(&file, 200, 0, stat.size)?,
        Range::Part { start, length } => part(&file, 206, start, length)?
            .with("content-range", format!("bytes {start}-{}/{}", start + length - 1, stat.size)),
    };
    Some(answer.with("content-type", content_type(path)).with("accept-ranges", "bytes"))
}

fn part(file: &Descriptor, status: u16, start: u64, length: u64) -> Option<Answer> {
    let content = Content::File(file.read_via_stream(start).ok()?, length);
    Some(Answer { content, ..Answer::status(status).with("content-length", length) })
}

/// The path inside the folder: without query, decoded, and with no way out of it.
fn relative(path: &str) -> Option<String> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let decoded = decode(path.trim_start_matches('/'))?;
    let inside = !decoded.starts_with('/')
        && !decoded.contains(['\0', '\\'])
        && decoded.split('/').all(|name| name != ".." && name != ".");
    inside.then_some(if decoded.is_empty() { "index.html".to_owned() } else { decoded })
}

/// Resolves `%41` (RFC 3986, section 2.1).
fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| (byte? as char).to_digit(16);
                (digit(rest.next())? * 16 + digit(rest.next())?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("txt") => "text/plain; charset=utf-8",
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}
