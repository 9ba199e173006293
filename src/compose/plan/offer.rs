//! What a part has for others, and which of it fits an import.

use wac_graph::types::are_semver_compatible;

use crate::wit::{Difference, Extern, Shape, Type, first_difference};

/// Whether nobody has to implement an import: it is made of types alone.
pub(super) fn needs_nobody(wanted: &Extern) -> bool {
    match wanted {
        Extern::Interface(interface) => interface.is_plain(),
        Extern::Type(ty, origin) => *ty != Type::Resource || origin.is_some(),
        Extern::Function(_) | Extern::Other(_) => false,
    }
}

/// What a part has for others. What guest tools export for themselves is not: componentize-py's
/// interface `exports` and the function `init` of the QuickJS engine, by which both prepare their
/// interpreters before the component is finished.
pub(super) fn offered(shape: &Shape) -> impl Iterator<Item = (&str, &Extern)> {
    shape
        .exports
        .iter()
        .filter(|(name, item)| match item {
            Extern::Interface(interface) => !(*name == "exports" && interface.functions.keys().eq(["init"])),
            Extern::Function(function) => {
                let parameters: Vec<&str> =
                    function.parameters.iter().map(|(name, _)| name.as_str()).collect();
                !(*name == "init" && parameters == ["shim", "script", "entry-path", "disable-gc"])
            }
            Extern::Type(..) | Extern::Other(_) => true,
        })
        .map(|(name, item)| (name.as_str(), item))
}

/// The export of a part that comes nearest to an import: of those whose name and version fit, one whose
/// type fits too, the same version before the newest. With why it does not fit, if none does.
pub(super) fn best<'a>(
    shape: &'a Shape,
    import: &str,
    wanted: &Extern,
) -> Option<(&'a str, Option<Difference>)> {
    let mut named: Vec<(&str, &Extern)> =
        offered(shape).filter(|(export, _)| are_semver_compatible(import, export)).collect();
    named.sort_by_key(|(export, _)| (*export != import, std::cmp::Reverse(version(export))));
    let mut tried = named.into_iter().map(|(export, given)| (export, first_difference(wanted, given)));
    let first = tried.next()?;
    if first.1.is_none() {
        return Some(first);
    }
    Some(tried.find(|(_, difference)| difference.is_none()).unwrap_or(first))
}

pub(super) fn version(name: &str) -> Option<semver::Version> {
    name.split_once('@')?.1.parse().ok()
}

pub(in crate::compose) fn unversioned(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}
