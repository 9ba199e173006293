//! The command line: one file per command. A command obtains its component, makes one call into a
//! room and chooses the exit status; the work lives in a room that knows no flags.

mod adapt;
mod add;
mod attached;
mod attest;
mod build;
mod built;
mod bundle;
mod cache;
mod call;
mod check;
mod clean;
mod completions;
mod compose;
mod demo;
mod deny;
mod deps_args;
mod doctor;
mod embedded;
mod explain;
mod fetch;
mod files;
mod grants;
mod inspect;
mod key;
mod keygen;
mod location;
mod lock;
mod login;
mod logout;
mod new;
mod password;
mod plug;
mod publish;
mod pull;
mod push;
mod registry;
mod run;
mod runtime;
mod sbom;
mod serve;
mod sign;
mod signer;
mod subject;
mod test;
mod vendor;
mod verify;

use camino::Utf8PathBuf;
use clap::{Parser, Subcommand};

use crate::app::Dirs;
use crate::error::{Error, ExitStatus, FileError, Result};
use crate::event::Reporter;
use crate::ui::{Format, Ui};

/// The one toolchain for polyglot WebAssembly components
#[derive(Debug, Parser)]
#[command(name = "jointer", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    /// Who reads what is said: people or programs
    #[arg(long, global = true, value_enum, default_value_t, env = "JOINTER_FORMAT")]
    format: Format,
    /// Say nothing but the answer and errors
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Work in this folder
    #[arg(short = 'C', global = true, value_name = "DIR")]
    working_folder: Option<Utf8PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(new::NewArgs),
    Add(add::AddArgs),
    Build(build::BuildArgs),
    Check(check::CheckArgs),
    Clean(clean::CleanArgs),
    Plug(plug::PlugArgs),
    Compose(compose::ComposeArgs),
    Adapt(adapt::AdaptArgs),
    Inspect(inspect::InspectArgs),
    Run(run::RunArgs),
    Serve(serve::ServeArgs),
    Call(call::CallArgs),
    Test(test::TestArgs),
    Lock(lock::LockArgs),
    Update(lock::UpdateArgs),
    Fetch(fetch::FetchArgs),
    Vendor(vendor::VendorArgs),
    Publish(publish::PublishArgs),
    Pull(pull::PullArgs),
    Push(push::PushArgs),
    Login(login::LoginArgs),
    Logout(logout::LogoutArgs),
    Registry(registry::RegistryArgs),
    Cache(cache::CacheArgs),
    Keygen(keygen::KeygenArgs),
    Bundle(bundle::BundleArgs),
    Sbom(sbom::SbomArgs),
    Sign(sign::SignArgs),
    Attest(attest::AttestArgs),
    Verify(verify::VerifyArgs),
    Doctor(doctor::DoctorArgs),
    Explain(explain::ExplainArgs),
    Completions(completions::CompletionsArgs),
    Demo(demo::DemoArgs),
}

/// What every command is given.
pub(crate) struct Context {
    /// Where answers and events go.
    pub(crate) ui: Ui,
    /// The folders of the user cache.
    pub(crate) dirs: Dirs,
    /// The folder that the command works in; absolute.
    pub(crate) cwd: Utf8PathBuf,
}

impl Context {
    /// Takes events.
    pub(crate) fn reporter(&self) -> &dyn Reporter {
        &**self.ui.reporter()
    }
}

/// Parses the arguments, runs the command, shows its error, gives the status to exit with.
pub fn main() -> ExitStatus {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, everything else is a usage error.
            let _ = error.print();
            return if error.use_stderr() { ExitStatus::Usage } else { ExitStatus::Success };
        }
    };
    let ui = Ui::new(cli.format, cli.quiet);
    if let Err(error) = crate::process::stop_on_signals() {
        // Without the handler Ctrl-C still ends jointer, only less politely.
        ui.reporter().note("Warning", format!("signals are not handled: {error}"));
    }
    let done = context(ui, cli.working_folder.as_ref()).map(|cx| {
        let done = dispatch(&cx, &cli.command);
        if let Err(error) = &done {
            cx.ui.error(error);
        }
        done
    });
    match done {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => error.status(),
        Err((ui, error)) => {
            ui.error(&error);
            error.status()
        }
    }
}

fn context(ui: Ui, dir: Option<&Utf8PathBuf>) -> Result<Context, (Ui, Error)> {
    let here = Utf8PathBuf::from(".");
    let dir = dir.unwrap_or(&here);
    match dir.canonicalize_utf8() {
        Ok(cwd) => Ok(Context { ui, dirs: Dirs::from_env(), cwd }),
        Err(error) => Err((ui, FileError::reading(dir, &error).into())),
    }
}

fn dispatch(cx: &Context, command: &Command) -> Result<ExitStatus> {
    match command {
        Command::New(args) => new::run(cx, args),
        Command::Add(args) => add::run(cx, args),
        Command::Build(args) => build::run(cx, args),
        Command::Check(args) => check::run(cx, args),
        Command::Clean(args) => clean::run(cx, args),
        Command::Plug(args) => plug::run(cx, args),
        Command::Compose(args) => compose::run(cx, args),
        Command::Adapt(args) => adapt::run(cx, args),
        Command::Inspect(args) => inspect::run(cx, args),
        Command::Run(args) => run::run(cx, args),
        Command::Serve(args) => serve::run(cx, args),
        Command::Call(args) => call::run(cx, args),
        Command::Test(args) => test::run(cx, args),
        Command::Lock(args) => lock::run(cx, args),
        Command::Update(args) => lock::update(cx, args),
        Command::Fetch(args) => fetch::run(cx, args),
        Command::Vendor(args) => vendor::run(cx, args),
        Command::Publish(args) => publish::run(cx, args),
        Command::Pull(args) => pull::run(cx, args),
        Command::Push(args) => push::run(cx, args),
        Command::Login(args) => login::run(cx, args),
        Command::Logout(args) => logout::run(cx, args),
        Command::Cache(args) => cache::run(cx, args),
        Command::Registry(args) => registry::run(cx, args),
        Command::Keygen(args) => keygen::run(cx, args),
        Command::Bundle(args) => bundle::run(cx, args),
        Command::Sbom(args) => sbom::run(cx, args),
        Command::Sign(args) => sign::run(cx, args),
        Command::Attest(args) => attest::run(cx, args),
        Command::Verify(args) => verify::run(cx, args),
        Command::Doctor(args) => doctor::run(cx, args),
        Command::Explain(args) => explain::run(cx, args),
        Command::Completions(args) => completions::run(cx, args),
        Command::Demo(args) => demo::run(cx, args),
    }
}
