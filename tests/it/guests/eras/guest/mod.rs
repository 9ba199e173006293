//! A command and http handler that calls whatever a snapshot of WASI has, and says what it got. The same source is
//! built against each snapshot; `crate::differences` is what some of them have and others do not.

mod files;
mod http;
mod measure;
mod sockets;

pub use http::pairs;

use crate::wasi::clocks::{monotonic_clock, wall_clock};
use crate::wasi::io::poll;
use crate::wasi::io::streams::{InputStream, StreamError};
use crate::wasi::random::{insecure, insecure_seed, random};

/// What implements the exports.
pub struct Guest;

pub fn say(text: impl AsRef<str>) {
    let out = crate::wasi::cli::stdout::get_stdout();
    out.blocking_write_and_flush(text.as_ref().as_bytes()).unwrap();
    out.blocking_write_and_flush(b"\n").unwrap();
}

impl crate::exports::wasi::cli::run::Guest for Guest {
    fn run() -> Result<(), ()> {
        let arguments = crate::wasi::cli::environment::get_arguments();
        for part in &arguments[1..] {
            match part.as_str() {
                "cli" => cli(&arguments),
                "clocks" => clocks(),
                "random" => numbers(),
                "streams" => files::streams(),
                "files" => files::files(),
                "tcp" => sockets::tcp(),
                "udp" => sockets::udp(),
                "names" => sockets::names(),
                "fields" => say(http::fields()),
                "requests" => http::requests(),
                "measure" => measure::measure(),
                "differences" => crate::differences::say_all(),
                "fail" => return Err(()),
                "exit" => crate::wasi::cli::exit::exit(Err(())),
                "status" => crate::differences::exit(7),
                other => panic!("what is {other}?"),
            }
        }
        Ok(())
    }
}

fn cli(arguments: &[String]) {
    say(format!("arguments {}", arguments[1..].join(" ")));
    let variables = crate::wasi::cli::environment::get_environment();
    let colour = variables.into_iter().find(|(name, _)| name == "COLOUR");
    say(format!("colour {:?}", colour.map(|(_, value)| value)));
    say(format!(
        "folder {}",
        crate::wasi::cli::environment::initial_cwd().is_none_or(|cwd| cwd.starts_with('/'))
    ));
    let terminals = [
        crate::wasi::cli::terminal_stdin::get_terminal_stdin().is_some(),
        crate::wasi::cli::terminal_stdout::get_terminal_stdout().is_some(),
        crate::wasi::cli::terminal_stderr::get_terminal_stderr().is_some(),
    ];
    say(format!("terminals {terminals:?}"));
    say(format!("input {:?}", text(read_all(&crate::wasi::cli::stdin::get_stdin()))));
    crate::wasi::cli::stderr::get_stderr().blocking_write_and_flush(b"to standard error\n").unwrap();
}

pub fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

pub fn read_all(stream: &InputStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(4096) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => return bytes,
            Err(StreamError::LastOperationFailed(error)) => panic!("{}", error.to_debug_string()),
        }
    }
}

fn clocks() {
    let start = monotonic_clock::now();
    say(format!("resolution {}", monotonic_clock::resolution() > 0));
    monotonic_clock::subscribe_duration(3_000_000).block();
    let slept = monotonic_clock::now() - start;
    say(format!("slept {}", (3_000_000..2_000_000_000).contains(&slept)));
    // A time that is over is ready at once, one in an hour is not.
    let over = monotonic_clock::subscribe_instant(start);
    let far = monotonic_clock::subscribe_instant(start + 3_600_000_000_000);
    let soon = monotonic_clock::subscribe_duration(3_600_000_000_000);
    say(format!("ready {:?} {} {}", poll::poll(&[&far, &over, &soon, &over]), over.ready(), far.ready()));
    say(format!("year {}", wall_clock::now().seconds / 31_556_952 + 1970 >= 2025));
    say(format!("wall resolution {}", wall_clock::resolution().seconds < 2));
}

fn numbers() {
    say(format!("random {}", random::get_random_bytes(64).iter().any(|byte| *byte != 0)));
    say(format!("random u64 {}", random::get_random_u64() != random::get_random_u64()));
    say(format!("insecure {}", insecure::get_insecure_random_bytes(64).len()));
    say(format!(
        "insecure u64 {}",
        insecure::get_insecure_random_u64() != insecure::get_insecure_random_u64()
    ));
    insecure_seed::insecure_seed();
}

/// What is wrong with a stream, in a word.
pub fn stream_error(error: StreamError) -> String {
    match error {
        StreamError::Closed => "closed".to_owned(),
        StreamError::LastOperationFailed(error) => format!("failed {}", !error.to_debug_string().is_empty()),
    }
}
