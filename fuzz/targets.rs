//! What is fuzzed: a target is a function that takes any bytes and one line in [`TARGETS`].
//!
//! Two programs share this file. `tests/it/fuzz.rs` gives each target changed samples for some seconds, in every run
//! of the tests; `fuzz/run` gives them to libFuzzer, which sees what code they reach, for as long as one likes.
//! A target ends however it likes as long as it ends soon: what counts as found is a panic, an abort, an assertion
//! of its own and an input that takes seconds.

use std::sync::OnceLock;

use jointer::adapt::{self, Lacking, Mapping, Wishes};
use jointer::trust::{Evidence, KeyPair, Password, Policy, PublicKey, Simple, Subject, TrustError};
use jointer::{component, compose, deps, host, package, registry, run, trust, wit};

/// One thing that is fuzzed.
pub struct Target {
    /// What it is called, on the command line too.
    pub name: &'static str,
    /// Where the inputs start from.
    pub samples: Samples,
    /// Takes an input.
    pub run: fn(&[u8]),
}

/// Well-formed inputs, which are changed.
pub enum Samples {
    /// Components and core modules out of compilers.
    Components,
    /// What this function makes: of texts `|| texts(&["…"])`.
    Made(fn() -> Vec<Vec<u8>>),
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "adapt", samples: Samples::Components, run: adapt },
    Target { name: "deny", samples: Samples::Components, run: deny },
    Target { name: "plug", samples: Samples::Components, run: plug },
    Target { name: "look", samples: Samples::Components, run: look },
    Target { name: "sbom", samples: Samples::Components, run: sbom },
    Target { name: "map", samples: Samples::Components, run: map },
    Target { name: "document", samples: Samples::Made(|| texts(DOCUMENTS)), run: document },
    Target { name: "test-table", samples: Samples::Made(|| texts(TABLES)), run: table },
    Target { name: "signature", samples: Samples::Made(signatures), run: signature },
    Target { name: "embedded", samples: Samples::Made(embedded), run: in_file },
    Target { name: "policy", samples: Samples::Made(|| texts(POLICIES)), run: policy },
    Target { name: "manifest", samples: Samples::Made(|| texts(MANIFESTS)), run: manifest },
    Target { name: "lock", samples: Samples::Made(|| texts(LOCKS)), run: lock },
    Target { name: "bundle", samples: Samples::Made(bundles), run: bundle },
];

/// The target of this name.
pub fn target(name: &str) -> &'static Target {
    let known = || TARGETS.iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("no `{name}` in {}", known()))
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Whatever the sections of a module say of themselves, the list of it is whole.
fn sbom(input: &[u8]) {
    let created = "1970-01-01T00:00:00Z";
    let subject =
        package::Subject { name: "x", version: None, component: input, parts: &[], wiring: &[], created };
    if let Ok(list) = package::sbom(&subject) {
        assert!(list.starts_with(b"{") && list.ends_with(b"}\n"));
    }
}

/// One byte says to which version and how, the rest is adapted. It ends with an error or with a valid component, which
/// is then left alone.
fn adapt(input: &[u8]) {
    let Some((&choice, bytes)) = input.split_last() else { return };
    let targets = adapt::targets();
    let to = &targets[usize::from(choice) % targets.len()];
    let lacking = if choice & 0x80 == 0 { Lacking::Refuse } else { Lacking::Stub };
    let wishes = Wishes { lacking, wrap: choice & 0x60 == 0x60, ..Wishes::default() };
    if let Ok(adapted) = adapt::adapt_with(bytes, to, &wishes) {
        component::validate(&adapted.bytes).unwrap_or_else(|error| panic!("invalid for {to}: {error}"));
        let again =
            adapt::adapt(&adapted.bytes, to).unwrap_or_else(|error| panic!("not again for {to}: {error}"));
        assert!(again.bytes == adapted.bytes, "what fits {to} is left alone");
    }
}

/// What stands for denied interfaces is valid, and so is what it is plugged into.
fn deny(input: &[u8]) {
    let Some((&choice, bytes)) = input.split_last() else { return };
    let names = ["sockets", "filesystem", "http", "cli", "random", "clocks/wall-clock", "io"];
    let denied: Vec<String> =
        (0..).zip(names).filter(|(bit, _)| choice >> bit & 1 == 1).map(|(_, name)| name.to_owned()).collect();
    if let Ok(Some(denial)) = adapt::denial(bytes, &denied) {
        component::validate(&denial.component).expect("valid");
        plugged(bytes, &denial.component);
    }
}

/// A component plugged into another: both halves of the input, or twice the whole.
fn plug(input: &[u8]) {
    plugged(input, input);
    // Where a second component begins, if one does.
    let second = input.windows(8).skip(1).position(|bytes| bytes == b"\0asm\x0d\0\x01\0");
    if let Some(at) = second {
        plugged(&input[..=at], &input[at + 1..]);
    }
}

fn plugged(socket: &[u8], plug: &[u8]) {
    if let Ok(composed) = compose::plug(("socket", socket), &[("plug", plug)]) {
        // A part is taken as valid by whoever calls; only then the whole has to be.
        if component::validate(socket).is_ok() && component::validate(plug).is_ok() {
            component::validate(&composed.chunks.concat()).expect("valid");
        }
    }
}

/// Everything that is said of a component without changing it.
fn look(input: &[u8]) {
    let _ = component::kind(input);
    let _ = component::validate(input);
    let _ = component::interface(input);
    let _ = component::externs(input);
    let _ = component::core_modules(input);
    let _ = component::producers(input);
    let _ = component::without_suffixes(input);
    let _ = component::processed_by(input, "fuzz", |_| "1".to_owned());
    let _ = wit::Shape::of(input);
    let _ = adapt::survey(input);
    let _ = adapt::drift(input);
    let _ = adapt::steps(input);
    let _ = adapt::check_host(input, "input", &host::Profile::built_in());
}

/// WASI itself as a package that is to take the place of another version.
fn map(input: &[u8]) {
    for mapping in ["wasi:io@0.2.3=wasi:io@0.2.6", "wasi:cli@0.2.3=wasi:cli@0.2.3", "a:b=c:d@1.0.0"] {
        let mapping: Mapping = mapping.parse().expect("a mapping");
        if let Ok(mapped) = adapt::map(input, &[mapping], &[input]) {
            component::validate(&mapped.bytes).expect("valid");
        }
    }
}

const DOCUMENTS: &[&str] = &[
    "package test:composition;\n\nlet pricing = new acme:pricing@1.2.0 { ... };\nlet shop = new acme:shop {\n    \
     \"acme:pricing/prices\": pricing[\"acme:pricing/prices\"],\n    ...\n};\nexport shop...;\n",
    "package a:b targets wasi:cli/command@0.2.6;\nimport x: interface { resource r { new: func(); } };\n\
     type t = tuple<u8, list<string>>;\nexport x as y;\n",
];

/// Text as a .wac file.
fn document(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(dependencies) = compose::document_dependencies("input.wac", text) {
        let _ = dependencies.first().map(|first| first.missing("input.wac", text, String::new()).to_string());
        let _ = compose::compose_document("input.wac", text, &[]);
    }
}

const MANIFESTS: &[&str] = &[
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.wasm.config.v0+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[{"mediaType":"application/wasm","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2,"annotations":{"org.opencontainers.image.title":"greet.wasm"}}],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}}"#,
    "registry.example.com:5000/team/acme/greet:1.0.0@sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    "acme:greet@^1.2",
    "[::1]:5000/team",
];

/// What a registry sends as a manifest, and what people paste as a reference. What is accepted says the same again.
fn manifest(input: &[u8]) {
    if let Ok(manifest) = registry::Manifest::of_package(input) {
        let again = registry::Manifest::of_package(&manifest.to_bytes()).expect("what was accepted");
        assert!(again == manifest && again.descriptor(input).size == input.len() as u64);
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(registry::RawReference::Place(place)) = text.parse() {
        assert!(!place.repository.contains("..") && !place.host.contains('/'));
        assert_eq!(place.to_string().parse().ok(), Some(registry::RawReference::Place(place)));
    }
    if let Ok(location) = text.parse::<registry::Location>() {
        assert_eq!(location.to_string().parse().ok(), Some(location));
    }
}

/// What strangers attach to a package: bundles, envelopes, signatures in the older form, and keys.
fn signatures() -> Vec<Vec<u8>> {
    let key = KeyPair::generate();
    let manifest = jointer::digest::Digest::of(b"manifest");
    let bundle = trust::attest(
        manifest,
        trust::CYCLONEDX,
        &r#"{"components":[{}]}"#.parse().unwrap_or_default(),
        &key,
    );
    let simple = trust::sign_simple(manifest, "registry.example/acme/greet", &key);
    let private = key.to_encrypted_pem(&Password::default()).unwrap_or_default();
    vec![
        trust::sign(manifest, &key),
        bundle,
        simple.payload,
        include_bytes!("../src/trust/keyless/samples/bundle.json").to_vec(),
        key.public().to_pem().into_bytes(),
        private.into_bytes(),
    ]
}

/// Nothing that a stranger made is a signature of a key that nobody has.
fn signature(input: &[u8]) {
    let id = "acme:greet@1.0.0".parse().expect("an id");
    let subject = Subject {
        id: &id,
        manifest: jointer::digest::Digest::of(b"manifest"),
        name: Some(id.name.clone()),
        version: Some(id.version.clone()),
        repository: "registry.example/acme/greet".to_owned(),
        capabilities: Default::default(),
        licence: None,
    };
    let mut bundles = vec![input.to_vec()];
    bundles.extend(trust::bundle_of_envelope(input));
    let simple = Simple { payload: input.to_vec(), signature: String::from_utf8_lossy(input).into_owned() };
    let evidence = Evidence { bundles, simple: vec![simple] };
    let policy = Policy::of_key(KeyPair::generate().public());
    assert!(trust::judge(&policy, &subject, &evidence, None, 0).is_err());
    // Nor did the public Sigstore ever vouch for it.
    assert!(trust::verify_certified(input, subject.manifest, None).is_err());
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(key) = PublicKey::from_pem(text) {
        assert_eq!(PublicKey::from_pem(&key.to_pem()), Ok(key));
    }
    // Without a password, so that no time goes into what is meant to take time.
    let _ = KeyPair::from_pem(text, || Err(TrustError::NoPassword));
}

/// Files with signatures inside: of one key, of two, and in parts.
fn embedded() -> Vec<Vec<u8>> {
    let file = wat::parse_str("(component (core module (func)))").expect("a component");
    let sign = |file: &[u8]| {
        let key = trust::embedded::KeyPair::generate().expect("a key");
        trust::embedded::sign(file, &key).ok().flatten().unwrap_or_default()
    };
    let delimited = |file: &[u8]| [file, &[0, 36, 19], b"signature_delimiter", &[7; 16]].concat();
    let once = sign(&file);
    let key = trust::embedded::KeyPair::generate().expect("a key");
    let parts = sign(&delimited(&[&delimited(&file)[..], &[0, 2, 1, b'x']].concat()));
    vec![sign(&once), once, parts, key.to_bytes(), key.public().to_bytes(), file]
}

/// No key that nobody has signed it; what can be signed verifies then, and what was there before still stands.
fn in_file(input: &[u8]) {
    let key = FILE_KEY.get_or_init(|| trust::embedded::KeyPair::generate().expect("a key"));
    assert!(trust::embedded::verify(input, &key.public()).is_err());
    let before = trust::embedded::signers(input);
    if let Ok(signed) = trust::embedded::sign(input, key) {
        let signed = signed.expect("it was not signed before");
        trust::embedded::verify(&signed, &key.public()).expect("it is now");
        assert_eq!(trust::embedded::sign(&signed, key), Ok(None));
        let after = trust::embedded::signers(&signed).expect("readable").expect("signers");
        assert!(before.ok().flatten().unwrap_or_default().iter().all(|signer| after.contains(signer)));
    }
    if let Ok(key) = trust::embedded::PublicKey::from_bytes(input) {
        assert_eq!(key.to_bytes(), input);
    }
    let _ = trust::embedded::KeyPair::from_bytes(input);
}

static FILE_KEY: OnceLock<trust::embedded::KeyPair> = OnceLock::new();

const POLICIES: &[&str] = &[
    "[package.\"acme:*\"]\nkeys = [{ path = \"acme.pub\", name = \"acme\", not-before = 2020-01-01, not-after = \
     2027-12-31T12:00:00+02:00 }, { spki = \"AAAA\", revoked = true }]\nattestations = [\"cyclonedx\"]\nbuilder = \"x\"\n\
     capabilities = [\"outbound\"]\nlicences = [\"MIT\"]\nmin-version = \"1.0.0\"\nbind-repository = true\n",
    "[package.\"*\"]\nidentities = [{ identity = \"https://git.example/acme/*/release.yml@**\", issuer = \
     \"https://token.example\", name = \"acme\", not-before = 2020-01-01 }]\n",
    "[package.\"*\"]\nrequire = \"none\"\nunnamed = \"allow\"\nlicences = [\"MIT OR (ISC AND MIT WITH x)\"]\n",
];

/// Text as a policy.
fn policy(input: &[u8]) {
    let key = KeyPair::generate().public();
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(policy) = Policy::parse(text, "trust.toml".into(), &|_| Ok(key.to_pem())) {
        // Whoever has to have signed it has a key or a name.
        let named = |rule: &trust::Rule| !(rule.keys.is_empty() && rule.identities.is_empty());
        assert!(policy.rules().iter().all(|rule| !rule.signature || named(rule)));
        let _ = policy.rule(&"acme:greet".parse().expect("a name"));
    }
}

const TABLES: &[&str] = &[
    include_str!("../examples/shop/tests/shop.toml"),
    include_str!("../examples/gate/tests/gate.toml"),
    "[[case]]\nname = \"a price\"\ncall = 'price(\"apple\")'\nreturns = \"ok(12)\"\n\n[[case]]\ncommand = { args = \
     [\"a\"], stdin = \"b\", env = { C = \"d\" } }\noutput = { status = 3, stdout = \"hello\", stderr-contains = \
     [\"warning\"] }\n",
];

/// Text as a table of tests.
fn table(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = run::Table::parse("test.toml".into(), text);
    }
}

const LOCKS: &[&str] = &[
    "[[package]]\nname = \"acme:greet\"\nversion = \"1.0.0\"\nregistry = \"dir:packages\"\ncontent = \
     \"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"\nmanifest = \
     \"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"\n\n[[wit]]\nname = \"a:b\"\nversion = \
     \"0.1.0\"\nregistry = \"local\"\ncontent = \
     \"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"\nmanifest = \
     \"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\"\n",
];

/// Lock files. What is read is written again as it was read.
fn lock(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(mut file) = deps::LockFile::parse(text, "jointer.lock".into()) {
        let (packages, wits) = (file.packages().to_vec(), file.wits().to_vec());
        file.set_packages(packages);
        file.set_wits(wits);
    }
}

fn bundles() -> Vec<Vec<u8>> {
    let component = wat::parse_str("(component (core module (func)))").expect("a component");
    let contents = package::Contents {
        id: &"acme:shop@1.0.0".parse().expect("a name"),
        component,
        parts: Vec::new(),
        root: "shop",
        wiring: &[],
        provenance: Some(serde_json::json!({})),
        created: "1970-01-01T00:00:00Z",
    };
    vec![
        package::bundle(contents, Some(&package::Signatory::Key(KeyPair::generate()))).expect("a bundle").tar,
    ]
}

/// Bundles. What passes is put together again to the same package.
fn bundle(input: &[u8]) {
    if let Ok((id, artifact, _)) = package::unpack(input) {
        assert_eq!(jointer::digest::Digest::of(&artifact.layer), artifact.layer_descriptor.digest);
        assert!(!id.to_string().is_empty());
    }
}
