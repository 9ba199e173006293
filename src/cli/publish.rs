//! `jointer publish`: components and WIT packages, to a registry.

#[cfg(feature = "warg")]
mod warg;

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::attached::{BuilderArgs, BuiltApp, created};
use super::signer::SignArgs;
use super::{Context, location};
use crate::app::{App, MANIFEST, Source};
use crate::build;
use crate::component;
use crate::deps;
use crate::error::{ExitStatus, Result};
use crate::file;
use crate::name::{InterfaceName, PackageId, PackageName};
use crate::package::{self, Extras, PackageError, Place, Planned, Signatory, Subject};
use crate::registry::{
    self, Artifact, Attachment, Descriptor, Location, MANIFEST_MEDIA_TYPE, Outcome, Published, Store,
};
use crate::wit;

/// Publish components and WIT packages
///
/// Without FILE the app's composed component is published, under the name and version of `jointer.toml`. Several are
/// published in the order in which they need each other. A version that is published never changes: the same contents
/// again are fine, others are refused; and so is a version that its users would take for compatible and that is not. What
/// is attached is sent before the version gets its name, so nobody ever sees it unsigned. A bundle is published as it is,
/// with everything that is in it.
#[derive(Debug, clap::Args)]
pub struct PublishArgs {
    /// Components, folders of WIT, folders of apps, or bundles; default: the app
    #[arg(value_name = "FILE|DIR", conflicts_with = "workspace")]
    sources: Vec<Utf8PathBuf>,
    /// Every app below this folder, and the WIT packages of their own that they have
    #[arg(long)]
    workspace: bool,
    /// Name and version to publish under
    #[arg(long = "as", value_name = "NS:NAME@VERSION", conflicts_with = "workspace")]
    id: Option<PackageId>,
    /// Where to: `local`, `dir:PATH` or `HOST[:PORT][/PREFIX]`; default: the registry of its namespace. `warg://HOST`
    /// (legacy) needs the feature `warg`
    #[arg(long, value_name = "REGISTRY", env = "JOINTER_REGISTRY")]
    to: Option<String>,
    #[command(flatten)]
    sign: SignArgs,
    /// Attach a CycloneDX list of what is inside
    #[arg(long)]
    sbom: bool,
    /// Attach SLSA provenance: how the app was built
    #[arg(long)]
    provenance: bool,
    #[command(flatten)]
    builder: BuilderArgs,
    /// Publish although users of a compatible version have to change something
    #[arg(long)]
    allow_breaking: bool,
    /// Say exactly what would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
}

/// What a package is made from.
enum From {
    File { path: Utf8PathBuf, bytes: Vec<u8> },
    App(Box<App>),
    Bundle { path: Utf8PathBuf, artifact: Box<Artifact>, attachments: Vec<Attachment> },
}

/// What is to be told about a package: made here, or there already.
enum Told {
    Extras(Extras),
    Attached(Vec<Attachment>),
}

pub(super) fn run(cx: &Context, args: &PublishArgs) -> Result<ExitStatus> {
    if let Some(url) = args.to.as_deref().filter(|to| to.starts_with("warg://")) {
        return warg(cx, args, url);
    }
    let mut by = args.sign.signatory(cx)?;
    if args.dry_run && args.sign.is_public() {
        cx.reporter().note(
            "Later",
            "what signs without a key is not asked, and its signatures are not listed".to_owned(),
        );
        by = None;
    }
    let planned = package::in_order(plan(cx, args)?)?;
    let all: BTreeSet<PackageName> = planned.iter().map(|one| one.id.name.clone()).collect();
    let mut published = Vec::new();
    for one in planned {
        let (id, needs) = (one.id.clone(), one.needs.clone());
        match publish(cx, args, one, by.as_ref()) {
            Ok(one) => published.push(one),
            // What it is built from would have been published before it.
            Err(error) if args.dry_run && needs.iter().any(|need| *need != id.name && all.contains(need)) => {
                cx.reporter()
                    .note("Later", format!("{id} can be built when what it needs is there: {error}"));
            }
            Err(error) => return Err(error),
        }
    }
    let text: Vec<String> = published.iter().map(|one| said(one, args.dry_run)).collect();
    match published.as_slice() {
        [one] if !args.workspace && args.sources.len() < 2 => cx.ui.answer(&text.join("\n"), one),
        _ => cx.ui.answer(&text.join("\n"), &published),
    }
    Ok(ExitStatus::Success)
}

#[cfg(feature = "warg")]
fn warg(cx: &Context, args: &PublishArgs, url: &str) -> Result<ExitStatus> {
    warg::run(cx, args, url)
}

#[cfg(not(feature = "warg"))]
fn warg(_: &Context, _: &PublishArgs, _: &str) -> Result<ExitStatus> {
    Err(registry::RegistryError::NoWarg.into())
}

fn publish(
    cx: &Context,
    args: &PublishArgs,
    one: Planned<From>,
    by: Option<&Signatory>,
) -> Result<Published> {
    let Planned { id, of, .. } = one;
    let location = location::of_package(cx, args.to.as_deref(), &id.name)?;
    let created = created()?;
    let packed = |(bytes, extras): (Vec<u8>, Extras)| -> Result<_> {
        Ok((Artifact::pack(&id, bytes, &created)?, Told::Extras(extras)))
    };
    let (artifact, told) = match of {
        From::Bundle { path, .. } if args.sign.wanted() || args.sbom || args.provenance => {
            return Err(PackageError::Whole(path).into());
        }
        From::Bundle { artifact, attachments, .. } => (*artifact, Told::Attached(attachments)),
        From::App(app) => packed(app_contents(cx, args, *app, Some(&location))?)?,
        From::File { path, .. } if args.provenance => return Err(PackageError::NoProvenance(path).into()),
        From::File { bytes, .. } => {
            let sbom = args.sbom.then(|| file_sbom(&bytes, &id, &created)).transpose()?;
            packed((bytes, Extras { sbom, ..Extras::default() }))?
        }
    };
    let registry = registry::open(&location, &cx.dirs)?;
    let place = Place { registry: &*registry, store: &Store::new(&cx.dirs), id: &id };
    if !args.allow_breaking {
        package::gate(place.registry, &id, &artifact.layer, place.store)?;
    }
    // Only now, because a public log does not forget.
    let attachments = match told {
        Told::Extras(extras) => {
            let subject = Descriptor::of(MANIFEST_MEDIA_TYPE, &artifact.manifest);
            package::attachments(&id, &subject, extras, &created, by)?
        }
        Told::Attached(attachments) => attachments,
    };
    Ok(package::publish(&place, &artifact, attachments, args.dry_run)?)
}

/// The app's component, built now, and of what is to be told about it only what was asked for.
fn app_contents(
    cx: &Context,
    args: &PublishArgs,
    app: App,
    location: Option<&Location>,
) -> Result<(Vec<u8>, Extras)> {
    let app = BuiltApp::of(app, |app| {
        // What was published just now is found there.
        let options = deps::Options { from: location.cloned(), ..deps::Options::default() };
        deps::ready(app, &cx.dirs, &options, cx.reporter())?;
        build::build(app, &cx.dirs, &build::Options::default(), cx.reporter())
    })?;
    let extras = Extras {
        parts: Vec::new(),
        sbom: args.sbom.then(|| app.sbom()).transpose()?,
        provenance: args.provenance.then(|| app.provenance(&args.builder)).transpose()?,
    };
    Ok((app.component()?, extras))
}

fn file_sbom(component: &[u8], id: &PackageId, created: &str) -> Result<Vec<u8>, PackageError> {
    let version = id.version.to_string();
    package::sbom(&Subject {
        name: &id.name.to_string(),
        version: Some(&version),
        component,
        parts: &[],
        wiring: &[],
        created,
    })
}

/// One package in a few lines; each thing that would be sent on its own.
fn verb(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Published => "published",
        Outcome::Unchanged => "already there, with the same contents:",
        Outcome::Would => "would publish",
    }
}

fn said(published: &Published, dry: bool) -> String {
    let verb = verb(published.outcome);
    let mut text = format!(
        "{verb} {} to {}\n  manifest {}\n  content  {} ({} bytes)",
        published.package, published.registry, published.manifest, published.content, published.size
    );
    if dry {
        for step in &published.steps {
            let there = if step.there { "is there" } else { "to send" };
            text.push_str(&format!(
                "\n  {there} {:<8} {} {} ({} bytes)",
                step.kind, step.digest, step.what, step.size
            ));
        }
    }
    text
}

/// Everything that is to be published.
fn plan(cx: &Context, args: &PublishArgs) -> Result<Vec<Planned<From>>> {
    if args.workspace {
        let apps = App::all_below(&cx.cwd)?;
        let mut planned = Vec::new();
        for app in apps {
            planned.extend(wit_of(&app)?);
            planned.push(of_app(app, None));
        }
        return Ok(planned);
    }
    if let (Some(_), true) = (&args.id, args.sources.len() > 1) {
        return Err(PackageError::OneName.into());
    }
    if args.sources.is_empty() {
        return Ok(vec![of_app(App::load(&App::find(&cx.cwd)?)?, args.id.clone())]);
    }
    args.sources.iter().map(|source| of_source(cx, source, args.id.as_ref())).collect()
}

fn of_source(cx: &Context, source: &Utf8Path, id: Option<&PackageId>) -> Result<Planned<From>> {
    let path = cx.cwd.join(source);
    if path.join(MANIFEST).is_file() {
        return Ok(of_app(App::load(&path)?, id.cloned()));
    }
    if path.is_dir() {
        let bytes = package::encode_wit(&path)?;
        let id = package::named(source, &bytes, id)?;
        return Ok(Planned { needs: mentioned(&path), id, of: From::File { path, bytes } });
    }
    if source.extension() == Some("tar") {
        let (own, artifact, attachments) = package::unpack(&file::read(&path)?)?;
        if let Some(given) = id.filter(|given| **given != own) {
            let (found, given) = (own.to_string(), given.to_string());
            return Err(PackageError::WrongId { path: source.to_owned(), found, given }.into());
        }
        let of = From::Bundle { path, artifact: Box::new(artifact), attachments };
        return Ok(Planned { needs: BTreeSet::new(), id: own, of });
    }
    let bytes = cx.read_artifact(source)?;
    let id = package::named(source, &bytes, id)?;
    let externs = component::externs(&bytes)?;
    let names = externs.imports.iter().chain(&externs.exports);
    let needs = names.filter_map(|name| Some(name.parse::<InterfaceName>().ok()?.package)).collect();
    Ok(Planned { needs, id, of: From::File { path, bytes } })
}

fn of_app(app: App, id: Option<PackageId>) -> Planned<From> {
    let own = PackageId { name: app.name.clone(), version: app.version.clone() };
    let packages = app.components.values().filter_map(|component| match &component.source {
        Source::Package(request) => Some(request.name.clone()),
        _ => None,
    });
    let needs = packages.chain(mentioned(&app.wit_dir())).collect();
    Planned { id: id.unwrap_or(own), needs, of: From::App(Box::new(app)) }
}

/// The app's own WIT package, where it has a version and another name than the app.
fn wit_of(app: &App) -> Result<Option<Planned<From>>> {
    let dir = app.wit_dir();
    let Ok(wit) = wit::load(&dir) else { return Ok(None) };
    let Ok(id) = wit.package.parse::<PackageId>() else { return Ok(None) };
    if id.name == app.name {
        return Ok(None);
    }
    let bytes = package::encode_wit(&dir)?;
    Ok(Some(Planned { needs: mentioned(&dir), id, of: From::File { path: dir, bytes } }))
}

/// The packages that a folder of WIT has and mentions.
fn mentioned(dir: &Utf8Path) -> BTreeSet<PackageName> {
    let none = BTreeSet::new();
    let there = wit::declared(dir, &none).into_iter().chain(wit::missing(dir, &none));
    there.map(|id| id.name).collect()
}
