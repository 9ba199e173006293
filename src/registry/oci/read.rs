//! What is read from a registry: manifests, blobs, lists of tags. All of it is limited in size and time,
//! and a blob that broke off goes on where it ended.

use reqwest::header::{ACCEPT, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use reqwest::{Response, StatusCode, Url};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::OciRegistry;
use super::http::{next_page, patience, patient, read_limited};
use super::session::Access;
use crate::digest::Digest;
use crate::name::PackageName;
use crate::registry::artifact::MAX_MANIFEST;
use crate::registry::retry::{Failure, retried};
use crate::registry::{
    BlobWriter, Descriptor, INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, Reference, RegistryError, Store,
};
use crate::web::plain;

const MAX_PAGES: usize = 1000;
const MAX_TAGS: usize = 200_000;

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

/// Manifests and indexes.
pub(super) fn accepted() -> String {
    format!("{MANIFEST_MEDIA_TYPE}, {INDEX_MEDIA_TYPE}")
}

impl OciRegistry {
    /// One GET; an answer that is not there is `None`.
    pub(super) async fn get(
        &self,
        repository: &str,
        url: &Url,
        accept: &str,
    ) -> Result<Option<Response>, Failure> {
        let access = Access { repository, write: false };
        let request = || self.session.http().get(url.clone()).header(ACCEPT, accept);
        let response = self.session.send(access, request).await?;
        match response.status() {
            status if status.is_success() => Ok(Some(response)),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.session.refused(access, response).await),
        }
    }

    /// A small body, whole.
    pub(super) async fn body(&self, what: &str, response: Response) -> Result<Vec<u8>, Failure> {
        let read = timeout(patience(MAX_MANIFEST), read_limited(response, MAX_MANIFEST)).await;
        let body = read.map_err(|_| Failure::Final(self.session.unreachable("it is too slow".to_owned())))?;
        let body = body.map_err(|error| self.session.broken(&error))?;
        Ok(body.ok_or_else(|| RegistryError::TooLarge {
            what: what.to_owned(),
            registry: self.session.host().to_owned(),
            limit: MAX_MANIFEST,
        })?)
    }

    pub(super) async fn read_manifest(
        &self,
        package: &PackageName,
        reference: &Reference,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let repository = self.repository(package);
        let url = self.session.url(&repository, &format!("manifests/{reference}"))?;
        let Some(response) = self.get(&repository, &url, &accepted()).await? else { return Ok(None) };
        let what = format!("{package}@{reference}");
        let said = response.headers().get("docker-content-digest").cloned();
        let body = self.body(&what, response).await?;
        let found = Digest::of(&body).to_string();
        // The registry's own word is compared, never used: it is a cheap way to see damage.
        let expected = match reference {
            Reference::Digest(digest) => Some(digest.to_string()),
            Reference::Tag(_) => said
                .and_then(|said| Some(said.to_str().ok()?.to_owned()))
                .filter(|said| said.starts_with("sha256:")),
        };
        match expected {
            Some(expected) if expected != found => {
                let registry = self.session.host().to_owned();
                Err(RegistryError::Corrupt { what, registry, expected: plain(&expected), found }.into())
            }
            _ => Ok(Some(body)),
        }
    }

    /// Reads a blob into the store, over as many connections as it takes.
    pub(super) async fn read_blob(
        &self,
        package: &PackageName,
        blob: &Descriptor,
        store: &Store,
    ) -> Result<(), RegistryError> {
        // What one attempt has read, the next one goes on with.
        let begun: Mutex<Option<BlobWriter>> = Mutex::new(None);
        retried(async || {
            let mut slot = begun.lock().await;
            let writer = match slot.take() {
                Some(writer) => writer,
                None => store.begin(blob, self.session.host())?,
            };
            let writer = self.read_into(package, blob, writer, &mut slot).await?;
            Ok(writer.finish()?)
        })
        .await
    }

    /// The rest of a blob. When the connection breaks, what came is left in `slot`.
    async fn read_into(
        &self,
        package: &PackageName,
        blob: &Descriptor,
        mut writer: BlobWriter,
        slot: &mut Option<BlobWriter>,
    ) -> Result<BlobWriter, Failure> {
        let repository = self.repository(package);
        let url = self.session.url(&repository, &format!("blobs/{}", blob.digest))?;
        let access = Access { repository: &repository, write: false };
        let from = writer.written();
        let request = || {
            let request = self.session.http().get(url.clone());
            if from > 0 { request.header(RANGE, format!("bytes={from}-")) } else { request }
        };
        let mut response = match self.session.send(access, request).await {
            Ok(response) => response,
            Err(failure) => {
                *slot = Some(writer);
                return Err(failure);
            }
        };
        match response.status() {
            StatusCode::NOT_FOUND => {
                let what = format!("{package}@{}", blob.digest);
                let registry = self.session.host().to_owned();
                return Err(RegistryError::NotFound { what, registry }.into());
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                let reason = "it does not give the rest of what it began".to_owned();
                return Err(Failure::Passing(self.session.unreachable(reason), None));
            }
            StatusCode::PARTIAL_CONTENT if begins_at(&response, from) => {}
            StatusCode::PARTIAL_CONTENT => {
                let reason = "it gives another part than was asked for".to_owned();
                return Err(Failure::Passing(self.session.unreachable(reason), None));
            }
            status if status.is_success() => writer.restart()?,
            _ => {
                *slot = Some(writer);
                return Err(self.session.refused(access, response).await);
            }
        }
        let reading = async {
            while let Some(chunk) =
                patient(response.chunk()).await.map_err(|error| self.session.broken(&error))?
            {
                writer.write(chunk)?;
            }
            Ok::<(), Failure>(())
        };
        let read = timeout(patience(blob.size), reading).await;
        match read {
            Ok(Ok(())) => Ok(writer),
            Ok(Err(failure)) => {
                if matches!(&failure, Failure::Passing(RegistryError::Unreachable { .. }, _)) {
                    *slot = Some(writer);
                }
                Err(failure)
            }
            Err(_) => Err(Failure::Final(self.session.unreachable("it is too slow".to_owned()))),
        }
    }

    pub(super) async fn read_tags(&self, package: &PackageName) -> Result<Vec<String>, RegistryError> {
        let repository = self.repository(package);
        let first = self.session.url(&repository, "tags/list?n=1000");
        let mut url = first.map_err(Failure::into_error)?;
        let mut all = Vec::new();
        for _ in 0..MAX_PAGES {
            let (tags, next) = retried(async || self.read_tag_page(package, &repository, &url).await).await?;
            all.extend(tags);
            match next {
                // A page that leads to itself would be read for ever.
                Some(next) if next != url && all.len() <= MAX_TAGS => url = next,
                _ => break,
            }
        }
        Ok(all)
    }

    /// A page of tags and where the next one is.
    async fn read_tag_page(
        &self,
        package: &PackageName,
        repository: &str,
        url: &Url,
    ) -> Result<(Vec<String>, Option<Url>), Failure> {
        let Some(response) = self.get(repository, url, "application/json").await? else {
            return Ok((Vec::new(), None));
        };
        let next = next_page(&response, self.session.base());
        let kind = content_type(&response);
        let body = self.body(&format!("the tags of {package}"), response).await?;
        let tags: Option<Tags> = serde_json::from_slice(&body).ok();
        let tags = tags.ok_or_else(|| RegistryError::Failed {
            registry: self.session.host().to_owned(),
            what: format!("list the versions of {package}"),
            reason: format!("its answer (`{kind}`) is not a list of tags; is this a registry?"),
        })?;
        Ok((tags.tags.unwrap_or_default(), next))
    }
}

pub(super) fn content_type(response: &Response) -> String {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    plain(kind.and_then(|kind| kind.split(';').next()).unwrap_or("no type"))
}

/// Whether a part begins where it should: `Content-Range: bytes 100-199/200`.
fn begins_at(response: &Response, from: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let first = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok());
    first == Some(from)
}
