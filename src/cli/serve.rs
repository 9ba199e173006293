//! `jointer serve`: an http handler behind a socket, a fresh instance for each request.

use camino::Utf8PathBuf;

use super::Context;
use super::grants::GrantArgs;
use super::runtime::{runtime, signalled};
use super::subject::Subject;
use crate::error::{ExitStatus, Result};
use crate::run::{Mode, Runner, ServeOptions, Server};

/// Serve an http component
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// The component; without one, the app is built and served
    component: Option<Utf8PathBuf>,
    /// Where to listen; port 0 takes any free one
    #[arg(long, alias = "listen", value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    addr: String,
    /// Serve what the last build left in `build/`
    #[arg(long)]
    no_build: bool,
    /// Refuse what this host would not run as it is: `wasi@0.2.6` has that version alone, `wasmtime@36` and
    /// others link as they do
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Say each request when it is over
    #[arg(long)]
    access_log: bool,
    #[command(flatten)]
    grants: GrantArgs,
}

pub(super) fn run(cx: &Context, args: &ServeArgs) -> Result<ExitStatus> {
    let subject =
        Subject::obtain(cx, args.component.as_deref(), args.no_build, &args.grants, args.host.as_deref())?;
    let runner = Runner::new(&cx.dirs, Mode::Serve, cx.ui.reporter().clone())?;
    let loaded = runner.load(&subject.name, &subject.bytes)?;
    let options = ServeOptions {
        address: args.addr.clone(),
        limits: args.grants.limits(),
        access_log: args.access_log,
    };
    let runtime = runtime()?;
    let done = runtime.block_on(async {
        let server = Server::bind(&loaded, &subject.grants, &options).await?;
        server.run(signalled()).await;
        Ok(ExitStatus::Success)
    });
    runtime.shutdown_background();
    done
}
