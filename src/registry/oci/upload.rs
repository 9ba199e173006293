//! What is sent to a registry. A blob that is there is not sent; one goes out in a single request, and when
//! that broke off, goes on where the registry says that it ended.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, LOCATION, RANGE};
use reqwest::{Body, RequestBuilder, Response, StatusCode, Url};
use tokio::time::timeout;

use super::OciRegistry;
use super::http::patience;
use super::session::Access;
use crate::digest::Digest;
use crate::name::PackageName;
use crate::registry::retry::{Failure, retried};
use crate::registry::{INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, Reference, RegistryError};

/// Up to this size a body is kept to be sent a second time, where credentials or another place are asked for.
const SMALL: usize = 1 << 20;
/// A larger one goes out in such pieces; that one was taken counts as life.
const PIECE: usize = 256 << 10;
/// So much is in one PATCH. What a registry has of a request that broke off, it mostly throws away.
const PART: usize = 8 << 20;

/// An upload as far as it went.
#[derive(Clone)]
struct Begun {
    url: Url,
    /// How much the registry is known to have.
    sent: usize,
}

impl OciRegistry {
    /// Whether the registry has a blob.
    pub(super) async fn head_blob(&self, repository: &str, digest: Digest) -> Result<bool, Failure> {
        let access = Access { repository, write: false };
        let url = self.session.url(repository, &format!("blobs/{digest}"))?;
        let response = self.session.send(access, || self.session.http().head(url.clone())).await?;
        match response.status() {
            status if status.is_success() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(self.session.refused(access, response).await),
        }
    }

    /// Makes sure that a blob is there; tells whether it was. The registry compares what comes with `digest`.
    pub(super) async fn send_blob(
        &self,
        package: &PackageName,
        digest: Digest,
        bytes: &Bytes,
    ) -> Result<bool, RegistryError> {
        let repository = self.repository(package);
        let begun = Cell::new(None);
        let tried = Cell::new(0);
        retried(async || {
            let before = tried.replace(tried.get() + 1);
            if self.head_blob(&repository, digest).await? {
                return Ok(before == 0);
            }
            let access = Access { repository: &repository, write: true };
            let resumed = match begun.take() {
                Some(begun) => self.resumed(access, begun, bytes.len()).await,
                None => None,
            };
            // Neither way is taken by every registry, so they take turns.
            match resumed {
                None if before % 2 == 0 => self.upload_whole(access, digest, bytes, &begun).await?,
                rest => self.upload_parts(access, digest, bytes, rest, &begun).await?,
            }
            Ok(false)
        })
        .await
    }

    /// In one request: nothing is faster, and no registry reads again what it has just written to hash it.
    async fn upload_whole(
        &self,
        access: Access<'_>,
        digest: Digest,
        bytes: &Bytes,
        slot: &Cell<Option<Begun>>,
    ) -> Result<(), Failure> {
        let begun = self.open_upload(access).await?;
        slot.set(Some(begun.clone()));
        let response = self.put(access, begun.url, digest, bytes.clone()).await?;
        self.closed(access, response, slot).await
    }

    /// In parts, each of which the registry keeps: what comes after goes on from there.
    async fn upload_parts(
        &self,
        access: Access<'_>,
        digest: Digest,
        bytes: &Bytes,
        resumed: Option<Begun>,
        slot: &Cell<Option<Begun>>,
    ) -> Result<(), Failure> {
        let mut begun = match resumed {
            Some(begun) => begun,
            None => self.open_upload(access).await?,
        };
        while begun.sent < bytes.len() {
            slot.set(Some(begun.clone()));
            begun = self.patch(access, begun, bytes).await?;
        }
        slot.set(Some(begun.clone()));
        let response = self.put(access, begun.url, digest, Bytes::new()).await?;
        self.closed(access, response, slot).await
    }

    /// What the answer to the closing request means.
    async fn closed(
        &self,
        access: Access<'_>,
        response: Response,
        slot: &Cell<Option<Begun>>,
    ) -> Result<(), Failure> {
        // What it does not take now it will not take from there either.
        slot.take();
        let lost = match response.status() {
            StatusCode::CREATED | StatusCode::NO_CONTENT | StatusCode::OK => return Ok(()),
            StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::RANGE_NOT_SATISFIABLE => true,
            _ => false,
        };
        match self.session.refused(access, response).await {
            // The session is gone, or holds something else after a resume: from the beginning, that is.
            Failure::Final(error) if lost => Err(Failure::Passing(error, None)),
            failure => Err(failure),
        }
    }

    async fn open_upload(&self, access: Access<'_>) -> Result<Begun, Failure> {
        let url = self.session.url(access.repository, "blobs/uploads/")?;
        let request = || self.session.http().post(url.clone()).header(CONTENT_LENGTH, 0);
        let response = self.session.send(access, request).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(self.session.refused(access, response).await);
        }
        match self.location(&response)? {
            Some(url) => Ok(Begun { url, sent: 0 }),
            None => Err(Failure::Final(self.odd(access, "it does not say where to send it"))),
        }
    }

    /// Asks how far an upload got. `None`: begin again.
    async fn resumed(&self, access: Access<'_>, begun: Begun, size: usize) -> Option<Begun> {
        let request = || self.session.http().get(begun.url.clone());
        let response = self.session.send(access, request).await.ok()?;
        if response.status() != StatusCode::NO_CONTENT {
            return None;
        }
        // `0-99` are a hundred bytes. `0-0` is what some say for none: then the first is sent again by
        // beginning again.
        let range = response.headers().get(RANGE)?.to_str().ok()?.trim_start_matches("bytes=").to_owned();
        let last: usize = range.strip_prefix("0-")?.parse().ok()?;
        if last == 0 || last >= size {
            return None;
        }
        let url = self.location(&response).ok()?.unwrap_or(begun.url);
        Some(Begun { url, sent: last + 1 })
    }

    /// Sends the next part; tells how far the upload is then, and its address.
    async fn patch(&self, access: Access<'_>, begun: Begun, bytes: &Bytes) -> Result<Begun, Failure> {
        let end = bytes.len().min(begun.sent + PART);
        let range = format!("{}-{}", begun.sent, end - 1);
        let request = || self.session.http().patch(begun.url.clone()).header(CONTENT_RANGE, &range);
        let response = self.send_body(access, request, bytes.slice(begun.sent..end)).await?;
        match response.status() {
            // 202 is right; some say 204 or 201.
            StatusCode::ACCEPTED | StatusCode::NO_CONTENT | StatusCode::CREATED => {
                Ok(Begun { url: self.location(&response)?.unwrap_or(begun.url), sent: end })
            }
            _ => Err(self.session.refused(access, response).await),
        }
    }

    /// Sends these bytes and closes the upload.
    async fn put(
        &self,
        access: Access<'_>,
        mut url: Url,
        digest: Digest,
        bytes: Bytes,
    ) -> Result<Response, Failure> {
        url.query_pairs_mut().append_pair("digest", &digest.to_string());
        self.send_body(access, || self.session.http().put(url.clone()), bytes).await
    }

    /// Sends bytes, for as long as the registry takes them.
    async fn send_body(
        &self,
        access: Access<'_>,
        request: impl Fn() -> RequestBuilder,
        bytes: Bytes,
    ) -> Result<Response, Failure> {
        let length = bytes.len();
        let request =
            || request().header(CONTENT_TYPE, "application/octet-stream").header(CONTENT_LENGTH, length);
        if length <= SMALL {
            return self.session.send(access, || request().body(bytes.clone())).await;
        }
        let taken = Arc::new(AtomicUsize::new(0));
        let count = taken.clone();
        let pieces = (0..length).step_by(PIECE).map(move |at| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, std::io::Error>(bytes.slice(at..length.min(at + PIECE)))
        });
        let request = request().body(Body::wrap_stream(stream::iter(pieces)));
        let sending = self.session.execute_long(access, self.session.built(request)?, &taken);
        let Ok(response) = timeout(patience(length as u64), sending).await else {
            return Err(Failure::Final(self.session.unreachable("it is too slow".to_owned())));
        };
        let response = response?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        // The body is gone. Credentials that ran out are renewed for the next attempt.
        let reason = response.status().to_string();
        self.session.learn(access, response).await?;
        Err(Failure::Passing(self.session.unauthorized(access, reason), None))
    }

    /// Where the registry says to go on. Never from https to http.
    fn location(&self, response: &Response) -> Result<Option<Url>, Failure> {
        let Some(said) = response.headers().get(LOCATION).and_then(|said| said.to_str().ok()) else {
            return Ok(None);
        };
        let refuse = |why: &str| Failure::Final(self.session.unreachable(why.to_owned()));
        let url = response.url().join(said).map_err(|_| refuse("it names a place that is no URL"))?;
        if self.session.base().scheme() == "https" && url.scheme() != "https" {
            return Err(refuse("it redirects from https to http"));
        }
        Ok(Some(url))
    }

    fn odd(&self, access: Access<'_>, reason: &str) -> RegistryError {
        RegistryError::Failed {
            registry: self.session.host().to_owned(),
            what: access.words(),
            reason: reason.to_owned(),
        }
    }

    /// Puts a manifest; tells whether the registry itself remembers what it is about.
    pub(super) async fn send_manifest(
        &self,
        package: &PackageName,
        reference: &Reference,
        bytes: &[u8],
        index: bool,
    ) -> Result<bool, Failure> {
        let repository = self.repository(package);
        let access = Access { repository: &repository, write: true };
        let url = self.session.url(&repository, &format!("manifests/{reference}"))?;
        let kind = HeaderValue::from_static(if index { INDEX_MEDIA_TYPE } else { MANIFEST_MEDIA_TYPE });
        let body = Bytes::copy_from_slice(bytes);
        let request =
            || self.session.http().put(url.clone()).header(CONTENT_TYPE, kind.clone()).body(body.clone());
        let response = self.session.send(access, request).await?;
        if !response.status().is_success() {
            return Err(self.session.refused(access, response).await);
        }
        Ok(response.headers().contains_key("oci-subject"))
    }
}
