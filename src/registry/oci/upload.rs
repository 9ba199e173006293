//! What is sent to a registry. A blob that is there is not sent; one that broke off goes on where the
//! registry says that it ended; it is hashed while it goes out and never finished as something else.

use std::sync::Mutex;

use bytes::Bytes;
use futures_util::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, LOCATION, RANGE};
use reqwest::{Body, Request, Response, StatusCode, Url};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::OciRegistry;
use super::http::patience;
use super::session::Access;
use crate::digest::{Digest, Hasher};
use crate::name::PackageName;
use crate::registry::retry::{Failure, retried};
use crate::registry::{INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, Reference, RegistryError};

/// Up to this size, opening a session and closing it with the bytes is one request less.
const SMALL: usize = 1 << 20;
const CHUNK: usize = 256 << 10;
/// Chunks between the one who hashes and the one who sends.
const AHEAD: usize = 4;

/// An upload as far as it went.
struct Begun {
    url: Url,
    /// How much the registry is known to have; unknown after a failure.
    sent: Option<u64>,
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

    /// Makes sure that a blob is there.
    pub(super) async fn send_blob(
        &self,
        package: &PackageName,
        digest: Digest,
        bytes: &[u8],
    ) -> Result<(), RegistryError> {
        let repository = self.repository(package);
        let begun = Mutex::new(None);
        retried(async || {
            if self.head_blob(&repository, digest).await? {
                return Ok(());
            }
            let access = Access { repository: &repository, write: true };
            self.upload(access, digest, bytes, &begun).await
        })
        .await
    }

    /// One attempt; `slot` holds what the one before left.
    async fn upload(
        &self,
        access: Access<'_>,
        digest: Digest,
        bytes: &[u8],
        slot: &Mutex<Option<Begun>>,
    ) -> Result<(), Failure> {
        let before = slot.lock().ok().and_then(|mut slot| slot.take());
        let resumed = match before {
            Some(begun) => self.resumed(access, begun, bytes.len() as u64).await,
            None => None,
        };
        let begun = match resumed {
            Some(begun) => begun,
            None => self.open_upload(access).await?,
        };
        let sent = begun.sent.unwrap_or_default();
        let keep = |url: &Url| {
            if let Ok(mut slot) = slot.lock() {
                *slot = Some(Begun { url: url.clone(), sent: None });
            }
        };
        keep(&begun.url);
        if sent == 0 && bytes.len() <= SMALL {
            return self.close_upload(access, begun.url, digest, Some(bytes)).await;
        }
        let url = match sent < bytes.len() as u64 {
            true => self.patch(access, begun.url, digest, bytes, sent).await?,
            false => begun.url,
        };
        keep(&url);
        let closed = self.close_upload(access, url, digest, None).await;
        // What it does not take now it will not take from there either.
        if closed.is_err()
            && let Ok(mut slot) = slot.lock()
        {
            *slot = None;
        }
        closed
    }

    async fn open_upload(&self, access: Access<'_>) -> Result<Begun, Failure> {
        let url = self.session.url(access.repository, "blobs/uploads/")?;
        let request = || self.session.http().post(url.clone()).header(CONTENT_LENGTH, 0);
        let response = self.session.send(access, request).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(self.session.refused(access, response).await);
        }
        match self.location(&response)? {
            Some(url) => Ok(Begun { url, sent: Some(0) }),
            None => Err(Failure::Final(self.odd(access, "it does not say where to send it"))),
        }
    }

    /// Asks how far an upload got. `None`: begin again.
    async fn resumed(&self, access: Access<'_>, begun: Begun, size: u64) -> Option<Begun> {
        let request = || self.session.http().get(begun.url.clone());
        let response = self.session.send(access, request).await.ok()?;
        if response.status() != StatusCode::NO_CONTENT {
            return None;
        }
        // `0-99` are a hundred bytes. `0-0` is what some say for none: then the first is sent again by
        // beginning again.
        let range = response.headers().get(RANGE)?.to_str().ok()?.trim_start_matches("bytes=").to_owned();
        let last: u64 = range.strip_prefix("0-")?.parse().ok()?;
        if last == 0 || last >= size {
            return None;
        }
        let url = self.location(&response).ok()?.unwrap_or(begun.url);
        Some(Begun { url, sent: Some(last + 1) })
    }

    /// Sends what is missing, hashing all of it, and gives the address that the upload has then.
    async fn patch(
        &self,
        access: Access<'_>,
        url: Url,
        digest: Digest,
        bytes: &[u8],
        from: u64,
    ) -> Result<Url, Failure> {
        let (sender, receiver) = mpsc::channel::<Bytes>(AHEAD);
        let chunks = stream::unfold(receiver, async |mut receiver: mpsc::Receiver<Bytes>| {
            let chunk = receiver.recv().await?;
            Some((Ok::<_, std::io::Error>(chunk), receiver))
        });
        let length = bytes.len() as u64 - from;
        let request = self
            .session
            .http()
            .patch(url.clone())
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, length)
            .header(CONTENT_RANGE, format!("{from}-{}", bytes.len() - 1))
            .body(Body::wrap_stream(chunks));
        let request = self.session.built(request)?;
        let feed = async {
            let mut hasher = Hasher::default();
            let (before, rest) = bytes.split_at(usize::try_from(from).unwrap_or(bytes.len()));
            hasher.update(before);
            for chunk in rest.chunks(CHUNK) {
                hasher.update(chunk);
                // Nobody listens any more when the answer came early.
                if sender.send(Bytes::copy_from_slice(chunk)).await.is_err() {
                    return None;
                }
            }
            drop(sender);
            Some(hasher.finish())
        };
        let both = async { tokio::join!(self.executed(access, request), feed) };
        let Ok((response, hashed)) = timeout(patience(length), both).await else {
            return Err(Failure::Final(self.session.unreachable("it is too slow".to_owned())));
        };
        let response = response?;
        if let Some(found) = hashed.filter(|found| *found != digest) {
            return Err(RegistryError::Corrupt {
                what: "what was to be sent".to_owned(),
                registry: self.session.host().to_owned(),
                expected: digest.to_string(),
                found: found.to_string(),
            }
            .into());
        }
        match response.status() {
            // 202 is right; some say 204 or 201.
            StatusCode::ACCEPTED | StatusCode::NO_CONTENT | StatusCode::CREATED => {
                Ok(self.location(&response)?.unwrap_or(url))
            }
            _ => Err(self.session.refused(access, response).await),
        }
    }

    /// Sends one request whose body cannot be sent a second time; credentials that ran out are renewed for
    /// the next attempt.
    async fn executed(&self, access: Access<'_>, request: Request) -> Result<Response, Failure> {
        let response = self.session.execute(access, request).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let reason = response.status().to_string();
        self.session.learn(access, response).await?;
        Err(Failure::Passing(self.session.unauthorized(access, reason), None))
    }

    async fn close_upload(
        &self,
        access: Access<'_>,
        mut url: Url,
        digest: Digest,
        bytes: Option<&[u8]>,
    ) -> Result<(), Failure> {
        url.query_pairs_mut().append_pair("digest", &digest.to_string());
        let bytes = Bytes::copy_from_slice(bytes.unwrap_or_default());
        let request = || {
            self.session
                .http()
                .put(url.clone())
                .header(CONTENT_TYPE, "application/octet-stream")
                .header(CONTENT_LENGTH, bytes.len())
                .body(bytes.clone())
        };
        let response = self.session.send(access, request).await?;
        match response.status() {
            StatusCode::CREATED | StatusCode::NO_CONTENT | StatusCode::OK => Ok(()),
            // The session is gone, or holds something else after a resume: from the beginning, that is.
            StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::RANGE_NOT_SATISFIABLE => {
                match self.session.refused(access, response).await {
                    Failure::Final(error) | Failure::Passing(error, _) => Err(Failure::Passing(error, None)),
                }
            }
            _ => Err(self.session.refused(access, response).await),
        }
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
