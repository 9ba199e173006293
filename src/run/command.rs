//! Programs: components that export `wasi:cli/run`.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime::{Store, Trap, WasmBacktrace};
use wasmtime_wasi::p2::bindings::CommandPre;
use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use wasmtime_wasi::{I32Exit, WasiCtxBuilder};

use super::output::Lines;
use super::state::{Limiter, Shared, State};
use super::{Grants, Limits, Loaded, RunError};
use crate::error::ExitStatus;

/// The export that makes a component a program.
pub(super) const RUN: &str = "wasi:cli/run";

/// The export that makes a component an http handler.
pub(super) const HANDLER: &str = "wasi:http/incoming-handler";

/// The same of WASI 0.3.
pub(super) const HANDLER_0_3: &str = "wasi:http/handler";

/// How a program is started.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// Its arguments; the first is its own name.
    pub args: Vec<String>,
    /// Its standard streams.
    pub stdio: Stdio,
}

/// Where standard streams lead.
#[derive(Debug, Clone, Default)]
pub enum Stdio {
    /// To jointer's own.
    #[default]
    Inherit,
    /// Output is reported line by line; there is no input.
    Lines,
    /// Input is given, output is kept.
    Captured(Captured),
}

/// Standard streams in memory.
#[derive(Debug, Clone)]
pub struct Captured {
    stdin: Bytes,
    stdout: MemoryOutputPipe,
    stderr: MemoryOutputPipe,
}

impl Captured {
    /// With this input, and no output yet.
    pub(super) fn new(stdin: Bytes) -> Self {
        // More than this nobody compares in a test.
        const MOST: usize = 16 << 20;
        Self { stdin, stdout: MemoryOutputPipe::new(MOST), stderr: MemoryOutputPipe::new(MOST) }
    }

    /// What was written to standard output and standard error.
    pub(super) fn output(&self) -> (String, String) {
        let text = |pipe: &MemoryOutputPipe| String::from_utf8_lossy(&pipe.contents()).into_owned();
        (text(&self.stdout), text(&self.stderr))
    }
}

impl Stdio {
    pub(super) fn apply(&self, builder: &mut WasiCtxBuilder, shared: &Shared) {
        match self {
            Self::Inherit => {
                builder.inherit_stdio();
            }
            Self::Lines => {
                builder.stdout(Lines::new(shared.reporter.clone()));
                builder.stderr(Lines::new(shared.reporter.clone()));
            }
            Self::Captured(captured) => {
                builder.stdin(MemoryInputPipe::new(captured.stdin.clone()));
                builder.stdout(captured.stdout.clone());
                builder.stderr(captured.stderr.clone());
            }
        }
    }
}

/// Runs a program to its end; its own status is the result.
///
/// # Errors
/// [`RunError::WrongWorld`] for what is no program, [`RunError::Trapped`], [`RunError::TimedOut`] and
/// [`RunError::NoFolder`].
pub async fn run_command(
    loaded: &Loaded,
    grants: &Grants,
    limits: Limits,
    program: &Program,
) -> Result<ExitStatus, RunError> {
    if !loaded.exports_0_3(RUN) {
        loaded.require(RUN)?;
    }
    let shared = Shared::new(grants.clone(), limits, loaded.reporter.clone());
    let ended = run_in(loaded, &shared, program).await;
    match ended {
        Ok(ExitStatus::Success) => {}
        Ok(_) => shared.explain_failure(false),
        Err(_) => shared.explain_failure(true),
    }
    ended
}

async fn run_in(loaded: &Loaded, shared: &Arc<Shared>, program: &Program) -> Result<ExitStatus, RunError> {
    let mut store = State::store(loaded.component.engine(), shared, |builder| {
        builder.args(&program.args);
        program.stdio.apply(builder, shared);
    })?;
    let ended = match loaded.exports_0_3(RUN) {
        true => within(loaded, shared.limits, run_0_3(loaded, &mut store)).await?,
        false => {
            let pre = CommandPre::new(loaded.pre.clone()).map_err(|error| RunError::DoesNotFit {
                name: loaded.name.clone(),
                reason: format!("{error:#}"),
            })?;
            let run = async {
                let command = pre.instantiate_async(&mut store).await?;
                command.wasi_cli_run().call_run(&mut store).await
            };
            within(loaded, shared.limits, run).await?
        }
    };
    match ended {
        Ok(Ok(())) => Ok(ExitStatus::Success),
        Ok(Err(())) => Ok(ExitStatus::Guest(1)),
        Err(error) => match error.downcast_ref::<I32Exit>() {
            Some(I32Exit(0)) => Ok(ExitStatus::Success),
            // The operating system keeps the lowest eight bits of a status as well.
            Some(I32Exit(code)) => Ok(ExitStatus::Guest(code.to_le_bytes()[0])),
            None => Err(loaded.trapped(&error, &store.data().limiter)),
        },
    }
}

/// The same for a program of WASI 0.3, whose `run` waits and lets others go on meanwhile.
async fn run_0_3(loaded: &Loaded, store: &mut Store<State>) -> wasmtime::Result<Result<(), ()>> {
    let instance = loaded.pre.instantiate_async(&mut *store).await?;
    let command = wasmtime_wasi::p3::bindings::Command::new(&mut *store, &instance)?;
    store.run_concurrent(async |store| command.wasi_cli_run().call_run(store).await).await?
}

/// The result of `run`, or [`RunError::TimedOut`].
pub(super) async fn within<T>(
    loaded: &Loaded,
    limits: Limits,
    run: impl Future<Output = T>,
) -> Result<T, RunError> {
    let Some(limit) = limits.timeout else { return Ok(run.await) };
    tokio::time::timeout(limit, run)
        .await
        .map_err(|_| RunError::TimedOut { name: loaded.name.clone(), seconds: limit.as_secs_f64() })
}

impl Loaded {
    /// That this is what `run` ([`RUN`]) or `serve` ([`HANDLER`]) needs.
    pub(super) fn require(&self, export: &'static str) -> Result<(), RunError> {
        if self.exports(export) {
            return Ok(());
        }
        let name = &self.name;
        let help = if self.exports(RUN) {
            format!("it is a program: `jointer run {name}`")
        } else if self.exports(HANDLER) || self.exports_0_3(HANDLER_0_3) {
            format!("it is an http handler: `jointer serve {name}`")
        } else {
            match super::functions(self).first() {
                Some(function) => {
                    format!("it is a library: `jointer call {name} '{function}(…)'` calls a function")
                }
                None => "it exports no function at all".to_owned(),
            }
        };
        let wanted = if export == RUN { "a program" } else { "an http handler" };
        Err(RunError::WrongWorld { name: name.clone(), wanted, export, help })
    }

    /// The diagnostic for an error out of a guest.
    pub(super) fn trapped(&self, error: &wasmtime::Error, limiter: &Limiter) -> RunError {
        let cause = cause(error);
        let help = match limiter.refused {
            Some(bytes) => format!(
                "a memory was to grow to {:.1} MiB, which `--max-memory` forbids; allow more, or use less",
                bytes as f64 / (1 << 20) as f64
            ),
            None => "what the component wrote before stands above; names of functions need a debug build"
                .to_owned(),
        };
        RunError::Trapped { name: self.name.clone(), cause, place: place(error), help }
    }
}

/// The trap or host error in one line.
pub(super) fn cause(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string().trim_start_matches("wasm trap: ").to_owned(),
        None => error.root_cause().to_string(),
    }
}

/// The innermost functions that say something: `, in inner, called by outer`.
fn place(error: &wasmtime::Error) -> String {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return String::new() };
    // Only the text has the names as they were written.
    let text = backtrace.to_string();
    let names: Vec<String> = text
        .lines()
        .filter_map(function_name)
        .filter(|name| !is_machinery(name))
        .map(quoted)
        .take(3)
        .collect();
    if names.is_empty() { String::new() } else { format!(", in {}", names.join(", called by ")) }
}

fn quoted(name: &str) -> String {
    format!("`{name}`")
}

/// The name in `    0:   0x1a3 - module.wasm!name`, without the hash that Rust ends names with.
fn function_name(line: &str) -> Option<&str> {
    let (_, name) = line.split_once(" - ")?.1.split_once('!')?;
    let name = match name.rsplit_once("::h") {
        Some((name, hash)) if hash.len() == 16 => name,
        _ => name,
    };
    (!name.starts_with('<') || name.contains("::")).then_some(name)
}

/// Whether a function only carries out the panic.
fn is_machinery(name: &str) -> bool {
    // `std::…`, and `std[d123…]::…` where the names say which std it was.
    let krate = name.split(['[', ':']).next().unwrap_or_default();
    const BEGINNINGS: [&str; 5] = ["abort", "__rust", "rust_", "_start", "__main_void"];
    ["std", "core", "alloc"].contains(&krate)
        || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
        || name.contains("panic")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_off_the_lines_of_a_backtrace() {
        assert_eq!(function_name("    0:   0x1a3 - x.wasm!shop::quote"), Some("shop::quote"));
        assert_eq!(function_name("    1:   0x2 - <unknown>!<wasm function 7>"), None);
        assert_eq!(function_name("error while executing"), None);
        assert_eq!(function_name("    0:   0x1 - x.wasm!a::main::h96065df29f556c80"), Some("a::main"));
        assert!(is_machinery("std::process::abort") && is_machinery("std[d123b7]::process::abort"));
        assert!(!is_machinery("program::main") && !is_machinery("standard"));
    }
}
