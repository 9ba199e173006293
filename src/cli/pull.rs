//! `jointer pull`: one package into a file.

use camino::Utf8PathBuf;
use semver::Version;
use serde::Serialize;

use super::{Context, location};
use crate::app::{App, PackageRequest};
use crate::deps::trusted;
use crate::digest::Digest;
use crate::error::{ExitStatus, Result};
use crate::name::{PackageId, PackageName};
use crate::registry::{
    self, Location, Place, Pulled, RawReference, Reference, Registry, RegistryError, Store,
};
use crate::trust::{Policy, TrustError};

/// Bring a package from a registry into a file
///
/// REF is a package (`ns:name@version`) or a place in a registry (`HOST/REPOSITORY:TAG@DIGEST`). What comes is hashed on
/// its way; the file is there complete or not at all. Where there is a `trust.toml` (of the app, else of the user), it has
/// to be what that wants.
#[derive(Debug, clap::Args)]
pub struct PullArgs {
    /// What to pull
    #[arg(value_name = "REF")]
    reference: RawReference,
    /// Where to write it; default: NAME.wasm in the current folder
    #[arg(long, short, value_name = "FILE")]
    output: Option<Utf8PathBuf>,
    /// For a package: where from; default: as configured for its namespace, else `local`
    #[arg(long, value_name = "REGISTRY", env = "JOINTER_REGISTRY")]
    from: Option<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    reference: String,
    file: &'a Utf8PathBuf,
    #[serde(flatten)]
    pulled: Pulled,
}

pub(super) fn run(cx: &Context, args: &PullArgs) -> Result<ExitStatus> {
    let (registry, package, reference) = match &args.reference {
        RawReference::Place(place) => (registry::open_place(place)?, place.package(), place.reference()),
        RawReference::Version(id) => {
            let location = location::of_package(cx, args.from.as_deref(), &id.name)?;
            let tag = Reference::Tag(id.version.to_string());
            (registry::open(&location, &cx.dirs)?, id.name.clone(), tag)
        }
        RawReference::Package(request) => {
            let location = location::of_package(cx, args.from.as_deref(), &request.name)?;
            let registry = registry::open(&location, &cx.dirs)?;
            let tag = Reference::Tag(highest(&*registry, request)?.to_string());
            (registry, request.name.clone(), tag)
        }
    };
    let store = Store::new(&cx.dirs);
    let exactly = match trusted::policy(App::find(&cx.cwd).ok().as_deref(), &cx.dirs)? {
        Some(policy) => Reference::Digest(approved(cx, args, &policy, &package, &reference, &store)?),
        None => reference.clone(),
    };
    let named = args.output.clone().unwrap_or_else(|| format!("{}.wasm", package.name).into());
    let pulled = registry::pull(&*registry, &package, &exactly, &store, &cx.cwd.join(&named))?;
    let reference = match &args.reference {
        RawReference::Place(place) => Place { digest: Some(pulled.manifest), ..place.clone() }.to_string(),
        _ => format!("{package}@{reference}"),
    };
    let text = format!(
        "{named}: {reference}\n  manifest {}\n  content  {} ({} bytes)",
        pulled.manifest, pulled.layer, pulled.size
    );
    let attached = pulled
        .referrers
        .iter()
        .flatten()
        .map(|entry| format!("\n  attached {} {}", entry.digest, entry.kind));
    let text = text + &attached.collect::<String>();
    cx.ui.answer(&text, &Answer { reference, file: &named, pulled });
    Ok(ExitStatus::Success)
}

/// The manifest of what was asked for, when the policy lets it be used.
fn approved(
    cx: &Context,
    args: &PullArgs,
    policy: &Policy,
    package: &PackageName,
    reference: &Reference,
    store: &Store,
) -> Result<Digest> {
    let unnamed =
        || TrustError::Unnamed { package: format!("{package}@{reference}"), rule: package.to_string() };
    let (location, id) = match &args.reference {
        RawReference::Place(place) => {
            let id = place.id().ok_or_else(unnamed)?;
            let package = format!("{}/{}", id.name.namespace, id.name.name);
            let prefix = place.repository.strip_suffix(&package).unwrap_or_default().trim_end_matches('/');
            (Location::Oci { host: place.host.clone(), prefix: prefix.to_owned() }, id)
        }
        _ => {
            let version = reference.to_string().parse().map_err(|_| unnamed())?;
            let id = PackageId { name: package.clone(), version };
            (location::of_package(cx, args.from.as_deref(), package)?, id)
        }
    };
    let registry = registry::open(&location, &cx.dirs)?;
    Ok(trusted::approve(policy, &*registry, &id, reference, store)?.manifest)
}

fn highest(registry: &dyn Registry, request: &PackageRequest) -> Result<Version> {
    let versions = registry::versions(registry, &request.name)?;
    let highest = versions.into_iter().rev().find(|version| request.requirement.matches(version));
    let missing = || RegistryError::NotFound { what: request.to_string(), registry: registry.name() };
    Ok(highest.ok_or_else(missing)?)
}
