//! WIT: packages and worlds as text, and the interfaces inside a component as types.
//!
//! [`load`] reads a folder, [`add_import`] and [`add_export`] edit a world's text and keep everything
//! else as it was written, [`view`] gives the same text under another WASI version. [`Shape`] is what a
//! component really imports and exports, taken from its own types, and [`first_difference`] says in
//! words where two of those part ways.

mod diff;
mod error;
mod evolution;
mod load;
mod packages;
mod shape;
mod stand_in;
mod text;
mod view;

pub use diff::{Difference, first_difference};
pub use error::WitError;
pub use evolution::{breaking, compatible, next_breaking};
pub use load::{Wit, World, encode, load};
pub use packages::{PackageText, built_in, declared, exported, mentioned, missing, package_text};
pub use shape::{Extern, Function, Interface, Origin, Shape, Type};
pub use stand_in::stand_in;
pub use text::{add_export, add_import};
pub use view::{reversion, view, wasi_packages, wasi_versions};
