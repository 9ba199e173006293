//! The ways of showing events: bars on a terminal, plain lines, JSON lines.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::line;
use crate::event::{Event, Reporter};

/// One line of text per event on standard error.
pub struct Lines {
    colour: bool,
    /// Tasks whose first progress was shown: one line each, not one per step.
    shown: Mutex<std::collections::BTreeSet<String>>,
}

impl Lines {
    /// With or without colours.
    pub fn new(colour: bool) -> Self {
        Self { colour, shown: Mutex::default() }
    }
}

impl Reporter for Lines {
    fn report(&self, event: Event) {
        let text = match &event {
            Event::Progress { task, .. } => {
                let first = self.shown.lock().unwrap_or_else(PoisonError::into_inner).insert(task.clone());
                first
                    .then(|| line(&Event::Note { verb: "Working".into(), text: task.clone() }, self.colour))
                    .flatten()
            }
            event => line(event, self.colour),
        };
        if let Some(text) = text {
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }
}

/// One JSON object per event on standard error; standard output stays the answer's.
pub struct JsonLines;

impl Reporter for JsonLines {
    fn report(&self, event: Event) {
        if let Ok(text) = serde_json::to_string(&event) {
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }
}

/// A live line for each unit and task, finished lines above them.
pub struct Progress {
    bars: MultiProgress,
    live: Mutex<BTreeMap<String, ProgressBar>>,
    colour: bool,
}

impl Progress {
    /// Drawing on standard error.
    pub fn new(colour: bool) -> Self {
        Self { bars: MultiProgress::new(), live: Mutex::default(), colour }
    }

    fn spinner(&self, message: String) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new_spinner());
        let style = ProgressStyle::with_template("{spinner:.cyan} {wide_msg} {elapsed:>5}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_message(message);
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }
}

impl Reporter for Progress {
    fn report(&self, event: Event) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        match &event {
            Event::Started { unit, with } => {
                let bar = self.spinner(format!("{unit} ({with})"));
                live.insert(unit.clone(), bar);
                return;
            }
            Event::Output { unit, line } => {
                if let Some(bar) = live.get(unit) {
                    bar.set_message(format!("{unit}: {line}"));
                    return;
                }
            }
            Event::Progress { task, done, total } => {
                let bar = live.entry(task.clone()).or_insert_with(|| self.spinner(task.clone()));
                if let Some(total) = total {
                    bar.set_message(format!("{task} ({done}/{total})"));
                }
                return;
            }
            Event::Finished { unit: name, .. }
            | Event::Failed { unit: name }
            | Event::ProgressEnded { task: name } => {
                if let Some(bar) = live.remove(name) {
                    bar.finish_and_clear();
                    self.bars.remove(&bar);
                }
            }
            _ => {}
        }
        if let Some(text) = line(&event, self.colour) {
            let _ = self.bars.println(text);
        }
    }
}
