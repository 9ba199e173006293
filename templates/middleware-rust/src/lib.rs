//! The component `{{name}}`: stands in front of an http handler and lets only those in who bring the token.

wit_bindgen::generate!({ path: "../wit", world: "{{name}}", generate_all });

use exports::wasi::http::incoming_handler::Guest;
use wasi::http::incoming_handler as inner;
use wasi::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

const TOKEN: &[u8] = b"Bearer open-sesame";

struct Component;

impl Guest for Component {
    fn handle(request: IncomingRequest, response_out: ResponseOutparam) {
        let admitted = request.headers().get("authorization").iter().any(|value| value == TOKEN);
        log(admitted);
        if admitted {
            inner::handle(request, response_out);
        } else {
            refuse(response_out);
        }
    }
}

export!(Component);

fn log(admitted: bool) {
    // mut: for what `jointer add` puts here.
    #[allow(unused_mut)]
    let mut lines = vec![format!("{{name}}: {}", if admitted { "admitted" } else { "refused" })];
    // jointer: calls of added parts stand above this line
    eprintln!("{}", lines.join(" "));
}

fn refuse(response_out: ResponseOutparam) {
    let headers = Fields::new();
    // The name and the value are plain text, which no host refuses.
    let _ = headers.set("www-authenticate", &[b"Bearer".to_vec()]);
    let response = OutgoingResponse::new(headers);
    let _ = response.set_status_code(401);
    let body = response.body().expect("a new response has its body");
    ResponseOutparam::set(response_out, Ok(response));
    let _ = OutgoingBody::finish(body, None);
}
