//! `jointer plug`: satisfy the imports of one component with the exports of others.

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::Context;
use super::files::STDIO;
use crate::compose::{self, Composition, Edge};
use crate::digest::{Digest, Hasher};
use crate::error::{ExitStatus, Result};
use crate::ui::Format;

/// Satisfy the imports of one component with the exports of others
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: jointer plug shop.wasm --plug pricing.wasm --plug text.wasm -o app.wasm")]
pub struct PlugArgs {
    /// Component whose imports are to be satisfied; `-` is standard input
    socket: Utf8PathBuf,
    /// Component whose exports may satisfy them (can be repeated)
    #[arg(long = "plug", value_name = "COMPONENT", required = true)]
    plugs: Vec<Utf8PathBuf>,
    /// Where to write the result; `-` is standard output
    #[arg(long, short, value_name = "OUT", default_value = STDIO)]
    output: Utf8PathBuf,
}

pub(super) fn run(cx: &Context, args: &PlugArgs) -> Result<ExitStatus> {
    cx.check_output(&args.output)?;
    let paths: Vec<&Utf8Path> =
        std::iter::once(&args.socket).chain(&args.plugs).map(Utf8PathBuf::as_path).collect();
    let names = names(&paths);
    let parts = cx.read_artifacts(&paths)?;
    let named: Vec<(&str, &[u8])> = names.into_iter().zip(parts.iter().map(Vec::as_slice)).collect();
    let composed = compose::plug(named[0], &named[1..])?;
    write(cx, &args.output, &composed)?;
    report(cx, &args.output, &composed);
    Ok(ExitStatus::Success)
}

/// What errors and the component call the parts: the files' names, so that the result does not depend
/// on where they lie; where two are alike, the paths.
fn names<'a>(paths: &[&'a Utf8Path]) -> Vec<&'a str> {
    let stems: Vec<&str> = paths.iter().map(|path| path.file_stem().unwrap_or(path.as_str())).collect();
    let mut sorted = stems.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() == stems.len() { stems } else { paths.iter().map(|path| path.as_str()).collect() }
}

#[derive(Serialize)]
struct Answer<'a> {
    output: &'a str,
    edges: &'a [Edge],
    unreached: &'a [String],
    extra_exports: &'a [String],
    digest: Digest,
    bytes: usize,
}

/// Writes the result without copying it together; shared with `compose`.
pub(super) fn write(cx: &Context, output: &Utf8Path, composed: &Composition<'_>) -> Result<()> {
    cx.write_pieces(output, composed.chunks.iter().map(|chunk| &**chunk))
}

fn digest(composed: &Composition<'_>) -> Digest {
    let mut hasher = Hasher::default();
    composed.chunks.iter().for_each(|chunk| hasher.update(chunk));
    hasher.finish()
}

/// Says what was connected; shared with `compose`.
pub(super) fn report(cx: &Context, output: &Utf8Path, composed: &Composition<'_>) {
    composed.events().into_iter().for_each(|event| cx.reporter().report(event));
    if output == STDIO {
        return;
    }
    cx.reporter().note("Composed", format!("{output} ({})", crate::ui::size(composed.len() as u64)));
    if cx.ui.format() == Format::Json {
        cx.ui.data(&Answer {
            output: output.as_str(),
            edges: &composed.edges,
            unreached: &composed.unreached,
            extra_exports: &composed.extra_exports,
            digest: digest(composed),
            bytes: composed.len(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_name_are_told_apart_by_their_paths() {
        let paths = |paths: &[&'static str]| {
            names(&paths.iter().map(|path| Utf8Path::new(*path)).collect::<Vec<_>>())
        };
        assert_eq!(paths(&["a/x.wasm", "b/y.wasm"]), ["x", "y"]);
        assert_eq!(paths(&["a/x.wasm", "b/x.wasm"]), ["a/x.wasm", "b/x.wasm"]);
    }
}
