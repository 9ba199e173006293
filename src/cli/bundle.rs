//! `jointer bundle`: the app as one file.

use camino::Utf8PathBuf;
use serde::Serialize;

use super::attached::{BuilderArgs, BuiltApp};
use super::signer::SignArgs;
use super::{Context, location};
use crate::digest::Digest;
use crate::error::{ExitStatus, Result};
use crate::file;
use crate::name::PackageId;
use crate::package;
use crate::registry::{self, Store};

/// Write the app, or a published package, as one OCI-layout tar
///
/// It holds the composed component (as a package that any registry takes), its parts and how they are wired,
/// a CycloneDX list of all that is inside, and SLSA provenance. With a key each is signed, and list and
/// provenance are attested. `oras cp --from-oci-layout` copies it to a registry, where `cosign verify --key`
/// accepts it, and `jointer publish FILE.oci.tar` publishes it as it is. With PACKAGE it is what a registry has, with all
/// that is attached to it there: verify it before use.
#[derive(Debug, clap::Args)]
pub struct BundleArgs {
    /// A published package; default: the app
    #[arg(value_name = "NS:NAME@VERSION", conflicts_with_all = ["sign", "keyless"])]
    package: Option<PackageId>,
    /// For a package: where it is; default: the registry of its namespace
    #[arg(long, value_name = "REGISTRY", env = "JOINTER_REGISTRY")]
    from: Option<String>,
    #[command(flatten)]
    sign: SignArgs,
    /// Where to write it; default: APP.oci.tar
    #[arg(short, long, value_name = "FILE")]
    output: Option<Utf8PathBuf>,
    #[command(flatten)]
    builder: BuilderArgs,
}

#[derive(Serialize)]
struct Answer {
    file: Utf8PathBuf,
    package: PackageId,
    manifest: Digest,
    content: Digest,
    signed: bool,
}

pub(super) fn run(cx: &Context, args: &BundleArgs) -> Result<ExitStatus> {
    if let Some(id) = &args.package {
        return published(cx, args, id);
    }
    let by = args.sign.signatory(cx)?;
    // Nothing is signed that is not what the sources say now.
    let app = BuiltApp::build(cx)?;
    let bundled = package::bundle(app.contents(&args.builder)?, by.as_ref())?;
    let output = args.output.clone().unwrap_or_else(|| format!("{}.oci.tar", app.id.name.name).into());
    file::write(&cx.cwd.join(&output), &bundled.tar)?;
    let signed = by.is_some();
    let id = app.id;
    let text = format!(
        "wrote {output}: {id}, {}\n  manifest {}\n  content  {}",
        if signed { "signed" } else { "not signed" },
        bundled.manifest,
        bundled.content
    );
    let answer =
        Answer { file: output, package: id, manifest: bundled.manifest, content: bundled.content, signed };
    cx.ui.answer(&text, &answer);
    Ok(ExitStatus::Success)
}

/// A package out of a registry.
fn published(cx: &Context, args: &BundleArgs, id: &PackageId) -> Result<ExitStatus> {
    let registry = registry::open(&location::of_package(cx, args.from.as_deref(), &id.name)?, &cx.dirs)?;
    let tar = package::collect(&*registry, id, &Store::new(&cx.dirs))?;
    let output = args.output.clone().unwrap_or_else(|| format!("{}.oci.tar", id.name.name).into());
    file::write(&cx.cwd.join(&output), &tar)?;
    let (_, artifact, attachments) = package::unpack(&tar)?;
    let answer = Answer {
        file: output,
        package: id.clone(),
        manifest: artifact.manifest_digest,
        content: artifact.layer_descriptor.digest,
        signed: attachments.iter().any(package::is_signature),
    };
    let text = format!(
        "wrote {}: {id} with {} attachments\n  manifest {}\n  content  {}",
        answer.file,
        attachments.len(),
        answer.manifest,
        answer.content
    );
    cx.ui.answer(&text, &answer);
    Ok(ExitStatus::Success)
}
