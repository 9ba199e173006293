//! Publishing to a warg registry: a record in the package's log, signed by whoever releases.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use warg_client::ClientError;
use warg_client::storage::{ContentStorage, PublishEntry, PublishInfo};
use warg_crypto::signing::PrivateKey;
use warg_protocol::package::{LogState, Permission, ReleaseState};

use super::{Warg, WargName, failed};
use crate::digest::Digest;
use crate::name::PackageId;
use crate::registry::{Outcome, RegistryError};
use crate::trust::KeyPair;

/// How often a registry is asked whether it took a record.
const INTERVAL: Duration = Duration::from_secs(1);
/// So often is a record sent that the registry refuses because it has another one of which its log does not tell yet.
/// warg-server tells every five seconds.
const ROUNDS: u32 = 4;

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Released {
    /// What was done.
    pub outcome: Outcome,
    /// The package.
    pub package: PackageId,
    /// Where.
    pub registry: String,
    /// The digest of the component.
    pub content: Digest,
    /// Its size.
    pub size: u64,
    /// Whether the log of the package begins with it.
    pub first: bool,
    /// What warg calls the key that signs the record.
    pub key: String,
    /// The record, when it is in the log.
    pub record: Option<String>,
}

impl Warg {
    /// Releases a version, and begins the package's log if there is none; returns when the registry took it. A version
    /// that is there with the same component is left as it is. With `dry`, nothing is sent.
    ///
    /// # Errors
    /// [`RegistryError::Conflict`] when the version is there with another component, [`RegistryError::Yanked`] when it
    /// was taken back, [`RegistryError::Unauthorized`] when the log does not let the key release; or when the registry
    /// cannot be asked or refuses.
    pub fn publish(
        &self,
        id: &PackageId,
        bytes: Vec<u8>,
        key: &KeyPair,
        dry: bool,
    ) -> Result<Released, RegistryError> {
        let what = format!("take {id}");
        let key = PrivateKey::decode(key.to_warg())
            .map_err(|error| failed(&self.url, &what, format!("{error}, the key")))?;
        let log = self.log(&id.name)?;
        let mut released = Released {
            outcome: if dry { Outcome::Would } else { Outcome::Published },
            package: id.clone(),
            registry: self.url.clone(),
            content: Digest::of(&bytes),
            size: bytes.len() as u64,
            first: log.is_none(),
            key: key.public_key().fingerprint().to_string(),
            record: None,
        };
        if let Some(log) = &log {
            if let Some(record) = self.existing(log, &released)? {
                return Ok(Released { outcome: Outcome::Unchanged, record: Some(record), ..released });
            }
            self.check_permission(log, &key, id)?;
        }
        if dry {
            return Ok(released);
        }
        let sent = self.ask(&what, self.send(id, bytes, released.content, &key));
        // Whatever it says: the log says who was first.
        let log = self.log(&id.name)?.unwrap_or_default();
        released.record = self.existing(&log, &released)?;
        match (&released.record, sent) {
            (Some(_), _) => Ok(released),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => Err(failed(&self.url, &what, "its log does not have it".to_owned())),
        }
    }

    async fn send(
        &self,
        id: &PackageId,
        bytes: Vec<u8>,
        content: Digest,
        key: &PrivateKey,
    ) -> Result<(), ClientError> {
        let content = content.to_string().parse().map_err(|error| other(&error))?;
        let name = WargName::new(id.name.to_string())?;
        let stored = stream::iter([Ok(Bytes::from(bytes))]);
        self.client.content().store_content(Box::pin(stored), Some(&content)).await?;
        let release = PublishEntry::Release { version: id.version.clone(), content };
        // The client itself puts the record that begins a log before it.
        let info = PublishInfo { name, head: None, entries: vec![release] };
        for _ in 1..ROUNDS {
            match self.send_record(info.clone(), key).await {
                Err(ClientError::PublishRejected { .. }) => tokio::time::sleep(2 * INTERVAL).await,
                sent => return sent,
            }
            let log = self.client.fetch_package(&info.name).await;
            if log.is_ok_and(|log| log.state.release(&id.version).is_some()) {
                return Ok(());
            }
        }
        self.send_record(info, key).await
    }

    async fn send_record(&self, info: PublishInfo, key: &PrivateKey) -> Result<(), ClientError> {
        let name = info.name.clone();
        let record = self.client.publish_with_info(key, info).await?;
        self.client.wait_for_publish(&name, &record, INTERVAL).await
    }

    /// The record of the version when it is in the log with the same component.
    fn existing(&self, log: &LogState, ours: &Released) -> Result<Option<String>, RegistryError> {
        let Some(release) = log.release(&ours.package.version) else { return Ok(None) };
        let (what, registry) = (ours.package.to_string(), self.url.clone());
        let ReleaseState::Released { content } = &release.state else {
            return Err(RegistryError::Yanked { what, registry });
        };
        let content = content.to_string();
        if content == ours.content.to_string() {
            return Ok(Some(release.record_id.to_string()));
        }
        // warg knows no other hash than this one.
        let found = content.parse().map_err(|_| failed(&self.url, "name a digest", content))?;
        Err(RegistryError::Conflict { what, registry, found, ours: ours.content })
    }

    fn check_permission(
        &self,
        log: &LogState,
        key: &PrivateKey,
        id: &PackageId,
    ) -> Result<(), RegistryError> {
        let key = key.public_key().fingerprint();
        if log.key_permissions(&key).is_some_and(|permissions| permissions.contains(&Permission::Release)) {
            return Ok(());
        }
        Err(RegistryError::Unauthorized {
            registry: self.url.clone(),
            what: format!("write {}", id.name),
            reason: format!("its log does not let the key `{key}` release"),
            help: "sign with the key that began the log, or let its owner grant yours (`warg publish grant`)"
                .to_owned(),
        })
    }
}

fn other(error: &dyn std::error::Error) -> ClientError {
    ClientError::IoError(std::io::Error::other(error.to_string()))
}
