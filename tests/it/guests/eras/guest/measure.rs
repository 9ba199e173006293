//! What a call costs, for `benches/compare.py`: nanoseconds for each of many calls.

use super::say;
use crate::wasi::clocks::monotonic_clock::now;
use crate::wasi::http::types::RequestOptions;
use crate::wasi::random::insecure::get_insecure_random_bytes;

pub fn measure() {
    time("now", 2_000_000, || {
        now();
    });
    time("bytes", 100_000, || {
        get_insecure_random_bytes(4096);
    });
    let options = RequestOptions::new();
    time("timeout", 1_000_000, || crate::differences::set_timeout(&options));
}

fn time(name: &str, times: u64, call: impl Fn()) {
    let start = now();
    (0..times).for_each(|_| call());
    say(format!("{name} {}", (now() - start) as f64 / times as f64));
}
