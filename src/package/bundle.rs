//! Makes a bundle: the app as one OCI image layout.

use std::collections::BTreeMap;

use super::PackageError;
use super::attachment::{Extras, attachments, part_file};
use super::layout::Layout;
use super::sbom::sbom;
use crate::digest::Digest;
use crate::name::{ComponentName, PackageId};
use crate::registry::Artifact;
use crate::trust::KeyPair;

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
    let parts = contents.parts.into_iter().map(|part| part_file(part.name.as_str(), part.bytes)).collect();
    let extras = Extras { parts, sbom: Some(list), provenance: None };
    for attachment in attachments(contents.id, &app, extras, contents.created, key) {
        for blob in attachment.blobs {
            layout.add(blob);
        }
        layout.add_manifest(attachment.manifest);
    }
    Ok(Bundled { tar: layout.to_tar(), manifest: app.digest, content })
}
