//! Key files that a command was given.

use std::os::unix::fs::PermissionsExt as _;

use camino::Utf8Path;

use super::{Context, password};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::file;
use crate::trust::{KeyPair, PublicKey, TrustError};

/// Reads a private key, and warns when others can read it too.
///
/// # Errors
/// When it cannot be read or is no key, or the password is not its.
pub(super) fn private(cx: &Context, path: &Utf8Path) -> Result<KeyPair> {
    let path = cx.cwd.join(path);
    let pem = text(&path)?;
    warn_if_readable(cx, &path);
    KeyPair::from_pem::<Error>(&pem, password::existing)
}

/// Reads a public key.
///
/// # Errors
/// When it cannot be read or is no key.
pub(super) fn public(cx: &Context, path: &Utf8Path) -> Result<PublicKey> {
    Ok(PublicKey::from_pem(&text(&cx.cwd.join(path))?)?)
}

/// Keys for signatures inside files are not text.
fn text(path: &Utf8Path) -> Result<String> {
    let text = String::from_utf8(file::read(path)?);
    let other = "it is not text; keys of `jointer keygen --embedded` are for signatures inside files";
    Ok(text.map_err(|_| TrustError::InvalidKey(other.to_owned()))?)
}

/// Warns when others can read a private key.
pub(super) fn warn_if_readable(cx: &Context, path: &Utf8Path) {
    let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o077 != 0 {
        cx.reporter().report(Event::Warning {
            code: "trust::readable_key".to_owned(),
            text: format!("other users of this machine can read `{path}`"),
            help: format!("`chmod 600 {path}`"),
        });
    }
}
