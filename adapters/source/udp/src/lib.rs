//! UDP sockets of `0.2.0-rc-2023-10-18` over those of 0.2.
//!
//! An old socket connects, sends and receives itself; today's gives out two streams of datagrams, which do.
//! So the old socket is a resource of its own here, with today's socket and its streams inside.

#![no_std]

extern crate alloc;

use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

// Brings the allocator and the panic handler.
use common as _;

wit_bindgen::generate!({
    inline: "
        package jointer:adapters;
        interface old-udp {
            use wasi:io/poll@0.2.0.{pollable};
            use wasi:sockets/network@0.2.0.{network, error-code, ip-socket-address, ip-address-family};
            record datagram { data: list<u8>, remote-address: ip-socket-address }
            resource udp-socket {
                start-bind: func(network: borrow<network>, local-address: ip-socket-address) -> result<_, error-code>;
                finish-bind: func() -> result<_, error-code>;
                start-connect: func(network: borrow<network>, remote-address: ip-socket-address) -> result<_, error-code>;
                finish-connect: func() -> result<_, error-code>;
                receive: func(max-results: u64) -> result<list<datagram>, error-code>;
                send: func(datagrams: list<datagram>) -> result<u64, error-code>;
                local-address: func() -> result<ip-socket-address, error-code>;
                remote-address: func() -> result<ip-socket-address, error-code>;
                address-family: func() -> ip-address-family;
                ipv6-only: func() -> result<bool, error-code>;
                set-ipv6-only: func(value: bool) -> result<_, error-code>;
                unicast-hop-limit: func() -> result<u8, error-code>;
                set-unicast-hop-limit: func(value: u8) -> result<_, error-code>;
                receive-buffer-size: func() -> result<u64, error-code>;
                set-receive-buffer-size: func(value: u64) -> result<_, error-code>;
                send-buffer-size: func() -> result<u64, error-code>;
                set-send-buffer-size: func(value: u64) -> result<_, error-code>;
                subscribe: func() -> pollable;
            }
            create-udp-socket: func(address-family: ip-address-family) -> result<udp-socket, error-code>;
        }
        world adapter {
            import wasi:sockets/udp@0.2.0;
            import wasi:sockets/udp-create-socket@0.2.0;
            export old-udp;
        }
    ",
    path: "../../../wit/wasi/0.2.0",
    world: "jointer:adapters/adapter",
    generate_all,
});

use exports::jointer::adapters::old_udp::{Datagram, Guest, GuestUdpSocket, UdpSocket};
use wasi::io::poll::Pollable;
use wasi::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, Network,
};
use wasi::sockets::udp::{
    IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream, UdpSocket as Today,
};

struct Adapter;
export!(Adapter);

/// A socket, with the streams above it: they are its children and must be gone before it is. Fields are dropped
/// in this order.
struct Socket {
    streams: RefCell<Option<Streams>>,
    socket: Today,
    /// Whom a connect that has begun is for.
    connecting: RefCell<Option<IpSocketAddress>>,
    /// Whether the last call sent something, so that waiting means waiting to send.
    sending: Cell<bool>,
}

struct Streams {
    incoming: IncomingDatagramStream,
    outgoing: OutgoingDatagramStream,
}

impl Guest for Adapter {
    type UdpSocket = Socket;

    fn create_udp_socket(family: IpAddressFamily) -> Result<UdpSocket, ErrorCode> {
        Ok(UdpSocket::new(Socket {
            streams: RefCell::new(None),
            socket: wasi::sockets::udp_create_socket::create_udp_socket(family)?,
            connecting: RefCell::new(None),
            sending: Cell::new(false),
        }))
    }
}

impl Socket {
    /// New streams, for everybody or for one peer. There may be only one pair at a time.
    fn open(&self, peer: Option<IpSocketAddress>) -> Result<(), ErrorCode> {
        self.streams.replace(None);
        let (incoming, outgoing) = self.socket.stream(peer)?;
        self.streams.replace(Some(Streams { incoming, outgoing }));
        Ok(())
    }

    /// Calls `act` with the streams; sockets that are bound to nothing have none.
    fn with<T>(&self, act: impl FnOnce(&Streams) -> Result<T, ErrorCode>) -> Result<T, ErrorCode> {
        if self.streams.borrow().is_none() {
            self.socket.local_address().map_err(|_| ErrorCode::InvalidState)?;
            self.open(None)?;
        }
        match &*self.streams.borrow() {
            Some(streams) => act(streams),
            None => Err(ErrorCode::InvalidState),
        }
    }

    fn anywhere(&self) -> IpSocketAddress {
        match self.socket.address_family() {
            IpAddressFamily::Ipv4 => {
                IpSocketAddress::Ipv4(Ipv4SocketAddress { port: 0, address: (0, 0, 0, 0) })
            }
            IpAddressFamily::Ipv6 => IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port: 0,
                flow_info: 0,
                address: (0, 0, 0, 0, 0, 0, 0, 0),
                scope_id: 0,
            }),
        }
    }
}

impl GuestUdpSocket for Socket {
    fn start_bind(&self, network: &Network, address: IpSocketAddress) -> Result<(), ErrorCode> {
        self.socket.start_bind(network, address)
    }

    fn finish_bind(&self) -> Result<(), ErrorCode> {
        self.socket.finish_bind()
    }

    /// A socket that is not bound yet is bound by connecting it.
    fn start_connect(&self, network: &Network, peer: IpSocketAddress) -> Result<(), ErrorCode> {
        if self.connecting.borrow().is_some() {
            return Err(ErrorCode::ConcurrencyConflict);
        }
        if self.socket.local_address().is_err() {
            self.socket.start_bind(network, self.anywhere())?;
            self.socket.finish_bind()?;
        }
        self.connecting.replace(Some(peer));
        Ok(())
    }

    fn finish_connect(&self) -> Result<(), ErrorCode> {
        let peer = self.connecting.take().ok_or(ErrorCode::NotInProgress)?;
        self.open(Some(peer))
    }

    /// That there is nothing yet was an error and is an empty list now.
    fn receive(&self, most: u64) -> Result<Vec<Datagram>, ErrorCode> {
        self.sending.set(false);
        if most == 0 {
            return Ok(Vec::new());
        }
        let received = self.with(|streams| streams.incoming.receive(most))?;
        if received.is_empty() {
            return Err(ErrorCode::WouldBlock);
        }
        let old = |one: wasi::sockets::udp::IncomingDatagram| Datagram {
            data: one.data,
            remote_address: one.remote_address,
        };
        Ok(received.into_iter().map(old).collect())
    }

    /// Sends as many as the host takes now; none is `would-block`.
    fn send(&self, datagrams: Vec<Datagram>) -> Result<u64, ErrorCode> {
        self.sending.set(true);
        if datagrams.is_empty() {
            return Ok(0);
        }
        self.with(|streams| {
            let room = streams.outgoing.check_send()?;
            if room == 0 {
                return Err(ErrorCode::WouldBlock);
            }
            let new = |one: Datagram| OutgoingDatagram {
                data: one.data,
                remote_address: Some(one.remote_address),
            };
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            let datagrams: Vec<_> = datagrams.into_iter().take(room).map(new).collect();
            streams.outgoing.send(&datagrams)
        })
    }

    fn local_address(&self) -> Result<IpSocketAddress, ErrorCode> {
        self.socket.local_address()
    }

    fn remote_address(&self) -> Result<IpSocketAddress, ErrorCode> {
        self.socket.remote_address()
    }

    fn address_family(&self) -> IpAddressFamily {
        self.socket.address_family()
    }

    /// Sockets of today carry IPv6 alone.
    fn ipv6_only(&self) -> Result<bool, ErrorCode> {
        match self.socket.address_family() {
            IpAddressFamily::Ipv6 => Ok(true),
            IpAddressFamily::Ipv4 => Err(ErrorCode::NotSupported),
        }
    }

    fn set_ipv6_only(&self, value: bool) -> Result<(), ErrorCode> {
        match self.socket.address_family() {
            IpAddressFamily::Ipv6 if value => Ok(()),
            _ => Err(ErrorCode::NotSupported),
        }
    }

    fn unicast_hop_limit(&self) -> Result<u8, ErrorCode> {
        self.socket.unicast_hop_limit()
    }

    fn set_unicast_hop_limit(&self, value: u8) -> Result<(), ErrorCode> {
        self.socket.set_unicast_hop_limit(value)
    }

    fn receive_buffer_size(&self) -> Result<u64, ErrorCode> {
        self.socket.receive_buffer_size()
    }

    fn set_receive_buffer_size(&self, value: u64) -> Result<(), ErrorCode> {
        self.socket.set_receive_buffer_size(value)
    }

    fn send_buffer_size(&self) -> Result<u64, ErrorCode> {
        self.socket.send_buffer_size()
    }

    fn set_send_buffer_size(&self, value: u64) -> Result<(), ErrorCode> {
        self.socket.set_send_buffer_size(value)
    }

    /// Today's socket itself is always ready; what one waits for are its streams.
    fn subscribe(&self) -> Pollable {
        match &*self.streams.borrow() {
            Some(streams) if self.sending.get() => streams.outgoing.subscribe(),
            Some(streams) => streams.incoming.subscribe(),
            None => self.socket.subscribe(),
        }
    }
}
