//! `jointer add`: a part more, and its first use.

use semver::Version;
use serde::Serialize;

use super::Context;
use super::deps_args::DepsArgs;
use crate::app::{App, PackageRequest};
use crate::deps;
use crate::error::{ExitStatus, Result};
use crate::name::{ComponentName, NameError};
use crate::scaffold::{self, Added, ScaffoldError};

/// Add a component to the app, and its first use
///
/// With a template the part is scaffolded and called where a template's marker stands; with `ns:name@requirement` a
/// published package is fetched and locked, and its consumer's world imports what it exports.
#[derive(Debug, clap::Args)]
pub struct AddArgs {
    /// The component's name, or a package `ns:name@requirement`
    name: String,
    /// The template to make it from: KIND-LANGUAGE, as for `jointer new`
    #[arg(long, short, value_name = "KIND-LANGUAGE")]
    template: Option<String>,
    /// The component that uses it; default: the root
    #[arg(long = "for", value_name = "COMPONENT")]
    consumer: Option<String>,
    #[command(flatten)]
    deps: DepsArgs,
}

#[derive(Serialize)]
struct Answer<'a> {
    notes: &'a [String],
    paste: Option<Paste<'a>>,
}

#[derive(Serialize)]
struct Paste<'a> {
    file: &'a str,
    lines: &'a [String],
}

pub(super) fn run(cx: &Context, args: &AddArgs) -> Result<ExitStatus> {
    let app = App::load(&App::find(&cx.cwd)?)?;
    let consumer = args.consumer.as_deref().map(component).transpose()?;
    let added = match &args.template {
        Some(template) => {
            scaffold::add_part(&app, &component(&args.name)?, template.parse()?, consumer.as_ref())?
        }
        None => {
            let request: PackageRequest = args.name.parse().map_err(|message| {
                let message = format!("{message}; for a new part name a template with `-t`");
                ScaffoldError::Name { message }
            })?;
            let options = args.deps.options(cx)?;
            let (locked, bytes) = deps::obtain(&app, &cx.dirs, &options, &request, cx.reporter())?;
            let request = pinned(&args.name, request, &locked.version);
            let added = scaffold::add_package(&app, &request, &bytes, consumer.as_ref())?;
            deps::lock(&App::load(&app.dir)?, &cx.dirs, &options, cx.reporter())?;
            added
        }
    };
    answer(cx, &added);
    scaffold::refresh_stubs(&App::load(&app.dir)?, &cx.dirs, cx.reporter())?;
    Ok(ExitStatus::Success)
}

/// What was asked for; without a version, whatever is compatible with the one that was found.
fn pinned(said: &str, request: PackageRequest, found: &Version) -> PackageRequest {
    match said.contains('@') {
        true => request,
        false => format!("{}@^{found}", request.name).parse().unwrap_or(request),
    }
}

fn component(name: &str) -> Result<ComponentName, ScaffoldError> {
    name.parse().map_err(|error: NameError| ScaffoldError::Name { message: error.to_string() })
}

fn answer(cx: &Context, added: &Added) {
    let mut text = added.notes.join("\n");
    let paste = added.paste.as_ref().map(|(file, lines)| Paste { file: file.as_str(), lines });
    if let Some(paste) = &paste {
        let lines = paste.lines.join("\n    ");
        text.push_str(&format!("\n{} has no marker any more; put this there:\n    {lines}", paste.file));
    }
    cx.ui.answer(&text, &Answer { notes: &added.notes, paste });
}
