//! A handler that sends requests itself.

use super::{Guest, say, text};
use crate::differences;
use crate::exports::wasi::http::incoming_handler::{IncomingRequest, ResponseOutparam};
use crate::wasi::http::outgoing_handler::handle;
use crate::wasi::http::types::{
    ErrorCode, Fields, HeaderError, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    OutgoingResponse, RequestOptions, Scheme, http_error_code,
};
use crate::wasi::io::streams::StreamError;

pub fn pairs(fields: &Fields) -> Vec<(String, String)> {
    fields.entries().into_iter().map(|(name, value)| (name, text(value))).collect()
}

fn field(name: &str, value: &str) -> (String, Vec<u8>) {
    (name.to_owned(), value.as_bytes().to_vec())
}

impl crate::exports::wasi::http::incoming_handler::Guest for Guest {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let answer = match path.as_str() {
            "/request" => about(request),
            "/denied" => return ResponseOutparam::set(out, Err(ErrorCode::HttpRequestDenied)),
            "/internal" => {
                return ResponseOutparam::set(out, Err(ErrorCode::InternalError(Some("why".to_owned()))));
            }
            other => fetch(other),
        };
        respond(out, &answer);
    }
}

/// Status and headers, a body, trailers.
fn respond(out: ResponseOutparam, text: &str) {
    let response = OutgoingResponse::new(Fields::from_list(&[field("x-era", "old")]).unwrap());
    response.set_status_code(201).unwrap();
    assert_eq!(response.status_code(), 201);
    assert!(response.set_status_code(1).is_err());
    assert_eq!(pairs(&response.headers()), [("x-era".to_owned(), "old".to_owned())]);
    let body = response.body().unwrap();
    assert!(response.body().is_err());
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().unwrap();
    for chunk in text.as_bytes().chunks(4096) {
        stream.blocking_write_and_flush(chunk).unwrap();
    }
    drop(stream);
    let trailers = Fields::from_list(&[field("length", &text.len().to_string())]).unwrap();
    OutgoingBody::finish(body, Some(trailers)).unwrap();
}

pub fn fields() -> String {
    let fields = Fields::from_list(&[field("a", "1"), field("b", "2")]).unwrap();
    let copy = fields.clone();
    fields.append("a", b"3").unwrap();
    fields.set("b", &[b"4".to_vec(), b"5".to_vec()]).unwrap();
    fields.append("c", b"6").unwrap();
    fields.delete("c").unwrap();
    let refused = matches!(fields.append("x\ny", b"no"), Err(HeaderError::InvalidSyntax));
    let texts = |values: Vec<Vec<u8>>| values.into_iter().map(text).collect::<Vec<_>>().join(" ");
    let (a, b, c) = (texts(fields.get("a")), texts(fields.get("b")), fields.get("c").len());
    format!("fields {a} | {b} | {c} | {:?} {refused} {:?}", pairs(&copy), pairs(&Fields::new()))
}

/// What a request and its options are before they are sent.
pub fn requests() {
    let request = OutgoingRequest::new(Fields::from_list(&[field("x-test", "yes")]).unwrap());
    request.set_method(&Method::Put).unwrap();
    request.set_path_with_query(Some("/p?q=1")).unwrap();
    request.set_scheme(Some(&Scheme::Https)).unwrap();
    request.set_authority(Some("example.test")).unwrap();
    say(format!(
        "request {} {:?} {} {:?} {:?}",
        matches!(request.method(), Method::Put),
        request.path_with_query(),
        matches!(request.scheme(), Some(Scheme::Https)),
        request.authority(),
        pairs(&request.headers()),
    ));
    say(format!("options {}", differences::timeouts(&RequestOptions::new())));
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
        super::text(header),
    )
}

fn body_text(body: &IncomingBody) -> String {
    let stream = body.stream().unwrap();
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(4096) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => return text(bytes),
            Err(StreamError::LastOperationFailed(error)) => {
                return format!("error {:?}", http_error_code(&error));
            }
        }
    }
}

fn trailers(body: IncomingBody) -> String {
    let future = IncomingBody::finish(body);
    future.subscribe().block();
    differences::trailers(&future)
}

/// Sends a request to the authority that the path names.
fn fetch(path: &str) -> String {
    let request = OutgoingRequest::new(Fields::from_list(&[field("x-test", "yes")]).unwrap());
    request.set_method(&Method::Post).unwrap();
    request.set_path_with_query(Some("/asked?q=1")).unwrap();
    request.set_scheme(Some(&Scheme::Http)).unwrap();
    request.set_authority(Some(&path[1..])).unwrap();
    let body = request.body().unwrap();
    let stream = body.write().unwrap();
    let options = RequestOptions::new();
    differences::timeouts(&options);
    let future = match handle(request, Some(options)) {
        Ok(future) => future,
        Err(error) => return format!("refused: {error:?}"),
    };
    stream.blocking_write_and_flush(b"question").unwrap();
    drop(stream);
    OutgoingBody::finish(body, None).unwrap();
    future.subscribe().block();
    let response: IncomingResponse = match future.get() {
        None => return "not ready".to_owned(),
        Some(Err(())) => return "taken".to_owned(),
        Some(Ok(Err(error))) => return format!("failed: {error:?}"),
        Some(Ok(Ok(response))) => response,
    };
    let again = matches!(future.get(), Some(Err(())));
    let kind = response.headers().get("x-kind").into_iter().next().unwrap_or_default();
    let status = response.status();
    let body = response.consume().unwrap();
    assert!(response.consume().is_err());
    let said = body_text(&body);
    format!("{status} {} {said:?} {again} {}", text(kind), trailers(body))
}
