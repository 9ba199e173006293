//! An http handler of 0.2.12 that first sends a response of status 103, which hosts before 0.2.4 cannot, and says what
//! came of it.

wit_bindgen::generate!({
    inline: "
        package test:informational;
        world informational {
            import wasi:http/types@0.2.12;
            export wasi:http/incoming-handler@0.2.12;
        }
    ",
    path: "../../../../wit/wasi/0.2.12",
    world: "test:informational/informational",
    features: ["informational-outbound-responses", "network-error-code", "clocks-timezone"],
    generate_all,
});

use exports::wasi::http::incoming_handler::{Guest, IncomingRequest, ResponseOutparam};
use wasi::http::types::{Fields, OutgoingBody, OutgoingResponse};

struct Handler;
export!(Handler);

impl Guest for Handler {
    fn handle(_: IncomingRequest, out: ResponseOutparam) {
        // More than once: what was lent comes back, what was given away does not pile up.
        let sent: Vec<_> = (0..3).map(|_| out.send_informational(103, Fields::new())).collect();
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().unwrap();
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().unwrap();
        stream.blocking_write_and_flush(format!("{sent:?}").as_bytes()).unwrap();
        drop(stream);
        OutgoingBody::finish(body, None).unwrap();
    }
}
