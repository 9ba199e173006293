//! Reading old packages from warg registries. Legacy: the protocol's project was archived in 2025, and
//! this is compiled only with the feature `warg`.
//!
//! `warg-client` follows the package's log and checks the content against the digest in it; the bytes are
//! hashed again here and go into the store like any others. Nothing of this touches the OCI path.

use camino::Utf8PathBuf;
use serde::Serialize;
use warg_client::{ClientError, Config, FileSystemClient};

use super::location::is_loopback;
use super::{Artifact, Location, Published, RegistryError, Store, creation_time, open, publish};
use crate::app::{Dirs, PackageRequest};
use crate::component;
use crate::digest::Digest;
use crate::name::PackageId;

/// A package from a warg registry, in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fetched {
    /// Its name and version.
    pub package: PackageId,
    /// The digest of the component, as its log has it.
    pub content: Digest,
    /// Where it is in the store.
    pub path: Utf8PathBuf,
}

/// Fetches the highest version that `request` allows from `warg://HOST[:PORT]` into the store.
///
/// # Errors
/// [`RegistryError::InvalidLocation`], [`RegistryError::NotFound`], [`RegistryError::Corrupt`], or
/// [`RegistryError::Failed`] with the client's words.
pub fn fetch(url: &str, request: &PackageRequest, dirs: &Dirs) -> Result<Fetched, RegistryError> {
    let Some(host) = url.strip_prefix("warg://").filter(|host| !host.is_empty()) else {
        return Err(RegistryError::InvalidLocation { text: url.to_owned(), why: "it is not `warg://HOST`" });
    };
    let failed = |reason: String| RegistryError::Failed {
        registry: url.to_owned(),
        what: format!("give {request}"),
        reason,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(error.to_string()))?;
    let name = warg_protocol::registry::PackageName::new(request.name.to_string());
    let name = name.map_err(|error| failed(error.to_string()))?;
    let scheme = if is_loopback(host) { "http" } else { "https" };
    let download = runtime.block_on(async {
        let client =
            FileSystemClient::new_with_config(Some(&format!("{scheme}://{host}")), &config(dirs), None)
                .await?;
        client.download(&name, &request.requirement).await
    });
    let not_found = || RegistryError::NotFound { what: request.to_string(), registry: url.to_owned() };
    let download = match download {
        Ok(Some(download)) => download,
        Ok(None) | Err(ClientError::PackageDoesNotExist { .. }) => return Err(not_found()),
        Err(error) => return Err(failed(chain(&error))),
    };
    let bytes = std::fs::read(&download.path).map_err(|error| failed(error.to_string()))?;
    let content = Digest::of(&bytes);
    if content.to_string() != download.digest.to_string() {
        return Err(RegistryError::Corrupt {
            what: request.to_string(),
            registry: url.to_owned(),
            expected: download.digest.to_string(),
            found: content.to_string(),
        });
    }
    component::kind(&bytes)?;
    let store = Store::new(dirs);
    store.put(&bytes)?;
    let package = PackageId { name: request.name.clone(), version: download.version };
    Ok(Fetched { package, content, path: store.path(content) })
}

/// Publishes a package of a warg registry at `to`: the same bytes under the same version.
///
/// # Errors
/// As [`fetch`] and [`publish`](super::publish()).
pub fn migrate(
    from: &str,
    request: &PackageRequest,
    to: &Location,
    dirs: &Dirs,
) -> Result<Published, RegistryError> {
    let fetched = fetch(from, request, dirs)?;
    let bytes = Store::new(dirs).read(fetched.content)?.unwrap_or_default();
    // No clock: who migrates twice publishes the same.
    let artifact = Artifact::pack(&fetched.package, bytes, &creation_time(None)?)?;
    publish(&*open(to, dirs)?, &fetched.package, &artifact, &[], false)
}

/// All of warg's own files below our cache, and nobody asked anything.
fn config(dirs: &Dirs) -> Config {
    let below = |name: &str| Some(dirs.cache().join("warg-v1").join(name).into_std_path_buf());
    Config {
        registries_dir: below("registries"),
        content_dir: below("content"),
        namespace_map_path: below("namespaces"),
        disable_interactive: true,
        ..Config::default()
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        words.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    words
}
