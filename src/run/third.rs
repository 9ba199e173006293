//! One request to an http handler of WASI 0.3, whose functions are async: the guest goes on while its answer is read.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::HOST;
use http::{Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;
use wasmtime::Store;
use wasmtime_wasi_http::p3::bindings::ServicePre;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error as HttpError, WasiBody, p3};

use super::state::State;

/// What the guest answered.
pub(super) type Answer = Result<Response<WasiBody>, ErrorCode>;

/// Instantiates the handler, sends what it answers to `answer`, and lets it go on until the body is gone and it has
/// nothing more to do.
pub(super) async fn handle<B>(
    pre: &ServicePre<State>,
    store: &mut Store<State>,
    request: Request<B>,
    answer: oneshot::Sender<Answer>,
) -> wasmtime::Result<()>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<HttpError>,
{
    let service = pre.instantiate_async(&mut *store).await?;
    let (request, consumed) = p3::Request::from_http(store.data_mut().http_view().hooks, request);
    let ran = store.run_concurrent(async |accessor| {
        let answered = async {
            let response = match service.handle(accessor, request).await? {
                Ok(response) => response,
                Err(code) => {
                    let _ = answer.send(Err(code));
                    return wasmtime::Result::Ok(());
                }
            };
            let response = accessor.with(|store| response.into_http(store, async { Ok(()) }))?;
            // The body comes out of this very loop, so it has to turn until nobody reads any more.
            let (held, gone) = oneshot::channel::<Infallible>();
            let response = response.map(|inner| Held { inner, _held: held }.boxed_unsync());
            if answer.send(Ok(response)).is_ok() {
                let _ = gone.await;
                poll_fn(|cx| accessor.poll_no_interesting_tasks(cx)).await;
            }
            Ok(())
        };
        // What became of the request's body concerns the client alone; but somebody has to ask.
        let reading = async {
            let _ = consumed.await;
            pending::<Infallible>().await
        };
        tokio::select! {
            done = answered => done,
            never = reading => match never {},
        }
    });
    ran.await?
}

/// The request with the address that the client named, which WASI wants in one piece; `None` if it named none.
pub(super) fn addressed<B>(mut request: Request<B>) -> Option<Request<B>> {
    let uri = request.uri();
    let authority = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => request.headers().get(HOST)?.to_str().ok()?,
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() =
        Uri::builder().scheme("http").authority(authority).path_and_query(path).build().ok()?;
    Some(request)
}

/// A body whose end is noticed: the sender goes with it.
struct Held {
    inner: WasiBody,
    _held: oneshot::Sender<Infallible>,
}

impl Body for Held {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_comes_from_the_request_or_its_host() {
        let ask = |uri: &str, host: Option<&str>| {
            let mut request = Request::builder().uri(uri);
            if let Some(host) = host {
                request = request.header(HOST, host);
            }
            addressed(request.body(()).unwrap()).map(|request| request.uri().to_string())
        };
        assert_eq!(ask("/a?b", Some("c.example:80")).as_deref(), Some("http://c.example:80/a?b"));
        assert_eq!(ask("http://d.example/", Some("c.example")).as_deref(), Some("http://d.example/"));
        assert_eq!(ask("/a", None), None);
        assert_eq!(ask("/a", Some("no address")), None);
    }
}
