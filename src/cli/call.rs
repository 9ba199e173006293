//! `jointer call`: one function of a component, with values written as WAVE.

use camino::Utf8PathBuf;

use super::Context;
use super::grants::GrantArgs;
use super::runtime::block_on;
use super::subject::Subject;
use crate::error::{ExitStatus, Result};
use crate::run::{Mode, Runner, Stdio, call, functions};

/// Call a function of a component: `jointer call x.wasm 'acme:shop/pricing.quote("tea", 2)'`
///
/// Values are written as WAVE: `true`, `1`, `"text"`, `[1, 2]`, `{name: "tea"}`, `some(1)`, `ok(1)`. The
/// status is 1 when the function returns an error.
#[derive(Debug, clap::Args)]
pub struct CallArgs {
    /// The component, and the call; without a component, the app is built and called. Without a call,
    /// the functions are listed
    #[arg(value_name = "COMPONENT CALL", num_args = 0..=2)]
    words: Vec<String>,
    /// Call what the last build left in `build/`
    #[arg(long)]
    no_build: bool,
    /// Refuse what this host would not run as it is: `wasi@0.2.6` has that version alone, `wasmtime@36` and
    /// others link as they do
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    #[command(flatten)]
    grants: GrantArgs,
}

pub(super) fn run(cx: &Context, args: &CallArgs) -> Result<ExitStatus> {
    let (file, expression) = match args.words.as_slice() {
        [] => (None, None),
        [word] if word.contains('(') => (None, Some(word)),
        [file] => (Some(Utf8PathBuf::from(file)), None),
        [file, expression, ..] => (Some(Utf8PathBuf::from(file)), Some(expression)),
    };
    let subject = Subject::obtain(cx, file.as_deref(), args.no_build, &args.grants, args.host.as_deref())?;
    let runner = Runner::new(&cx.dirs, Mode::Once, cx.ui.reporter().clone())?;
    let loaded = runner.load(&subject.name, &subject.bytes)?;
    let Some(expression) = expression else {
        let names = functions(&loaded);
        cx.ui.answer(&names.join("\n"), &names);
        return Ok(ExitStatus::Success);
    };
    let limits = args.grants.limits();
    let called =
        block_on(async { Ok(call(&loaded, &subject.grants, limits, expression, &Stdio::Inherit).await?) })?;
    if called.wave.is_some() || cx.ui.format() == crate::ui::Format::Json {
        cx.ui.answer(called.wave.as_deref().unwrap_or_default(), &called);
    }
    Ok(if called.is_error { ExitStatus::No } else { ExitStatus::Success })
}
