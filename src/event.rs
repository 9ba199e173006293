//! What happens while jointer works, as data. Rooms report events; `ui` shows them.
//!
//! The serialised form (`--format json`, one object per line, tagged by `reason`) is public.

use serde::Serialize;

use crate::digest::Digest;

/// Something that happened and that somebody may want to see.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// A plan of so many units is about to run.
    Planned {
        /// Names of the units, in the order in which they may start.
        units: Vec<String>,
    },
    /// A unit need not run: nothing that it reads changed.
    Fresh {
        /// The unit.
        unit: String,
    },
    /// A unit must run, and why.
    Dirty {
        /// The unit.
        unit: String,
        /// The first thing that changed, in words: "`src/lib.rs` changed".
        why: String,
    },
    /// Work on a unit began.
    Started {
        /// The unit.
        unit: String,
        /// Who does it: `cargo`, `componentize-py`, `adapt`, `compose`.
        with: String,
    },
    /// A line that a guest tool wrote.
    Output {
        /// The unit.
        unit: String,
        /// The line without its end.
        line: String,
    },
    /// A unit is done.
    Finished {
        /// The unit.
        unit: String,
        /// Wall time in milliseconds.
        millis: u64,
        /// Size of the result in bytes.
        bytes: u64,
        /// Digest of the result.
        digest: Digest,
    },
    /// A unit failed; the error itself is returned by the call.
    Failed {
        /// The unit.
        unit: String,
    },
    /// An adapter was inserted so that a part fits the host.
    Adapted {
        /// The unit.
        unit: String,
        /// The snapshots that it was built against.
        from: Vec<String>,
        /// What it fits now.
        to: String,
        /// How: `renamed`, `wrapped`, `componentized`.
        how: String,
    },
    /// One of several steps of something long (a download, an installation) advanced.
    Progress {
        /// What is being done: "installing componentize-py 0.25.1".
        task: String,
        /// How far, in the task's own measure.
        done: u64,
        /// How far it goes, where that is known.
        total: Option<u64>,
    },
    /// The task that reported [`Event::Progress`] ended.
    ProgressEnded {
        /// The same text as in its progress.
        task: String,
    },
    /// Something done that is worth one line: "wrote build/shop.wasm".
    Note {
        /// A verb for the left column: `Composed`, `Wrote`, `Serving`.
        verb: String,
        /// The rest of the line.
        text: String,
    },
    /// The server answers from now on.
    Serving {
        /// Where: `http://127.0.0.1:8080`.
        url: String,
    },
    /// A line that a running component wrote on its standard output or error.
    Guest {
        /// The line without its end.
        line: String,
    },
    /// A request that the server was given is over, whatever came of it.
    Request {
        /// `GET`.
        method: String,
        /// Path and query.
        path: String,
        /// The status that was sent; `None` when the client left before there was one.
        status: Option<u16>,
        /// Bytes of the response's body that were handed to the network.
        bytes: u64,
        /// Wall time in milliseconds, until the instance was gone.
        millis: u64,
        /// Whether the response was sent to its end.
        complete: bool,
        /// Instances that are still alive in the server.
        instances: u64,
    },
    /// A case of a test table is over.
    Tested {
        /// The table.
        table: String,
        /// The case's name.
        case: String,
        /// Whether all was as expected.
        passed: bool,
        /// Wall time in milliseconds.
        millis: u64,
    },
    /// Something that is not an error but that the user should know.
    Warning {
        /// A stable code, `room::slug`.
        code: String,
        /// What it is.
        text: String,
        /// What to do.
        help: String,
    },
}

/// Receives events. Called from several threads at once.
pub trait Reporter: Send + Sync {
    /// Takes one event; must not block for long.
    fn report(&self, event: Event);

    /// One line of [`Event::Note`].
    fn note(&self, verb: &str, text: String) {
        self.report(Event::Note { verb: verb.to_owned(), text });
    }
}

/// Shows nothing.
#[derive(Debug, Default, Clone, Copy)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _: Event) {}
}
