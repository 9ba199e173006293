//! Which registry a command means.

use super::Context;
use crate::error::Result;
use crate::registry::Location;

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
