//! `jointer add`: a part more, and its first use.

use serde::Serialize;

use super::Context;
use crate::app::{App, PackageRequest};
use crate::error::{ExitStatus, Result};
use crate::name::{ComponentName, NameError};
use crate::scaffold::{self, Added, ScaffoldError};

/// Add a component to the app, and its first use
///
/// With a template the part is scaffolded and called where a template's marker stands; with `ns:name@requirement` a
/// published package is added.
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
    let added = match &args.template {
        Some(template) => {
            let consumer = args.consumer.as_deref().map(component).transpose()?;
            scaffold::add_part(&app, &component(&args.name)?, template.parse()?, consumer.as_ref())?
        }
        None => {
            let request: PackageRequest = args.name.parse().map_err(|message| {
                let message = format!("{message}; for a new part name a template with `-t`");
                ScaffoldError::Name { message }
            })?;
            scaffold::add_package(&app, &request, &args.name)?
        }
    };
    answer(cx, &added);
    scaffold::refresh_stubs(&App::load(&app.dir)?, &cx.dirs, cx.reporter())?;
    Ok(ExitStatus::Success)
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
