//! Takes interfaces away from a component.
//!
//! What is denied is no import any more: a component written for the purpose has those interfaces instead, with the
//! types and functions that the other one imports and no others. So it fails closed, for any version and any
//! package: there is no list that something could be missing from. A call ends with the error that its own type has
//! for it (`access-denied`, `not-permitted`), with nothing (no variables, no folders), or in a trap.

use indexmap::IndexMap;
use miette::Diagnostic;
use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding, embed_component_metadata};
use wit_parser::{InterfaceId, Resolve, WorldId, WorldItem, WorldKey};

use super::refuse::module;
use super::snapshot::{self, Snapshot};
use super::step::{self, Step};
use crate::component::{self, ComponentError, Kind};
use crate::error::{ExitStatus, Fault};

/// Why interfaces cannot be taken away.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum DenyError {
    /// The bytes are no component.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Component(#[from] ComponentError),
    /// A core module has no interfaces yet.
    #[error("a core module has no interfaces to deny")]
    #[diagnostic(code(adapt::deny_core_module), help("make it a component first: `jointer adapt`"))]
    CoreModule,
    /// No interface that is known or imported is called that.
    #[error("nothing is called `{what}`")]
    #[diagnostic(code(adapt::deny_unknown), help("it imports {imports}"))]
    Unknown {
        /// What was asked.
        what: String,
        /// All that could be denied.
        imports: String,
    },
    /// Something that stays mentions types of what is to go.
    #[error("`{interface}` cannot be denied: `{user}` uses its types")]
    #[diagnostic(code(adapt::deny_needed), help("{help}"))]
    Needed {
        /// What was to go.
        interface: String,
        /// What stays.
        user: String,
        /// What to do.
        help: String,
    },
    /// The component with nothing behind it cannot be written.
    #[error("the interfaces cannot be denied: {reason}")]
    #[diagnostic(
        code(adapt::not_denied),
        help("deny fewer of them; `jointer inspect` says what the component imports")
    )]
    NotDenied {
        /// wit-component's words.
        reason: String,
    },
}

impl Fault for DenyError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::Component(error) => error.status(),
            Self::Unknown { .. } => ExitStatus::Usage,
            _ => ExitStatus::Fit,
        }
    }
}

/// A component to be plugged into another, which then has these interfaces from nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Exports the interfaces.
    pub component: Vec<u8>,
    /// Their names, in the order of the imports: `wasi:sockets/tcp@0.2.12`.
    pub interfaces: Vec<String>,
}

/// Writes what stands for the denied interfaces of a component: `sockets` and `wasi:sockets` are a package of WASI,
/// `sockets/tcp` an interface, `acme:kv/store` another; a version at the end is that version alone. None if it
/// imports nothing of the kind.
///
/// # Errors
/// See [`DenyError`].
pub fn denial(bytes: &[u8], denied: &[String]) -> Result<Option<Denial>, DenyError> {
    if component::kind(bytes)? == Kind::CoreModule {
        return Err(DenyError::CoreModule);
    }
    let externs = component::externs(bytes)?;
    let failed = |error: &dyn std::fmt::Display| DenyError::NotDenied { reason: error.to_string() };
    for what in denied {
        let known = externs.imports.iter().any(|import| is_called(import, what)) || is_wasi(what);
        if !known {
            let imports = externs.imports.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
            let imports = if imports.is_empty() { "nothing".to_owned() } else { imports.join(", ") };
            return Err(DenyError::Unknown { what: what.clone(), imports });
        }
    }
    let decoded = wit_component::decode(bytes).map_err(|error| failed(&format!("{error:#}")))?;
    let DecodedWasm::Component(mut resolve, world) = decoded else {
        return Err(failed(&"it is a WIT package"));
    };
    let goes = |resolve: &Resolve, key: &WorldKey, item: &WorldItem| {
        let name = resolve.name_world_key(key);
        matches!(item, WorldItem::Interface { .. }) && denied.iter().any(|what| is_called(&name, what))
    };
    let imports = std::mem::take(&mut resolve.worlds[world].imports);
    let (gone, kept): (IndexMap<_, _>, IndexMap<_, _>) =
        imports.into_iter().partition(|(key, item)| goes(&resolve, key, item));
    if gone.is_empty() {
        return Ok(None);
    }
    check(&resolve, world, &gone, &kept)?;
    let interfaces = gone.keys().map(|key| resolve.name_world_key(key)).collect();
    resolve.worlds[world].imports = kept;
    resolve.worlds[world].exports = gone;
    let mut module = module(&resolve, world);
    // What only looks like a version of the same is another interface here.
    let mut encoder = ComponentEncoder::default();
    encoder.merge_imports_based_on_semver(false);
    let encoded = embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .and_then(|()| encoder.module(&module).map(drop))
        .and_then(|()| encoder.encode());
    let component = encoded.map_err(|error| failed(&format!("{error:#}")))?;
    component::validate(&component)?;
    Ok(Some(Denial { component, interfaces }))
}

/// Looks at a component after its denial was plugged into it, and writes into it what it has from nobody now.
///
/// # Errors
/// [`DenyError::NotDenied`] names what is an import still: composers leave what does not fit to the host.
pub fn denied(bytes: &[u8], denial: &Denial, denied: &[String]) -> Result<Vec<u8>, DenyError> {
    check_denied(bytes, denied)?;
    Ok(step::written(bytes, &Step::taken_away(denial.interfaces.clone(), "denied"))?)
}

fn check_denied(bytes: &[u8], denied: &[String]) -> Result<(), DenyError> {
    let imports = component::externs(bytes)?.imports;
    let left = imports.iter().find(|import| denied.iter().any(|what| is_called(import, what)));
    left.map_or(Ok(()), |import| {
        Err(DenyError::NotDenied { reason: format!("`{import}` is still imported") })
    })
}

/// Nothing that stays may mention types of what goes: they would be other types then.
fn check(
    resolve: &Resolve,
    world: WorldId,
    gone: &IndexMap<WorldKey, WorldItem>,
    kept: &IndexMap<WorldKey, WorldItem>,
) -> Result<(), DenyError> {
    let id = |item: &WorldItem| match item {
        WorldItem::Interface { id, .. } => Some(*id),
        _ => None,
    };
    let gone: IndexMap<InterfaceId, &WorldKey> =
        gone.iter().filter_map(|(key, item)| Some((id(item)?, key))).collect();
    let exports = resolve.worlds[world].exports.iter().map(|entry| (entry, "its own export"));
    for ((key, item), what) in kept.iter().map(|entry| (entry, "import")).chain(exports) {
        let Some(user) = id(item) else { continue };
        let Some(needed) = resolve.interface_direct_deps(user).find_map(|id| gone.get(&id)) else { continue };
        let user = resolve.name_world_key(key);
        let help = match what {
            "import" => format!("deny `{}` as well", user.split('@').next().unwrap_or_default()),
            _ => "it is what the component is for: build it without that export".to_owned(),
        };
        return Err(DenyError::Needed { interface: resolve.name_world_key(needed), user, help });
    }
    Ok(())
}

/// Whether an import `wasi:sockets/tcp@0.2.12` is meant by `sockets`, `wasi:sockets`, `sockets/tcp`, or all of it.
fn is_called(import: &str, what: &str) -> bool {
    let what = match what.contains(':') || !import.starts_with("wasi:") {
        true => what.to_owned(),
        false => format!("wasi:{what}"),
    };
    let (path, version) = import.split_once('@').unwrap_or((import, ""));
    let (wanted, only) = what.split_once('@').map_or((&*what, None), |(path, only)| (path, Some(only)));
    let package = path.split('/').next().unwrap_or_default();
    (wanted == path || wanted == package) && only.is_none_or(|only| only == version)
}

/// Whether WASI has a package or interface of this name: not using it is no mistake.
fn is_wasi(what: &str) -> bool {
    let what = what.split('@').next().unwrap_or_default();
    let newest = snapshot::finals().last().and_then(|version| Snapshot::load(&version.to_string()));
    newest.is_some_and(|newest| newest.interfaces.values().any(|found| is_called(&found.name, what)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{everything, externs, world};
    use super::*;

    fn deny(bytes: &[u8], what: &[&str]) -> Result<Option<Denial>, DenyError> {
        denial(bytes, &what.iter().map(|what| (*what).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn every_package_of_every_snapshot_can_be_denied() {
        for label in ["0.2.0-rc-2023-10-18", "0.2.0-rc-2023-11-10", "0.2.0", "0.2.12", "0.3.0"] {
            let bytes = everything(label);
            let sends = if label == "0.3.0" { "wasi:http/client" } else { "wasi:http/outgoing-handler" };
            for what in ["sockets", "filesystem", "http", "random", "cli", sends] {
                let denied = deny(&bytes, &[what]).unwrap_or_else(|error| panic!("{label} {what}: {error}"));
                let denied = denied.unwrap();
                let exports = externs(&denied.component).exports;
                assert_eq!(exports.len(), denied.interfaces.len(), "{label} {what}");
                let all = externs(&bytes).imports;
                let meant: Vec<&String> = all.iter().filter(|import| is_called(import, what)).collect();
                assert_eq!(
                    exports.iter().collect::<std::collections::BTreeSet<_>>(),
                    meant.into_iter().collect()
                );
                let imports = externs(&denied.component).imports;
                assert!(imports.iter().all(|import| !is_called(import, what)), "{label} {what}: {imports:?}");
            }
        }
    }

    #[test]
    fn what_others_use_cannot_be_denied_alone() {
        let bytes = everything("0.2.12");
        let error = deny(&bytes, &["io"]).unwrap_err();
        assert!(
            matches!(&error, DenyError::Needed { interface, .. } if interface.starts_with("wasi:io/")),
            "{error}"
        );
        let error = deny(&bytes, &["filesystem/types"]).unwrap_err();
        assert!(error.to_string().contains("wasi:filesystem/preopens"), "{error}");
        deny(&bytes, &["filesystem/types", "filesystem/preopens"]).unwrap().unwrap();
        let handler =
            world("import wasi:http/types@0.2.3; export wasi:http/incoming-handler@0.2.3;", &["0.2.3"]);
        let error = deny(&handler, &["http"]).unwrap_err();
        assert!(error.to_string().contains("incoming-handler"), "{error}");
    }

    #[test]
    fn packages_of_ones_own_are_denied_as_well() {
        let bytes = world(
            "import prices: interface { resource price { cents: func() -> u32; }
                 of: func(sku: string) -> result<price>; all: func() -> list<string>; }
             import wasi:random/random@0.2.3;",
            &["0.2.3"],
        );
        assert_eq!(deny(&bytes, &["prices"]).unwrap().unwrap().interfaces, ["prices"]);
        assert!(matches!(deny(&bytes, &["price"]).unwrap_err(), DenyError::Unknown { .. }));
        // Known to WASI, and not used: that is what was wanted.
        assert_eq!(deny(&bytes, &["sockets", "wasi:http/types"]).unwrap(), None);
        assert_eq!(deny(&bytes, &["random@0.2.4"]).unwrap(), None);
        assert!(deny(&bytes, &["random@0.2.3"]).unwrap().is_some());
        let left = check_denied(&bytes, &["random".to_owned()]).unwrap_err();
        assert!(left.to_string().contains("`wasi:random/random@0.2.3` is still imported"), "{left}");
    }
}
