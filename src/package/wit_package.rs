//! WIT as a package: encoded into a component that holds types and no code, as `wkg` publishes it.

use camino::Utf8Path;
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

/// The name and version inside an encoded WIT package; `None` for a component with code, and for a
/// package without a version.
pub fn package_id(bytes: &[u8]) -> Option<PackageId> {
    let Ok(DecodedWasm::WitPackage(resolve, package)) = wit_component::decode(bytes) else { return None };
    let name = &resolve.packages[package].name;
    format!("{}:{}@{}", name.namespace, name.name, name.version.as_ref()?).parse().ok()
}
