//! `jointer sign`: a signature beside a package in a registry.

use camino::Utf8PathBuf;
use clap::ValueEnum;

use super::attached::created;
use super::{Context, key, location};
use crate::error::{ExitStatus, Result};
use crate::name::PackageId;
use crate::package::{Forms, Place};
use crate::registry::{self, Store};

/// Sign a package that is in a registry
///
/// The package is fetched and checked first. The signature goes beside it, where `jointer verify` and `cosign verify
/// --key` find it; signatures of others stay.
#[derive(Debug, clap::Args)]
pub struct SignArgs {
    /// The package
    #[arg(value_name = "NS:NAME@VERSION")]
    package: PackageId,
    /// The private key (`jointer keygen` or `cosign generate-key-pair`)
    #[arg(long, value_name = "KEY")]
    key: Utf8PathBuf,
    /// Where it is: `local`, `dir:PATH` or `HOST[:PORT][/PREFIX]`; default: the registry of its namespace
    #[arg(long, value_name = "REGISTRY", env = "JOINTER_REGISTRY")]
    from: Option<String>,
    /// The form of the signature: a Sigstore bundle, which cosign 3 reads, the older one of cosign 2, or both
    #[arg(long, value_enum, default_value_t)]
    signature_format: Format,
}

/// Forms of signatures.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    #[default]
    Both,
    Bundle,
    Legacy,
}

pub(super) fn run(cx: &Context, args: &SignArgs) -> Result<ExitStatus> {
    let location = location::of_package(cx, args.from.as_deref(), &args.package.name)?;
    let key = key::private(cx, &args.key)?;
    let registry = registry::open(&location, &cx.dirs)?;
    let place = Place { registry: &*registry, store: &Store::new(&cx.dirs), id: &args.package };
    let forms = Forms {
        bundle: !matches!(args.signature_format, Format::Legacy),
        legacy: !matches!(args.signature_format, Format::Bundle),
    };
    let created = created()?;
    let signed = place.sign(&key, forms, &created)?;
    let text = format!(
        "signed {} in {}\n  manifest {}\n  key      {}",
        signed.package, signed.registry, signed.manifest, signed.key
    );
    cx.ui.answer(&text, &signed);
    Ok(ExitStatus::Success)
}
