//! What an editor needs to know a world's types: `build/stubs/COMPONENT`, made by the guest language's own tool.
//!
//! Rust needs none: `generate!` is expanded by rust-analyzer. A stub is made again when the WIT that it stands for
//! changed; that is asked by digest, so an unchanged app starts no tool.

use camino::{Utf8Path, Utf8PathBuf};

use super::source;
use crate::app::{App, Component, Dirs, Language, Source};
use crate::digest::{Digest, Hasher};
use crate::error::{FileError, Result};
use crate::event::Reporter;
use crate::process::Command;
use crate::toolchain::{Located, Tool, locate_in};

/// Holds the digest of the WIT that the stubs beside it stand for.
const STAMP: &str = ".wit-digest";

/// Makes the stubs of all components that want some, where their WIT changed and the tool for it is there. Nothing is
/// installed for it, and a tool that fails is only a note: the build says what is wrong with the WIT.
///
/// # Errors
/// When a tool cannot be looked for, or when the stubs cannot be written.
pub fn refresh_stubs(app: &App, dirs: &Dirs, reporter: &dyn Reporter) -> Result<()> {
    for component in app.components.values() {
        let Source::Project(project) = &component.source else { continue };
        let Some(tool) = source::language(project, component.language).and_then(tool) else { continue };
        let wit = wit_dir(app, project);
        let Some(digest) = digest(&wit, component) else { continue };
        let folder = app.build_dir().join("stubs").join(component.name.as_str());
        if std::fs::read_to_string(folder.join(STAMP)).is_ok_and(|stamp| stamp == digest.to_string()) {
            continue;
        }
        let Some(located) = locate_in(&app.dir, tool, dirs)? else { continue };
        if make(&located, &wit, component, &folder, &digest)? {
            reporter.note("Typed", format!("{} for editors: build/stubs/{0}", component.name));
        }
    }
    Ok(())
}

fn tool(language: Language) -> Option<Tool> {
    match language {
        Language::Rust => None,
        Language::Python => Some(Tool::ComponentizePy),
        Language::Javascript | Language::Typescript => Some(Tool::Jco),
    }
}

/// A component with WIT of its own has its world there.
fn wit_dir(app: &App, project: &Utf8Path) -> Utf8PathBuf {
    let own = project.join("wit");
    if own.is_dir() { own } else { app.wit_dir() }
}

/// The digest of all WIT in the folder and of the world's name; `None` when it cannot be read.
fn digest(wit: &Utf8Path, component: &Component) -> Option<Digest> {
    let mut hasher = Hasher::default();
    hasher.field(component.world());
    let mut files = Vec::new();
    collect(wit, &mut files).ok()?;
    files.sort();
    for path in files {
        hasher.field(path.strip_prefix(wit).ok()?.as_str());
        hasher.field(std::fs::read(&path).ok()?);
    }
    Some(hasher.finish())
}

fn collect(folder: &Utf8Path, files: &mut Vec<Utf8PathBuf>) -> std::io::Result<()> {
    for entry in folder.read_dir_utf8()? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(entry.path(), files)?;
        } else {
            files.push(entry.into_path());
        }
    }
    Ok(())
}

/// Runs the tool in a folder beside the target and puts the result in its place.
fn make(
    tool: &Located,
    wit: &Utf8Path,
    component: &Component,
    folder: &Utf8Path,
    digest: &Digest,
) -> Result<bool> {
    let failed = |error: std::io::Error| FileError::writing(folder, &error);
    let parent = folder.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent).map_err(failed)?;
    let scratch = tempfile::tempdir_in(parent).map_err(failed)?;
    let made =
        Utf8PathBuf::try_from(scratch.path().join("stubs")).map_err(|error| failed(error.into_io_error()))?;
    if !command(tool, wit, component.world(), &made).output()?.success() {
        return Ok(false);
    }
    std::fs::write(made.join(STAMP), digest.to_string()).map_err(failed)?;
    if folder.exists() {
        std::fs::rename(folder, scratch.path().join("old")).map_err(failed)?;
    }
    std::fs::rename(&made, folder).map_err(failed)?;
    Ok(true)
}

fn command(tool: &Located, wit: &Utf8Path, world: &str, output: &Utf8Path) -> Command {
    let program = tool.argv.first().map_or("", String::as_str);
    let command = Command::new(program).args(tool.argv.iter().skip(1));
    let command = tool.env.iter().fold(command, |command, (name, value)| command.env(name, value));
    let (wit, output) = (wit.as_str(), output.as_str());
    match tool.tool {
        Tool::ComponentizePy => command.args(["-d", wit, "-w", world, "bindings", output]),
        _ => command.args(["guest-types", wit, "-n", world, "-o", output]),
    }
}
