//! The tests that need more than one room, and those that drive the real binary.

mod adapt;
mod bad_input;
mod call;
mod compose;
mod demo;
mod diagnostics;
mod docs;
mod examples;
mod guests;
mod hosts;
mod http;
mod rooms;
mod run;
mod serve;
mod support;
mod templates;
mod test_tables;
