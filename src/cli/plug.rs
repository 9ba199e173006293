//! `jointer plug`: satisfy the imports of one component with the exports of others.

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::Context;
use super::files::STDIO;
use crate::compose::{self, Composed, Edge};
use crate::digest::Digest;
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
    let socket = cx.read_artifact(&args.socket)?;
    let plugs = args.plugs.iter().map(|plug| cx.read_artifact(plug)).collect::<Result<Vec<_>>>()?;
    let paths: Vec<&Utf8Path> =
        std::iter::once(&args.socket).chain(&args.plugs).map(Utf8PathBuf::as_path).collect();
    let names = names(&paths);
    let named: Vec<(&str, &[u8])> = names[1..].iter().copied().zip(plugs.iter().map(Vec::as_slice)).collect();
    let composed = compose::plug((names[0], &socket), &named)?;
    cx.write_artifact(&args.output, &composed.bytes)?;
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

/// Says what was connected; shared with `compose`.
pub(super) fn report(cx: &Context, output: &Utf8Path, composed: &Composed) {
    composed.events().into_iter().for_each(|event| cx.reporter().report(event));
    if output == STDIO {
        return;
    }
    cx.reporter().note("Composed", format!("{output} ({})", crate::ui::size(composed.bytes.len() as u64)));
    if cx.ui.format() == Format::Json {
        cx.ui.data(&Answer {
            output: output.as_str(),
            edges: &composed.edges,
            unreached: &composed.unreached,
            extra_exports: &composed.extra_exports,
            digest: Digest::of(&composed.bytes),
            bytes: composed.bytes.len(),
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
