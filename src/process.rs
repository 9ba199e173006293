//! The one way to start a child process.
//!
//! A child starts with a cleared environment in a process group of its own. Ctrl-C and SIGTERM stop
//! all groups ([`stop_on_signals`]), so that a guest tool's own children die with it. Output is read
//! line by line while the child runs.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, mpsc};

use camino::{Utf8Path, Utf8PathBuf};
use miette::Diagnostic;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::{ExitStatus, Fault};

/// A process to start. Plain data: it can be printed and compared in a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    program: Utf8PathBuf,
    args: Vec<OsString>,
    env: BTreeMap<OsString, OsString>,
    dir: Option<Utf8PathBuf>,
}

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How a child ended and what it said.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Everything on standard output, invalid UTF-8 replaced.
    pub stdout: String,
    /// Everything on standard error, invalid UTF-8 replaced.
    pub stderr: String,
}

impl Finished {
    /// Whether the exit code is 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// The exit code or the signal, in words.
    pub fn status(&self) -> String {
        match (self.code, self.signal) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "an unknown status".to_owned(),
        }
    }
}

/// Why a child could not be run to its end.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ProcessError {
    /// The program could not be started at all.
    #[error("cannot start `{program}`: {reason}")]
    #[diagnostic(code(process::not_started), help("run `jointer doctor` to see which tools are there"))]
    NotStarted {
        /// The program.
        program: String,
        /// The operating system's words.
        reason: String,
    },
    /// Ctrl-C, SIGTERM or SIGHUP came. All children were stopped.
    #[error("stopped by a signal")]
    #[diagnostic(
        code(process::interrupted),
        help("nothing is half-written; start the command again to go on")
    )]
    Interrupted,
}

impl Fault for ProcessError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::NotStarted { .. } => ExitStatus::NotFound,
            // What a shell reports for SIGINT.
            Self::Interrupted => ExitStatus::Guest(130),
        }
    }
}

impl Command {
    /// A command with no arguments and an empty environment.
    pub fn new(program: impl Into<Utf8PathBuf>) -> Self {
        Self { program: program.into(), args: Vec::new(), env: BTreeMap::new(), dir: None }
    }

    /// The program to start.
    pub fn program(&self) -> &Utf8Path {
        &self.program
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// Passes on those of jointer's own variables that are set.
    #[must_use]
    pub fn pass_env<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        for name in names {
            if let Some(value) = std::env::var_os(name) {
                self.env.insert(name.into(), value);
            }
        }
        self
    }

    /// The folder it starts in; jointer's own when not set.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<Utf8PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Runs to the end, giving each line to `on_line` as it comes. A non-zero exit code is not an
    /// error here: the caller knows what the tool means by it.
    ///
    /// # Errors
    /// When the program cannot be started, or when a signal stopped jointer meanwhile.
    pub fn run(&self, on_line: &mut dyn FnMut(Stream, &str)) -> Result<Finished, ProcessError> {
        self.follow(self.spawn(Stdio::null())?, on_line)
    }

    /// [`Command::output`] with something on standard input. It is no part of the command, because it may be
    /// a secret.
    ///
    /// # Errors
    /// As [`Command::run`].
    pub fn output_of(&self, input: &[u8]) -> Result<Finished, ProcessError> {
        let mut child = self.spawn(Stdio::piped())?;
        if let Some(mut stdin) = child.child.stdin.take() {
            // A program that does not read it has its reasons, and its exit code will tell.
            let _ = stdin.write_all(input);
        }
        self.follow(child, &mut |_, _| {})
    }

    fn follow(
        &self,
        mut child: Group,
        on_line: &mut dyn FnMut(Stream, &str),
    ) -> Result<Finished, ProcessError> {
        let (sender, receiver) = mpsc::channel();
        read_lines(child.child.stdout.take(), Stream::Stdout, sender.clone());
        read_lines(child.child.stderr.take(), Stream::Stderr, sender);
        let mut finished =
            Finished { code: None, signal: None, stdout: String::new(), stderr: String::new() };
        for (stream, line) in receiver {
            on_line(stream, &line);
            let all = match stream {
                Stream::Stdout => &mut finished.stdout,
                Stream::Stderr => &mut finished.stderr,
            };
            all.push_str(&line);
            all.push('\n');
        }
        let status = child.child.wait().map_err(|error| self.not_started(&error))?;
        if interrupted() {
            return Err(ProcessError::Interrupted);
        }
        finished.code = status.code();
        finished.signal = status.signal();
        Ok(finished)
    }

    /// [`Command::run`] without looking at the lines.
    ///
    /// # Errors
    /// As [`Command::run`].
    pub fn output(&self) -> Result<Finished, ProcessError> {
        self.run(&mut |_, _| {})
    }

    // The one place that the ban leaves.
    #[allow(clippy::disallowed_methods)]
    fn spawn(&self, stdin: Stdio) -> Result<Group, ProcessError> {
        if interrupted() {
            return Err(ProcessError::Interrupted);
        }
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args).env_clear().envs(&self.env).process_group(0);
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        let child = command.spawn().map_err(|error| self.not_started(&error))?;
        Ok(Group::new(child))
    }

    fn not_started(&self, error: &std::io::Error) -> ProcessError {
        ProcessError::NotStarted { program: self.program.to_string(), reason: error.to_string() }
    }
}

fn read_lines(
    stream: Option<impl Read + Send + 'static>,
    kind: Stream,
    sender: mpsc::Sender<(Stream, String)>,
) {
    let Some(stream) = stream else { return };
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end_matches(['\n', '\r']).to_owned();
            line.clear();
            if sender.send((kind, text)).is_err() {
                break;
            }
        }
    });
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

fn groups() -> &'static Mutex<BTreeSet<i32>> {
    static GROUPS: OnceLock<Mutex<BTreeSet<i32>>> = OnceLock::new();
    GROUPS.get_or_init(Mutex::default)
}

/// A running child and its group, which is killed when this is dropped before it ended.
struct Group {
    child: Child,
    id: i32,
}

impl Group {
    fn new(child: Child) -> Self {
        let id = i32::try_from(child.id()).unwrap_or(i32::MAX);
        groups().lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(id);
        // A signal may have come between the check and the start.
        if interrupted() {
            stop_group(id, Signal::KILL);
        }
        Self { child, id }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        groups().lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&self.id);
        if matches!(self.child.try_wait(), Ok(None)) {
            stop_group(self.id, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

fn stop_group(id: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(id) {
        let _ = kill_process_group(pid, signal);
    }
}

/// Whether a signal asked jointer to stop.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// From now on SIGINT, SIGTERM and SIGHUP stop every child group: asked first, killed two seconds
/// later. The command in progress then ends with [`ProcessError::Interrupted`]; a second signal ends
/// jointer at once.
///
/// # Errors
/// When the operating system refuses the handler.
pub fn stop_on_signals() -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            let again = INTERRUPTED.swap(true, Ordering::SeqCst);
            let running = groups().lock().map(|groups| groups.clone()).unwrap_or_default();
            for id in &running {
                stop_group(*id, if again { Signal::KILL } else { Signal::TERM });
            }
            if again {
                std::process::exit(128 + signal);
            }
            std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_secs(2));
                for id in running {
                    stop_group(id, Signal::KILL);
                }
            });
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_sees_only_the_variables_it_is_given() {
        let finished = Command::new("/usr/bin/env").env("ONLY", "this").output().expect("env runs");
        assert!(finished.success());
        assert_eq!(finished.stdout, "ONLY=this\n");
    }

    #[test]
    fn lines_of_both_streams_arrive_and_the_exit_code_too() {
        let mut lines = Vec::new();
        let finished = Command::new("/bin/sh")
            .args(["-c", "echo out; echo err >&2; exit 3"])
            .run(&mut |stream, line| lines.push((stream, line.to_owned())))
            .expect("sh runs");
        lines.sort_by_key(|(stream, _)| *stream == Stream::Stderr);
        assert_eq!(lines, [(Stream::Stdout, "out".to_owned()), (Stream::Stderr, "err".to_owned())]);
        assert_eq!(finished.status(), "exit code 3");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Command::new("/no/such/tool").output().expect_err("cannot start");
        assert!(error.to_string().contains("/no/such/tool"));
    }
}
