//! `jointer sign`: a signature beside a package in a registry, or inside a file.

use camino::{Utf8Path, Utf8PathBuf};
use clap::ValueEnum;

use super::attached::created;
use super::signer::{self, KeylessArgs};
use super::{Context, embedded, location};
use crate::error::{ExitStatus, Result};
use crate::name::{NameError, PackageId};
use crate::package::{Forms, Place};
use crate::registry::{self, RegistryError, Store};

/// Sign a package that is in a registry, or a file
///
/// The package is fetched and checked first. The signature goes beside it, where `jointer verify` and `cosign verify`
/// find it; signatures of others stay. With `--embed` a file is signed, and the signature goes into it.
#[derive(Debug, clap::Args)]
pub struct SignArgs {
    /// The package; with `--embed` a component or core module
    #[arg(value_name = "NS:NAME@VERSION|FILE")]
    what: String,
    /// The private key (`jointer keygen` or `cosign generate-key-pair`); with `--embed` one of `jointer keygen --embedded`
    #[arg(long, value_name = "KEY", required_unless_present = "keyless", conflicts_with = "keyless")]
    key: Option<Utf8PathBuf>,
    #[command(flatten)]
    keyless: KeylessArgs,
    /// Where it is: `local`, `dir:PATH` or `HOST[:PORT][/PREFIX]`; default: the registry of its namespace
    #[arg(long, value_name = "REGISTRY", env = "JOINTER_REGISTRY")]
    from: Option<String>,
    /// The form of the signature: a Sigstore bundle, which cosign 3 reads, the older one of cosign 2, or both. Without a key
    /// it is a bundle
    #[arg(long, value_enum, default_value_t, conflicts_with = "keyless")]
    signature_format: Format,
    /// Put the signature into the file itself, where `jointer verify --embedded` and `wasmsign2 verify` find it. That
    /// changes its bytes, so do it before you publish
    #[arg(long, conflicts_with_all = ["keyless", "signature_format"])]
    embed: bool,
    /// Where the signed file goes; by default it replaces the file
    #[arg(short, long, value_name = "FILE", requires = "embed")]
    output: Option<Utf8PathBuf>,
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
    if let (true, Some(key)) = (args.embed, &args.key) {
        let file = Utf8Path::new(&args.what);
        return embedded::sign(cx, file, key, args.output.as_deref().unwrap_or(file));
    }
    let package = package(cx, &args.what)?;
    let location = location::of_package(cx, args.from.as_deref(), &package.name)?;
    let by = args.keyless.signatory(cx, args.key.as_deref())?;
    let registry = registry::open(&location, &cx.dirs)?;
    let place = Place { registry: &*registry, store: &Store::new(&cx.dirs), id: &package };
    let forms = Forms {
        bundle: !matches!(args.signature_format, Format::Legacy),
        legacy: !matches!(args.signature_format, Format::Bundle),
    };
    let created = created()?;
    let signed = place.sign(&by, forms, &created)?;
    let text = format!(
        "signed {} in {}\n  manifest {}\n{}",
        signed.package,
        signed.registry,
        signed.manifest,
        signer::said(&signed.who)
    );
    cx.ui.answer(&text, &signed);
    Ok(ExitStatus::Success)
}

fn package(cx: &Context, text: &str) -> Result<PackageId, RegistryError> {
    text.parse().map_err(|error: NameError| {
        let is_file = cx.cwd.join(text).is_file();
        let why = if is_file {
            "it is a file, which is signed with `--embed`".to_owned()
        } else {
            error.to_string()
        };
        RegistryError::InvalidReference { text: text.to_owned(), why }
    })
}
