//! Signatures inside a file: what `keygen`, `sign` and `verify` do with `--embed` or `--embedded`.

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::files::STDIO;
use super::{Context, key};
use crate::component;
use crate::digest::Digest;
use crate::error::{Error, ExitStatus, Result};
use crate::file;
use crate::trust::embedded::{self, KeyPair, PublicKey};

#[derive(Serialize)]
struct Signed<'a> {
    file: &'a Utf8Path,
    /// Of the file that was written.
    digest: Digest,
    key: String,
    /// Whether the key had signed it before.
    unchanged: bool,
}

#[derive(Serialize)]
struct Verified<'a> {
    file: &'a Utf8Path,
    digest: Digest,
    key: String,
}

/// Puts a signature into `input` and writes that to `output`.
pub(super) fn sign(cx: &Context, input: &Utf8Path, key: &Utf8Path, output: &Utf8Path) -> Result<ExitStatus> {
    cx.check_output(output)?;
    let here = |error: Error| error.at(input.as_str());
    let key = private(cx, key)?;
    let bytes = cx.read_artifact(input)?;
    component::validate(&bytes).map_err(|error| here(error.into()))?;
    let signed = embedded::sign(&bytes, &key).map_err(|error| here(error.into()))?;
    let unchanged = signed.is_none();
    signed.as_deref().map_or(Ok(()), component::validate)?;
    let signed = signed.unwrap_or(bytes);
    // What is signed already stays as it is, with its time.
    if !unchanged || input != output || output == STDIO {
        cx.write_artifact(output, &signed)?;
    }
    if output == STDIO {
        return Ok(ExitStatus::Success);
    }
    let answer =
        Signed { file: output, digest: Digest::of(&signed), key: key.public().to_string(), unchanged };
    let verb = if unchanged { "already signed:" } else { "signed" };
    let text = format!("{verb} {output}\n  digest {}\n  key    {}", answer.digest, answer.key);
    cx.ui.answer(&text, &answer);
    Ok(ExitStatus::Success)
}

/// Whether the key signed the file as it is.
pub(super) fn verify(cx: &Context, input: &Utf8Path, key: &Utf8Path) -> Result<ExitStatus> {
    let path = cx.cwd.join(key);
    let key = PublicKey::from_bytes(&file::read(&path)?).map_err(|error| Error::from(error).at(path))?;
    let bytes = cx.read_artifact(input)?;
    let here = |error: Error| error.at(input.as_str());
    embedded::verify(&bytes, &key).map_err(|error| here(error.into()))?;
    // The first eight bytes are not signed.
    component::validate(&bytes).map_err(|error| here(error.into()))?;
    let verified = Verified { file: input, digest: Digest::of(&bytes), key: key.to_string() };
    let text = format!("verified {input}\n  digest {}\n  key    {}", verified.digest, verified.key);
    cx.ui.answer(&text, &verified);
    Ok(ExitStatus::Success)
}

fn private(cx: &Context, path: &Utf8Path) -> Result<KeyPair> {
    let path: Utf8PathBuf = cx.cwd.join(path);
    let bytes = file::read(&path)?;
    key::warn_if_readable(cx, &path);
    KeyPair::from_bytes(&bytes).map_err(|error| Error::from(error).at(path))
}
