//! `jointer sbom`: what a component consists of.

use camino::{Utf8Path, Utf8PathBuf};

use super::Context;
use super::attached::{BuiltApp, created};
use super::files::STDIO;
use crate::error::{Error, ExitStatus, Result};
use crate::file;
use crate::package::{Subject, sbom};

/// List what a component consists of, as CycloneDX 1.6
///
/// Every component and core module inside with its hash, language and tools, the cargo, PyPI and npm
/// packages in them, and how far the list is complete. Without FILE it is the app's, built first, with what
/// its build knows; of a FILE it tells what the bytes tell.
#[derive(Debug, clap::Args)]
pub struct SbomArgs {
    /// A component or core module, `-` for standard input; default: the app
    #[arg(value_name = "FILE")]
    file: Option<Utf8PathBuf>,
    /// Where to write the list; default: standard output
    #[arg(short, long, value_name = "FILE", default_value = STDIO, hide_default_value = true)]
    output: Utf8PathBuf,
}

pub(super) fn run(cx: &Context, args: &SbomArgs) -> Result<ExitStatus> {
    let list = match &args.file {
        Some(file) => of_file(cx, file)?,
        None => BuiltApp::build(cx)?.sbom()?,
    };
    match args.output.as_str() {
        STDIO => cx.ui.raw(&list).map_err(|error| crate::error::FileError::writing(STDIO, &error))?,
        _ => file::write(&cx.cwd.join(&args.output), &list)?,
    }
    Ok(ExitStatus::Success)
}

fn of_file(cx: &Context, path: &Utf8Path) -> Result<Vec<u8>> {
    let bytes = cx.read_artifact(path)?;
    let subject = Subject {
        name: path.file_name().unwrap_or(path.as_str()),
        version: None,
        component: &bytes,
        parts: &[],
        wiring: &[],
        created: &created()?,
    };
    sbom(&subject).map_err(|error| Error::from(error).at(path.as_str()))
}
