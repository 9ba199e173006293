//! An http handler that does on request what a server has to cope with.

use std::sync::atomic::{AtomicU32, Ordering};

wit_bindgen::generate!({
    path: [
        "../../../wit/wasi/0.2.12/deps/io.wit",
        "../../../wit/wasi/0.2.12/deps/clocks.wit",
        "../../../wit/wasi/0.2.12/deps/random.wit",
        "../../../wit/wasi/0.2.12/deps/filesystem.wit",
        "../../../wit/wasi/0.2.12/deps/sockets.wit",
        "../../../wit/wasi/0.2.12/deps/cli.wit",
        "../../../wit/wasi/0.2.12/deps/http.wit",
    ],
    inline: "
        package test:guest;

        world handler {
            import wasi:clocks/monotonic-clock@0.2.12;
            import wasi:http/outgoing-handler@0.2.12;
            export wasi:http/incoming-handler@0.2.12;
        }
    ",
    world: "test:guest/handler",
    generate_all,
});

use exports::wasi::http::incoming_handler::Guest;
use wasi::clocks::monotonic_clock::subscribe_duration;
use wasi::http::outgoing_handler;
use wasi::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingRequest, OutgoingResponse, ResponseOutparam, Scheme,
};

struct Handler;

export!(Handler);

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Guest for Handler {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let number = || query.parse::<u64>().expect("a number");
        match path {
            "/count" => text(out, &(COUNT.fetch_add(1, Ordering::Relaxed) + 1).to_string()),
            "/log" => {
                println!("to stdout");
                eprintln!("to stderr");
                text(out, "logged");
            }
            "/echo" => echo(request, out),
            "/upload" => text(out, &upload(request).to_string()),
            "/stream" => stream(out, number()),
            "/trap" => panic!("as asked"),
            "/silent" => {}
            "/late" => {
                subscribe_duration(number() * 1_000_000).block();
                text(out, "late");
            }
            "/spin" => loop {
                std::hint::black_box(0);
            },
            "/halfway" => halfway(out),
            "/afterwards" => {
                text(out, "answered");
                subscribe_duration(200_000_000).block();
                eprintln!("went on afterwards");
            }
            "/memory" => {
                let bytes = vec![1u8; number() as usize];
                text(out, &std::hint::black_box(bytes).len().to_string());
            }
            "/env" => text(out, &std::env::var(query).unwrap_or_else(|error| error.to_string())),
            "/file" => text(out, &std::fs::read_to_string(query).unwrap_or_else(|error| error.to_string())),
            "/fetch" => text(out, &fetch(query)),
            _ => text(out, "hello"),
        }
    }
}

fn begin(out: ResponseOutparam) -> OutgoingBody {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().expect("a body");
    ResponseOutparam::set(out, Ok(response));
    body
}

fn text(out: ResponseOutparam, text: &str) {
    let body = begin(out);
    let stream = body.write().expect("a stream");
    stream.blocking_write_and_flush(text.as_bytes()).expect("written");
    drop(stream);
    OutgoingBody::finish(body, None).expect("finished");
}

fn echo(request: IncomingRequest, out: ResponseOutparam) {
    let incoming = request.consume().expect("a body");
    let from = incoming.stream().expect("a stream");
    let body = begin(out);
    let to = body.write().expect("a stream");
    while to.blocking_splice(&from, 64 * 1024).is_ok() {}
    drop(to);
    OutgoingBody::finish(body, None).expect("finished");
}

/// How many bytes the request's body has.
fn upload(request: IncomingRequest) -> usize {
    let incoming = request.consume().expect("a body");
    let from = incoming.stream().expect("a stream");
    let mut length = 0;
    while let Ok(bytes) = from.blocking_read(64 * 1024) {
        length += bytes.len();
    }
    length
}

fn stream(out: ResponseOutparam, mut length: u64) {
    let body = begin(out);
    let stream = body.write().expect("a stream");
    let piece = vec![b'x'; 4096];
    while length > 0 {
        let now = length.min(4096);
        if stream.blocking_write_and_flush(&piece[..now as usize]).is_err() {
            eprintln!("the client has left");
            return;
        }
        length -= now;
    }
    drop(stream);
    OutgoingBody::finish(body, None).expect("finished");
}

fn halfway(out: ResponseOutparam) {
    let body = begin(out);
    let stream = body.write().expect("a stream");
    stream.blocking_write_and_flush(b"the first half").expect("written");
    subscribe_duration(3_600_000_000_000).block();
}

/// The status that `http://AUTHORITY/` answers with, or the error.
fn fetch(authority: &str) -> String {
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&Scheme::Http)).expect("a scheme");
    request.set_authority(Some(authority)).expect("an authority");
    request.set_path_with_query(Some("/")).expect("a path");
    let future = match outgoing_handler::handle(request, None) {
        Ok(future) => future,
        Err(code) => return format!("{code:?}"),
    };
    future.subscribe().block();
    match future.get().expect("ready").expect("taken once") {
        Ok(response) => response.status().to_string(),
        Err(code) => format!("{code:?}"),
    }
}
