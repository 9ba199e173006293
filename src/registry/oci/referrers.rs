//! What is about a manifest: signatures, bills of materials, provenance.
//!
//! Registries with the referrers API keep the list themselves. For others the list is an index under the
//! tag `sha256-HEX` that everyone who adds something reads, extends and writes back. Nothing keeps two
//! from doing so at the same time, so it is read again after a pause, and what is missing then is added
//! again; what is missing in the end is an error, never a silent loss.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::header::ACCEPT;
use reqwest::{StatusCode, Url};

use super::OciRegistry;
use super::http::next_page;
use super::read::content_type;
use super::session::Access;
use crate::digest::Digest;
use crate::name::PackageName;
use crate::registry::index::Index;
use crate::registry::retry::{Failure, jittered, retried};
use crate::registry::{Descriptor, INDEX_MEDIA_TYPE, MAX_REFERRERS, Manifest, Reference, RegistryError};

/// How often an entry that others overwrote is added again.
const ROUNDS: u32 = 8;
/// Longer than others take between reading the list and writing it.
const SETTLED: Duration = Duration::from_millis(120);
const MAX_PAGES: usize = 100;

impl OciRegistry {
    /// All manifests that say themselves that they are about `subject`.
    pub(super) async fn read_referrers(
        &self,
        package: &PackageName,
        subject: Digest,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        let listed = match self.ask_referrers(package, subject).await? {
            Some(listed) => listed,
            None => {
                let index = retried(async || self.read_index(package, subject).await).await?;
                index.map(|index| index.manifests).unwrap_or_default()
            }
        };
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for entry in listed {
            if found.len() >= MAX_REFERRERS || seen.len() >= 2 * MAX_REFERRERS {
                break;
            }
            if !seen.insert(entry.digest) {
                continue;
            }
            let reference = Reference::Digest(entry.digest);
            // Entries may be stale or somebody's nonsense; only the registry's silence is our failure.
            let bytes = match retried(async || self.read_manifest(package, &reference).await).await {
                Ok(Some(bytes)) => bytes,
                Ok(None) | Err(RegistryError::Corrupt { .. } | RegistryError::TooLarge { .. }) => continue,
                Err(error) => return Err(error),
            };
            if let Some(descriptor) = about(&bytes, subject) {
                self.keep(entry.digest, bytes);
                found.push(descriptor);
            }
        }
        Ok(found)
    }

    /// The referrers API; `None` where the registry has none.
    async fn ask_referrers(
        &self,
        package: &PackageName,
        subject: Digest,
    ) -> Result<Option<Vec<Descriptor>>, RegistryError> {
        let repository = self.repository(package);
        let url = self.session.url(&repository, &format!("referrers/{subject}"));
        let mut url = url.map_err(Failure::into_error)?;
        let mut all = Vec::new();
        for _ in 0..MAX_PAGES {
            let page = retried(async || self.referrers_page(package, &repository, &url).await).await?;
            let Some((entries, next)) = page else { return Ok(None) };
            all.extend(entries);
            match next {
                Some(next) if next != url && all.len() < 2 * MAX_REFERRERS => url = next,
                _ => break,
            }
        }
        Ok(Some(all))
    }

    async fn referrers_page(
        &self,
        package: &PackageName,
        repository: &str,
        url: &Url,
    ) -> Result<Option<(Vec<Descriptor>, Option<Url>)>, Failure> {
        let access = Access { repository, write: false };
        let request = || self.session.http().get(url.clone()).header(ACCEPT, INDEX_MEDIA_TYPE);
        let response = self.session.send(access, request).await?;
        match response.status() {
            status if status.is_success() => {}
            StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::BAD_REQUEST
            | StatusCode::NOT_IMPLEMENTED => return Ok(None),
            _ => return Err(self.session.refused(access, response).await),
        }
        let next = next_page(&response, self.session.base());
        let kind = content_type(&response);
        let body = self.body(&format!("what is about {package}"), response).await?;
        let index = Index::read(&body).map_err(|why| RegistryError::Failed {
            registry: self.session.host().to_owned(),
            what: format!("list what is about {package}"),
            reason: format!("its answer (`{kind}`) {why}"),
        })?;
        Ok(Some((index.manifests, next)))
    }

    /// The index under the tag that stands for the API.
    async fn read_index(&self, package: &PackageName, subject: Digest) -> Result<Option<Index>, Failure> {
        let tag = Reference::Tag(fallback(subject));
        let Some(bytes) = self.read_manifest(package, &tag).await? else { return Ok(None) };
        let index = Index::read(&bytes).map_err(|why| RegistryError::Failed {
            registry: self.session.host().to_owned(),
            what: format!("list what is about {package}"),
            reason: format!("the list under the tag `{tag}` {why}"),
        })?;
        Ok(Some(index))
    }

    /// Adds `entry` to the list under the tag, and looks whether it stays there.
    pub(super) async fn list(
        &self,
        package: &PackageName,
        subject: Digest,
        entry: Descriptor,
    ) -> Result<(), RegistryError> {
        let tag = Reference::Tag(fallback(subject));
        let mut calm = false;
        for round in 0..ROUNDS {
            let index = retried(async || self.read_index(package, subject).await).await?;
            let mut index = index.unwrap_or_default();
            if index.manifests.iter().any(|known| known.digest == entry.digest) {
                if calm || round == 0 {
                    return Ok(());
                }
                calm = true;
            } else {
                calm = false;
                index.manifests.push(entry.clone());
                index.manifests.sort_by_key(|known| known.digest);
                let bytes = index.to_bytes();
                retried(async || self.send_manifest(package, &tag, &bytes, true).await).await?;
            }
            // Somebody who read the list before us may still be about to write it.
            tokio::time::sleep(SETTLED + jittered(SETTLED * (round + 1))).await;
        }
        let index = retried(async || self.read_index(package, subject).await).await?;
        match index.is_some_and(|index| index.manifests.iter().any(|known| known.digest == entry.digest)) {
            true => Ok(()),
            false => Err(RegistryError::LostUpdate {
                what: entry.digest.to_string(),
                registry: self.session.host().to_owned(),
            }),
        }
    }
}

/// The tag that lists what is about a manifest, where the registry does not.
fn fallback(subject: Digest) -> String {
    format!("sha256-{}", subject.hex())
}

/// What a manifest is, if it says that it is about `subject`.
pub(in crate::registry) fn about(bytes: &[u8], subject: Digest) -> Option<Descriptor> {
    let manifest: Manifest = serde_json::from_slice(bytes).ok()?;
    if manifest.subject.as_ref()?.digest != subject {
        return None;
    }
    // Lists are known to give the kind wrongly, so it is taken from the manifest itself.
    Some(manifest.descriptor(bytes))
}
