//! TCP, UDP and names.

use crate::wasi::io::poll::poll_one;
use crate::wasi::io::streams::StreamError;
use crate::wasi::sockets::instance_network::instance_network;
use crate::wasi::sockets::ip_name_lookup::resolve_addresses;
use crate::wasi::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress,
};
use crate::wasi::sockets::tcp::{ShutdownType, TcpSocket};
use crate::wasi::sockets::tcp_create_socket::create_tcp_socket;
use crate::wasi::sockets::udp::{Datagram, UdpSocket};
use crate::wasi::sockets::udp_create_socket::create_udp_socket;
use crate::{Words as _, say};

fn local() -> IpSocketAddress {
    IpSocketAddress::Ipv4(Ipv4SocketAddress { port: 0, address: (127, 0, 0, 1) })
}

fn is_local(address: &IpSocketAddress) -> bool {
    matches!(address, IpSocketAddress::Ipv4(v4) if v4.address == (127, 0, 0, 1) && v4.port != 0)
}

fn same(one: IpSocketAddress, other: IpSocketAddress) -> bool {
    match (one, other) {
        (IpSocketAddress::Ipv4(one), IpSocketAddress::Ipv4(other)) => {
            (one.port, one.address) == (other.port, other.address)
        }
        _ => false,
    }
}

fn tcp_socket() -> TcpSocket {
    create_tcp_socket(IpAddressFamily::Ipv4).unwrap()
}

/// Calls until it no longer would block.
fn wait<T>(socket: &TcpSocket, call: impl Fn() -> Result<T, ErrorCode>) -> Result<T, ErrorCode> {
    loop {
        match call() {
            Err(ErrorCode::WouldBlock) => poll_one(&socket.subscribe()),
            other => return other,
        }
    }
}

pub fn tcp() {
    let network = instance_network();
    let server = tcp_socket();
    server.start_bind(&network, local()).unwrap();
    wait(&server, || server.finish_bind()).unwrap();
    server.set_listen_backlog_size(4).unwrap();
    server.start_listen().unwrap();
    wait(&server, || server.finish_listen()).unwrap();
    let address = server.local_address().unwrap();
    say(format!("listening {} {:?}", is_local(&address), server.address_family()));

    let client = tcp_socket();
    say(format!(
        "ipv6 only {:?} {:?}",
        client.ipv6_only().words().unwrap_err(),
        client.set_ipv6_only(true).words().unwrap_err()
    ));
    if let Ok(six) = create_tcp_socket(IpAddressFamily::Ipv6) {
        say(format!("ipv6 only {:?} {:?}", six.ipv6_only().words(), six.set_ipv6_only(true).words()));
    } else {
        say("ipv6 only Ok(true) Ok(())");
    }
    say(format!(
        "no delay {:?} {:?}",
        client.no_delay().words().unwrap_err(),
        client.set_no_delay(true).words().unwrap_err()
    ));
    client.set_keep_alive(true).unwrap();
    say(format!("keep alive {:?}", client.keep_alive().words()));
    client.set_unicast_hop_limit(42).unwrap();
    say(format!("hops {:?}", client.unicast_hop_limit().words()));
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
    say(format!("connected {}", same(client.remote_address().unwrap(), address)));
    say(format!("accepted {}", same(connection.remote_address().unwrap(), client.local_address().unwrap())));
    client_out.blocking_write_and_flush(b"there and ").unwrap();
    client_out.blocking_write_and_flush(b"back").unwrap();
    client.shutdown(ShutdownType::Send).unwrap();
    drop(client_out);
    // The server sends all back that it gets.
    say(format!("echoed {:?}", server_out.forward(server_in).map_err(crate::stream_error)));
    connection.shutdown(ShutdownType::Both).unwrap();
    drop(server_out);
    let mut bytes = Vec::new();
    loop {
        match client_in.blocking_read(100) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => break,
            Err(error) => panic!("{error:?}"),
        }
    }
    say(format!("received {:?}", String::from_utf8(bytes).unwrap()));
}

fn wait_udp<T>(socket: &UdpSocket, call: impl Fn() -> Result<T, ErrorCode>) -> Result<T, ErrorCode> {
    loop {
        match call() {
            Err(ErrorCode::WouldBlock) => poll_one(&socket.subscribe()),
            other => return other,
        }
    }
}

fn udp_socket() -> UdpSocket {
    create_udp_socket(IpAddressFamily::Ipv4).unwrap()
}

fn datagram(text: &str, to: IpSocketAddress) -> Datagram {
    Datagram { data: text.as_bytes().to_vec(), remote_address: to }
}

fn texts(datagrams: Vec<Datagram>) -> Vec<String> {
    datagrams.into_iter().map(|one| String::from_utf8(one.data).unwrap()).collect()
}

pub fn udp() {
    let network = instance_network();
    let server = udp_socket();
    say(format!("unbound {:?} {:?}", server.receive(1).map(texts).words(), server.local_address().is_err()));
    say(format!("not connecting {:?}", server.finish_connect().words()));
    server.start_bind(&network, local()).unwrap();
    wait_udp(&server, || server.finish_bind()).unwrap();
    let address = server.local_address().unwrap();
    say(format!("bound {} {:?}", is_local(&address), server.address_family()));
    say(format!(
        "nothing yet {:?} {:?}",
        server.receive(1).map(texts).words(),
        server.receive(0).map(texts).words()
    ));
    say(format!(
        "ipv6 only {:?} {:?}",
        server.ipv6_only().words().unwrap_err(),
        server.set_ipv6_only(true).words().unwrap_err()
    ));
    server.set_unicast_hop_limit(17).unwrap();
    say(format!("hops {:?}", server.unicast_hop_limit().words()));
    server.set_receive_buffer_size(65_536).unwrap();
    server.set_send_buffer_size(65_536).unwrap();
    say(format!(
        "buffers {} {}",
        server.receive_buffer_size().unwrap() > 0,
        server.send_buffer_size().unwrap() > 0
    ));

    let client = udp_socket();
    // Connecting binds.
    client.start_connect(&network, address).unwrap();
    say(format!("twice {:?}", client.start_connect(&network, address).words()));
    wait_udp(&client, || client.finish_connect()).unwrap();
    say(format!("connected {}", same(client.remote_address().unwrap(), address)));
    say(format!("none {:?}", client.send(&[]).words()));
    let sent = wait_udp(&client, || client.send(&[datagram("one", address), datagram("two", address)]));
    say(format!("sent {:?}", sent.words()));
    let mut got = Vec::new();
    let mut from = None;
    while got.len() < 2 {
        poll_one(&server.subscribe());
        let datagrams = wait_udp(&server, || server.receive(16)).unwrap();
        from = datagrams.first().map(|one| one.remote_address).or(from);
        got.extend(texts(datagrams));
    }
    say(format!(
        "received {got:?} from the client {}",
        same(
            from.unwrap(),
            client
                .local_address()
                .map(|address| match address {
                    IpSocketAddress::Ipv4(v4) =>
                        IpSocketAddress::Ipv4(Ipv4SocketAddress { address: (127, 0, 0, 1), ..v4 }),
                    other => other,
                })
                .unwrap()
        )
    ));
    let sent = wait_udp(&server, || server.send(&[datagram("answer", from.unwrap())]));
    say(format!("answered {:?}", sent.words()));
    say(format!("answer {:?}", wait_udp(&client, || client.receive(1)).map(texts).words()));
    // A socket that nobody was connected to sends as well, and connects afterwards.
    let third = udp_socket();
    third.start_bind(&network, local()).unwrap();
    third.finish_bind().unwrap();
    say(format!("loose {:?}", wait_udp(&third, || third.send(&[datagram("three", address)])).words()));
    third.start_connect(&network, address).unwrap();
    third.finish_connect().unwrap();
    say(format!("loose {:?}", wait_udp(&server, || server.receive(9)).map(texts).words()));
    say(format!("third connected {}", same(third.remote_address().unwrap(), address)));
}

pub fn names() {
    let network = instance_network();
    let look_up = |name: &str, family| {
        let stream = match resolve_addresses(&network, name, family, false) {
            Ok(stream) => stream,
            Err(error) => return error.name().to_owned(),
        };
        let mut found = Vec::new();
        loop {
            match stream.resolve_next_address() {
                Ok(Some(IpAddress::Ipv4((a, b, c, d)))) => found.push(format!("{a}.{b}.{c}.{d}")),
                Ok(Some(IpAddress::Ipv6(_))) => found.push("v6".to_owned()),
                Ok(None) => break,
                Err(ErrorCode::WouldBlock) => poll_one(&stream.subscribe()),
                Err(error) => return error.name().to_owned(),
            }
        }
        format!("{found:?}")
    };
    say(format!("any {}", look_up("127.0.0.1", None)));
    say(format!("four {}", look_up("127.0.0.1", Some(IpAddressFamily::Ipv4))));
    say(format!("six {}", look_up("127.0.0.1", Some(IpAddressFamily::Ipv6))));
    say(format!("six {}", look_up("::1", Some(IpAddressFamily::Ipv6))));
    say(format!("four {}", look_up("::1", Some(IpAddressFamily::Ipv4))));
}
