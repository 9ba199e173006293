//! `--deny`: interfaces that a component is to have from nobody.

use camino::Utf8Path;

use super::Context;
use crate::adapt;
use crate::compose;
use crate::error::{Error, Result};

/// Puts what refuses all calls behind the denied interfaces of a component.
pub(super) fn without(cx: &Context, bytes: Vec<u8>, denied: &[String], input: &Utf8Path) -> Result<Vec<u8>> {
    if denied.is_empty() {
        return Ok(bytes);
    }
    let made = adapt::denial(&bytes, denied).map_err(|error| Error::from(error).at(input.as_str()))?;
    let Some(denial) = made else {
        cx.reporter().note("Unchanged", format!("{input} imports nothing of {}", denied.join(", ")));
        return Ok(bytes);
    };
    let composed = compose::plug(("component", &bytes), &[("denied", &denial.component)])?;
    let bytes = adapt::denied(&composed.chunks.concat(), &denial, denied)
        .map_err(|error| Error::from(error).at(input.as_str()))?;
    cx.reporter().note("Denied", denial.interfaces.join(", "));
    Ok(bytes)
}
