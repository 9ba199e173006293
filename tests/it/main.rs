//! The tests that need more than one room, and those that drive the real binary.

// Tests start programs as a user's shell would, and say on standard error what they had to skip.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

mod adapt;
mod adapted_parts;
mod adapter;
mod bad_input;
mod build;
mod build_errors;
mod bundle;
mod call;
mod compose;
mod compose_polyglot;
mod demo;
mod deny;
mod deps;
mod diagnostics;
mod docker;
mod docs;
mod examples;
mod faults;
mod fingerprint;
mod fuzz;
mod guest_packages;
mod guests;
mod history;
mod holes;
mod hosts;
mod http;
mod login;
mod matrix;

mod october;
mod peers;
mod prebuilt;
mod proxy;
mod publish;
mod random_packages;
mod registry;
mod reproduce;
mod rooms;
mod run;
mod sbom;
mod serve;
mod servers;
mod strict;
mod support;
mod templates;
mod test_tables;
mod third;
mod toolchain;
mod tools;
mod trust;
mod unstable;
mod wit_deps;
