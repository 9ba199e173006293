//! Whether a package may be used: the policy of the app, and what is attached to the package in its registry. The one
//! place where `registry` and `trust` meet.
//!
//! What is attached is kept in the store by the digest of what it is about, so that nothing has to be asked of a registry
//! to verify again. That it was kept proves nothing: it is judged anew each time.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use semver::Version;
use serde::{Deserialize, Serialize};

use super::choose::seen;
use super::sources::Offline;
use crate::app::Dirs;
use crate::component;
use crate::digest::Digest;
use crate::error::Result;
use crate::file;
use crate::host::Capability;
use crate::name::{InterfaceName, PackageId};
use crate::registry::{
    self, Attached, Location, Manifest, Pinned, Reference, Registry, RegistryError, Store,
};
use crate::trust::{self, Evidence, Policy, Signer, Simple, Subject, Verdict};

/// What a policy is called, in an app and in the user's folder.
pub const POLICY_FILE: &str = "trust.toml";

const TITLE: &str = "org.opencontainers.image.title";
const VERSION: &str = "org.opencontainers.image.version";
const LICENCES: &str = "org.opencontainers.image.licenses";
/// So many signatures of each form are kept about one package, beside those that its registry has now.
const MAX_KEPT: usize = 400;
/// What cosign 2 attaches attestations as: envelopes without a bundle around.
const ENVELOPE_MEDIA_TYPE: &str = "application/vnd.dsse.envelope.v1+json";

/// The policy that counts for the app in this folder: its own `trust.toml`, else the user's; `None` when there is neither.
///
/// # Errors
/// When it cannot be read or used.
pub fn policy(app: Option<&Utf8Path>, dirs: &Dirs) -> Result<Option<Policy>> {
    let places: Vec<Utf8PathBuf> = app.into_iter().map(Utf8Path::to_owned).chain([dirs.config()]).collect();
    let found = places.into_iter().map(|place| place.join(POLICY_FILE)).find(|path| path.exists());
    found.map(|path| read_policy(&path)).transpose()
}

/// The policy in this file. Key files are named relative to it.
///
/// # Errors
/// When it cannot be read or used.
pub fn read_policy(path: &Utf8Path) -> Result<Policy> {
    let folder = path.parent().unwrap_or(Utf8Path::new(""));
    Ok(Policy::parse(&file::read_text(path)?, path, &|key| file::read_text(&folder.join(key)))?)
}

/// Whether the package with this manifest and these contents may be used, and who signed it. Without a policy nothing is
/// asked and nobody is known. `floor` is the highest version of it that was verified before. The manifest is in `store`
/// already; the registry is asked only when what the store has is not enough.
///
/// # Errors
/// The refusals of [`trust::judge`]; or when the registry cannot be asked.
pub fn check(
    policy: Option<&Policy>,
    registry: &dyn Registry,
    id: &PackageId,
    manifest: Digest,
    component: &[u8],
    store: &Store,
    floor: Option<&Version>,
) -> Result<Option<Signer>> {
    let Some(policy) = policy else { return Ok(None) };
    Ok(verify(policy, registry, id, manifest, component, store, floor)?.signer)
}

/// The same with all that was found.
///
/// # Errors
/// As [`check`].
pub fn verify(
    policy: &Policy,
    registry: &dyn Registry,
    id: &PackageId,
    manifest: Digest,
    component: &[u8],
    store: &Store,
    floor: Option<&Version>,
) -> Result<Verdict> {
    let subject = subject(registry, id, manifest, component, store)?;
    let judge = |evidence: &Evidence| trust::judge(policy, &subject, evidence, floor, now());
    let kept = kept(store, manifest).into_evidence();
    let first = judge(&kept);
    if first.is_ok() {
        return Ok(first?);
    }
    match registry::attachments(registry, &id.name, manifest, store) {
        Ok(attached) => {
            let all = joined(evidence(&attached), kept);
            let record = serde_json::to_vec(&Record::of(&all)).unwrap_or_default();
            store.keep_record(manifest, &record)?;
            Ok(judge(&all)?)
        }
        // What is known says more than that nobody answers; with nothing known, that is what is wrong.
        Err(RegistryError::Unreachable { .. }) if !(kept.bundles.is_empty() && kept.simple.is_empty()) => {
            Ok(first?)
        }
        Err(error) => Err(error.into()),
    }
}

/// A package that may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The package.
    pub package: PackageId,
    /// Where it is.
    pub registry: String,
    /// The digest of its manifest, which is what is signed.
    pub manifest: Digest,
    /// The digest of the component.
    pub content: Digest,
    /// Why it may be used.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// Fetches a package and judges it. With `offline` no registry is asked: it has to be in the store.
///
/// # Errors
/// As [`verify`]; or when the package is not there.
pub fn verify_package(
    policy: &Policy,
    location: &Location,
    dirs: &Dirs,
    id: &PackageId,
    offline: bool,
) -> Result<Verified> {
    let store = &Store::new(dirs);
    if offline {
        let registry = Offline(location.to_string());
        return judged(policy, &registry, id, seen(&registry, id, store)?, store);
    }
    let registry = registry::open(location, dirs)?;
    let pinned = registry::resolve(&*registry, id, store)?;
    let fetched = registry::fetch(&*registry, &id.name, pinned.manifest, store)?;
    judged(policy, &*registry, id, fetched, store)
}

/// Fetches what `reference` is in a registry now and judges it as the package `id`. What is used afterwards is the
/// manifest that comes back: the reference may mean something else by then.
///
/// # Errors
/// As [`verify`]; or when the package is not there.
pub fn approve(
    policy: &Policy,
    registry: &dyn Registry,
    id: &PackageId,
    reference: &Reference,
    store: &Store,
) -> Result<Verified> {
    let manifest = match reference {
        Reference::Digest(digest) => *digest,
        Reference::Tag(_) => registry::resolve(registry, id, store)?.manifest,
    };
    let fetched = registry::fetch(registry, &id.name, manifest, store)?;
    judged(policy, registry, id, fetched, store)
}

fn judged(
    policy: &Policy,
    registry: &dyn Registry,
    id: &PackageId,
    (pinned, component): (Pinned, Vec<u8>),
    store: &Store,
) -> Result<Verified> {
    let verdict = verify(policy, registry, id, pinned.manifest, &component, store, None)?;
    Ok(Verified {
        package: id.clone(),
        registry: registry.name(),
        manifest: pinned.manifest,
        content: pinned.layer.digest,
        verdict,
    })
}

/// Seconds since 1970, by this machine's clock. `SOURCE_DATE_EPOCH` does not count here: it is about what is written,
/// and whoever sets it could make an expired key good again.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// What a package says about itself.
fn subject<'a>(
    registry: &dyn Registry,
    id: &'a PackageId,
    digest: Digest,
    component: &[u8],
    store: &Store,
) -> Result<Subject<'a>> {
    let bytes = store.read(digest)?.ok_or_else(|| RegistryError::NotFound {
        what: format!("{}@{digest}", id.name),
        registry: registry.name(),
    })?;
    let manifest = Manifest::of_package(&bytes).map_err(|why| RegistryError::NotAPackage {
        what: id.to_string(),
        registry: registry.name(),
        why,
    })?;
    let repository = format!("{}/{}/{}", registry.name(), id.name.namespace, id.name.name);
    Ok(about(id, digest, &manifest, component, repository)?)
}

/// The subject of a judgement about a package with this manifest and these contents.
///
/// # Errors
/// When the contents are not a component.
pub fn about<'a>(
    id: &'a PackageId,
    digest: Digest,
    manifest: &Manifest,
    component: &[u8],
    repository: String,
) -> Result<Subject<'a>, component::ComponentError> {
    let annotation = |name: &str| manifest.annotations.get(name);
    Ok(Subject {
        id,
        manifest: digest,
        // A title can be any text; one that is no package's name says nothing here.
        name: annotation(TITLE).and_then(|title| title.parse().ok()),
        version: annotation(VERSION).and_then(|version| version.parse().ok()),
        repository,
        capabilities: capabilities(component)?,
        licence: annotation(LICENCES).cloned(),
    })
}

/// What the imports of a component make it able to do.
fn capabilities(bytes: &[u8]) -> Result<BTreeSet<Capability>, component::ComponentError> {
    let imports = component::externs(bytes)?.imports;
    let interfaces = imports.iter().filter_map(|name| name.parse::<InterfaceName>().ok());
    Ok(interfaces.filter_map(|interface| Capability::of_interface(&interface)).collect())
}

/// What was attached to a package, as the store keeps it.
#[derive(Default, Serialize, Deserialize)]
struct Record {
    bundles: Vec<String>,
    simple: Vec<KeptSimple>,
}

#[derive(Serialize, Deserialize)]
struct KeptSimple {
    payload: String,
    signature: String,
}

fn kept(store: &Store, manifest: Digest) -> Record {
    let bytes = store.record(manifest).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

impl Record {
    /// What cannot be text verifies as little as it can be kept here.
    fn of(evidence: &Evidence) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let simple = evidence.simple.iter().filter_map(|simple| {
            Some(KeptSimple { payload: text(&simple.payload)?, signature: simple.signature.clone() })
        });
        Self {
            bundles: evidence.bundles.iter().filter_map(|bundle| text(bundle)).collect(),
            simple: simple.collect(),
        }
    }

    fn into_evidence(self) -> Evidence {
        let simple = self.simple.into_iter();
        Evidence {
            bundles: self.bundles.into_iter().map(String::into_bytes).collect(),
            simple: simple
                .map(|kept| Simple { payload: kept.payload.into_bytes(), signature: kept.signature })
                .collect(),
        }
    }
}

/// What a registry has now, and what was known before: that it lacks something now does not make it wrong.
fn joined(mut now: Evidence, before: Evidence) -> Evidence {
    for bundle in before.bundles {
        if now.bundles.len() < MAX_KEPT && !now.bundles.contains(&bundle) {
            now.bundles.push(bundle);
        }
    }
    for simple in before.simple {
        if now.simple.len() < MAX_KEPT && !now.simple.contains(&simple) {
            now.simple.push(simple);
        }
    }
    now
}

/// The signatures and attestations among what is attached to a package.
pub fn evidence(attached: &[Attached]) -> Evidence {
    let mut found = Evidence::default();
    for one in attached {
        // The config comes first.
        for (layer, bytes) in one.manifest.layers.iter().zip(one.blobs.iter().skip(1)) {
            match layer.media_type.as_str() {
                kind if trust::is_bundle(kind) => found.bundles.push(bytes.to_vec()),
                ENVELOPE_MEDIA_TYPE => found.bundles.extend(trust::bundle_of_envelope(bytes)),
                trust::SIMPLE_MEDIA_TYPE => found.simple.push(Simple {
                    payload: bytes.to_vec(),
                    signature: layer
                        .annotations
                        .get(trust::SIGNATURE_ANNOTATION)
                        .cloned()
                        .unwrap_or_default(),
                }),
                _ => {}
            }
        }
    }
    found
}
