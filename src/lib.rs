//! jointer: the one toolchain for polyglot WebAssembly components.
//!
//! One package, rooms in one order. A room may use the rooms above it in this table and the leaf
//! files, never what stands below it; `tests/it/rooms.rs` reads the `use` lines and fails on one that
//! points the wrong way.
//!
//! | room | it holds |
//! |---|---|
//! | `error` `event` `digest` `file` `name` `process` `threads` `web` | leaf files: error kinds, events, digests, whole files, names, children, two things at once, strangers |
//! | `component` | a component or core module as bytes: decode, rewrite, metadata, validate |
//! | `wit` | WIT packages and worlds: load, resolve, structural diff, re-versioned views |
//! | `host` | host profiles and capability kinds; does a component fit a host |
//! | `app` | `jointer.toml` and the folders jointer uses |
//! | `adapt` | WASI snapshots: detect, choose, synthesise adapters |
//! | `compose` | the composition graph: plan, explain, encode |
//! | `trust` | keys, signatures, verification; pure over bytes |
//! | `identity` | signs without a key: a CI's token, Fulcio and Rekor; feature `keyless` |
//! | `registry` | OCI registries, the local directory, the content-addressed store |
//! | `deps` | dependencies: resolve, lock, fetch |
//! | `toolchain` | guest tools: find, provision, doctor |
//! | `scaffold` | templates, edits of `jointer.toml` |
//! | `build` | plan of units, fingerprints, scheduler, cache, drivers |
//! | `package` | bundle, SBOM, order of publishing |
//! | `run` | the runner: run, serve, call, test |
//! | `dev` | watch and swap |
//! | `ui` | shows events and diagnostics |
//! | `cli` | one file per command |

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod digest;
pub mod error;
pub mod event;
pub mod file;
pub mod name;
pub mod process;
mod threads;
mod web;

pub mod adapt;
pub mod app;
pub mod build;
pub mod cli;
pub mod component;
pub mod compose;
pub mod deps;
pub mod host;
pub mod identity;
pub mod package;
pub mod registry;
pub mod run;
pub mod scaffold;
pub mod toolchain;
pub mod trust;
pub mod ui;
pub mod wit;
