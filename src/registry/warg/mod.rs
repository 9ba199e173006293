//! Packages in warg registries, read and published. Legacy: the protocol's project was archived in 2025, and
//! this is compiled only with the feature `warg`.
//!
//! `warg-client` follows the package's log and proves it. The content is hashed here, against the digest in the log, and goes
//! into the store like any other. Nothing of this touches the OCI path.

mod publish;

use std::time::Duration;

use camino::Utf8PathBuf;
use futures_util::StreamExt;
use semver::{Version, VersionReq};
use serde::Serialize;
use tokio::runtime::Runtime;
use warg_client::{ClientError, Config, FileSystemClient};
use warg_protocol::package::LogState;
use warg_protocol::registry::PackageName as WargName;

use super::{Artifact, Location, Published, RegistryError, Store, creation_time, open};
use crate::app::{Dirs, PackageRequest};
use crate::component;
use crate::digest::Digest;
use crate::name::{PackageId, PackageName};
use crate::web::is_loopback;

pub use publish::Released;

/// What the address of a warg registry begins with.
pub const SCHEME: &str = "warg://";

/// So long may one thing take that is asked of a registry, with all that is sent: warg's client itself waits for ever.
const PATIENCE: Duration = Duration::from_secs(600);

/// No component is larger: validators take no more.
const MAX_CONTENT: usize = 1 << 30;

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

/// A warg registry. While this lives, no other jointer of the same user talks to one.
pub struct Warg {
    url: String,
    client: FileSystemClient,
    runtime: Runtime,
}

impl Warg {
    /// Opens the registry at `warg://HOST[:PORT]`.
    ///
    /// # Errors
    /// [`RegistryError::InvalidLocation`], or when it does not answer.
    pub fn open(url: &str, dirs: &Dirs) -> Result<Self, RegistryError> {
        let Some(host) = url.strip_prefix(SCHEME).filter(|host| !host.is_empty()) else {
            return Err(RegistryError::InvalidLocation {
                text: url.to_owned(),
                why: "it is not `warg://HOST`",
            });
        };
        let scheme = if is_loopback(host) { "http" } else { "https" };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(url, "be asked", error.to_string()))?;
        let address = format!("{scheme}://{host}");
        let config = config(dirs);
        let client = wait(
            &runtime,
            url,
            "be asked",
            FileSystemClient::new_with_config(Some(&address), &config, None),
        )?;
        Ok(Self { url: url.to_owned(), client, runtime })
    }

    /// The versions of a package that were released and not taken back; none when there is no such package.
    ///
    /// # Errors
    /// When the registry cannot be asked, or what it says does not fit together.
    pub fn versions(&self, name: &PackageName) -> Result<Vec<Version>, RegistryError> {
        let log = self.log(name)?.unwrap_or_default();
        Ok(log.releases().filter(|one| !one.yanked()).map(|one| one.version.clone()).collect())
    }

    /// The component of a version; `None` when there is no such version.
    ///
    /// # Errors
    /// As [`Warg::versions`]; [`RegistryError::Corrupt`], [`RegistryError::TooLarge`].
    pub fn contents(&self, id: &PackageId) -> Result<Option<Vec<u8>>, RegistryError> {
        let Ok(requirement) = VersionReq::parse(&format!("={}", id.version)) else { return Ok(None) };
        Ok(self.download(&id.name, &requirement, &id.to_string())?.map(|(_, bytes)| bytes))
    }

    /// The log of a package as it is now, with proof; `None` when there is no such package.
    fn log(&self, name: &PackageName) -> Result<Option<LogState>, RegistryError> {
        let theirs = self.name(name)?;
        let asked = async {
            match self.client.fetch_package(&theirs).await {
                Err(ClientError::PackageDoesNotExist { .. }) => Ok(None),
                info => info.map(|info| Some(info.state)),
            }
        };
        self.ask(&format!("show the log of {name}"), asked)
    }

    fn fetch(&self, request: &PackageRequest, store: &Store) -> Result<Fetched, RegistryError> {
        let what = request.to_string();
        let not_found = || RegistryError::NotFound { what: what.clone(), registry: self.url.clone() };
        // What the client remembers of the log may be old.
        self.log(&request.name)?.ok_or_else(not_found)?;
        let found = self.download(&request.name, &request.requirement, &what)?;
        let (version, bytes) = found.ok_or_else(not_found)?;
        component::kind(&bytes)?;
        let content = store.put(&bytes)?;
        let package = PackageId { name: request.name.clone(), version };
        Ok(Fetched { package, content, path: store.path(content) })
    }

    /// The highest version that fits, and its component, which is what the log says; `None` when none fits.
    fn download(
        &self,
        name: &PackageName,
        requirement: &VersionReq,
        what: &str,
    ) -> Result<Option<(Version, Vec<u8>)>, RegistryError> {
        let name = self.name(name)?;
        let asked = async {
            let Some((info, stream)) = self.client.download_as_stream(&name, requirement).await? else {
                return Ok(None);
            };
            let mut stream = std::pin::pin!(stream);
            let mut bytes = Vec::new();
            while let Some(piece) = stream.next().await {
                match piece {
                    Ok(piece) => bytes.extend_from_slice(&piece),
                    // All of it has come, and it is something else: said below.
                    Err(error) if error.to_string().contains("computed digest") => break,
                    Err(error) => return Err(error.into()),
                }
                if bytes.len() > MAX_CONTENT {
                    break;
                }
            }
            Ok(Some((info, bytes)))
        };
        let Some((info, bytes)) = self.ask(&format!("give {what}"), asked)? else { return Ok(None) };
        let (what, registry) = (what.to_owned(), self.url.clone());
        if bytes.len() > MAX_CONTENT {
            return Err(RegistryError::TooLarge { what, registry, limit: MAX_CONTENT as u64 });
        }
        let (expected, found) = (info.digest.to_string(), Digest::of(&bytes).to_string());
        match expected == found {
            true => Ok(Some((info.version, bytes))),
            false => Err(RegistryError::Corrupt { what, registry, expected, found }),
        }
    }

    fn name(&self, name: &PackageName) -> Result<WargName, RegistryError> {
        let theirs = WargName::new(name.to_string());
        theirs.map_err(|error| failed(&self.url, &format!("know {name}"), error.to_string()))
    }

    fn ask<T>(
        &self,
        what: &str,
        asked: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, RegistryError> {
        wait(&self.runtime, &self.url, what, asked)
    }
}

/// Fetches the highest version that `request` allows from `warg://HOST[:PORT]` into the store.
///
/// # Errors
/// [`RegistryError::InvalidLocation`], [`RegistryError::NotFound`], [`RegistryError::Corrupt`], or
/// [`RegistryError::Failed`] with the client's words.
pub fn fetch(url: &str, request: &PackageRequest, dirs: &Dirs) -> Result<Fetched, RegistryError> {
    Warg::open(url, dirs)?.fetch(request, &Store::new(dirs))
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
    super::publish(&*open(to, dirs)?, &fetched.package, &artifact, &[], false)
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

fn wait<T>(
    runtime: &Runtime,
    url: &str,
    what: &str,
    asked: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, RegistryError> {
    // The clock of the runtime starts inside it.
    match runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await }) {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(failed(url, what, words(&error))),
        Err(_) => {
            let reason = format!("it was asked to {what}, and {} seconds passed", PATIENCE.as_secs());
            Err(RegistryError::Unreachable { registry: url.to_owned(), reason })
        }
    }
}

fn failed(url: &str, what: &str, reason: String) -> RegistryError {
    RegistryError::Failed { registry: url.to_owned(), what: what.to_owned(), reason }
}

/// The error and its causes in one line. The client shows some of its own with a backtrace.
fn words(error: &ClientError) -> String {
    if let ClientError::Other(error) = error {
        return format!("{error:#}");
    }
    let mut words = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        words.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    words
}
