//! `jointer check`.

use super::Context;
use crate::app::App;
use crate::build::{self, Finding};
use crate::error::{ExitStatus, Result};

/// Say all that can be known of the app without building it
///
/// Looks at the manifest, the worlds, the sources' entries, the wiring by world, and what a JavaScript engine
/// lacks. Starts no guest tool.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {}

pub(super) fn run(cx: &Context, _args: &CheckArgs) -> Result<ExitStatus> {
    let app = App::load(&App::find(&cx.cwd)?)?;
    let found = build::check(&app, &cx.dirs)?;
    let errors = found.iter().filter(|finding| finding.error).count();
    let mut lines: Vec<String> = found.iter().map(line).collect();
    lines.push(match (errors, found.len() - errors) {
        (0, 0) => format!("{} components: nothing to complain about", app.components.len()),
        (errors, warnings) => format!("{errors} errors, {warnings} warnings"),
    });
    cx.ui.answer(&lines.join("\n"), &found);
    Ok(if errors == 0 { ExitStatus::Success } else { ExitStatus::No })
}

fn line(finding: &Finding) -> String {
    let word = if finding.error { "error" } else { "warning" };
    format!("{word}[{}]: {}\n  help: {}", finding.code, finding.text, finding.help)
}
