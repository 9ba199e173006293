//! Publishing: blobs, the manifest by its digest, what is attached to it, and its tag last. So nobody ever
//! finds a version that is incomplete or whose signature is not there yet.

use bytes::Bytes;
use serde::Serialize;

use super::transfer::{not_found, tag};
use super::{
    Artifact, Attachment, CONFIG_MEDIA_TYPE, Descriptor, MANIFEST_MEDIA_TYPE, Manifest, Reference, Registry,
    RegistryError,
};
use crate::digest::Digest;
use crate::name::{PackageId, PackageName};
use crate::threads::both;

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

/// One thing that is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// What kind of thing.
    pub kind: StepKind,
    /// Its media type, or the tag.
    pub what: String,
    /// Its digest, or that of the manifest that the tag is for.
    pub digest: Digest,
    /// How many bytes.
    pub size: u64,
    /// Whether the registry had it before.
    pub there: bool,
}

/// See [`Step`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// A layer or a config.
    Blob,
    /// A manifest, by its digest.
    Manifest,
    /// A manifest gets a name.
    Tag,
}

impl std::fmt::Display for StepKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Blob => "blob",
            Self::Manifest => "manifest",
            Self::Tag => "tag",
        })
    }
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
    /// The digests of what is attached.
    pub attachments: Vec<Digest>,
    /// All that was sent or would be, in its order.
    pub steps: Vec<Step>,
}

/// Publishes an artifact with what is attached to it. A version that is there with the same component is
/// left as it is. With `dry`, nothing is sent: the steps say what would be.
///
/// # Errors
/// [`RegistryError::Conflict`] when the version is there with another component, or with another manifest
/// than the attachments are about; or when the registry cannot be asked or refuses.
pub fn publish(
    registry: &dyn Registry,
    id: &PackageId,
    artifact: &Artifact,
    attachments: &[Attachment],
    dry: bool,
) -> Result<Published, RegistryError> {
    let tag = tag(id)?;
    let there = existing(registry, id, &tag, artifact)?;
    if let Some(found) = there.filter(|found| *found != artifact.manifest_digest && !attachments.is_empty()) {
        return Err(RegistryError::Conflict {
            what: id.to_string(),
            registry: registry.name(),
            found,
            ours: artifact.manifest_digest,
        });
    }
    let mut sending = Sending::new(registry, &id.name, dry);
    if there.is_none() {
        sending.artifact(artifact)?;
        sending.manifest(&artifact.manifest)?;
    }
    let attached = attachments.iter().map(|attachment| sending.attachment(attachment));
    let attached = attached.collect::<Result<_, RegistryError>>()?;
    let mut manifest = there.unwrap_or(artifact.manifest_digest);
    if there.is_none() {
        sending.tag(&tag, &artifact.manifest)?;
        if !dry {
            // Registries have no "only if absent", so look who won.
            let now = existing(registry, id, &tag, artifact)?;
            manifest = now.ok_or_else(|| not_found(registry, id.to_string()))?;
        }
    }
    let missing = sending.steps.iter().any(|step| !step.there);
    Ok(Published {
        outcome: match (missing, dry) {
            (false, _) => Outcome::Unchanged,
            (true, true) => Outcome::Would,
            (true, false) => Outcome::Published,
        },
        package: id.clone(),
        registry: registry.name(),
        manifest,
        content: artifact.layer_descriptor.digest,
        size: artifact.layer_descriptor.size,
        attachments: attached,
        steps: sending.steps,
    })
}

/// Sends one thing after the other, or only writes down that it would.
pub(super) struct Sending<'a> {
    registry: &'a dyn Registry,
    package: &'a PackageName,
    dry: bool,
    pub(super) steps: Vec<Step>,
}

impl<'a> Sending<'a> {
    pub(super) fn new(registry: &'a dyn Registry, package: &'a PackageName, dry: bool) -> Self {
        Self { registry, package, dry, steps: Vec::new() }
    }

    /// What a manifest needs to be there before it.
    pub(super) fn artifact(&mut self, artifact: &Artifact) -> Result<(), RegistryError> {
        let layer = &artifact.layer_descriptor;
        let (config_there, layer_there) = both(
            || self.sent(artifact.config_digest, &artifact.config),
            || self.sent(layer.digest, &artifact.layer),
        );
        self.note(StepKind::Blob, &layer.media_type, layer.digest, &artifact.layer, layer_there?);
        let config = &artifact.config;
        self.note(StepKind::Blob, CONFIG_MEDIA_TYPE, artifact.config_digest, config, config_there?);
        Ok(())
    }

    /// Sends a blob, or only looks; tells whether it was there.
    fn sent(&self, digest: Digest, bytes: &Bytes) -> Result<bool, RegistryError> {
        match self.dry {
            true => self.registry.has_blob(self.package, digest),
            false => self.registry.put_blob(self.package, digest, bytes),
        }
    }

    fn blob(&mut self, media_type: &str, digest: Digest, bytes: &Bytes) -> Result<(), RegistryError> {
        let there = self.sent(digest, bytes)?;
        self.note(StepKind::Blob, media_type, digest, bytes, there);
        Ok(())
    }

    fn manifest(&mut self, bytes: &[u8]) -> Result<(), RegistryError> {
        let digest = Digest::of(bytes);
        let reference = Reference::Digest(digest);
        let there = self.registry.manifest(self.package, &reference)?.is_some();
        self.note(StepKind::Manifest, MANIFEST_MEDIA_TYPE, digest, bytes, there);
        if there || self.dry {
            return Ok(());
        }
        self.registry.put_manifest(self.package, &reference, bytes)
    }

    pub(super) fn tag(&mut self, tag: &str, manifest: &[u8]) -> Result<(), RegistryError> {
        self.note(StepKind::Tag, tag, Digest::of(manifest), manifest, false);
        if self.dry {
            return Ok(());
        }
        self.registry.put_manifest(self.package, &Reference::Tag(tag.to_owned()), manifest)
    }

    fn attachment(&mut self, attachment: &Attachment) -> Result<Digest, RegistryError> {
        let manifest = attachment.manifest.to_bytes();
        let digest = Digest::of(&manifest);
        let package = self.package;
        for blob in &attachment.blobs {
            let digest = Digest::of(blob);
            if self.steps.iter().all(|step| step.digest != digest) {
                self.blob(kind(&attachment.manifest, digest), digest, blob)?;
            }
        }
        let (listed, name, step) = match attachment.tag() {
            Some(tag) => {
                let now = self.registry.manifest(package, &Reference::Tag(tag.to_owned()))?;
                (now.is_some_and(|now| Digest::of(&now) == digest), tag.to_owned(), StepKind::Tag)
            }
            None => {
                let kind = attachment.manifest.artifact_type.clone().unwrap_or_default();
                (self.is_listed(&attachment.manifest, digest)?, kind, StepKind::Manifest)
            }
        };
        self.note(step, &name, digest, &manifest, listed);
        if !listed && !self.dry {
            self.registry.put_manifest(package, &attachment.reference(digest), &manifest)?;
        }
        Ok(digest)
    }

    fn is_listed(&self, manifest: &Manifest, digest: Digest) -> Result<bool, RegistryError> {
        let Some(subject) = &manifest.subject else { return Ok(false) };
        let listed: Vec<Descriptor> = self.registry.referrers(self.package, subject.digest)?;
        Ok(listed.iter().any(|entry| entry.digest == digest))
    }

    fn note(&mut self, kind: StepKind, what: &str, digest: Digest, bytes: &[u8], there: bool) {
        let size = bytes.len() as u64;
        self.steps.push(Step { kind, what: what.to_owned(), digest, size, there });
    }
}

/// The media type that a manifest gives one of its blobs.
fn kind(manifest: &Manifest, digest: Digest) -> &str {
    let named = std::iter::once(&manifest.config).chain(&manifest.layers).find(|blob| blob.digest == digest);
    named.map_or("application/octet-stream", |blob| blob.media_type.as_str())
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
