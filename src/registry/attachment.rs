//! What is attached to a package: signatures, bills of materials, provenance, parts. Each is a manifest of
//! its own that says which manifest it is about; cosign's older signatures have a tag instead.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::transfer::held;
use super::{Descriptor, EMPTY_MEDIA_TYPE, Manifest, REF_NAME, Reference, Registry, RegistryError, Store};
use crate::digest::Digest;
use crate::name::PackageName;

const EMPTY: &[u8] = b"{}";
/// A blob of an attachment may not be larger.
const MAX_BLOB: u64 = 256 << 20;
/// All of them together may not be larger.
const MAX_TOTAL: u64 = 1 << 30;
const MAX_LAYERS: usize = 1000;
/// The ends of cosign's older tags: signatures and attestations.
const OLD_TAGS: [&str; 2] = ["sig", "att"];

/// A manifest about a package, with everything that it refers to but its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its subject is what it is about. A signature in cosign's older form has none, and a tag instead.
    pub manifest: Manifest,
    /// Its config and its layers, in any order.
    pub blobs: Vec<Bytes>,
}

impl Attachment {
    /// About `subject`, of this kind, without a config of its own.
    pub fn about(subject: &Descriptor, kind: &str, layers: Vec<(Descriptor, Vec<u8>)>) -> Self {
        let mut blobs = vec![Bytes::from_static(EMPTY)];
        let mut descriptors = Vec::new();
        for (descriptor, bytes) in layers {
            descriptors.push(descriptor);
            blobs.push(bytes.into());
        }
        let mut manifest = Manifest::new(Descriptor::of(EMPTY_MEDIA_TYPE, EMPTY), descriptors);
        manifest.artifact_type = Some(kind.to_owned());
        manifest.subject =
            Some(Descriptor { artifact_type: None, annotations: BTreeMap::new(), ..subject.clone() });
        Self { manifest, blobs }
    }

    /// The same with an annotation.
    #[must_use]
    pub fn annotated(mut self, name: &str, value: &str) -> Self {
        self.manifest.annotations.insert(name.to_owned(), value.to_owned());
        self
    }

    /// What a list of manifests says about it.
    pub fn descriptor(&self) -> Descriptor {
        self.manifest.descriptor(&self.manifest.to_bytes())
    }

    /// The tag that it is put under, as its annotation [`REF_NAME`] has it; the others are found through
    /// their subject.
    pub fn tag(&self) -> Option<&str> {
        self.manifest.annotations.get(REF_NAME).map(String::as_str)
    }

    /// What it is put under: its tag, else the digest of its manifest.
    pub(super) fn reference(&self, digest: Digest) -> Reference {
        self.tag().map_or(Reference::Digest(digest), |tag| Reference::Tag(tag.to_owned()))
    }
}

/// An attachment as a registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The digest of [`Attached::bytes`].
    pub digest: Digest,
    /// The manifest's own bytes.
    pub bytes: Vec<u8>,
    /// The same, read.
    pub manifest: Manifest,
    /// Its config and then its layers, in the manifest's order.
    pub blobs: Vec<Bytes>,
    /// The tag by which it was found, where it does not say itself what it is about.
    pub tag: Option<String>,
}

/// All that was found, and what was not taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// What is right.
    pub attached: Vec<Attached>,
    /// One line for each entry that is broken, missing or too large.
    pub passed_over: Vec<String>,
}

/// Sends an attachment, its blobs first. What is there is not sent again.
///
/// # Errors
/// When the registry cannot be asked or refuses it.
pub fn attach(
    registry: &dyn Registry,
    package: &PackageName,
    attachment: &Attachment,
) -> Result<Digest, RegistryError> {
    for blob in &attachment.blobs {
        registry.put_blob(package, Digest::of(blob), blob)?;
    }
    let bytes = attachment.manifest.to_bytes();
    let digest = Digest::of(&bytes);
    registry.put_manifest(package, &attachment.reference(digest), &bytes)?;
    Ok(digest)
}

/// Everything attached to a manifest that is complete and right.
///
/// # Errors
/// As [`found`].
pub fn attachments(
    registry: &dyn Registry,
    package: &PackageName,
    subject: Digest,
    store: &Store,
) -> Result<Vec<Attached>, RegistryError> {
    Ok(found(registry, package, subject, store)?.attached)
}

/// Everything attached to a manifest: what says that it is about it, and cosign's older tags. Whatever is
/// wrong with one entry is told and passed over.
///
/// # Errors
/// When the registry cannot be asked: that must not look as if nothing were attached.
pub fn found(
    registry: &dyn Registry,
    package: &PackageName,
    subject: Digest,
    store: &Store,
) -> Result<Found, RegistryError> {
    let mut listed: Vec<(Reference, Option<String>)> = registry
        .referrers(package, subject)?
        .iter()
        .map(|entry| (Reference::Digest(entry.digest), None))
        .collect();
    listed.extend(OLD_TAGS.iter().map(|end| {
        let tag = format!("sha256-{}.{end}", subject.hex());
        (Reference::Tag(tag.clone()), Some(tag))
    }));
    let mut found = Found::default();
    let mut left = MAX_TOTAL;
    for (reference, tag) in listed {
        match read(registry, package, &reference, tag, store, &mut left) {
            Ok(Some(attached)) => found.attached.push(attached),
            Ok(None) => {}
            Err(Broken::Entry(why)) => found.passed_over.push(format!("{reference}: {why}")),
            Err(Broken::Registry(error)) => return Err(error),
        }
    }
    Ok(found)
}

enum Broken {
    Entry(String),
    Registry(RegistryError),
}

impl From<RegistryError> for Broken {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::NotFound { .. }
            | RegistryError::Corrupt { .. }
            | RegistryError::TooLarge { .. } => Self::Entry(error.to_string()),
            other => Self::Registry(other),
        }
    }
}

/// One of them; `None` where there is nothing under the tag.
fn read(
    registry: &dyn Registry,
    package: &PackageName,
    reference: &Reference,
    tag: Option<String>,
    store: &Store,
    left: &mut u64,
) -> Result<Option<Attached>, Broken> {
    let Some(bytes) = registry.manifest(package, reference)? else {
        return match tag {
            Some(_) => Ok(None),
            None => Err(Broken::Entry("it is listed and not there".to_owned())),
        };
    };
    let manifest: Manifest = serde_json::from_slice(&bytes)
        .map_err(|error| Broken::Entry(format!("it is not a manifest: {error}")))?;
    if manifest.layers.len() > MAX_LAYERS {
        return Err(Broken::Entry(format!("it has {} layers", manifest.layers.len())));
    }
    let mut blobs = Vec::new();
    for blob in std::iter::once(&manifest.config).chain(&manifest.layers) {
        blobs.push(contents(registry, package, blob, store, left)?);
    }
    Ok(Some(Attached { digest: Digest::of(&bytes), bytes, manifest, blobs, tag }))
}

fn contents(
    registry: &dyn Registry,
    package: &PackageName,
    blob: &Descriptor,
    store: &Store,
    left: &mut u64,
) -> Result<Bytes, Broken> {
    if blob.size > MAX_BLOB.min(*left) {
        return Err(Broken::Entry(format!("{} has {} bytes, which is too much", blob.digest, blob.size)));
    }
    if !blob.urls.is_empty() {
        return Err(Broken::Entry(format!("{} should be fetched from elsewhere", blob.digest)));
    }
    *left -= blob.size;
    let bytes = held(registry, package, blob, store)?;
    match bytes.len() as u64 == blob.size {
        true => Ok(bytes.into()),
        false => Err(Broken::Entry(format!("{} has another size than it says", blob.digest))),
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;

    use super::*;
    use crate::app::Dirs;
    use crate::registry::{DirRegistry, MANIFEST_MEDIA_TYPE};

    struct Here {
        _dir: tempfile::TempDir,
        root: Utf8PathBuf,
        registry: DirRegistry,
        store: Store,
        package: PackageName,
    }

    fn here() -> Here {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
        Here {
            registry: DirRegistry::new("here".to_owned(), root.join("packages")),
            store: Store::new(&Dirs::at(root.join("cache"))),
            package: "acme:greet".parse().unwrap(),
            root,
            _dir: dir,
        }
    }

    fn tagged(tag: &str, word: &str) -> Attachment {
        let mut tagged = attachment(b"", word).annotated(REF_NAME, tag);
        tagged.manifest.subject = None;
        tagged
    }

    fn attachment(subject: &[u8], word: &str) -> Attachment {
        let layer = (Descriptor::of("text/plain", word.as_bytes()), word.as_bytes().to_vec());
        Attachment::about(&Descriptor::of(MANIFEST_MEDIA_TYPE, subject), "text/plain", vec![layer])
    }

    #[test]
    fn what_is_attached_is_found_with_its_blobs_and_nothing_else() {
        let here = here();
        let digest = attach(&here.registry, &here.package, &attachment(b"one", "signature")).unwrap();
        attach(&here.registry, &here.package, &attachment(b"two", "other")).unwrap();
        let old = tagged(&format!("sha256-{}.sig", Digest::of(b"one").hex()), "old signature");
        attach(&here.registry, &here.package, &old).unwrap();
        attach(&here.registry, &here.package, &attachment(b"one", "signature")).unwrap();
        let all = attachments(&here.registry, &here.package, Digest::of(b"one"), &here.store).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].digest, &all[0].blobs[1]), (digest, &b"signature"[..].into()));
        assert_eq!((all[1].tag.as_deref(), &all[1].blobs[1]), (old.tag(), &b"old signature"[..].into()));
        assert_eq!(here.registry.referrers(&here.package, Digest::of(b"two")).unwrap().len(), 1);
    }

    #[test]
    fn a_broken_attachment_is_told_and_does_not_hide_the_others() {
        let here = here();
        attach(&here.registry, &here.package, &attachment(b"one", "good")).unwrap();
        attach(&here.registry, &here.package, &attachment(b"one", "bad")).unwrap();
        let blob = here.root.join("packages/acme/greet/blobs/sha256").join(Digest::of(b"bad").hex());
        std::fs::write(&blob, "bat").unwrap();
        let mut elsewhere = attachment(b"one", "elsewhere");
        elsewhere.manifest.layers[0].urls = vec!["http://example.com".to_owned()];
        attach(&here.registry, &here.package, &elsewhere).unwrap();
        let found = found(&here.registry, &here.package, Digest::of(b"one"), &here.store).unwrap();
        assert_eq!(found.attached.len(), 1);
        assert_eq!(found.attached[0].blobs[1], b"good"[..]);
        assert_eq!(found.passed_over.len(), 2, "{:?}", found.passed_over);
    }

    #[test]
    fn a_versions_tag_never_moves_and_others_do() {
        let here = here();
        let put = |tag: &str, word: &str| attach(&here.registry, &here.package, &tagged(tag, word));
        for tag in ["sha256-00.sig", "latest"] {
            let (one, two) = (put(tag, "one").unwrap(), put(tag, "two").unwrap());
            assert_ne!(one, two);
            let reference = Reference::Tag(tag.to_owned());
            let now = here.registry.manifest(&here.package, &reference).unwrap().unwrap();
            assert_eq!(Digest::of(&now), two);
        }
        put("1.0.0", "one").unwrap();
        assert!(matches!(put("1.0.0", "two"), Err(RegistryError::Conflict { .. })));
    }
}
