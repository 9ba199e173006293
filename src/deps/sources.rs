//! Where packages come from, the nearest first: the store, `vendor`, their registry.

use std::collections::BTreeMap;

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};

use super::{DepsError, Locked, Options};
use crate::app::{App, Dirs};
use crate::digest::Digest;
use crate::error::Result;
use crate::file;
use crate::name::PackageName;
use crate::registry::{
    self, Descriptor, DirRegistry, Location, Pinned, Reference, Registry, RegistryError, Store,
};

/// The folder below the app's with packages that are kept in the repository.
pub(super) const VENDOR: &str = "vendor";

/// The registries of an app, opened when first needed.
pub(super) struct Sources<'a> {
    app: &'a App,
    dirs: &'a Dirs,
    options: &'a Options,
    open: BTreeMap<String, Box<dyn Registry>>,
    vendor: Option<DirRegistry>,
}

impl<'a> Sources<'a> {
    pub(super) fn new(app: &'a App, dirs: &'a Dirs, options: &'a Options) -> Self {
        let vendor = app.dir.join(VENDOR);
        let vendor = vendor.is_dir().then(|| DirRegistry::new(format!("dir:{VENDOR}"), vendor));
        Self { app, dirs, options, open: BTreeMap::new(), vendor }
    }

    /// Where a package is looked for that is not locked yet.
    pub(super) fn home(&self, package: &PackageName) -> Result<Location> {
        match &self.options.from {
            Some(from) => Ok(from.clone()),
            None => Ok(registry::which(package, self.options.offline)?.location),
        }
    }

    /// The registry at `location`; with `--offline` one that only says so.
    pub(super) fn registry(&mut self, location: &Location) -> Result<&dyn Registry> {
        let name = location.to_string();
        if !self.open.contains_key(&name) {
            let registry = match self.options.offline && matches!(location, Location::Oci { .. }) {
                true => Box::new(Offline(name.clone())),
                false => registry::open(location, self.dirs)?,
            };
            self.open.insert(name.clone(), registry);
        }
        Ok(&*self.open[&name])
    }

    /// A package's bytes out of the store, which is given what `vendor` has; `None` when neither has all of it. What
    /// `vendor` says is believed as little as a registry.
    pub(super) fn stored(&self, locked: &Locked, store: &Store) -> Result<Option<Vec<u8>>> {
        let offline: &dyn Registry = &Offline(locked.registry.clone());
        for registry in [Some(offline), self.vendor.as_ref().map(|vendor| vendor as _)].into_iter().flatten()
        {
            match registry::fetch(registry, &locked.name, locked.manifest, store) {
                Ok(fetched) => return Ok(Some(checked(locked, fetched)?)),
                Err(RegistryError::Unreachable { .. } | RegistryError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// What `vendor` keeps about a package, such as its signatures, into the store when that knows nothing.
    pub(super) fn records(&self, locked: &Locked, store: &Store) -> Result<()> {
        let path = record_path(&vendor_dir(self.app), locked);
        if store.record(locked.manifest).is_none() && path.exists() {
            store.keep_record(locked.manifest, &file::read(&path)?)?;
        }
        Ok(())
    }

    /// A package out of its registry, whole and checked, into the store; its bytes.
    pub(super) fn bring(&mut self, locked: &Locked, store: &Store) -> Result<Vec<u8>> {
        let registry = self.registry(&locked.location(&self.app.dir)?)?;
        Ok(checked(locked, registry::fetch(registry, &locked.name, locked.manifest, store)?)?)
    }
}

/// The bytes that came with a locked manifest, when they are the locked ones.
fn checked(locked: &Locked, (pinned, bytes): (Pinned, Vec<u8>)) -> Result<Vec<u8>, DepsError> {
    if pinned.layer.digest == locked.content {
        return Ok(bytes);
    }
    Err(DepsError::Moved {
        package: locked.id(),
        registry: locked.registry.clone(),
        locked: locked.content,
        found: pinned.layer.digest.to_string(),
    })
}

impl Locked {
    /// Where it comes from; `app` is the app's folder.
    pub(super) fn location(&self, app: &Utf8Path) -> Result<Location, RegistryError> {
        Ok(self.registry.parse::<Location>()?.below(app))
    }
}

/// The folder of vendored packages.
pub(super) fn vendor_dir(app: &App) -> Utf8PathBuf {
    app.dir.join(VENDOR)
}

/// Where a folder of vendored packages keeps what the store knows about one.
pub(super) fn record_path(vendor: &Utf8Path, locked: &Locked) -> Utf8PathBuf {
    let package = vendor.join(&locked.name.namespace).join(&locked.name.name);
    package.join("records").join(format!("{}.json", locked.manifest.hex()))
}

/// Stands for a registry that must not be asked: everything has to be in the store.
pub(super) struct Offline(pub(super) String);

impl Offline {
    fn absent<T>(&self, what: String) -> Result<T, RegistryError> {
        Err(RegistryError::Unreachable {
            registry: self.0.clone(),
            reason: format!("`{what}` is not in the store, and this is `--offline`"),
        })
    }
}

impl Registry for Offline {
    fn name(&self) -> String {
        self.0.clone()
    }

    fn tags(&self, package: &PackageName) -> Result<Vec<String>, RegistryError> {
        self.absent(package.to_string())
    }

    fn manifest(
        &self,
        package: &PackageName,
        reference: &Reference,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        self.absent(format!("{package}@{reference}"))
    }

    fn blob(&self, package: &PackageName, blob: &Descriptor, _: &Store) -> Result<(), RegistryError> {
        self.absent(format!("{package}@{}", blob.digest))
    }

    fn put_blob(&self, package: &PackageName, _: Digest, _: &Bytes) -> Result<bool, RegistryError> {
        self.absent(package.to_string())
    }

    fn has_blob(&self, package: &PackageName, _: Digest) -> Result<bool, RegistryError> {
        self.absent(package.to_string())
    }

    fn put_manifest(&self, package: &PackageName, _: &Reference, _: &[u8]) -> Result<(), RegistryError> {
        self.absent(package.to_string())
    }

    fn referrers(&self, package: &PackageName, subject: Digest) -> Result<Vec<Descriptor>, RegistryError> {
        self.absent(format!("{package}@{subject}"))
    }
}
