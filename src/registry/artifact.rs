//! The layout of a WebAssembly package as CNCF TAG-Runtime defines it: a manifest with a config that
//! tells what the component imports and exports, and exactly one layer.
//!
//! The same component gives the same manifest, wherever and whenever: nothing here reads a clock.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::RegistryError;
use crate::component;
use crate::digest::{Digest, Hashed};
use crate::name::PackageId;

/// The media type of an image manifest.
pub const MANIFEST_MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an image index.
pub const INDEX_MEDIA_TYPE: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of a WebAssembly package's config.
pub const CONFIG_MEDIA_TYPE: &str = "application/vnd.wasm.config.v0+json";
/// The media type of a component.
pub const WASM_MEDIA_TYPE: &str = "application/wasm";
/// What Spin and wash called a component, and Solo.io before them; read, never written.
const OLD_WASM_MEDIA_TYPES: [&str; 2] =
    ["application/vnd.wasm.content.layer.v1+wasm", "application/vnd.module.wasm.content.layer.v1+wasm"];
/// The configs that stand beside such a layer.
const OLD_CONFIG_MEDIA_TYPES: [&str; 4] = [
    "application/vnd.wasm.config.v1+json",
    "application/vnd.module.wasm.config.v1+json",
    "application/vnd.oci.image.config.v1+json",
    EMPTY_MEDIA_TYPE,
];
/// The media type of a config that says nothing: `{}`.
pub const EMPTY_MEDIA_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// The annotation by which an OCI image layout names a manifest.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// A manifest may not be larger.
pub(super) const MAX_MANIFEST: u64 = 4 << 20;
const MAX_CONFIG: u64 = 1 << 20;
const MAX_LAYER: u64 = 2 << 30;

/// What a manifest says about a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What kind of blob.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// What kind of artifact, where it is a manifest of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Other places to get it from; never used, refused in packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
}

impl Descriptor {
    /// Of `bytes`.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            artifact_type: None,
            annotations: BTreeMap::new(),
            urls: Vec::new(),
        }
    }

    /// Of bytes that are hashed already.
    fn hashed(media_type: &str, bytes: &Hashed) -> Self {
        let size = bytes.bytes().len() as u64;
        Self { digest: bytes.digest(), size, ..Self::of(media_type, &[]) }
    }

    /// The same with an annotation.
    #[must_use]
    pub fn annotated(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), value.to_owned());
        self
    }
}

/// An image manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// [`MANIFEST_MEDIA_TYPE`], or nothing: OCI leaves it to who writes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    /// What it is, where the config does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The config.
    pub config: Descriptor,
    /// The contents.
    pub layers: Vec<Descriptor>,
    /// The manifest that this one is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// Of a config and layers.
    pub fn new(config: Descriptor, layers: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: MANIFEST_MEDIA_TYPE.to_owned(),
            artifact_type: None,
            config,
            layers,
            subject: None,
            annotations: BTreeMap::new(),
        }
    }

    /// As it is sent and hashed.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads the manifest of a WebAssembly package and checks all that can be checked about it: its kind,
    /// its config's kind, that there is exactly one layer of the right kind, and sizes.
    ///
    /// # Errors
    /// What was found and what was expected, in words.
    pub fn of_package(bytes: &[u8]) -> Result<Self, String> {
        let value: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|_| format!("its manifest is {}", kind_of_text(bytes)))?;
        let media_type = value["mediaType"].as_str().unwrap_or(MANIFEST_MEDIA_TYPE);
        if media_type != MANIFEST_MEDIA_TYPE || value.get("manifests").is_some() {
            return Err(format!("it is a `{media_type}`, not a `{MANIFEST_MEDIA_TYPE}`"));
        }
        let manifest: Self =
            serde_json::from_value(value).map_err(|error| format!("its manifest is not valid: {error}"))?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        let [layer] = self.layers.as_slice() else {
            return Err(format!("it has {} layers, not one", self.layers.len()));
        };
        let old = OLD_WASM_MEDIA_TYPES.contains(&layer.media_type.as_str());
        for (what, blob, kind, limit) in [
            ("config", &self.config, CONFIG_MEDIA_TYPE, MAX_CONFIG),
            ("layer", layer, WASM_MEDIA_TYPE, MAX_LAYER),
        ] {
            let known = match what {
                "config" => old && OLD_CONFIG_MEDIA_TYPES.contains(&blob.media_type.as_str()),
                _ => old,
            };
            if blob.media_type != kind && !known {
                return Err(format!("its {what} is a `{}`, not a `{kind}`", blob.media_type));
            }
            if blob.size > limit {
                return Err(format!("its {what} has {} bytes; at most {limit} are taken", blob.size));
            }
            if !blob.urls.is_empty() {
                return Err(format!("its {what} should be fetched from elsewhere (`{}`)", blob.urls[0]));
            }
        }
        Ok(())
    }

    /// What a list of manifests says about this one, whose bytes are given.
    pub fn descriptor(&self, bytes: &[u8]) -> Descriptor {
        let kind = self.artifact_type.clone().unwrap_or_else(|| self.config.media_type.clone());
        Descriptor {
            artifact_type: Some(kind),
            annotations: self.annotations.clone(),
            ..Descriptor::of(MANIFEST_MEDIA_TYPE, bytes)
        }
    }

    /// The one layer of a package.
    pub fn layer(&self) -> Option<&Descriptor> {
        self.layers.first()
    }
}

/// "HTML", where a web page came instead of an answer.
fn kind_of_text(bytes: &[u8]) -> &'static str {
    let begin = String::from_utf8_lossy(&bytes[..bytes.len().min(256)]).to_lowercase();
    if begin.contains("<html") || begin.contains("<!doctype") { "a web page, not JSON" } else { "not JSON" }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default)]
    created: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    layer_digests: Vec<String>,
    #[serde(default)]
    component: Option<Surface>,
}

#[derive(Serialize, Deserialize)]
struct Surface {
    exports: Vec<String>,
    imports: Vec<String>,
}

/// Checks that a package's config belongs to its layer.
pub(super) fn check_config(bytes: &[u8], layer: Digest) -> Result<(), String> {
    let config: Config =
        serde_json::from_slice(bytes).map_err(|error| format!("its config is not valid: {error}"))?;
    match config.layer_digests.first() {
        Some(first) if *first == layer.to_string() => Ok(()),
        Some(other) => Err(format!("its config belongs to another layer, `{other}`")),
        None => Err("its config names no layer".to_owned()),
    }
}

/// A package ready to be published: three blobs and what they are called.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The component.
    pub layer: Bytes,
    /// The config.
    pub config: Bytes,
    /// The manifest.
    pub manifest: Vec<u8>,
    /// What the layer is.
    pub layer_descriptor: Descriptor,
    /// The digest of the config.
    pub config_digest: Digest,
    /// The digest of the manifest: what a reference to the package is pinned to and signatures are for.
    pub manifest_digest: Digest,
}

impl Artifact {
    /// Packs a component. `created` comes from [`creation_time`].
    ///
    /// # Errors
    /// When the bytes are not a component.
    pub fn pack(id: &PackageId, component: impl Into<Hashed>, created: &str) -> Result<Self, RegistryError> {
        let titles = (id.name.name.as_str(), id.name.to_string(), Some(id.version.to_string()));
        Self::packed(titles, component.into(), created)
    }

    /// Packs a component that has no name and version of its own, for a place that is called `title`.
    ///
    /// # Errors
    /// When the bytes are not a component.
    pub fn pack_unnamed(
        title: &str,
        component: impl Into<Hashed>,
        created: &str,
    ) -> Result<Self, RegistryError> {
        Self::packed((title, title.to_owned(), None), component.into(), created)
    }

    fn packed(
        (file, title, version): (&str, String, Option<String>),
        component: Hashed,
        created: &str,
    ) -> Result<Self, RegistryError> {
        let externs = component::externs(component.bytes())?;
        let layer = Descriptor::hashed(WASM_MEDIA_TYPE, &component)
            .annotated("org.opencontainers.image.title", &format!("{file}.wasm"));
        let config = Config {
            created: created.to_owned(),
            architecture: "wasm".to_owned(),
            os: "wasip2".to_owned(),
            layer_digests: vec![layer.digest.to_string()],
            component: Some(Surface { exports: externs.exports, imports: externs.imports }),
        };
        let config = serde_json::to_vec(&config).unwrap_or_default();
        let config_descriptor = Descriptor::of(CONFIG_MEDIA_TYPE, &config);
        let mut manifest = Manifest::new(config_descriptor.clone(), vec![layer.clone()]);
        manifest.annotations = annotations(title, version, component.bytes());
        let manifest = manifest.to_bytes();
        Ok(Self {
            manifest_digest: Digest::of(&manifest),
            config_digest: config_descriptor.digest,
            layer_descriptor: layer,
            layer: component.bytes().clone(),
            config: config.into(),
            manifest,
        })
    }
}

/// Name and version, and what the component says about itself. Its revision is left out: the same bytes
/// built from two commits are the same package.
fn annotations(title: String, version: Option<String>, component: &[u8]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            found.insert(format!("org.opencontainers.image.{name}"), value);
        }
    };
    add("title", Some(title));
    add("version", version);
    if let Ok(payload) = wasm_metadata::Payload::from_binary(component) {
        let metadata = payload.metadata();
        add("authors", metadata.authors.as_ref().map(ToString::to_string));
        add("description", metadata.description.as_ref().map(ToString::to_string));
        add("licenses", metadata.licenses.as_ref().map(ToString::to_string));
        add("source", metadata.source.as_ref().map(ToString::to_string));
        add("url", metadata.homepage.as_ref().map(ToString::to_string));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::creation_time;

    fn artifact() -> Artifact {
        let component = wat::parse_str(r#"(component (import "a:b/c@1.0.0" (instance)))"#).unwrap();
        let id = "acme:greet@1.0.0".parse().unwrap();
        Artifact::pack(&id, component, &creation_time(None).unwrap()).unwrap()
    }

    #[test]
    fn a_packed_component_passes_its_own_checks() {
        let artifact = artifact();
        let manifest = Manifest::of_package(&artifact.manifest).unwrap();
        assert_eq!(manifest.layer(), Some(&artifact.layer_descriptor));
        check_config(&artifact.config, artifact.layer_descriptor.digest).unwrap();
        assert!(check_config(&artifact.config, Digest::of(b"else")).is_err());
        let config: serde_json::Value = serde_json::from_slice(&artifact.config).unwrap();
        assert_eq!(config["component"]["imports"][0], "a:b/c@1.0.0");
        assert_eq!(config["os"], "wasip2");
    }

    #[test]
    fn the_older_forms_of_others_are_read() {
        let good = String::from_utf8(artifact().manifest).unwrap();
        for layer in OLD_WASM_MEDIA_TYPES {
            for config in OLD_CONFIG_MEDIA_TYPES.iter().chain(&[CONFIG_MEDIA_TYPE]) {
                let old = good
                    .replace("\"application/wasm\"", &format!("\"{layer}\""))
                    .replace(CONFIG_MEDIA_TYPE, config);
                Manifest::of_package(old.as_bytes()).unwrap();
            }
        }
        let mixed = good.replace(CONFIG_MEDIA_TYPE, OLD_CONFIG_MEDIA_TYPES[0]);
        assert!(Manifest::of_package(mixed.as_bytes()).is_err(), "a new layer has a new config");
    }

    #[test]
    fn manifests_of_other_kinds_are_refused_with_what_they_are() {
        let good = String::from_utf8(artifact().manifest).unwrap();
        let layer = serde_json::to_string(&artifact().layer_descriptor).unwrap();
        for (bad, word) in [
            (good.replace(CONFIG_MEDIA_TYPE, "application/vnd.oci.image.config.v1+json"), "config is a"),
            (good.replace("\"application/wasm\"", "\"application/x\""), "layer is a"),
            (good.replace(&layer, &format!("{layer},{layer}")), "2 layers"),
            (good.replace(&layer, ""), "0 layers"),
            (good.replace("sha256:", "sha512:"), "not a digest"),
            (good.replace("\"size\":", "\"urls\":[\"http://x\"],\"size\":"), "from elsewhere"),
            (good.replace("\"size\":", "\"size\":9999999999"), "bytes; at most"),
            (good.replace(MANIFEST_MEDIA_TYPE, INDEX_MEDIA_TYPE), "image.index"),
            ("<!DOCTYPE html><html>".to_owned(), "web page"),
            ("[]".to_owned(), "not valid"),
        ] {
            let why = Manifest::of_package(bad.as_bytes()).unwrap_err();
            assert!(why.contains(word), "`{word}` not in `{why}` for {bad}");
        }
    }
}
