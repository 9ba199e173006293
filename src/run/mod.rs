//! The runner: programs, http servers, single calls and test tables. Wasmtime is used only here.
//!
//! A [`Runner`] holds the engine; [`Runner::load`] compiles a component, or takes the compiled code
//! from the disk. What a component may do is a [`Grants`], nothing by default; how much it may use is
//! a [`Limits`].
//!
//! | file | it does |
//! |---|---|
//! | `engine` | engine, compiled code on disk, linking |
//! | `grants` `state` `link` | what an instance may do, and the host's side of one instance |
//! | `command` | `wasi:cli/command` |
//! | `handler` `body` `server` | `wasi:http`: one request, its streamed answer, the sockets |
//! | `call` `value` | exported functions with values written as WAVE |
//! | `table` `check` | test tables: their shape, and running them |

mod body;
mod call;
mod check;
mod command;
mod engine;
mod error;
mod grants;
mod handler;
mod link;
mod output;
mod server;
mod state;
mod table;
mod third;
mod value;

pub use call::{Called, call, functions};
pub use check::{Difference, Outcome, Verdict, check};
pub use command::{Program, Stdio, run_command};
pub use engine::{Loaded, Mode, Runner};
pub use error::RunError;
pub use grants::{Directory, Grants, Limits, Origin};
pub use server::{ServeOptions, Server};
pub use table::{Action, Case, Table};
