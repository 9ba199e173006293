//! Hosts: what each offers to a component, and whether a component fits.
//!
//! A [`Profile`] is plain data with a named source. It says which WASI version components are adapted
//! to; `offers` answers by name only, because which functions a component really needs is a question
//! of types, which `adapt` answers.

mod capability;
mod error;
mod profile;
mod table;

pub use capability::Capability;
pub use error::HostError;
pub use profile::{Profile, resolve};
