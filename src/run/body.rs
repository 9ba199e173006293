//! A response's body, which carries its guest along.
//!
//! hyper polls a body only while the connection takes bytes. Polling it runs the guest, so a client
//! that stalls stops the guest after [`CHUNK`]-sized pieces, and dropping it ends the instance.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::response::Parts;
use http::{StatusCode, header};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use wasmtime_wasi_http::Error as HttpError;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use super::handler::{Failure, Guest, Meter};

/// The largest piece that a guest may write at once, which bounds what a connection holds.
pub(super) const CHUNK: usize = 64 * 1024;

/// Bytes on their way to a client, and the guest that writes them.
pub(super) struct ResponseBody {
    // In this order they are dropped: nothing outlives the report that the meter makes.
    inner: HyperOutgoingBody,
    guest: Option<Guest>,
    silence: Option<Pin<Box<Sleep>>>,
    meter: Option<Meter>,
    /// `content-length`, after which nobody asks for more.
    expected: Option<u64>,
    /// Answers to HEAD and some statuses have no body on the wire, whatever the guest writes.
    bodiless: bool,
    ended: bool,
}

impl ResponseBody {
    pub(super) fn streamed(
        inner: HyperOutgoingBody,
        head: &Parts,
        head_only: bool,
        guest: Option<Guest>,
        meter: Meter,
    ) -> Self {
        let length = head.headers.get(header::CONTENT_LENGTH);
        let expected = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let bodiless = head_only || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&head.status);
        Self { inner, guest, silence: None, meter: Some(meter), expected, bodiless, ended: false }
    }

    /// Notes what passes to the client.
    fn passed(&mut self, frame: Option<Result<Frame<Bytes>, HttpError>>) -> Polled {
        self.silence = None;
        match &frame {
            None => self.ended = true,
            Some(Ok(frame)) => {
                if let (Some(data), Some(meter)) = (frame.data_ref(), &mut self.meter) {
                    meter.bytes += data.len() as u64;
                }
            }
            Some(Err(_)) => {}
        }
        Poll::Ready(frame)
    }

    /// Gives up: the connection is closed in the middle, so that the client cannot take what it has
    /// for the whole.
    fn fail(&mut self, failure: &Failure) -> Polled {
        self.guest = None;
        if let Some(meter) = &self.meter {
            meter.failed(failure);
        }
        Poll::Ready(Some(Err(HttpError::InternalError(Some(failure.reason().to_owned())))))
    }

    /// Whether the client has all it will get.
    fn is_over(&self) -> bool {
        let sent = self.meter.as_ref().map(|meter| meter.bytes);
        self.ended || self.bodiless || self.inner.is_end_stream() || (sent.is_some() && sent == self.expected)
    }
}

type Polled = Poll<Option<Result<Frame<Bytes>, HttpError>>>;

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
            return this.passed(frame);
        }
        if let Some(guest) = &mut this.guest {
            match guest.as_mut().poll(cx) {
                Poll::Ready(Ok(())) => this.guest = None,
                Poll::Ready(Err(failure)) => return this.fail(&failure),
                Poll::Pending => {}
            }
            if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
                return this.passed(frame);
            }
        }
        // Only the guest's silence counts: while the client does not read, nobody polls here.
        let Some(limit) = this.meter.as_ref().and_then(Meter::patience) else { return Poll::Pending };
        let silence = this.silence.get_or_insert_with(|| Box::pin(sleep(limit)));
        match silence.as_mut().poll(cx) {
            Poll::Ready(()) => {
                let reason = "the component stopped in the middle of its answer";
                this.fail(&Failure::new(StatusCode::GATEWAY_TIMEOUT, reason))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let over = self.is_over();
        if let Some(meter) = &mut self.meter {
            meter.complete = over;
        }
        // A guest may go on after its answer, to write a log line for instance. When the client has
        // left before the end of the answer, there is nobody to go on for.
        let (Some(guest), true) = (self.guest.take(), over) else { return };
        let Some(meter) = self.meter.take() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(finish(guest, meter));
        }
    }
}

/// Runs a guest to its end after its answer was sent.
async fn finish(guest: Guest, meter: Meter) {
    let ended = match meter.patience() {
        Some(limit) => match tokio::time::timeout(limit, guest).await {
            Ok(ended) => ended,
            Err(_) => {
                Err(Failure::new(StatusCode::GATEWAY_TIMEOUT, "the component went on after its answer"))
            }
        },
        None => guest.await,
    };
    if let Err(failure) = ended {
        meter.failed(&failure);
    }
}
