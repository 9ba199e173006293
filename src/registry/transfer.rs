//! Publishing and fetching, the same for every registry. A tag is asked once for the digest of its
//! manifest; from there on only digests count.

use semver::Version;
use serde::Serialize;

use super::artifact::{MAX_MANIFEST, check_config};
use super::{Artifact, Descriptor, Manifest, Reference, Registry, RegistryError, Store};
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
    config: Descriptor,
}

/// What publishing came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is there now.
    Published,
    /// The same contents were there already.
    Unchanged,
    /// It would have been published.
    Would,
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// What was done.
    pub outcome: Outcome,
    /// The package.
    pub package: PackageId,
    /// Where.
    pub registry: String,
    /// The digest of the manifest in the registry.
    pub manifest: Digest,
    /// The digest of the component.
    pub content: Digest,
    /// Its size.
    pub size: u64,
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

/// Brings the package with this manifest into the store, complete and checked. What is there is not
/// asked for again.
///
/// # Errors
/// When the registry does not have it, cannot be asked, or gives something that is wrong in any way.
pub fn fetch(
    registry: &dyn Registry,
    package: &PackageName,
    manifest: Digest,
    store: &Store,
) -> Result<Pinned, RegistryError> {
    let what = format!("{package}@{manifest}");
    let pinned = pin(registry, &what, &manifest_bytes(registry, package, manifest, store)?)?;
    for blob in [&pinned.config, &pinned.layer] {
        if !store.has(blob.digest) {
            registry.blob(package, blob, store)?;
        }
    }
    let refused = |why| RegistryError::NotAPackage { what: what.clone(), registry: registry.name(), why };
    let config = store.read(pinned.config.digest)?.unwrap_or_default();
    check_config(&config, pinned.layer.digest).map_err(refused)?;
    let layer = store.read(pinned.layer.digest)?.unwrap_or_default();
    component::kind(&layer).map_err(|error| refused(error.to_string()))?;
    Ok(pinned)
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

fn pin(registry: &dyn Registry, what: &str, manifest: &[u8]) -> Result<Pinned, RegistryError> {
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

/// Publishes an artifact: blobs first, the tag last, so that nobody sees half of it. A version that is
/// there with the same component is left as it is. With `dry`, nothing is sent.
///
/// # Errors
/// [`RegistryError::Conflict`] when the version is there with another component, or when the registry
/// cannot be asked or refuses.
pub fn publish(
    registry: &dyn Registry,
    id: &PackageId,
    artifact: &Artifact,
    dry: bool,
) -> Result<Published, RegistryError> {
    let tag = tag(id)?;
    let published = |outcome, manifest| Published {
        outcome,
        package: id.clone(),
        registry: registry.name(),
        manifest,
        content: artifact.layer_descriptor.digest,
        size: artifact.layer_descriptor.size,
    };
    if let Some(manifest) = existing(registry, id, &tag, artifact)? {
        return Ok(published(Outcome::Unchanged, manifest));
    }
    if dry {
        return Ok(published(Outcome::Would, artifact.manifest_digest));
    }
    registry.put_blob(&id.name, artifact.layer_descriptor.digest, &artifact.layer)?;
    registry.put_blob(&id.name, artifact.config_digest, &artifact.config)?;
    registry.put_manifest(&id.name, &tag, &artifact.manifest)?;
    // Registries have no "only if absent", so look who won.
    match existing(registry, id, &tag, artifact)? {
        Some(manifest) => Ok(published(Outcome::Published, manifest)),
        None => Err(not_found(registry, id.to_string())),
    }
}

/// The manifest's digest when the version is there with the same component.
fn existing(
    registry: &dyn Registry,
    id: &PackageId,
    tag: &str,
    artifact: &Artifact,
) -> Result<Option<Digest>, RegistryError> {
    let Some(bytes) = registry.manifest(&id.name, &Reference::Tag(tag.to_owned()))? else { return Ok(None) };
    let ours = artifact.layer_descriptor.digest;
    // Whatever else is under the tag, even something that is no package: it is not ours to replace.
    let found = Manifest::of_package(&bytes).ok().and_then(|manifest| Some(manifest.layer()?.digest));
    if found == Some(ours) {
        return Ok(Some(Digest::of(&bytes)));
    }
    Err(RegistryError::Conflict {
        what: id.to_string(),
        registry: registry.name(),
        found: found.unwrap_or_else(|| Digest::of(&bytes)),
        ours,
    })
}

/// The tag of a version.
fn tag(id: &PackageId) -> Result<String, RegistryError> {
    if id.version.build.is_empty() {
        return Ok(id.version.to_string());
    }
    Err(RegistryError::BuildMetadata(id.to_string()))
}

fn not_found(registry: &dyn Registry, what: String) -> RegistryError {
    RegistryError::NotFound { what, registry: registry.name() }
}
