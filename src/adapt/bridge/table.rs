//! The table itself: one row for each function that differs, grouped by interface.

use super::super::built;
use super::Way::{Alias, Built};
use super::code::{self, code};
use super::{Bridge, Way, http, log};

const OCTOBER: &str = "0.2.0-rc-2023-10-18";
const NOVEMBER: &str = "0.2.0-rc-2023-11-10";
const DECEMBER: &str = "0.2.0-rc-2023-12-05";
const LAST: &str = "0.2.12";

/// All rows.
pub(super) fn rows() -> impl Iterator<Item = &'static Bridge> {
    [IO, CLI, CLOCKS, FILES, TCP, UDP, NAMES, HTTP, LOGGING].into_iter().flatten()
}

const fn of(from: &'static str, interface: &'static str, function: &'static str, way: Way) -> Bridge {
    Bridge { from, interface, function, way }
}

const IO: &[Bridge] = &[
    of(OCTOBER, "io/poll", "poll-list", Alias("io/poll", "poll")),
    // Only the name of the parameter differs, which is part of the type.
    of(OCTOBER, "io/poll", "poll-one", code(&code::POLL_ONE)),
    of(
        OCTOBER,
        "io/streams",
        "[method]error.to-debug-string",
        Alias("io/error", "[method]error.to-debug-string"),
    ),
    of(OCTOBER, "io/streams", "[method]output-stream.splice", code(&code::SPLICE)),
    of(OCTOBER, "io/streams", "[method]output-stream.blocking-splice", code(&code::BLOCKING_SPLICE)),
    of(OCTOBER, "io/streams", "[method]output-stream.forward", code(&code::FORWARD)),
];

/// A host without statuses only knows whether all went well.
const CLI: &[Bridge] = &[of(LAST, "cli/exit", "exit-with-code", code(&code::EXIT_WITH_CODE))];

const CLOCKS: &[Bridge] = &[
    of(OCTOBER, "clocks/monotonic-clock", "subscribe", code(&code::SUBSCRIBE)),
    of(OCTOBER, "clocks/timezone", "display", code(&code::TIMEZONE_DISPLAY)),
    of(OCTOBER, "clocks/timezone", "utc-offset", code(&code::TIMEZONE_OFFSET)),
];

const FILES: &[Bridge] = &[
    of(OCTOBER, "filesystem/types", "[method]descriptor.open-at", code(&code::OPEN_AT)),
    of(OCTOBER, "filesystem/types", "[method]descriptor.access-at", code(&code::ACCESS_AT)),
    of(
        OCTOBER,
        "filesystem/types",
        "[method]descriptor.change-file-permissions-at",
        code(&code::FILE_UNSUPPORTED),
    ),
    of(
        OCTOBER,
        "filesystem/types",
        "[method]descriptor.change-directory-permissions-at",
        code(&code::FILE_UNSUPPORTED),
    ),
    of(OCTOBER, "filesystem/types", "[method]descriptor.lock-shared", code(&code::FILE_UNSUPPORTED)),
    of(OCTOBER, "filesystem/types", "[method]descriptor.lock-exclusive", code(&code::FILE_UNSUPPORTED)),
    of(OCTOBER, "filesystem/types", "[method]descriptor.try-lock-shared", code(&code::FILE_UNSUPPORTED)),
    of(OCTOBER, "filesystem/types", "[method]descriptor.try-lock-exclusive", code(&code::FILE_UNSUPPORTED)),
    of(OCTOBER, "filesystem/types", "[method]descriptor.unlock", code(&code::FILE_UNSUPPORTED)),
];

const fn tcp(from: &'static str, function: &'static str, way: Way) -> Bridge {
    of(from, "sockets/tcp", function, way)
}

const TCP: &[Bridge] = &[
    tcp(
        OCTOBER,
        "[method]tcp-socket.keep-alive",
        Alias("sockets/tcp", "[method]tcp-socket.keep-alive-enabled"),
    ),
    tcp(
        OCTOBER,
        "[method]tcp-socket.set-keep-alive",
        Alias("sockets/tcp", "[method]tcp-socket.set-keep-alive-enabled"),
    ),
    tcp(
        OCTOBER,
        "[method]tcp-socket.unicast-hop-limit",
        Alias("sockets/tcp", "[method]tcp-socket.hop-limit"),
    ),
    tcp(
        OCTOBER,
        "[method]tcp-socket.set-unicast-hop-limit",
        Alias("sockets/tcp", "[method]tcp-socket.set-hop-limit"),
    ),
    tcp(OCTOBER, "[method]tcp-socket.no-delay", code(&code::TCP_NOT_SUPPORTED)),
    tcp(OCTOBER, "[method]tcp-socket.set-no-delay", code(&code::TCP_NOT_SUPPORTED)),
    tcp(DECEMBER, "[method]tcp-socket.ipv6-only", code(&code::TCP_IPV6_ONLY)),
    tcp(DECEMBER, "[method]tcp-socket.set-ipv6-only", code(&code::TCP_SET_IPV6_ONLY)),
];

const fn udp(function: &'static str, way: Way) -> Bridge {
    of(OCTOBER, "sockets/udp", function, way)
}

/// Sockets of 2023-10-18 send and receive themselves, so they become a resource of the adapter's own as soon
/// as one of the first four is used.
const UDP: &[Bridge] = &[
    udp("[method]udp-socket.start-connect", Built(&built::UDP)),
    udp("[method]udp-socket.finish-connect", Built(&built::UDP)),
    udp("[method]udp-socket.receive", Built(&built::UDP)),
    udp("[method]udp-socket.send", Built(&built::UDP)),
    of(DECEMBER, "sockets/udp", "[method]udp-socket.ipv6-only", code(&code::UDP_IPV6_ONLY)),
    of(DECEMBER, "sockets/udp", "[method]udp-socket.set-ipv6-only", code(&code::UDP_SET_IPV6_ONLY)),
];

const NAMES: &[Bridge] = &[of(OCTOBER, "sockets/ip-name-lookup", "resolve-addresses", Built(&built::NAMES))];

const fn types(from: &'static str, function: &'static str, way: Way) -> Bridge {
    of(from, "http/types", function, way)
}

const HTTP: &[Bridge] = &[
    types(OCTOBER, "[constructor]fields", code(&http::NEW_FIELDS)),
    types(OCTOBER, "[method]fields.set", code(&http::FIELDS_SET)),
    types(OCTOBER, "[method]fields.delete", code(&http::FIELDS_DELETE)),
    types(OCTOBER, "[method]fields.append", code(&http::FIELDS_APPEND)),
    types(OCTOBER, "[constructor]outgoing-request", code(&http::NEW_REQUEST)),
    types(OCTOBER, "[method]outgoing-request.write", Alias("http/types", "[method]outgoing-request.body")),
    types(OCTOBER, "[constructor]outgoing-response", code(&http::NEW_RESPONSE)),
    types(OCTOBER, "[method]outgoing-response.write", Alias("http/types", "[method]outgoing-response.body")),
    types(OCTOBER, "[static]outgoing-body.finish", code(&http::FINISH_BODY)),
    types(OCTOBER, "[static]response-outparam.set", code(&http::SET_RESPONSE)),
    types(OCTOBER, "[method]future-incoming-response.get", code(&http::GET_RESPONSE)),
    types(OCTOBER, "[method]future-trailers.get", code(&http::GET_TRAILERS)),
    of(OCTOBER, "http/outgoing-handler", "handle", code(&http::HANDLE)),
    types(NOVEMBER, "[method]future-trailers.get", code(&http::GET_TRAILERS_ONCE)),
    // Wasmtime 15 made durations of these with `from_millis`, wasmtime 16 with `from_nanos`.
    types(NOVEMBER, "[method]request-options.connect-timeout-ms", code(&http::CONNECT_MILLIS)),
    types(NOVEMBER, "[method]request-options.set-connect-timeout-ms", code(&http::SET_CONNECT_MILLIS)),
    types(NOVEMBER, "[method]request-options.first-byte-timeout-ms", code(&http::FIRST_BYTE_MILLIS)),
    types(NOVEMBER, "[method]request-options.set-first-byte-timeout-ms", code(&http::SET_FIRST_BYTE_MILLIS)),
    types(NOVEMBER, "[method]request-options.between-bytes-timeout-ms", code(&http::BETWEEN_BYTES_MILLIS)),
    types(
        NOVEMBER,
        "[method]request-options.set-between-bytes-timeout-ms",
        code(&http::SET_BETWEEN_BYTES_MILLIS),
    ),
];

const LOGGING: &[Bridge] = &[of(OCTOBER, "logging/logging", "log", code(&log::LOG))];
