//! `jointer registry`.

use std::net::SocketAddr;

use camino::Utf8PathBuf;
use clap::Subcommand;

use super::Context;
use super::runtime::{runtime, signalled};
use crate::error::{ExitStatus, Result};
use crate::event::Event;
use crate::registry::LocalServer;

/// Work with registries themselves
#[derive(Debug, clap::Args)]
pub struct RegistryArgs {
    #[command(subcommand)]
    command: RegistryCommand,
}

#[derive(Debug, Subcommand)]
enum RegistryCommand {
    Serve(RegistryServeArgs),
}

/// Start an OCI registry on this machine, for development and tests
///
/// It asks for no password and listens on loopback only. Ctrl-C ends it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: jointer registry serve --dir packages")]
struct RegistryServeArgs {
    /// Where it listens; port 0 takes any free one
    #[arg(long, alias = "listen", value_name = "HOST:PORT", default_value = "127.0.0.1:5000")]
    addr: SocketAddr,
    /// Keep what is pushed in this folder; by default it is in memory and gone at the end
    #[arg(long, value_name = "DIR")]
    dir: Option<Utf8PathBuf>,
}

pub(super) fn run(cx: &Context, args: &RegistryArgs) -> Result<ExitStatus> {
    let RegistryCommand::Serve(args) = &args.command;
    let folder = args.dir.as_ref().map(|dir| cx.cwd.join(dir));
    runtime()?.block_on(async {
        let server = LocalServer::bind(args.addr, folder).await?;
        cx.reporter().report(Event::Serving { url: format!("http://{}", server.address()) });
        server.run(signalled()).await?;
        Ok(ExitStatus::Success)
    })
}
