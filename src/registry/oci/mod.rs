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

use semver::Version;

pub(super) use referrers::about;

use super::location::is_loopback;
use super::retry::retried;
use super::{
    Descriptor, INDEX_MEDIA_TYPE, MAX_REFERRERS, Manifest, Reference, Registry, RegistryError, Store,
    credentials,
};
use crate::digest::Digest;
use crate::name::PackageName;
use session::Session;

/// An OCI registry behind HTTP.
pub struct OciRegistry {
    prefix: String,
    session: Session,
    runtime: tokio::runtime::Runtime,
    /// Manifests that were read to see what they are about, and will be asked for next.
    kept: Mutex<HashMap<Digest, Vec<u8>>>,
}

impl OciRegistry {
    /// The registry at `host`, packages below `prefix`. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When credentials are configured but cannot be read.
    pub fn open(host: &str, prefix: &str) -> Result<Self, RegistryError> {
        let found = credentials::find(host)?;
        let scheme = if is_loopback(host) { "http" } else { "https" };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| RegistryError::Unreachable {
            registry: host.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self {
            prefix: prefix.to_owned(),
            session: Session::new(host, scheme, Vec::new(), found)?,
            runtime,
            kept: Mutex::default(),
        })
    }

    fn repository(&self, package: &PackageName) -> String {
        let PackageName { namespace, name } = package;
        match self.prefix.as_str() {
            "" => format!("{namespace}/{name}"),
            prefix => format!("{prefix}/{namespace}/{name}"),
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

    /// A version's tag never moves.
    async fn refuse_moving(
        &self,
        package: &PackageName,
        tag: &str,
        ours: Digest,
    ) -> Result<bool, RegistryError> {
        let reference = Reference::Tag(tag.to_owned());
        let there = retried(async || self.read_manifest(package, &reference).await).await?;
        match there.map(|bytes| Digest::of(&bytes)) {
            Some(found) if found == ours => Ok(true),
            Some(found) if is_version(tag) => Err(RegistryError::Conflict {
                what: format!("{package}@{tag}"),
                registry: self.name(),
                found,
                ours,
            }),
            _ => Ok(false),
        }
    }
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

    fn put_blob(&self, package: &PackageName, digest: Digest, bytes: &[u8]) -> Result<(), RegistryError> {
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
