//! Drivers: how each guest language is built with its own tools.

mod cargo;
mod command;
mod javascript;
mod python;

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;

use super::fingerprint::Fingerprint;
use super::inputs::Inputs;
use super::project::{Kind, Project};
use crate::app::Dirs;
use crate::component::Packages;
use crate::error::Result;
use crate::process::Stream;
use crate::toolchain::Tool;
pub(super) use cargo::cargo_home;

/// Builds one project with its guest language's own tools.
pub(super) trait Driver: Sync {
    /// What is shown beside the component's name while it runs.
    fn name(&self, project: &Project) -> &'static str;

    /// The tools that the build starts.
    fn tools(&self, project: &Project) -> BTreeSet<Tool>;

    /// Everything that the build may read and that is known before it. The process starts with a cleared
    /// environment, so variables that are not declared it cannot see.
    fn inputs(&self, project: &Project) -> Result<Inputs>;

    /// The processes to start, one after the other. Pure, so a test can read them, and so that the
    /// command lines can go into the fingerprint.
    fn steps(&self, project: &Project, places: &Places) -> Result<Vec<Step>>;

    /// Files that jointer adds to the staged project, by path relative to it.
    fn files(&self, project: &Project) -> Result<BTreeMap<Utf8PathBuf, String>> {
        let _ = project;
        Ok(BTreeMap::new())
    }

    /// Whether the sources after a build, `now`, are those that it began with. A tool may add what it made
    /// for itself.
    fn same(&self, before: &Fingerprint, now: &Fingerprint) -> bool {
        before == now
    }

    /// Whether the sources are copied before, so that nothing can be written beside them.
    fn staged(&self) -> bool {
        true
    }

    /// What makes its command lines depend on more than the fingerprint shows; changes with the driver.
    fn version(&self) -> u32 {
        2
    }

    /// Whether the same inputs give the same bytes, wherever they are built: what its tools promise.
    fn promises(&self) -> bool {
        false
    }

    /// Memory it takes at its peak.
    fn memory(&self, project: &Project) -> u64;

    /// How long it takes, compared with the others.
    fn length(&self, project: &Project) -> u32;

    /// Builds with the same text here do not run at the same time.
    fn alone(&self) -> Option<&'static str> {
        None
    }

    /// Whether a line is shown while the tool runs. Tools that only speak when they fail are heard then.
    fn shows(&self, stream: Stream) -> bool {
        let _ = stream;
        false
    }

    /// The part of what a failed step said that helps, with the paths of the app.
    fn complaint(&self, project: &Project, places: &Places, step: &Step, said: &Said<'_>) -> Complaint;

    /// Where the result is, after all steps; `said` is what the last one wrote to standard output.
    fn result(&self, project: &Project, places: &Places, said: &str) -> Result<Utf8PathBuf>;

    /// The packages of its language that are in the result, after a build; `None` when nobody can tell. What
    /// has to be asked, `ask` asks: it gives the standard output of a process that succeeded.
    fn packages(
        &self,
        project: &Project,
        places: &Places,
        ask: &dyn Fn(&Step) -> Option<String>,
    ) -> Option<Packages> {
        let _ = (project, places, ask);
        None
    }

    /// Files that the build turned out to read besides its known inputs; absolute.
    fn also_read(&self, project: &Project, places: &Places) -> Result<Vec<Utf8PathBuf>> {
        let _ = (project, places);
        Ok(Vec::new())
    }
}

/// What a failed step said.
pub(super) struct Said<'a> {
    pub(super) stdout: &'a str,
    pub(super) stderr: &'a str,
}

/// The useful part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    /// The tool's words.
    pub(super) message: String,
    /// What to do.
    pub(super) help: String,
}

/// One process of a guest build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// What is started.
    pub(super) program: Program,
    /// Its arguments.
    pub(super) args: Vec<String>,
    /// Variables besides those that the tool itself needs.
    pub(super) env: BTreeMap<String, String>,
    /// The folder it starts in.
    pub(super) dir: Utf8PathBuf,
}

/// What a step starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Program {
    /// A guest tool.
    Tool(Tool),
    /// A program of the user's, looked up in PATH.
    Named(String),
}

impl Program {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Tool(tool) => tool.name(),
            Self::Named(name) => name,
        }
    }
}

impl Step {
    pub(super) fn new(program: Program, dir: Utf8PathBuf) -> Self {
        Self { program, args: Vec::new(), env: BTreeMap::new(), dir }
    }

    pub(super) fn args(mut self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(super) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }
}

/// Where a build finds and puts things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    /// The app.
    pub(super) app: Utf8PathBuf,
    /// The copy of the app that a staged build sees: the project where it stands in the app, and `wit`.
    pub(super) stage: Utf8PathBuf,
    /// The project: in the stage, or where it really is.
    pub(super) dir: Utf8PathBuf,
    /// The WIT that a staged build sees.
    pub(super) wit: Utf8PathBuf,
    /// The folder for everything temporary of this run.
    pub(super) tmp: Utf8PathBuf,
    /// Where a tool that is told where to write puts the result.
    pub(super) out: Utf8PathBuf,
    /// cargo's target folder of this component.
    pub(super) target: Utf8PathBuf,
    /// The user cache.
    pub(super) cache: Utf8PathBuf,
    /// Where cargo keeps what it downloads.
    pub(super) cargo_home: Utf8PathBuf,
}

impl Places {
    /// Of a run whose temporary folder is `tmp`.
    pub(super) fn new(
        project: &Project,
        driver: &dyn Driver,
        dirs: &Dirs,
        cargo_home: Utf8PathBuf,
        tmp: Utf8PathBuf,
    ) -> Self {
        let places = Self::below(project.app.clone(), dirs.cache().to_owned(), tmp, project, driver.staged());
        Self { cargo_home, ..places }
    }

    /// The same for the fingerprint: signs instead of folders, so that an app may be moved.
    pub(super) fn signs(project: &Project, driver: &dyn Driver) -> Self {
        Self::below("<app>".into(), "<cache>".into(), "<tmp>".into(), project, driver.staged())
    }

    fn below(
        app: Utf8PathBuf,
        cache: Utf8PathBuf,
        tmp: Utf8PathBuf,
        project: &Project,
        staged: bool,
    ) -> Self {
        let build = app.join("build");
        let stage = build.join("stage").join(&project.name);
        let inside = super::inputs::relative(&project.dir, &project.app);
        Self {
            dir: if staged { stage.join(project.place()) } else { app.join(inside) },
            wit: stage.join("wit"),
            out: tmp.join("out.wasm"),
            target: build.join("cargo").join(&project.name),
            stage,
            app,
            tmp,
            cache,
            cargo_home: "<cargo-home>".into(),
        }
    }
}

/// The driver of a kind of project.
pub(super) fn of(kind: &Kind) -> &'static dyn Driver {
    match kind {
        Kind::Cargo => &cargo::Cargo { component: false },
        Kind::CargoComponent => &cargo::Cargo { component: true },
        Kind::Python => &python::Python,
        Kind::JavaScript { .. } => &javascript::JavaScript,
        Kind::Command { .. } => &command::Command,
    }
}

/// The file of a user's program: relative to the app when it has a slash, else the first in PATH.
pub(super) fn find_program(program: &str, project: &Project) -> Option<Utf8PathBuf> {
    if program.contains('/') {
        return Some(project.app.join(program)).filter(|path| path.is_file());
    }
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':').map(|dir| Utf8PathBuf::from(dir).join(program)).find(|path| path.is_file())
}
