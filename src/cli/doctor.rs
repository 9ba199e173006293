//! `jointer doctor`: which guest tools are there, which are missing, and mending that.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Context;
use crate::app::App;
use crate::build;
use crate::error::{ExitStatus, Result};
use crate::toolchain::{self, Origin, Remedy, Tool};
use crate::ui::size;

/// Say which guest tools are there and which are missing
///
/// Inside an app it looks at what the app needs, elsewhere at what the templates need. Ends with status 1
/// while something needed is missing.
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// Install what is needed and missing
    #[arg(long)]
    fix: bool,
}

/// One line of the table.
#[derive(Serialize)]
struct Row {
    tool: Tool,
    needed: bool,
    version: Option<String>,
    origin: Option<Origin>,
    path: Option<String>,
    /// What `--fix` would do; `None` when it is there.
    remedy: Option<Remedy>,
    /// Why a tool that is there does not work.
    broken: Option<String>,
}

impl Row {
    fn missing(&self) -> bool {
        self.version.is_none()
    }
}

pub(super) fn run(cx: &Context, args: &DoctorArgs) -> Result<ExitStatus> {
    let needed = needed(cx)?;
    if args.fix {
        toolchain::ensure_in(&cx.cwd, &needed, &cx.dirs, cx.reporter())?;
    }
    let rows: Vec<Row> = Tool::ALL.iter().map(|tool| row(cx, *tool, needed.contains(tool))).collect();
    cx.ui.answer(&table(&rows), &rows);
    let lacking = rows.iter().any(|row| row.needed && row.missing());
    Ok(if lacking { ExitStatus::No } else { ExitStatus::Success })
}

/// What the app here needs; without an app, what any template needs.
fn needed(cx: &Context) -> Result<BTreeSet<Tool>> {
    let tools = match App::find(&cx.cwd) {
        Ok(dir) => build::tools(&App::load(&dir)?)?,
        Err(_) => BTreeSet::from([Tool::Cargo, Tool::ComponentizePy, Tool::Jco, Tool::TypeScript]),
    };
    Ok(tools.iter().flat_map(|tool| tool.needs().iter().chain([tool])).copied().collect())
}

fn row(cx: &Context, tool: Tool, needed: bool) -> Row {
    let (located, broken) = match toolchain::locate_in(&cx.cwd, tool, &cx.dirs) {
        Ok(located) => (located, None),
        Err(error) => (None, Some(error.to_string())),
    };
    let remedy = located.is_none().then(|| toolchain::remedy(tool, &cx.dirs));
    let (version, origin, path) = match located {
        Some(found) => (Some(found.version), Some(found.origin), found.argv.last().cloned()),
        None => (None, None, None),
    };
    Row { tool, needed, version, origin, path, remedy, broken }
}

fn table(rows: &[Row]) -> String {
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    let missing: Vec<&Row> = rows.iter().filter(|row| row.needed && row.missing()).collect();
    let by_hand = missing.iter().any(|row| matches!(row.tool, Tool::Python) || row.broken.is_some());
    lines.push(match missing.len() {
        0 => "\neverything needed here is there".to_owned(),
        _ if by_hand => "\nmend the lines with ! by hand, then run `jointer doctor --fix`".to_owned(),
        count => format!("\n{count} needed and missing: `jointer doctor --fix` installs them"),
    });
    lines.join("\n")
}

fn line(row: &Row) -> String {
    let name = row.tool.name();
    if let (Some(version), Some(origin), Some(path)) = (&row.version, row.origin, &row.path) {
        let origin = match origin {
            Origin::System => "system",
            Origin::Provisioned => "provisioned",
        };
        return format!("  {name:<16} {version:<9} {origin:<12} {path}");
    }
    let (mark, word) = if row.needed { ("!", "missing") } else { (" ", "not needed") };
    let what = match (&row.broken, &row.remedy) {
        (Some(broken), _) => broken.clone(),
        (None, Some(remedy)) => describe(remedy),
        (None, None) => String::new(),
    };
    format!("{mark} {name:<16} {:<9} {word:<12} {what}", "-")
}

fn describe(remedy: &Remedy) -> String {
    let mut text = remedy.what.clone();
    if let (Some(download), Some(disk)) = (remedy.download, remedy.disk) {
        text.push_str(&format!(" ({}, {} on disk)", size(download), size(disk)));
    }
    if let Some(into) = &remedy.into {
        text.push_str(&format!(" into {into}"));
    }
    text
}
