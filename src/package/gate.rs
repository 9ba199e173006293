//! What may be published under a version, seen from the versions beside it: a compatible version must not break those who
//! use the one before.

use semver::Version;

use super::PackageError;
use crate::error::Result;
use crate::name::PackageId;
use crate::registry::{self, Registry, RegistryError, Store};
use crate::wit;

/// Refuses a version that its users would take for compatible and that is not: it is compared, by its types, with the
/// nearest compatible versions below and above it that the registry has. What cannot be compared is not judged.
///
/// # Errors
/// [`PackageError::Breaking`], or when the registry cannot be asked.
pub fn gate(registry: &dyn Registry, id: &PackageId, bytes: &[u8], store: &Store) -> Result<()> {
    let published = registry::versions(registry, &id.name)?;
    gate_among(&published, id, bytes, &|id| contents(registry, id, store))
}

/// As [`gate`], where a registry is no [`Registry`]: among these versions, whose components `contents` gives.
///
/// # Errors
/// As [`gate`], and those of `contents`.
pub fn gate_among(
    published: &[Version],
    id: &PackageId,
    bytes: &[u8],
    contents: &dyn Fn(&PackageId) -> Result<Option<Vec<u8>>>,
) -> Result<()> {
    let contents =
        |version: &Version| contents(&PackageId { name: id.name.clone(), version: version.clone() });
    let mut compatible: Vec<&Version> =
        published.iter().filter(|version| wit::compatible(version, &id.version)).collect();
    compatible.sort();
    if compatible.contains(&&id.version) {
        // Published already: whether it is the same is asked elsewhere.
        return Ok(());
    }
    let below = compatible.iter().rev().find(|version| ***version < id.version);
    let above = compatible.iter().find(|version| ***version > id.version);
    if let Some(below) = below
        && let Some(old) = contents(below)?
    {
        refuse(id, below, wit::breaking(&old, bytes), wit::next_breaking(compatible[compatible.len() - 1]))?;
    }
    if let Some(above) = above
        && let Some(new) = contents(above)?
    {
        // Users of this one will be moved to that one.
        refuse(id, above, wit::breaking(bytes, &new), wit::next_breaking(compatible[compatible.len() - 1]))?;
    }
    Ok(())
}

fn refuse(
    id: &PackageId,
    other: &Version,
    broken: Result<Vec<String>, crate::component::ComponentError>,
    next: Version,
) -> Result<(), PackageError> {
    match broken {
        Ok(broken) if !broken.is_empty() => Err(PackageError::Breaking {
            package: id.clone(),
            other: other.clone(),
            changes: broken.join("\n"),
            next,
        }),
        _ => Ok(()),
    }
}

/// The component or WIT of a published version; `None` when it is no package.
fn contents(registry: &dyn Registry, id: &PackageId, store: &Store) -> Result<Option<Vec<u8>>> {
    let fetched = registry::resolve(registry, id, store)
        .and_then(|pinned| registry::fetch(registry, &id.name, pinned.manifest, store));
    match fetched {
        Ok((_, contents)) => Ok(Some(contents)),
        Err(RegistryError::NotAPackage { .. } | RegistryError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
