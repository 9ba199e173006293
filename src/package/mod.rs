//! Packages and bundles: what is published, and the app as one file that can be verified.
//!
//! [`bundle`] makes one OCI image layout in a tar: the composed component as a package of its own, its
//! parts and a CycloneDX list of them as referrers, each signed. [`verify`] reads such a file, extracts
//! nothing to the disk, and believes nothing that is not signed. [`Place`] signs what is in a registry.

mod attachment;
mod bundle;
mod carry;
mod checkout;
mod error;
mod gate;
mod layout;
mod order;
mod provenance;
mod sbom;
mod sign;
mod signatory;
mod verify;
mod wiring;
mod wit_package;

pub use attachment::{
    Extras, PARTS_MEDIA_TYPE, PROVENANCE_PREDICATE, SBOM_PREDICATE, STATEMENT_MEDIA_TYPE, attachments,
};
pub use bundle::{Bundled, Contents, Part, bundle};
pub use carry::{collect, is_signature, unpack};
pub use checkout::Checkout;
pub use error::PackageError;
pub use gate::{gate, gate_among};
pub use order::{Planned, in_order};
pub use provenance::{BUILD_TYPE, Builder, LOCAL_BUILDER, Made, provenance};
pub use sbom::{SBOM_MEDIA_TYPE, Subject, sbom};
pub use sign::{Forms, Place, Signed, publish};
pub use signatory::Signatory;
pub use verify::{Verified, verify};
pub use wiring::WIRING_MEDIA_TYPE;
pub use wit_package::{encode_wit, named};
