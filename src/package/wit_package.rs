//! WIT as a package: encoded into a component that holds types and no code, as `wkg` publishes it.

use camino::Utf8Path;
use semver::Version;
use wit_component::DecodedWasm;
use wit_parser::Resolve;

use super::PackageError;
use crate::name::PackageId;

/// Encodes the WIT package in `dir`; what it uses stands in its `deps`.
///
/// # Errors
/// [`PackageError::InvalidWit`].
pub fn encode_wit(dir: &Utf8Path) -> Result<Vec<u8>, PackageError> {
    let invalid = |error: String| PackageError::InvalidWit { path: dir.to_owned(), reason: error };
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(dir.as_std_path()).map_err(|error| invalid(format!("{error:#}")))?;
    wit_component::encode(&resolve, package).map_err(|error| invalid(format!("{error:#}")))
}

/// What `bytes` is published as. A WIT package says itself what it is called, and a component may say which version it
/// is; anything else is told. `path` is what messages call it.
///
/// # Errors
/// [`PackageError::WrongId`] when what it says and what is `given` differ, [`PackageError::NoId`] when neither says it.
pub fn named(path: &Utf8Path, bytes: &[u8], given: Option<&PackageId>) -> Result<PackageId, PackageError> {
    let wrong = |found: String, given: &PackageId| PackageError::WrongId {
        path: path.to_owned(),
        found,
        given: given.to_string(),
    };
    match (package_id(bytes), given) {
        (Some(found), Some(given)) if found != *given => Err(wrong(found.to_string(), given)),
        (Some(found), _) => Ok(found),
        (None, Some(given)) => match version(bytes) {
            Some(version) if version != given.version => {
                Err(wrong(format!("{}@{version}", given.name), given))
            }
            _ => Ok(given.clone()),
        },
        (None, None) => Err(PackageError::NoId(path.to_owned())),
    }
}

/// The name and version inside an encoded WIT package; `None` for a component with code, and for a package without a
/// version.
fn package_id(bytes: &[u8]) -> Option<PackageId> {
    let Ok(DecodedWasm::WitPackage(resolve, package)) = wit_component::decode(bytes) else { return None };
    let name = &resolve.packages[package].name;
    format!("{}:{}@{}", name.namespace, name.name, name.version.as_ref()?).parse().ok()
}

/// The version that a component has in its metadata, where that is a semantic version.
fn version(bytes: &[u8]) -> Option<Version> {
    let payload = wasm_metadata::Payload::from_binary(bytes).ok()?;
    payload.metadata().version.as_ref()?.to_string().parse().ok()
}
