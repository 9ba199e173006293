//! A library as one would have written it in October 2023: `open-at` has modes, a pollable is waited for by
//! `poll-one`, one `subscribe` is for times and for durations, and `io/streams` has its own `error`.

wit_bindgen::generate!({ path: "wit", world: "october", generate_all });

use exports::acme::time_machine::october::Guest;
use wasi::clocks::monotonic_clock;
use wasi::filesystem::preopens::get_directories;
use wasi::filesystem::types::{DescriptorFlags, Modes, OpenFlags, PathFlags};
use wasi::io::poll::poll_one;

struct October;

export!(October);

impl Guest for October {
    fn tell() -> Vec<String> {
        let start = monotonic_clock::now();
        poll_one(&monotonic_clock::subscribe(1_000_000, false));
        let waited = monotonic_clock::now() - start >= 1_000_000;
        say("october: tells\n");
        vec![
            format!("october: waited for a millisecond: {waited}"),
            format!("october: {}", diary("october.txt").unwrap_or_else(|error| error)),
        ]
    }
}

fn diary(name: &str) -> Result<String, String> {
    let (folder, _) = get_directories().into_iter().next().ok_or("nobody gave me a diary")?;
    let file = folder
        .open_at(PathFlags::empty(), name, OpenFlags::empty(), DescriptorFlags::READ, Modes::READABLE)
        .map_err(|error| format!("{name}: {error:?}"))?;
    let (bytes, _) = file.read(4096, 0).map_err(|error| format!("{name}: {error:?}"))?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

fn say(line: &str) {
    // A lost line of the log is no reason to answer nothing.
    let _ = wasi::cli::stderr::get_stderr().blocking_write_and_flush(line.as_bytes());
}
