//! A component or core module as bytes: what it is, what it imports and exports, what it is made of.
//!
//! Bytes in, bytes out: nothing here reads a file or knows WASI. Every function takes what a user may
//! have named on the command line, so bytes that are no WebAssembly, or only the beginning of one, are
//! ordinary errors.

mod error;
mod externs;
mod modules;
mod packages;
mod producer;
mod read;
mod rename;
mod suffix;
mod tree;
mod validate;

pub use error::ComponentError;
pub use externs::{Externs, externs};
pub use modules::{CoreModule, Producer, core_modules, producers};
pub use packages::{Ecosystem, Origin, Package, Packages, spdx};
pub use producer::{processed_by, processings};
pub use read::{Kind, kind, require_component};
pub use rename::{Side, rename};
pub use suffix::without_suffixes;
pub use tree::{Node, tree};
pub use validate::{interface, validate};
