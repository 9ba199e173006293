//! Verifies a bundle: every byte of it, and that all that it says is signed as a policy wants.

use serde::Serialize;
use serde_json::Value;

use super::layout::Layout;
use super::{
    PARTS_MEDIA_TYPE, PROVENANCE_PREDICATE, PackageError, SBOM_MEDIA_TYPE, SBOM_PREDICATE,
    STATEMENT_MEDIA_TYPE,
};
use crate::deps::trusted;
use crate::digest::Digest;
use crate::name::PackageId;
use crate::registry::{CONFIG_MEDIA_TYPE, Descriptor, Manifest, WASM_MEDIA_TYPE};
use crate::trust::{
    self, Attestation, Evidence, Policy, SIGNATURE_ANNOTATION, SIMPLE_MEDIA_TYPE, Simple, Verdict,
};

/// A bundle that passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The app's package and version, as signed.
    pub package: String,
    /// The digest of its manifest.
    pub manifest: Digest,
    /// The digest of the composed component.
    pub content: Digest,
    /// File names and digests of its parts.
    pub parts: Vec<VerifiedPart>,
    /// Why it may be used.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// A part of a verified bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedPart {
    /// `pricing.wasm`.
    pub file: String,
    /// Its digest.
    pub digest: Digest,
}

/// Verifies a bundle by a policy at the time `now` (seconds since 1970). Whatever is wrong, nothing of the
/// bundle was used.
///
/// # Errors
/// [`PackageError::Corrupt`] for any byte that was changed, the refusals of [`trust::judge`].
pub fn verify(tar: &[u8], policy: &Policy, now: i64) -> Result<Verified, PackageError> {
    let layout = Layout::read(tar)?;
    let (app, manifest) =
        one(&layout, "the app", |manifest| manifest.config.media_type == CONFIG_MEDIA_TYPE)?;
    let about_app = |kind: &'static str| {
        move |manifest: &Manifest| {
            manifest.artifact_type.as_deref() == Some(kind) && subject(manifest) == Some(app)
        }
    };
    let (parts, parts_manifest) = one(&layout, "the list of its parts", about_app(PARTS_MEDIA_TYPE))?;
    let (list, list_manifest) = one(&layout, "its bill of materials", about_app(SBOM_MEDIA_TYPE))?;
    let (made, made_manifest) = one(&layout, "its provenance", about_app(STATEMENT_MEDIA_TYPE))?;
    for manifest in [manifest, parts_manifest, list_manifest, made_manifest] {
        check_blobs(&layout, manifest)?;
    }
    let package = Manifest::of_package(layout.raw(app)).map_err(PackageError::Corrupt)?;
    let content = package.layer().ok_or(PackageError::Incomplete("the composed component"))?;
    let id = id(manifest)?;
    let contents = [app, parts, list, made];
    let of_app = evidence(&layout, app, contents)?;
    // A bundle comes from no repository.
    let subject = trusted::about(&id, app, manifest, layout.blob(content)?, String::new())?;
    let verdict = trust::judge(policy, &subject, &of_app, None, now)?;
    if verdict.signer.is_some() {
        let belonging =
            [("the list of its parts", parts), ("its bill of materials", list), ("its provenance", made)];
        for (what, digest) in belonging {
            let evidence = evidence(&layout, digest, contents)?;
            trust::judge_belonging(policy, &id, what, digest, &evidence, now)?;
        }
        let said = trust::statements(policy, &id, app, &of_app, now)?;
        check_attested(&said, SBOM_PREDICATE, &json(&layout, list_manifest)?)?;
        let statement = json(&layout, made_manifest)?;
        check_attested(&said, PROVENANCE_PREDICATE, &statement["predicate"])?;
    }
    // Last, because it can only say that something is different, not what.
    if !layout.is_exactly(tar) {
        return Err(PackageError::Corrupt("it has bytes that its signed contents do not explain".to_owned()));
    }
    Ok(Verified {
        package: id.to_string(),
        manifest: app,
        content: content.digest,
        parts: parts_manifest
            .layers
            .iter()
            .filter(|layer| layer.media_type == WASM_MEDIA_TYPE)
            .map(VerifiedPart::new)
            .collect(),
        verdict,
    })
}

impl VerifiedPart {
    fn new(layer: &Descriptor) -> Self {
        let title = layer.annotations.get("org.opencontainers.image.title");
        Self { file: title.cloned().unwrap_or_default(), digest: layer.digest }
    }
}

/// What the manifest calls the app.
fn id(manifest: &Manifest) -> Result<PackageId, PackageError> {
    let annotation =
        |name: &str| manifest.annotations.get(&format!("org.opencontainers.image.{name}")).cloned();
    let name =
        format!("{}@{}", annotation("title").unwrap_or_default(), annotation("version").unwrap_or_default());
    name.parse().map_err(|error| PackageError::Corrupt(format!("its manifest's name: {error}")))
}

fn subject(manifest: &Manifest) -> Option<Digest> {
    manifest.subject.as_ref().map(|subject| subject.digest)
}

/// The only manifest of its kind.
fn one<'a>(
    layout: &'a Layout,
    what: &'static str,
    is_it: impl Fn(&Manifest) -> bool,
) -> Result<(Digest, &'a Manifest), PackageError> {
    let mut found = layout.manifests().filter(|(_, manifest)| is_it(manifest));
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(PackageError::Incomplete(what)),
        (Some(_), Some(_)) => Err(PackageError::Corrupt(format!("it has {what} twice"))),
    }
}

fn check_blobs(layout: &Layout, manifest: &Manifest) -> Result<(), PackageError> {
    let mut blobs = manifest.layers.iter().chain([&manifest.config]);
    blobs.try_for_each(|blob| layout.blob(blob).map(drop))
}

/// The signatures and attestations of the manifest with this digest, and those of things that are not even
/// here: somebody put them in place of the right ones.
fn evidence(layout: &Layout, digest: Digest, contents: [Digest; 4]) -> Result<Evidence, PackageError> {
    let mut found = Evidence::default();
    for (_, manifest) in layout.manifests() {
        let [layer] = manifest.layers.as_slice() else { continue };
        let about = subject(manifest);
        if trust::is_bundle(&layer.media_type) {
            if about.is_some_and(|about| about == digest || !contents.contains(&about)) {
                found.bundles.push(layout.blob(layer)?.to_vec());
            }
        } else if layer.media_type == SIMPLE_MEDIA_TYPE && digest == contents[0] {
            let signature = layer.annotations.get(SIGNATURE_ANNOTATION).cloned().unwrap_or_default();
            found.simple.push(Simple { payload: layout.blob(layer)?.to_vec(), signature });
        }
    }
    Ok(found)
}

/// The one file of a manifest.
fn json(layout: &Layout, manifest: &Manifest) -> Result<Value, PackageError> {
    let layer = manifest.layers.first().ok_or(PackageError::Incomplete("a file of its contents"))?;
    serde_json::from_slice(layout.blob(layer)?)
        .map_err(|error| PackageError::Corrupt(format!("{}: {error}", layer.digest)))
}

/// Whether a trusted key attested exactly what stands in the bundle's file.
fn check_attested(
    said: &[Attestation],
    predicate_type: &'static str,
    told: &Value,
) -> Result<(), PackageError> {
    let mut of_kind = said.iter().filter(|said| said.predicate_type == predicate_type).peekable();
    if of_kind.peek().is_none() {
        return Err(PackageError::NotAttested(predicate_type));
    }
    match of_kind.any(|said| said.predicate == *told) {
        true => Ok(()),
        false => {
            Err(PackageError::Corrupt(format!("its file and its attestation differ (`{predicate_type}`)")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Contents, Part, bundle};
    use super::*;
    use crate::package::Signatory;
    use crate::trust::{BUNDLE_MEDIA_TYPE, KeyPair};

    fn verify(tar: &[u8], key: &KeyPair) -> Result<Verified, PackageError> {
        super::verify(tar, &Policy::of_key(key.public()), 0)
    }

    fn component(import: &str) -> Vec<u8> {
        wat::parse_str(format!(r#"(component (core module (func)) (import "{import}" (instance)))"#)).unwrap()
    }

    fn make(key: Option<&KeyPair>, version: &str) -> Vec<u8> {
        let part = |name: &str| Part {
            name: name.parse().unwrap(),
            bytes: component(&format!("a:{name}/x")),
            language: Some("rust".to_owned()),
            tools: [("cargo".to_owned(), "1.95".to_owned())].into(),
            packages: None,
        };
        let contents = Contents {
            id: &format!("acme:shop@{version}").parse().unwrap(),
            component: component("a:b/c"),
            parts: vec![part("gateway"), part("pricing")],
            root: "gateway",
            wiring: &[],
            provenance: Some(serde_json::json!({ "buildDefinition": {} })),
            created: "1970-01-01T00:00:00Z",
        };
        let by = key.map(|key| Signatory::Key(key.clone()));
        bundle(contents, by.as_ref()).unwrap().tar
    }

    fn code(refused: &PackageError) -> String {
        use miette::Diagnostic as _;
        refused.code().unwrap().to_string()
    }

    /// Rebuilds a bundle with some of its manifests and their blobs.
    fn rebuilt(from: &[&[u8]], keep: impl Fn(&Manifest) -> bool) -> Vec<u8> {
        let mut out = Layout::default();
        for tar in from {
            let layout = Layout::read(tar).unwrap();
            for (_, manifest) in layout.manifests().filter(|(_, manifest)| keep(manifest)) {
                for blob in manifest.layers.iter().chain([&manifest.config]) {
                    out.add(layout.blob(blob).unwrap().to_vec());
                }
                out.add_manifest(manifest.clone());
            }
        }
        out.to_tar()
    }

    fn is_signature(manifest: &Manifest) -> bool {
        manifest
            .layers
            .iter()
            .any(|layer| [BUNDLE_MEDIA_TYPE, SIMPLE_MEDIA_TYPE].contains(&&*layer.media_type))
    }

    #[test]
    fn a_signed_bundle_verifies_and_is_the_same_each_time() {
        let key = KeyPair::generate();
        let tar = make(Some(&key), "1.0.0");
        assert_eq!(tar, make(Some(&key), "1.0.0"));
        let verified = verify(&tar, &key).unwrap();
        assert_eq!(verified.package, "acme:shop@1.0.0");
        assert_eq!(verified.content, Digest::of(&component("a:b/c")));
        let files: Vec<_> = verified.parts.iter().map(|part| part.file.as_str()).collect();
        assert_eq!(files, ["gateway.wasm", "pricing.wasm"]);
    }

    #[test]
    fn no_flipped_bit_passes() {
        let key = KeyPair::generate();
        let mut tar = make(Some(&key), "1.0.0");
        // Every byte would take a minute: five is no factor of any size in a tar, so each kind of field is hit.
        for at in (0..tar.len()).step_by(5) {
            let bit = 1 << (at % 8);
            tar[at] ^= bit;
            let refused = verify(&tar, &key);
            assert!(refused.is_err(), "byte {at} of {}", tar.len());
            tar[at] ^= bit;
        }
        tar.push(0);
        assert!(verify(&tar, &key).is_err(), "a byte more");
        tar.truncate(tar.len() - 513);
        assert!(verify(&tar, &key).is_err(), "a block less");
    }

    #[test]
    fn each_way_of_not_being_signed_has_its_code() {
        let (key, other) = (KeyPair::generate(), KeyPair::generate());
        let refused = |tar: &[u8]| code(&verify(tar, &key).unwrap_err());
        let signed = make(Some(&key), "1.0.0");
        assert_eq!(refused(&make(None, "1.0.0")), "trust::unsigned");
        assert_eq!(refused(&make(Some(&other), "1.0.0")), "trust::another_key");
        let contents = rebuilt(&[&signed], |manifest| !is_signature(manifest));
        assert_eq!(contents, make(None, "1.0.0"));
        // The contents of one version with the signatures of another by the same key.
        let elses = rebuilt(&[&make(Some(&key), "2.0.0")], is_signature);
        let grafted = rebuilt(&[&contents, &elses], |_| true);
        assert_eq!(refused(&grafted), "trust::another_subject");
    }

    #[test]
    fn a_bundle_without_its_list_is_refused() {
        let key = KeyPair::generate();
        let tar = make(Some(&key), "1.0.0");
        for kind in [SBOM_MEDIA_TYPE, PARTS_MEDIA_TYPE, STATEMENT_MEDIA_TYPE] {
            let without = rebuilt(&[&tar], |manifest| manifest.artifact_type.as_deref() != Some(kind));
            let refused = verify(&without, &key).unwrap_err();
            assert_eq!(code(&refused), "package::incomplete");
        }
        for predicate in [SBOM_PREDICATE, PROVENANCE_PREDICATE] {
            let attests = |manifest: &Manifest| {
                manifest.annotations.get("dev.sigstore.bundle.predicateType").map(String::as_str)
                    == Some(predicate)
            };
            let without = rebuilt(&[&tar], |manifest| !attests(manifest));
            let refused = verify(&without, &key).unwrap_err();
            assert_eq!(code(&refused), "package::not_attested");
        }
        let twice = rebuilt(&[&tar, &make(Some(&key), "2.0.0")], |_| true);
        assert_eq!(code(&verify(&twice, &key).unwrap_err()), "package::corrupt");
    }
}
