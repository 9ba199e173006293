//! Everything that can be known of an app without starting a guest tool.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::driver;
use super::plan::wires;
use super::project::{Kind, Project, Wits};
use crate::adapt;
use crate::app::{App, Component, Dirs, Source, Wire};
use crate::component;
use crate::compose;
use crate::error::{Error, Result};
use crate::host::{self, Profile};
use crate::name::{ComponentName, InterfaceName, nearest};
use crate::wit;

/// What QuickJS lacks of what JavaScript programs are used to.
const NOT_IN_QUICKJS: [&str; 9] = [
    "console.",
    "TextEncoder",
    "TextDecoder",
    "setTimeout(",
    "setInterval(",
    "new URL(",
    "fetch(",
    "crypto.",
    "structuredClone(",
];

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whether a build or its result would fail; otherwise it is only worth knowing.
    pub error: bool,
    /// A stable code, `room::slug`.
    pub code: String,
    /// What is the case.
    pub text: String,
    /// What to do.
    pub help: String,
}

impl Finding {
    fn error(code: &str, text: String, help: String) -> Self {
        Self { error: true, code: code.to_owned(), text, help }
    }

    fn warning(code: &str, text: String, help: String) -> Self {
        Self { error: false, code: code.to_owned(), text, help }
    }

    fn of(error: &Error) -> Self {
        let help = error.diagnostic().help().map(|help| help.to_string()).unwrap_or_default();
        Self::error(&error.code().unwrap_or_default(), error.to_string(), help)
    }
}

/// What a part imports and exports, as far as that is known without building it.
struct Side {
    imports: Vec<String>,
    exports: Vec<String>,
    /// The part itself, or one of its world that does nothing.
    bytes: Option<Vec<u8>>,
}

/// Looks at the manifest, the worlds, the sources' entries and the wiring of `app`.
///
/// # Errors
/// When the app's targets are unknown. What is wrong with its parts is found, not failed with.
pub fn check(app: &App, dirs: &Dirs) -> Result<Vec<Finding>> {
    let host = host::resolve(&app.targets, app.wasi.as_ref())?;
    let mut found = Vec::new();
    let mut wits = Wits::default();
    let mut sides = BTreeMap::new();
    for component in app.components.values() {
        match side(app, dirs, component, &mut wits, &mut found) {
            Ok(Some(side)) => drop(sides.insert(&component.name, side)),
            Ok(None) => {}
            Err(error) => found.push(Finding::of(&error)),
        }
    }
    // Wiring says nothing sure while a part is unknown.
    if sides.len() == app.components.len() {
        wiring(app, &host, &sides, &mut found);
        // An error there is one here as well.
        if !found.iter().any(|finding| finding.error) {
            found.extend(types(app, &host, &sides));
        }
    }
    Ok(found)
}

fn side(
    app: &App,
    dirs: &Dirs,
    component: &Component,
    wits: &mut Wits,
    found: &mut Vec<Finding>,
) -> Result<Option<Side>> {
    let Some(project) = Project::of(app, component, wits)? else {
        let bytes = match &component.source {
            Source::File(path) => crate::file::read(path)?,
            _ => crate::deps::resolved(app, dirs)?.remove(&component.name).unwrap_or_default(),
        };
        if component::kind(&bytes)? == component::Kind::CoreModule {
            return Ok(None);
        }
        let externs = component::externs(&bytes)?;
        return Ok(Some(Side { imports: externs.imports, exports: externs.exports, bytes: Some(bytes) }));
    };
    let driver = driver::of(&project.kind);
    driver.inputs(&project)?;
    driver.steps(&project, &driver::Places::signs(&project, driver))?;
    if let Kind::JavaScript { quickjs: true, .. } = project.kind {
        found.extend(not_in_quickjs(&project)?);
    }
    let bytes = project.wit.as_ref().zip(project.world.as_ref());
    let bytes = bytes.and_then(|(dir, world)| wit::stand_in(dir, &world.name));
    Ok(project.world.map(|world| Side { imports: world.imports, exports: world.exports, bytes }))
}

/// Composes what stands for the parts as a build composes the parts: types that do not fit each other are found before
/// any of them is built. Finds nothing where something cannot stand for a part.
fn types(app: &App, host: &Profile, sides: &BTreeMap<&ComponentName, Side>) -> Option<Finding> {
    let mut parts = Vec::new();
    for (name, side) in sides {
        let bytes = adapt::fit(side.bytes.as_ref()?, host).ok()?.bytes;
        let wires = wires(app, name);
        parts.push(compose::Part { name: name.to_string(), bytes: bytes.into(), wires });
    }
    let host_offers = |import: &str| host.offers(import);
    let options = compose::Options { strict_exports: app.strict_exports, host_offers: &host_offers };
    let error = compose::compose(&parts, app.root.as_str(), &options).err()?;
    Some(Finding::of(&error.into()))
}

/// Names in the sources that QuickJS does not have: a call of one is a trap when it runs.
fn not_in_quickjs(project: &Project) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for path in driver::of(&project.kind).inputs(project)?.paths() {
        let script = matches!(path.extension(), Some("js" | "mjs" | "ts"));
        if !script || path.as_str().contains("/node_modules/") {
            continue;
        }
        let text = crate::file::read_text(path)?;
        for name in NOT_IN_QUICKJS {
            let Some(line) = text.lines().position(|line| line.contains(name)) else { continue };
            let place = path.strip_prefix(&project.app).unwrap_or(path);
            let name = name.trim_end_matches(['.', '(']).trim_start_matches("new ");
            found.push(Finding::warning(
                "build::engine_lacks",
                format!("`{place}:{}` uses `{name}`, which QuickJS does not have", line + 1),
                format!("avoid it, or remove `engine = \"quickjs\"` from `[component.{}]`", project.name),
            ));
        }
    }
    Ok(found)
}

fn wiring(app: &App, host: &Profile, sides: &BTreeMap<&ComponentName, Side>, found: &mut Vec<Finding>) {
    let mut reached = BTreeSet::from([&app.root]);
    let mut left = vec![&app.root];
    while let Some(name) = left.pop() {
        let Some(side) = sides.get(name) else { continue };
        for import in side.imports.iter().filter(|import| import.contains('/')) {
            match provider(app, host, sides, name, import) {
                Ok(Some(provider)) if reached.insert(provider) => left.push(provider),
                Ok(_) => {}
                Err(finding) => found.push(finding),
            }
        }
    }
    for name in app.components.keys().filter(|name| !reached.contains(name)) {
        found.push(Finding::warning(
            "build::unreached",
            format!("nothing that the root `{}` imports leads to `{name}`", app.root),
            format!(
                "import one of its exports in the world of another component, or remove `[component.{name}]`"
            ),
        ));
    }
}

/// The part that satisfies an import; `None` for the host.
fn provider<'a>(
    app: &App,
    host: &Profile,
    sides: &BTreeMap<&'a ComponentName, Side>,
    consumer: &ComponentName,
    import: &str,
) -> Result<Option<&'a ComponentName>, Finding> {
    let plain = unversioned(import);
    let wires = app.components.get(consumer).map(|component| &component.imports);
    let wire = wires.and_then(|wires| wires.get(import).or_else(|| wires.get(&plain)));
    match wire {
        Some(Wire::Host) => return Ok(None),
        Some(Wire::Part { component, .. }) => {
            return Ok(sides.keys().find(|name| **name == component).copied());
        }
        None if host.offers(&in_version(import, host)) => return Ok(None),
        None => {}
    }
    let others = || sides.iter().filter(|(name, _)| **name != consumer);
    let fits: Vec<&ComponentName> = others()
        .filter(|(_, side)| side.exports.iter().any(|export| compatible(export, import)))
        .map(|(name, _)| *name)
        .collect();
    match fits[..] {
        [one] => Ok(Some(one)),
        [] => {
            let exports = others().flat_map(|(_, side)| side.exports.iter().map(String::as_str));
            let near = nearest(import, exports);
            let help = match near.is_empty() {
                true => format!(
                    "add a component that exports it: `jointer add NAME -t lib-rust --for {consumer}`"
                ),
                false => format!("the nearest exports are `{}`", near.join("`, `")),
            };
            let text = format!("nobody satisfies `{import}`, which `{consumer}` imports");
            Err(Finding::error("compose::unsatisfied", text, help))
        }
        _ => {
            let names: Vec<&str> = fits.iter().map(|name| name.as_str()).collect();
            let text = format!("`{consumer}` imports `{import}`, and `{}` all export it", names.join("`, `"));
            let help =
                format!("say which: `\"{plain}\" = \"{}\"` under `[component.{consumer}.imports]`", names[0]);
            Err(Finding::error("compose::ambiguous", text, help))
        }
    }
}

fn unversioned(name: &str) -> String {
    name.parse::<InterfaceName>().map_or_else(|_| name.to_owned(), |name| name.unversioned())
}

/// As parts are adapted before they are composed, WASI has the app's version everywhere.
fn in_version(import: &str, host: &Profile) -> String {
    match import.parse::<InterfaceName>() {
        Ok(name) if name.is_wasi() => {
            let is_0_3 =
                name.version.as_ref().is_some_and(|version| (version.major, version.minor) == (0, 3));
            let offered = host.wasi_0_3.as_ref().filter(|_| is_0_3).unwrap_or(&host.wasi);
            name.with_version(offered.clone()).to_string()
        }
        _ => import.to_owned(),
    }
}

/// Whether an export may stand for an import: the same interface, and a version that a semantic version
/// requirement of the import's allows.
fn compatible(export: &str, import: &str) -> bool {
    let (Ok(export), Ok(import)) = (export.parse::<InterfaceName>(), import.parse::<InterfaceName>()) else {
        return export == import;
    };
    let versions = match (&export.version, &import.version) {
        (Some(has), Some(wants)) if !export.is_wasi() => {
            semver::VersionReq::parse(&format!("^{wants}")).is_ok_and(|wanted| wanted.matches(has))
        }
        _ => true,
    };
    export.unversioned() == import.unversioned() && versions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_version_may_stand_for_an_earlier_one() {
        assert!(compatible("a:b/c@1.2.0", "a:b/c@1.1.0"));
        assert!(!compatible("a:b/c@1.0.0", "a:b/c@1.1.0"));
        assert!(!compatible("a:b/c@0.2.0", "a:b/c@0.1.0"));
        assert!(compatible("wasi:http/types@0.2.3", "wasi:http/types@0.2.12"));
        assert!(compatible("a:b/c", "a:b/c"));
        assert!(!compatible("a:b/d", "a:b/c"));
    }
}
