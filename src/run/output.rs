//! A component's output as lines: whole lines of several instances may alternate, never their pieces.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncWrite, empty};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::event::{Event, Reporter};

/// A line longer than this is reported in pieces, so that a component cannot fill the host's memory.
const LONGEST: usize = 64 * 1024;

/// A standard stream whose lines are reported.
#[derive(Clone)]
pub(super) struct Lines(Arc<Mutex<Pending>>);

struct Pending {
    reporter: Arc<dyn Reporter>,
    text: Vec<u8>,
}

impl Lines {
    pub(super) fn new(reporter: Arc<dyn Reporter>) -> Self {
        Self(Arc::new(Mutex::new(Pending { reporter, text: Vec::new() })))
    }
}

impl Pending {
    fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.text.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.text.len() >= LONGEST {
                self.report();
            }
        }
    }

    fn report(&mut self) {
        let line = String::from_utf8_lossy(&self.text).trim_end_matches(['\n', '\r']).to_owned();
        self.text.clear();
        self.reporter.report(Event::Guest { line });
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.text.is_empty() {
            self.report();
        }
    }
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only WASI 0.3 asks for this; nothing of it is linked.
        Box::new(empty())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Collect(Mutex<Vec<String>>);

    impl Reporter for Collect {
        fn report(&self, event: Event) {
            if let Event::Guest { line } = event {
                self.0.lock().unwrap().push(line);
            }
        }
    }

    #[test]
    fn pieces_become_lines_and_the_last_one_needs_no_end() {
        let seen = Arc::new(Collect::default());
        let mut lines = Lines::new(seen.clone());
        for piece in ["on", "e\r\ntwo\n\nthr", "ee"] {
            lines.write(Bytes::from(piece)).unwrap();
        }
        assert_eq!(*seen.0.lock().unwrap(), ["one", "two", ""]);
        drop(lines);
        assert_eq!(seen.0.lock().unwrap().last().unwrap(), "three");
    }
}
