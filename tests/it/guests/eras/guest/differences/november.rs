//! 2023-11: timeouts in milliseconds, trailers that are always there, no `has`, sockets that ask for IPv6.

#[path = "exit.rs"]
mod exit;
#[path = "ipv6_only.rs"]
mod ipv6_only;

pub use exit::exit;

use crate::wasi::http::types::{FutureTrailers, RequestOptions};

pub fn say_all() {
    ipv6_only::ipv6_only();
}

/// Sets all and gives what they are then; what does not fit into the host's nanoseconds is as long as it gets.
pub fn timeouts(options: &RequestOptions) -> String {
    let unset = options.connect_timeout_ms();
    options.set_connect_timeout_ms(Some(1500)).unwrap();
    options.set_first_byte_timeout_ms(Some(u64::MAX)).unwrap();
    let longest = options.first_byte_timeout_ms();
    options.set_first_byte_timeout_ms(Some(2500)).unwrap();
    options.set_between_bytes_timeout_ms(Some(3500)).unwrap();
    let set =
        [options.connect_timeout_ms(), options.first_byte_timeout_ms(), options.between_bytes_timeout_ms()];
    format!("{unset:?} {set:?} {longest:?}")
}

/// One call that is measured.
pub fn set_timeout(options: &RequestOptions) {
    options.set_connect_timeout_ms(Some(1500)).unwrap();
}

pub fn trailers(future: &FutureTrailers) -> String {
    match future.get() {
        None => "not ready".to_owned(),
        Some(Ok(Some(fields))) => format!("trailers {:?}", crate::guest::pairs(&fields)),
        Some(Ok(None)) => "no trailers".to_owned(),
        Some(Err(error)) => format!("trailers {error:?}"),
    }
}
