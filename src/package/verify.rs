//! Verifies a bundle: every byte of it, and that the key signed all that it says.

use serde::Serialize;
use serde_json::Value;

use super::layout::Layout;
use super::{
    PARTS_MEDIA_TYPE, PROVENANCE_PREDICATE, PackageError, SBOM_MEDIA_TYPE, SBOM_PREDICATE,
    STATEMENT_MEDIA_TYPE,
};
use crate::digest::Digest;
use crate::registry::{CONFIG_MEDIA_TYPE, Descriptor, Manifest, WASM_MEDIA_TYPE};
use crate::trust::{
    self, BUNDLE_MEDIA_TYPE, PublicKey, SIGNATURE_ANNOTATION, SIMPLE_MEDIA_TYPE, Simple, TrustError,
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
    /// The fingerprint of the key.
    pub key: String,
}

/// A part of a verified bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedPart {
    /// `pricing.wasm`.
    pub file: String,
    /// Its digest.
    pub digest: Digest,
}

/// Verifies a bundle with a key. Whatever is wrong, nothing of the bundle was used.
///
/// # Errors
/// [`PackageError::Corrupt`] for any byte that was changed, the errors of [`trust::verify`] for the
/// signatures, [`TrustError::Unsigned`] where there is none.
pub fn verify(tar: &[u8], key: &PublicKey) -> Result<Verified, PackageError> {
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
    let contents = [
        ("the app", app),
        ("the list of its parts", parts),
        ("its bill of materials", list),
        ("its provenance", made),
    ];
    for (what, digest) in contents {
        check_signed(&layout, what, digest, contents.map(|(_, digest)| digest), key)?;
    }
    check_attested(&layout, app, SBOM_PREDICATE, &json(&layout, list_manifest)?, key)?;
    let statement = json(&layout, made_manifest)?;
    check_attested(&layout, app, PROVENANCE_PREDICATE, &statement["predicate"], key)?;
    // Last, because it can only say that something is different, not what.
    if !layout.is_exactly(tar) {
        return Err(PackageError::Corrupt("it has bytes that its signed contents do not explain".to_owned()));
    }
    let package = Manifest::of_package(layout.raw(app)).map_err(PackageError::Corrupt)?;
    let content = package.layer().ok_or(PackageError::Incomplete("the composed component"))?.digest;
    Ok(Verified {
        package: name(manifest),
        manifest: app,
        content,
        parts: parts_manifest
            .layers
            .iter()
            .filter(|layer| layer.media_type == WASM_MEDIA_TYPE)
            .map(VerifiedPart::new)
            .collect(),
        key: key.fingerprint(),
    })
}

impl VerifiedPart {
    fn new(layer: &Descriptor) -> Self {
        let title = layer.annotations.get("org.opencontainers.image.title");
        Self { file: title.cloned().unwrap_or_default(), digest: layer.digest }
    }
}

fn name(manifest: &Manifest) -> String {
    let annotation =
        |name: &str| manifest.annotations.get(&format!("org.opencontainers.image.{name}")).cloned();
    format!("{}@{}", annotation("title").unwrap_or_default(), annotation("version").unwrap_or_default())
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

/// Whether the key signed the manifest with this digest. Where several signatures are there, one good one
/// is enough; otherwise the most telling refusal is given.
fn check_signed(
    layout: &Layout,
    what: &str,
    digest: Digest,
    contents: [Digest; 4],
    key: &PublicKey,
) -> Result<(), PackageError> {
    let mut refusals = Vec::new();
    for (_, manifest) in layout.manifests() {
        let verdict = match manifest.layers.as_slice() {
            [layer] if layer.media_type == BUNDLE_MEDIA_TYPE => {
                match subject(manifest) {
                    Some(subject) if subject == digest => trust::verify(layout.blob(layer)?, digest, key),
                    // A signature of something that is not even here.
                    Some(other) if !contents.contains(&other) => {
                        Err(TrustError::AnotherSubject { expected: digest, found: other.to_string() })
                    }
                    _ => continue,
                }
            }
            [layer] if layer.media_type == SIMPLE_MEDIA_TYPE && digest == contents[0] => {
                let signature = layer.annotations.get(SIGNATURE_ANNOTATION).cloned().unwrap_or_default();
                let simple = Simple { payload: layout.blob(layer)?.to_vec(), signature };
                trust::verify_simple(&simple, digest, key).map(drop)
            }
            _ => continue,
        };
        match verdict {
            Ok(()) => return Ok(()),
            Err(refusal) => refusals.push(refusal),
        }
    }
    // The older form does not name its key, so what a bundle says about it tells more.
    let telling = |refusal: &TrustError| match refusal {
        TrustError::AnotherSubject { .. } => 0,
        TrustError::AnotherKey { .. } => 1,
        TrustError::OnlyAttested { .. } => 3,
        _ => 2,
    };
    refusals.sort_by_key(telling);
    let refusal = refusals.into_iter().next();
    Err(refusal.unwrap_or_else(|| TrustError::Unsigned(what.to_owned())).into())
}

/// The one file of a manifest.
fn json(layout: &Layout, manifest: &Manifest) -> Result<Value, PackageError> {
    let layer = manifest.layers.first().ok_or(PackageError::Incomplete("a file of its contents"))?;
    serde_json::from_slice(layout.blob(layer)?)
        .map_err(|error| PackageError::Corrupt(format!("{}: {error}", layer.digest)))
}

/// Whether the key attested exactly what stands in the bundle's file.
fn check_attested(
    layout: &Layout,
    app: Digest,
    predicate_type: &'static str,
    told: &Value,
    key: &PublicKey,
) -> Result<(), PackageError> {
    let mut other = false;
    for (_, manifest) in layout.manifests().filter(|(_, manifest)| subject(manifest) == Some(app)) {
        let [layer] = manifest.layers.as_slice() else { continue };
        if layer.media_type != BUNDLE_MEDIA_TYPE {
            continue;
        }
        match trust::verify_attestation(layout.blob(layer)?, app, key) {
            Ok(said) if said.predicate_type != predicate_type => {}
            Ok(said) if said.predicate == *told => return Ok(()),
            Ok(_) => other = true,
            Err(_) => {}
        }
    }
    Err(match other {
        true => PackageError::Corrupt(format!("its file and its attestation differ (`{predicate_type}`)")),
        false => PackageError::NotAttested(predicate_type),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Contents, Part, bundle};
    use super::*;
    use crate::trust::KeyPair;

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
        bundle(contents, key).unwrap().tar
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
        let verified = verify(&tar, &key.public()).unwrap();
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
            let refused = verify(&tar, &key.public());
            assert!(refused.is_err(), "byte {at} of {}", tar.len());
            tar[at] ^= bit;
        }
        tar.push(0);
        assert!(verify(&tar, &key.public()).is_err(), "a byte more");
        tar.truncate(tar.len() - 513);
        assert!(verify(&tar, &key.public()).is_err(), "a block less");
    }

    #[test]
    fn each_way_of_not_being_signed_has_its_code() {
        let (key, other) = (KeyPair::generate(), KeyPair::generate());
        let refused = |tar: &[u8]| code(&verify(tar, &key.public()).unwrap_err());
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
            let refused = verify(&without, &key.public()).unwrap_err();
            assert_eq!(code(&refused), "package::incomplete");
        }
        for predicate in [SBOM_PREDICATE, PROVENANCE_PREDICATE] {
            let attests = |manifest: &Manifest| {
                manifest.annotations.get("dev.sigstore.bundle.predicateType").map(String::as_str)
                    == Some(predicate)
            };
            let without = rebuilt(&[&tar], |manifest| !attests(manifest));
            let refused = verify(&without, &key.public()).unwrap_err();
            assert_eq!(code(&refused), "package::not_attested");
        }
        let twice = rebuilt(&[&tar, &make(Some(&key), "2.0.0")], |_| true);
        assert_eq!(code(&verify(&twice, &key.public()).unwrap_err()), "package::corrupt");
    }
}
