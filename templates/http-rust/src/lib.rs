//! The component `{{name}}`: answers http requests.

wit_bindgen::generate!({ path: "../wit", world: "{{name}}", generate_all });

use exports::wasi::http::incoming_handler::Guest;
use wasi::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Component;

impl Guest for Component {
    fn handle(request: IncomingRequest, response_out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        respond(response_out, 200, &answer(&path));
    }
}

export!(Component);

/// The text for a request path.
fn answer(_path: &str) -> String {
    // mut: for what `jointer add` puts here.
    #[allow(unused_mut)]
    let mut lines = vec![String::from("Hello from {{name}}!")];
    // jointer: calls of added parts stand above this line
    lines.join("\n") + "\n"
}

fn respond(response_out: ResponseOutparam, status: u16, text: &str) {
    let headers = Fields::new();
    // The name and the value are plain text, which no host refuses.
    let _ = headers.set("content-type", &[b"text/plain; charset=utf-8".to_vec()]);
    let response = OutgoingResponse::new(headers);
    let _ = response.set_status_code(status);
    let body = response.body().expect("a new response has its body");
    ResponseOutparam::set(response_out, Ok(response));
    let stream = body.write().expect("a new body has its stream");
    // A stream takes at most 4096 bytes at a time. A client that left is no error of ours.
    let _ = text.as_bytes().chunks(4096).try_for_each(|chunk| stream.blocking_write_and_flush(chunk));
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}
