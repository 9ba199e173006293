//! The WIT packages that the app's WIT mentions and does not have: each is brought as a binary package and stands as text
//! in `wit/deps/NAMESPACE-NAME-VERSION/package.wit`, where every tool for WIT finds it.
//!
//! What the user put into `wit/deps` is theirs and counts first. Ours is what `jointer.lock` names; its text is a function
//! of the locked bytes, so a change to it is noticed.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::{Dependency, DepsError, LockFile, Locked, User, Work, wkg_lock};
use crate::app::{App, Source};
use crate::error::{FileError, Result};
use crate::file;
use crate::name::PackageId;
use crate::wit;

/// A WIT package in the app's folder.
pub(super) struct WitText {
    pub(super) dependency: Dependency,
    path: Utf8PathBuf,
    text: String,
}

impl Work<'_> {
    pub(super) fn lock_wits(&mut self, file: &LockFile) -> Result<Vec<WitText>> {
        let theirs = wkg_lock::read(self.app)?;
        let built_in = !self.options.locked;
        // What another tool pinned and brought is no more the user's own than what was brought here.
        let brought: Vec<PackageId> = file.wits().iter().map(Locked::id).chain(theirs.ids()).collect();
        self.collect(&brought, built_in, |work, id| work.lock_wit(id, file, &theirs))
    }

    pub(super) fn fetch_wits(&mut self, file: &LockFile) -> Result<Vec<WitText>> {
        let brought: Vec<PackageId> = file.wits().iter().map(Locked::id).collect();
        self.collect(&brought, true, |work, id| {
            let locked = file.wits().iter().find(|locked| locked.id() == *id);
            let locked = locked
                .ok_or_else(|| DepsError::NotLocked { user: "wit".to_owned(), request: id.to_string() })?;
            let bytes = work.fetch_one("wit", locked)?;
            Ok((locked.clone(), text(locked, &bytes)?))
        })
    }

    /// Every package that a folder of the app lacks without what was `brought`, and what those lack in turn, each got once
    /// by `get`. WASI's own come with jointer, need no lock, and are written at once if `built_in`.
    fn collect(
        &mut self,
        brought: &[PackageId],
        built_in: bool,
        mut get: impl FnMut(&mut Self, &PackageId) -> Result<(Locked, String)>,
    ) -> Result<Vec<WitText>> {
        let mut packages: BTreeMap<PackageId, (Locked, String)> = BTreeMap::new();
        let mut found = Vec::new();
        for dir in folders(self.app) {
            let ours = brought.iter().map(|id| folder(&dir, id)).collect();
            let mut seen = wit::declared(&dir, &ours);
            let mut wanted = wit::missing(&dir, &ours);
            while let Some(id) = wanted.pop() {
                if !seen.insert(id.clone()) {
                    continue;
                }
                if let Some(text) = wit::built_in(&id) {
                    if built_in {
                        file::write(&folder(&dir, &id).join("package.wit"), text.as_bytes())?;
                    }
                    wanted.extend(wit::mentioned(text));
                    continue;
                }
                if !packages.contains_key(&id) {
                    packages.insert(id.clone(), get(self, &id)?);
                }
                let (locked, text) = &packages[&id];
                wanted.extend(wit::mentioned(text));
                found.push(self.text(&dir, locked.clone(), text.clone()));
            }
        }
        found.sort_by(|a: &WitText, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// A WIT package in the version that is mentioned: WIT names versions exactly.
    fn lock_wit(
        &mut self,
        id: &PackageId,
        file: &LockFile,
        theirs: &wkg_lock::WkgLock,
    ) -> Result<(Locked, String)> {
        let kept = file.wits().iter().find(|locked| locked.id() == *id && self.keeps(locked)).cloned();
        let location = match &kept {
            Some(locked) => locked.location(&self.app.dir)?,
            None => self.sources.home(&id.name)?,
        };
        let (locked, bytes) = self.pin_and_bring(id, &location, file.wits(), kept.is_some())?;
        theirs.check(&locked)?;
        if kept.as_ref() != Some(&locked) {
            self.reporter.note("Locked", format!("wit {} ({})", locked.id(), locked.content.short()));
        }
        let text = text(&locked, &bytes)?;
        Ok((locked, text))
    }

    fn text(&self, dir: &Utf8Path, locked: Locked, text: String) -> WitText {
        let path = folder(dir, &locked.id()).join("package.wit");
        let shown = path.strip_prefix(&self.app.dir).unwrap_or(&path).to_owned();
        WitText { dependency: Dependency { user: User::Wit(shown), locked }, path, text }
    }

    /// Writes what is not there, refuses what was changed, removes what was `before` and is not wanted any more.
    pub(super) fn write_wits(&self, wits: &[WitText], before: &[Locked]) -> Result<()> {
        for wit in wits {
            match std::fs::read(&wit.path) {
                Ok(there) if there == wit.text.as_bytes() => {}
                Ok(_) if before.contains(&wit.dependency.locked) => {
                    return Err(DepsError::ChangedWit {
                        path: wit.path.clone(),
                        package: wit.dependency.locked.id(),
                    }
                    .into());
                }
                Ok(_) | Err(_) => file::write(&wit.path, wit.text.as_bytes())?,
            }
        }
        let kept: BTreeSet<&Utf8PathBuf> = wits.iter().map(|wit| &wit.path).collect();
        for dir in folders(self.app) {
            for locked in before {
                let folder = folder(&dir, &locked.id());
                if !kept.contains(&folder.join("package.wit")) && folder.is_dir() {
                    std::fs::remove_dir_all(&folder).map_err(|error| FileError::writing(&folder, &error))?;
                }
            }
        }
        Ok(())
    }
}

/// The folders of WIT of an app: its own, and those of its projects.
fn folders(app: &App) -> Vec<Utf8PathBuf> {
    let projects = app.components.values().filter_map(|component| match &component.source {
        Source::Project(dir) => Some(dir.join("wit")),
        _ => None,
    });
    let mut all: Vec<Utf8PathBuf> =
        std::iter::once(app.wit_dir()).chain(projects).filter(|dir| dir.is_dir()).collect();
    all.sort();
    all.dedup();
    all
}

fn folder(dir: &Utf8Path, id: &PackageId) -> Utf8PathBuf {
    let PackageId { name, version } = id;
    dir.join("deps").join(format!("{}-{}-{version}", name.namespace, name.name))
}

fn text(locked: &Locked, bytes: &[u8]) -> Result<String> {
    let package = wit::package_text(bytes).ok_or_else(|| DepsError::NotWit(locked.id()))?;
    match package.id == locked.id() {
        true => Ok(package.text),
        false => Err(DepsError::AnotherPackage { locked: locked.id(), found: package.id }.into()),
    }
}
