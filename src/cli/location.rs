//! Which registry a command means.

use super::Context;
use crate::error::Result;
use crate::name::PackageName;
use crate::registry::{self, Location};

/// The registry that was named, else the local folder. Relative folders are below the current one.
///
/// # Errors
/// When it is not the name of a registry.
pub(super) fn parse(cx: &Context, named: Option<&str>) -> Result<Location> {
    match named.filter(|named| !named.is_empty()) {
        Some(named) => Ok(named.parse::<Location>()?.below(&cx.cwd)),
        None => Ok(Location::Local),
    }
}

/// The registry that was named, else the one that is configured for the package's namespace, else the
/// local folder.
///
/// # Errors
/// When it is not the name of a registry, or the configuration cannot be used.
pub(super) fn of_package(cx: &Context, named: Option<&str>, package: &PackageName) -> Result<Location> {
    match named.filter(|named| !named.is_empty()) {
        Some(named) => parse(cx, Some(named)),
        None => Ok(registry::which(package, false)?.location),
    }
}
