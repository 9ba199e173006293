//! Who signed without a key, and whether a rule means them.

use super::Court;
use crate::trust::keyless::{Certified, verify_certified};
use crate::trust::policy::TrustedIdentity;
use crate::trust::{Attestation, KeylessError, Signer, TrustError, Who, moment};

impl Court<'_> {
    /// What a trusted identity said in a bundle that has a certificate.
    pub(super) fn certified_statement(&self, bundle: &[u8]) -> Result<(Signer, Attestation), TrustError> {
        let mut refusal = None;
        for root in self.roots() {
            let (certified, said) = match verify_certified(bundle, self.subject.manifest, root) {
                Ok(proved) => proved,
                // Another root may know more, and what it says then tells more.
                Err(unknown @ TrustError::Keyless(KeylessError::UnknownAuthority { .. })) => {
                    refusal.get_or_insert(unknown);
                    continue;
                }
                Err(other) => {
                    refusal = Some(other);
                    continue;
                }
            };
            let identities: Vec<_> =
                self.rule.identities.iter().filter(|one| one.root.as_deref() == root).collect();
            match meant(&identities, &certified) {
                Ok(identity) => return Ok((signer(identity, certified), said)),
                Err(other) => refusal = Some(other.into()),
            }
        }
        Err(refusal.unwrap_or_else(|| TrustError::Unsigned(self.what.clone())))
    }

    /// The trusted roots of the rule's identities, each once.
    fn roots(&self) -> Vec<Option<&str>> {
        let mut roots: Vec<Option<&str>> = Vec::new();
        for identity in &self.rule.identities {
            if !roots.contains(&identity.root.as_deref()) {
                roots.push(identity.root.as_deref());
            }
        }
        roots
    }

    /// How a refusal says whom the rule trusts.
    pub(super) fn trusted_identities(&self) -> String {
        words(self.rule.identities.iter())
    }
}

fn words<'i>(identities: impl Iterator<Item = &'i TrustedIdentity>) -> String {
    let each = identities.map(|one| format!("`{}`", one.name.clone().unwrap_or(one.identity.to_string())));
    each.collect::<Vec<_>>().join(" or ")
}

/// The first of them that is meant, else the refusal of the one that is nearest to it.
fn meant<'i>(
    identities: &[&'i TrustedIdentity],
    certified: &Certified,
) -> Result<&'i TrustedIdentity, KeylessError> {
    let named: Vec<&TrustedIdentity> =
        identities.iter().copied().filter(|one| one.identity.fits(&certified.identity)).collect();
    if named.is_empty() {
        return Err(KeylessError::WrongIdentity {
            found: format!("`{}`", certified.identity),
            expected: words(identities.iter().copied()),
        });
    }
    let Some(first) = named.iter().find(|one| one.issuer == certified.issuer) else {
        let issuers: Vec<&str> = named.iter().map(|one| one.issuer.as_str()).collect();
        return Err(KeylessError::WrongIssuer {
            identity: certified.identity.clone(),
            found: certified.issuer.clone(),
            expected: issuers.join("` or `"),
        });
    };
    let in_time = |one: &&&TrustedIdentity| {
        let after = one.not_before.as_ref().is_none_or(|begin| certified.seconds >= begin.seconds);
        let before = one.not_after.as_ref().is_none_or(|end| certified.seconds <= end.seconds);
        after && before && one.issuer == certified.issuer
    };
    named.iter().find(in_time).copied().ok_or_else(|| {
        let from = first.not_before.as_ref().map(|begin| format!("from {} on", begin.text));
        let until = first.not_after.as_ref().map(|end| format!("until {}", end.text));
        KeylessError::IdentityTime {
            identity: first.name.clone().unwrap_or_else(|| certified.identity.clone()),
            when: moment::text(certified.seconds),
            bounds: from.into_iter().chain(until).collect::<Vec<_>>().join(" and "),
        }
    })
}

fn signer(identity: &TrustedIdentity, certified: Certified) -> Signer {
    let logged = Some(moment::text(certified.seconds));
    let Certified { identity: who, issuer, .. } = certified;
    Signer { who: Who::Identity { identity: who, issuer }, name: identity.name.clone(), logged }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FileError;
    use crate::trust::Policy;

    const WORKFLOW: &str = "https://git.example.com/acme/greet/release.yml@refs/tags/v1";
    const ISSUER: &str = "https://token.example.com";
    /// 2026-06-01.
    const THEN: i64 = 1_780_272_000;

    fn meant_by(identities: &str, identity: &str, issuer: &str) -> Result<Option<String>, KeylessError> {
        let text = format!("[package.\"*\"]\nidentities = [{identities}]\n");
        let absent = |path: &camino::Utf8Path| Err(FileError::NotFound(path.to_owned()));
        let policy = Policy::parse(&text, "trust.toml".into(), &absent).unwrap();
        let identities: Vec<_> = policy.rules()[0].identities.iter().collect();
        let certified = Certified { identity: identity.to_owned(), issuer: issuer.to_owned(), seconds: THEN };
        meant(&identities, &certified).map(|one| one.name.clone())
    }

    fn one(extra: &str) -> String {
        format!("{{ identity = \"https://git.example.com/acme/**\", issuer = \"{ISSUER}\"{extra} }}")
    }

    #[test]
    fn identity_and_issuer_have_to_be_right_together() {
        assert_eq!(meant_by(&one(", name = \"acme\""), WORKFLOW, ISSUER), Ok(Some("acme".to_owned())));
        let stranger = meant_by(&one(""), "https://git.example.com/evil/release.yml@refs/tags/v1", ISSUER);
        assert!(matches!(stranger, Err(KeylessError::WrongIdentity { .. })), "{stranger:?}");
        let elsewhere = meant_by(&one(""), WORKFLOW, "https://token.example.org");
        assert!(matches!(elsewhere, Err(KeylessError::WrongIssuer { .. })), "{elsewhere:?}");
        // One's identity with another's issuer is nobody.
        let two =
            format!("{{ identity = \"a@example.com\", issuer = \"https://other.example\" }}, {}", one(""));
        let crossed = meant_by(&two, WORKFLOW, "https://other.example");
        assert!(matches!(crossed, Err(KeylessError::WrongIssuer { .. })), "{crossed:?}");
        assert!(meant_by(&two, "a@example.com", "https://other.example").is_ok());
    }

    #[test]
    fn only_what_was_logged_in_time_counts() {
        for (extra, good) in [
            (", not-before = 2026-06-01, not-after = 2026-06-01", true),
            (", not-before = 2026-06-02", false),
            (", not-after = 2026-05-31", false),
        ] {
            let found = meant_by(&one(extra), WORKFLOW, ISSUER);
            assert_eq!(found.is_ok(), good, "{extra}: {found:?}");
            assert!(
                good || matches!(&found, Err(KeylessError::IdentityTime { when, .. })
                if when == "2026-06-01T00:00:00Z"),
                "{found:?}"
            );
        }
        // The same identity, trusted again later.
        let twice = format!("{}, {}", one(", not-after = 2020-01-01"), one(", not-before = 2026-01-01"));
        assert!(meant_by(&twice, WORKFLOW, ISSUER).is_ok());
    }
}
