//! `jointer new`: an app out of a template.

use camino::Utf8PathBuf;
use serde::Serialize;

use super::Context;
use crate::app::App;
use crate::error::{ExitStatus, Result};
use crate::name::{NameError, PackageName};
use crate::scaffold::{self, Kind, ScaffoldError, Template};

/// Make a new app from a template
///
/// Templates are KIND-LANGUAGE: lib, http, command or middleware; rust, python, javascript or typescript (rs, py, js and
/// ts for short).
#[derive(Debug, clap::Args)]
pub struct NewArgs {
    /// The app's name: `shop`, or `acme:shop` with a namespace
    name: String,
    /// The template of its first component
    #[arg(long, short, value_name = "KIND-LANGUAGE")]
    template: String,
    /// Where to put it; default: a folder named like the app
    #[arg(long, value_name = "DIR")]
    dir: Option<Utf8PathBuf>,
}

#[derive(Serialize)]
struct Made {
    folder: Utf8PathBuf,
    component: String,
    next: Vec<String>,
}

pub(super) fn run(cx: &Context, args: &NewArgs) -> Result<ExitStatus> {
    let template: Template = args.template.parse()?;
    let full = if args.name.contains(':') { args.name.clone() } else { format!("local:{}", args.name) };
    let package: PackageName =
        full.parse().map_err(|error: NameError| ScaffoldError::Name { message: error.to_string() })?;
    let folder = args.dir.clone().unwrap_or_else(|| package.name.as_str().into());
    let component = scaffold::new_app(&cx.cwd.join(&folder), &package, template)?;
    let app = App::load(&cx.cwd.join(&folder))?;
    scaffold::refresh_stubs(&app, &cx.dirs, cx.reporter())?;
    let use_it = match template.kind {
        Kind::Http | Kind::Middleware => "jointer serve",
        Kind::Command => "jointer run",
        Kind::Lib => "jointer test",
    };
    let next = vec![format!("cd {folder}"), "jointer build".to_owned(), use_it.to_owned()];
    let text = format!("made {folder} from the template {template}; next:\n  {}", next.join("\n  "));
    cx.ui.answer(&text, &Made { folder, component: component.to_string(), next });
    Ok(ExitStatus::Success)
}
