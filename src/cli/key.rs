//! Key files that a command was given.

use std::os::unix::fs::PermissionsExt as _;

use camino::Utf8Path;

use super::{Context, password};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::file;
use crate::trust::KeyPair;

/// Reads a private key, and warns when others can read it too.
///
/// # Errors
/// When it cannot be read or is no key, or the password is not its.
pub(super) fn private(cx: &Context, path: &Utf8Path) -> Result<KeyPair> {
    let path = cx.cwd.join(path);
    let pem = file::read_text(&path)?;
    warn_if_readable(cx, &path);
    KeyPair::from_pem::<Error>(&pem, password::existing)
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
