//! Signs without a key, as the CI run that this is: a token of the CI says who that is, Fulcio makes a certificate for some
//! minutes out of it, Rekor notes in public that it signed. Only with the feature `keyless`.
//!
//! The token goes to Fulcio and nowhere else; it is never printed, stored or put into an error.

mod error;
#[cfg(feature = "keyless")]
mod services;
#[cfg(feature = "keyless")]
mod token;

pub use error::IdentityError;

use crate::digest::Digest;
#[cfg(not(feature = "keyless"))]
use crate::trust::KeylessError;
use crate::trust::Who;

/// Where identity and services come from; what is missing is the CI's own, and the public Sigstore's.
#[derive(Default)]
pub struct Wishes {
    /// The token itself.
    pub token: Option<String>,
    /// The text of a signing config: which Fulcio, Rekor and time stamp authority.
    pub services: Option<String>,
    /// The text of the trusted root that the result has to verify with.
    pub root: Option<String>,
}

/// Somebody who can sign without a key.
#[cfg(feature = "keyless")]
pub struct Identity {
    token: token::Source,
    services: services::Services,
    root: Option<String>,
}

/// Nobody: this build cannot.
#[cfg(not(feature = "keyless"))]
pub enum Identity {}

#[cfg(feature = "keyless")]
impl Identity {
    /// Finds out who this is, as far as that is possible without asking anybody. `variable` is the environment.
    ///
    /// # Errors
    /// [`IdentityError::NoToken`], [`IdentityError::InvalidToken`] or [`IdentityError::InvalidServices`].
    pub fn find(wishes: Wishes, variable: impl Fn(&str) -> Option<String>) -> Result<Self, IdentityError> {
        Ok(Self {
            token: token::Source::find(wishes.token, variable)?,
            services: services::Services::read(wishes.services.as_deref())?,
            root: wishes.root,
        })
    }

    /// Signs a statement about the manifest with this digest: a bundle, which verifies, and who it says that this is.
    ///
    /// # Errors
    /// When somebody who is needed cannot be reached or refuses, or what came back does not verify.
    pub fn sign(&self, statement: &[u8], manifest: Digest) -> Result<(Vec<u8>, Who), IdentityError> {
        let bundle = self.services.sign(&self.token, statement)?;
        // Nobody should find out later that it was signed by a Sigstore that nobody trusts.
        let verified = crate::trust::verify_certified(&bundle, manifest, self.root.as_deref());
        let (certified, _) =
            verified.map_err(|error| IdentityError::Unverifiable { reason: error.to_string() })?;
        Ok((bundle, Who::Identity { identity: certified.identity, issuer: certified.issuer }))
    }
}

#[cfg(not(feature = "keyless"))]
impl Identity {
    /// Nobody.
    ///
    /// # Errors
    /// Always [`KeylessError::NotBuiltIn`].
    pub fn find(_: Wishes, _: impl Fn(&str) -> Option<String>) -> Result<Self, IdentityError> {
        Err(KeylessError::NotBuiltIn { what: "`--keyless`".to_owned() }.into())
    }

    /// Never called.
    ///
    /// # Errors
    /// None.
    pub fn sign(&self, _: &[u8], _: Digest) -> Result<(Vec<u8>, Who), IdentityError> {
        match *self {}
    }
}
