//! A core module for preview1 that is no command: its standard library calls preview1, its exports are components'.

wit_bindgen::generate!({
    inline: "
        package test:era;
        interface files {
            read: func(path: string) -> result<string, string>;
        }
        world preview1 {
            export files;
            export wasi:http/incoming-handler@0.2.0;
        }
    ",
    path: "../../../../wit/wasi/0.2.0",
    world: "test:era/preview1",
    generate_all,
});

use exports::wasi::http::incoming_handler::{IncomingRequest, ResponseOutparam};
use wasi::http::types::{Fields, OutgoingBody, OutgoingResponse};

struct Guest;
export!(Guest);

impl exports::test::era::files::Guest for Guest {
    fn read(path: String) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    }
}

impl exports::wasi::http::incoming_handler::Guest for Guest {
    fn handle(_: IncomingRequest, out: ResponseOutparam) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        eprintln!("to standard error");
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().unwrap();
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().unwrap();
        let text = format!("year {}", now.as_secs() / 31_556_952 + 1970 >= 2025);
        stream.blocking_write_and_flush(text.as_bytes()).unwrap();
        drop(stream);
        OutgoingBody::finish(body, None).unwrap();
    }
}
