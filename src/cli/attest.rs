//! `jointer attest`: a signed statement beside a package in a registry.

use camino::Utf8PathBuf;

use super::attached::created;
use super::signer::{self, KeylessArgs};
use super::{Context, location};
use crate::error::{ExitStatus, Result};
use crate::file;
use crate::name::PackageId;
use crate::package::{PackageError, Place};
use crate::registry::{self, Store};
use crate::trust;

/// Say something about a package in a registry, signed
///
/// The statement goes beside the package as a Sigstore bundle. `cosign verify-attestation` reads it too. It does not sign
/// the package: that is `jointer sign`.
#[derive(Debug, clap::Args)]
pub struct AttestArgs {
    /// The package
    #[arg(value_name = "NS:NAME@VERSION")]
    package: PackageId,
    /// What kind of statement: `slsa-provenance-v1`, `cyclonedx`, `spdx` or the address of another
    #[arg(long = "type", value_name = "TYPE")]
    kind: String,
    /// The statement itself, in JSON
    #[arg(long, value_name = "FILE.json")]
    predicate: Utf8PathBuf,
    /// The private key (`jointer keygen` or `cosign generate-key-pair`)
    #[arg(long, value_name = "KEY", required_unless_present = "keyless", conflicts_with = "keyless")]
    key: Option<Utf8PathBuf>,
    #[command(flatten)]
    keyless: KeylessArgs,
    /// Where it is: `local`, `dir:PATH` or `HOST[:PORT][/PREFIX]`; default: the registry of its namespace
    #[arg(long, value_name = "REGISTRY", env = "JOINTER_REGISTRY")]
    from: Option<String>,
}

pub(super) fn run(cx: &Context, args: &AttestArgs) -> Result<ExitStatus> {
    let location = location::of_package(cx, args.from.as_deref(), &args.package.name)?;
    let kind = trust::predicate_type(&args.kind)?;
    let predicate = serde_json::from_slice(&file::read(&cx.cwd.join(&args.predicate))?)
        .map_err(|error| PackageError::NotJson { path: args.predicate.clone(), reason: error.to_string() })?;
    let by = args.keyless.signatory(cx, args.key.as_deref())?;
    let registry = registry::open(&location, &cx.dirs)?;
    let place = Place { registry: &*registry, store: &Store::new(&cx.dirs), id: &args.package };
    let created = created()?;
    let attested = place.attest(&kind, &predicate, &by, &created)?;
    let text = format!(
        "attested {} in {}\n  manifest {}\n  kind     {kind}\n{}",
        attested.package,
        attested.registry,
        attested.manifest,
        signer::said(&attested.who)
    );
    cx.ui.answer(&text, &attested);
    Ok(ExitStatus::Success)
}
