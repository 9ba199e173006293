//! What `run`, `serve` and `call` work on: a file that is named, or the app that the command stands in.

use camino::{Utf8Path, Utf8PathBuf};
use semver::Version;

use super::Context;
use super::built::built;
use super::grants::{GrantArgs, grants_of};
use crate::adapt;
use crate::app::App;
use crate::component::{self, Kind};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::host::Profile;
use crate::name::InterfaceName;
use crate::run::Grants;

/// A component and what it may do.
pub(super) struct Subject {
    /// What messages call it.
    pub(super) name: String,
    /// It fits the runner's WASI version.
    pub(super) bytes: Vec<u8>,
    /// From the manifest and the flags.
    pub(super) grants: Grants,
}

impl Subject {
    /// The component in `file`, or the app's, built first unless `no_build`. What does not fit `host`, as `--host`
    /// names it, as it is, is refused.
    pub(super) fn obtain(
        cx: &Context,
        file: Option<&Utf8Path>,
        no_build: bool,
        flags: &GrantArgs,
        host: Option<&str>,
    ) -> Result<Self> {
        let granted = flags.grants(cx)?;
        let host = host.map(Profile::named).transpose()?;
        let checked = |name: &str, bytes: Vec<u8>| match &host {
            // What fits a host that is not the runner may still be made to fit the runner.
            Some(host) => adapt::check_host(&bytes, name, host).and_then(|()| fitting(cx, name, bytes)),
            None => fitting(cx, name, bytes),
        };
        match file {
            Some(file) => {
                let bytes = checked(file.as_str(), cx.read_artifact(file)?)?;
                Ok(Self { name: file.to_string(), bytes, grants: granted })
            }
            None => {
                let app = App::load(&App::find(&cx.cwd)?)?;
                let path = composed(cx, &app, no_build)?;
                let name = app.name.name.clone();
                let bytes = checked(&name, cx.read_artifact(&path)?)?;
                Ok(Self { name, bytes, grants: manifest_grants(&app)?.and(granted) })
            }
        }
    }
}

/// What the manifest grants to any of the app's components: composed, they are one.
pub(super) fn manifest_grants(app: &App) -> Result<Grants> {
    app.components.values().try_fold(Grants::default(), |grants, component| {
        Ok(grants.and(grants_of(&component.capabilities, &app.dir)?))
    })
}

/// The app's composed component.
fn composed(cx: &Context, app: &App, no_build: bool) -> Result<Utf8PathBuf> {
    if no_build {
        return Ok(app.output());
    }
    Ok(built(cx, app)?.component)
}

/// The component itself, or what it becomes to fit the runner: core modules and components for old
/// snapshots are adapted, which is said in one line.
pub(super) fn fitting(cx: &Context, name: &str, bytes: Vec<u8>) -> Result<Vec<u8>> {
    let here = |error| Error::from(error).at(name);
    let core = component::kind(&bytes).map_err(here)? == Kind::CoreModule;
    if !core && !is_old(&component::externs(&bytes).map_err(here)?) {
        return Ok(bytes);
    }
    let host = Profile::built_in();
    let adapted = adapt::fit(&bytes, &host).map_err(|error| Error::from(error).at(name))?;
    if adapted.how != adapt::How::Unchanged {
        cx.reporter().report(Event::Adapted {
            unit: name.to_owned(),
            from: adapted.from,
            to: format!("wasi@{}", host.wasi),
            how: adapted.how.word().to_owned(),
        });
    }
    Ok(adapted.bytes)
}

/// Whether WASI is used in a candidate of 0.2.0 or 0.3.0: final versions are linked as they are.
fn is_old(externs: &component::Externs) -> bool {
    let is_candidate = |version: Version| {
        version < Version::new(0, 2, 0) || (version.minor == 3 && version < Version::new(0, 3, 0))
    };
    externs.imports.iter().chain(&externs.exports).any(|name| {
        name.parse::<InterfaceName>()
            .is_ok_and(|name| name.is_wasi() && name.version.is_some_and(is_candidate))
    })
}
