//! The tests that need more than one room, and those that drive the real binary.

mod adapt;
mod bad_input;
mod call;
mod build;
mod build_errors;
mod compose;
mod demo;
mod diagnostics;
mod docs;
mod examples;
mod guests;
mod hosts;
mod fingerprint;
mod http;
mod rooms;
mod run;
mod serve;
mod support;
mod templates;
mod test_tables;
mod toolchain;
