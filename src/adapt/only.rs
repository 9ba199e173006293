//! The adapter as a component of its own.
//!
//! It imports the target's interfaces and exports those of a snapshot, so that any tool that composes can plug
//! it into an application: `wac plug --plug adapter.wasm app.wasm`. What the application exports for its host
//! goes the other way, so that is a second component, which the application is plugged into.

use wasm_encoder::{ComponentBuilder, ComponentExportKind, ComponentTypeRef};

use super::merge::name_in;
use super::snapshot::Snapshot;
use super::trim::trimmed;
use super::uses::Uses;
use super::{AdaptError, Step, component, sample, step, target, wrap};
use crate::component::Side;

/// An adapter component and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alone {
    /// The component; valid.
    pub bytes: Vec<u8>,
    /// The functions that something stands in for, sorted.
    pub functions: Vec<String>,
    /// What the target lacks and the adapter therefore does not export.
    pub lacking: Vec<String>,
}

/// The adapter from snapshot `from` to version `to`: for what `app` imports, else for all of the snapshot.
///
/// # Errors
/// See [`AdaptError`]; also when there is nothing to adapt.
pub fn adapter(from: &str, to: &semver::Version, app: Option<&[u8]>) -> Result<Alone, AdaptError> {
    let target = target(to)?;
    let uses = uses(from, app)?;
    let of_app = app.is_some();
    let found = trimmed(of_snapshot(uses, from, Side::Import), &target)?;
    if found.uses.imports.is_empty() {
        return Err(nothing(from, "imports"));
    }
    if let Some(lacking) = found.lacking.first().filter(|_| of_app) {
        return Err(lacks(from, lacking, &target));
    }
    let mut head = wrap::head(&found.uses, &found.plan, &target)?;
    for used in &found.uses.imports {
        let instance = head.given.get(used.name.as_str()).copied();
        let instance = instance.ok_or_else(|| nothing(from, "imports"))?;
        head.builder.export(used.name.as_str(), ComponentExportKind::Instance, instance, None);
    }
    let functions = found.plan.functions(&found.uses);
    finish(head.builder, functions, found.lacking, from, &target)
}

/// The adapter for what `app` exports to its host in snapshot `from`: it imports that, and exports it as
/// version `to` calls it.
///
/// # Errors
/// See [`AdaptError`]; also when it exports nothing of the snapshot.
pub fn export_adapter(from: &str, to: &semver::Version, app: &[u8]) -> Result<Alone, AdaptError> {
    let target = target(to)?;
    let uses = of_snapshot(uses(from, Some(app))?, from, Side::Export);
    let found = trimmed(uses, &target)?;
    if let Some(lacking) = found.lacking.first() {
        return Err(lacks(from, lacking, &target));
    }
    if found.uses.exports.is_empty() {
        return Err(nothing(from, "exports"));
    }
    let mut needs = super::encode::Needs::new(&target);
    for used in &found.uses.exports {
        needs.interface(&used.key);
        used.types.keys().for_each(|ty| needs.ty(&used.key, ty));
        used.functions.keys().for_each(|function| needs.function(&used.key, function));
    }
    let exported = |key: &str| found.uses.exports.iter().find(|used| used.key == key);
    let mut builder = ComponentBuilder::default();
    let name = |key: &str| exported(key).map_or_else(|| name_in(&target, key), |used| used.name.clone());
    let imports = super::encode::Imports::write(&mut builder, &needs, &name);
    for used in &found.uses.exports {
        let instance = imports.instance(&used.key).ok_or_else(|| nothing(from, "exports"))?;
        let name = name_in(&target, &used.key);
        builder.export(name.as_str(), ComponentExportKind::Instance, instance, None::<ComponentTypeRef>);
    }
    finish(builder, Vec::new(), found.lacking, from, &target)
}

fn finish(
    builder: ComponentBuilder,
    functions: Vec<String>,
    lacking: Vec<String>,
    from: &str,
    target: &Snapshot,
) -> Result<Alone, AdaptError> {
    let step =
        Step { from: vec![from.to_owned()], to: format!("wasi@{}", target.label), how: "adapter".to_owned() };
    let bytes = step::written(&builder.finish(), &step)?;
    component::validate(&bytes)?;
    Ok(Alone { bytes, functions, lacking })
}

/// What the application uses, or everything of the snapshot.
fn uses(from: &str, app: Option<&[u8]>) -> Result<Uses, AdaptError> {
    match app {
        Some(app) => Ok(Uses::of(app)?),
        None => {
            let sample = sample::everything(from).ok_or_else(|| AdaptError::unknown_snapshot(from))?;
            Ok(Uses::of(&sample)?)
        }
    }
}

/// Without what is of another snapshot: one label may stand for packages of several.
fn of_snapshot(mut uses: Uses, from: &str, side: Side) -> Uses {
    let versions: Vec<String> = Snapshot::load(from)
        .map(|snapshot| snapshot.interfaces.values().map(|interface| interface.name.clone()).collect())
        .unwrap_or_default();
    let of = |name: &String| versions.contains(name);
    uses.imports.retain(|used| side == Side::Import && of(&used.name));
    uses.exports.retain(|used| side == Side::Export && of(&used.name));
    uses
}

fn nothing(from: &str, what: &'static str) -> AdaptError {
    AdaptError::NothingOfSnapshot { snapshot: from.to_owned(), what }
}

fn lacks(from: &str, lacking: &str, target: &Snapshot) -> AdaptError {
    let (interface, function) = lacking.split_once(' ').unwrap_or((lacking, "anything"));
    AdaptError::FunctionMissing {
        snapshot: super::snapshot::describe(from).into(),
        interface: interface.into(),
        function: function.into(),
        target: target.label.as_str().into(),
        help: "choose a newer version with `--to`, or build it without what is missing".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{externs, version, world};
    use super::*;

    #[test]
    fn an_adapter_exports_a_snapshot_and_imports_another() {
        for (from, to, lacking) in [
            ("0.2.0-rc-2023-10-18", "0.2.12", 0),
            ("0.2.0-rc-2023-11-10", "0.2.12", 0),
            ("0.2.0-rc-2024-01-16", "0.2.0", 0),
            ("0.2.6", "0.2.12", 0),
            ("0.2.12", "0.2.0", 1),
        ] {
            let alone = adapter(from, &version(to), None).unwrap_or_else(|error| panic!("{from}: {error}"));
            let names = externs(&alone.bytes);
            let snapshot = Snapshot::load(from).unwrap();
            assert!(names.imports.iter().all(|name| name.ends_with(&format!("@{to}"))), "{names:?}");
            let known = |name: &String| snapshot.interfaces.values().any(|interface| interface.name == *name);
            assert!(names.exports.len() > 20 && names.exports.iter().all(known), "{from}: {names:?}");
            assert!(alone.lacking.len() >= lacking, "{from}: {:?}", alone.lacking);
            assert_eq!(super::super::steps(&alone.bytes)[0].how, "adapter");
        }
    }

    #[test]
    fn for_an_application_it_has_what_that_imports() {
        let from = "0.2.0-rc-2023-11-10";
        let app = world(
            &format!(
                "import wasi:sockets/tcp@{from}; import wasi:io/poll@0.2.6; export wasi:cli/run@{from};"
            ),
            &[from, "0.2.6"],
        );
        let alone = adapter(from, &version("0.2.12"), Some(&app)).unwrap();
        let exports = externs(&alone.bytes).exports;
        assert!(exports.contains(&format!("wasi:sockets/tcp@{from}")), "{exports:?}");
        assert!(exports.iter().all(|name| name.ends_with(from)), "{exports:?}");
        assert!(!alone.functions.is_empty());
        let exports = export_adapter(from, &version("0.2.12"), &app).unwrap();
        let names = externs(&exports.bytes);
        assert_eq!(names.imports, [format!("wasi:cli/run@{from}")]);
        assert_eq!(names.exports, ["wasi:cli/run@0.2.12"]);
        let none = adapter("0.2.3", &version("0.2.12"), Some(&app)).unwrap_err();
        assert!(matches!(none, AdaptError::NothingOfSnapshot { .. }), "{none}");
        let unknown = adapter("0.2.0-rc-2023-11-11", &version("0.2.12"), None).unwrap_err();
        assert!(matches!(unknown, AdaptError::UnknownSnapshot { .. }), "{unknown}");
    }
}
