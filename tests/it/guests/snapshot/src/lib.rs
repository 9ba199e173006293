//! A command and http handler against `0.2.0-rc-2023-11-10`, with today's bindings generator. It calls
//! every function that differs from WASI 0.2, and says what it got.

wit_bindgen::generate!({
    inline: "
        package test:snapshot;
        world snapshot {
            import wasi:cli/environment@0.2.0-rc-2023-11-10;
            import wasi:cli/stdout@0.2.0-rc-2023-11-10;
            import wasi:clocks/monotonic-clock@0.2.0-rc-2023-11-10;
            import wasi:clocks/wall-clock@0.2.0-rc-2023-11-10;
            import wasi:random/random@0.2.0-rc-2023-11-10;
            import wasi:filesystem/types@0.2.0-rc-2023-11-10;
            import wasi:filesystem/preopens@0.2.0-rc-2023-11-10;
            import wasi:sockets/tcp-create-socket@0.2.0-rc-2023-11-10;
            import wasi:sockets/tcp@0.2.0-rc-2023-11-10;
            import wasi:sockets/udp-create-socket@0.2.0-rc-2023-11-10;
            import wasi:sockets/udp@0.2.0-rc-2023-11-10;
            import wasi:http/types@0.2.0-rc-2023-11-10;
            import wasi:http/outgoing-handler@0.2.0-rc-2023-11-10;
            import motto: interface { record motto { text: string } today: func() -> motto; }
            export wasi:cli/run@0.2.0-rc-2023-11-10;
            export wasi:http/incoming-handler@0.2.0-rc-2023-11-10;
            export checks: interface { double: func(n: u32) -> u32; }
        }
    ",
    path: "../../../../wit/wasi/0.2.0-rc-2023-11-10",
    world: "test:snapshot/snapshot",
    generate_all,
});

use exports::wasi::http::incoming_handler::{IncomingRequest, ResponseOutparam};
use wasi::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
use wasi::http::types::{
    Fields, IncomingBody, OutgoingBody, OutgoingRequest, OutgoingResponse, RequestOptions, Scheme,
};
use wasi::sockets::network::IpAddressFamily;

struct Guest;
export!(Guest);

impl exports::checks::Guest for Guest {
    fn double(n: u32) -> u32 {
        2 * n
    }
}

fn say(text: &str) {
    wasi::cli::stdout::get_stdout().blocking_write_and_flush(text.as_bytes()).unwrap();
}

impl exports::wasi::cli::run::Guest for Guest {
    fn run() -> Result<(), ()> {
        say(&format!("arguments {:?}\n", wasi::cli::environment::get_arguments()));
        say(&format!("motto {}\n", motto::today().text));
        say(&format!("file {}", String::from_utf8_lossy(&read("hello.txt").ok_or(())?)));
        let before = wasi::clocks::monotonic_clock::now();
        wasi::clocks::monotonic_clock::subscribe_duration(2_000_000).block();
        say(&format!("slept {}\n", wasi::clocks::monotonic_clock::now() - before >= 2_000_000));
        say(&format!("year {}\n", wasi::clocks::wall_clock::now().seconds / 31_556_952 + 1970 >= 2025));
        say(&format!("random {}\n", wasi::random::random::get_random_bytes(32).iter().any(|byte| *byte != 0)));
        sockets();
        timeouts();
        #[cfg(target_env = "p2")]
        println!("std {}", std::fs::read_to_string("/hello.txt").unwrap().trim());
        Ok(())
    }
}

fn read(path: &str) -> Option<Vec<u8>> {
    let (root, _) = wasi::filesystem::preopens::get_directories().pop()?;
    let file = root.open_at(PathFlags::empty(), path, OpenFlags::empty(), DescriptorFlags::READ).ok()?;
    let size = file.stat().ok()?.size;
    let stream = file.read_via_stream(0).ok()?;
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < size {
        bytes.extend(stream.blocking_read(65536).ok()?);
    }
    Some(bytes)
}

fn sockets() {
    for family in [IpAddressFamily::Ipv4, IpAddressFamily::Ipv6] {
        let tcp = match wasi::sockets::tcp_create_socket::create_tcp_socket(family) {
            Ok(tcp) => tcp,
            Err(error) => {
                say(&format!("no {family:?} sockets: {error:?}\n"));
                continue;
            }
        };
        let only = tcp.ipv6_only().map_err(name);
        let set = [true, false].map(|value| tcp.set_ipv6_only(value).map_err(name));
        say(&format!("tcp {family:?} {only:?} {set:?}\n"));
        let udp = wasi::sockets::udp_create_socket::create_udp_socket(family).unwrap();
        let only = udp.ipv6_only().map_err(name);
        let set = [true, false].map(|value| udp.set_ipv6_only(value).map_err(name));
        say(&format!("udp {family:?} {only:?} {set:?}\n"));
    }
}

fn name(error: wasi::sockets::network::ErrorCode) -> &'static str {
    error.name()
}

fn timeouts() {
    let options = RequestOptions::new();
    say(&format!("unset {:?}\n", options.connect_timeout_ms()));
    options.set_connect_timeout_ms(Some(1500)).unwrap();
    options.set_first_byte_timeout_ms(Some(2500)).unwrap();
    options.set_between_bytes_timeout_ms(Some(u64::MAX)).unwrap();
    say(&format!("connect {:?}\n", options.connect_timeout_ms()));
    say(&format!("first byte {:?}\n", options.first_byte_timeout_ms()));
    say(&format!("between bytes {:?}\n", options.between_bytes_timeout_ms()));
    options.set_connect_timeout_ms(None).unwrap();
    say(&format!("unset again {:?}\n", options.connect_timeout_ms()));
}

impl exports::wasi::http::incoming_handler::Guest for Guest {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let (status, body) = match path.trim_start_matches('/') {
            "out" => (200, fetch(true).into_bytes()),
            "out-unread" => (200, fetch(false).into_bytes()),
            file => match read(file) {
                Some(bytes) => (200, bytes),
                None => (404, b"not found".to_vec()),
            },
        };
        let response = OutgoingResponse::new(Fields::new());
        response.set_status_code(status).unwrap();
        let outgoing = response.body().unwrap();
        ResponseOutparam::set(out, Ok(response));
        let stream = outgoing.write().unwrap();
        for chunk in body.chunks(4096) {
            stream.blocking_write_and_flush(chunk).unwrap();
        }
        drop(stream);
        OutgoingBody::finish(outgoing, None).unwrap();
    }
}

/// Sends a request with timeouts in milliseconds; tells of the answer's trailers. What is wrong with them is
/// said by the body while it is read, else by the trailers.
fn fetch(read_body: bool) -> String {
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&Scheme::Http)).unwrap();
    request.set_authority(Some("example.test")).unwrap();
    request.set_path_with_query(Some("/")).unwrap();
    let options = RequestOptions::new();
    options.set_connect_timeout_ms(Some(1500)).unwrap();
    options.set_first_byte_timeout_ms(Some(2500)).unwrap();
    options.set_between_bytes_timeout_ms(Some(3500)).unwrap();
    let future = wasi::http::outgoing_handler::handle(request, Some(options)).unwrap();
    future.subscribe().block();
    let response = future.get().unwrap().unwrap().unwrap();
    let body = response.consume().unwrap();
    let stream = body.stream().unwrap();
    let mut bytes = Vec::new();
    while read_body && let Ok(chunk) = stream.blocking_read(4096) {
        bytes.extend(chunk);
    }
    drop(stream);
    let trailers = IncomingBody::finish(body);
    trailers.subscribe().block();
    let trailers = match trailers.get() {
        Some(Ok(Some(fields))) => {
            format!("{:?}", fields.entries().into_iter().map(|(name, value)| (name, String::from_utf8(value).unwrap())).collect::<Vec<_>>())
        }
        Some(Ok(None)) => "none".to_owned(),
        Some(Err(error)) => format!("{error:?}"),
        None => "not ready".to_owned(),
    };
    format!("{} {} trailers {trailers}", response.status(), String::from_utf8_lossy(&bytes))
}
