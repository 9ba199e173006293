//! Runs one guest build: stages the sources, starts the tools, says what went wrong.

use camino::Utf8Path;

use super::driver::{Driver, Places, Program, Said, Step};
use super::inputs::{Inputs, variables};
use super::project::Project;
use super::{BuildError, files};
use crate::component::{self, Kind, Packages};
use crate::error::Result;
use crate::event::{Event, Reporter};
use crate::name::InterfaceName;
use crate::process::{Command, Finished, ProcessError};
use crate::toolchain::Toolchain;

/// What a guest build is run with.
pub(super) struct Guest<'a> {
    pub(super) project: &'a Project,
    pub(super) driver: &'static dyn Driver,
    pub(super) places: &'a Places,
    pub(super) inputs: &'a Inputs,
    pub(super) tools: &'a Toolchain,
    pub(super) reporter: &'a dyn Reporter,
}

impl Guest<'_> {
    /// The component that the guest's tools make.
    ///
    /// # Errors
    /// When a tool fails or cannot be started, or when the result is not what the world demands.
    pub(super) fn run(&self) -> Result<Vec<u8>> {
        files::create_folder(&self.places.tmp)?;
        if self.driver.staged() {
            self.stage()?;
        }
        let mut said = String::new();
        for step in self.driver.steps(self.project, self.places)? {
            said = self.step(&step)?;
        }
        let path = self.driver.result(self.project, self.places, &said)?;
        let bytes = std::fs::read(&path).map_err(|error| self.no_output(&path, &error.to_string()))?;
        self.check(&bytes)?;
        Ok(bytes)
    }

    /// The packages of its language that are in the result of [`Guest::run`].
    pub(super) fn packages(&self) -> Option<Packages> {
        let ask = |step: &Step| {
            let finished = self.command(step).ok()?.run(&mut |_, _| {}).ok()?;
            finished.success().then_some(finished.stdout)
        };
        self.driver.packages(self.project, self.places, &ask)
    }

    /// A fresh copy of what the tools may read, where they may write as they like.
    fn stage(&self) -> Result<()> {
        files::remove_folder(&self.places.stage)?;
        files::create_folder(&self.places.dir)?;
        self.inputs.copy(&self.project.dir, &self.places.dir)?;
        if let Some(wit) = &self.project.wit {
            let mut files = Inputs::default();
            files.wit(wit)?;
            files.copy(wit, &self.places.wit)?;
        }
        for (path, text) in self.driver.files(self.project)? {
            crate::file::write(&self.places.dir.join(path), text.as_bytes())?;
        }
        Ok(())
    }

    /// Runs one step to its end; gives its standard output.
    fn step(&self, step: &Step) -> Result<String> {
        let command = self.command(step)?;
        let finished = command.run(&mut |stream, line| {
            if self.driver.shows(stream) {
                self.reporter
                    .report(Event::Output { unit: self.project.name.clone(), line: line.to_owned() });
            }
        })?;
        if finished.success() { Ok(finished.stdout) } else { Err(self.failed(step, &finished)) }
    }

    fn command(&self, step: &Step) -> Result<Command> {
        let command = match &step.program {
            Program::Tool(tool) => {
                let located = self.tools.get(*tool);
                let (program, fixed) =
                    located.argv.split_first().ok_or_else(|| ProcessError::NotStarted {
                        program: tool.to_string(),
                        reason: "it is not known where it is".to_owned(),
                    })?;
                let command = Command::new(program.as_str()).args(fixed);
                located.env.iter().fold(command, |command, (name, value)| command.env(name, value))
            }
            Program::Named(name) => {
                let program = super::driver::find_program(name, self.project).ok_or_else(|| {
                    let reason = "there is no such program in PATH or in the app".to_owned();
                    ProcessError::NotStarted { program: name.clone(), reason }
                })?;
                Command::new(program).pass_env(["PATH", "HOME"])
            }
        };
        let (values, _) = variables(&self.project.variables);
        let command =
            values.iter().chain(&step.env).fold(command, |command, (name, value)| command.env(name, value));
        Ok(command.env("TMPDIR", &self.places.tmp).args(&step.args).dir(&step.dir))
    }

    fn failed(&self, step: &Step, finished: &Finished) -> crate::error::Error {
        let said = Said { stdout: &finished.stdout, stderr: &finished.stderr };
        let complaint = self.driver.complaint(self.project, self.places, step, &said);
        let stage = format!("{}/", self.places.stage);
        BuildError::GuestFailed {
            component: self.project.name.clone(),
            tool: step.program.name().to_owned(),
            status: finished.status(),
            message: complaint.message.replace(&stage, "").replace(&format!("{}/", self.places.app), ""),
            help: complaint.help,
        }
        .into()
    }

    fn no_output(&self, path: &Utf8Path, why: &str) -> BuildError {
        BuildError::NoOutput {
            component: self.project.name.clone(),
            tool: self.driver.name(self.project).to_owned(),
            message: format!("`{}`: {why}", path.file_name().unwrap_or_default()),
            help: "run it again; if that does not help, `jointer doctor` looks at the tools".to_owned(),
        }
    }

    /// Whether the result is WebAssembly and exports what its world demands: not every tool looks.
    fn check(&self, bytes: &[u8]) -> Result<()> {
        if component::kind(bytes)? == Kind::CoreModule {
            return Ok(());
        }
        let Some(world) = &self.project.world else { return Ok(()) };
        let has = component::externs(bytes)?.exports;
        let names: Vec<String> = has.iter().map(|name| unversioned(name)).collect();
        match world.exports.iter().find(|export| !names.contains(&unversioned(export))) {
            None => Ok(()),
            Some(export) => Err(BuildError::MissingExport {
                component: self.project.name.clone(),
                world: world.name.clone(),
                export: export.clone(),
                help: match has.is_empty() {
                    true => "it exports nothing".to_owned(),
                    false => format!("it exports `{}`; is it built for another world?", has.join("`, `")),
                },
            }
            .into()),
        }
    }
}

/// Adapting comes later, so versions of one interface count as one here.
fn unversioned(name: &str) -> String {
    name.parse::<InterfaceName>().map_or_else(|_| name.to_owned(), |name| name.unversioned())
}
