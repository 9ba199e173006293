//! Keys in a policy: who may sign.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use camino::Utf8PathBuf;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::Reader;
use crate::trust::moment::Moment;
use crate::trust::policy_error::PolicyError;
use crate::trust::{PublicKey, TrustError};

/// A key, and when it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// The key.
    pub key: PublicKey,
    /// What people call it.
    pub name: Option<String>,
    /// It does not count before.
    pub not_before: Option<Moment>,
    /// It does not count after.
    pub not_after: Option<Moment>,
    /// It does not count any more, whenever it signed: nobody but its holder knows when that was.
    pub revoked: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct KeyTable {
    path: Option<Utf8PathBuf>,
    pem: Option<String>,
    spki: Option<String>,
    name: Option<String>,
    not_before: Option<Spanned<Datetime>>,
    not_after: Option<Spanned<Datetime>>,
    #[serde(default)]
    revoked: bool,
}

impl Reader<'_> {
    pub(super) fn key(&self, table: Spanned<KeyTable>) -> Result<TrustedKey, PolicyError> {
        let span = table.span();
        let table = table.into_inner();
        let help = "a public key as `jointer keygen` writes it: PEM, ECDSA on P-256";
        let unusable = |error: &dyn std::fmt::Display| self.invalid(span.clone(), &error.to_string(), help);
        let key = match (&table.path, &table.pem, &table.spki) {
            (Some(path), None, None) => {
                let pem = (self.read)(path).map_err(|error| unusable(&error))?;
                PublicKey::from_pem(&pem)
            }
            (None, Some(pem), None) => PublicKey::from_pem(pem),
            (None, None, Some(spki)) => match BASE64.decode(spki) {
                Ok(der) => PublicKey::from_der(&der),
                Err(_) => Err(TrustError::InvalidKey("it is not base64".to_owned())),
            },
            _ => {
                let message = "a key needs exactly one of `path`, `pem`, `spki`";
                return Err(self.invalid(span, message, help));
            }
        };
        Ok(TrustedKey {
            key: key.map_err(|error| unusable(&error))?,
            name: table.name,
            not_before: self.moment(table.not_before, false)?,
            not_after: self.moment(table.not_after, true)?,
            revoked: table.revoked,
        })
    }
}
