//! Who is wired to whom in an app, and what each part takes from the host: a file in the bundle.

use serde::Serialize;

use super::{Contents, PackageError};
use crate::build::Wired;
use crate::component;
use crate::digest::Digest;

/// The media type of the file.
pub const WIRING_MEDIA_TYPE: &str = "application/vnd.jointer.wiring.v1+json";

/// The version of the file's form.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Wiring<'a> {
    version: u32,
    /// The part whose exports the app has.
    root: &'a str,
    /// By name.
    parts: Vec<Wires<'a>>,
}

#[derive(Serialize)]
struct Wires<'a> {
    name: &'a str,
    digest: Digest,
    imports: Vec<Import<'a>>,
    exports: Vec<String>,
}

#[derive(Serialize)]
#[serde(tag = "from", rename_all = "lowercase")]
enum Import<'a> {
    Host { import: String },
    Part { import: String, part: &'a str, export: &'a str },
}

/// The file for these contents. The same contents give the same bytes.
pub(super) fn wiring(contents: &Contents<'_>) -> Result<Vec<u8>, PackageError> {
    let mut parts = Vec::new();
    for part in &contents.parts {
        let externs = component::externs(&part.bytes)?;
        let name = part.name.as_str();
        let import = |import: String| match satisfied(contents.wiring, name, &import) {
            Some(wired) => Import::Part { import, part: &wired.provider, export: &wired.export },
            None => Import::Host { import },
        };
        parts.push(Wires {
            name,
            digest: Digest::of(&part.bytes),
            imports: externs.imports.into_iter().map(import).collect(),
            exports: externs.exports,
        });
    }
    parts.sort_by_key(|part| part.name);
    let wiring = Wiring { version: VERSION, root: contents.root, parts };
    let mut bytes = serde_json::to_vec_pretty(&wiring).unwrap_or_default();
    bytes.push(b'\n');
    Ok(bytes)
}

fn satisfied<'a>(wiring: &'a [Wired], consumer: &str, import: &str) -> Option<&'a Wired> {
    wiring.iter().find(|wired| wired.consumer == consumer && wired.import == import)
}
