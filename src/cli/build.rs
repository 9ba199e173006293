//! `jointer build`.

use std::num::NonZero;

use camino::Utf8PathBuf;

use super::Context;
use super::deps_args::DepsArgs;
use crate::app::App;
use crate::build::{self, Built, Options, Reproduced};
use crate::deps;
use crate::error::{ExitStatus, Result};
use crate::file;
use crate::name::ComponentName;
use crate::scaffold;
use crate::ui::size;

/// Build the app's components and compose them
#[derive(Debug, clap::Args)]
pub struct BuildArgs {
    /// Build only these components, and compose nothing (can be repeated)
    #[arg(long = "component", short, value_name = "NAME")]
    components: Vec<ComponentName>,
    /// How many builds may run at once; default: one for each processor
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZero<usize>>,
    /// Say for every unit why it is fresh or dirty
    #[arg(long)]
    explain: bool,
    /// Say what would be built, and build nothing
    #[arg(long, conflicts_with = "output")]
    dry_run: bool,
    /// Build everything again in two other folders, and say for every unit whether it came out the same;
    /// exits with 1 when one did not whose tool promises it
    #[arg(long, conflicts_with_all = ["dry_run", "components", "output"])]
    verify_reproducible: bool,
    /// Write the composed component here as well
    #[arg(long, short, value_name = "FILE", conflicts_with = "components")]
    output: Option<Utf8PathBuf>,
    #[command(flatten)]
    deps: DepsArgs,
}

pub(super) fn run(cx: &Context, args: &BuildArgs) -> Result<ExitStatus> {
    let app = App::load(&App::find(&cx.cwd)?)?;
    let packages = args.deps.options(cx)?;
    let options = Options {
        jobs: args.jobs.map(NonZero::get),
        explain: args.explain,
        dry_run: args.dry_run,
        locked: packages.locked,
        only: args.components.clone(),
        ..Options::default()
    };
    if !args.dry_run {
        deps::ready(&app, &cx.dirs, &packages, cx.reporter())?;
    }
    if args.verify_reproducible {
        return reproducible(cx, &app, &options);
    }
    let built = build::build(&app, &cx.dirs, &options, cx.reporter())?;
    if args.dry_run {
        return Ok(ExitStatus::Success);
    }
    scaffold::refresh_stubs(&app, &cx.dirs, cx.reporter())?;
    if let Some(output) = &args.output {
        file::write(&cx.cwd.join(output), &file::read(&built.component)?)?;
    }
    cx.ui.answer(&summary(cx, args, &built), &built);
    Ok(ExitStatus::Success)
}

fn reproducible(cx: &Context, app: &App, options: &Options) -> Result<ExitStatus> {
    let measured = build::reproduce(app, &cx.dirs, options, cx.reporter())?;
    let line = |one: &Reproduced| {
        let verdict = match (one.same, one.promised) {
            (true, _) => "same",
            (false, true) => "differs, though it should not",
            (false, false) => "differs, as its tool does",
        };
        format!("{}: {verdict} ({})", one.unit, one.with)
    };
    cx.ui.answer(&measured.iter().map(line).collect::<Vec<_>>().join("\n"), &measured);
    let broken = measured.iter().any(|one| one.promised && !one.same);
    Ok(if broken { ExitStatus::No } else { ExitStatus::Success })
}

/// The files that were asked for, one in a line.
fn summary(cx: &Context, args: &BuildArgs, built: &Built) -> String {
    let here = |path: &Utf8PathBuf| path.strip_prefix(&cx.cwd).unwrap_or(path).to_string();
    if built.digest.is_none() {
        return built.parts.iter().map(|part| here(&part.path)).collect::<Vec<_>>().join("\n");
    }
    if built.changed {
        let parts: u64 = built.parts.iter().map(|part| part.bytes).sum();
        let text = format!("{} parts of {} as `{}`", built.parts.len(), size(parts), here(&built.component));
        cx.reporter().note("Composed", text);
    }
    here(args.output.as_ref().unwrap_or(&built.component))
}
