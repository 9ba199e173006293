//! `jointer inspect`.

use std::fmt::Write;

use camino::Utf8PathBuf;
use serde::Serialize;

use super::Context;
use crate::adapt::{self, Survey};
use crate::component::{self, CoreModule, Externs, Kind};
use crate::digest::Digest;
use crate::error::{Error, ExitStatus, Result};
use crate::trust::embedded;
use crate::ui::size;

/// Look into a component
#[derive(Debug, clap::Args)]
pub struct InspectArgs {
    /// Component or core module; `-` is standard input
    #[arg(value_name = "FILE")]
    file: Utf8PathBuf,
}

#[derive(Serialize)]
struct Inspected {
    kind: &'static str,
    bytes: usize,
    digest: Digest,
    #[serde(flatten)]
    externs: Externs,
    core_modules: Vec<CoreModule>,
    wasi: Survey,
    /// The keys that the signatures inside the file name; nothing is verified.
    signed_by: Vec<String>,
}

pub(super) fn run(cx: &Context, args: &InspectArgs) -> Result<ExitStatus> {
    let bytes = cx.read_artifact(&args.file)?;
    let here = |error| Error::from(error).at(args.file.as_str());
    let kind = component::kind(&bytes).map_err(here)?;
    component::validate(&bytes).map_err(here)?;
    let externs = match kind {
        Kind::Component => component::externs(&bytes)?,
        Kind::CoreModule => Externs::default(),
    };
    let inspected = Inspected {
        kind: kind.word(),
        bytes: bytes.len(),
        digest: Digest::of(&bytes),
        externs,
        core_modules: component::core_modules(&bytes)?,
        wasi: adapt::survey(&bytes)?,
        signed_by: signed_by(&bytes),
    };
    cx.ui.answer(&text(&inspected), &inspected);
    Ok(ExitStatus::Success)
}

/// Also what cannot be read is a signature section.
fn signed_by(bytes: &[u8]) -> Vec<String> {
    match embedded::signers(bytes) {
        Ok(signers) => signers.unwrap_or_default(),
        Err(_) => vec!["nobody: its signature section cannot be read".to_owned()],
    }
}

fn text(it: &Inspected) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{} of {}, {}", it.kind, size(it.bytes as u64), it.digest);
    list(&mut out, "imports", &it.externs.imports);
    list(&mut out, "exports", &it.externs.exports);
    let modules: Vec<String> = it.core_modules.iter().map(module).collect();
    list(&mut out, "core modules", &modules);
    list(&mut out, "built against WASI", &snapshots(&it.wasi));
    list(&mut out, "functions that differ", &it.wasi.differ);
    list(&mut out, "what the newest version lacks", &it.wasi.lacking);
    list(&mut out, "hosts that run it as it is", &hosts(&it.wasi));
    let steps: Vec<String> = it.wasi.adapted.iter().map(ToString::to_string).collect();
    list(&mut out, "adapted from", &steps);
    list(&mut out, "signed inside, not verified (`jointer verify --embedded`), by", &it.signed_by);
    let _ = writeln!(out, "\n{}", it.wasi.diagnosis);
    out
}

/// Each snapshot, and on which side it is where that is not both.
fn snapshots(wasi: &Survey) -> Vec<String> {
    let side = |label: &String| match (wasi.imports.contains(label), wasi.exports.contains(label)) {
        (true, false) if !wasi.exports.is_empty() => format!("{label} (imports)"),
        (false, true) if !wasi.imports.is_empty() => format!("{label} (exports)"),
        _ => label.clone(),
    };
    wasi.snapshots.iter().map(side).collect()
}

/// The hosts, if it asks anything of a host.
fn hosts(wasi: &Survey) -> Vec<String> {
    if wasi.snapshots.is_empty() { Vec::new() } else { wasi.hosts.clone() }
}

fn list(out: &mut String, title: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{title}");
    for item in items {
        let _ = writeln!(out, "  {item}");
    }
}

fn module(module: &CoreModule) -> String {
    let producers = |list: &[component::Producer]| {
        let words = list.iter().map(|one| match one.version.split_whitespace().next() {
            Some(version) => format!("{} {version}", one.name),
            None => one.name.clone(),
        });
        words.collect::<Vec<_>>().join(", ")
    };
    let mut line = format!("{} ({})", module.name.as_deref().unwrap_or("unnamed"), size(module.size));
    if !module.language.is_empty() {
        let _ = write!(line, ", written in {}", producers(&module.language));
    }
    if !module.processed_by.is_empty() {
        let _ = write!(line, ", made by {}", producers(&module.processed_by));
    }
    line
}
