//! `jointer run`: a program, with its own arguments and status.

use camino::Utf8PathBuf;

use super::Context;
use super::grants::GrantArgs;
use super::runtime::block_on;
use super::subject::Subject;
use crate::error::{ExitStatus, Result};
use crate::run::{Mode, Program, Runner, Stdio, run_command};

/// Run a command component
///
/// It ends with the component's own status; 134 when the component traps.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// The component, and its arguments; without one, the app is built and run
    #[arg(value_name = "COMPONENT [ARGS]", trailing_var_arg = true)]
    words: Vec<String>,
    /// Arguments for the app's component
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
    /// Run what the last build left in `build/`
    #[arg(long)]
    no_build: bool,
    /// Refuse what this host would not run as it is: `wasi@0.2.6` has that version alone, `wasmtime@36` and
    /// others link as they do
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    #[command(flatten)]
    grants: GrantArgs,
}

pub(super) fn run(cx: &Context, args: &RunArgs) -> Result<ExitStatus> {
    let file = args.words.first().map(Utf8PathBuf::from);
    let subject = Subject::obtain(cx, file.as_deref(), args.no_build, &args.grants, args.host.as_deref())?;
    let own_name = file.as_ref().and_then(|file| file.file_name()).unwrap_or(&subject.name).to_owned();
    let rest = args.words.iter().skip(1).chain(&args.args).cloned();
    let program = Program { args: std::iter::once(own_name).chain(rest).collect(), stdio: Stdio::Inherit };
    let runner = Runner::new(&cx.dirs, Mode::Once, cx.ui.reporter().clone())?;
    let loaded = runner.load(&subject.name, &subject.bytes)?;
    block_on(async { Ok(run_command(&loaded, &subject.grants, args.grants.limits(), &program).await?) })
}
