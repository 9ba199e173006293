//! Manifests about a package: what stands beside it in a bundle, and in a registry as its referrers.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{PackageError, SBOM_MEDIA_TYPE, Signatory};
use crate::digest::Digest;
use crate::name::PackageId;
use crate::registry::{Attachment, Descriptor, Manifest, REF_NAME, WASM_MEDIA_TYPE};
use crate::trust::{
    self, BUNDLE_MEDIA_TYPE, KeyPair, SIGNATURE_ANNOTATION, SIGNED, SIMPLE_MEDIA_TYPE, Simple,
};

/// The artifact type of the manifest that holds an app's parts.
pub const PARTS_MEDIA_TYPE: &str = "application/vnd.jointer.parts.v1";
/// The media type of an in-toto statement that nobody signed, which is also its artifact type.
pub const STATEMENT_MEDIA_TYPE: &str = "application/vnd.in-toto+json";
/// What an attestation of a bill of materials says of itself.
pub const SBOM_PREDICATE: &str = trust::CYCLONEDX;
/// What an attestation of provenance says of itself.
pub const PROVENANCE_PREDICATE: &str = trust::PROVENANCE;

pub(super) const TITLE: &str = "org.opencontainers.image.title";
const CREATED: &str = "org.opencontainers.image.created";
const PREDICATE: &str = "in-toto.io/predicate-type";
const SIGNATURE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// What is told about a package besides that it is signed.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// File names, media types and contents of the app's parts and of how they are wired.
    pub parts: Vec<(String, &'static str, Vec<u8>)>,
    /// The bill of materials.
    pub sbom: Option<Vec<u8>>,
    /// How it was made: the predicate of [`PROVENANCE_PREDICATE`].
    pub provenance: Option<Value>,
}

/// One file about a package.
fn file(subject: &Descriptor, kind: &str, title: &str, bytes: Vec<u8>) -> Attachment {
    Attachment::about(subject, kind, vec![(Descriptor::of(kind, &bytes).annotated(TITLE, title), bytes)])
}

/// All that is attached to the package `id` whose manifest is `subject`, in the order in which it is to be
/// sent: what `extras` has, and with a signatory the signatures of it and of the package, and attestations. The
/// same input and key give the same bytes.
///
/// # Errors
/// When nothing can be signed; never with a key.
pub fn attachments(
    id: &PackageId,
    subject: &Descriptor,
    extras: Extras,
    created: &str,
    signatory: Option<&Signatory>,
) -> Result<Vec<Attachment>, PackageError> {
    let Extras { parts, sbom, provenance } = extras;
    let mut told = Vec::new();
    if !parts.is_empty() {
        told.push(parts_of(subject, parts));
    }
    // Copied, because both the file and what is signed about it are sent.
    let list = sbom.as_deref().and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
    told.extend(sbom.map(|bytes| file(subject, SBOM_MEDIA_TYPE, "sbom.cdx.json", bytes)));
    told.extend(provenance.as_ref().map(|predicate| {
        let statement = statement(id, subject.digest, PROVENANCE_PREDICATE, predicate);
        file(subject, STATEMENT_MEDIA_TYPE, "provenance.intoto.json", statement)
            .annotated(PREDICATE, PROVENANCE_PREDICATE)
    }));
    let Some(signatory) = signatory else { return Ok(told) };
    let signed: Vec<Descriptor> =
        std::iter::once(subject.clone()).chain(told.iter().map(Attachment::descriptor)).collect();
    for one in signed {
        let name = (one.digest == subject.digest).then_some(id);
        let (bundle, _) = signatory.sign(one.digest, name)?;
        told.push(signature(&one, SIGNED, bundle, created));
    }
    for (predicate_type, predicate) in [(SBOM_PREDICATE, list), (PROVENANCE_PREDICATE, provenance)] {
        let Some(predicate) = predicate else { continue };
        let (attested, _) = signatory.attest(subject.digest, predicate_type, &predicate)?;
        told.push(signature(subject, predicate_type, attested, created));
    }
    told.extend(signatory.key().map(|key| simple_signature(subject.digest, id, key)));
    Ok(told)
}

fn parts_of(subject: &Descriptor, parts: Vec<(String, &'static str, Vec<u8>)>) -> Attachment {
    let layers = parts
        .into_iter()
        .map(|(title, kind, bytes)| (Descriptor::of(kind, &bytes).annotated(TITLE, &title), bytes));
    Attachment::about(subject, PARTS_MEDIA_TYPE, layers.collect())
}

/// A part's file.
pub(super) fn part_file(name: &str, bytes: Vec<u8>) -> (String, &'static str, Vec<u8>) {
    (format!("{name}.wasm"), WASM_MEDIA_TYPE, bytes)
}

/// An in-toto statement about the package.
fn statement(id: &PackageId, subject: Digest, predicate_type: &str, predicate: &Value) -> Vec<u8> {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": id.to_string(), "digest": { "sha256": subject.hex() } }],
        "predicateType": predicate_type,
        "predicate": predicate,
    })
    .to_string()
    .into_bytes()
}

/// A signature or an attestation in the form of cosign 3.
pub(super) fn signature(
    subject: &Descriptor,
    predicate_type: &str,
    bundle: Vec<u8>,
    created: &str,
) -> Attachment {
    let layer = Descriptor::of(BUNDLE_MEDIA_TYPE, &bundle);
    Attachment::about(subject, BUNDLE_MEDIA_TYPE, vec![(layer, bundle)])
        .annotated("dev.sigstore.bundle.content", "dsse-envelope")
        .annotated("dev.sigstore.bundle.predicateType", predicate_type)
        .annotated(CREATED, created)
}

/// A signature in the form of cosign 2.
fn simple_signature(signed: Digest, id: &PackageId, key: &KeyPair) -> Attachment {
    let identity = format!("{}/{}", id.name.namespace, id.name.name);
    simple_manifest(signed, vec![simple_layer(&trust::sign_simple(signed, &identity, key))])
}

/// One signature of those that the form of cosign 2 keeps together.
pub(super) fn simple_layer(simple: &Simple) -> (Descriptor, Bytes) {
    let layer =
        Descriptor::of(SIMPLE_MEDIA_TYPE, &simple.payload).annotated(SIGNATURE_ANNOTATION, &simple.signature);
    (layer, simple.payload.clone().into())
}

/// All signatures of a manifest in the form of cosign 2, which looks for them by their tag.
pub(super) fn simple_manifest(signed: Digest, layers: Vec<(Descriptor, Bytes)>) -> Attachment {
    let digests: Vec<Digest> = layers.iter().map(|(layer, _)| layer.digest).collect();
    let history: Vec<Value> = layers.iter().map(|_| json!({ "created": "0001-01-01T00:00:00Z" })).collect();
    let config = json!({
        "architecture": "",
        "config": {},
        "created": "0001-01-01T00:00:00Z",
        "history": history,
        "os": "",
        "rootfs": { "type": "layers", "diff_ids": digests },
    });
    let config = config.to_string().into_bytes();
    let (layers, mut blobs): (Vec<_>, Vec<_>) = layers.into_iter().unzip();
    let manifest = Manifest::new(Descriptor::of(SIGNATURE_CONFIG, &config), layers);
    let tag = format!("sha256-{}.sig", signed.hex());
    blobs.insert(0, config.into());
    Attachment { manifest, blobs }.annotated(REF_NAME, &tag)
}
