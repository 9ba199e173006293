//! A part more for an app that is there.

use camino::Utf8PathBuf;

use super::edit::{self, Call};
use super::names::{Names, VERSION, api};
use super::{Changes, Kind, ScaffoldError, Template, names, source, template};
use crate::app::{App, Component, Language, MANIFEST, PackageRequest, Source};
use crate::component;
use crate::error::Result;
use crate::file;
use crate::name::{ComponentName, PackageName, nearest};
use crate::wit;

/// What `add` did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// Sentences to show, one for each thing done.
    pub notes: Vec<String>,
    /// Lines that the user must paste, because there was no place for them, and the file they belong to.
    pub paste: Option<(Utf8PathBuf, Vec<String>)>,
}

/// Adds a component `name` out of `template` to `app` and makes it used: a library by a call in
/// `consumer` (default: the root), a middleware by standing in front of the root.
///
/// # Errors
/// [`ScaffoldError`]; nothing is written then.
pub fn add_part(
    app: &App,
    name: &ComponentName,
    template: Template,
    consumer: Option<&ComponentName>,
) -> Result<Added> {
    let folder = app.dir.join(name.as_str());
    names::usable(name.as_str())?;
    if app.components.contains_key(name) {
        return Err(ScaffoldError::ComponentExists(name.to_string()).into());
    }
    if folder.exists() {
        return Err(ScaffoldError::NotEmpty(folder).into());
    }
    let consumer = self::consumer(app, consumer)?;
    let wit = AppWit::read(app)?;
    let names = Names::new(&wit.package, name);
    let mut changes = Changes::default();
    let mut added = Added::default();
    template::part_files(&names, template, &folder, &mut changes);
    template::wasi_files(template, &app.dir, &mut changes);
    let mut text = format!("{}\n{}", wit.text.trim_end(), template.world(&names));
    added.notes.push(format!("{name}/ from the template {template}"));
    let mut root = None;
    match template.kind {
        Kind::Lib => {
            text = wit.import(&text, local_world(consumer), &api(name))?;
            added.notes.push(format!("{} imports {}/{}", consumer.name, wit.package, api(name)));
            let call = |language| Call::greet(language, &wit.package, &wit.version, name, &consumer.name);
            call_it(app, consumer, call, &mut changes, &mut added)?;
        }
        Kind::Middleware => {
            root = Some(name);
            added.notes.push(format!("{name} stands in front of {}: it is the root now", app.root));
        }
        Kind::Http | Kind::Command => {
            let how =
                format!("nothing leads to {name} yet: make it the root in {MANIFEST}, or import from it");
            added.notes.push(how);
        }
    }
    changes.write(wit.path, text);
    changes.write(app.dir.join(MANIFEST), manifest(app, name, "path", name.as_str(), root)?);
    changes.apply()?;
    Ok(added)
}

/// Adds a published package, whose bytes are `component`, as a component named like it: into the manifest, and what it
/// exports into the world of `consumer` (default: the root) and, where `wit/deps` lacks them, its WIT.
///
/// # Errors
/// [`ScaffoldError`]; nothing is written then.
pub fn add_package(
    app: &App,
    request: &PackageRequest,
    component: &[u8],
    consumer: Option<&ComponentName>,
) -> Result<Added> {
    let name: ComponentName = request
        .name
        .name
        .parse()
        .map_err(|error: crate::name::NameError| ScaffoldError::Name { message: error.to_string() })?;
    if app.components.contains_key(&name) {
        return Err(ScaffoldError::ComponentExists(name.to_string()).into());
    }
    let consumer = self::consumer(app, consumer)?;
    let mut changes = Changes::default();
    let mut added = Added::default();
    added.notes.push(format!("{name} is the package {request}"));
    changes.write(app.dir.join(MANIFEST), manifest(app, &name, "package", &request.to_string(), None)?);
    let exports = component::externs(component)?.exports;
    // WASI's own are for hosts, or for a middleware that is wired by hand.
    let exports: Vec<&String> =
        exports.iter().filter(|name| name.contains('/') && !name.starts_with("wasi:")).collect();
    if app.wit_dir().is_dir() && !exports.is_empty() {
        let wit = AppWit::read(app)?;
        let mut text = wit.text.clone();
        for export in &exports {
            text = wit.import(&text, local_world(consumer), export)?;
            added.notes.push(format!("{} imports {export}", consumer.name));
        }
        for package in missing(app, component) {
            let id = &package.id;
            let folder = format!("deps/{}-{}-{}", id.name.namespace, id.name.name, id.version);
            changes.write(app.wit_dir().join(&folder).join("package.wit"), package.text);
            added.notes.push(format!("wit/{folder}/ has the WIT of {id}"));
        }
        changes.write(wit.path, text);
    }
    changes.apply()?;
    Ok(added)
}

/// The WIT of what a component exports, as far as the app does not have it.
fn missing(app: &App, component: &[u8]) -> Vec<wit::PackageText> {
    let has = wit::declared(&app.wit_dir(), &std::collections::BTreeSet::new());
    let mut packages = wit::exported(component);
    packages.retain(|package| !has.contains(&package.id));
    packages
}

fn manifest(
    app: &App,
    name: &ComponentName,
    key: &str,
    said: &str,
    root: Option<&ComponentName>,
) -> Result<String> {
    let file = app.dir.join(MANIFEST);
    let text = file::read_text(&file)?;
    let edited = edit::add_component(&text, name, key, said, root);
    Ok(edited.map_err(|reason| ScaffoldError::UnexpectedManifest { file, reason })?)
}

fn consumer<'a>(app: &'a App, asked: Option<&ComponentName>) -> Result<&'a Component> {
    let name = asked.unwrap_or(&app.root);
    let found = app.components.get(name);
    Ok(found.ok_or_else(|| {
        let near = nearest(name.as_str(), app.components.keys().map(ComponentName::as_str));
        let all = || app.components.keys().map(ComponentName::to_string).collect::<Vec<_>>().join(", ");
        let help = near
            .first()
            .map_or_else(|| format!("there are {}", all()), |near| format!("did you mean `{near}`?"));
        ScaffoldError::UnknownConsumer { name: name.to_string(), help }
    })?)
}

/// The world's name inside the app's own package, where `ns:name/world@version` may name it in full.
fn local_world(consumer: &Component) -> &str {
    let world = consumer.world().split('@').next().unwrap_or_default();
    world.rsplit('/').next().unwrap_or(world)
}

/// Puts the call into the consumer's source, or leaves it to the user.
fn call_it(
    app: &App,
    consumer: &Component,
    call: impl Fn(Language) -> Call,
    changes: &mut Changes,
    added: &mut Added,
) -> Result<()> {
    let Source::Project(project) = &consumer.source else {
        added.notes.push(format!("{} is not built here: it has to call the part itself", consumer.name));
        return Ok(());
    };
    let found = source::language(project, consumer.language)
        .and_then(|language| Some((language, source::file(project, language)?)));
    let Some((language, source)) = found else {
        added.notes.push(format!("no source file of {} was recognised: call the part there", consumer.name));
        return Ok(());
    };
    let call = call(language);
    let shown = source.strip_prefix(&app.dir).unwrap_or(&source).to_owned();
    match call.put_into(&file::read_text(&source)?) {
        Some(text) => {
            added.notes.push(format!("{shown} calls it"));
            changes.write(source, text);
        }
        None => added.paste = Some((shown, call.lines())),
    }
    Ok(())
}

/// The file of the app's own worlds.
struct AppWit {
    path: Utf8PathBuf,
    text: String,
    package: PackageName,
    version: String,
}

impl AppWit {
    /// Reads `wit/world.wit`.
    fn read(app: &App) -> Result<Self> {
        let path = app.wit_dir().join("world.wit");
        let text = file::read_text(&path)?;
        let declared = text.lines().find_map(|line| line.trim().strip_prefix("package ")?.strip_suffix(';'));
        let (package, version) = match declared.map(|id| id.split_once('@').unwrap_or((id, VERSION))) {
            Some((package, version)) => (package.parse().ok(), version.to_owned()),
            None => (None, String::new()),
        };
        let Some(package) = package else {
            let reason = "it does not begin with a package, such as `package acme:shop@0.1.0;`".to_owned();
            return Err(ScaffoldError::UnexpectedWit { file: path, reason }.into());
        };
        Ok(Self { path, text, package, version })
    }

    /// `text` with the import in the consumer's world.
    fn import(&self, text: &str, world: &str, interface: &str) -> Result<String> {
        let added = wit::add_import(text, world, interface);
        Ok(added.ok_or_else(|| {
            let reason = format!("there is no world `{world}`");
            ScaffoldError::UnexpectedWit { file: self.path.clone(), reason }
        })?)
    }
}
