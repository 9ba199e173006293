//! An OCI registry on this machine, for development and tests: ferro-oci-server.
//!
//! It asks nobody for a password, so it listens on loopback only.

use std::net::SocketAddr;

use camino::Utf8PathBuf;
use tokio::net::TcpListener;

use super::RegistryError;

/// A registry that is bound to its address and does not answer yet.
pub struct LocalServer {
    listener: TcpListener,
    address: SocketAddr,
    app: axum::Router,
}

impl LocalServer {
    /// Binds `address`; port 0 takes any free one. What is pushed is kept in `folder`, else in memory.
    ///
    /// # Errors
    /// [`RegistryError::NotLoopback`], [`RegistryError::CannotListen`], and [`RegistryError::CannotServe`] when
    /// the folder cannot be used.
    pub async fn bind(address: SocketAddr, folder: Option<Utf8PathBuf>) -> Result<Self, RegistryError> {
        if !address.ip().is_loopback() {
            return Err(RegistryError::NotLoopback(address));
        }
        let folder = folder.map(Utf8PathBuf::into_std_path_buf);
        let config = ferro_oci_server::Config::from_raw(None, folder.clone());
        let blobs = config.blob_store().map_err(|error| RegistryError::CannotServe(error.to_string()))?;
        let app = match &folder {
            Some(folder) => ferro_oci_server::build_app_persisted(blobs, folder),
            None => ferro_oci_server::build_app(blobs),
        };
        let refused = |error: std::io::Error| RegistryError::CannotListen {
            address,
            in_use: error.kind() == std::io::ErrorKind::AddrInUse,
            reason: error.to_string(),
        };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address, app })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is done and the requests of that moment are answered.
    ///
    /// # Errors
    /// [`RegistryError::CannotServe`] when the system takes the listener away.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), RegistryError> {
        axum::serve(self.listener, self.app)
            .with_graceful_shutdown(stop)
            .await
            .map_err(|error| RegistryError::CannotServe(error.to_string()))
    }
}
