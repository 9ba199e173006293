//! `jointer registry`.

use std::net::SocketAddr;

use camino::Utf8PathBuf;
use clap::Subcommand;

use super::runtime::{runtime, signalled};
use super::{Context, location};
use crate::app::PackageRequest;
use crate::error::{ExitStatus, Result};
use crate::event::Event;
use crate::name::PackageName;
use crate::registry::{self, LocalServer};

/// Work with registries themselves
#[derive(Debug, clap::Args)]
pub struct RegistryArgs {
    #[command(subcommand)]
    command: RegistryCommand,
}

#[derive(Debug, Subcommand)]
enum RegistryCommand {
    Serve(RegistryServeArgs),
    Explain(RegistryExplainArgs),
    Migrate(RegistryMigrateArgs),
}

/// Publish a package of a warg registry to another registry, the same bytes
///
/// warg is archived upstream. Needs a jointer that was built with `--features warg`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: jointer registry migrate warg://old.example.com acme:greet@1.0.0 --to new.example.com"
)]
struct RegistryMigrateArgs {
    /// The warg registry: `warg://HOST`
    #[arg(value_name = "WARG-URL")]
    from: String,
    /// The package; without a whole version the highest that the requirement allows
    #[arg(value_name = "NS:NAME@VERSION")]
    package: PackageRequest,
    /// Where to; default: as configured for its namespace, else `local`
    #[arg(long, value_name = "REGISTRY", env = "JOINTER_REGISTRY")]
    to: Option<String>,
}

/// Tell which registry a package is looked for in, as whom, and why
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: jointer registry explain acme:greet")]
struct RegistryExplainArgs {
    /// The package
    #[arg(value_name = "NS:NAME")]
    package: PackageName,
    /// As if this registry were named
    #[arg(long, value_name = "REGISTRY", env = "JOINTER_REGISTRY")]
    from: Option<String>,
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
    match &args.command {
        RegistryCommand::Serve(args) => serve(cx, args),
        RegistryCommand::Explain(args) => explain(cx, args),
        RegistryCommand::Migrate(args) => migrate(cx, args),
    }
}

#[cfg(feature = "warg")]
fn migrate(cx: &Context, args: &RegistryMigrateArgs) -> Result<ExitStatus> {
    let location = location::of_package(cx, args.to.as_deref(), &args.package.name)?;
    let published = registry::warg::migrate(&args.from, &args.package, &location, &cx.dirs)?;
    let text = format!(
        "{} is in {} now\n  manifest {}\n  content  {}",
        published.package, published.registry, published.manifest, published.content
    );
    cx.ui.answer(&text, &published);
    Ok(ExitStatus::Success)
}

#[cfg(not(feature = "warg"))]
fn migrate(_: &Context, _: &RegistryMigrateArgs) -> Result<ExitStatus> {
    Err(registry::RegistryError::NoWarg.into())
}

fn explain(cx: &Context, args: &RegistryExplainArgs) -> Result<ExitStatus> {
    let named = args.from.as_deref().filter(|named| !named.is_empty());
    let named = named.map(|named| location::parse(cx, Some(named))).transpose()?;
    let explained = registry::explain(&args.package, named)?;
    let text = format!(
        "registry    {}\nrepository  {}\ncredentials {}\nbecause     {}",
        explained.registry,
        explained.repository,
        explained.credentials,
        explained.why.join("\n            ")
    );
    cx.ui.answer(&text, &explained);
    Ok(ExitStatus::Success)
}

fn serve(cx: &Context, args: &RegistryServeArgs) -> Result<ExitStatus> {
    let folder = args.dir.as_ref().map(|dir| cx.cwd.join(dir));
    runtime()?.block_on(async {
        let server = LocalServer::bind(args.addr, folder).await?;
        cx.reporter().report(Event::Serving { url: format!("http://{}", server.address()) });
        server.run(signalled()).await?;
        Ok(ExitStatus::Success)
    })
}
