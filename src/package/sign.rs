//! Signs a package that is in a registry, or says something about it there.
//!
//! Signatures in cosign's older form share one tag, and registries cannot replace a tag only if nobody else has just
//! done so. So what is there is read and added to, and afterwards looked for again: when somebody else wrote at the same
//! time, it is done once more, and a signature that still is not there is an error, never a silent loss.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::attachment::{signature, simple_layer, simple_manifest};
use super::{PackageError, Signatory};
use crate::digest::Digest;
use crate::name::PackageId;
use crate::registry::{
    self, Artifact, Attachment, Descriptor, MANIFEST_MEDIA_TYPE, Manifest, Published, Registry,
    RegistryError, Store,
};
use crate::trust::{self, KeyPair, SIGNATURE_ANNOTATION, SIGNED, SIMPLE_MEDIA_TYPE, TrustError, Who};

/// How often it is tried to get a word in beside others.
const ATTEMPTS: u32 = 8;

/// In which forms to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forms {
    /// A Sigstore bundle, which cosign 3 finds as a referrer.
    pub bundle: bool,
    /// The older form, which cosign 2 finds by its tag.
    pub legacy: bool,
}

/// What was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// The package.
    pub package: PackageId,
    /// Where it is.
    pub registry: String,
    /// The digest of its manifest, which is what the signature is for.
    pub manifest: Digest,
    /// Who signed.
    #[serde(flatten)]
    pub who: Who,
    /// The digests of the manifests that hold the signatures.
    pub attached: Vec<Digest>,
}

/// A package in a registry.
pub struct Place<'a> {
    /// The registry.
    pub registry: &'a dyn Registry,
    /// What passes through here is kept there.
    pub store: &'a Store,
    /// The package.
    pub id: &'a PackageId,
}

impl Place<'_> {
    /// Signs the package, after having fetched and checked all of it. Without a key there is no older form.
    ///
    /// # Errors
    /// When it is not there or calls itself something else, or when the registry cannot be asked or loses the
    /// signature.
    pub fn sign(&self, by: &Signatory, forms: Forms, created: &str) -> Result<Signed, PackageError> {
        let subject = self.subject()?;
        let mut attached = Vec::new();
        let key = by.key();
        let (bundle, who) = by.sign(subject.digest, Some(self.id))?;
        if forms.bundle || key.is_none() {
            attached.push(self.refer(&signature(&subject, SIGNED, bundle, created), subject.digest)?);
        }
        if let Some(key) = key.filter(|_| forms.legacy) {
            attached.push(self.add_simple(subject.digest, key)?);
        }
        Ok(self.signed(subject.digest, who, attached))
    }

    /// Says something about the package.
    ///
    /// # Errors
    /// As [`Place::sign`].
    pub fn attest(
        &self,
        predicate_type: &str,
        predicate: &Value,
        by: &Signatory,
        created: &str,
    ) -> Result<Signed, PackageError> {
        let subject = self.subject()?;
        let (bundle, who) = by.attest(subject.digest, predicate_type, predicate)?;
        let attached = self.refer(&signature(&subject, predicate_type, bundle, created), subject.digest)?;
        Ok(self.signed(subject.digest, who, vec![attached]))
    }

    fn signed(&self, manifest: Digest, who: Who, attached: Vec<Digest>) -> Signed {
        Signed { package: self.id.clone(), registry: self.registry.name(), manifest, who, attached }
    }

    /// The package's manifest; all that it names is there and right.
    fn subject(&self) -> Result<Descriptor, PackageError> {
        let pinned = registry::resolve(self.registry, self.id, self.store)?;
        registry::fetch(self.registry, &self.id.name, pinned.manifest, self.store)?;
        let bytes = self.store.read(pinned.manifest)?.unwrap_or_default();
        let manifest = Manifest::of_package(&bytes).map_err(PackageError::Corrupt)?;
        let said = |name: &str| manifest.annotations.get(&format!("org.opencontainers.image.{name}"));
        let name = said("title").and_then(|title| title.parse().ok()).unwrap_or_else(|| self.id.name.clone());
        let version = said("version")
            .and_then(|version| version.parse().ok())
            .unwrap_or_else(|| self.id.version.clone());
        let found = PackageId { name, version };
        if found != *self.id {
            let (asked, found) = (self.id.to_string(), found.to_string());
            return Err(TrustError::AnotherPackage { asked, found }.into());
        }
        Ok(Descriptor::of(MANIFEST_MEDIA_TYPE, &bytes))
    }

    /// Attaches something that says itself what it is about, and makes sure that it is found.
    fn refer(&self, attachment: &Attachment, subject: Digest) -> Result<Digest, PackageError> {
        for attempt in 0..ATTEMPTS {
            let digest = registry::attach(self.registry, &self.id.name, attachment)?;
            let listed = self.registry.referrers(&self.id.name, subject)?;
            if listed.iter().any(|entry| entry.digest == digest) {
                return Ok(digest);
            }
            wait(attempt);
        }
        Err(self.lost())
    }

    /// Adds a signature in the older form to those that are there.
    fn add_simple(&self, subject: Digest, key: &KeyPair) -> Result<Digest, PackageError> {
        let repository = format!("{}/{}/{}", self.registry.name(), self.id.name.namespace, self.id.name.name);
        let ours = simple_layer(&trust::sign_simple(subject, &repository, key));
        for attempt in 0..ATTEMPTS {
            let mut layers = self.simple_layers(subject)?;
            if !layers.contains(&ours) {
                layers.push(ours.clone());
            }
            let digest = registry::attach(self.registry, &self.id.name, &simple_manifest(subject, layers))?;
            // Whoever read before this was written has written by then.
            wait(attempt);
            if self.simple_layers(subject)?.contains(&ours) {
                return Ok(digest);
            }
        }
        Err(self.lost())
    }

    /// The signatures under the older form's tag.
    fn simple_layers(&self, subject: Digest) -> Result<Vec<(Descriptor, Bytes)>, RegistryError> {
        let attached = registry::attachments(self.registry, &self.id.name, subject, self.store)?;
        let mut found = Vec::new();
        for one in attached.into_iter().filter(|one| one.tag.is_some()) {
            let layers = one.manifest.layers.into_iter().zip(one.blobs.into_iter().skip(1));
            found.extend(layers.filter(|(layer, _)| {
                layer.media_type == SIMPLE_MEDIA_TYPE && layer.annotations.contains_key(SIGNATURE_ANNOTATION)
            }));
        }
        Ok(found)
    }

    fn lost(&self) -> PackageError {
        PackageError::SignatureLost { package: self.id.to_string(), registry: self.registry.name() }
    }
}

/// Publishes an artifact with what is attached to it, as [`registry::publish`] does. Signatures in the older form that
/// others have put beside the same manifest stay there.
///
/// # Errors
/// Those of [`registry::publish`]; [`PackageError::SignatureLost`] when somebody else wrote at the same time.
pub fn publish(
    place: &Place<'_>,
    artifact: &Artifact,
    attachments: Vec<Attachment>,
    dry: bool,
) -> Result<Published, PackageError> {
    let subject = artifact.manifest_digest;
    let tag = format!("sha256-{}.sig", subject.hex());
    let mut ours = Vec::new();
    let mut all = Vec::new();
    for attachment in attachments {
        if attachment.tag() != Some(&tag) {
            all.push(attachment);
            continue;
        }
        // The config comes first.
        let layers = attachment.manifest.layers.into_iter().zip(attachment.blobs.into_iter().skip(1));
        ours.extend(layers);
        let mut together = place.simple_layers(subject)?;
        let missing: Vec<_> = ours.iter().filter(|layer| !together.contains(layer)).cloned().collect();
        together.extend(missing);
        all.push(simple_manifest(subject, together));
    }
    let published = registry::publish(place.registry, place.id, artifact, &all, dry)?;
    if !dry && !ours.is_empty() {
        let there = place.simple_layers(subject)?;
        if !ours.iter().all(|layer| there.contains(layer)) {
            return Err(place.lost());
        }
    }
    Ok(published)
}

/// Waits longer each time, and never as long as somebody else who waits too.
fn wait(attempt: u32) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let spread = u64::from(now.subsec_micros() + std::process::id()) % (100 << attempt);
    std::thread::sleep(Duration::from_millis(60 + spread));
}
