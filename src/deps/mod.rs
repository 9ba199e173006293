//! Dependencies: `[component.x] package = "ns:name@req"`. [`lock`] chooses versions and writes
//! `jointer.lock`, [`fetch`] brings what is locked into the store, [`resolved`] gives the build the bytes
//! without any network. The one place where `registry` and `trust` will meet.
//!
//! `jointer.lock` pins the digest of the component and of its manifest. A tag that moved after that is
//! never followed silently: `fetch` takes the pinned digest, `fetch --locked` refuses.

mod error;
mod lock_file;

use std::collections::BTreeMap;

use semver::Version;
use serde::Serialize;

use crate::app::{App, Dirs, PackageRequest, Source};
use crate::component;
use crate::digest::Digest;
use crate::error::Result;
use crate::event::Reporter;
use crate::name::{ComponentName, PackageId, PackageName};
use crate::registry::{self, Location, Pinned, Reference, Registry, RegistryError, Store};

pub use error::DepsError;
pub use lock_file::{LockFile, Locked};

/// How [`fetch`] and [`lock`] may go about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mode {
    /// `--locked`: `jointer.lock` must be complete and every tag must still be what it says.
    pub locked: bool,
    /// `--offline`: ask nothing of any registry.
    pub offline: bool,
}

/// A component's package as it is locked, for the answer of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dependency {
    /// Whose.
    pub component: ComponentName,
    /// What it is locked to.
    #[serde(flatten)]
    pub locked: Locked,
}

/// Chooses for every package of the app the highest version that its requirement allows, brings it into
/// the store and writes `jointer.lock`, other tables of it untouched. New packages come from
/// `location`.
///
/// # Errors
/// When a registry cannot be asked, nothing matches, a package is not a component, or a version that was
/// locked before is something else now ([`DepsError::Moved`]).
pub fn lock(
    app: &App,
    dirs: &Dirs,
    location: &Location,
    mode: Mode,
    reporter: &dyn Reporter,
) -> Result<Vec<Dependency>> {
    let store = Store::new(dirs);
    let registry = registry::open(location, dirs)?;
    let name = location.clone().relative_to(&app.dir).to_string();
    let mut file = LockFile::read(&app.lock_path())?;
    let before = file.packages().to_vec();
    let mut dependencies = Vec::new();
    for (component, request) in requests(app) {
        let id = choose(&*registry, request, &store, mode)?;
        let pinned = match mode.offline {
            true => seen(&*registry, &id, &store)?,
            false => registry::resolve(&*registry, &id, &store)?,
        };
        let locked = Locked::new(&id, name.clone(), &pinned);
        refuse_moved(&before, &locked)?;
        bring(&*registry, &locked, &store)?;
        reporter.note("Locked", format!("{component} to {id} ({})", pinned.layer.digest.short()));
        dependencies.push(Dependency { component: component.clone(), locked });
    }
    file.set_packages(dependencies.iter().map(|dependency| dependency.locked.clone()).collect());
    file.write(&app.lock_path())?;
    Ok(dependencies)
}

/// Brings every locked package into the store. What is there is hashed, not asked for again; nothing is
/// ever written to `jointer.lock`.
///
/// # Errors
/// [`DepsError::NotLocked`], [`DepsError::Moved`] when `mode.locked` and a tag is not what was locked,
/// [`DepsError::NotFetched`] when `mode.offline` and something is not in the store; or when a registry
/// cannot be asked or gives something that is wrong.
pub fn fetch(app: &App, dirs: &Dirs, mode: Mode, reporter: &dyn Reporter) -> Result<Vec<Dependency>> {
    let store = Store::new(dirs);
    let file = LockFile::read(&app.lock_path())?;
    let mut registries = Registries { app, dirs, open: BTreeMap::new() };
    let mut dependencies = Vec::new();
    for (component, request) in requests(app) {
        let locked = file.find(request).ok_or_else(|| not_locked(&component, request))?;
        if mode.locked && !mode.offline {
            check_tag(registries.get(&locked.registry)?, locked)?;
        }
        if store.has(locked.content) {
            reporter.note("Fresh", locked.id().to_string());
        } else if mode.offline {
            return Err(DepsError::NotFetched { component, package: locked.id() }.into());
        } else {
            bring(registries.get(&locked.registry)?, locked, &store)?;
            reporter.note("Fetched", format!("{} ({})", locked.id(), locked.content.short()));
        }
        dependencies.push(Dependency { component, locked: locked.clone() });
    }
    Ok(dependencies)
}

/// The bytes of every component that is a package, out of the store and hashed again. No network.
///
/// # Errors
/// [`DepsError::NotLocked`], [`DepsError::NotFetched`], or when the store is damaged.
pub fn resolved(app: &App, dirs: &Dirs) -> Result<BTreeMap<ComponentName, Vec<u8>>> {
    let store = Store::new(dirs);
    let mut found = BTreeMap::new();
    if requests(app).next().is_none() {
        return Ok(found);
    }
    let file = LockFile::read(&app.lock_path())?;
    for (component, request) in requests(app) {
        let locked = file.find(request).ok_or_else(|| not_locked(&component, request))?;
        let Some(bytes) = store.read(locked.content)? else {
            return Err(DepsError::NotFetched { component, package: locked.id() }.into());
        };
        found.insert(component, bytes);
    }
    Ok(found)
}

fn requests(app: &App) -> impl Iterator<Item = (ComponentName, &PackageRequest)> {
    app.components.values().filter_map(|component| match &component.source {
        Source::Package(request) => Some((component.name.clone(), request)),
        _ => None,
    })
}

fn not_locked(component: &ComponentName, request: &PackageRequest) -> DepsError {
    DepsError::NotLocked { component: component.clone(), request: request.to_string() }
}

/// The highest version that the requirement allows.
fn choose(registry: &dyn Registry, request: &PackageRequest, store: &Store, mode: Mode) -> Result<PackageId> {
    let versions: Vec<Version> = match mode.offline {
        true => store
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

fn list(versions: &[Version]) -> String {
    let last: Vec<String> = versions.iter().rev().take(8).map(|version| format!("`{version}`")).collect();
    last.join(", ")
}

/// A version as the store remembers it.
fn seen(registry: &dyn Registry, id: &PackageId, store: &Store) -> Result<Pinned> {
    let remembered = store.remembered(&registry.name(), &id.name);
    let manifest =
        remembered.iter().find(|(version, _)| *version == id.version).map(|(_, manifest)| *manifest);
    let unseen = || RegistryError::NotFound { what: id.to_string(), registry: registry.name() };
    Ok(registry::fetch(&Offline(registry.name()), &id.name, manifest.ok_or_else(unseen)?, store)?)
}

/// A version never changes: the same one with another digest is not an update.
fn refuse_moved(before: &[Locked], now: &Locked) -> Result<(), DepsError> {
    let same = |locked: &&Locked| locked.id() == now.id() && locked.registry == now.registry;
    match before.iter().find(same) {
        Some(locked) if locked.content != now.content || locked.manifest != now.manifest => {
            Err(moved(locked, Some(now.manifest)))
        }
        _ => Ok(()),
    }
}

/// Asks the registry what the tag of a locked version is now.
fn check_tag(registry: &dyn Registry, locked: &Locked) -> Result<()> {
    let manifest = registry.manifest(&locked.name, &Reference::Tag(locked.version.to_string()))?;
    let found = manifest.map(|bytes| Digest::of(&bytes));
    if found == Some(locked.manifest) {
        return Ok(());
    }
    Err(moved(locked, found).into())
}

fn moved(locked: &Locked, found: Option<Digest>) -> DepsError {
    DepsError::Moved {
        package: locked.id(),
        registry: locked.registry.clone(),
        locked: locked.manifest,
        found: found.map_or("nothing".to_owned(), |found| found.to_string()),
    }
}

/// The locked package into the store, and a look at whether a component can be made of it.
fn bring(registry: &dyn Registry, locked: &Locked, store: &Store) -> Result<()> {
    let pinned = registry::fetch(registry, &locked.name, locked.manifest, store)?;
    if pinned.layer.digest != locked.content {
        return Err(DepsError::Moved {
            package: locked.id(),
            registry: locked.registry.clone(),
            locked: locked.content,
            found: pinned.layer.digest.to_string(),
        }
        .into());
    }
    let bytes = store.read(pinned.layer.digest)?.unwrap_or_default();
    // A WIT package is encoded as a component that holds no code.
    if component::core_modules(&bytes).is_ok_and(|modules| modules.is_empty()) && is_wit(&bytes) {
        return Err(DepsError::NotAComponent(locked.id()).into());
    }
    Ok(())
}

fn is_wit(bytes: &[u8]) -> bool {
    matches!(wit_component::decode(bytes), Ok(wit_component::DecodedWasm::WitPackage(..)))
}

/// Registries by name, opened when first needed.
struct Registries<'a> {
    app: &'a App,
    dirs: &'a Dirs,
    open: BTreeMap<String, Box<dyn Registry>>,
}

impl Registries<'_> {
    fn get(&mut self, name: &str) -> Result<&dyn Registry> {
        if !self.open.contains_key(name) {
            let location = name.parse::<Location>()?.below(&self.app.dir);
            self.open.insert(name.to_owned(), registry::open(&location, self.dirs)?);
        }
        Ok(&*self.open[name])
    }
}

/// Stands for a registry that must not be asked: everything has to be in the store.
struct Offline(String);

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

    fn blob(
        &self,
        package: &PackageName,
        blob: &registry::Descriptor,
        _: &Store,
    ) -> Result<(), RegistryError> {
        self.absent(format!("{package}@{}", blob.digest))
    }

    fn put_blob(&self, package: &PackageName, _: Digest, _: &[u8]) -> Result<(), RegistryError> {
        self.absent(package.to_string())
    }

    fn has_blob(&self, package: &PackageName, _: Digest) -> Result<bool, RegistryError> {
        self.absent(package.to_string())
    }

    fn put_manifest(&self, package: &PackageName, _: &Reference, _: &[u8]) -> Result<(), RegistryError> {
        self.absent(package.to_string())
    }

    fn referrers(
        &self,
        package: &PackageName,
        subject: Digest,
    ) -> Result<Vec<registry::Descriptor>, RegistryError> {
        self.absent(format!("{package}@{subject}"))
    }
}
