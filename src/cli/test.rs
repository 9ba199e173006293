//! `jointer test`: the tables of an app, or of one component.

use std::fmt::Write as _;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use miette::Diagnostic;
use serde::Serialize;

use super::Context;
use super::built::built;
use super::grants::GrantArgs;
use super::runtime::block_on;
use super::subject::{fitting, manifest_grants};
use crate::app::{self, App, Source};
use crate::build::Built;
use crate::component;
use crate::compose::{self, Part};
use crate::error::{ExitStatus, Fault, FileError, Result};
use crate::event::Event;
use crate::host;
use crate::name::{ComponentName, nearest};
use crate::run::{Difference, Grants, Limits, Loaded, Mode, Outcome, Runner, Table, Verdict, check};

/// Run the test tables in `tests/*.toml` and `COMPONENT/tests/*.toml`
#[derive(Debug, clap::Args)]
pub struct TestArgs {
    /// Run only these tables
    tables: Vec<Utf8PathBuf>,
    /// A component of the app, whose own tables are run; or a file, which the tables are run against
    #[arg(long, short, value_name = "COMPONENT")]
    component: Option<Utf8PathBuf>,
    /// Run only cases whose name contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Test what the last build left in `build/`
    #[arg(long)]
    no_build: bool,
    #[command(flatten)]
    grants: GrantArgs,
}

/// Why there is nothing to test.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum TestError {
    /// There is no table.
    #[error("there are no test tables in {0}")]
    #[diagnostic(
        code(test::no_tables),
        help("write one: `jointer explain run::invalid_table` shows how it looks")
    )]
    NoTables(String),
    /// There are tables, but no case has the name.
    #[error("no case's name contains `{0}`")]
    #[diagnostic(code(test::no_cases), help("leave `--filter` out to see all names"))]
    NoCases(String),
    /// `-c` names neither a file nor a component.
    #[error("there is no component `{name}`")]
    #[diagnostic(code(test::unknown_component), help("{help}"))]
    UnknownComponent { name: String, help: String },
}

impl Fault for TestError {
    fn status(&self) -> ExitStatus {
        ExitStatus::NotFound
    }
}

/// Tables, and the component that they are about.
struct Suite {
    name: String,
    bytes: Vec<u8>,
    grants: Grants,
    tables: Vec<Table>,
}

#[derive(Serialize)]
struct Report {
    passed: usize,
    failed: usize,
    cases: Vec<ReportedCase>,
}

#[derive(Serialize)]
struct ReportedCase {
    table: Utf8PathBuf,
    component: String,
    #[serde(flatten)]
    verdict: Verdict,
}

pub(super) fn run(cx: &Context, args: &TestArgs) -> Result<ExitStatus> {
    let mut suites = match &args.component {
        Some(file) if cx.cwd.join(file).is_file() => vec![of_file(cx, args, file)?],
        _ => of_app(cx, args)?,
    };
    if let Some(filter) = &args.filter {
        for table in suites.iter_mut().flat_map(|suite| &mut suite.tables) {
            table.cases.retain(|case| case.name.contains(filter.as_str()));
        }
        if suites.iter().all(|suite| suite.tables.iter().all(|table| table.cases.is_empty())) {
            return Err(TestError::NoCases(filter.clone()).into());
        }
    }
    let report = run_suites(cx, &suites, args.grants.limits())?;
    cx.ui.answer(&text(&report), &report);
    Ok(if report.failed == 0 { ExitStatus::Success } else { ExitStatus::No })
}

/// The tables that are named, else those in `tests/`, about the component in `file`.
fn of_file(cx: &Context, args: &TestArgs, file: &Utf8Path) -> Result<Suite> {
    let paths = match args.tables.is_empty() {
        true => tables_in(&cx.cwd.join("tests"))?,
        false => args.tables.iter().map(|table| cx.cwd.join(table)).collect(),
    };
    if paths.is_empty() {
        return Err(TestError::NoTables(format!("`{}`", cx.cwd.join("tests"))).into());
    }
    let bytes = fitting(cx, file.as_str(), cx.read_artifact(file)?)?;
    Ok(Suite {
        name: file.to_string(),
        bytes,
        grants: args.grants.grants(cx)?,
        tables: read(&cx.cwd, &paths)?,
    })
}

/// The app's own tables and those of its components, or of the one that is named.
fn of_app(cx: &Context, args: &TestArgs) -> Result<Vec<Suite>> {
    let app = App::load(&App::find(&cx.cwd)?)?;
    let only = args.component.as_ref().map(|name| named(&app, name)).transpose()?;
    let found = find(&app, only.as_ref(), args, &cx.cwd)?;
    let grants = manifest_grants(&app)?.and(args.grants.grants(cx)?);
    let built = match args.no_build {
        true => None,
        false => Some(built(cx, &app)?),
    };
    let mut suites = Vec::new();
    for (component, paths) in found {
        let tables = read(&app.dir, &paths)?;
        let (name, bytes) = subject(cx, &app, built.as_ref(), component.as_ref())?;
        suites.push(Suite { name, bytes, grants: grants.clone(), tables });
    }
    Ok(suites)
}

fn named(app: &App, name: &Utf8Path) -> Result<ComponentName> {
    let known = || app.components.keys().map(ComponentName::as_str);
    match app.components.keys().find(|key| key.as_str() == name) {
        Some(key) => Ok(key.clone()),
        None => {
            let near = nearest(name.as_str(), known());
            let list = if near.is_empty() { known().map(str::to_owned).collect() } else { near };
            let help = format!("the app has `{}`; a file must exist", list.join("`, `"));
            Err(TestError::UnknownComponent { name: name.to_string(), help }.into())
        }
    }
}

type Found = Vec<(Option<ComponentName>, Vec<Utf8PathBuf>)>;

/// Tables by the component that they belong to; `None` is the app.
fn find(app: &App, only: Option<&ComponentName>, args: &TestArgs, cwd: &Utf8Path) -> Result<Found> {
    let mut found = Found::new();
    if only.is_none() {
        found.push((None, tables_in(&app.dir.join("tests"))?));
    }
    for component in app.components.values() {
        if let (Source::Project(dir), true) =
            (&component.source, only.is_none_or(|only| *only == component.name))
        {
            found.push((Some(component.name.clone()), tables_in(&dir.join("tests"))?));
        }
    }
    if !args.tables.is_empty() {
        let wanted: Vec<Utf8PathBuf> = args
            .tables
            .iter()
            .map(|table| {
                cwd.join(table).canonicalize_utf8().map_err(|error| FileError::reading(table, &error))
            })
            .collect::<Result<_, _>>()?;
        for (_, paths) in &mut found {
            paths.retain(|path| path.canonicalize_utf8().is_ok_and(|path| wanted.contains(&path)));
        }
    }
    found.retain(|(_, paths)| !paths.is_empty());
    if found.is_empty() {
        let what = match only {
            Some(only) => format!("the component `{only}`"),
            None => format!("`{}` or the folders of its components", app.dir),
        };
        return Err(TestError::NoTables(what).into());
    }
    Ok(found)
}

/// The `*.toml` in a folder, sorted; none where there is no folder.
fn tables_in(folder: &Utf8Path) -> Result<Vec<Utf8PathBuf>> {
    let entries = match folder.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(FileError::reading(folder, &error).into()),
    };
    let mut tables = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| FileError::reading(folder, &error))?.into_path();
        if path.extension() == Some("toml") {
            tables.push(path);
        }
    }
    tables.sort();
    Ok(tables)
}

fn read(base: &Utf8Path, paths: &[Utf8PathBuf]) -> Result<Vec<Table>> {
    paths
        .iter()
        .map(|path| {
            let mut table = Table::read(path)?;
            table.path = path.strip_prefix(base).map_or_else(|_| path.clone(), Utf8Path::to_owned);
            Ok(table)
        })
        .collect()
}

/// What a component's tables are about: the composed app for the app and its root; else the part, by
/// itself where it needs nothing but the host.
fn subject(
    cx: &Context,
    app: &App,
    built: Option<&Built>,
    component: Option<&ComponentName>,
) -> Result<(String, Vec<u8>)> {
    let Some(name) = component.filter(|name| **name != app.root) else {
        let path = built.map_or_else(|| app.output(), |built| built.component.clone());
        return Ok((app.name.name.clone(), cx.read_artifact(&path)?));
    };
    let part =
        |name: &ComponentName| cx.read_artifact(&app.build_dir().join("parts").join(format!("{name}.wasm")));
    let bytes = part(name)?;
    let host = host::resolve(&app.targets, app.wasi.as_ref())?;
    if host.lacks(&component::externs(&bytes)?.imports).is_empty() {
        return Ok((name.to_string(), bytes));
    }
    let mut parts = Vec::new();
    for component in app.components.values() {
        let mut piece = Part::new(component.name.as_str(), part(&component.name)?);
        piece.wires =
            component.imports.iter().map(|(import, wire)| (import.clone(), to_wire(wire))).collect();
        parts.push(piece);
    }
    let offers = |import: &str| host.offers(import);
    let options = compose::Options { strict_exports: false, host_offers: &offers };
    Ok((name.to_string(), compose::compose(&parts, name.as_str(), &options)?.bytes))
}

fn to_wire(wire: &app::Wire) -> compose::Wire {
    match wire {
        app::Wire::Host => compose::Wire::Host,
        app::Wire::Part { component, export } => {
            compose::Wire::Part { component: component.to_string(), export: export.clone() }
        }
    }
}

fn run_suites(cx: &Context, suites: &[Suite], limits: Limits) -> Result<Report> {
    // A case that hangs is a case that fails.
    let limits = Limits { timeout: limits.timeout.or(Some(Duration::from_secs(60))), ..limits };
    let runner = Runner::new(&cx.dirs, Mode::Once, cx.ui.reporter().clone())?;
    let mut report = Report { passed: 0, failed: 0, cases: Vec::new() };
    for suite in suites {
        let loaded = runner.load(&suite.name, &suite.bytes)?;
        for table in &suite.tables {
            for verdict in block_on(run_table(&loaded, &suite.grants, limits, table))? {
                if verdict.passed() {
                    report.passed += 1;
                } else {
                    report.failed += 1;
                }
                cx.reporter().report(Event::Tested {
                    table: table.path.to_string(),
                    case: verdict.name.clone(),
                    passed: verdict.passed(),
                    millis: verdict.millis,
                });
                report.cases.push(ReportedCase {
                    table: table.path.clone(),
                    component: suite.name.clone(),
                    verdict,
                });
            }
        }
    }
    Ok(report)
}

async fn run_table(loaded: &Loaded, grants: &Grants, limits: Limits, table: &Table) -> Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for case in &table.cases {
        verdicts.push(check(loaded, grants, limits, case).await);
    }
    Ok(verdicts)
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    for case in &report.cases {
        let Outcome::Failed { differences, said } = &case.verdict.outcome else { continue };
        let _ = writeln!(text, "{}: {}", case.table, case.verdict.name);
        for difference in differences {
            show(&mut text, difference);
        }
        for line in said.lines() {
            let _ = writeln!(text, "    | {line}");
        }
    }
    let _ = write!(text, "{} passed, {} failed", report.passed, report.failed);
    text
}

/// Expected lines with `-`, actual ones with `+`; what is equal at the start and at the end is shown
/// once.
fn show(text: &mut String, difference: &Difference) {
    let _ = writeln!(text, "  {}", difference.what);
    let expected: Vec<&str> = difference.expected.split('\n').collect();
    let actual: Vec<&str> = difference.actual.split('\n').collect();
    let shorter = expected.len().min(actual.len());
    let head = (0..shorter).take_while(|&line| expected[line] == actual[line]).count();
    let tail = (1..=shorter - head)
        .take_while(|&back| expected[expected.len() - back] == actual[actual.len() - back])
        .count();
    let mut lines = |sign: char, lines: &[&str]| {
        for line in lines {
            let _ = writeln!(text, "    {sign} {line}");
        }
    };
    lines(' ', &expected[..head]);
    lines('-', &expected[head..expected.len() - tail]);
    lines('+', &actual[head..actual.len() - tail]);
    lines(' ', &expected[expected.len() - tail..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(expected: &str, actual: &str) -> String {
        let mut text = String::new();
        let what = "body".to_owned();
        show(&mut text, &Difference { what, expected: expected.to_owned(), actual: actual.to_owned() });
        text
    }

    #[test]
    fn a_difference_shows_what_changed_between_what_did_not() {
        assert_eq!(shown("a\nb\nc", "a\nx\ny\nc"), "  body\n      a\n    - b\n    + x\n    + y\n      c\n");
        assert_eq!(shown("a", ""), "  body\n    - a\n    + \n");
        assert_eq!(shown("a\na", "a"), "  body\n      a\n    - a\n");
    }
}
