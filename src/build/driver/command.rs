//! Any other tool: the manifest's own command, run in the app's folder.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use super::{Complaint, Driver, Places, Program, Said, Step, find_program};
use crate::build::BuildError;
use crate::build::inputs::Inputs;
use crate::build::project::{Kind, Project};
use crate::error::Result;
use crate::process::Stream;
use crate::toolchain::Tool;

/// `command` of the manifest.
pub(super) struct Command;

/// The parts of [`Kind::Command`].
fn parts(project: &Project) -> (&[String], Option<&Utf8PathBuf>, &[Utf8PathBuf]) {
    match &project.kind {
        Kind::Command { command, output, inputs } => (command, Some(output), inputs),
        _ => (&[], None, &[]),
    }
}

impl Driver for Command {
    fn name(&self, _: &Project) -> &'static str {
        "command"
    }

    fn tools(&self, _: &Project) -> BTreeSet<Tool> {
        BTreeSet::new()
    }

    fn staged(&self) -> bool {
        false
    }

    fn inputs(&self, project: &Project) -> Result<Inputs> {
        let (command, output, named) = parts(project);
        let mut inputs = Inputs::default();
        // What it writes is no input, or it would never be fresh.
        let skip: Vec<Utf8PathBuf> = output.cloned().into_iter().collect();
        if named.is_empty() {
            let manifest = project.app.join(crate::app::MANIFEST);
            inputs.project(&project.app, &[skip.clone(), vec![manifest]].concat())?;
        }
        for path in named {
            if path.is_dir() { inputs.project(path, &skip)? } else { inputs.file(path.clone()) }
        }
        if let Some(program) = command.first().and_then(|program| find_program(program, project)) {
            inputs.file(program);
        }
        Ok(inputs)
    }

    fn steps(&self, project: &Project, places: &Places) -> Result<Vec<Step>> {
        let (command, _, _) = parts(project);
        let Some((program, args)) = command.split_first() else { return Ok(Vec::new()) };
        Ok(vec![Step::new(Program::Named(program.clone()), places.app.clone()).args(args)])
    }

    fn memory(&self, _: &Project) -> u64 {
        512 << 20
    }

    fn length(&self, _: &Project) -> u32 {
        10
    }

    fn shows(&self, _: Stream) -> bool {
        true
    }

    fn complaint(&self, _: &Project, _: &Places, _: &Step, said: &Said<'_>) -> Complaint {
        let said = if said.stderr.trim().is_empty() { said.stdout } else { said.stderr };
        let help = "run the command by hand in the app's folder; of the environment it sees PATH, HOME and \
                    what `env` lists";
        Complaint { message: said.trim().to_owned(), help: help.to_owned() }
    }

    fn result(&self, project: &Project, _: &Places, _: &str) -> Result<Utf8PathBuf> {
        let (command, output, _) = parts(project);
        output.filter(|output| output.is_file()).cloned().ok_or_else(|| {
            BuildError::NoOutput {
                component: project.name.clone(),
                tool: format!("`{}`", command.join(" ")),
                message: format!("it wrote no `{}`", output.map_or("", |output| output.as_str())),
                help: "correct `output` in the manifest, or the command".to_owned(),
            }
            .into()
        })
    }
}
