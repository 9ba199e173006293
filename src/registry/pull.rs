//! Pulling one package into a file, and pushing one file.

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::artifact::check_config;
use super::disk::temporary;
use super::publish::Sending;
use super::transfer::{held, not_found, pin};
use super::{
    Artifact, CONFIG_MEDIA_TYPE, Descriptor, Manifest, Outcome, Reference, Registry, RegistryError, Step,
    Store,
};
use crate::digest::Digest;
use crate::error::FileError;
use crate::name::PackageName;
use crate::threads::both;

/// What was pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pulled {
    /// The digest of the manifest.
    pub manifest: Digest,
    /// The digest of the component.
    pub layer: Digest,
    /// Its size.
    pub size: u64,
    /// What is attached: digests and kinds. `None` where the registry does not tell.
    pub referrers: Option<Vec<Referrer>>,
}

/// Something that is attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Referrer {
    /// The digest of its manifest.
    pub digest: Digest,
    /// What it is.
    pub kind: String,
}

/// What was pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pushed {
    /// What was done.
    pub outcome: Outcome,
    /// The digest of the manifest.
    pub manifest: Digest,
    /// The digest of the component.
    pub layer: Digest,
    /// Its size.
    pub size: u64,
    /// What is attached; nothing yet.
    pub referrers: Vec<Referrer>,
    /// All that was sent, or would be.
    pub steps: Vec<Step>,
}

/// Brings a package's component to `output`, complete and checked, or not at all. What the store has is
/// taken from there. Packages in the older forms of Spin and wash are read as well.
///
/// # Errors
/// When the registry does not have it, cannot be asked, or gives something that is wrong in any way.
pub fn pull(
    registry: &dyn Registry,
    package: &PackageName,
    reference: &Reference,
    store: &Store,
    output: &Utf8Path,
) -> Result<Pulled, RegistryError> {
    let what = format!("{package}@{reference}");
    let bytes = registry.manifest(package, reference)?.ok_or_else(|| not_found(registry, what.clone()))?;
    let manifest = Digest::of(&bytes);
    if let Reference::Digest(wanted) = reference
        && *wanted != manifest
    {
        return Err(RegistryError::Corrupt {
            what,
            registry: registry.name(),
            expected: wanted.to_string(),
            found: manifest.to_string(),
        });
    }
    let pinned = pin(registry, &what, &bytes)?;
    let refused =
        |why: String| RegistryError::NotAPackage { what: what.clone(), registry: registry.name(), why };
    // Beside the component, which takes longer.
    let rest = || -> Result<_, RegistryError> {
        if pinned.config.media_type == CONFIG_MEDIA_TYPE {
            let config = held(registry, package, &pinned.config, store)?;
            check_config(&config, pinned.layer.digest).map_err(&refused)?;
        }
        // Nothing is made of it here, so what was pulled is not lost for it.
        Ok(registry.referrers(package, manifest).ok())
    };
    let (rest, passing) = both(rest, || bring(registry, package, &pinned.layer, store, output));
    let referrers = rest?;
    let Passing { path, .. } = &passing?;
    let mut magic = [0; 4];
    let read =
        std::fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut magic));
    if read.is_err() || &magic != b"\0asm" {
        return Err(refused("its layer is not WebAssembly".to_owned()));
    }
    std::fs::rename(path, output).map_err(|error| FileError::writing(output, &error))?;
    Ok(Pulled {
        manifest,
        layer: pinned.layer.digest,
        size: pinned.layer.size,
        referrers: referrers.map(|listed| listed.into_iter().map(referrer).collect()),
    })
}

fn referrer(entry: Descriptor) -> Referrer {
    Referrer { digest: entry.digest, kind: entry.artifact_type.unwrap_or(entry.media_type) }
}

/// A layer in a folder beside its file, which goes with it.
struct Passing {
    path: Utf8PathBuf,
    _beside: tempfile::TempDir,
}

/// The layer to the folder of its file, hashed on its way, from where it is only renamed: no second copy is made, and
/// none is waited for.
fn bring(
    registry: &dyn Registry,
    package: &PackageName,
    layer: &Descriptor,
    store: &Store,
    output: &Utf8Path,
) -> Result<Passing, RegistryError> {
    let failed = |error: &std::io::Error| FileError::writing(output, error);
    let dir = output.parent().filter(|dir| !dir.as_str().is_empty()).unwrap_or(Utf8Path::new("."));
    let beside =
        tempfile::Builder::new().prefix(".jointer-").tempdir_in(dir).map_err(|error| failed(&error))?;
    let place = Utf8Path::from_path(beside.path()).unwrap_or(dir);
    let here = Store::passing(place);
    let path = here.path(layer.digest);
    if store.has(layer.digest) {
        let file = temporary(place)?;
        std::fs::copy(store.path(layer.digest), file.path()).map_err(|error| failed(&error))?;
        std::fs::create_dir_all(path.parent().unwrap_or(place)).map_err(|error| failed(&error))?;
        file.persist(&path).map_err(|error| failed(&error.error))?;
    } else {
        registry.blob(package, layer, &here)?;
    }
    Ok(Passing { path, _beside: beside })
}

/// Pushes an artifact under a tag. What is there is not sent again; a tag that is a version never moves,
/// others do. With `dry`, nothing is sent. While the artifact is made, the registry is asked what the tag is now.
///
/// # Errors
/// Those of `make`; [`RegistryError::Conflict`]; or when the registry cannot be asked or refuses.
pub fn push<E: From<RegistryError>>(
    registry: &dyn Registry,
    package: &PackageName,
    tag: &str,
    make: impl FnOnce() -> Result<Artifact, E>,
    dry: bool,
) -> Result<Pushed, E> {
    let reference = Reference::Tag(tag.to_owned());
    let (there, artifact) = both(|| registry.manifest(package, &reference), make);
    let artifact = &artifact?;
    Ok(send(registry, package, tag, artifact, there?, dry)?)
}

fn send(
    registry: &dyn Registry,
    package: &PackageName,
    tag: &str,
    artifact: &Artifact,
    there: Option<Vec<u8>>,
    dry: bool,
) -> Result<Pushed, RegistryError> {
    let pushed = |outcome, steps| Pushed {
        outcome,
        manifest: artifact.manifest_digest,
        layer: artifact.layer_descriptor.digest,
        size: artifact.layer_descriptor.size,
        referrers: Vec::new(),
        steps,
    };
    let there = there.map(|bytes| (Digest::of(&bytes), Manifest::of_package(&bytes).ok()));
    match there {
        Some((found, _)) if found == artifact.manifest_digest => {
            return Ok(pushed(Outcome::Unchanged, Vec::new()));
        }
        Some((found, _)) if super::oci::is_version(tag) => {
            return Err(RegistryError::Conflict {
                what: format!("{package}@{tag}"),
                registry: registry.name(),
                found,
                ours: artifact.manifest_digest,
            });
        }
        _ => {}
    }
    let mut sending = Sending::new(registry, package, dry);
    sending.artifact(artifact)?;
    sending.tag(tag, &artifact.manifest)?;
    let outcome = if dry { Outcome::Would } else { Outcome::Published };
    Ok(pushed(outcome, sending.steps))
}
