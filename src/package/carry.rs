//! A bundle out of a registry, and into one: the same manifests and blobs, so what is signed stays signed.

use super::layout::Layout;
use super::{PARTS_MEDIA_TYPE, PackageError};
use crate::digest::Digest;
use crate::error::Result;
use crate::name::PackageId;
use crate::registry::{
    self, Artifact, Attachment, CONFIG_MEDIA_TYPE, Manifest, REF_NAME, Registry, RegistryError, Store,
};
use crate::trust::{BUNDLE_MEDIA_TYPE, SIMPLE_MEDIA_TYPE};

/// What a bundle brings into a registry: the package, and all that is attached to it, in the bundle's order. Nothing is
/// verified here but that every byte is what its digest says.
///
/// # Errors
/// [`PackageError::NotABundle`], [`PackageError::HostileEntry`], [`PackageError::Corrupt`], or
/// [`PackageError::Incomplete`] without a package.
pub fn unpack(tar: &[u8]) -> Result<(PackageId, Artifact, Vec<Attachment>), PackageError> {
    let layout = Layout::read(tar)?;
    let mut app = None;
    let mut attachments = Vec::new();
    for (digest, manifest) in layout.manifests() {
        if manifest.config.media_type == CONFIG_MEDIA_TYPE {
            let artifact = artifact(&layout, digest)?;
            if app.replace((id(manifest)?, artifact)).is_some() {
                return Err(PackageError::Corrupt("it has the app twice".to_owned()));
            }
            continue;
        }
        let blobs = std::iter::once(&manifest.config).chain(&manifest.layers);
        let blobs = blobs.map(|blob| Ok(layout.blob(blob)?.clone())).collect::<Result<_, PackageError>>()?;
        let attachment = Attachment { manifest: manifest.clone(), blobs };
        // It is sent as it is written here, and signatures are for its bytes.
        if attachment.manifest.to_bytes() != layout.raw(digest) {
            return Err(PackageError::Corrupt(format!("the manifest {digest} has fields that nobody knows")));
        }
        attachments.push(attachment);
    }
    let (id, artifact) = app.ok_or(PackageError::Incomplete("the app"))?;
    Ok((id, artifact, attachments))
}

/// Whether this is a signature or an attestation, good or not.
pub fn is_signature(attachment: &Attachment) -> bool {
    let kinds = [BUNDLE_MEDIA_TYPE, SIMPLE_MEDIA_TYPE];
    attachment.manifest.layers.iter().any(|layer| kinds.contains(&&*layer.media_type))
}

fn artifact(layout: &Layout, manifest: Digest) -> Result<Artifact, PackageError> {
    let bytes = layout.raw(manifest).to_vec();
    let parsed = Manifest::of_package(&bytes).map_err(PackageError::Corrupt)?;
    let layer = parsed.layer().cloned().ok_or(PackageError::Incomplete("the composed component"))?;
    Ok(Artifact {
        layer: layout.blob(&layer)?.clone(),
        config: layout.blob(&parsed.config)?.clone(),
        manifest: bytes,
        config_digest: parsed.config.digest,
        manifest_digest: manifest,
        layer_descriptor: layer,
    })
}

fn id(manifest: &Manifest) -> Result<PackageId, PackageError> {
    let annotation = |name: &str| {
        let found = manifest.annotations.get(&format!("org.opencontainers.image.{name}"));
        found.map(String::as_str).unwrap_or_default()
    };
    let id = format!("{}@{}", annotation("title"), annotation("version"));
    id.parse().map_err(|error| PackageError::Corrupt(format!("its app has no name: {error}")))
}

/// A package and all that is attached to it in a registry, as a bundle. What is broken there is left out, so verify what
/// comes. The same contents of a registry give the same bytes.
///
/// # Errors
/// [`PackageError::NotWhole`] when it was published without its parts; or when it is not there, or the registry cannot be
/// asked.
pub fn collect(registry: &dyn Registry, id: &PackageId, store: &Store) -> Result<Vec<u8>> {
    let pinned = registry::resolve(registry, id, store)?;
    registry::fetch(registry, &id.name, pinned.manifest, store)?;
    let read = |digest: Digest| -> Result<Vec<u8>> {
        let missing = || RegistryError::NotFound { what: digest.to_string(), registry: registry.name() };
        Ok(store.read(digest)?.ok_or_else(missing)?)
    };
    let mut layout = Layout::default();
    let bytes = read(pinned.manifest)?;
    let manifest = Manifest::of_package(&bytes).map_err(PackageError::Corrupt)?;
    for blob in manifest.layers.iter().chain([&manifest.config]) {
        layout.add(read(blob.digest)?);
    }
    layout.add_raw(bytes, manifest);
    let mut found = registry::attachments(registry, &id.name, pinned.manifest, store)?;
    if !found.iter().any(|one| one.manifest.artifact_type.as_deref() == Some(PARTS_MEDIA_TYPE)) {
        return Err(PackageError::NotWhole(id.clone()).into());
    }
    // Signatures of what is attached are attached to that.
    let mut about: Vec<Digest> = found.iter().map(|one| one.digest).collect();
    about.sort();
    for digest in about {
        found.extend(registry::attachments(registry, &id.name, digest, store)?);
    }
    found.sort_by_key(|one| one.digest);
    found.dedup_by_key(|one| one.digest);
    for one in found {
        // An older signature is found again by the name of its tag.
        let named = one.manifest.annotations.contains_key(REF_NAME);
        if one.tag.is_some() && !named {
            continue;
        }
        for blob in one.blobs {
            layout.add(blob);
        }
        layout.add_raw(one.bytes, one.manifest);
    }
    Ok(layout.to_tar())
}
