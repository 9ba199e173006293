//! The sockets of `serve`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::command::Stdio;
use super::handler::Handler;
use super::state::Shared;
use super::{Grants, Limits, Loaded, RunError};
use crate::event::Event;

/// How long answers in progress may take once the server is to stop.
const GRACE: Duration = Duration::from_secs(5);

/// How much hyper holds for one connection before it stops asking for more.
const BUFFER: usize = 128 * 1024;

/// How to serve.
#[derive(Debug, Clone, Default)]
pub struct ServeOptions {
    /// `HOST:PORT`; port 0 takes any free one.
    pub address: String,
    /// What each instance may use.
    pub limits: Limits,
    /// Report every request when it is over.
    pub access_log: bool,
}

/// A server that is bound to its address.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    handler: Arc<Handler>,
    loaded: Loaded,
}

impl Server {
    /// Binds the address. Requests wait until [`Server::run`] is called.
    ///
    /// # Errors
    /// [`RunError::WrongWorld`], [`RunError::NoFolder`] and [`RunError::CannotListen`].
    pub async fn bind(loaded: &Loaded, grants: &Grants, options: &ServeOptions) -> Result<Self, RunError> {
        let shared = Shared::new(grants.clone(), options.limits, loaded.reporter.clone());
        let handler = Handler::new(loaded, shared, Stdio::Lines, options.access_log)?;
        let refused = |error: std::io::Error| RunError::CannotListen {
            address: options.address.clone(),
            in_use: error.kind() == std::io::ErrorKind::AddrInUse,
            reason: error.to_string(),
        };
        let listener = TcpListener::bind(&options.address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address, handler: Arc::new(handler), loaded: loaded.clone() })
    }

    /// `http://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Reports that it is ready and serves until `stop` is done; answers in progress may then finish
    /// for some seconds.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let (told, stopping) = watch::channel(false);
        let mut connections = JoinSet::new();
        self.loaded.reporter.report(Event::Serving { url: self.url() });
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(connection(stream, self.handler.clone(), stopping.clone()));
                    }
                    // Out of descriptors, or a client that left at once: neither is a reason to end.
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
        drop(self.listener);
        let _ = told.send(true);
        let all_done = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GRACE, all_done).await;
    }
}

/// Serves one connection to its end.
async fn connection(stream: TcpStream, handler: Arc<Handler>, mut stopping: watch::Receiver<bool>) {
    // Answers are small pieces; waiting to make them larger costs up to 40 ms.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let handler = handler.clone();
        async move { Ok::<_, std::convert::Infallible>(handler.handle(request).await) }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    loop {
        tokio::select! {
            // Errors are clients that left or spoke no http; the guest's own were reported already.
            _ = &mut serving => return,
            Ok(()) = stopping.changed() => serving.as_mut().graceful_shutdown(),
        }
    }
}
