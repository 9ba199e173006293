//! Finding and fetching, the same for every registry. A tag is asked once for the digest of its
//! manifest; from there on only digests count.

use semver::Version;

use super::artifact::{MAX_MANIFEST, check_config};
use super::{CONFIG_MEDIA_TYPE, Descriptor, Manifest, Reference, Registry, RegistryError, Store};
use crate::component;
use crate::digest::Digest;
use crate::name::{PackageId, PackageName};

/// A version with the digests that it was found to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The digest of the manifest.
    pub manifest: Digest,
    /// The component.
    pub layer: Descriptor,
    pub(super) config: Descriptor,
}

/// The versions of a package in a registry, the oldest first. Tags that are no versions are passed over.
///
/// # Errors
/// When the registry cannot be asked.
pub fn versions(registry: &dyn Registry, package: &PackageName) -> Result<Vec<Version>, RegistryError> {
    let tags = registry.tags(package)?;
    let mut versions: Vec<Version> = tags.iter().filter_map(|tag| tag.parse().ok()).collect();
    versions.sort();
    versions.dedup();
    Ok(versions)
}

/// What a version is in a registry now. The manifest is checked and kept in the store.
///
/// # Errors
/// [`RegistryError::NotFound`], [`RegistryError::NotAPackage`], or when the registry cannot be asked.
pub fn resolve(registry: &dyn Registry, id: &PackageId, store: &Store) -> Result<Pinned, RegistryError> {
    let tag = Reference::Tag(tag(id)?);
    let bytes = registry.manifest(&id.name, &tag)?;
    let bytes = bytes.ok_or_else(|| not_found(registry, id.to_string()))?;
    let pinned = pin(registry, &id.to_string(), &bytes)?;
    store.put(&bytes)?;
    store.remember(&registry.name(), &id.name, &id.version, pinned.manifest)?;
    Ok(pinned)
}

/// Brings the package with this manifest into the store, complete and checked, and gives its layer's bytes.
/// What is there is not asked for again.
///
/// # Errors
/// When the registry does not have it, cannot be asked, or gives something that is wrong in any way.
pub fn fetch(
    registry: &dyn Registry,
    package: &PackageName,
    manifest: Digest,
    store: &Store,
) -> Result<(Pinned, Vec<u8>), RegistryError> {
    let what = format!("{package}@{manifest}");
    let pinned = pin(registry, &what, &manifest_bytes(registry, package, manifest, store)?)?;
    let config = held(registry, package, &pinned.config, store)?;
    let layer = held(registry, package, &pinned.layer, store)?;
    let refused = |why| RegistryError::NotAPackage { what: what.clone(), registry: registry.name(), why };
    if pinned.config.media_type == CONFIG_MEDIA_TYPE {
        check_config(&config, pinned.layer.digest).map_err(refused)?;
    }
    component::kind(&layer).map_err(|error| refused(error.to_string()))?;
    Ok((pinned, layer))
}

/// A blob out of the store, brought there first when it is not there or damaged.
pub(super) fn held(
    registry: &dyn Registry,
    package: &PackageName,
    blob: &Descriptor,
    store: &Store,
) -> Result<Vec<u8>, RegistryError> {
    if let Ok(Some(bytes)) = store.read(blob.digest) {
        return Ok(bytes);
    }
    registry.blob(package, blob, store)?;
    Ok(store.read(blob.digest)?.unwrap_or_default())
}

fn manifest_bytes(
    registry: &dyn Registry,
    package: &PackageName,
    manifest: Digest,
    store: &Store,
) -> Result<Vec<u8>, RegistryError> {
    // A damaged one in the store is fetched again.
    if let Ok(Some(bytes)) = store.read(manifest) {
        return Ok(bytes);
    }
    let what = format!("{package}@{manifest}");
    let bytes = registry.manifest(package, &Reference::Digest(manifest))?;
    let bytes = bytes.ok_or_else(|| not_found(registry, what.clone()))?;
    let found = Digest::of(&bytes);
    if found != manifest {
        return Err(RegistryError::Corrupt {
            what,
            registry: registry.name(),
            expected: manifest.to_string(),
            found: found.to_string(),
        });
    }
    store.put(&bytes)?;
    Ok(bytes)
}

pub(super) fn pin(registry: &dyn Registry, what: &str, manifest: &[u8]) -> Result<Pinned, RegistryError> {
    if manifest.len() as u64 > MAX_MANIFEST {
        return Err(RegistryError::TooLarge {
            what: what.to_owned(),
            registry: registry.name(),
            limit: MAX_MANIFEST,
        });
    }
    let refused = |why| RegistryError::NotAPackage { what: what.to_owned(), registry: registry.name(), why };
    let parsed = Manifest::of_package(manifest).map_err(refused)?;
    let layer = parsed.layer().cloned().ok_or_else(|| refused("it has no layer".to_owned()))?;
    Ok(Pinned { manifest: Digest::of(manifest), layer, config: parsed.config })
}

/// The tag of a version.
pub(super) fn tag(id: &PackageId) -> Result<String, RegistryError> {
    if id.version.build.is_empty() {
        return Ok(id.version.to_string());
    }
    Err(RegistryError::BuildMetadata(id.to_string()))
}

pub(super) fn not_found(registry: &dyn Registry, what: String) -> RegistryError {
    RegistryError::NotFound { what, registry: registry.name() }
}
