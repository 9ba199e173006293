//! Shows events, answers and diagnostics; the only room that prints.
//!
//! Standard output is the answer, standard error the rest. [`Ui`] chooses how events are shown:
//! progress bars on a terminal, plain lines elsewhere, one JSON object per line with `--format json`.

mod progress;

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use clap::ValueEnum;
use serde::Serialize;

use crate::error::Error;
use crate::event::{Event, Reporter, Silent};

pub use progress::{JsonLines, Lines, Progress};

/// `--format`: who reads what jointer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// People.
    #[default]
    Human,
    /// Programs: JSON, one object per line.
    Json,
}

/// Where things are shown.
pub struct Ui {
    format: Format,
    reporter: Arc<dyn Reporter>,
}

impl Ui {
    /// For the terminal or pipe that jointer runs in. `quiet` shows no events.
    pub fn new(format: Format, quiet: bool) -> Self {
        let reporter: Arc<dyn Reporter> = match format {
            _ if quiet => Arc::new(Silent),
            Format::Json => Arc::new(JsonLines),
            Format::Human if interactive() => Arc::new(Progress::new(colour(&std::io::stderr()))),
            Format::Human => Arc::new(Lines::new(colour(&std::io::stderr()))),
        };
        Self { format, reporter }
    }

    /// Who reads.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Takes events.
    pub fn reporter(&self) -> &Arc<dyn Reporter> {
        &self.reporter
    }

    /// The answer of a command on standard output: `text` for people, `data` for programs. A closed
    /// pipe is no error: who reads `jointer … | head` has seen enough.
    pub fn answer(&self, text: &str, data: &impl Serialize) {
        let mut out = std::io::stdout().lock();
        let _ = match self.format {
            Format::Human => writeln!(out, "{}", text.trim_end_matches('\n')),
            Format::Json => writeln!(out, "{}", serde_json::to_string(data).unwrap_or_default()),
        };
    }

    /// What programs want to know of a command whose result is a file: only with `--format json`.
    pub fn data(&self, data: &impl Serialize) {
        if self.format == Format::Json {
            self.answer("", data);
        }
    }

    /// Bytes on standard output, as they are.
    ///
    /// # Errors
    /// Those of standard output.
    pub fn raw(&self, bytes: &[u8]) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }

    /// A diagnostic on standard error.
    pub fn error(&self, error: &Error) {
        let mut out = std::io::stderr().lock();
        let _ = match self.format {
            Format::Human => write!(out, "{}", render(error, colour(&out))),
            Format::Json => writeln!(out, "{}", json(error)),
        };
    }
}

/// Whether bars may be drawn: standard error is a terminal and nobody asked for calm.
fn interactive() -> bool {
    let calm =
        std::env::var_os("CI").is_some() || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stderr().is_terminal() && !calm
}

/// Whether to colour what goes to `stream`. `NO_COLOR` and `CLICOLOR_FORCE` decide first.
fn colour(stream: &impl IsTerminal) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    !set("NO_COLOR") && (set("CLICOLOR_FORCE") || stream.is_terminal())
}

/// A diagnostic for people: message, code, place and help.
pub fn render(error: &Error, colour: bool) -> String {
    let theme =
        if colour { miette::GraphicalTheme::unicode() } else { miette::GraphicalTheme::unicode_nocolor() };
    let mut text = String::new();
    // Names such as `wasi:io/poll` and paths stay whole: people search for them and copy them.
    let handler = miette::GraphicalReportHandler::new_themed(theme)
        .with_width(100)
        .with_links(false)
        .with_break_words(false)
        .with_word_separator(textwrap::WordSeparator::AsciiSpace)
        .with_word_splitter(textwrap::WordSplitter::NoHyphenation);
    if handler.render_report(&mut text, error.diagnostic()).is_err() {
        text = format!("error: {error}\n");
    }
    text
}

#[derive(Serialize)]
struct Diagnostic {
    reason: &'static str,
    code: Option<String>,
    status: u8,
    message: String,
    help: Option<String>,
}

fn json(error: &Error) -> String {
    let diagnostic = Diagnostic {
        reason: "error",
        code: error.code(),
        status: error.status().code(),
        message: error.to_string(),
        help: error.diagnostic().help().map(|help| help.to_string()),
    };
    serde_json::to_string(&diagnostic).unwrap_or_default()
}

/// One line of text for an event; `None` for those that say nothing without a terminal.
fn line(event: &Event, colour: bool) -> Option<String> {
    let (verb, text) = match event {
        Event::Planned { .. }
        | Event::Failed { .. }
        | Event::Progress { .. }
        | Event::ProgressEnded { .. } => return None,
        Event::Fresh { unit } => ("Fresh", unit.clone()),
        Event::Dirty { unit, why } => ("Dirty", format!("{unit}: {why}")),
        Event::Started { unit, with } => ("Building", format!("{unit} ({with})")),
        Event::Output { unit, line } => return Some(format!("{unit}: {line}")),
        Event::Finished { unit, millis, bytes, .. } => {
            ("Built", format!("{unit} in {} ({})", seconds(*millis), size(*bytes)))
        }
        Event::Adapted { unit, from, to, how } => {
            ("Adapted", format!("{unit} from {} to {to} ({how})", from.join(", ")))
        }
        Event::Note { verb, text } => (verb.as_str(), text.clone()),
        Event::Tested { table, case, passed, millis } => {
            let verb = if *passed { "Passed" } else { "Failed" };
            (verb, format!("{table}: {case} ({})", seconds(*millis)))
        }
        Event::Serving { url } => ("Serving", url.clone()),
        Event::Guest { line } => return Some(line.clone()),
        Event::Request { method, path, status, bytes, millis, complete, instances } => {
            let status = status.map_or_else(|| "-".to_owned(), |status| status.to_string());
            let end = if *complete { "" } else { ", not finished" };
            let text = format!(
                "{status} {method} {path} in {} ({}{end}; {instances} running)",
                seconds(*millis),
                size(*bytes)
            );
            ("Request", text)
        }
        Event::Warning { code, text, help } => {
            let label = paint("warning", "33;1", colour);
            return Some(format!("{label}[{code}]: {text}\n  help: {help}"));
        }
    };
    Some(format!("{} {text}", paint(&format!("{verb:>10}"), "32;1", colour)))
}

fn paint(text: &str, code: &str, colour: bool) -> String {
    if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Milliseconds as people read them.
pub fn seconds(millis: u64) -> String {
    if millis < 1000 { format!("{millis} ms") } else { format!("{:.1} s", millis as f64 / 1000.0) }
}

/// Bytes as people read them, in powers of 1000.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
