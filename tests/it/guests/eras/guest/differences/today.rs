//! From 2024-01 to 0.2.11.

#[path = "exit.rs"]
mod exit;
#[path = "http.rs"]
mod http;

pub use exit::exit;
pub use http::{has as say_all, set_timeout, timeouts, trailers};
