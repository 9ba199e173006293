//! `jointer push`: one file to a place in a registry.

use camino::Utf8PathBuf;
use serde::Serialize;

use super::attached::created;
use super::{Context, location};
use crate::error::{ExitStatus, Result};
use crate::name::{PackageId, PackageName};
use crate::registry::{
    self, Artifact, Outcome, Place, Pushed, RawReference, Reference, Registry, RegistryError,
};

/// Send a component to a registry, as it is
///
/// REF is a place in a registry (`HOST/REPOSITORY:TAG`) or a package (`ns:name@version`). What the registry has is not
/// sent again. A tag that is a version never moves; others do. `jointer publish` checks more and signs.
#[derive(Debug, clap::Args)]
pub struct PushArgs {
    /// The component; `-` is standard input
    #[arg(value_name = "FILE")]
    file: Utf8PathBuf,
    /// Where to
    #[arg(value_name = "REF")]
    reference: RawReference,
    /// For a package: where to; default: as configured for its namespace, else `local`
    #[arg(long, value_name = "REGISTRY", env = "JOINTER_REGISTRY")]
    to: Option<String>,
    /// Say what would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Answer {
    reference: String,
    #[serde(flatten)]
    pushed: Pushed,
}

/// Where it goes and what it is called there.
struct Target {
    registry: Box<dyn Registry>,
    package: PackageName,
    tag: String,
    id: Option<PackageId>,
}

pub(super) fn run(cx: &Context, args: &PushArgs) -> Result<ExitStatus> {
    let target = target(cx, args)?;
    let created = created()?;
    let artifact = || -> Result<Artifact> {
        let bytes = cx.read_hashed(&args.file)?;
        Ok(match &target.id {
            Some(id) => Artifact::pack(id, bytes, &created)?,
            None => Artifact::pack_unnamed(&target.package.name, bytes, &created)?,
        })
    };
    let pushed = registry::push(&*target.registry, &target.package, &target.tag, artifact, args.dry_run)?;
    let reference = match &args.reference {
        RawReference::Place(place) => {
            let tag = Some(target.tag);
            Place { digest: Some(pushed.manifest), tag, ..place.clone() }.to_string()
        }
        _ => format!("{}@{}", target.package, target.tag),
    };
    let verb = match pushed.outcome {
        Outcome::Published => "pushed",
        Outcome::Unchanged => "already there:",
        Outcome::Would => "would push",
    };
    let text = format!(
        "{verb} {reference}\n  manifest {}\n  content  {} ({} bytes)",
        pushed.manifest, pushed.layer, pushed.size
    );
    cx.ui.answer(&text, &Answer { reference, pushed });
    Ok(ExitStatus::Success)
}

fn target(cx: &Context, args: &PushArgs) -> Result<Target> {
    match &args.reference {
        RawReference::Place(place) => {
            let Reference::Tag(tag) = place.reference() else {
                return Err(RegistryError::InvalidReference {
                    text: place.to_string(),
                    why: "what is pushed gets its digest by itself: leave out `@sha256:…`".to_owned(),
                }
                .into());
            };
            let registry = registry::open_place(place)?;
            Ok(Target { registry, package: place.package(), tag, id: place.id() })
        }
        RawReference::Package(request) => Err(RegistryError::InvalidReference {
            text: request.to_string(),
            why: "a package is pushed with its whole version, as in `acme:greet@1.0.0`".to_owned(),
        }
        .into()),
        RawReference::Version(id) => {
            if !id.version.build.is_empty() {
                return Err(RegistryError::BuildMetadata(id.to_string()).into());
            }
            let location = location::of_package(cx, args.to.as_deref(), &id.name)?;
            let registry = registry::open(&location, &cx.dirs)?;
            Ok(Target {
                registry,
                package: id.name.clone(),
                tag: id.version.to_string(),
                id: Some(id.clone()),
            })
        }
    }
}
