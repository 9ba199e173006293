//! What a policy wants beyond a signature: statements, where it was built from and by whom, what it can do, its licence.

use super::Court;
use crate::trust::policy::Rule;
use crate::trust::{Attestation, CYCLONEDX, PROVENANCE, TrustError, licence, statement};

impl Court<'_> {
    pub(super) fn check_attestations(&self, said: &[Attestation]) -> Result<(), TrustError> {
        let missing = self
            .rule
            .attestations
            .iter()
            .find(|wanted| !said.iter().any(|said| said.predicate_type == **wanted));
        match missing {
            Some(kind) => {
                Err(TrustError::NoAttestation { package: self.subject.id.to_string(), kind: kind.clone() })
            }
            None => Ok(()),
        }
    }

    /// Whether one provenance names an allowed builder and an allowed source.
    pub(super) fn check_origin(&self, said: &[Attestation]) -> Result<(), TrustError> {
        let Rule { builders, sources, .. } = self.rule;
        if builders.is_empty() && sources.is_empty() {
            return Ok(());
        }
        let mut refusal = None;
        for provenance in said.iter().filter(|said| said.predicate_type == PROVENANCE) {
            let builder = provenance.predicate["runDetails"]["builder"]["id"].as_str().unwrap_or_default();
            let found = statement::origins(&provenance.predicate);
            if !builders.is_empty() && !builders.iter().any(|allowed| allowed == builder) {
                refusal.get_or_insert(TrustError::WrongBuilder {
                    found: builder.to_owned(),
                    allowed: builders.join("`, `"),
                });
            } else if !sources.is_empty()
                && !sources.iter().any(|allowed| found.contains(&statement::place(allowed)))
            {
                refusal.get_or_insert(TrustError::WrongSource {
                    found: found.into_iter().collect::<Vec<_>>().join("`, `"),
                    allowed: sources.join("`, `"),
                });
            } else {
                return Ok(());
            }
        }
        Err(refusal.unwrap_or_else(|| TrustError::NoAttestation {
            package: self.subject.id.to_string(),
            kind: PROVENANCE.to_owned(),
        }))
    }

    pub(super) fn check_capabilities(&self) -> Result<(), TrustError> {
        let Some(allowed) = &self.rule.capabilities else { return Ok(()) };
        let refused: Vec<&str> =
            self.subject.capabilities.difference(allowed).map(|capability| capability.key()).collect();
        if refused.is_empty() {
            return Ok(());
        }
        let package = self.subject.id.to_string();
        Err(TrustError::Capability { package, found: refused.join("`, `"), rule: self.rule.pattern.clone() })
    }

    /// Its own licence, and every one that a bill of materials tells of what is inside.
    pub(super) fn check_licence(&self, said: &[Attestation]) -> Result<(), TrustError> {
        let Some(allowed) = &self.rule.licences else { return Ok(()) };
        let own = self.subject.licence.as_deref().unwrap_or_default();
        let lists = said.iter().filter(|said| said.predicate_type == CYCLONEDX);
        let inside = lists.flat_map(|list| statement::licences(&list.predicate));
        for found in std::iter::once(own.to_owned()).chain(inside) {
            if !licence::allows(allowed, &found)? {
                return Err(TrustError::Licence { found, allowed: allowed.join(", ") });
            }
        }
        Ok(())
    }
}
