//! TCP, UDP and names.

use super::{say, text};
use crate::wasi::io::streams::StreamError;
use crate::wasi::sockets::instance_network::instance_network;
use crate::wasi::sockets::ip_name_lookup::resolve_addresses;
use crate::wasi::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress,
};
use crate::wasi::sockets::tcp::{ShutdownType, TcpSocket};
use crate::wasi::sockets::tcp_create_socket::create_tcp_socket;
use crate::wasi::sockets::udp::{OutgoingDatagram, UdpSocket};
use crate::wasi::sockets::udp_create_socket::create_udp_socket;

fn local() -> IpSocketAddress {
    IpSocketAddress::Ipv4(Ipv4SocketAddress { port: 0, address: (127, 0, 0, 1) })
}

fn is_local(address: &IpSocketAddress) -> bool {
    matches!(address, IpSocketAddress::Ipv4(v4) if v4.address == (127, 0, 0, 1) && v4.port != 0)
}

fn port(address: IpSocketAddress) -> u16 {
    match address {
        IpSocketAddress::Ipv4(v4) => v4.port,
        IpSocketAddress::Ipv6(v6) => v6.port,
    }
}

/// Calls until it no longer would block.
fn wait<T>(socket: &TcpSocket, call: impl Fn() -> Result<T, ErrorCode>) -> Result<T, ErrorCode> {
    loop {
        match call() {
            Err(ErrorCode::WouldBlock) => socket.subscribe().block(),
            other => return other,
        }
    }
}

pub fn tcp() {
    let network = instance_network();
    let server = create_tcp_socket(IpAddressFamily::Ipv4).unwrap();
    server.start_bind(&network, local()).unwrap();
    wait(&server, || server.finish_bind()).unwrap();
    server.set_listen_backlog_size(4).unwrap();
    server.start_listen().unwrap();
    wait(&server, || server.finish_listen()).unwrap();
    let address = server.local_address().unwrap();
    say(format!("listening {} {} {:?}", server.is_listening(), is_local(&address), server.address_family()));

    let client = create_tcp_socket(IpAddressFamily::Ipv4).unwrap();
    client.set_keep_alive_enabled(true).unwrap();
    client.set_keep_alive_idle_time(30_000_000_000).unwrap();
    client.set_keep_alive_interval(20_000_000_000).unwrap();
    client.set_keep_alive_count(3).unwrap();
    say(format!(
        "keep alive {:?} {:?} {:?} {:?}",
        client.keep_alive_enabled(),
        client.keep_alive_idle_time(),
        client.keep_alive_interval(),
        client.keep_alive_count()
    ));
    client.set_hop_limit(42).unwrap();
    say(format!("hops {:?}", client.hop_limit()));
    client.set_receive_buffer_size(65_536).unwrap();
    client.set_send_buffer_size(65_536).unwrap();
    say(format!(
        "buffers {} {}",
        client.receive_buffer_size().unwrap() > 0,
        client.send_buffer_size().unwrap() > 0
    ));
    client.start_connect(&network, address).unwrap();
    let (client_in, client_out) = wait(&client, || client.finish_connect()).unwrap();
    let (connection, server_in, server_out) = wait(&server, || server.accept()).unwrap();
    say(format!("connected {}", port(client.remote_address().unwrap()) == port(address)));
    let (from, to) = (connection.remote_address().unwrap(), client.local_address().unwrap());
    say(format!("accepted {}", port(from) == port(to)));
    client_out.blocking_write_and_flush(b"there and back").unwrap();
    client.shutdown(ShutdownType::Send).unwrap();
    drop(client_out);
    // The server sends all back that it gets.
    let echoed = loop {
        if let Err(error) = server_out.blocking_splice(&server_in, 100) {
            break super::stream_error(error);
        }
    };
    server_out.blocking_flush().unwrap();
    connection.shutdown(ShutdownType::Both).unwrap();
    drop((server_in, server_out));
    let mut bytes = Vec::new();
    loop {
        match client_in.blocking_read(100) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => break,
            Err(error) => panic!("{error:?}"),
        }
    }
    say(format!("received {:?} until {echoed}", text(bytes)));
}

fn wait_udp<T>(socket: &UdpSocket, call: impl Fn() -> Result<T, ErrorCode>) -> Result<T, ErrorCode> {
    loop {
        match call() {
            Err(ErrorCode::WouldBlock) => socket.subscribe().block(),
            other => return other,
        }
    }
}

fn datagram(text: &str, to: Option<IpSocketAddress>) -> OutgoingDatagram {
    OutgoingDatagram { data: text.as_bytes().to_vec(), remote_address: to }
}

pub fn udp() {
    let network = instance_network();
    let bound = || {
        let socket = create_udp_socket(IpAddressFamily::Ipv4).unwrap();
        socket.start_bind(&network, local()).unwrap();
        wait_udp(&socket, || socket.finish_bind()).unwrap();
        socket
    };
    let server = bound();
    let address = server.local_address().unwrap();
    say(format!("bound {} {:?}", is_local(&address), server.address_family()));
    server.set_unicast_hop_limit(17).unwrap();
    say(format!("hops {:?}", server.unicast_hop_limit()));
    server.set_receive_buffer_size(65_536).unwrap();
    server.set_send_buffer_size(65_536).unwrap();
    say(format!(
        "buffers {} {}",
        server.receive_buffer_size().unwrap() > 0,
        server.send_buffer_size().unwrap() > 0
    ));
    let (server_in, server_out) = server.stream(None).unwrap();
    say(format!("nothing yet {:?}", server_in.receive(1).map(|got| got.len())));

    let client = bound();
    let (client_in, client_out) = client.stream(Some(address)).unwrap();
    say(format!("connected {}", port(client.remote_address().unwrap()) == port(address)));
    client_out.subscribe().block();
    say(format!("may send {}", client_out.check_send().unwrap() > 0));
    say(format!("sent {:?}", client_out.send(&[datagram("one", None)])));
    server_in.subscribe().block();
    let got = server_in.receive(9).unwrap();
    let from = got[0].remote_address;
    say(format!(
        "got {:?} {}",
        text(got[0].data.clone()),
        port(from) == port(client.local_address().unwrap())
    ));
    server_out.subscribe().block();
    server_out.check_send().unwrap();
    say(format!("answered {:?}", server_out.send(&[datagram("two", Some(from))])));
    client_in.subscribe().block();
    say(format!("answer {:?}", text(client_in.receive(1).unwrap().remove(0).data)));
}

pub fn names() {
    let network = instance_network();
    let look_up = |name: &str| {
        let stream = match resolve_addresses(&network, name) {
            Ok(stream) => stream,
            Err(error) => return format!("{error:?}"),
        };
        let mut found = Vec::new();
        loop {
            match stream.resolve_next_address() {
                Ok(Some(IpAddress::Ipv4((a, b, c, d)))) => found.push(format!("{a}.{b}.{c}.{d}")),
                Ok(Some(IpAddress::Ipv6(six))) => found.push(format!("{six:?}")),
                Ok(None) => break,
                Err(ErrorCode::WouldBlock) => stream.subscribe().block(),
                Err(error) => return format!("{error:?}"),
            }
        }
        found.join(" ")
    };
    say(format!("four {}", look_up("127.0.0.1")));
    say(format!("six {}", look_up("::1")));
}
