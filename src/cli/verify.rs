//! `jointer verify`: may this be used?

use camino::{Utf8Path, Utf8PathBuf};

use super::{Context, embedded, key, location};
use crate::app::App;
use crate::deps::trusted;
use crate::error::{ExitStatus, FileError, Result};
use crate::file;
use crate::name::PackageId;
use crate::package;
use crate::trust::{Policy, TrustError, TrustedIdentity, Verdict};

/// Verify a package in a registry, or a bundle
///
/// A bundle is looked at byte by byte; nothing is unpacked and no network is needed. A package that is in the store with
/// what is attached to it is verified without asking the registry.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// A package, or a bundle that `jointer bundle` wrote; with `--embedded` a component or core module
    #[arg(value_name = "NS:NAME@VERSION|FILE")]
    what: String,
    /// The public key of who should have signed it
    #[arg(long, value_name = "PUB", conflicts_with_all = ["policy", "certificate_identity"])]
    key: Option<Utf8PathBuf>,
    /// Who should have signed it without a key: an email address, or the URI of a workflow, in which `*` stands for anything
    /// but `/` and `**` for anything. Needs a jointer with the feature `keyless`
    #[arg(long, value_name = "IDENTITY", conflicts_with = "policy", requires = "certificate_issuer")]
    certificate_identity: Option<String>,
    /// Who has to vouch for the identity
    #[arg(long, value_name = "URL", alias = "certificate-oidc-issuer", requires = "certificate_identity")]
    certificate_issuer: Option<String>,
    /// For an identity: which authorities and logs count [default: the public Sigstore's]
    #[arg(long, value_name = "trusted_root.json", requires = "certificate_identity")]
    trusted_root: Option<Utf8PathBuf>,
    /// What has to hold; default: `trust.toml` of the app, else of the user (`~/.config/jointer`)
    #[arg(long, value_name = "trust.toml")]
    policy: Option<Utf8PathBuf>,
    /// Where the package is: `local`, `dir:PATH` or `HOST[:PORT][/PREFIX]`; default: the registry of its namespace
    #[arg(long, value_name = "REGISTRY", env = "JOINTER_REGISTRY")]
    from: Option<String>,
    /// Ask no registry: everything has to be in the store
    #[arg(long)]
    offline: bool,
    /// Whether the key of `--key` (`jointer keygen --embedded`) signed this file, inside it. No policy counts that
    #[arg(long, requires = "key")]
    embedded: bool,
}

pub(super) fn run(cx: &Context, args: &VerifyArgs) -> Result<ExitStatus> {
    if let (true, Some(key)) = (args.embedded, &args.key) {
        return embedded::verify(cx, Utf8Path::new(&args.what), key);
    }
    let policy = policy(cx, args)?;
    let path = cx.cwd.join(&args.what);
    if path.exists() {
        return bundle(cx, &policy, &path);
    }
    match args.what.parse::<PackageId>() {
        Ok(id) => package(cx, args, &policy, &id),
        Err(_) => Err(FileError::NotFound(args.what.clone().into()).into()),
    }
}

fn policy(cx: &Context, args: &VerifyArgs) -> Result<Policy> {
    if let Some(key) = &args.key {
        return Ok(Policy::of_key(key::public(cx, key)?));
    }
    if let (Some(identity), Some(issuer)) = (&args.certificate_identity, &args.certificate_issuer) {
        let root = args.trusted_root.as_ref().map(|path| file::read_text(&cx.cwd.join(path))).transpose()?;
        return Ok(Policy::of_identity(TrustedIdentity::new(identity, issuer, root)?));
    }
    if let Some(path) = &args.policy {
        return trusted::read_policy(&cx.cwd.join(path));
    }
    let app = App::find(&cx.cwd).ok();
    Ok(trusted::policy(app.as_deref(), &cx.dirs)?.ok_or(TrustError::NoPolicy)?)
}

fn bundle(cx: &Context, policy: &Policy, path: &Utf8Path) -> Result<ExitStatus> {
    let verified = package::verify(&file::read(path)?, policy, trusted::now())?;
    let mut text = format!(
        "verified {}\n  manifest {}\n  content  {}",
        verified.package, verified.manifest, verified.content
    );
    for part in &verified.parts {
        text.push_str(&format!("\n  part     {} {}", part.digest, part.file));
    }
    text.push_str(&reasons(&verified.verdict));
    cx.ui.answer(&text, &verified);
    Ok(ExitStatus::Success)
}

fn package(cx: &Context, args: &VerifyArgs, policy: &Policy, id: &PackageId) -> Result<ExitStatus> {
    let location = location::of_package(cx, args.from.as_deref(), &id.name)?;
    let verified = trusted::verify_package(policy, &location, &cx.dirs, id, args.offline)?;
    let text = format!(
        "verified {} in {}\n  manifest {}\n  content  {}{}",
        verified.package,
        verified.registry,
        verified.manifest,
        verified.content,
        reasons(&verified.verdict)
    );
    cx.ui.answer(&text, &verified);
    Ok(ExitStatus::Success)
}

/// Why it may be used, line by line.
fn reasons(verdict: &Verdict) -> String {
    let mut text = match &verdict.signer {
        Some(signer) => {
            let name = signer.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
            let logged =
                signer.logged.as_ref().map(|when| format!("\n  logged   {when}")).unwrap_or_default();
            format!("\n  signer   {}{name}{logged}", signer.who)
        }
        None => format!("\n  signer   nobody: the rule `{}` does not ask for one", verdict.rule),
    };
    for kind in &verdict.attestations {
        text.push_str(&format!("\n  attested {kind}"));
    }
    text
}
