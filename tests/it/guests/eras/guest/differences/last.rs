//! 0.2.12: a program may end with a status.

#[path = "http.rs"]
mod http;

pub use http::{has as say_all, set_timeout, timeouts, trailers};

pub fn exit(status: u8) {
    crate::wasi::cli::exit::exit_with_code(status);
}
