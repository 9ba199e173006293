//! Bundles that verify, and all the ways in which they do not.

use super::*;

const MANIFEST: &[u8] = b"{}";

#[test]
fn a_signature_verifies_with_its_key_and_subject_only() {
    let (key, other) = (KeyPair::generate(), KeyPair::generate());
    let manifest = Digest::of(MANIFEST);
    let bundle = sign(manifest, &key);
    assert_eq!(verify(&bundle, manifest, &key.public()), Ok(()));
    assert_eq!(bundle, sign(manifest, &key), "the same bytes each time");
    assert!(matches!(verify(&bundle, manifest, &other.public()), Err(TrustError::AnotherKey { .. })));
    let another = verify(&bundle, Digest::of(b"else"), &key.public());
    assert!(matches!(another, Err(TrustError::AnotherSubject { .. })));
}

#[test]
fn an_attestation_is_not_a_signature() {
    let key = KeyPair::generate();
    let manifest = Digest::of(MANIFEST);
    let bundle = attest(manifest, "https://slsa.dev/provenance/v1", &json!({}), &key);
    let refused = verify(&bundle, manifest, &key.public());
    assert!(matches!(refused, Err(TrustError::OnlyAttested { .. })));
}

#[test]
fn an_attestation_gives_back_what_was_said() {
    let key = KeyPair::generate();
    let manifest = Digest::of(MANIFEST);
    let predicate = json!({ "bomFormat": "CycloneDX" });
    let bundle = attest(manifest, CYCLONEDX, &predicate, &key);
    let said = verify_attestation(&bundle, manifest, &key.public()).unwrap();
    assert_eq!(said, Attestation { predicate_type: CYCLONEDX.to_owned(), predicate, name: None });
    let id = "acme:greet@1.0.0".parse().unwrap();
    let said = verify_attestation(&sign_package(manifest, &id, &key), manifest, &key.public()).unwrap();
    assert_eq!((said.predicate_type.as_str(), said.name.as_deref()), (SIGNED, Some("acme:greet@1.0.0")));
}

/// The bundle with one thing changed, and what verifying says of it.
fn changed(change: impl FnOnce(&mut Value)) -> Result<(), TrustError> {
    let key = KeyPair::generate();
    let manifest = Digest::of(MANIFEST);
    let mut bundle: Value = serde_json::from_slice(&sign(manifest, &key)).unwrap();
    change(&mut bundle);
    verify(&serde_json::to_vec(&bundle).unwrap(), manifest, &key.public())
}

#[test]
fn older_versions_and_fields_of_others_are_read() {
    for version in ["0.1", "0.2", "0.3"] {
        let media_type = format!("application/vnd.dev.sigstore.bundle+json;version={version}");
        assert_eq!(changed(|bundle| bundle["mediaType"] = media_type.into()), Ok(()), "{version}");
    }
    let more = |bundle: &mut Value| {
        bundle["verificationMaterial"]["tlogEntries"] = json!([{ "logIndex": "1" }]);
        bundle["dsseEnvelope"]["signatures"][0]["keyid"] = json!("mine");
        bundle["later"] = json!({ "deep": [1, 2, { "er": null }] });
    };
    assert_eq!(changed(more), Ok(()));
}

#[test]
fn bundles_of_another_form_are_malformed() {
    let refused = |change: fn(&mut Value), word: &str| match changed(change) {
        Err(TrustError::Malformed(why)) => assert!(why.contains(word), "`{word}` not in `{why}`"),
        other => panic!("{other:?} for {word}"),
    };
    refused(|b| b["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.4+json".into(), "v0.4");
    refused(|b| b["mediaType"] = "application/json".into(), "application/json");
    refused(|b| b["dsseEnvelope"]["payloadType"] = "application/json".into(), "application/json");
    refused(|b| b["dsseEnvelope"]["payload"] = "!".into(), "payload is not base64");
    refused(|b| b["dsseEnvelope"]["signatures"][0]["sig"] = "!".into(), "signature is not base64");
    refused(|b| b["dsseEnvelope"]["signatures"] = json!([]), "0 signatures");
    let twice: fn(&mut Value) = |bundle| {
        let one = bundle["dsseEnvelope"]["signatures"][0].clone();
        bundle["dsseEnvelope"]["signatures"] = json!([one, one]);
    };
    refused(twice, "2 signatures");
    refused(|b| drop(b.as_object_mut().unwrap().remove("dsseEnvelope")), "dsseEnvelope");
    let huge = [&b"{"[..], &vec![b' '; MAX_BUNDLE], b"}"].concat();
    let refused = verify(&huge, Digest::of(MANIFEST), &KeyPair::generate().public());
    assert!(matches!(refused, Err(TrustError::Malformed(_))));
    let deep = vec![b'['; 1 << 20];
    assert!(verify(&deep, Digest::of(MANIFEST), &KeyPair::generate().public()).is_err());
}

#[test]
fn a_statement_of_another_kind_is_malformed_even_when_signed() {
    let key = KeyPair::generate();
    let manifest = Digest::of(MANIFEST);
    let statement = json!({ "_type": "https://example.com/x", "predicateType": SIGNED,
        "subject": [{ "digest": { "sha256": manifest.hex() } }] });
    let mut bundle: Value = serde_json::from_slice(&sign(manifest, &key)).unwrap();
    bundle["dsseEnvelope"] =
        serde_json::to_value(Envelope::sign(statement.to_string().as_bytes(), &key)).unwrap();
    let refused = verify(&serde_json::to_vec(&bundle).unwrap(), manifest, &key.public());
    assert!(matches!(refused, Err(TrustError::Malformed(_))), "{refused:?}");
}

#[test]
fn no_flipped_byte_of_the_envelope_passes() {
    let key = KeyPair::generate();
    let manifest = Digest::of(MANIFEST);
    let bundle = sign(manifest, &key);
    let envelope = String::from_utf8(bundle.clone()).unwrap().find("dsseEnvelope").unwrap();
    for at in envelope..bundle.len() {
        let mut changed = bundle.clone();
        changed[at] ^= 0x01;
        assert!(verify(&changed, manifest, &key.public()).is_err(), "byte {at}");
    }
}

#[test]
fn an_envelope_alone_becomes_a_bundle() {
    let key = KeyPair::generate();
    let manifest = Digest::of(MANIFEST);
    let bundle: Value = serde_json::from_slice(&attest(manifest, CYCLONEDX, &json!({}), &key)).unwrap();
    let alone = serde_json::to_vec(&bundle["dsseEnvelope"]).unwrap();
    let again = bundle_of_envelope(&alone).unwrap();
    assert!(verify_attestation(&again, manifest, &key.public()).is_ok());
    let refused = verify_attestation(&again, manifest, &KeyPair::generate().public());
    assert!(matches!(refused, Err(TrustError::AnotherKey { .. })));
    assert_eq!(bundle_of_envelope(b"{}"), None);
}

#[test]
fn a_bundle_that_the_real_cosign_made_is_read() {
    // Made by cosign 3.1.1 `sign --key`; its key is not kept, so the refusal is what is expected.
    let bundle = include_bytes!("cosign3-bundle.json");
    let refused = verify(bundle, Digest::of(MANIFEST), &KeyPair::generate().public());
    assert!(
        matches!(&refused, Err(TrustError::AnotherKey { found, .. }) if found == "hVRVdCE/afDH5rby6FeRlpBl6/fOjn0shispJJrUIu8="),
        "{refused:?}"
    );
}
