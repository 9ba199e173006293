//! Every way of not being trusted has its code, and none of them hides a good signature.

use serde_json::{Value, json};

use super::*;
use crate::trust::{self, CYCLONEDX, KeyPair, PROVENANCE, PublicKey};

/// 2026-01-01.
const NOW: i64 = 1_767_225_600;

/// A package and who signs it; each test changes what it is about.
struct Case {
    key: KeyPair,
    id: PackageId,
    subject: PackageId,
    named: bool,
    capabilities: BTreeSet<Capability>,
    licence: Option<String>,
    evidence: Evidence,
    floor: Option<Version>,
    rule: String,
    key_extra: String,
}

fn id(text: &str) -> PackageId {
    text.parse().unwrap()
}

fn digest() -> Digest {
    Digest::of(b"manifest")
}

impl Case {
    fn new() -> Self {
        Self {
            key: KeyPair::generate(),
            id: id("acme:greet@1.2.0"),
            subject: id("acme:greet@1.2.0"),
            named: true,
            capabilities: BTreeSet::new(),
            licence: None,
            evidence: Evidence::default(),
            floor: None,
            rule: String::new(),
            key_extra: String::new(),
        }
    }

    fn signed() -> Self {
        let mut case = Self::new();
        case.evidence.bundles.push(trust::sign(digest(), &case.key));
        case
    }

    fn rule(mut self, rule: &str) -> Self {
        self.rule = rule.to_owned();
        self
    }

    fn attested(mut self, kind: &str, predicate: &Value) -> Self {
        self.evidence.bundles.push(trust::attest(digest(), kind, predicate, &self.key));
        self
    }

    fn judge(&self) -> Result<Verdict, TrustError> {
        let keys = format!(
            "keys = [{{ spki = \"{}\" }}, {{ path = \"key\", name = \"acme\"{} }}]\n",
            spki(&KeyPair::generate().public()),
            self.key_extra
        );
        let text = format!("[package.\"acme:*\"]\n{keys}{}", self.rule);
        let pem = self.key.public().to_pem();
        let policy = Policy::parse(&text, "trust.toml".into(), &|_| Ok(pem.clone())).unwrap();
        let subject = Subject {
            id: &self.id,
            manifest: digest(),
            name: self.named.then(|| self.subject.name.clone()),
            version: self.named.then(|| self.subject.version.clone()),
            repository: "registry.example/acme/greet".to_owned(),
            capabilities: self.capabilities.clone(),
            licence: self.licence.clone(),
        };
        judge(&policy, &subject, &self.evidence, self.floor.as_ref(), NOW)
    }

    #[track_caller]
    fn refused(&self, code: &str) {
        use miette::Diagnostic as _;
        let refusal = self.judge().expect_err(code);
        assert_eq!(refusal.code().unwrap().to_string(), format!("trust::{code}"), "{refusal}");
    }
}

fn spki(key: &PublicKey) -> String {
    key.to_pem().lines().filter(|line| !line.starts_with("-----")).collect()
}

#[test]
fn one_good_signature_in_either_form_is_enough() {
    let bundle = Case::signed();
    let verdict = bundle.judge().unwrap();
    assert_eq!(verdict.rule, "acme:*");
    let signer = verdict.signer.unwrap();
    assert_eq!((signer.who, signer.name.as_deref()), (Who::holds(&bundle.key.public()), Some("acme")));
    let mut simple = Case::new();
    simple.evidence.simple.push(trust::sign_simple(digest(), "x", &simple.key));
    assert!(simple.judge().is_ok());
    // Whatever else somebody attached.
    let mut crowd = Case::signed();
    let stranger = KeyPair::generate();
    crowd.evidence.bundles.insert(0, trust::sign(digest(), &stranger));
    crowd.evidence.bundles.insert(0, b"junk".to_vec());
    crowd.evidence.bundles.insert(0, trust::sign(Digest::of(b"else"), &crowd.key));
    crowd.evidence.simple.push(Simple { payload: vec![0], signature: "!".to_owned() });
    assert!(crowd.judge().is_ok());
}

#[test]
fn without_a_good_signature_the_most_telling_reason_is_given() {
    Case::new().refused("unsigned");
    let stranger = KeyPair::generate();
    let mut case = Case::new();
    case.evidence.bundles.push(b"junk".to_vec());
    case.refused("malformed");
    case.evidence.bundles.push(trust::attest(digest(), PROVENANCE, &json!({}), &case.key));
    case.refused("only_attested");
    case.evidence.simple.push(trust::sign_simple(digest(), "x", &stranger));
    case.refused("bad_signature");
    case.evidence.bundles.push(trust::sign(digest(), &stranger));
    case.refused("another_key");
    case.evidence.bundles.push(trust::sign(Digest::of(b"else"), &case.key));
    case.refused("another_subject");
    let mut grafted = Case::new();
    grafted.evidence.simple.push(trust::sign_simple(Digest::of(b"else"), "x", &grafted.key));
    grafted.refused("another_subject");
}

#[test]
fn an_old_version_under_a_new_name_is_refused() {
    let mut moved = Case::signed();
    moved.subject = id("acme:greet@1.0.0");
    moved.refused("another_package");
    moved.subject = id("acme:other@1.2.0");
    moved.refused("another_package");
    // A package that does not say what it is: then the signature has to.
    let mut bare = Case::signed();
    bare.named = false;
    bare.refused("unnamed");
    bare = bare.rule("unnamed = \"allow\"\n");
    assert!(bare.judge().is_ok());
    let mut simple = Case::new();
    simple.named = false;
    simple.evidence.simple.push(trust::sign_simple(digest(), "x", &simple.key));
    simple.refused("unnamed");
    let mut told = Case::new();
    told.named = false;
    told.evidence.bundles.push(trust::sign_package(digest(), &id("acme:greet@1.2.0"), &told.key));
    assert!(told.judge().is_ok());
    told.id = id("acme:greet@1.3.0");
    told.refused("another_package");
}

#[test]
fn nothing_older_than_before_or_than_wanted() {
    let mut case = Case::signed();
    case.floor = Some(Version::new(1, 2, 0));
    assert!(case.judge().is_ok());
    case.floor = Some(Version::new(1, 2, 1));
    case.refused("rolled_back");
    Case::signed().rule("min-version = \"1.2.1\"\n").refused("too_old");
    assert!(Case::signed().rule("min-version = \"1.2.0\"\n").judge().is_ok());
}

#[test]
fn a_key_counts_only_in_its_time() {
    let with = |extra: &str| Case { key_extra: extra.to_owned(), ..Case::signed() };
    assert!(with(", not-before = 2026-01-01, not-after = 2026-01-01").judge().is_ok());
    with(", not-after = 2025-12-31").refused("key_expired");
    with(", not-before = 2026-01-02").refused("key_not_yet_valid");
    with(", revoked = true").refused("key_revoked");
    // Its attestations do not count either.
    let attested = with(", revoked = true").attested(PROVENANCE, &json!({}));
    attested.rule("attestations = [\"slsa-provenance-v1\"]\n").refused("key_revoked");
    // Another good key is enough.
    let mut two = with(", revoked = true");
    let other = KeyPair::generate();
    two.evidence.bundles.push(trust::sign(digest(), &other));
    two.refused("key_revoked");
    two.key_extra += &format!(" }}, {{ spki = \"{}\"", spki(&other.public()));
    assert!(two.judge().is_ok());
}

#[test]
fn wanted_statements_have_to_be_there_and_right() {
    let both = "attestations = [\"slsa-provenance-v1\", \"cyclonedx\"]\n";
    Case::signed().rule(both).refused("no_attestation");
    Case::signed().rule(both).attested(PROVENANCE, &json!({})).refused("no_attestation");
    let case = Case::signed().rule(both).attested(PROVENANCE, &json!({})).attested(CYCLONEDX, &json!({}));
    assert_eq!(case.judge().unwrap().attestations, [CYCLONEDX, PROVENANCE]);
    let mut forged = Case::signed().rule("attestations = [\"cyclonedx\"]\n");
    forged.evidence.bundles.push(trust::attest(digest(), CYCLONEDX, &json!({}), &KeyPair::generate()));
    forged.refused("no_attestation");
    let mut other = Case::signed().rule("attestations = [\"cyclonedx\"]\n");
    other.evidence.bundles.push(trust::attest(Digest::of(b"else"), CYCLONEDX, &json!({}), &other.key));
    other.refused("no_attestation");
}

#[test]
fn builder_and_source_are_those_of_one_provenance() {
    let provenance = |builder: &str, source: &str| {
        json!({
            "buildDefinition": { "resolvedDependencies": [{ "uri": source }] },
            "runDetails": { "builder": { "id": builder } },
        })
    };
    let wanted = "builder = \"https://ci.example/a\"\nsource = \"https://git.example/greet\"\n";
    let case = |builder: &str, source: &str| {
        Case::signed().rule(wanted).attested(PROVENANCE, &provenance(builder, source))
    };
    let good = ("https://ci.example/a", "git+https://git.example/greet.git@refs/tags/v1");
    assert!(case(good.0, good.1).judge().is_ok());
    Case::signed().rule(wanted).refused("no_attestation");
    case("https://ci.example/ab", good.1).refused("wrong_builder");
    case(good.0, "https://git.example/other").refused("wrong_source");
    let halves = case("x", good.1).attested(PROVENANCE, &provenance(good.0, "y"));
    halves.refused("wrong_builder");
    assert!(halves.attested(PROVENANCE, &provenance(good.0, good.1)).judge().is_ok());
    Case::signed().rule(wanted).attested(PROVENANCE, &json!("x")).refused("wrong_builder");
}

#[test]
fn capabilities_and_licences_are_those_allowed() {
    let mut case = Case::signed().rule("capabilities = [\"outbound\"]\n");
    assert!(case.judge().is_ok());
    case.capabilities = [Capability::Outbound].into();
    assert!(case.judge().is_ok());
    case.capabilities.insert(Capability::Files);
    case.refused("capability");
    let mut case = Case::signed().rule("licences = [\"MIT\"]\n");
    case.refused("licence");
    case.licence = Some("GPL-3.0-only".to_owned());
    case.refused("licence");
    case.licence = Some("MIT OR GPL-3.0-only".to_owned());
    assert!(case.judge().is_ok());
    let list = json!({ "components": [{ "licenses": [{ "license": { "id": "GPL-3.0-only" } }] }] });
    case.attested(CYCLONEDX, &list).refused("licence");
}

#[test]
fn the_repository_counts_where_the_policy_says_so() {
    let mut case = Case::signed().rule("bind-repository = true\n");
    case.refused("another_repository");
    case.evidence.simple.push(trust::sign_simple(digest(), "registry.example/acme/else", &case.key));
    case.refused("another_repository");
    case.evidence.simple.push(trust::sign_simple(digest(), "registry.example/acme/greet", &case.key));
    assert!(case.judge().is_ok());
    case.evidence.bundles.clear();
    assert!(case.judge().is_ok(), "the older form alone");
}

#[test]
fn what_no_rule_fits_is_refused_and_none_is_said_aloud() {
    let mut case = Case::signed();
    case.id = id("other:greet@1.2.0");
    case.refused("no_rule");
    let open = Case::new().rule("require = \"none\"\nmin-version = \"1.0.0\"\n");
    assert_eq!(open.judge().unwrap().signer, None);
    let mut open = Case::new().rule("require = \"none\"\n");
    open.subject = id("acme:greet@1.0.0");
    open.refused("another_package");
}

#[test]
fn a_policy_that_wants_an_identity_is_not_met_by_a_key() {
    let identities =
        "identities = [{ identity = \"acme@example.com\", issuer = \"https://token.example\" }]\n";
    // The keys of the policy are trusted beside it.
    let judged = Case::signed().rule(identities).judge();
    let text = format!("[package.\"*\"]\n{identities}");
    let absent = |path: &camino::Utf8Path| Err(crate::error::FileError::NotFound(path.to_owned()));
    let policy = Policy::parse(&text, "trust.toml".into(), &absent).unwrap();
    let (key, id) = (KeyPair::generate(), id("acme:greet@1.2.0"));
    let evidence = Evidence { bundles: vec![trust::sign_package(digest(), &id, &key)], simple: Vec::new() };
    let alone = judge(&policy, &belonging(&id, digest()), &evidence, None, NOW);
    match KEYLESS {
        true => {
            assert!(judged.is_ok(), "{judged:?}");
            assert!(
                matches!(alone, Err(TrustError::Keyless(KeylessError::WrongIdentity { .. }))),
                "{alone:?}"
            );
        }
        // However it was built, it never takes one rule for another.
        false => {
            for refused in [judged, alone] {
                let refused = refused.unwrap_err();
                assert!(
                    matches!(refused, TrustError::Keyless(KeylessError::NotBuiltIn { .. })),
                    "{refused:?}"
                );
            }
            let policy = Policy::of_identity(policy.rules()[0].identities[0].clone());
            assert!(judge_belonging(&policy, &id, "it", digest(), &evidence, NOW).is_err());
            assert!(statements(&policy, &id, digest(), &evidence, NOW).is_err());
        }
    }
}

#[test]
fn a_key_in_the_policy_is_not_met_by_an_identity() {
    let mut case = Case::signed();
    let mut bundle: Value = serde_json::from_slice(&case.evidence.bundles[0]).unwrap();
    bundle["verificationMaterial"] = json!({ "certificate": { "rawBytes": "AAAA" } });
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = json!("AAAA");
    case.evidence.bundles = vec![serde_json::to_vec(&bundle).unwrap()];
    let refused = case.judge();
    assert!(
        matches!(&refused, Err(TrustError::AnotherKey { found, .. }) if found == "an identity"),
        "{refused:?}"
    );
}
