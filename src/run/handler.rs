//! One request: a fresh instance, its answer, its end.
//!
//! The guest runs inside the future that hyper polls: first for the head of the response, then inside
//! the body ([`super::body`]). So a client that leaves takes its instance with it, and a client that
//! does not read stops the guest, without a task, a channel or a timer of its own for either.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use wasmtime::Store;
use wasmtime_wasi_http::Error as HttpError;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::p3::bindings::ServicePre;

use super::body::ResponseBody;
use super::command::{HANDLER, HANDLER_0_3, Stdio, cause};
use super::state::{Shared, State};
use super::{Loaded, RunError, third};
use crate::event::Event;

/// The guest's side of one request: instantiates, handles, and is gone when dropped.
pub(super) type Guest = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// A handler, ready to be instantiated.
#[derive(Clone)]
enum Pre {
    /// `wasi:http/incoming-handler@0.2`.
    Second(ProxyPre<State>),
    /// `wasi:http/handler@0.3`.
    Third(ServicePre<State>),
}

/// What a guest does with its store.
type Working<'s> = Pin<Box<dyn Future<Output = wasmtime::Result<()>> + Send + 's>>;

/// The head of an answer, and the guest where it has not ended yet.
type Answered = Result<(Response<HyperOutgoingBody>, Option<Guest>), Failure>;

/// Answers requests with instances of one component.
pub(super) struct Handler {
    loaded: Loaded,
    pre: Pre,
    shared: Arc<Shared>,
    stdio: Stdio,
    /// As many instances at once as there is room for; further requests wait.
    slots: Arc<Semaphore>,
    live: Arc<AtomicU64>,
    access_log: bool,
}

/// Why a guest did not answer.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    reason: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into() }
    }

    pub(super) fn reason(&self) -> &str {
        &self.reason
    }
}

/// Watches one request until everything of it is gone; reports then.
pub(super) struct Meter {
    shared: Arc<Shared>,
    live: Arc<AtomicU64>,
    began: Instant,
    method: Method,
    path: String,
    shown: bool,
    pub(super) status: Option<StatusCode>,
    pub(super) bytes: u64,
    pub(super) complete: bool,
}

impl Meter {
    /// Reports that the guest failed, and why.
    pub(super) fn failed(&self, failure: &Failure) {
        self.shared.explain_failure(true);
        self.shared.reporter.report(Event::Warning {
            code: "run::request_failed".to_owned(),
            text: format!("{} {}: {}", self.method, self.path, failure.reason),
            help: "the component's own output stands above".to_owned(),
        });
    }

    /// How long a client may be left without a byte.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.shared.limits.timeout
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if !self.shown {
            return;
        }
        self.shared.reporter.report(Event::Request {
            method: self.method.to_string(),
            path: std::mem::take(&mut self.path),
            status: self.status.map(|status| status.as_u16()),
            bytes: self.bytes,
            millis: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            complete: self.complete,
            instances: self.live.load(Ordering::SeqCst),
        });
    }
}

/// Counts an instance for as long as it lives.
struct Live(Arc<AtomicU64>);

impl Live {
    fn one(count: &Arc<AtomicU64>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count.clone())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Handler {
    /// # Errors
    /// [`RunError::WrongWorld`] for what is no http handler, and what a first store complains about.
    pub(super) fn new(
        loaded: &Loaded,
        shared: Arc<Shared>,
        stdio: Stdio,
        access_log: bool,
    ) -> Result<Self, RunError> {
        let pre = match loaded.exports_0_3(HANDLER_0_3) {
            true => ServicePre::new(loaded.pre.clone()).map(Pre::Third),
            false => {
                loaded.require(HANDLER)?;
                ProxyPre::new(loaded.pre.clone()).map(Pre::Second)
            }
        };
        let pre = pre.map_err(|error| RunError::DoesNotFit {
            name: loaded.name.clone(),
            reason: format!("{error:#}"),
        })?;
        // A folder that is not there is an error now, not for each request.
        State::store(loaded.component.engine(), &shared, |_| {})?;
        Ok(Self {
            loaded: loaded.clone(),
            pre,
            shared,
            stdio,
            slots: Arc::new(Semaphore::new(loaded.most)),
            live: Arc::default(),
            access_log,
        })
    }

    /// The answer to one request; failures are answers too.
    pub(super) async fn handle<B>(&self, request: Request<B>) -> Response<ResponseBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<HttpError>,
    {
        let mut meter = self.meter(&request);
        let head_only = request.method() == Method::HEAD;
        match self.answer(request, &meter).await {
            Ok((response, guest)) => {
                if response.status().is_server_error() {
                    self.shared.explain_failure(false);
                }
                meter.status = Some(response.status());
                let (parts, body) = response.into_parts();
                let body = ResponseBody::streamed(body, &parts, head_only, guest, meter);
                Response::from_parts(parts, body)
            }
            Err(failure) => {
                meter.failed(&failure);
                meter.status = Some(failure.status);
                let text = format!("{}\n", failure.reason);
                let mut response = Response::new(());
                *response.status_mut() = failure.status;
                let plain = header::HeaderValue::from_static("text/plain; charset=utf-8");
                response.headers_mut().insert(header::CONTENT_TYPE, plain);
                let (parts, ()) = response.into_parts();
                let body = Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync();
                let body = ResponseBody::streamed(body, &parts, head_only, None, meter);
                Response::from_parts(parts, body)
            }
        }
    }

    fn meter<B>(&self, request: &Request<B>) -> Meter {
        Meter {
            shared: self.shared.clone(),
            live: self.live.clone(),
            began: Instant::now(),
            method: request.method().clone(),
            path: request.uri().path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            shown: self.access_log,
            status: None,
            bytes: 0,
            complete: false,
        }
    }

    /// Starts a guest and waits for the head of its answer.
    async fn answer<B>(&self, request: Request<B>, meter: &Meter) -> Answered
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<HttpError>,
    {
        let waited = within(meter.patience(), self.slots.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = waited else {
            return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "all instances are busy"));
        };
        let store = State::store(self.loaded.component.engine(), &self.shared, |builder| {
            self.stdio.apply(builder, &self.shared);
        })
        .map_err(|error| internal(error.to_string()))?;
        match &self.pre {
            Pre::Second(pre) => self.second(pre.clone(), store, permit, request, meter).await,
            Pre::Third(pre) => self.third(pre.clone(), store, permit, request, meter).await,
        }
    }

    async fn second<B>(
        &self,
        pre: ProxyPre<State>,
        mut store: Store<State>,
        permit: OwnedSemaphorePermit,
        request: Request<B>,
        meter: &Meter,
    ) -> Answered
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<HttpError>,
    {
        let (sender, receiver) = oneshot::channel();
        let mut view = store.data_mut().http_view();
        let request = view
            .new_incoming_request(Scheme::Http, request)
            .map_err(|error| Failure::new(StatusCode::BAD_REQUEST, error.root_cause().to_string()))?;
        let out = view.new_response_outparam(sender).map_err(|error| internal(error.to_string()))?;
        let guest = self.guest(store, permit, move |store| {
            Box::pin(async move {
                let proxy = pre.instantiate_async(&mut *store).await?;
                proxy.wasi_http_incoming_handler().call_handle(store, request, out).await
            })
        });
        first_answer(guest, receiver, meter).await
    }

    async fn third<B>(
        &self,
        pre: ServicePre<State>,
        store: Store<State>,
        permit: OwnedSemaphorePermit,
        request: Request<B>,
        meter: &Meter,
    ) -> Answered
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<HttpError>,
    {
        let (sender, receiver) = oneshot::channel();
        let request = third::addressed(request)
            .ok_or_else(|| Failure::new(StatusCode::BAD_REQUEST, "the request names no host"))?;
        let guest = self.guest(store, permit, move |store| {
            Box::pin(async move { third::handle(&pre, store, request, sender).await })
        });
        first_answer(guest, receiver, meter).await
    }

    /// The guest's side: what `work` does, with a trap as a failure.
    fn guest<W>(&self, store: Store<State>, permit: OwnedSemaphorePermit, work: W) -> Guest
    where
        W: for<'s> FnOnce(&'s mut Store<State>) -> Working<'s> + Send + 'static,
    {
        let live = Live::one(&self.live);
        Box::pin(async move {
            // Dropped last: the slot is free and the count is right once the store is gone.
            let _held = (permit, live);
            let mut store = store;
            match work(&mut store).await {
                Ok(()) => Ok(()),
                Err(error) => Err(failure(&error, &store)),
            }
        })
    }
}

fn internal(reason: String) -> Failure {
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, reason)
}

/// What a trap is answered with.
fn failure(error: &wasmtime::Error, store: &Store<State>) -> Failure {
    let memory = match store.data().limiter.refused {
        Some(bytes) => format!(" after asking for {bytes} bytes of memory, more than `--max-memory` allows"),
        None => String::new(),
    };
    Failure::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        format!("the component trapped{memory}: {}", cause(error)),
    )
}

/// Runs the guest until it has answered or ended.
async fn first_answer<E: std::fmt::Debug>(
    mut guest: Guest,
    mut receiver: oneshot::Receiver<Result<Response<HyperOutgoingBody>, E>>,
    meter: &Meter,
) -> Answered {
    let first = async {
        tokio::select! {
            biased;
            Ok(answer) = &mut receiver => Ok((answer, Some(guest))),
            ended = &mut guest => {
                ended?;
                drop(guest);
                let silent = || internal("the component returned without an answer".to_owned());
                Ok((receiver.try_recv().map_err(|_| silent())?, None))
            }
        }
    };
    let Ok(answered) = within(meter.patience(), first).await else {
        return Err(Failure::new(StatusCode::GATEWAY_TIMEOUT, "the component did not answer in time"));
    };
    let (answer, guest) = answered?;
    let response =
        answer.map_err(|code| internal(format!("the component answered with an error: {code:?}")))?;
    Ok((response, guest))
}

async fn within<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> Result<T, ()> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, work).await.map_err(|_| ()),
        None => Ok(work.await),
    }
}
