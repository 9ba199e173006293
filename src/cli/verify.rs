//! `jointer verify`: is this bundle what its author signed?

use camino::Utf8PathBuf;

use super::Context;
use crate::error::{ExitStatus, Result};
use crate::file;
use crate::package;
use crate::trust::PublicKey;

/// Verify a bundle
///
/// Looks at every byte of it, unpacks nothing, and needs no network.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// A bundle that `jointer bundle` wrote
    #[arg(value_name = "FILE.oci.tar")]
    file: Utf8PathBuf,
    /// The public key of who should have signed it
    #[arg(long, value_name = "PUB")]
    key: Utf8PathBuf,
}

pub(super) fn run(cx: &Context, args: &VerifyArgs) -> Result<ExitStatus> {
    let key = PublicKey::from_pem(&file::read_text(&cx.cwd.join(&args.key))?)?;
    let verified = package::verify(&file::read(&cx.cwd.join(&args.file))?, &key)?;
    let mut text = format!(
        "verified {}\n  manifest {}\n  content  {}",
        verified.package, verified.manifest, verified.content
    );
    for part in &verified.parts {
        text.push_str(&format!("\n  part     {} {}", part.digest, part.file));
    }
    cx.ui.answer(&text, &verified);
    Ok(ExitStatus::Success)
}
