//! Which registry a package is in, when nobody names one: as `wkg` finds it, else the local folder.

use std::time::Duration;

use serde::Serialize;

use super::config::{Config, Mapping, Metadata, invalid};
use super::oci::well_known;
use super::{Location, RegistryError, credentials};
use crate::name::PackageName;
use crate::web::is_loopback;

pub(super) const WELL_KNOWN_TIME: Duration = Duration::from_secs(60);

/// A registry and how it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Which {
    /// The registry.
    pub location: Location,
    /// The reasons, one line each, in the order of finding.
    pub why: Vec<String>,
}

/// All there is to know about where a package is, for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The registry.
    pub registry: String,
    /// The repository in it.
    pub repository: String,
    /// Whom it is asked as.
    pub credentials: String,
    /// Why.
    pub why: Vec<String>,
}

/// Finds the registry of a package. With `offline` no host is asked where its packages are.
///
/// # Errors
/// [`RegistryError::InvalidConfig`]; or when the host that is configured should say where its packages are
/// and cannot be asked: guessing would mean to ask somebody else.
pub fn which(package: &PackageName, offline: bool) -> Result<Which, RegistryError> {
    let config = Config::load()?;
    if let Some((mapping, line)) = config.mapping(package) {
        return located(&config, &mapping, format!("{line} names it"), offline);
    }
    // No host is asked that nobody named, so what `wkg` would take for two namespaces does not count here.
    Ok(Which {
        location: Location::Local,
        why: vec![format!("nothing is configured for it (`{}`), so it is the local folder", config.path)],
    })
}

fn located(config: &Config, mapping: &Mapping, line: String, offline: bool) -> Result<Which, RegistryError> {
    let mut why = vec![line];
    let (host, metadata) = match mapping {
        Mapping::Told { registry, metadata } => (registry, Some(metadata.clone())),
        Mapping::Host(host) => (host, None),
    };
    if let Some(root) = config.local_root(host) {
        let words =
            format!("`{host}` is the folder `{root}` in the form of wkg, which jointer does not read");
        return Err(invalid(&config.path, &words));
    }
    let metadata = match metadata {
        Some(metadata) => metadata,
        None if offline => {
            let reason = "only it knows where its packages are, and this is `--offline`".to_owned();
            return Err(RegistryError::Unreachable { registry: host.clone(), reason });
        }
        None => ask(config, host, &mut why)?,
    };
    if metadata.preferred_protocol.as_deref().is_some_and(|protocol| protocol != "oci") {
        let protocol = metadata.preferred_protocol.unwrap_or_default();
        return Err(invalid(&config.path, &format!("`{host}` prefers the protocol `{protocol}`, not oci")));
    }
    let oci = metadata.oci();
    let registry = oci.registry.unwrap_or_else(|| host.clone());
    let prefix = oci.namespace_prefix.unwrap_or_default();
    if !prefix.is_empty() && !prefix.ends_with('/') {
        let words = format!("the namespace prefix `{prefix}` of `{host}` does not end with `/`");
        return Err(invalid(&config.path, &words));
    }
    let location = format!("{registry}/{prefix}").trim_end_matches('/').parse()?;
    Ok(Which { location, why })
}

/// Asks a host where its packages are. Only "there is no such file" means that it is the registry itself.
fn ask(config: &Config, host: &str, why: &mut Vec<String>) -> Result<Metadata, RegistryError> {
    let scheme = if is_loopback(host) { "http" } else { "https" };
    let place = format!("{scheme}://{host}/.well-known/wasm-pkg/registry.json");
    match well_known(host, &place, config.roots(host)?)? {
        Some(bytes) => {
            let metadata = serde_json::from_slice(&bytes).map_err(|error| RegistryError::Failed {
                registry: host.to_owned(),
                what: "say where its packages are".to_owned(),
                reason: format!("`{place}` makes no sense: {error}"),
            })?;
            why.push(format!("`{place}` says where its packages are"));
            Ok(metadata)
        }
        None => {
            why.push(format!("`{place}` is not there, so `{host}` is the registry itself"));
            Ok(Metadata::default())
        }
    }
}

/// Tells where a package is looked for, as whom, and why. `named` is what an option or a variable says.
///
/// # Errors
/// As [`which`]; or when the credentials cannot be read.
pub fn explain(package: &PackageName, named: Option<Location>) -> Result<Explained, RegistryError> {
    let Which { location, why } = match named {
        Some(location) => {
            Which { location, why: vec!["the command line or JOINTER_REGISTRY names it".to_owned()] }
        }
        None => which(package, false)?,
    };
    let PackageName { namespace, name } = package;
    let (repository, credentials) = match &location {
        Location::Oci { host, prefix } => {
            let found = credentials::find(host, &Config::load()?)?;
            let below = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
            (format!("{below}{namespace}/{name}"), found.source)
        }
        _ => (format!("{namespace}/{name}"), "none are needed".to_owned()),
    };
    Ok(Explained { registry: location.to_string(), repository, credentials, why })
}
