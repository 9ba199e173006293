//! The tests that need more than one room, and those that drive the real binary.

mod adapt;
mod bad_input;
mod compose;
mod demo;
mod diagnostics;
mod docs;
mod examples;
mod http;
mod rooms;
mod support;
mod templates;
