//! A handler that sends requests itself.

use crate::exports::wasi::http::incoming_handler::{Guest, IncomingRequest, ResponseOutparam};
use crate::wasi::http::outgoing_handler::{RequestOptions, handle};
use crate::wasi::http::types::{
    Error, Fields, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest, OutgoingResponse,
    Scheme,
};
use crate::wasi::io::poll::poll_one;
use crate::wasi::io::streams::StreamError;

fn pairs(fields: &Fields) -> Vec<(String, String)> {
    let text = |(name, value)| (name, String::from_utf8(value).unwrap());
    fields.entries().into_iter().map(text).collect()
}

impl Guest for crate::Guest {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let answer = match path.as_str() {
            "/fields" => fields(),
            "/request" => about(request),
            "/bad-field" => {
                Fields::new(&[("x y".to_owned(), b"no".to_vec())]);
                "unreachable".to_owned()
            }
            "/forbidden" => {
                Fields::new(&[]).append("x\ny", b"no");
                "unreachable".to_owned()
            }
            "/invalid-url" => return ResponseOutparam::set(out, Err(Error::InvalidUrl("u".to_owned()))),
            "/timeout" => return ResponseOutparam::set(out, Err(Error::TimeoutError("t".to_owned()))),
            "/protocol" => return ResponseOutparam::set(out, Err(Error::ProtocolError("p".to_owned()))),
            "/unexpected" => {
                return ResponseOutparam::set(out, Err(Error::UnexpectedError("what it was".to_owned())));
            }
            other => fetch(other),
        };
        respond(out, &answer);
    }
}

/// Status and headers, a body, trailers.
fn respond(out: ResponseOutparam, text: &str) {
    let headers =
        Fields::new(&[("x-october".to_owned(), b"18".to_vec()), ("trailer".to_owned(), b"length".to_vec())]);
    let response = OutgoingResponse::new(201, &headers);
    // The headers were only lent.
    headers.append("late", b"no");
    let body = response.write().unwrap();
    assert!(response.write().is_err());
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().unwrap();
    for chunk in text.as_bytes().chunks(4096) {
        stream.blocking_write_and_flush(chunk).unwrap();
    }
    drop(stream);
    let trailers = Fields::new(&[("length".to_owned(), text.len().to_string().into_bytes())]);
    OutgoingBody::finish(body, Some(trailers));
}

fn fields() -> String {
    let fields = Fields::new(&[("a".to_owned(), b"1".to_vec()), ("b".to_owned(), b"2".to_vec())]);
    let copy = fields.clone();
    fields.append("a", b"3");
    fields.set("b", &[b"4".to_vec(), b"5".to_vec()]);
    fields.append("c", b"6");
    fields.delete("c");
    let texts = |values: Vec<Vec<u8>>| {
        values.into_iter().map(|value| String::from_utf8(value).unwrap()).collect::<Vec<_>>().join(" ")
    };
    format!(
        "{} | {} | {} | {:?}",
        texts(fields.get("a")),
        texts(fields.get("b")),
        fields.get("c").len(),
        pairs(&copy)
    )
}

fn about(request: IncomingRequest) -> String {
    let body = request.consume().unwrap();
    let text = body_text(&body);
    let trailers = trailers(body);
    let header = request.headers().get("x-test").into_iter().next().unwrap_or_default();
    format!(
        "{} {:?} {} header {:?} body {text:?} {trailers}",
        match request.method() {
            Method::Get => "GET",
            Method::Post => "POST",
            _ => "other",
        },
        request.scheme().map(|scheme| matches!(scheme, Scheme::Http)),
        request.authority().is_some(),
        String::from_utf8(header).unwrap(),
    )
}

fn body_text(body: &IncomingBody) -> String {
    let stream = body.stream().unwrap();
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(4096) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                return format!("error {}", error.to_debug_string());
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn trailers(body: IncomingBody) -> String {
    let future = IncomingBody::finish(body);
    poll_one(&future.subscribe());
    match future.get() {
        None => "trailers not ready".to_owned(),
        Some(Ok(fields)) => format!("trailers {:?}", pairs(&fields)),
        Some(Err(error)) => format!("trailers {}", say(&error)),
    }
}

fn say(error: &Error) -> String {
    match error {
        Error::InvalidUrl(text) => format!("invalid url {text}"),
        Error::TimeoutError(text) => format!("timeout {text}"),
        Error::ProtocolError(text) => format!("protocol error {text}"),
        Error::UnexpectedError(text) => format!("unexpected error {text}"),
    }
}

/// Sends a request, `/HOW/AUTHORITY/PATH`, and says what came back.
fn fetch(path: &str) -> String {
    let (how, rest) = path[1..].split_once('/').unwrap_or_default();
    let (authority, target) = rest.split_once('/').unwrap_or_default();
    let headers = Fields::new(&[("x-test".to_owned(), b"yes".to_vec())]);
    let method = match how {
        "brew" => Method::Other("BREW".to_owned()),
        "post" => Method::Post,
        _ => Method::Get,
    };
    let target = format!("/{target}?q=1");
    let request =
        OutgoingRequest::new(&method, Some(&target), Some(&Scheme::Http), Some(authority), &headers);
    headers.append("late", b"no");
    if how == "post" {
        let body = request.write().unwrap();
        assert!(request.write().is_err());
        let stream = body.write().unwrap();
        stream.blocking_write_and_flush(b"asked").unwrap();
        drop(stream);
        OutgoingBody::finish(body, None);
    }
    let timeouts = |first_byte| RequestOptions {
        connect_timeout_ms: Some(5000),
        first_byte_timeout_ms: Some(first_byte),
        between_bytes_timeout_ms: None,
    };
    let options = match how {
        "hurry" => Some(timeouts(150)),
        "wait" => Some(timeouts(20_000)),
        "patience" => Some(timeouts(u32::MAX)),
        _ => None,
    };
    let future = match handle(request, options) {
        Ok(future) => future,
        Err(error) => return format!("refused: {}", say(&error)),
    };
    poll_one(&future.subscribe());
    let response: IncomingResponse = match future.get() {
        None => return "not ready".to_owned(),
        Some(Err(())) => return "taken".to_owned(),
        Some(Ok(Err(error))) => return format!("failed: {}", say(&error)),
        Some(Ok(Ok(response))) => response,
    };
    let again = match future.get() {
        Some(Err(())) => "taken",
        Some(Ok(_)) => "twice",
        None => "not ready",
    };
    let kind = response.headers().get("x-kind").into_iter().next().unwrap_or_default();
    let status = response.status();
    let body = response.consume().unwrap();
    assert!(response.consume().is_err());
    let text = body_text(&body);
    format!("{status} {} {text:?} {again} {}", String::from_utf8(kind).unwrap(), trailers(body))
}
