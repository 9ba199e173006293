//! Which version a request becomes, and bringing it into the store.

use semver::{Version, VersionReq};

use super::{DepsError, LockFile, Locked, Work, trusted};
use crate::app::PackageRequest;
use crate::digest::Digest;
use crate::error::Result;
use crate::name::PackageId;
use crate::registry::{self, Location, Pinned, Reference, Registry, RegistryError};

impl Work<'_> {
    /// The version for a request: the locked one while it does, else the highest that fits. It is in the store then.
    pub(super) fn choose_and_bring(
        &mut self,
        request: &PackageRequest,
        file: &LockFile,
    ) -> Result<(Locked, Vec<u8>)> {
        let kept = file.find(request).filter(|locked| self.keeps(locked)).cloned();
        // An update stays in the registry that it was locked from, unless another one is named.
        let before = file.find(request).filter(|_| self.options.from.is_none());
        let location = match kept.as_ref().or(before) {
            Some(locked) => locked.location(&self.app.dir)?,
            None => self.sources.home(&request.name)?,
        };
        let id = match &kept {
            Some(locked) => locked.id(),
            None => self.choose(request, &location)?,
        };
        self.pin_and_bring(&id, &location, file.packages(), kept.is_some())
    }

    /// Whether a locked version stays. One from another registry than the one that was named now does not.
    pub(super) fn keeps(&self, locked: &Locked) -> bool {
        let same = |from: &Location| from.clone().relative_to(&self.app.dir).to_string() == locked.registry;
        !self.options.update.includes(&locked.name) && self.options.from.as_ref().is_none_or(same)
    }

    /// What a version is in its registry, brought into the store. For a `kept` one that is there, nobody is asked unless
    /// `--locked` wants to know; and it may not be something else than what one of `before` says.
    pub(super) fn pin_and_bring(
        &mut self,
        id: &PackageId,
        location: &Location,
        before: &[Locked],
        kept: bool,
    ) -> Result<(Locked, Vec<u8>)> {
        let name = location.clone().relative_to(&self.app.dir).to_string();
        let known = before.iter().find(|locked| locked.id() == *id && locked.registry == name);
        if let Some(known) = known.filter(|_| kept) {
            let bytes = self.sources.stored(known, &self.store)?;
            if bytes.is_some() || self.options.offline {
                if self.options.locked && !self.options.offline {
                    self.check_tag(known)?;
                }
                let mut locked = known.clone();
                let bytes = bytes.ok_or_else(|| not_fetched(&known.name.to_string(), known))?;
                self.judge(&mut locked, &bytes, before)?;
                return Ok((locked, bytes));
            }
        }
        let registry = self.sources.registry(location)?;
        let pinned = match self.options.offline {
            true => seen(registry, id, &self.store)?.0,
            false => registry::resolve(registry, id, &self.store)?,
        };
        let mut now = Locked::new(id, name, &pinned);
        known.map_or(Ok(()), |known| refuse_moved(known, &now))?;
        let bytes = self.sources.bring(&now, &self.store)?;
        self.judge(&mut now, &bytes, before)?;
        Ok((now, bytes))
    }

    /// A locked package into the store, said in a line when it was not there.
    pub(super) fn fetch_one(&mut self, user: &str, locked: &Locked) -> Result<Vec<u8>> {
        if self.options.locked && !self.options.offline {
            self.check_tag(locked)?;
        }
        let stored = self.sources.stored(locked, &self.store)?;
        let there = stored.is_some();
        let bytes = match stored {
            Some(bytes) => bytes,
            None if self.options.offline => return Err(not_fetched(user, locked).into()),
            None => self.sources.bring(locked, &self.store)?,
        };
        self.judge(&mut locked.clone(), &bytes, &[])?;
        if !there {
            self.reporter.note("Fetched", format!("{} ({})", locked.id(), locked.content.short()));
        }
        Ok(bytes)
    }

    /// Writes into `locked` who signed these bytes. They are what the policy wants, and nothing older than what `before`
    /// says was verified.
    fn judge(&mut self, locked: &mut Locked, bytes: &[u8], before: &[Locked]) -> Result<()> {
        if let Some(policy) = &self.policy {
            self.sources.records(locked, &self.store)?;
            let registry = self.sources.registry(&locked.location(&self.app.dir)?)?;
            let (id, floor) = (locked.id(), floor(before, locked));
            let signer = trusted::check(
                Some(policy),
                registry,
                &id,
                locked.manifest,
                bytes,
                &self.store,
                floor.as_ref(),
            )?;
            locked.signer = signer.map(|signer| signer.who.to_string());
        }
        Ok(())
    }

    /// The highest version that the request allows.
    fn choose(&mut self, request: &PackageRequest, location: &Location) -> Result<PackageId> {
        let registry = self.sources.registry(location)?;
        let versions: Vec<Version> = match self.options.offline {
            true => self
                .store
                .remembered(&registry.name(), &request.name)
                .into_iter()
                .map(|(version, _)| version)
                .collect(),
            false => registry::versions(registry, &request.name)?,
        };
        let highest = versions.iter().rev().find(|version| request.requirement.matches(version));
        match highest {
            Some(version) => Ok(PackageId { name: request.name.clone(), version: version.clone() }),
            None => Err(DepsError::NoMatch {
                request: request.to_string(),
                registry: registry.name(),
                versions: match versions.is_empty() {
                    true => "no version of it is there".to_owned(),
                    false => format!("there are {}", list(&versions)),
                },
            }
            .into()),
        }
    }

    /// Asks the registry what the tag of a locked version is now.
    fn check_tag(&mut self, locked: &Locked) -> Result<()> {
        let registry = self.sources.registry(&locked.location(&self.app.dir)?)?;
        let manifest = registry.manifest(&locked.name, &Reference::Tag(locked.version.to_string()))?;
        let found = manifest.map(|bytes| Digest::of(&bytes));
        if found == Some(locked.manifest) {
            return Ok(());
        }
        Err(moved(locked, found).into())
    }
}

fn list(versions: &[Version]) -> String {
    let last: Vec<String> = versions.iter().rev().take(8).map(|version| format!("`{version}`")).collect();
    last.join(", ")
}

/// The highest version that was locked and verified and that a newcomer is compatible with. What is locked already is no
/// newcomer.
fn floor(before: &[Locked], newcomer: &Locked) -> Option<Version> {
    if before.iter().any(|locked| locked.id() == newcomer.id()) {
        return None;
    }
    let upwards = VersionReq::parse(&format!("^{}", newcomer.version)).ok()?;
    let verified = before.iter().filter(|locked| locked.name == newcomer.name && locked.signer.is_some());
    verified.map(|locked| &locked.version).filter(|version| upwards.matches(version)).max().cloned()
}

fn not_fetched(user: &str, locked: &Locked) -> DepsError {
    DepsError::NotFetched { user: user.to_owned(), package: locked.id() }
}

/// A version as the store remembers it, and its bytes.
pub(super) fn seen(
    registry: &dyn Registry,
    id: &PackageId,
    store: &registry::Store,
) -> Result<(Pinned, Vec<u8>)> {
    let remembered = store.remembered(&registry.name(), &id.name);
    let manifest =
        remembered.iter().find(|(version, _)| *version == id.version).map(|(_, manifest)| *manifest);
    let unseen = || RegistryError::NotFound { what: id.to_string(), registry: registry.name() };
    let offline = super::sources::Offline(registry.name());
    Ok(registry::fetch(&offline, &id.name, manifest.ok_or_else(unseen)?, store)?)
}

/// A version never changes: the same one with another digest is not an update.
fn refuse_moved(before: &Locked, now: &Locked) -> Result<(), DepsError> {
    match before.content != now.content || before.manifest != now.manifest {
        true => Err(moved(before, Some(now.manifest))),
        false => Ok(()),
    }
}

fn moved(locked: &Locked, found: Option<Digest>) -> DepsError {
    DepsError::Moved {
        package: locked.id(),
        registry: locked.registry.clone(),
        locked: locked.manifest,
        found: found.map_or("nothing".to_owned(), |found| found.to_string()),
    }
}
