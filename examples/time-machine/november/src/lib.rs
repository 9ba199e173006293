//! An http handler as one would have written it in November 2023.

wit_bindgen::generate!({ path: "wit", world: "november", generate_all });

use acme::time_machine::october;
use exports::wasi::http::incoming_handler::Guest;
use wasi::clocks::monotonic_clock;
use wasi::filesystem::preopens::get_directories;
use wasi::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
use wasi::http::types::{
    ErrorCode, Fields, IncomingRequest, OutgoingBody, OutgoingResponse, RequestOptions, ResponseOutparam,
};

struct November;

export!(November);

impl Guest for November {
    fn handle(_: IncomingRequest, out: ResponseOutparam) {
        say("november: answers\n");
        let mut lines = october::tell();
        let start = monotonic_clock::now();
        monotonic_clock::subscribe_duration(1_000_000).block();
        let waited = monotonic_clock::now() - start >= 1_000_000;
        lines.push(format!("november: waited for a millisecond: {waited}"));
        lines.push(format!("november: {}", diary("november.txt").unwrap_or_else(|error| error)));
        // Timeouts were counted in milliseconds for a month.
        let options = RequestOptions::new();
        let _ = options.set_connect_timeout_ms(Some(1500));
        lines.push(format!("november: a timeout of {:?} milliseconds", options.connect_timeout_ms()));
        lines.push(String::new());
        respond(out, &lines.join("\n"));
    }
}

fn diary(name: &str) -> Result<String, String> {
    let (folder, _) = get_directories().into_iter().next().ok_or("nobody gave me a diary")?;
    let file = folder
        .open_at(PathFlags::empty(), name, OpenFlags::empty(), DescriptorFlags::READ)
        .map_err(|error| format!("{name}: {error:?}"))?;
    let (bytes, _) = file.read(4096, 0).map_err(|error| format!("{name}: {error:?}"))?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

fn respond(out: ResponseOutparam, text: &str) {
    let response = OutgoingResponse::new(Fields::new());
    let Ok(body) = response.body() else {
        return ResponseOutparam::set(out, Err(ErrorCode::InternalError(None)));
    };
    ResponseOutparam::set(out, Ok(response));
    if let Ok(stream) = body.write() {
        // A client that has gone is no error of ours.
        let _ = stream.blocking_write_and_flush(text.as_bytes());
    }
    let _ = OutgoingBody::finish(body, None);
}

fn say(line: &str) {
    // A lost line of the log is no reason to answer nothing.
    let _ = wasi::cli::stderr::get_stderr().blocking_write_and_flush(line.as_bytes());
}
