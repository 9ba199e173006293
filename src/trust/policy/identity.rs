//! Identities in a policy: who may sign without a key.

use std::ops::Range;

use camino::Utf8PathBuf;
use miette::Diagnostic as _;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::Reader;
use crate::trust::keyless::{IdentityPattern, KeylessError};
use crate::trust::moment::Moment;
use crate::trust::policy_error::PolicyError;

const ROOT_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.trustedroot+json";

/// An identity that may sign, and when that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedIdentity {
    /// Which identities of the issuer.
    pub identity: IdentityPattern,
    /// Who has to vouch for it, exactly.
    pub issuer: String,
    /// The text of the trusted root that says which authorities and logs count; `None` means the public Sigstore's.
    pub root: Option<String>,
    /// What people call it.
    pub name: Option<String>,
    /// What it signed before does not count.
    pub not_before: Option<Moment>,
    /// What it signed after does not count.
    pub not_after: Option<Moment>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct IdentityTable {
    identity: String,
    issuer: String,
    trusted_root: Option<Utf8PathBuf>,
    name: Option<String>,
    not_before: Option<Spanned<Datetime>>,
    not_after: Option<Spanned<Datetime>>,
}

impl TrustedIdentity {
    /// The identities that this pattern means, with the word of this issuer.
    ///
    /// # Errors
    /// [`KeylessError::InvalidIdentity`].
    pub fn new(identity: &str, issuer: &str, root: Option<String>) -> Result<Self, KeylessError> {
        let invalid = |why, help| KeylessError::InvalidIdentity { why, help };
        let identity = IdentityPattern::parse(identity).ok_or(invalid(
            "the identity names nobody in particular",
            "write an email address or the URI of a workflow; `*` stands for anything but `/`, `**` for anything",
        ))?;
        if !issuer.contains("://") || issuer.contains('*') {
            return Err(invalid(
                "the issuer is not an address",
                "write it as the certificate has it: `https://token.actions.githubusercontent.com`",
            ));
        }
        if root.as_deref().is_some_and(|root| !is_root(root)) {
            return Err(invalid(
                "the trusted root cannot be read",
                "give the `trusted_root.json` of the Sigstore that signs",
            ));
        }
        let issuer = issuer.to_owned();
        Ok(Self { identity, issuer, root, name: None, not_before: None, not_after: None })
    }
}

/// Whether it is what it should be at first sight; all of it is looked at when something is verified.
fn is_root(text: &str) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Root {
        media_type: String,
    }
    serde_json::from_str::<Root>(text).is_ok_and(|root| root.media_type.starts_with(ROOT_MEDIA_TYPE))
}

impl Reader<'_> {
    pub(super) fn identity(&self, table: Spanned<IdentityTable>) -> Result<TrustedIdentity, PolicyError> {
        let span = table.span();
        let table = table.into_inner();
        let root = table.trusted_root.map(|path| (self.read)(&path)).transpose().map_err(|error| {
            let help = "`trusted-root` is relative to this file; without it the public Sigstore's counts";
            self.invalid(span.clone(), &error.to_string(), help)
        })?;
        let identity = TrustedIdentity::new(&table.identity, &table.issuer, root)
            .map_err(|error| self.refused(span, &error))?;
        Ok(TrustedIdentity {
            name: table.name,
            not_before: self.moment(table.not_before, false)?,
            not_after: self.moment(table.not_after, true)?,
            ..identity
        })
    }

    fn refused(&self, span: Range<usize>, error: &KeylessError) -> PolicyError {
        let help = error.help().map(|help| help.to_string()).unwrap_or_default();
        self.invalid(span, &error.to_string(), &help)
    }
}
