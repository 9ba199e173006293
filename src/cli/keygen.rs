//! `jointer keygen`: a key pair for signing, in cosign's file format.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::{Context, password};
use crate::error::{ExitStatus, FileError, Result};
use crate::package::PackageError;
use crate::trust::{KeyPair, embedded};

/// Make a key pair for signing: PREFIX.key (encrypted) and PREFIX.pub
///
/// The password comes from JOINTER_KEY_PASSWORD or COSIGN_PASSWORD, else it is asked for. The files are
/// those of `cosign generate-key-pair`.
#[derive(Debug, clap::Args)]
pub struct KeygenArgs {
    /// What the two files are called without their ends
    #[arg(short, long, value_name = "PREFIX", default_value = "jointer")]
    output: Utf8PathBuf,
    /// An Ed25519 pair for signatures inside files (`jointer sign --embed`), as `wasmsign2 keygen` makes it. Its private
    /// key is not encrypted, because that format knows no password
    #[arg(long)]
    embedded: bool,
}

/// The contents of the two files, and what signatures call the key.
struct Made {
    private: Vec<u8>,
    public: Vec<u8>,
    fingerprint: String,
}

#[derive(Serialize)]
struct Answer {
    private: Utf8PathBuf,
    public: Utf8PathBuf,
    fingerprint: String,
}

pub(super) fn run(cx: &Context, args: &KeygenArgs) -> Result<ExitStatus> {
    let private = Utf8PathBuf::from(format!("{}.key", args.output));
    let public = Utf8PathBuf::from(format!("{}.pub", args.output));
    for path in [&private, &public] {
        if cx.cwd.join(path).exists() {
            return Err(PackageError::Exists(path.clone()).into());
        }
    }
    let made = if args.embedded { for_files()? } else { for_registries()? };
    create(&cx.cwd.join(&private), &made.private, 0o600)?;
    create(&cx.cwd.join(&public), &made.public, 0o644)?;
    let open = if args.embedded { ", nothing encrypts it" } else { "" };
    let text = format!("{private}: keep it secret{open}\n{public}: give it to who verifies");
    cx.ui.answer(&text, &Answer { private, public, fingerprint: made.fingerprint });
    Ok(ExitStatus::Success)
}

fn for_registries() -> Result<Made> {
    let key = KeyPair::generate();
    Ok(Made {
        private: key.to_encrypted_pem(&password::new()?)?.into_bytes(),
        public: key.public().to_pem().into_bytes(),
        fingerprint: key.public().fingerprint(),
    })
}

fn for_files() -> Result<Made> {
    let key = embedded::KeyPair::generate()?;
    let public = key.public();
    Ok(Made { private: key.to_bytes(), public: public.to_bytes(), fingerprint: public.to_string() })
}

/// Writes a file that must not be there yet.
fn create(path: &Utf8Path, bytes: &[u8], mode: u32) -> Result<()> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = match file {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(PackageError::Exists(path.to_owned()).into());
        }
        file => file.map_err(|error| FileError::writing(path, &error))?,
    };
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        let _ = std::fs::remove_file(path);
        return Err(FileError::writing(path, &error).into());
    }
    Ok(())
}
