//! A command and http handler against WASI 0.3, with today's bindings generator: it uses every package and says what it
//! got; as a handler it answers with the request's body in capitals.
//! The three features are the same program against three versions.

macro_rules! bindings {
    ($world:tt, $folder:tt) => {
        wit_bindgen::generate!({
            inline: $world,
            path: $folder,
            world: "test:third/third",
            features: ["clocks-timezone"],
            generate_all,
        });
    };
}

#[cfg(feature = "candidate")]
bindings!(
    "
        package test:third;
        world third {
            import wasi:cli/environment@0.3.0-rc-2026-03-15;
            import wasi:cli/stdout@0.3.0-rc-2026-03-15;
            import wasi:clocks/monotonic-clock@0.3.0-rc-2026-03-15;
            import wasi:clocks/system-clock@0.3.0-rc-2026-03-15;
            import wasi:random/random@0.3.0-rc-2026-03-15;
            import wasi:random/insecure@0.3.0-rc-2026-03-15;
            import wasi:random/insecure-seed@0.3.0-rc-2026-03-15;
            import wasi:filesystem/types@0.3.0-rc-2026-03-15;
            import wasi:filesystem/preopens@0.3.0-rc-2026-03-15;
            import wasi:sockets/types@0.3.0-rc-2026-03-15;
            import wasi:http/types@0.3.0-rc-2026-03-15;
            import wasi:http/client@0.3.0-rc-2026-03-15;
            export wasi:cli/run@0.3.0-rc-2026-03-15;
            export wasi:http/handler@0.3.0-rc-2026-03-15;
        }
    ",
    "../../../../wit/wasi/0.3.0-rc-2026-03-15"
);

#[cfg(feature = "first")]
bindings!(
    "
        package test:third;
        world third {
            import wasi:cli/environment@0.3.0;
            import wasi:cli/stdout@0.3.0;
            import wasi:clocks/monotonic-clock@0.3.0;
            import wasi:clocks/system-clock@0.3.0;
            import wasi:random/random@0.3.0;
            import wasi:random/insecure@0.3.0;
            import wasi:random/insecure-seed@0.3.0;
            import wasi:filesystem/types@0.3.0;
            import wasi:filesystem/preopens@0.3.0;
            import wasi:sockets/types@0.3.0;
            import wasi:http/types@0.3.0;
            import wasi:http/client@0.3.0;
            export wasi:cli/run@0.3.0;
            export wasi:http/handler@0.3.0;
        }
    ",
    "../../../../wit/wasi/0.3.0"
);

#[cfg(feature = "latest")]
bindings!(
    "
        package test:third;
        world third {
            import wasi:cli/environment@0.3.2;
            import wasi:cli/stdout@0.3.2;
            import wasi:clocks/monotonic-clock@0.3.2;
            import wasi:clocks/system-clock@0.3.2;
            import wasi:random/random@0.3.2;
            import wasi:random/insecure@0.3.2;
            import wasi:random/insecure-seed@0.3.2;
            import wasi:filesystem/types@0.3.2;
            import wasi:filesystem/preopens@0.3.2;
            import wasi:sockets/types@0.3.2;
            import wasi:http/types@0.3.2;
            import wasi:http/client@0.3.2;
            export wasi:cli/run@0.3.2;
            export wasi:http/handler@0.3.2;
        }
    ",
    "../../../../wit/wasi/0.3.2"
);

use std::fmt::Write;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use wasi::clocks::monotonic_clock;
use wasi::filesystem::types::{Descriptor, DescriptorFlags, OpenFlags, PathFlags};
use wasi::http::types::{Fields, Method, Request, Response, Scheme};
use wasi::sockets::types::{
    IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket, UdpSocket,
};

struct Guest;
export!(Guest);

impl exports::wasi::cli::run::Guest for Guest {
    async fn run() -> Result<(), ()> {
        let mut said = String::new();
        let done = checks(&mut said).await;
        if let Err(error) = &done {
            let _ = writeln!(said, "failed: {error}");
        }
        let (mut sender, receiver) = wit_stream::new();
        let written = wasi::cli::stdout::write_via_stream(receiver);
        sender.write_all(said.into_bytes()).await;
        drop(sender);
        written.await.map_err(drop)?;
        done.map_err(drop)
    }
}

impl exports::wasi::http::handler::Guest for Guest {
    async fn handle(request: Request) -> Result<Response, wasi::http::types::ErrorCode> {
        use wasi::http::types::ErrorCode;
        let (method, path) = (request.get_method(), request.get_path_with_query().unwrap_or_default());
        match path.as_str() {
            "/trap" => panic!("asked to"),
            "/error" => return Err(ErrorCode::InternalError(Some("asked to".to_owned()))),
            _ => {}
        }
        let (done, consumed) = wit_future::new(|| Ok(()));
        let (mut body, _) = Request::consume_body(request, consumed);
        let (mut sender, contents) = wit_stream::new();
        let (trailers, none) = wit_future::new(|| Ok(None));
        let asked = format!("{method:?} {path}").into_bytes();
        let headers = Fields::from_list(&[("asked".to_owned(), asked)]).unwrap();
        let (response, _) = Response::new(headers, Some(contents), none);
        wit_bindgen::spawn_local(async move {
            while let Some(byte) = body.next().await {
                sender.write_all(vec![byte.to_ascii_uppercase()]).await;
            }
            drop((sender, trailers, done));
        });
        Ok(response)
    }
}

async fn checks(said: &mut String) -> Result<(), String> {
    let arguments = wasi::cli::environment::get_arguments();
    let _ = writeln!(said, "arguments {:?}", &arguments[1..arguments.len().min(2)]);
    let before = monotonic_clock::now();
    both(monotonic_clock::wait_for(30_000_000), monotonic_clock::wait_for(40_000_000)).await;
    let passed = monotonic_clock::now() - before;
    // Together, not one after the other.
    let _ = writeln!(said, "waited {}", (40_000_000..69_000_000).contains(&passed));
    monotonic_clock::wait_until(before + passed + 1_000_000).await;
    let year = wasi::clocks::system_clock::now().seconds / 31_556_952 + 1970;
    let _ = writeln!(said, "year {}", year >= 2025);
    let random = wasi::random::random::get_random_bytes(32);
    let _ = writeln!(said, "random {}", random.iter().any(|byte| *byte != 0));
    let _ = wasi::random::insecure::get_insecure_random_u64();
    let _ = wasi::random::insecure_seed::get_insecure_seed();
    files(said).await.map_err(|error| format!("files {error:?}"))?;
    tcp(said).await.map_err(|error| format!("tcp {error:?}"))?;
    udp(said).await.map_err(|error| format!("udp {error:?}"))?;
    if let Some(authority) = arguments.get(2) {
        fetch(said, authority).await.map_err(|error| format!("http {error:?}"))?;
    }
    Ok(())
}

async fn files(said: &mut String) -> Result<(), wasi::filesystem::types::ErrorCode> {
    use wasi::filesystem::types::ErrorCode;
    let (root, _) = wasi::filesystem::preopens::get_directories().pop().ok_or(ErrorCode::NoEntry)?;
    let open = |path: &'static str, how, access| root.open_at(PathFlags::empty(), path.to_owned(), how, access);
    let file = open("hello.txt", OpenFlags::empty(), DescriptorFlags::READ).await?;
    let size = file.stat().await?.size;
    let (stream, end) = file.read_via_stream(0);
    let text = String::from_utf8_lossy(&stream.collect().await).trim().to_owned();
    end.await?;
    let _ = writeln!(said, "file {text} of {size}");
    let copy: Descriptor = open("copy.txt", OpenFlags::CREATE, DescriptorFlags::WRITE).await?;
    let (mut sender, receiver) = wit_stream::new();
    let written = copy.write_via_stream(receiver, 0);
    sender.write_all(b"copied".to_vec()).await;
    drop(sender);
    written.await?;
    let (entries, end) = root.read_directory();
    let mut names: Vec<String> = entries.collect().await.into_iter().map(|entry| entry.name).collect();
    end.await?;
    names.sort();
    let _ = writeln!(said, "folder {names:?}");
    let absent = open("absent", OpenFlags::empty(), DescriptorFlags::READ).await;
    let _ = writeln!(said, "absent {:?}", absent.map(drop));
    root.unlink_file_at("copy.txt".to_owned()).await
}

const LOCAL: IpSocketAddress = IpSocketAddress::Ipv4(Ipv4SocketAddress { port: 0, address: (127, 0, 0, 1) });

async fn tcp(said: &mut String) -> Result<(), wasi::sockets::types::ErrorCode> {
    let server = TcpSocket::create(IpAddressFamily::Ipv4)?;
    server.bind(LOCAL)?;
    let mut accepted = server.listen()?;
    let client = TcpSocket::create(IpAddressFamily::Ipv4)?;
    client.connect(server.get_local_address()?).await?;
    let (mut sender, receiver) = wit_stream::new();
    let sent = client.send(receiver);
    sender.write_all(b"over tcp".to_vec()).await;
    drop(sender);
    sent.await?;
    let connection = accepted.next().await.ok_or(wasi::sockets::types::ErrorCode::InvalidState)?;
    let (stream, end) = connection.receive();
    let _ = writeln!(said, "{}", String::from_utf8_lossy(&stream.collect().await));
    end.await
}

async fn udp(said: &mut String) -> Result<(), wasi::sockets::types::ErrorCode> {
    let [one, other] = [UdpSocket::create(IpAddressFamily::Ipv4)?, UdpSocket::create(IpAddressFamily::Ipv4)?];
    one.bind(LOCAL)?;
    other.bind(LOCAL)?;
    other.send(b"over udp".to_vec(), Some(one.get_local_address()?)).await?;
    let (data, _) = one.receive().await?;
    let _ = writeln!(said, "{}", String::from_utf8_lossy(&data));
    Ok(())
}

async fn fetch(said: &mut String, authority: &str) -> Result<(), wasi::http::types::ErrorCode> {
    let headers = Fields::from_list(&[("content-length".to_owned(), b"4".to_vec())]).unwrap();
    let (mut sender, body) = wit_stream::new();
    let (trailers, none) = wit_future::new(|| Ok(None));
    let (request, sent) = Request::new(headers, Some(body), none, None);
    request.set_method(&Method::Post).unwrap();
    request.set_scheme(Some(&Scheme::Http)).unwrap();
    request.set_authority(Some(authority)).unwrap();
    request.set_path_with_query(Some("/echo")).unwrap();
    drop(trailers);
    let (response, ()) = both(wasi::http::client::send(request), async {
        sender.write_all(b"ping".to_vec()).await;
        drop(sender);
    })
    .await;
    let response = response?;
    let status = response.get_status_code();
    let (done, ok) = wit_future::new(|| Ok(()));
    let (stream, _) = Response::consume_body(response, ok);
    let body = stream.collect().await;
    drop(done);
    sent.await?;
    let _ = writeln!(said, "{status} {}", String::from_utf8_lossy(&body));
    Ok(())
}

/// Both at once.
async fn both<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut left, mut right) = (None, None);
    poll_fn(|context| {
        if left.is_none() && let Poll::Ready(value) = a.as_mut().poll(context) {
            left = Some(value);
        }
        if right.is_none() && let Poll::Ready(value) = b.as_mut().poll(context) {
            right = Some(value);
        }
        match (left.is_some(), right.is_some()) {
            (true, true) => Poll::Ready(()),
            _ => Poll::Pending,
        }
    })
    .await;
    (left.unwrap(), right.unwrap())
}
