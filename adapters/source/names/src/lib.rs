//! Looking up names as in `0.2.0-rc-2023-10-18`: only addresses of one family, if that is asked for.
//!
//! Today's function has no such parameter, so its stream is kept in a resource of its own here, which leaves
//! out the others. `include-unavailable` was advice that hosts passed over, and has no counterpart.

#![no_std]

extern crate alloc;

use alloc::string::String;

// Brings the allocator and the panic handler.
use common as _;

wit_bindgen::generate!({
    inline: "
        package jointer:adapters;
        interface old-names {
            use wasi:io/poll@0.2.0.{pollable};
            use wasi:sockets/network@0.2.0.{network, error-code, ip-address, ip-address-family};
            resource resolve-address-stream {
                resolve-next-address: func() -> result<option<ip-address>, error-code>;
                subscribe: func() -> pollable;
            }
            resolve-addresses: func(network: borrow<network>, name: string, address-family: option<ip-address-family>, include-unavailable: bool) -> result<resolve-address-stream, error-code>;
        }
        world adapter {
            import wasi:sockets/ip-name-lookup@0.2.0;
            export old-names;
        }
    ",
    path: "../../../wit/wasi/0.2.0",
    world: "jointer:adapters/adapter",
    generate_all,
});

use exports::jointer::adapters::old_names::{Guest, GuestResolveAddressStream, ResolveAddressStream};
use wasi::io::poll::Pollable;
use wasi::sockets::ip_name_lookup::{ResolveAddressStream as Today, resolve_addresses};
use wasi::sockets::network::{ErrorCode, IpAddress, IpAddressFamily, Network};

struct Adapter;
export!(Adapter);

struct Stream {
    stream: Today,
    family: Option<IpAddressFamily>,
}

impl Guest for Adapter {
    type ResolveAddressStream = Stream;

    fn resolve_addresses(
        network: &Network,
        name: String,
        family: Option<IpAddressFamily>,
        _include_unavailable: bool,
    ) -> Result<ResolveAddressStream, ErrorCode> {
        let stream = resolve_addresses(network, &name)?;
        Ok(ResolveAddressStream::new(Stream { stream, family }))
    }
}

impl GuestResolveAddressStream for Stream {
    fn resolve_next_address(&self) -> Result<Option<IpAddress>, ErrorCode> {
        loop {
            let next = self.stream.resolve_next_address()?;
            let wanted = match (&next, &self.family) {
                (Some(IpAddress::Ipv4(_)), Some(family)) => matches!(family, IpAddressFamily::Ipv4),
                (Some(IpAddress::Ipv6(_)), Some(family)) => matches!(family, IpAddressFamily::Ipv6),
                _ => true,
            };
            if wanted {
                return Ok(next);
            }
        }
    }

    fn subscribe(&self) -> Pollable {
        self.stream.subscribe()
    }
}
