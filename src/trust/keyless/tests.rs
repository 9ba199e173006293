//! A bundle that jointer signed against `tests/peers/keyless/mock.js`, and what becomes of it when it is changed. Its
//! proofs say when that was, so it stays good.

use serde_json::{Value, json};

use super::*;
use crate::trust::{Policy, SIGNED, TrustedIdentity};

const BUNDLE: &[u8] = include_bytes!("samples/bundle.json");
const ROOT: &str = include_str!("samples/trusted_root.json");
const WORKFLOW: &str = "https://git.example.com/acme/greet/.ci/release.yml@refs/tags/v1.0.0";
const ISSUER: &str = "https://token.example.com";

type Verified = Result<(Certified, Attestation), TrustError>;

fn manifest() -> Digest {
    "sha256:cc205ee082c8d342a9a9db656f90e132233d659f9895c35a22ffa4d69c88528e".parse().unwrap()
}

fn verify(bundle: &[u8]) -> Verified {
    verify_certified(bundle, manifest(), Some(ROOT))
}

fn changed(change: impl FnOnce(&mut Value)) -> Verified {
    let mut bundle = serde_json::from_slice(BUNDLE).unwrap();
    change(&mut bundle);
    verify(&serde_json::to_vec(&bundle).unwrap())
}

fn code(verified: Verified) -> String {
    let error = verified.expect_err("refused");
    miette::Diagnostic::code(&error).map(|code| code.to_string()).unwrap_or_default()
}

#[test]
fn a_bundle_proves_who_signed_what_and_when() {
    let (certified, said) = verify(BUNDLE).unwrap();
    let expected =
        Certified { identity: WORKFLOW.to_owned(), issuer: ISSUER.to_owned(), seconds: 1_795_285_474 };
    assert_eq!(certified, expected);
    assert_eq!((said.predicate_type.as_str(), said.name.as_deref()), (SIGNED, Some("acme:greet@1.0.0")));
}

#[test]
fn a_policy_decides_about_it() {
    let judged = |identity: &str, asked: &str| {
        let identity = TrustedIdentity::new(identity, ISSUER, Some(ROOT.to_owned())).unwrap();
        let evidence = crate::trust::Evidence { bundles: vec![BUNDLE.to_vec()], simple: Vec::new() };
        let id = asked.parse().unwrap();
        let subject = crate::trust::Subject {
            id: &id,
            manifest: manifest(),
            name: None,
            version: None,
            repository: String::new(),
            capabilities: Default::default(),
            licence: None,
        };
        crate::trust::judge(&Policy::of_identity(identity), &subject, &evidence, None, 0)
    };
    let verdict = judged("https://git.example.com/acme/*/.ci/release.yml@refs/tags/*", "acme:greet@1.0.0");
    let signer = verdict.unwrap().signer.unwrap();
    assert_eq!(signer.who.to_string(), format!("{WORKFLOW} ({ISSUER})"));
    assert_eq!(signer.logged.as_deref(), Some("2026-11-21T18:24:34Z"));
    let stranger = judged("https://git.example.com/evil/**", "acme:greet@1.0.0");
    assert!(matches!(stranger, Err(TrustError::Keyless(KeylessError::WrongIdentity { .. }))), "{stranger:?}");
    // It was signed as another version.
    let rolled = judged(WORKFLOW, "acme:greet@2.0.0");
    assert!(matches!(rolled, Err(TrustError::AnotherPackage { .. })), "{rolled:?}");
}

#[test]
fn what_is_missing_or_elses_has_its_code() {
    let material = |bundle: &mut Value| bundle["verificationMaterial"].take();
    for (change, expected) in [
        ((|b| b["verificationMaterial"]["tlogEntries"] = json!([])) as fn(&mut Value), "trust::not_logged"),
        (
            |b| drop(b["verificationMaterial"].as_object_mut().unwrap().remove("tlogEntries")),
            "trust::not_logged",
        ),
        (|b| b["verificationMaterial"]["tlogEntries"][0]["integratedTime"] = json!("1"), "trust::not_logged"),
        (
            |b| b["verificationMaterial"]["tlogEntries"][0]["inclusionProof"] = Value::Null,
            "trust::not_logged",
        ),
        (
            |b| b["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"] = Value::Null,
            "trust::not_logged",
        ),
        (|b| b["dsseEnvelope"]["payloadType"] = json!("text/plain"), "trust::malformed"),
        (|b| b["mediaType"] = json!("text/plain"), "trust::malformed"),
        (|b| b["verificationMaterial"]["certificate"]["rawBytes"] = json!("AAAA"), "trust::malformed"),
    ] {
        assert_eq!(code(changed(change)), expected);
    }
    let many = |b: &mut Value| {
        let entry = b["verificationMaterial"]["tlogEntries"][0].clone();
        b["verificationMaterial"]["tlogEntries"] = json!(vec![entry; 17]);
    };
    assert_eq!(code(changed(many)), "trust::malformed");
    assert_eq!(code(changed(|b| drop(material(b)))), "trust::malformed");
    assert_eq!(code(verify_certified(BUNDLE, Digest::of(b"else"), Some(ROOT))), "trust::another_subject");
    // The public Sigstore had no part in it.
    assert_eq!(code(verify_certified(BUNDLE, manifest(), None)), "trust::unknown_authority");
    for root in ["", "{}", &ROOT.replace("rawBytes\":\"M", "rawBytes\":\"A")] {
        assert_eq!(code(verify_certified(BUNDLE, manifest(), Some(root))), "trust::invalid_root");
    }
}

#[test]
fn no_flipped_bit_makes_it_say_something_else() {
    let good = verify(BUNDLE).unwrap();
    let envelope = String::from_utf8_lossy(BUNDLE).find("dsseEnvelope").unwrap();
    for at in 0..BUNDLE.len() {
        let mut bundle = BUNDLE.to_vec();
        bundle[at] ^= 0x01;
        match verify(&bundle) {
            Ok(verified) => assert!(verified == good && at < envelope, "byte {at}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn nothing_can_be_left_out_that_changes_what_it_says() {
    fn members(value: &Value, path: &str, found: &mut Vec<String>) {
        let inner: Vec<(String, &Value)> = match value {
            Value::Object(object) => object.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Value::Array(array) => {
                array.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect()
            }
            _ => Vec::new(),
        };
        for (key, value) in inner {
            let path = format!("{path}/{key}");
            members(value, &path, found);
            found.push(path);
        }
    }
    let good = verify(BUNDLE).unwrap();
    let mut all = Vec::new();
    members(&serde_json::from_slice(BUNDLE).unwrap(), "", &mut all);
    assert!(all.len() > 20, "{all:?}");
    for path in &all {
        for value in [Value::Null, json!(""), json!([]), json!({}), json!(-1), json!("AAAA")] {
            let verified = changed(|bundle| *bundle.pointer_mut(path).unwrap() = value.clone());
            assert!(verified.is_err() || verified == Ok(good.clone()), "{path} as {value}");
        }
    }
}
