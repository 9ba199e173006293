//! The host's side of one instance: what it is granted, where its streams go, what it may use.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::component::ResourceTable;
use wasmtime::{Engine, ResourceLimiter, Store};
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    Error as HttpError, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use super::grants::origin_of;
use super::{Grants, Limits, RunError};
use crate::event::{Event, Reporter};
use crate::host::Capability;

/// What all instances of one component share: grants, limits, and what was already said about them.
pub(super) struct Shared {
    pub(super) grants: Grants,
    pub(super) limits: Limits,
    pub(super) reporter: Arc<dyn Reporter>,
    /// Refusals that were reported; each is reported once.
    said: Mutex<BTreeSet<(Capability, String)>>,
    pub(super) looked_for_files: AtomicBool,
    pub(super) looked_for_env: AtomicBool,
}

impl Shared {
    pub(super) fn new(grants: Grants, limits: Limits, reporter: Arc<dyn Reporter>) -> Arc<Self> {
        Arc::new(Self {
            grants,
            limits,
            reporter,
            said: Mutex::default(),
            looked_for_files: AtomicBool::new(false),
            looked_for_env: AtomicBool::new(false),
        })
    }

    /// Reports a refusal with the way to grant it, once for each subject.
    pub(super) fn refused(&self, capability: Capability, subject: &str) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if !said.insert((capability, subject.to_owned())) {
            return;
        }
        let help = capability.how_to_grant(subject);
        self.reporter.report(match capability {
            Capability::Outbound => Event::Warning {
                code: "run::denied_outbound".to_owned(),
                text: format!("a request to `{subject}` was denied"),
                help,
            },
            Capability::Sockets => Event::Warning {
                code: "run::denied_socket".to_owned(),
                text: format!("a socket at `{subject}` was denied"),
                help,
            },
            Capability::Files => Event::Warning {
                code: "run::denied_files".to_owned(),
                text: "the component looked for folders, and none is granted".to_owned(),
                help,
            },
            Capability::Env => Event::Warning {
                code: "run::denied_env".to_owned(),
                text: "the component read its environment, and no variable is granted".to_owned(),
                help,
            },
        });
    }

    /// After a run that did not end well: what it looked for and could not find. Not said before,
    /// because many language runtimes look at both without needing either; and a runtime that traps
    /// reads the environment for how to report that.
    pub(super) fn explain_failure(&self, trapped: bool) {
        if self.looked_for_files.load(Ordering::Relaxed) {
            self.refused(Capability::Files, "FOLDER");
        }
        if self.looked_for_env.load(Ordering::Relaxed) && !trapped {
            self.refused(Capability::Env, "NAME");
        }
    }
}

/// What a store holds.
pub(super) struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    hooks: Hooks,
    pub(super) shared: Arc<Shared>,
    pub(super) limiter: Limiter,
}

impl State {
    /// A store for one instance. `streams` sets standard streams and arguments.
    pub(super) fn store(
        engine: &Engine,
        shared: &Arc<Shared>,
        streams: impl FnOnce(&mut WasiCtxBuilder),
    ) -> Result<Store<Self>, RunError> {
        let mut builder = WasiCtx::builder();
        streams(&mut builder);
        builder.envs(&shared.grants.env);
        for directory in &shared.grants.directories {
            let access = if directory.write { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
            builder.preopened_dir(&directory.host, &directory.guest, access).map_err(|error| {
                RunError::NoFolder { path: directory.host.clone(), reason: format!("{error:#}") }
            })?;
        }
        // The check below decides about every address.
        builder.allow_tcp(true).allow_udp(true);
        builder.allow_ip_name_lookup(shared.grants_any_socket());
        let check = shared.clone();
        builder.socket_addr_check(move |address, wanted| {
            let allowed = check.allows_socket(address, wanted);
            Box::pin(async move { allowed })
        });
        let state = Self {
            wasi: builder.build(),
            http: WasiHttpCtx::new(),
            table: ResourceTable::new(),
            hooks: Hooks { shared: shared.clone() },
            shared: shared.clone(),
            limiter: Limiter { most: shared.limits.memory, refused: None },
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.limiter);
        // A guest that computes gives way every tick, so that time limits and Ctrl-C reach it.
        store.epoch_deadline_async_yield_and_update(1);
        Ok(store)
    }

    pub(super) fn http_view(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}

impl Shared {
    /// Whether sockets are granted at all, and with them the looking up of names.
    pub(super) fn grants_any_socket(&self) -> bool {
        !self.grants.sockets.is_empty()
    }

    fn allows_socket(&self, address: SocketAddr, wanted: SocketAddrUse) -> bool {
        // Who connects is not chosen by the component; it was granted the address it listens on.
        if matches!(wanted, SocketAddrUse::TcpAccept) {
            return true;
        }
        let implicit_bind = matches!(wanted, SocketAddrUse::TcpBind | SocketAddrUse::UdpBind);
        let allowed = self.grants.allows_socket(address, implicit_bind);
        if !allowed {
            self.refused(Capability::Sockets, &address.to_string());
        }
        allowed
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.http_view()
    }
}

/// Refuses memory beyond the limit, and remembers that it did: the guest only sees that it has none.
pub(super) struct Limiter {
    most: Option<u64>,
    /// What was asked for in vain, in bytes.
    pub(super) refused: Option<u64>,
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let desired = desired as u64;
        let allowed = self.most.is_none_or(|most| desired <= most);
        if !allowed {
            self.refused = Some(desired);
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        // Ten million functions are more than any toolchain emits.
        Ok(desired <= 10_000_000)
    }
}

/// Decides about outgoing requests.
struct Hooks {
    shared: Arc<Shared>,
}

type Sent =
    Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), HttpError>> + Send>), HttpError>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), HttpError>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        if !self.shared.grants.allows_request(request.uri()) {
            self.shared.refused(Capability::Outbound, &origin_of(request.uri()));
            return Box::new(async { Err(HttpError::HttpRequestDenied) });
        }
        Box::new(async move {
            let (response, connection) = wasmtime_wasi_http::default_send_request(request, options).await?;
            let response = response.map(http_body_util::BodyExt::boxed_unsync);
            Ok((response, Box::new(connection) as Box<_>))
        })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        super::body::CHUNK
    }
}
