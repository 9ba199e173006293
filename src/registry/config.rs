//! The configuration shared with `wkg`: which registry a namespace is in, and how a host is reached.
//!
//! `$WKG_CONFIG_FILE`, else `$XDG_CONFIG_HOME/wasm-pkg/config.toml`, else `~/.config/wasm-pkg/config.toml`. A
//! file that cannot be read or makes no sense is an error: going on without it would ask somebody else.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;

use super::RegistryError;
use crate::error::FileError;
use crate::name::PackageName;
use crate::web::is_loopback;

/// What the file says; empty when there is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Config {
    pub(super) path: Utf8PathBuf,
    file: File,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    default_registry: Option<String>,
    #[serde(default)]
    namespace_registries: BTreeMap<String, Mapping>,
    #[serde(default)]
    package_registry_overrides: BTreeMap<String, Mapping>,
    #[serde(default)]
    registry: BTreeMap<String, Host>,
}

/// Where packages are: a host, or a host and what it would say about itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum Mapping {
    Host(String),
    Told { registry: String, metadata: Metadata },
}

/// `/.well-known/wasm-pkg/registry.json`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    #[serde(default)]
    pub(super) preferred_protocol: Option<String>,
    #[serde(default)]
    pub(super) oci: Option<OciMetadata>,
    #[serde(default)]
    oci_registry: Option<String>,
    #[serde(default)]
    oci_namespace_prefix: Option<String>,
}

/// Where a host keeps its packages.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OciMetadata {
    #[serde(default)]
    pub(super) registry: Option<String>,
    #[serde(default)]
    pub(super) namespace_prefix: Option<String>,
}

impl Metadata {
    /// What it says about OCI, in the present form or the one before.
    pub(super) fn oci(&self) -> OciMetadata {
        let told = self.oci.clone().unwrap_or_default();
        OciMetadata {
            registry: told.registry.or_else(|| self.oci_registry.clone()),
            namespace_prefix: told.namespace_prefix.or_else(|| self.oci_namespace_prefix.clone()),
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Host {
    #[serde(default, alias = "type")]
    default: Option<String>,
    #[serde(default)]
    oci: Option<Oci>,
    #[serde(default)]
    local: Option<Local>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Oci {
    #[serde(default)]
    auth: Option<Auth>,
    #[serde(default)]
    protocol: Option<String>,
    #[serde(default)]
    accept_invalid_certificates: bool,
    #[serde(default)]
    extra_root_certificates: Vec<Certificate>,
}

#[derive(Debug, Clone, Deserialize)]
struct Local {
    root: Utf8PathBuf,
}

#[derive(Clone, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Auth {
    Base64(String),
    Password { username: String, password: String },
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Auth(…)")
    }
}

#[derive(Debug, Clone, Deserialize)]
struct Certificate {
    encoding: String,
    data: String,
}

impl Config {
    /// From where the environment says.
    ///
    /// # Errors
    /// [`RegistryError::InvalidConfig`], or when the file is there and cannot be read.
    pub(super) fn load() -> Result<Self, RegistryError> {
        match place() {
            Some((path, required)) => Self::read(path, required),
            None => Ok(Self::default()),
        }
    }

    fn read(path: Utf8PathBuf, required: bool) -> Result<Self, RegistryError> {
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => String::new(),
            Err(error) => return Err(FileError::reading(path, &error).into()),
        };
        let file = toml::from_str(&text)
            .map_err(|error| invalid(&path, error.message().lines().next().unwrap_or_default()))?;
        Ok(Self { path, file })
    }

    /// What counts for a package, and which line says so.
    pub(super) fn mapping(&self, package: &PackageName) -> Option<(Mapping, String)> {
        let namespace = &package.namespace;
        let line = |line: String| format!("{line} of `{}`", self.path);
        if let Some(found) = self.file.package_registry_overrides.get(&package.to_string()) {
            return Some((found.clone(), line(format!("`package_registry_overrides.\"{package}\"`"))));
        }
        if let Some(found) = self.file.namespace_registries.get(namespace) {
            return Some((found.clone(), line(format!("`namespace_registries.{namespace}`"))));
        }
        let default = self.file.default_registry.clone()?;
        Some((Mapping::Host(default), line("`default_registry`".to_owned())))
    }

    /// The folder that a host stands for in `wkg`, whose form is its own.
    pub(super) fn local_root(&self, host: &str) -> Option<&Utf8Path> {
        let host = self.file.registry.get(host)?;
        let local = host.local.as_ref()?;
        let chosen = host.default.as_deref() == Some("local") || host.oci.is_none();
        chosen.then_some(local.root.as_path())
    }

    /// `http` or `https`: as configured, else http on loopback only.
    ///
    /// # Errors
    /// [`RegistryError::InvalidConfig`].
    pub(super) fn scheme(&self, host: &str) -> Result<&'static str, RegistryError> {
        let configured = self.oci(host).and_then(|oci| oci.protocol.as_deref());
        match configured {
            Some("http") => Ok("http"),
            Some("https") => Ok("https"),
            Some(_) => {
                Err(invalid(&self.path, &format!("the protocol of `{host}` is neither http nor https")))
            }
            None if is_loopback(host) => Ok("http"),
            None => Ok("https"),
        }
    }

    /// Authorities that are trusted for this host besides the system's.
    ///
    /// # Errors
    /// [`RegistryError::InvalidConfig`], also when any certificate should be accepted.
    pub(super) fn roots(&self, host: &str) -> Result<Vec<reqwest::Certificate>, RegistryError> {
        let Some(oci) = self.oci(host) else { return Ok(Vec::new()) };
        if oci.accept_invalid_certificates && !is_loopback(host) {
            let why = format!("`accept_invalid_certificates` is set for `{host}`, which jointer does not do");
            return Err(invalid(
                &self.path,
                &format!("{why}; name its authority in `extra_root_certificates`"),
            ));
        }
        let mut roots = Vec::new();
        for certificate in &oci.extra_root_certificates {
            let bytes = certificate.data.as_bytes();
            let read = match certificate.encoding.as_str() {
                "pem" => reqwest::Certificate::from_pem_bundle(bytes),
                "der" => reqwest::Certificate::from_der(bytes).map(|one| vec![one]),
                _ => return Err(invalid(&self.path, "a certificate's encoding is neither pem nor der")),
            };
            let read =
                read.map_err(|_| invalid(&self.path, &format!("a certificate for `{host}` cannot be read")))?;
            roots.extend(read);
        }
        Ok(roots)
    }

    /// User and password for a host.
    ///
    /// # Errors
    /// [`RegistryError::InvalidConfig`].
    pub(super) fn auth(&self, host: &str) -> Result<Option<(String, String)>, RegistryError> {
        use base64::Engine as _;
        match self.oci(host).and_then(|oci| oci.auth.as_ref()) {
            None => Ok(None),
            Some(Auth::Password { username, password }) => Ok(Some((username.clone(), password.clone()))),
            Some(Auth::Base64(text)) => {
                let text = text.trim_end_matches('=');
                let bytes = base64::engine::general_purpose::STANDARD_NO_PAD.decode(text).ok();
                let pair = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
                let pair = pair.as_deref().and_then(|pair| pair.split_once(':'));
                match pair {
                    Some((user, password)) => Ok(Some((user.to_owned(), password.to_owned()))),
                    None => Err(invalid(
                        &self.path,
                        &format!("`auth` of `{host}` is not base64 of USER:PASSWORD"),
                    )),
                }
            }
        }
    }

    fn oci(&self, host: &str) -> Option<&Oci> {
        self.file.registry.get(host)?.oci.as_ref()
    }
}

pub(super) fn invalid(path: &Utf8Path, why: &str) -> RegistryError {
    RegistryError::InvalidConfig { path: path.to_owned(), why: why.to_owned() }
}

/// Where the file is, and whether it has to be there.
fn place() -> Option<(Utf8PathBuf, bool)> {
    let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty()).map(Utf8PathBuf::from);
    if let Some(path) = var("WKG_CONFIG_FILE") {
        return Some((path, true));
    }
    let folder = var("XDG_CONFIG_HOME").or_else(|| Some(var("HOME")?.join(".config")))?;
    Some((folder.join("wasm-pkg/config.toml"), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<Config, RegistryError> {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(dir.path().join("config.toml")).unwrap();
        std::fs::write(&path, text).unwrap();
        Config::read(path, true)
    }

    #[test]
    fn the_nearest_line_counts() {
        let config = config(
            r#"
            default_registry = "example.com"
            [namespace_registries]
            wasi = "w.example.com"
            team = { registry = "t.example.com", metadata = { oci = { registry = "r.example.com", namespacePrefix = "wasm/" } } }
            [package_registry_overrides]
            "wasi:http" = "other.example.com"
            [registry."r.example.com".oci]
            auth = { username = "open", password = "sesame" }
            protocol = "https"
            [registry."b.example.com"]
            type = "oci"
            oci = { auth = "cGluZzpwb25n" }
            [registry."x.example.com"]
            somebody-elses = { token = "x" }
            "#,
        )
        .unwrap();
        let host = |package: &str| config.mapping(&package.parse().unwrap()).unwrap().0;
        assert_eq!(host("wasi:http"), Mapping::Host("other.example.com".to_owned()));
        assert_eq!(host("wasi:io"), Mapping::Host("w.example.com".to_owned()));
        assert_eq!(host("acme:greet"), Mapping::Host("example.com".to_owned()));
        let Mapping::Told { metadata, .. } = host("team:x") else { panic!() };
        assert_eq!(metadata.oci().namespace_prefix.as_deref(), Some("wasm/"));
        assert_eq!(config.auth("r.example.com").unwrap(), Some(("open".to_owned(), "sesame".to_owned())));
        assert_eq!(config.auth("b.example.com").unwrap(), Some(("ping".to_owned(), "pong".to_owned())));
        assert_eq!(config.auth("x.example.com").unwrap(), None);
        assert_eq!(config.scheme("127.0.0.1:5000").unwrap(), "http");
        assert_eq!(config.scheme("x.example.com").unwrap(), "https");
    }

    #[test]
    fn what_makes_no_sense_is_an_error_and_never_anonymous_access() {
        for text in ["default_registry = 7", "[", "unknown = 1", "[namespace_registries]\na = 1"] {
            assert!(matches!(config(text), Err(RegistryError::InvalidConfig { .. })), "{text}");
        }
        let config = config(
            r#"
            [registry."a.example.com".oci]
            auth = "%%%"
            protocol = "gopher"
            accept_invalid_certificates = true
            [registry."b.example.com".oci]
            extra_root_certificates = [{ encoding = "pem", data = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----" }]
            "#,
        )
        .unwrap();
        assert!(config.auth("a.example.com").is_err());
        assert!(config.scheme("a.example.com").is_err());
        assert!(config.roots("a.example.com").is_err());
        assert!(config.roots("b.example.com").is_err());
    }
}
