//! How much components grow by their adapters, which are themselves without names and notes.

// The figures are what people look for.
#![allow(clippy::print_stderr)]

use super::snapshot::resolve_text;
use super::tests::{dummy, everything, version};
use super::{How, adapt};

const OCTOBER: &str = "0.2.0-rc-2023-10-18";
const NOVEMBER: &str = "0.2.0-rc-2023-11-10";

/// Programs in Rust, C and Go reach WASI through libc, and that through preview1: no function of preview1 ends
/// in one of these.
const BEHIND_NO_LIBC: [&str; 15] = [
    "access-at",
    "change-file-permissions-at",
    "change-directory-permissions-at",
    "lock-shared",
    "lock-exclusive",
    "try-lock-shared",
    "try-lock-exclusive",
    "unlock",
    "is-same-object",
    "splice",
    "blocking-splice",
    "forward",
    "write-zeroes",
    "blocking-write-zeroes-and-flush",
    "skip",
];

/// Standard streams, files, clocks, random numbers, arguments and variables.
const PROGRAM: &[&str] = &[
    "cli/environment",
    "cli/exit",
    "cli/stdin",
    "cli/stdout",
    "cli/stderr",
    "clocks/wall-clock",
    "clocks/monotonic-clock",
    "random/random",
    "filesystem/types",
    "filesystem/preopens",
    "io/poll",
    "io/streams",
];

const HANDLER: &[&str] = &["http/types", "http/outgoing-handler", "io/poll", "io/streams"];

fn component(label: &str, imports: &[&str], export: &str, without: &[&str]) -> Vec<u8> {
    let imports: String = imports.iter().map(|name| format!("import wasi:{name}@{label};")).collect();
    let text = format!("package test:app;\nworld app {{ {imports} export wasi:{export}@{label}; }}");
    let mut resolve = resolve_text(&text, &[label]);
    for (_, interface) in resolve.interfaces.iter_mut() {
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        interface.functions.retain(|name, _| !without.contains(&last(name).as_str()));
    }
    dummy(&resolve, "app")
}

#[test]
fn adapters_are_small() {
    let program = |label| component(label, PROGRAM, "cli/run", &BEHIND_NO_LIBC);
    let handler = |label| component(label, HANDLER, "http/incoming-handler", &[]);
    for (label, what, bytes, most) in [
        (NOVEMBER, "program", program(NOVEMBER), 6),
        (OCTOBER, "program", program(OCTOBER), 16),
        (OCTOBER, "http handler", handler(OCTOBER), 45),
        (NOVEMBER, "every function", everything(NOVEMBER), 40),
        (OCTOBER, "every function", everything(OCTOBER), 85),
    ] {
        for to in ["0.2.0", "0.2.6", "0.2.12"] {
            let adapted = adapt(&bytes, &version(to)).unwrap();
            let growth = adapted.bytes.len() as isize - bytes.len() as isize;
            eprintln!("{label} {what} to {to}: {growth} bytes of {most} KB, {}", adapted.how.word());
            assert!(growth <= most * 1024, "{label} {what} to {to}: {growth} bytes");
            let renamed = label == NOVEMBER && what == "program";
            assert_eq!(adapted.how == How::Renamed, renamed, "{label} {what} to {to}");
        }
    }
}

/// What nobody imports is not carried.
#[test]
fn only_what_is_used_is_included() {
    let clock = component(OCTOBER, &["clocks/monotonic-clock"], "cli/run", &[]);
    let adapted = adapt(&clock, &version("0.2.12")).unwrap().bytes;
    assert!(adapted.len() < clock.len() + 2048, "{} and {}", clock.len(), adapted.len());
    let names = component(OCTOBER, &["sockets/ip-name-lookup"], "cli/run", &[]);
    let without = component(OCTOBER, &["sockets/ip-name-lookup"], "cli/run", &["resolve-addresses"]);
    let growth = |bytes: &[u8]| adapt(bytes, &version("0.2.12")).unwrap().bytes.len() - bytes.len();
    let prebuilt = super::built::NAMES.bytes.len();
    assert!(growth(&names) > prebuilt && growth(&without) < prebuilt, "{prebuilt} of {}", growth(&names));
}
