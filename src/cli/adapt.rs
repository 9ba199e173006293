//! `jointer adapt`.

use camino::Utf8PathBuf;
use clap::ValueEnum;
use semver::Version;
use serde::Serialize;

use super::Context;
use super::deny::without;
use super::files::STDIO;
use crate::adapt::{self, AdaptError, Adapted, Flavour, How, Lacking};
use crate::digest::Digest;
use crate::error::{Error, ExitStatus, Result};
use crate::event::Event;
use crate::host::Profile;

/// Make a component or core module fit a WASI version
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: jointer adapt old.wasm --to wasi@0.2.12 -o new.wasm")]
pub struct AdaptArgs {
    /// Component, or core module for wasi_snapshot_preview1; `-` is standard input
    #[arg(value_name = "IN")]
    input: Utf8PathBuf,
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
    to: String,
    how: &'a str,
    functions: &'a [String],
    digest: Digest,
    bytes: usize,
}

pub(super) fn run(cx: &Context, args: &AdaptArgs) -> Result<ExitStatus> {
    let to = target(args.to.as_deref())?;
    cx.check_output(&args.output)?;
    let bytes = cx.read_artifact(&args.input)?;
    let lacking = if args.stub { Lacking::Stub } else { Lacking::Refuse };
    let adapted = adapt::adapt_with(&bytes, &to, args.kind.map(Flavour::from), lacking)
        .map_err(|error| Error::from(error).at(args.input.as_str()))?;
    let bytes = without(cx, adapted.bytes, &args.deny, &args.input)?;
    let adapted = Adapted { bytes, ..adapted };
    cx.write_artifact(&args.output, &adapted.bytes)?;
    report(cx, args, &adapted, &to);
    Ok(ExitStatus::Success)
}

fn target(to: Option<&str>) -> Result<Version, AdaptError> {
    let Some(text) = to else { return Ok(Profile::built_in().wasi) };
    text.strip_prefix("wasi@").unwrap_or(text).parse().map_err(|_| AdaptError::unknown_target(text))
}

fn report(cx: &Context, args: &AdaptArgs, adapted: &Adapted, to: &Version) {
    let unit = if args.input == STDIO { "standard input" } else { args.input.as_str() };
    match adapted.how {
        How::Unchanged => cx.reporter().note("Unchanged", format!("{unit} fits WASI {to} as it is")),
        _ => cx.reporter().report(Event::Adapted {
            unit: unit.to_owned(),
            from: adapted.from.clone(),
            to: format!("wasi@{to}"),
            how: adapted.how.word().to_owned(),
        }),
    }
    if args.output != STDIO {
        let answer = Answer {
            output: args.output.as_str(),
            from: &adapted.from,
            to: to.to_string(),
            how: adapted.how.word(),
            functions: adapted.how.functions(),
            digest: Digest::of(&adapted.bytes),
            bytes: adapted.bytes.len(),
        };
        cx.ui.data(&answer);
    }
}
