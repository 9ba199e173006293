//! `jointer compose`: components composed as a .wac file says.

use camino::{Utf8Path, Utf8PathBuf};

use super::Context;
use super::files::STDIO;
use crate::compose::{self, ComposeError, Dependency};
use crate::error::{ExitStatus, Result};
use crate::{file, wit};

/// Compose components by a .wac file
#[derive(Debug, clap::Args)]
#[command(after_help = "Packages are looked for as deps/NAMESPACE/NAME.wasm, and with a version as \
                  deps/NAMESPACE/NAME/VERSION.wasm.\n\nExample: jointer compose shop.wac -d acme:pricing=pricing.wasm -o shop.wasm")]
pub struct ComposeArgs {
    /// The .wac file; `-` is standard input
    file: Utf8PathBuf,
    /// Where a package is: `acme:pricing=path/to/pricing.wasm` (can be repeated)
    #[arg(long = "dep", short = 'd', value_name = "NAME=PATH", value_parser = dependency)]
    deps: Vec<(String, Utf8PathBuf)>,
    /// Where all other packages are
    #[arg(long, value_name = "DIR", default_value = "deps")]
    deps_dir: Utf8PathBuf,
    /// Where to write the result; `-` is standard output
    #[arg(long, short, value_name = "OUT", default_value = STDIO)]
    output: Utf8PathBuf,
}

fn dependency(text: &str) -> Result<(String, Utf8PathBuf), String> {
    let (name, path) = text.split_once('=').ok_or("write NAME=PATH, as in `acme:pricing=pricing.wasm`")?;
    Ok((name.to_owned(), path.into()))
}

pub(super) fn run(cx: &Context, args: &ComposeArgs) -> Result<ExitStatus> {
    cx.check_output(&args.output)?;
    let name = if args.file == STDIO { "standard input" } else { args.file.as_str() };
    let text = String::from_utf8_lossy(&cx.read_artifact(&args.file)?).into_owned();
    let packages = compose::document_dependencies(name, &text)?
        .into_iter()
        .map(|dependency| {
            let bytes = read(cx, args, name, &text, &dependency)?;
            Ok((dependency, bytes))
        })
        .collect::<Result<Vec<_>>>()?;
    let composed = compose::compose_document(name, &text, &packages)?;
    super::plug::write(cx, &args.output, &composed)?;
    super::plug::report(cx, &args.output, &composed);
    Ok(ExitStatus::Success)
}

/// A package's bytes: a component, or WIT as text or binary.
fn read(
    cx: &Context,
    args: &ComposeArgs,
    file: &str,
    text: &str,
    dependency: &Dependency,
) -> Result<Vec<u8>> {
    let named = args.deps.iter().find(|(name, _)| dependency.version.is_none() && *name == dependency.name);
    if let Some((_, path)) = named {
        return load(&cx.cwd.join(path));
    }
    let mut base = args.deps_dir.join(dependency.name.replace(':', "/"));
    if let Some(version) = &dependency.version {
        base.push(version.to_string());
    }
    let places = [base.clone(), Utf8PathBuf::from(format!("{base}.wasm")), format!("{base}.wat").into()];
    match places.iter().map(|place| cx.cwd.join(place)).find(|place| place.exists()) {
        Some(place) => load(&place),
        None => Err(missing(file, text, dependency, &places[1]).into()),
    }
}

fn missing(file: &str, text: &str, dependency: &Dependency, place: &Utf8Path) -> ComposeError {
    let name = &dependency.name;
    let help = match &dependency.version {
        None => format!("put it at `{place}`, or say where it is: `-d {name}=PATH`"),
        Some(_) => format!("put it at `{place}`"),
    };
    dependency.missing(file, text, help)
}

fn load(path: &Utf8Path) -> Result<Vec<u8>> {
    if path.is_dir() {
        return Ok(wit::encode(path)?);
    }
    let bytes = file::read(path)?;
    match path.extension() {
        // What is not valid text is left to the check of all packages, which names the package.
        Some("wat") => Ok(wat::parse_bytes(&bytes).map(std::borrow::Cow::into_owned).unwrap_or(bytes)),
        _ => Ok(bytes),
    }
}
