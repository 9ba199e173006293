//! `trust.toml`: who may sign which packages, and what else must hold of them.
//!
//! One rule for each pattern of package names; only the most specific rule that fits counts, and a package
//! that no rule fits is refused. Reading is pure: the caller gives the text, and a function for the key
//! files that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use camino::Utf8Path;
use semver::Version;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::moment::{self, Moment};
use super::policy_error::PolicyError;
use super::{CYCLONEDX, PROVENANCE, PublicKey, TrustError};
use crate::error::FileError;
use crate::host::Capability;
use crate::name::{PackageName, did_you_mean};

/// A file may name that many keys, and that many identities, for one rule; every one is tried with every signature.
const MAX_KEYS: usize = 64;

/// The attestations that have short names.
const ATTESTATIONS: [(&str, &str); 3] =
    [("slsa-provenance-v1", PROVENANCE), ("cyclonedx", CYCLONEDX), ("spdx", "https://spdx.dev/Document")];

use identity::IdentityTable;
pub use identity::TrustedIdentity;
use key::KeyTable;
pub use key::TrustedKey;

/// What `trust.toml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    rules: Vec<Rule>,
}

/// What must hold of the packages that a pattern fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// As written: `acme:greet`, `acme:*` or `*`.
    pub pattern: String,
    /// Whether somebody has to have signed it.
    pub signature: bool,
    /// Who, by their keys.
    pub keys: Vec<TrustedKey>,
    /// Who, by what somebody else says who they are.
    pub identities: Vec<TrustedIdentity>,
    /// The types of the statements that have to be there.
    pub attestations: Vec<String>,
    /// Who may have built it; empty when that does not matter.
    pub builders: Vec<String>,
    /// Where its sources may come from; empty when that does not matter.
    pub sources: Vec<String>,
    /// What it may be able to do; `None` when that does not matter.
    pub capabilities: Option<BTreeSet<Capability>>,
    /// SPDX identifiers, one of which has to be its licence; `None` when that does not matter.
    pub licences: Option<Vec<String>>,
    /// Nothing older.
    pub min_version: Option<Version>,
    /// Whether a signature has to name the repository that the package came from.
    pub bind_repository: bool,
    /// Whether what is signed may leave open which package it is.
    pub unnamed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(default)]
    package: BTreeMap<Spanned<String>, Spanned<RuleTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RuleTable {
    #[serde(default)]
    require: Require,
    #[serde(default)]
    keys: Vec<Spanned<KeyTable>>,
    #[serde(default)]
    identities: Vec<Spanned<IdentityTable>>,
    #[serde(default)]
    attestations: Vec<Spanned<String>>,
    #[serde(default)]
    builder: OneOrMore,
    #[serde(default)]
    source: OneOrMore,
    capabilities: Option<Vec<Spanned<String>>>,
    licences: Option<Vec<String>>,
    min_version: Option<Version>,
    #[serde(default)]
    bind_repository: bool,
    #[serde(default)]
    unnamed: Unnamed,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Require {
    #[default]
    Signature,
    None,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Unnamed {
    #[default]
    Refuse,
    Allow,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Default for OneOrMore {
    fn default() -> Self {
        Self::More(Vec::new())
    }
}

impl OneOrMore {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::More(more) => more,
        }
    }
}

impl Policy {
    /// Reads the text of the policy at `path`; `read` gives the key files, relative paths as written.
    ///
    /// # Errors
    /// [`PolicyError`], with the place in the text.
    pub fn parse(
        text: &str,
        path: &Utf8Path,
        read: &dyn Fn(&Utf8Path) -> Result<String, FileError>,
    ) -> Result<Self, PolicyError> {
        let reader = Reader { text, path, read };
        let file: File = toml::from_str(text).map_err(|error| PolicyError::not_toml(path, text, &error))?;
        let rules = file.package.into_iter().map(|(pattern, table)| reader.rule(&pattern, table));
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }

    /// The policy that every package must be signed with this key, and nothing else.
    pub fn of_key(key: PublicKey) -> Self {
        let key = TrustedKey { key, name: None, not_before: None, not_after: None, revoked: false };
        Self::of(vec![key], Vec::new())
    }

    /// The same for an identity.
    pub fn of_identity(identity: TrustedIdentity) -> Self {
        Self::of(Vec::new(), vec![identity])
    }

    fn of(keys: Vec<TrustedKey>, identities: Vec<TrustedIdentity>) -> Self {
        Self {
            rules: vec![Rule {
                pattern: "*".to_owned(),
                signature: true,
                keys,
                identities,
                attestations: Vec::new(),
                builders: Vec::new(),
                sources: Vec::new(),
                capabilities: None,
                licences: None,
                min_version: None,
                bind_repository: false,
                unnamed: false,
            }],
        }
    }

    /// The most specific rule that fits a package: its own name, then its namespace's, then `*`.
    pub fn rule(&self, package: &PackageName) -> Option<&Rule> {
        let patterns = [package.to_string(), format!("{}:*", package.namespace), "*".to_owned()];
        patterns.iter().find_map(|pattern| self.rules.iter().find(|rule| rule.pattern == *pattern))
    }

    /// All rules.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

/// What every complaint needs.
struct Reader<'a> {
    text: &'a str,
    path: &'a Utf8Path,
    read: &'a dyn Fn(&Utf8Path) -> Result<String, FileError>,
}

impl Reader<'_> {
    fn rule(&self, pattern: &Spanned<String>, table: Spanned<RuleTable>) -> Result<Rule, PolicyError> {
        let span = table.span();
        let table = table.into_inner();
        if !is_pattern(pattern.get_ref()) {
            let message = format!("`{}` is not a pattern of package names", pattern.get_ref());
            return Err(self.invalid(pattern.span(), &message, "write `ns:name`, `ns:*` or `*`"));
        }
        if table.keys.len().max(table.identities.len()) > MAX_KEYS {
            let message = format!("more than {MAX_KEYS} keys or identities");
            return Err(self.invalid(span, &message, "leave out old ones"));
        }
        let signature = table.require == Require::Signature;
        let keys: Vec<TrustedKey> =
            table.keys.into_iter().map(|key| self.key(key)).collect::<Result<_, _>>()?;
        let identities: Vec<TrustedIdentity> =
            table.identities.into_iter().map(|one| self.identity(one)).collect::<Result<_, _>>()?;
        let mut attestations: Vec<String> =
            table.attestations.iter().map(|name| self.attestation(name)).collect::<Result<_, _>>()?;
        let (builders, sources) = (table.builder.into_vec(), table.source.into_vec());
        if !(builders.is_empty() && sources.is_empty()) {
            attestations.push(PROVENANCE.to_owned());
        }
        attestations.sort();
        attestations.dedup();
        let nobody = keys.is_empty() && identities.is_empty();
        if nobody && (signature || !attestations.is_empty()) {
            let message = format!("`{}` wants something signed and names no key", pattern.get_ref());
            let help = "add `keys = [{ path = \"their.pub\" }]` or `identities`, or say `require = \"none\"`";
            return Err(self.invalid(span, &message, help));
        }
        if keys.is_empty() && table.bind_repository {
            let message = format!("`{}` has `bind-repository` and names no key", pattern.get_ref());
            let help = "only signatures by a key name a repository: add `keys`, or take it out";
            return Err(self.invalid(span, &message, help));
        }
        let capabilities = table.capabilities.map(|names| self.capabilities(&names)).transpose()?;
        Ok(Rule {
            pattern: pattern.get_ref().clone(),
            signature,
            keys,
            identities,
            attestations,
            builders,
            sources,
            capabilities,
            licences: table.licences,
            min_version: table.min_version,
            bind_repository: table.bind_repository,
            unnamed: table.unnamed == Unnamed::Allow,
        })
    }

    fn moment(&self, date: Option<Spanned<Datetime>>, last: bool) -> Result<Option<Moment>, PolicyError> {
        let Some(date) = date else { return Ok(None) };
        let help = "write a day (`2027-01-31`), or a time with its offset (`2027-01-31T12:00:00Z`)";
        moment::of(date.get_ref(), last)
            .map(Some)
            .ok_or_else(|| self.invalid(date.span(), "this is not a moment in time", help))
    }

    fn attestation(&self, name: &Spanned<String>) -> Result<String, PolicyError> {
        let known = ATTESTATIONS.iter().map(|(short, _)| *short);
        predicate_type(name.get_ref()).map_err(|_| self.unknown(name.get_ref(), known, name.span()))
    }

    fn capabilities(&self, names: &[Spanned<String>]) -> Result<BTreeSet<Capability>, PolicyError> {
        let find = |name: &Spanned<String>| {
            let found = Capability::ALL.into_iter().find(|capability| capability.key() == name.get_ref());
            let known = Capability::ALL.iter().map(|capability| capability.key());
            found.ok_or_else(|| self.unknown(name.get_ref(), known, name.span()))
        };
        names.iter().map(find).collect()
    }

    fn unknown<'k>(
        &self,
        typed: &str,
        known: impl Iterator<Item = &'k str>,
        span: Range<usize>,
    ) -> PolicyError {
        PolicyError::unknown(self.path, self.text, typed, known, Some(span))
    }

    fn invalid(&self, span: Range<usize>, message: &str, help: &str) -> PolicyError {
        PolicyError::invalid(self.path, self.text, message, help, Some(span))
    }
}

/// The type of a statement by its short name (`cyclonedx`); an address stands for itself.
///
/// # Errors
/// [`TrustError::UnknownKind`].
pub fn predicate_type(name: &str) -> Result<String, TrustError> {
    if name.contains("://") {
        return Ok(name.to_owned());
    }
    let found = ATTESTATIONS.iter().find(|(short, _)| *short == name);
    found.map(|(_, kind)| (*kind).to_owned()).ok_or_else(|| TrustError::UnknownKind {
        kind: name.to_owned(),
        help: did_you_mean(name, ATTESTATIONS.iter().map(|(short, _)| *short)),
    })
}

/// `ns:name`, `ns:*` or `*`.
fn is_pattern(text: &str) -> bool {
    let name = text.strip_suffix(":*").map(|namespace| format!("{namespace}:x"));
    text == "*" || name.as_deref().unwrap_or(text).parse::<PackageName>().is_ok()
}

mod identity;
mod key;
#[cfg(test)]
mod tests;
