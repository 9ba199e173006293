//! `jointer adapt`: a component for another WASI version, the adapter alone, or the table of what goes where.

use std::fmt::Write;

use camino::{Utf8Path, Utf8PathBuf};
use clap::ValueEnum;
use semver::Version;
use serde::Serialize;

use super::Context;
use super::deny::without;
use super::files::STDIO;
use crate::adapt::{self, AdaptError, Adapted, Flavour, How, Lacking, Mapping, Wishes};
use crate::digest::Digest;
use crate::error::{Error, ExitStatus, Result};
use crate::event::Event;
use crate::host::Profile;
use crate::ui::size;

/// Make a component or core module fit a WASI version
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  jointer adapt old.wasm --to wasi@0.2.12 -o new.wasm
  jointer adapt --only --from wasi@0.2.0-rc-2023-11-10 --to wasi@0.2.12 --for app.wasm -o adapter.wasm
  jointer adapt app.wasm --map acme:kv@1.1.0=acme:kv@1.2.0 --with kv.wasm -o new.wasm
  jointer adapt --list")]
pub struct AdaptArgs {
    /// Component, or core module for wasi_snapshot_preview1; `-` is standard input
    #[arg(value_name = "IN", required_unless_present_any = ["list", "only"], conflicts_with_all = ["list", "only"])]
    input: Option<Utf8PathBuf>,
    /// WASI version to fit: `wasi@0.2.12`; by default that of the runner inside jointer
    #[arg(long, value_name = "wasi@VERSION")]
    to: Option<String>,
    /// Where to write the result; `-` is standard output
    #[arg(long, short, value_name = "OUT", default_value = STDIO)]
    output: Utf8PathBuf,
    /// What a core module becomes; by default what it exports decides
    #[arg(long, value_enum)]
    kind: Option<KindArg>,
    /// Let functions that the version lacks fail instead of refusing: with an error of their own type, else by a trap
    #[arg(long)]
    stub: bool,
    /// Interface or package that it is to have from nobody: `sockets`, `http/outgoing-handler`; calls fail (can be
    /// repeated)
    #[arg(long, value_name = "INTERFACE")]
    deny: Vec<String>,
    /// Leave the component as it is inside of another one, even where new names would be enough
    #[arg(long, conflicts_with_all = ["only", "list", "maps"])]
    wrap: bool,
    /// Say which snapshot goes to which version, and how
    #[arg(long)]
    list: bool,
    /// Write the adapter alone: a component that imports `--to` and exports `--from`
    #[arg(long, requires = "from", conflicts_with = "list")]
    only: bool,
    /// The snapshot that an adapter alone exports
    #[arg(long, value_name = "wasi@VERSION", requires = "only")]
    from: Option<String>,
    /// Only what this component imports goes into the adapter
    #[arg(long = "for", value_name = "APP", requires = "only")]
    app: Option<Utf8PathBuf>,
    /// The adapter for what the component of `--for` exports: it imports `--from` and exports `--to`
    #[arg(long, requires = "app")]
    exports: bool,
    /// Give packages of your own another version, where the types agree (can be repeated)
    #[arg(long = "map", value_name = "PACKAGE=PACKAGE", requires = "with", conflicts_with_all = ["to", "kind", "only", "list"])]
    maps: Vec<Mapping>,
    /// Component that exports what `--map` makes of imports, or imports what it makes of exports (can be repeated)
    #[arg(long, value_name = "COMPONENT", requires = "maps")]
    with: Vec<Utf8PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KindArg {
    /// A program: exports wasi:cli/run
    Command,
    /// A library
    Reactor,
    /// An http handler for hosts without files, arguments and environment
    Proxy,
}

impl From<KindArg> for Flavour {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Command => Self::Command,
            KindArg::Reactor => Self::Reactor,
            KindArg::Proxy => Self::Proxy,
        }
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    output: &'a str,
    from: &'a [String],
    to: &'a str,
    how: &'a str,
    functions: &'a [String],
    left: &'a [String],
    digest: Digest,
    bytes: usize,
}

#[derive(Serialize)]
struct AdapterAnswer<'a> {
    output: &'a str,
    from: &'a str,
    to: String,
    functions: &'a [String],
    lacking: &'a [String],
    digest: Digest,
    bytes: usize,
}

pub(super) fn run(cx: &Context, args: &AdaptArgs) -> Result<ExitStatus> {
    if args.list {
        return Ok(list(cx));
    }
    cx.check_output(&args.output)?;
    let Some(input) = &args.input else { return alone(cx, args) };
    let bytes = cx.read_artifact(input)?;
    let here = |error| Error::from(error).at(input.as_str());
    let (adapted, to) = if args.maps.is_empty() {
        let to = target(args.to.as_deref())?;
        let lacking = if args.stub { Lacking::Stub } else { Lacking::Refuse };
        let wishes = Wishes { flavour: args.kind.map(Flavour::from), lacking, wrap: args.wrap };
        let adapted = adapt::adapt_with(&bytes, &to, &wishes).map_err(here)?;
        let bytes = without(cx, adapted.bytes, &args.deny, input)?;
        let adapted = Adapted { bytes, ..adapted };
        warn(cx, &adapted, &to);
        (adapted, format!("wasi@{to}"))
    } else {
        let with = args.with.iter().map(|with| cx.read_artifact(with)).collect::<Result<Vec<_>>>()?;
        let with: Vec<&[u8]> = with.iter().map(Vec::as_slice).collect();
        let adapted = adapt::map(&bytes, &args.maps, &with).map_err(here)?;
        (adapted, args.maps.iter().map(Mapping::to).collect::<Vec<_>>().join(" and "))
    };
    cx.write_artifact(&args.output, &adapted.bytes)?;
    report(cx, args, input, &adapted, &to);
    Ok(ExitStatus::Success)
}

/// Writes an adapter without an application.
fn alone(cx: &Context, args: &AdaptArgs) -> Result<ExitStatus> {
    let to = target(args.to.as_deref())?;
    let from = args.from.as_deref().unwrap_or_default();
    let from = from.strip_prefix("wasi@").unwrap_or(from);
    let app = args.app.as_ref().map(|app| cx.read_artifact(app)).transpose()?;
    let made = match (&app, args.exports) {
        (Some(app), true) => adapt::export_adapter(from, &to, app),
        _ => adapt::adapter(from, &to, app.as_deref()),
    };
    let made = made.map_err(|error| match &args.app {
        Some(app) => Error::from(error).at(app.as_str()),
        None => error.into(),
    })?;
    cx.write_artifact(&args.output, &made.bytes)?;
    if args.output != STDIO {
        let what = format!("{} from {from} to wasi@{to} ({})", args.output, size(made.bytes.len() as u64));
        cx.reporter().note("Adapter", what);
        if !made.lacking.is_empty() {
            cx.reporter().note("Without", format!("{}, which WASI {to} lacks", made.lacking.join(", ")));
        }
        cx.ui.data(&AdapterAnswer {
            output: args.output.as_str(),
            from,
            to: to.to_string(),
            functions: &made.functions,
            lacking: &made.lacking,
            digest: Digest::of(&made.bytes),
            bytes: made.bytes.len(),
        });
    }
    Ok(ExitStatus::Success)
}

/// Prints the table: targets that are reached in one way stand in one line.
fn list(cx: &Context) -> ExitStatus {
    let rows = adapt::matrix();
    let mut text = String::new();
    for row in &rows {
        let era = if row.era.is_empty() { String::new() } else { format!(" ({})", row.era) };
        let _ = writeln!(text, "{}{era}", row.from);
        for cells in row.cells.chunk_by(|a, b| a.technique == b.technique) {
            let range = match cells {
                [only] => only.to.clone(),
                [first, .., last] => format!("{} to {}", first.to, last.to),
                [] => continue,
            };
            let _ = writeln!(text, "  {range}: {}", cells[0].technique.text());
        }
    }
    cx.ui.answer(&text, &rows);
    ExitStatus::Success
}

fn target(to: Option<&str>) -> Result<Version, AdaptError> {
    let Some(text) = to else { return Ok(Profile::built_in().wasi) };
    text.strip_prefix("wasi@").unwrap_or(text).parse().map_err(|_| AdaptError::unknown_target(text))
}

/// What the result still needs, or what it may stumble over.
fn warn(cx: &Context, adapted: &Adapted, to: &Version) {
    if !adapted.left.is_empty() {
        let left = adapted.left.join(" and ");
        cx.reporter().report(Event::Warning {
            code: "adapt::track_left".to_owned(),
            text: format!("WASI {left}, which it uses beside what became {to}, is left as it is"),
            help: "`--to wasi@VERSION` with a version of that track adapts it as well; a host needs both"
                .to_owned(),
        });
    }
    if let Some(drift) = &adapted.drift {
        let tool = drift.tool.as_deref().unwrap_or("its tool");
        cx.reporter().report(Event::Warning {
            code: "adapt::may_trap".to_owned(),
            text: format!("{}: {tool} made it so", drift.what),
            help: "build it again, in Rust with wit-bindgen 0.59 or later".to_owned(),
        });
    }
}

fn report(cx: &Context, args: &AdaptArgs, input: &Utf8Path, adapted: &Adapted, to: &str) {
    let unit = if input == STDIO { "standard input" } else { input.as_str() };
    match adapted.how {
        How::Unchanged => cx.reporter().note("Unchanged", format!("{unit} fits {to} as it is")),
        _ => cx.reporter().report(Event::Adapted {
            unit: unit.to_owned(),
            from: adapted.from.clone(),
            to: to.to_owned(),
            how: adapted.how.word().to_owned(),
        }),
    }
    if args.output != STDIO {
        let answer = Answer {
            output: args.output.as_str(),
            from: &adapted.from,
            to: to.strip_prefix("wasi@").unwrap_or(to),
            how: adapted.how.word(),
            functions: adapted.how.functions(),
            left: &adapted.left,
            digest: Digest::of(&adapted.bytes),
            bytes: adapted.bytes.len(),
        };
        cx.ui.data(&answer);
    }
}
