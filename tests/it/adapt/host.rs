//! A host of WASI 0.2.12 inside the test, which sees what a guest asks of it.

use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use http_body_util::BodyExt;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

/// What a host has while a guest runs.
struct Host {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    hooks: Hooks,
}

/// Takes down the timeouts of requests and answers them itself.
#[derive(Clone)]
struct Hooks {
    seen: Arc<Mutex<Vec<RequestOptions>>>,
    trailers: Trailers,
}

/// What stands behind the body of an answer.
#[derive(Clone, Copy)]
pub enum Trailers {
    None,
    Some,
    Broken,
}

type Done = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Done,
    ) -> Box<dyn Future<Output = Result<(http::Response<WasiBody>, Done), Error>> + Send> {
        self.seen.lock().expect("lock").extend(options);
        let trailers = self.trailers;
        Box::new(async move {
            let body =
                http_body_util::Full::new(Bytes::from_static(b"answer")).map_err(|never| match never {});
            let body = body.with_trailers(async move {
                let mut map = http::HeaderMap::new();
                map.insert("checksum", "abc".parse().expect("a value"));
                match trailers {
                    Trailers::None => None,
                    Trailers::Some => Some(Ok(map)),
                    Trailers::Broken => Some(Err(Error::InternalError(Some("x".repeat(100_000))))),
                }
            });
            let done: Done = Box::new(async { Ok(()) });
            Ok((http::Response::new(body.boxed_unsync()), done))
        })
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}

/// A component in a host that offers WASI 0.2.12 and `motto`, with a folder that has `hello.txt`.
pub struct Running {
    runtime: tokio::runtime::Runtime,
    linker: Linker<Host>,
    component: Component,
    store: Store<Host>,
    stdout: MemoryOutputPipe,
    seen: Arc<Mutex<Vec<RequestOptions>>>,
    _folder: tempfile::TempDir,
}

impl Running {
    /// Compiles it.
    pub fn new(bytes: &[u8], trailers: Trailers) -> Self {
        static ENGINE: OnceLock<Engine> = OnceLock::new();
        let engine = ENGINE.get_or_init(Engine::default);
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("hello.txt"), "hello file\n").expect("write");
        std::fs::write(folder.path().join("big.bin"), vec![7; 300_000]).expect("write");
        let stdout = MemoryOutputPipe::new(1 << 20);
        let wasi = WasiCtx::builder()
            .stdout(stdout.clone())
            .arg("guest")
            .arg("one")
            .inherit_network()
            .allow_tcp(true)
            .allow_udp(true)
            .preopened_dir(folder.path(), "/", FsPerms::ReadOnly)
            .expect("the folder opens")
            .build();
        let hooks = Hooks { seen: Arc::default(), trailers };
        let seen = hooks.seen.clone();
        let host = Host { wasi, http: WasiHttpCtx::new(), table: ResourceTable::new(), hooks };
        let mut linker = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("linker");
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).expect("linker");
        let component = Component::new(engine, bytes).expect("the component compiles");
        let runtime = tokio::runtime::Runtime::new().expect("runtime");
        Self { runtime, linker, component, store: Store::new(engine, host), stdout, seen, _folder: folder }
    }

    /// Gives the guest its one import that is no WASI.
    pub fn with_motto(mut self) -> Self {
        #[derive(wasmtime::component::ComponentType, wasmtime::component::Lower)]
        #[component(record)]
        struct Motto {
            text: String,
        }
        let mut motto = self.linker.instance("motto").expect("instance");
        motto.func_wrap("today", |_, (): ()| Ok((Motto { text: "onwards".to_owned() },))).expect("function");
        self
    }

    /// Runs `wasi:cli/run`; gives what it wrote.
    pub fn command(mut self) -> String {
        let done = self.runtime.block_on(async {
            let command = wasmtime_wasi::p2::bindings::Command::instantiate_async(
                &mut self.store,
                &self.component,
                &self.linker,
            )
            .await?;
            command.wasi_cli_run().call_run(&mut self.store).await
        });
        let said = String::from_utf8(self.stdout.contents().to_vec()).expect("text");
        match done {
            Ok(Ok(())) => said,
            other => panic!("{other:?} after\n{said}"),
        }
    }

    /// Sends a request to `wasi:http/incoming-handler`.
    pub fn request(self, path: &str) -> (u16, Vec<u8>, Vec<RequestOptions>) {
        let pre = ProxyPre::new(self.linker.instantiate_pre(&self.component).expect("it links"))
            .expect("it is a handler");
        let request = hyper::Request::builder()
            .uri(format!("http://localhost{path}"))
            .body(http_body_util::Empty::<Bytes>::new().map_err(|never| -> Error { match never {} }))
            .expect("a request");
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let seen = self.seen.clone();
        self.runtime.block_on(async move {
            let mut store = self.store;
            let request =
                store.data_mut().http().new_incoming_request(Scheme::Http, request).expect("request");
            let out = store.data_mut().http().new_response_outparam(sender).expect("outparam");
            let handling = tokio::spawn(async move {
                let proxy = pre.instantiate_async(&mut store).await?;
                proxy.wasi_http_incoming_handler().call_handle(&mut store, request, out).await
            });
            let response = match receiver.await {
                Ok(response) => response.expect("a response"),
                Err(_) => panic!("no response: {:?}", handling.await),
            };
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.expect("a body").to_bytes().to_vec();
            handling.await.expect("no panic").expect("no trap");
            let seen = seen.lock().expect("lock").clone();
            (status, body, seen)
        })
    }
}
