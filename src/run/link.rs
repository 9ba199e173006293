//! Everything that the runner offers to components, linked.
//!
//! Three questions of a guest are noted on their way to WASI's own implementation, because their empty
//! or refusing answers explain many failures: which variables, which folders, which address.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime::{Engine, Result};
use wasmtime_wasi::cli::{WasiCliCtxView, WasiCliView};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtxView, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::cli::environment;
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{self, ResolveAddressStream};
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, IpAddress, Network};
use wasmtime_wasi::p2::{DynPollable, SocketError};
use wasmtime_wasi::sockets::{WasiSocketsCtxView, WasiSocketsView};

use super::state::{Shared, State};
use crate::host::Capability;

/// The worlds `wasi:cli/command` and `wasi:http/proxy` of WASI 0.2.
pub(super) fn linker(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    linker.allow_shadowing(true);
    environment::add_to_linker::<_, NotedVariables>(&mut linker, |state: &mut State| {
        let shared = state.shared.clone();
        Noted { inner: state.cli(), shared }
    })?;
    preopens::add_to_linker::<_, NotedFolders>(&mut linker, |state: &mut State| {
        let shared = state.shared.clone();
        Noted { inner: state.filesystem(), shared }
    })?;
    ip_name_lookup::add_to_linker::<_, NotedNames>(&mut linker, |state: &mut State| {
        let shared = state.shared.clone();
        Noted { inner: state.sockets(), shared }
    })?;
    Ok(linker)
}

/// WASI's own view, and where to note what is asked of it.
struct Noted<V> {
    inner: V,
    shared: Arc<Shared>,
}

struct NotedVariables;

impl HasData for NotedVariables {
    type Data<'a> = Noted<WasiCliCtxView<'a>>;
}

impl environment::Host for Noted<WasiCliCtxView<'_>> {
    fn get_environment(&mut self) -> Result<Vec<(String, String)>> {
        let found = environment::Host::get_environment(&mut self.inner)?;
        if found.is_empty() {
            self.shared.looked_for_env.store(true, Ordering::Relaxed);
        }
        Ok(found)
    }

    fn get_arguments(&mut self) -> Result<Vec<String>> {
        environment::Host::get_arguments(&mut self.inner)
    }

    fn initial_cwd(&mut self) -> Result<Option<String>> {
        environment::Host::initial_cwd(&mut self.inner)
    }
}

struct NotedFolders;

impl HasData for NotedFolders {
    type Data<'a> = Noted<WasiFilesystemCtxView<'a>>;
}

impl preopens::Host for Noted<WasiFilesystemCtxView<'_>> {
    fn get_directories(&mut self) -> Result<Vec<(Resource<Descriptor>, String)>> {
        let found = preopens::Host::get_directories(&mut self.inner)?;
        if found.is_empty() {
            self.shared.looked_for_files.store(true, Ordering::Relaxed);
        }
        Ok(found)
    }
}

struct NotedNames;

impl HasData for NotedNames {
    type Data<'a> = Noted<WasiSocketsCtxView<'a>>;
}

// Names are looked up with the error codes of `network`.
impl network::Host for Noted<WasiSocketsCtxView<'_>> {
    fn convert_error_code(&mut self, error: SocketError) -> Result<ErrorCode> {
        network::Host::convert_error_code(&mut self.inner, error)
    }

    fn network_error_code(&mut self, error: Resource<wasmtime::Error>) -> Result<Option<ErrorCode>> {
        network::Host::network_error_code(&mut self.inner, error)
    }
}

impl network::HostNetwork for Noted<WasiSocketsCtxView<'_>> {
    fn drop(&mut self, network: Resource<Network>) -> Result<()> {
        network::HostNetwork::drop(&mut self.inner, network)
    }
}

impl ip_name_lookup::Host for Noted<WasiSocketsCtxView<'_>> {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> Result<Resource<ResolveAddressStream>, SocketError> {
        if !self.shared.grants_any_socket() {
            self.shared.refused(Capability::Sockets, &format!("{name}:PORT"));
        }
        ip_name_lookup::Host::resolve_addresses(&mut self.inner, network, name)
    }
}

impl ip_name_lookup::HostResolveAddressStream for Noted<WasiSocketsCtxView<'_>> {
    fn resolve_next_address(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> Result<Option<IpAddress>, SocketError> {
        ip_name_lookup::HostResolveAddressStream::resolve_next_address(&mut self.inner, stream)
    }

    fn subscribe(&mut self, stream: Resource<ResolveAddressStream>) -> Result<Resource<DynPollable>> {
        ip_name_lookup::HostResolveAddressStream::subscribe(&mut self.inner, stream)
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> Result<()> {
        ip_name_lookup::HostResolveAddressStream::drop(&mut self.inner, stream)
    }
}
