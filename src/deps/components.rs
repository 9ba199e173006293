//! Components that are packages.

use super::{Dependency, DepsError, LockFile, Locked, User, Work};
use crate::app::{App, PackageRequest, Source};
use crate::component;
use crate::error::Result;
use crate::name::ComponentName;

/// The app's components that are packages.
pub(super) fn requests(app: &App) -> impl Iterator<Item = (ComponentName, &PackageRequest)> {
    app.components.values().filter_map(|component| match &component.source {
        Source::Package(request) => Some((component.name.clone(), request)),
        _ => None,
    })
}

pub(super) fn not_locked(component: &ComponentName, request: &PackageRequest) -> DepsError {
    DepsError::NotLocked { user: component.to_string(), request: request.to_string() }
}

/// A WIT package is encoded as a component that holds no code.
pub(super) fn refuse_wit(locked: &Locked, bytes: &[u8]) -> Result<(), DepsError> {
    let empty = component::core_modules(bytes).is_ok_and(|modules| modules.is_empty());
    match empty && matches!(wit_component::decode(bytes), Ok(wit_component::DecodedWasm::WitPackage(..))) {
        true => Err(DepsError::NotAComponent(locked.id())),
        false => Ok(()),
    }
}

impl Work<'_> {
    pub(super) fn lock_components(&mut self, file: &LockFile) -> Result<Vec<Dependency>> {
        let mut dependencies = Vec::new();
        let app = self.app;
        for (component, request) in requests(app) {
            let (locked, bytes) = self.choose_and_bring(request, file)?;
            refuse_wit(&locked, &bytes)?;
            if file.find(request) != Some(&locked) {
                let said = format!("{component} to {} ({})", locked.id(), locked.content.short());
                self.reporter.note("Locked", said);
            }
            dependencies.push(Dependency { user: User::Component(component), locked });
        }
        Ok(dependencies)
    }

    pub(super) fn fetch_components(&mut self, file: &LockFile) -> Result<Vec<Dependency>> {
        let mut dependencies = Vec::new();
        let app = self.app;
        for (component, request) in requests(app) {
            let locked = file.find(request).ok_or_else(|| not_locked(&component, request))?.clone();
            let bytes = self.fetch_one(&component.to_string(), &locked)?;
            refuse_wit(&locked, &bytes)?;
            dependencies.push(Dependency { user: User::Component(component), locked });
        }
        Ok(dependencies)
    }
}
