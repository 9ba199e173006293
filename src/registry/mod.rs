//! Registries and the store: where packages are published and fetched from.
//!
//! A [`Registry`] is an OCI image layout in a folder ([`DirRegistry`], the default, needs no server) or
//! a real OCI registry ([`OciRegistry`]). Both hold packages in the layout of CNCF TAG-Runtime
//! ([`Artifact`]). Whatever comes from one is hashed on its way into the [`Store`] and hashed again each
//! time it is read from there; a name or a tag is never believed, only a digest.
//!
//! [`versions`], [`resolve`], [`fetch`] and [`publish`] are the same for every kind of registry. What a
//! signature means is not known here; see `trust`.

mod artifact;
mod attachment;
mod config;
mod credentials;
mod dir;
mod disk;
mod epoch;
mod error;
mod index;
mod location;
mod login;
mod oci;
mod publish;
mod pull;
mod raw;
mod retry;
mod serve;
mod store;
mod transfer;
mod upkeep;
#[cfg(feature = "warg")]
pub mod warg;
mod which;

pub use artifact::{
    Artifact, CONFIG_MEDIA_TYPE, Descriptor, EMPTY_MEDIA_TYPE, INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE,
    Manifest, REF_NAME, WASM_MEDIA_TYPE,
};
pub use attachment::{Attached, Attachment, Found, attach, attachments, found};
pub use dir::DirRegistry;
pub use epoch::creation_time;
pub use error::RegistryError;
pub use location::Location;
pub use login::{Login, login, logout};
pub use oci::OciRegistry;
pub use publish::{Outcome, Published, Step, StepKind, publish};
pub use pull::{Pulled, Pushed, Referrer, pull, push};
pub use raw::{Place, RawReference};
pub use serve::LocalServer;
pub use store::{BlobWriter, Store};
pub use transfer::{Pinned, fetch, resolve, versions};
pub use upkeep::{Amount, Verified, amount, prune};
pub use which::{Explained, Which, explain, which};

use bytes::Bytes;

use crate::app::Dirs;
use crate::digest::Digest;
use crate::name::PackageName;

/// What a manifest is asked for by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// By tag, which may move.
    Tag(String),
    /// By the digest of its bytes.
    Digest(Digest),
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// Something that packages are published to and fetched from. Each package is one repository.
///
/// Gives bytes as they are; [`resolve`] and [`fetch`] check them. Several threads may ask one at once.
pub trait Registry: Sync {
    /// What it is called in `jointer.lock` and in messages.
    fn name(&self) -> String;

    /// All tags of a package; none when the package is not there.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    fn tags(&self, package: &PackageName) -> Result<Vec<String>, RegistryError>;

    /// A manifest's bytes, at most 4 MiB; `None` when it is not there.
    ///
    /// # Errors
    /// When the registry cannot be asked, or its answer is too large.
    fn manifest(
        &self,
        package: &PackageName,
        reference: &Reference,
    ) -> Result<Option<Vec<u8>>, RegistryError>;

    /// Brings a blob into the store, which checks its size and digest.
    ///
    /// # Errors
    /// When the registry cannot be asked, does not have it or gives other bytes. The store then holds
    /// nothing new.
    fn blob(&self, package: &PackageName, blob: &Descriptor, store: &Store) -> Result<(), RegistryError>;

    /// Makes sure that the registry has a blob; sends it only when it does not, and tells whether it was
    /// there.
    ///
    /// # Errors
    /// When the registry cannot be asked or refuses it.
    fn put_blob(&self, package: &PackageName, digest: Digest, bytes: &Bytes) -> Result<bool, RegistryError>;

    /// Whether the registry has a blob.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    fn has_blob(&self, package: &PackageName, digest: Digest) -> Result<bool, RegistryError>;

    /// Puts a manifest by its digest, without a tag, or under a tag. All that it refers to is there already.
    ///
    /// A version's tag never moves ([`RegistryError::Conflict`]); others are replaced. A manifest with a
    /// `subject` is found by [`Registry::referrers`] from then on, also where the registry itself keeps no
    /// such list.
    ///
    /// # Errors
    /// When the registry cannot be asked or refuses it.
    fn put_manifest(
        &self,
        package: &PackageName,
        reference: &Reference,
        bytes: &[u8],
    ) -> Result<(), RegistryError>;

    /// Manifests about `subject`, each looked at and found to be about it; at most [`MAX_REFERRERS`].
    ///
    /// # Errors
    /// When the registry cannot be asked.
    fn referrers(&self, package: &PackageName, subject: Digest) -> Result<Vec<Descriptor>, RegistryError>;
}

/// So many manifests about one are looked at.
pub const MAX_REFERRERS: usize = 200;

/// Opens the registry at `location`. Nothing is asked of it yet.
///
/// # Errors
/// When the credentials for it cannot be read.
pub fn open(location: &Location, dirs: &Dirs) -> Result<Box<dyn Registry>, RegistryError> {
    Ok(match location {
        Location::Local => Box::new(DirRegistry::new(location.to_string(), dirs.registry())),
        Location::Dir(path) => Box::new(DirRegistry::new(location.to_string(), path.clone())),
        Location::Oci { host, prefix } => Box::new(OciRegistry::open(host, prefix)?),
    })
}

/// Opens the one repository of a place, whatever it is called. Nothing is asked of it yet.
///
/// # Errors
/// When the credentials for it cannot be read.
pub fn open_place(place: &Place) -> Result<Box<dyn Registry>, RegistryError> {
    Ok(Box::new(OciRegistry::only(&place.host, &place.repository)?))
}
