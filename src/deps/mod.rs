//! Dependencies: components that are packages (`[component.x] package = "ns:name@req"`) and the WIT packages that the
//! app's WIT mentions. [`lock`] chooses versions and writes `jointer.lock`, [`fetch`] brings what is locked into the
//! store, [`resolved`] gives the build the bytes without any network, [`vendor`] copies it all into the repository. The
//! one place where `registry` and `trust` meet.
//!
//! `jointer.lock` pins the digest of each package's contents and of its manifest. A tag that moved after that is never
//! followed silently: `fetch` takes the pinned digest, `fetch --locked` and `lock` refuse. What is there is looked for
//! nearest first: the app's own `wit/deps`, the WASI that jointer has built in, the store, `vendor`, the registry.

mod choose;
mod components;
mod error;
mod lock_file;
mod sources;
pub mod trusted;
mod vendor;
mod wit;
mod wkg_lock;

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::Serialize;

use crate::app::{App, Dirs, PackageRequest};
use crate::error::Result;
use crate::event::Reporter;
use crate::name::{ComponentName, PackageName};
use crate::registry::{Location, Store};
use crate::trust::Policy;

pub use error::DepsError;
pub use lock_file::{LockFile, Locked};
pub use vendor::vendor;

use sources::Sources;

/// How [`lock`] and [`fetch`] may go about it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// Where new packages come from; default: the registry of their namespace.
    pub from: Option<Location>,
    /// `--locked`: `jointer.lock` must be complete, it is not written, and every tag must still be what it says.
    pub locked: bool,
    /// `--offline`: ask nothing of any registry.
    pub offline: bool,
    /// Which locked versions may give way to higher ones.
    pub update: Update,
}

/// Which locked versions may change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Update {
    /// None that still does.
    #[default]
    Nothing,
    /// All.
    All,
    /// Those of these packages.
    Only(Vec<PackageName>),
}

impl Update {
    fn includes(&self, package: &PackageName) -> bool {
        match self {
            Self::Nothing => false,
            Self::All => true,
            Self::Only(packages) => packages.contains(package),
        }
    }
}

/// A package as it is locked, for the answer of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dependency {
    /// What it is for.
    #[serde(flatten)]
    pub user: User,
    /// What it is locked to.
    #[serde(flatten)]
    pub locked: Locked,
}

/// What a package is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum User {
    /// It is this component.
    Component(ComponentName),
    /// It is WIT that stands in this file.
    Wit(Utf8PathBuf),
}

impl std::fmt::Display for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Component(name) => name.fmt(f),
            Self::Wit(_) => f.write_str("wit"),
        }
    }
}

/// Everything that the functions of this room need.
struct Work<'a> {
    app: &'a App,
    options: &'a Options,
    store: Store,
    sources: Sources<'a>,
    /// What is trusted; without one, anything that has the right digest.
    policy: Option<Policy>,
    reporter: &'a dyn Reporter,
}

impl<'a> Work<'a> {
    fn new(app: &'a App, dirs: &'a Dirs, options: &'a Options, reporter: &'a dyn Reporter) -> Result<Self> {
        let policy = trusted::policy(Some(&app.dir), dirs)?;
        let sources = Sources::new(app, dirs, options);
        Ok(Self { app, options, store: Store::new(dirs), sources, policy, reporter })
    }
}

/// Chooses a version for every package that has none in `jointer.lock` yet, or that `options.update` lets go: the
/// highest that its requirement allows. Brings all into the store, writes the WIT packages into `wit/deps` and then
/// `jointer.lock`, other tables of it untouched.
///
/// # Errors
/// When a registry cannot be asked, nothing matches, a package is not what it should be, a version that was locked before
/// is something else now ([`DepsError::Moved`]), or `options.locked` and the file would change
/// ([`DepsError::WouldChange`]).
pub fn lock(app: &App, dirs: &Dirs, options: &Options, reporter: &dyn Reporter) -> Result<Vec<Dependency>> {
    let mut work = Work::new(app, dirs, options, reporter)?;
    let path = app.lock_path();
    let mut file = LockFile::read(&path)?;
    let before = (file.packages().to_vec(), file.wits().to_vec());
    let components = work.lock_components(&file)?;
    let wits = work.lock_wits(&file)?;
    file.set_packages(components.iter().map(|dependency| dependency.locked.clone()).collect());
    file.set_wits(wits.iter().map(|text| text.dependency.locked.clone()).collect());
    if options.locked && before != (file.packages().to_vec(), file.wits().to_vec()) {
        return Err(DepsError::WouldChange(path).into());
    }
    // The WIT before the lock file: what stops in between is made good by the next run.
    work.write_wits(&wits, &before.1)?;
    file.write(&path)?;
    wkg_lock::write(app, file.wits())?;
    Ok(components.into_iter().chain(wits.into_iter().map(|text| text.dependency)).collect())
}

/// Brings every locked package into the store and the WIT packages into `wit/deps`. What is there is hashed, not asked
/// for again; nothing is ever written to `jointer.lock`.
///
/// # Errors
/// [`DepsError::NotLocked`], [`DepsError::Moved`] when `options.locked` and a tag is not what was locked,
/// [`DepsError::NotFetched`] when `options.offline` and something is not in the store, [`DepsError::ChangedWit`]; or when
/// a registry cannot be asked or gives something that is wrong.
pub fn fetch(app: &App, dirs: &Dirs, options: &Options, reporter: &dyn Reporter) -> Result<Vec<Dependency>> {
    let mut work = Work::new(app, dirs, options, reporter)?;
    let file = LockFile::read(&app.lock_path())?;
    let mut dependencies = work.fetch_components(&file)?;
    let wits = work.fetch_wits(&file)?;
    work.write_wits(&wits, file.wits())?;
    dependencies.extend(wits.into_iter().map(|text| text.dependency));
    Ok(dependencies)
}

/// What a build needs before it begins: component packages are locked and in the store. Asks nobody when that is so, and
/// never changes what is locked.
///
/// # Errors
/// Those of [`lock`] and [`fetch`].
pub fn ready(app: &App, dirs: &Dirs, options: &Options, reporter: &dyn Reporter) -> Result<()> {
    if components::requests(app).next().is_none() {
        return Ok(());
    }
    let file = LockFile::read(&app.lock_path())?;
    let is_locked = |(_, request): (_, &PackageRequest)| file.find(request).is_some();
    if !options.locked && !components::requests(app).all(is_locked) {
        lock(app, dirs, options, reporter)?;
        return Ok(());
    }
    let work = &mut Work::new(app, dirs, options, reporter)?;
    work.fetch_components(&file)?;
    Ok(())
}

/// The bytes of a package that is not in the app yet: the highest version that the request allows, brought into the store.
///
/// # Errors
/// As [`lock`].
pub fn obtain(
    app: &App,
    dirs: &Dirs,
    options: &Options,
    request: &PackageRequest,
    reporter: &dyn Reporter,
) -> Result<(Locked, Vec<u8>)> {
    let mut work = Work::new(app, dirs, options, reporter)?;
    let (locked, bytes) = work.choose_and_bring(request, &LockFile::read(&app.lock_path())?)?;
    components::refuse_wit(&locked, &bytes)?;
    Ok((locked, bytes))
}

/// The bytes of every component that is a package, out of the store (or `vendor`) and hashed again. No network.
///
/// # Errors
/// [`DepsError::NotLocked`], [`DepsError::NotFetched`], or when the store is damaged.
pub fn resolved(app: &App, dirs: &Dirs) -> Result<BTreeMap<ComponentName, Vec<u8>>> {
    let mut found = BTreeMap::new();
    if components::requests(app).next().is_none() {
        return Ok(found);
    }
    let store = Store::new(dirs);
    let options = Options { offline: true, ..Options::default() };
    let sources = Sources::new(app, dirs, &options);
    let file = LockFile::read(&app.lock_path())?;
    for (component, request) in components::requests(app) {
        let locked = file.find(request).ok_or_else(|| components::not_locked(&component, request))?;
        let Some(bytes) = sources.stored(locked, &store)? else {
            return Err(DepsError::NotFetched { user: component.to_string(), package: locked.id() }.into());
        };
        found.insert(component, bytes);
    }
    Ok(found)
}
