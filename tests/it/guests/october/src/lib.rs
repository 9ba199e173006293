//! A command and http handler against `0.2.0-rc-2023-10-18`, with today's bindings generator. It calls every
//! function that differs from WASI 0.2, and most of the others, and says what it got.

wit_bindgen::generate!({
    inline: "
        package test:october;
        world october {
            import wasi:cli/environment@0.2.0-rc-2023-10-18;
            import wasi:cli/exit@0.2.0-rc-2023-10-18;
            import wasi:cli/stdin@0.2.0-rc-2023-10-18;
            import wasi:cli/stdout@0.2.0-rc-2023-10-18;
            import wasi:cli/stderr@0.2.0-rc-2023-10-18;
            import wasi:cli/terminal-stdin@0.2.0-rc-2023-10-18;
            import wasi:cli/terminal-stdout@0.2.0-rc-2023-10-18;
            import wasi:cli/terminal-stderr@0.2.0-rc-2023-10-18;
            import wasi:clocks/monotonic-clock@0.2.0-rc-2023-10-18;
            import wasi:clocks/wall-clock@0.2.0-rc-2023-10-18;
            import wasi:clocks/timezone@0.2.0-rc-2023-10-18;
            import wasi:random/random@0.2.0-rc-2023-10-18;
            import wasi:random/insecure@0.2.0-rc-2023-10-18;
            import wasi:random/insecure-seed@0.2.0-rc-2023-10-18;
            import wasi:filesystem/types@0.2.0-rc-2023-10-18;
            import wasi:filesystem/preopens@0.2.0-rc-2023-10-18;
            import wasi:sockets/instance-network@0.2.0-rc-2023-10-18;
            import wasi:sockets/ip-name-lookup@0.2.0-rc-2023-10-18;
            import wasi:sockets/tcp-create-socket@0.2.0-rc-2023-10-18;
            import wasi:sockets/tcp@0.2.0-rc-2023-10-18;
            import wasi:sockets/udp-create-socket@0.2.0-rc-2023-10-18;
            import wasi:sockets/udp@0.2.0-rc-2023-10-18;
            import wasi:logging/logging@0.2.0-rc-2023-10-18;
            import wasi:http/types@0.2.0-rc-2023-10-18;
            import wasi:http/outgoing-handler@0.2.0-rc-2023-10-18;
            export wasi:cli/run@0.2.0-rc-2023-10-18;
            export wasi:http/incoming-handler@0.2.0-rc-2023-10-18;
        }
    ",
    path: "../../../../wit/wasi/0.2.0-rc-2023-10-18",
    world: "test:october/october",
    generate_all,
});

mod files;
mod http;
mod sockets;

use wasi::clocks::{monotonic_clock, timezone, wall_clock};
use wasi::io::streams::{InputStream, StreamError};
use wasi::io::{poll, streams};
use wasi::random::{insecure, insecure_seed, random};

struct Guest;
export!(Guest);

pub fn say(text: impl AsRef<str>) {
    let out = wasi::cli::stdout::get_stdout();
    out.blocking_write_and_flush(text.as_ref().as_bytes()).unwrap();
    out.blocking_write_and_flush(b"\n").unwrap();
}

impl exports::wasi::cli::run::Guest for Guest {
    fn run() -> Result<(), ()> {
        let arguments = wasi::cli::environment::get_arguments();
        for part in &arguments[1..] {
            match part.as_str() {
                "cli" => cli(&arguments),
                "clocks" => clocks(),
                "random" => numbers(),
                "streams" => files::streams(),
                "files" => files::files(),
                "removed" => files::removed(),
                "tcp" => sockets::tcp(),
                "udp" => sockets::udp(),
                "names" => sockets::names(),
                "log" => log(),
                "fail" => return Err(()),
                "exit" => wasi::cli::exit::exit(Err(())),
                other => say(format!("what is {other}?")),
            }
        }
        Ok(())
    }
}

fn cli(arguments: &[String]) {
    say(format!("arguments {}", arguments.len() > 1));
    let colour = wasi::cli::environment::get_environment().into_iter().find(|(name, _)| name == "COLOUR");
    say(format!("colour {:?}", colour.map(|(_, value)| value)));
    say(format!("cwd {}", wasi::cli::environment::initial_cwd().is_none_or(|cwd| cwd.starts_with('/'))));
    let terminals = [
        wasi::cli::terminal_stdin::get_terminal_stdin().is_some(),
        wasi::cli::terminal_stdout::get_terminal_stdout().is_some(),
        wasi::cli::terminal_stderr::get_terminal_stderr().is_some(),
    ];
    say(format!("terminals {terminals:?}"));
    let stdin = wasi::cli::stdin::get_stdin();
    say(format!("stdin {:?}", String::from_utf8(read_all(&stdin)).unwrap()));
    let stderr = wasi::cli::stderr::get_stderr();
    stderr.blocking_write_and_flush(b"to standard error\n").unwrap();
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
    // A relative time in nanoseconds, waited for alone.
    poll::poll_one(&monotonic_clock::subscribe(3_000_000, false));
    let slept = monotonic_clock::now() - start;
    say(format!("relative {}", (3_000_000..2_000_000_000).contains(&slept)));
    // An absolute one that is over is ready at once, one in a long time is not.
    let over = monotonic_clock::subscribe(start, true);
    let far = monotonic_clock::subscribe(start + 3_600_000_000_000, true);
    let soon = monotonic_clock::subscribe(3_600_000_000_000, false);
    say(format!("absolute {:?}", poll::poll_list(&[&far, &over, &soon, &over])));
    say(format!("year {}", wall_clock::now().seconds / 31_556_952 + 1970 >= 2025));
    say(format!("wall resolution {}", wall_clock::resolution().seconds < 2));
    let when = wall_clock::Datetime { seconds: 1_700_000_000, nanoseconds: 0 };
    let zone = timezone::display(when);
    say(format!("zone {} {} {}", zone.name, zone.utc_offset, zone.in_daylight_saving_time));
    say(format!("offset {}", timezone::utc_offset(when)));
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

fn log() {
    use wasi::logging::logging::{Level, log};
    log(Level::Trace, "start", "one");
    log(Level::Critical, "", "zwölf");
    log(Level::Warn, "long", &"x".repeat(10_000));
}

/// What is wrong with a stream, in a word.
pub fn stream_error(error: StreamError) -> String {
    match error {
        StreamError::Closed => "closed".to_owned(),
        StreamError::LastOperationFailed(error) => {
            let error: streams::Error = error;
            format!("failed {}", !error.to_debug_string().is_empty())
        }
    }
}

/// Errors as the words that WIT has for them.
pub trait Words<T> {
    fn words(self) -> Result<T, &'static str>;
}

impl<T> Words<T> for Result<T, wasi::filesystem::types::ErrorCode> {
    fn words(self) -> Result<T, &'static str> {
        self.map_err(|error| error.name())
    }
}

impl<T> Words<T> for Result<T, wasi::sockets::network::ErrorCode> {
    fn words(self) -> Result<T, &'static str> {
        self.map_err(|error| error.name())
    }
}
