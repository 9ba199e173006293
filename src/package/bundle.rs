//! Makes a bundle: the app as one OCI image layout.

use std::collections::BTreeMap;

use serde_json::Value;

use super::attachment::{Extras, attachments, part_file};
use super::layout::Layout;
use super::sbom::{Subject, sbom};
use super::wiring::{WIRING_MEDIA_TYPE, wiring};
use super::{PackageError, Signatory};
use crate::build::Wired;
use crate::component::Packages;
use crate::digest::Digest;
use crate::name::{ComponentName, PackageId};
use crate::registry::Artifact;

/// Beside the parts.
const WIRING_FILE: &str = "wiring.json";

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
    /// The packages of its language that went into it, where the build knows.
    pub packages: Option<Packages>,
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
    /// The part whose exports it has.
    pub root: &'a str,
    /// Which part's export satisfies which part's import; every other import is the host's.
    pub wiring: &'a [Wired],
    /// How it was made: from [`super::provenance()`].
    pub provenance: Option<Value>,
    /// When it says to be made; from [`crate::registry::creation_time`].
    pub created: &'a str,
}

impl Contents<'_> {
    /// All that is told about the app: what a bundle attaches to it.
    ///
    /// # Errors
    /// When the composed component or a part is not WebAssembly.
    pub fn extras(self) -> Result<Extras, PackageError> {
        let version = self.id.version.to_string();
        let subject = Subject {
            name: &self.id.name.to_string(),
            version: Some(&version),
            component: &self.component,
            parts: &self.parts,
            wiring: self.wiring,
            created: self.created,
        };
        let list = sbom(&subject)?;
        let wiring = (WIRING_FILE.to_owned(), WIRING_MEDIA_TYPE, wiring(&self)?);
        let parts = self.parts.into_iter().map(|part| part_file(part.name.as_str(), part.bytes));
        Ok(Extras { parts: parts.chain([wiring]).collect(), sbom: Some(list), provenance: self.provenance })
    }
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

/// Makes a bundle, signed when there is a signatory. The same contents and key give the same bytes.
///
/// # Errors
/// When the composed component or a part is not WebAssembly, or without a key nothing can be signed.
pub fn bundle(contents: Contents<'_>, by: Option<&Signatory>) -> Result<Bundled, PackageError> {
    let (id, created) = (contents.id, contents.created);
    let artifact = Artifact::pack(id, contents.component.clone(), created)?;
    let extras = contents.extras()?;
    let mut layout = Layout::default();
    let content = layout.add(artifact.layer);
    layout.add(artifact.config);
    let manifest = serde_json::from_slice(&artifact.manifest)
        .map_err(|error| PackageError::Corrupt(format!("its own manifest: {error}")))?;
    let app = layout.add_manifest(manifest);
    for attachment in attachments(id, &app, extras, created, by)? {
        for blob in attachment.blobs {
            layout.add(blob);
        }
        layout.add_manifest(attachment.manifest);
    }
    Ok(Bundled { tar: layout.to_tar(), manifest: app.digest, content })
}
