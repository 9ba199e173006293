//! A real OCI registry. What is read from a stranger is read here and not by a library, because it has to
//! be limited, timed and tried again, and because answers have headers that count.
//!
//! https everywhere but on loopback. All calls block: the runtime is this struct's own, so that nothing
//! else in jointer needs to be async because of it.

mod challenge;
mod http;
mod read;
mod referrers;
mod session;
mod upload;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use reqwest::{StatusCode, Url};
use semver::Version;
use tokio::time::timeout;

pub(super) use referrers::about;

use super::config::Config;
use super::credentials::Credentials;
use super::retry::{Failure, retried};
use super::which::WELL_KNOWN_TIME;
use super::{
    Descriptor, INDEX_MEDIA_TYPE, MAX_REFERRERS, Manifest, Reference, Registry, RegistryError, Store,
    credentials,
};
use crate::digest::Digest;
use crate::name::PackageName;
use http::read_limited;
use session::{Access, Session};

const MAX_WELL_KNOWN: u64 = 1 << 20;

/// An OCI registry behind HTTP.
pub struct OciRegistry {
    prefix: String,
    /// All packages are this repository.
    only: Option<String>,
    session: Session,
    runtime: tokio::runtime::Runtime,
    /// Manifests that were read to see what they are about, and will be asked for next.
    kept: Mutex<HashMap<Digest, Vec<u8>>>,
}

impl OciRegistry {
    /// The registry at `host`, packages below `prefix`. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When credentials or other things are configured for it but cannot be read.
    pub fn open(host: &str, prefix: &str) -> Result<Self, RegistryError> {
        let config = Config::load()?;
        Self::with(host, prefix, credentials::find(host, &config)?, &config)
    }

    /// One repository of the registry at `host`, whatever package is asked for.
    ///
    /// # Errors
    /// As [`OciRegistry::open`].
    pub fn only(host: &str, repository: &str) -> Result<Self, RegistryError> {
        let config = Config::load()?;
        let found = match credentials::of_wkg_oci() {
            Some(found) => found,
            None => credentials::find(host, &config)?,
        };
        Ok(Self { only: Some(repository.to_owned()), ..Self::with(host, "", found, &config)? })
    }

    pub(super) fn with(
        host: &str,
        prefix: &str,
        found: credentials::Found,
        config: &Config,
    ) -> Result<Self, RegistryError> {
        Ok(Self {
            prefix: prefix.to_owned(),
            only: None,
            session: Session::new(host, config.scheme(host)?, config.roots(host)?, found)?,
            runtime: runtime(host)?,
            kept: Mutex::default(),
        })
    }

    /// Asks whether the credentials are good; tells whether the registry wanted any.
    pub(super) fn greet(&self) -> Result<bool, RegistryError> {
        self.runtime.block_on(retried(async || self.session.greet().await))
    }

    fn repository(&self, package: &PackageName) -> String {
        let PackageName { namespace, name } = package;
        match (&self.only, self.prefix.as_str()) {
            (Some(only), _) => only.clone(),
            (None, "") => format!("{namespace}/{name}"),
            (None, prefix) => format!("{prefix}/{namespace}/{name}"),
        }
    }

    /// Remembers a manifest's bytes, whose digest was checked.
    fn keep(&self, digest: Digest, bytes: Vec<u8>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < 2 * MAX_REFERRERS {
            kept.insert(digest, bytes);
        }
    }

    fn kept(&self, reference: &Reference) -> Option<Vec<u8>> {
        let Reference::Digest(digest) = reference else { return None };
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(digest)
    }

    /// A version's tag never moves. Tells whether it is there already.
    async fn refuse_moving(
        &self,
        package: &PackageName,
        version: &str,
        ours: Digest,
    ) -> Result<bool, RegistryError> {
        let reference = Reference::Tag(version.to_owned());
        let there = retried(async || self.read_manifest(package, &reference).await).await?;
        match there.map(|bytes| Digest::of(&bytes)) {
            None => Ok(false),
            Some(found) if found == ours => Ok(true),
            Some(found) => Err(RegistryError::Conflict {
                what: format!("{package}@{version}"),
                registry: self.name(),
                found,
                ours,
            }),
        }
    }
}

fn runtime(host: &str) -> Result<tokio::runtime::Runtime, RegistryError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .map_err(|error| RegistryError::Unreachable { registry: host.to_owned(), reason: error.to_string() })
}

/// A small file of a host, as anybody; `None` when there is no such file.
pub(super) fn well_known(
    host: &str,
    url: &str,
    roots: Vec<reqwest::Certificate>,
) -> Result<Option<Vec<u8>>, RegistryError> {
    let unusable = |reason: String| RegistryError::Unreachable { registry: host.to_owned(), reason };
    let url = Url::parse(url).map_err(|error| unusable(error.to_string()))?;
    let anybody = credentials::Found::new(Credentials::None, String::new());
    let session = Session::new(host, url.scheme(), roots, anybody)?;
    let access = Access { repository: "the list of its packages", write: false };
    runtime(host)?.block_on(retried(async || {
        let response = session.send(access, || session.http().get(url.clone())).await?;
        match response.status() {
            status if status.is_success() => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(session.refused(access, response).await),
        }
        let body = timeout(WELL_KNOWN_TIME, read_limited(response, MAX_WELL_KNOWN)).await;
        let body = body.map_err(|_| Failure::Final(unusable("it is too slow".to_owned())))?;
        let body = body.map_err(|error| session.broken(&error))?;
        let large = || Failure::Final(unusable(format!("its answer has more than {MAX_WELL_KNOWN} bytes")));
        body.ok_or_else(large).map(Some)
    }))
}

/// Whether a tag is a version, which never moves.
pub(super) fn is_version(tag: &str) -> bool {
    tag.parse::<Version>().is_ok()
}

impl Registry for OciRegistry {
    fn name(&self) -> String {
        match self.prefix.as_str() {
            "" => self.session.host().to_owned(),
            prefix => format!("{}/{prefix}", self.session.host()),
        }
    }

    fn tags(&self, package: &PackageName) -> Result<Vec<String>, RegistryError> {
        self.runtime.block_on(self.read_tags(package))
    }

    fn manifest(
        &self,
        package: &PackageName,
        reference: &Reference,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        if let Some(bytes) = self.kept(reference) {
            return Ok(Some(bytes));
        }
        self.runtime.block_on(retried(async || self.read_manifest(package, reference).await))
    }

    fn blob(&self, package: &PackageName, blob: &Descriptor, store: &Store) -> Result<(), RegistryError> {
        self.runtime.block_on(self.read_blob(package, blob, store))
    }

    fn has_blob(&self, package: &PackageName, digest: Digest) -> Result<bool, RegistryError> {
        let repository = self.repository(package);
        self.runtime.block_on(retried(async || self.head_blob(&repository, digest).await))
    }

    fn put_blob(&self, package: &PackageName, digest: Digest, bytes: &Bytes) -> Result<bool, RegistryError> {
        self.runtime.block_on(self.send_blob(package, digest, bytes))
    }

    fn put_manifest(
        &self,
        package: &PackageName,
        reference: &Reference,
        bytes: &[u8],
    ) -> Result<(), RegistryError> {
        let manifest: Option<Manifest> = serde_json::from_slice(bytes).ok();
        let index = serde_json::from_slice::<serde_json::Value>(bytes)
            .is_ok_and(|value| value["mediaType"] == INDEX_MEDIA_TYPE);
        self.runtime.block_on(async {
            if let Reference::Tag(tag) = reference
                && is_version(tag)
                && self.refuse_moving(package, tag, Digest::of(bytes)).await?
            {
                return Ok(());
            }
            let lists = retried(async || self.send_manifest(package, reference, bytes, index).await).await?;
            match manifest.and_then(|manifest| Some((manifest.subject.clone()?.digest, manifest))) {
                Some((subject, manifest)) if !lists => {
                    self.list(package, subject, manifest.descriptor(bytes)).await
                }
                _ => Ok(()),
            }
        })
    }

    fn referrers(&self, package: &PackageName, subject: Digest) -> Result<Vec<Descriptor>, RegistryError> {
        self.runtime.block_on(self.read_referrers(package, subject))
    }
}
