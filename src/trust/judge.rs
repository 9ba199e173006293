//! Whether a package may be used: what is signed and said about it, against a [`Policy`].
//!
//! Fails closed. Whoever attaches things to a package may be hostile, so what cannot be read or does not
//! verify counts as not there, and only decides what the refusal says. One good signature is enough,
//! whatever stands beside it.

use std::collections::BTreeSet;

use semver::Version;
use serde::Serialize;

use super::bundle::has_certificate;
use super::policy::{Policy, Rule, TrustedKey};
use super::{
    Attestation, KEYLESS, KeylessError, SIGNED, Signer, Simple, TrustError, Who, verify_attestation,
    verify_simple,
};
use crate::digest::Digest;
use crate::host::Capability;
use crate::name::{PackageId, PackageName};

/// What is judged. Everything but `id` and `repository` was read from the package itself.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// What was asked for.
    pub id: &'a PackageId,
    /// The digest of its manifest.
    pub manifest: Digest,
    /// What its manifest calls it, when that is a package's name.
    pub name: Option<PackageName>,
    /// The version that its manifest says it has.
    pub version: Option<Version>,
    /// Where it comes from, as signatures name it: `HOST/PREFIX/NAMESPACE/NAME`.
    pub repository: String,
    /// What its imports make it able to do.
    pub capabilities: BTreeSet<Capability>,
    /// Its licence, as it says itself.
    pub licence: Option<String>,
}

/// What stands beside it.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Sigstore bundles.
    pub bundles: Vec<Vec<u8>>,
    /// Signatures in cosign's older form.
    pub simple: Vec<Simple>,
}

/// Why it may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The pattern of the rule that it was judged by.
    pub rule: String,
    /// Who signed it; nobody had to where this is missing.
    pub signer: Option<Signer>,
    /// The types of the statements that somebody trusted made about it.
    pub attestations: Vec<String>,
}

/// Judges a package at the time `now` (seconds since 1970). `floor` is the highest version of it that was
/// verified before: nothing older is taken.
///
/// # Errors
/// The first thing that the policy does not allow, each with a code of its own.
pub fn judge(
    policy: &Policy,
    subject: &Subject<'_>,
    evidence: &Evidence,
    floor: Option<&Version>,
    now: i64,
) -> Result<Verdict, TrustError> {
    let rule = rule(policy, &subject.id.name)?;
    let court = Court { rule, subject, what: subject.id.to_string(), now };
    let signer = match rule.signature {
        true => Some(court.signer(evidence)?),
        false => None,
    };
    court.check_name()?;
    court.check_version(floor)?;
    let said = court.statements(&evidence.bundles);
    court.check_attestations(&said)?;
    court.check_origin(&said)?;
    court.check_capabilities()?;
    court.check_licence(&said)?;
    let mut attestations: Vec<String> = said.into_iter().map(|said| said.predicate_type).collect();
    attestations.retain(|kind| kind != SIGNED);
    attestations.sort();
    attestations.dedup();
    Ok(Verdict { rule: rule.pattern.clone(), signer, attestations })
}

/// Who signed something that belongs to the package `id` without being it, such as the list of its parts; `what`
/// is its name in refusals. Nobody where the policy does not ask for signatures.
///
/// # Errors
/// As [`judge`], for its signature alone.
pub fn judge_belonging(
    policy: &Policy,
    id: &PackageId,
    what: &str,
    manifest: Digest,
    evidence: &Evidence,
    now: i64,
) -> Result<Option<Signer>, TrustError> {
    let rule = rule(policy, &id.name)?;
    if !rule.signature {
        return Ok(None);
    }
    let rule = &Rule { unnamed: true, bind_repository: false, ..rule.clone() };
    let subject = &belonging(id, manifest);
    Court { rule, subject, what: what.to_owned(), now }.signer(evidence).map(Some)
}

/// All that keys and identities which are trusted now said about the manifest of the package `id`.
///
/// # Errors
/// [`TrustError::NoRule`].
pub fn statements(
    policy: &Policy,
    id: &PackageId,
    manifest: Digest,
    evidence: &Evidence,
    now: i64,
) -> Result<Vec<Attestation>, TrustError> {
    let rule = rule(policy, &id.name)?;
    let court = Court { rule, subject: &belonging(id, manifest), what: id.to_string(), now };
    Ok(court.statements(&evidence.bundles))
}

/// The rule that a package is judged by.
fn rule<'p>(policy: &'p Policy, package: &PackageName) -> Result<&'p Rule, TrustError> {
    let rule = policy.rule(package).ok_or_else(|| TrustError::NoRule { package: package.to_string() })?;
    // Also where a key might do: what is trusted must not depend on how jointer was built.
    if !KEYLESS && !rule.identities.is_empty() {
        let what = format!("`identities` under `[package.\"{}\"]` in the policy", rule.pattern);
        return Err(KeylessError::NotBuiltIn { what }.into());
    }
    Ok(rule)
}

/// Something that has no name of its own that could be signed.
fn belonging(id: &PackageId, manifest: Digest) -> Subject<'_> {
    Subject {
        id,
        manifest,
        name: None,
        version: None,
        repository: String::new(),
        capabilities: BTreeSet::new(),
        licence: None,
    }
}

struct Court<'a> {
    rule: &'a Rule,
    subject: &'a Subject<'a>,
    /// What refusals call it.
    what: String,
    now: i64,
}

impl Court<'_> {
    /// Who signed it. Without anybody, the most telling refusal.
    fn signer(&self, evidence: &Evidence) -> Result<Signer, TrustError> {
        let bundles = evidence.bundles.iter().map(|bundle| self.bundle_signer(bundle));
        let simple = evidence.simple.iter().map(|simple| self.simple_signer(simple));
        let mut refusals = Vec::new();
        let mut signer = None;
        // All of them where the repository counts, because only the older form names it.
        let mut bound = !self.rule.bind_repository;
        for verdict in bundles.chain(simple) {
            match verdict {
                Ok((found, names_repository)) => {
                    bound |= names_repository;
                    signer.get_or_insert(found);
                }
                Err(refusal) => refusals.push(refusal),
            }
            if bound && let Some(signer) = signer.take() {
                return Ok(signer);
            }
        }
        if signer.is_some() {
            return Err(TrustError::AnotherRepository {
                package: self.subject.id.to_string(),
                repository: self.subject.repository.clone(),
            });
        }
        refusals.sort_by_key(telling);
        let refusal = refusals.into_iter().next();
        Err(refusal.unwrap_or_else(|| TrustError::Unsigned(self.what.clone())))
    }

    fn bundle_signer(&self, bundle: &[u8]) -> Result<(Signer, bool), TrustError> {
        let (signer, said) = self.trusted_statement(bundle)?;
        if said.predicate_type != SIGNED {
            let what = self.what.clone();
            return Err(TrustError::OnlyAttested { what, predicate: said.predicate_type });
        }
        self.check_signed_name(&said)?;
        Ok((signer, false))
    }

    fn simple_signer(&self, simple: &Simple) -> Result<(Signer, bool), TrustError> {
        let mut refusal = TrustError::BadSignature;
        for key in &self.rule.keys {
            match verify_simple(simple, self.subject.manifest, &key.key) {
                Ok(repository) => {
                    self.check_key(key)?;
                    // This form says nothing of the version, so the manifest has to.
                    if !self.names_itself() && !self.rule.unnamed {
                        return Err(self.unnamed());
                    }
                    return Ok((signer(key), repository == self.subject.repository));
                }
                Err(TrustError::BadSignature) => {}
                Err(other) => refusal = other,
            }
        }
        Err(refusal)
    }

    /// What a trusted key, valid now, or a trusted identity said in a bundle.
    fn trusted_statement(&self, bundle: &[u8]) -> Result<(Signer, Attestation), TrustError> {
        let certified = !self.rule.identities.is_empty() && has_certificate(bundle);
        let mut foreign = TrustError::Unsigned(self.what.clone());
        if self.rule.keys.is_empty() && !certified {
            let (found, expected) = ("a key".to_owned(), self.trusted_identities());
            foreign = KeylessError::WrongIdentity { found, expected }.into();
        }
        for key in &self.rule.keys {
            match verify_attestation(bundle, self.subject.manifest, &key.key) {
                Ok(said) => return self.check_key(key).map(|()| (signer(key), said)),
                // Perhaps it is one of the other keys'.
                Err(TrustError::AnotherKey { found, .. }) => {
                    let keys = self.rule.keys.iter().map(|key| key.key.fingerprint());
                    let expected = keys.collect::<Vec<_>>().join("`, `");
                    foreign = TrustError::AnotherKey { expected, found };
                }
                Err(other) => return Err(other),
            }
        }
        match certified {
            true => self.certified_statement(bundle),
            false => Err(foreign),
        }
    }

    fn check_key(&self, key: &TrustedKey) -> Result<(), TrustError> {
        let called = || key.name.clone().unwrap_or_else(|| key.key.fingerprint());
        if key.revoked {
            return Err(TrustError::KeyRevoked { key: called() });
        }
        if let Some(end) = key.not_after.as_ref().filter(|end| self.now > end.seconds) {
            return Err(TrustError::KeyExpired { key: called(), when: end.text.clone() });
        }
        if let Some(begin) = key.not_before.as_ref().filter(|begin| self.now < begin.seconds) {
            return Err(TrustError::KeyNotYetValid { key: called(), when: begin.text.clone() });
        }
        Ok(())
    }

    /// Whether what is signed is what was asked for: the signature of another version is good too.
    fn check_signed_name(&self, said: &Attestation) -> Result<(), TrustError> {
        let signed = said.name.as_ref().and_then(|name| name.parse::<PackageId>().ok());
        match signed {
            Some(signed) if signed == *self.subject.id => Ok(()),
            Some(signed) => Err(self.another_package(signed.to_string())),
            None if self.names_itself() || self.rule.unnamed => Ok(()),
            None => Err(self.unnamed()),
        }
    }

    /// Whether the manifest, whose digest is signed, says which version of what it is.
    fn names_itself(&self) -> bool {
        self.subject.name.is_some() && self.subject.version.is_some()
    }

    fn check_name(&self) -> Result<(), TrustError> {
        let Subject { id, name, version, .. } = self.subject;
        let other_name = name.as_ref().is_some_and(|name| *name != id.name);
        let other_version = version.as_ref().is_some_and(|version| *version != id.version);
        if !(other_name || other_version) {
            return Ok(());
        }
        let name = name.as_ref().unwrap_or(&id.name);
        let version = version.as_ref().unwrap_or(&id.version);
        Err(self.another_package(format!("{name}@{version}")))
    }

    fn another_package(&self, found: String) -> TrustError {
        TrustError::AnotherPackage { asked: self.subject.id.to_string(), found }
    }

    fn unnamed(&self) -> TrustError {
        TrustError::Unnamed { package: self.subject.id.to_string(), rule: self.rule.pattern.clone() }
    }

    fn check_version(&self, floor: Option<&Version>) -> Result<(), TrustError> {
        let id = self.subject.id;
        if let Some(floor) = floor.filter(|floor| id.version < **floor) {
            return Err(TrustError::RolledBack { package: id.to_string(), floor: floor.to_string() });
        }
        match self.rule.min_version.as_ref().filter(|least| id.version < **least) {
            Some(least) => Err(TrustError::TooOld { package: id.to_string(), least: least.to_string() }),
            None => Ok(()),
        }
    }

    /// All that trusted keys said about it.
    fn statements(&self, bundles: &[Vec<u8>]) -> Vec<Attestation> {
        bundles.iter().filter_map(|bundle| Some(self.trusted_statement(bundle).ok()?.1)).collect()
    }
}

fn signer(key: &TrustedKey) -> Signer {
    Signer { who: Who::holds(&key.key), name: key.name.clone(), logged: None }
}

/// The smaller, the more it tells of why nothing else was good enough.
fn telling(refusal: &TrustError) -> u8 {
    match refusal {
        TrustError::KeyRevoked { .. } => 0,
        TrustError::AnotherPackage { .. } | TrustError::Unnamed { .. } => 1,
        TrustError::KeyExpired { .. } | TrustError::KeyNotYetValid { .. } => 2,
        TrustError::AnotherSubject { .. } => 3,
        TrustError::Keyless(KeylessError::UnknownAuthority { .. }) => 4,
        TrustError::Keyless(_) => 3,
        TrustError::AnotherKey { .. } => 4,
        // The older form does not name its key, so this can be anybody's.
        TrustError::BadSignature => 5,
        TrustError::OnlyAttested { .. } => 6,
        _ => 7,
    }
}

mod beyond;
mod certified;
#[cfg(test)]
mod tests;
