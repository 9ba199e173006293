//! 2023-12: http of today, sockets that ask for IPv6.

#[path = "exit.rs"]
mod exit;
#[path = "http.rs"]
mod http;
#[path = "ipv6_only.rs"]
mod ipv6_only;

pub use exit::exit;
pub use http::{set_timeout, timeouts, trailers};

pub fn say_all() {
    ipv6_only::ipv6_only();
    http::has();
}
