//! `jointer publish`: a component or a WIT package, to a registry.

use camino::{Utf8Path, Utf8PathBuf};

use super::built::built;
use super::{Context, location};
use crate::app::App;
use crate::error::{ExitStatus, Result};
use crate::file;
use crate::name::PackageId;
use crate::package::{self, PackageError};
use crate::registry::{self, Artifact, Outcome};

/// Publish a component or a WIT package
///
/// Without FILE the app's composed component is published, under the name and version of `jointer.toml`.
/// A version that is published never changes: the same contents again are fine, others are refused.
#[derive(Debug, clap::Args)]
pub struct PublishArgs {
    /// A component, or a folder of WIT; default: the app
    #[arg(value_name = "FILE|DIR")]
    source: Option<Utf8PathBuf>,
    /// Name and version to publish under
    #[arg(long = "as", value_name = "NS:NAME@VERSION")]
    id: Option<PackageId>,
    /// Where to: `local` (the default), `dir:PATH` or `HOST[:PORT][/PREFIX]`
    #[arg(long, value_name = "REGISTRY", env = "JOINTER_REGISTRY")]
    to: Option<String>,
    /// Say what would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(cx: &Context, args: &PublishArgs) -> Result<ExitStatus> {
    let location = location::parse(cx, args.to.as_deref())?;
    let (id, bytes) = contents(cx, args)?;
    let created = registry::creation_time(std::env::var("SOURCE_DATE_EPOCH").ok().as_deref())?;
    let artifact = Artifact::pack(&id, bytes, &created)?;
    let registry = registry::open(&location, &cx.dirs)?;
    let published = registry::publish(&*registry, &id, &artifact, &[], args.dry_run)?;
    let verb = match published.outcome {
        Outcome::Published => "published",
        Outcome::Unchanged => "already there, with the same contents:",
        Outcome::Would => "would publish",
    };
    let text = format!(
        "{verb} {id} to {}\n  manifest {}\n  content  {} ({} bytes)",
        published.registry, published.manifest, published.content, published.size
    );
    cx.ui.answer(&text, &published);
    Ok(ExitStatus::Success)
}

/// What is to be published, and under which name.
fn contents(cx: &Context, args: &PublishArgs) -> Result<(PackageId, Vec<u8>)> {
    let Some(source) = &args.source else { return app(cx, args.id.as_ref()) };
    let path = cx.cwd.join(source);
    let bytes = match path.is_dir() {
        true => package::encode_wit(&path)?,
        false => cx.read_artifact(source)?,
    };
    let id = named(source, package::package_id(&bytes), args.id.as_ref())?;
    Ok((id, bytes))
}

/// A WIT package says itself what it is called; anything else is told.
fn named(
    path: &Utf8Path,
    inside: Option<PackageId>,
    given: Option<&PackageId>,
) -> Result<PackageId, PackageError> {
    match (inside, given) {
        (Some(found), Some(given)) if found != *given => Err(PackageError::WrongId {
            path: path.to_owned(),
            found: found.to_string(),
            given: given.to_string(),
        }),
        (Some(found), _) => Ok(found),
        (None, Some(given)) => Ok(given.clone()),
        (None, None) => Err(PackageError::NoId(path.to_owned())),
    }
}

fn app(cx: &Context, id: Option<&PackageId>) -> Result<(PackageId, Vec<u8>)> {
    let app = App::load(&App::find(&cx.cwd)?)?;
    let built = built(cx, &app)?;
    let own = PackageId { name: app.name.clone(), version: app.version.clone() };
    Ok((id.cloned().unwrap_or(own), file::read(&built.component)?))
}
