//! Makes a bundle: the app as one OCI image layout.

use std::collections::BTreeMap;

use super::PackageError;
use super::layout::Layout;
use super::sbom::{SBOM_MEDIA_TYPE, sbom};
use crate::digest::Digest;
use crate::name::{ComponentName, PackageId};
use crate::registry::{Artifact, Descriptor, EMPTY_MEDIA_TYPE, Manifest, REF_NAME, WASM_MEDIA_TYPE};
use crate::trust::{self, BUNDLE_MEDIA_TYPE, KeyPair, SIGNATURE_ANNOTATION, SIGNED, SIMPLE_MEDIA_TYPE};

/// The artifact type of the manifest that holds an app's parts.
pub const PARTS_MEDIA_TYPE: &str = "application/vnd.jointer.parts.v1";

const TITLE: &str = "org.opencontainers.image.title";
const CREATED: &str = "org.opencontainers.image.created";
const SIGNATURE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// A part of an app, as it went into the composition.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its name in the app.
    pub name: ComponentName,
    /// The component.
    pub bytes: Vec<u8>,
    /// What it is written in, where that is known.
    pub language: Option<String>,
    /// The guest tools that built it, with their versions, where they are known.
    pub tools: BTreeMap<String, String>,
}

/// What goes into a bundle.
#[derive(Debug)]
pub struct Contents<'a> {
    /// The app.
    pub id: &'a PackageId,
    /// The composed component.
    pub component: Vec<u8>,
    /// Its parts.
    pub parts: Vec<Part>,
    /// When it says to be made; from [`crate::registry::creation_time`].
    pub created: &'a str,
}

/// A bundle.
#[derive(Debug)]
pub struct Bundled {
    /// The file.
    pub tar: Vec<u8>,
    /// The digest of the app's manifest: what is signed, and what it will have in every registry.
    pub manifest: Digest,
    /// The digest of the composed component.
    pub content: Digest,
}

/// Makes a bundle, signed when there is a key. The same contents and key give the same bytes.
///
/// # Errors
/// When the composed component or a part is not WebAssembly.
pub fn bundle(contents: Contents<'_>, key: Option<&KeyPair>) -> Result<Bundled, PackageError> {
    let artifact = Artifact::pack(contents.id, contents.component.clone(), contents.created)?;
    let list = sbom(&contents, artifact.manifest_digest)?;
    let mut layout = Layout::default();
    let content = layout.add(artifact.layer);
    layout.add(artifact.config);
    let manifest = serde_json::from_slice(&artifact.manifest)
        .map_err(|error| PackageError::Corrupt(format!("its own manifest: {error}")))?;
    let app = layout.add_manifest(manifest);
    let parts = add_parts(&mut layout, &app, contents.parts);
    let list = add_sbom(&mut layout, &app, list);
    if let Some(key) = key {
        for signed in [&app, &parts, &list] {
            add_signature(&mut layout, signed, contents.created, key);
        }
        add_simple_signature(&mut layout, &app, contents.id, key);
    }
    Ok(Bundled { tar: layout.to_tar(), manifest: app.digest, content })
}

/// A manifest about the app without a config of its own.
fn about(layout: &mut Layout, subject: &Descriptor, kind: &str, layers: Vec<Descriptor>) -> Manifest {
    let empty = b"{}";
    layout.add(empty.to_vec());
    let mut manifest = Manifest::new(Descriptor::of(EMPTY_MEDIA_TYPE, empty), layers);
    manifest.artifact_type = Some(kind.to_owned());
    manifest.subject = Some(subject.clone());
    manifest
}

fn add_parts(layout: &mut Layout, app: &Descriptor, parts: Vec<Part>) -> Descriptor {
    let mut layers = Vec::new();
    for part in parts {
        layers.push(
            Descriptor::of(WASM_MEDIA_TYPE, &part.bytes).annotated(TITLE, &format!("{}.wasm", part.name)),
        );
        layout.add(part.bytes);
    }
    let manifest = about(layout, app, PARTS_MEDIA_TYPE, layers);
    layout.add_manifest(manifest)
}

fn add_sbom(layout: &mut Layout, app: &Descriptor, list: Vec<u8>) -> Descriptor {
    let layer = Descriptor::of(SBOM_MEDIA_TYPE, &list).annotated(TITLE, "sbom.cdx.json");
    layout.add(list);
    let manifest = about(layout, app, SBOM_MEDIA_TYPE, vec![layer]);
    layout.add_manifest(manifest)
}

/// The signature of a manifest in the form of cosign 3.
fn add_signature(layout: &mut Layout, signed: &Descriptor, created: &str, key: &KeyPair) {
    let signature = trust::sign(signed.digest, key);
    let layer = Descriptor::of(BUNDLE_MEDIA_TYPE, &signature);
    layout.add(signature);
    let mut manifest = about(layout, signed, BUNDLE_MEDIA_TYPE, vec![layer]);
    for (name, value) in [
        ("dev.sigstore.bundle.content", "dsse-envelope"),
        ("dev.sigstore.bundle.predicateType", SIGNED),
        (CREATED, created),
    ] {
        manifest.annotations.insert(name.to_owned(), value.to_owned());
    }
    layout.add_manifest(manifest);
}

/// The same in the form of cosign 2, which looks for it by its tag.
fn add_simple_signature(layout: &mut Layout, signed: &Descriptor, id: &PackageId, key: &KeyPair) {
    let identity = format!("{}/{}", id.name.namespace, id.name.name);
    let simple = trust::sign_simple(signed.digest, &identity, key);
    let config = serde_json::json!({
        "architecture": "",
        "config": {},
        "created": "0001-01-01T00:00:00Z",
        "history": [{ "created": "0001-01-01T00:00:00Z" }],
        "os": "",
        "rootfs": { "type": "layers", "diff_ids": [Digest::of(&simple.payload)] },
    });
    let config = config.to_string().into_bytes();
    let layer =
        Descriptor::of(SIMPLE_MEDIA_TYPE, &simple.payload).annotated(SIGNATURE_ANNOTATION, &simple.signature);
    let mut manifest = Manifest::new(Descriptor::of(SIGNATURE_CONFIG, &config), vec![layer]);
    manifest.annotations.insert(REF_NAME.to_owned(), format!("sha256-{}.sig", signed.digest.hex()));
    layout.add(config);
    layout.add(simple.payload);
    layout.add_manifest(manifest);
}
