//! Components that use everything of a snapshot, adapted to every other.

use proptest::prelude::*;
use semver::Version;
use wit_parser::Resolve;

use super::snapshot::Snapshot;
use super::{AdaptError, How, adapt, survey, targets};
use crate::component::{self, Externs};

pub(super) fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// A component for a world of `resolve`, with bodies that trap.
pub(super) fn dummy(resolve: &Resolve, world: &str) -> Vec<u8> {
    super::sample::of_world(resolve, world).unwrap()
}

/// Imports every interface of a snapshot with every function.
pub(super) fn everything(label: &str) -> Vec<u8> {
    super::sample::everything(label).unwrap()
}

/// A component for a world written here, over several snapshots.
pub(super) fn world(text: &str, labels: &[&str]) -> Vec<u8> {
    let text = format!("package test:app;\nworld app {{ {text} }}");
    let resolve = super::snapshot::resolve_text(&text, labels);
    dummy(&resolve, "app")
}

pub(super) fn externs(bytes: &[u8]) -> Externs {
    component::externs(bytes).unwrap()
}

/// Every WASI import bears the version that the target has for its package, and none comes twice.
pub(super) fn assert_fits(bytes: &[u8], label: &str) {
    component::validate(bytes).unwrap();
    let target = Snapshot::load(label).unwrap();
    let names = externs(bytes).imports;
    let mut seen = std::collections::BTreeSet::new();
    for name in names.iter().filter(|name| name.starts_with("wasi:")) {
        let key = name.strip_prefix("wasi:").unwrap().split('@').next().unwrap();
        assert_eq!(*name, target.interfaces[key].name, "for {label}");
        assert!(seen.insert(key), "{name} twice");
    }
}

#[test]
fn every_final_goes_to_every_other_or_the_lacking_function_is_named() {
    for from in super::snapshot::finals() {
        let bytes = everything(&from.to_string());
        for to in targets().into_iter().filter(|to| to.minor == 2) {
            match adapt(&bytes, &to) {
                Ok(adapted) => {
                    assert_fits(&adapted.bytes, &to.to_string());
                    let unchanged = adapted.how == How::Unchanged;
                    assert_eq!(unchanged, from == to, "{from} to {to}");
                    assert_eq!(adapted.from, [from.to_string()]);
                }
                // Only going down loses anything.
                Err(
                    AdaptError::FunctionMissing { .. }
                    | AdaptError::InterfaceMissing { .. }
                    | AdaptError::Differs { .. },
                ) => assert!(to < from, "{from} to {to}"),
                Err(error) => panic!("{from} to {to}: {error}"),
            }
        }
    }
}

#[test]
fn candidates_go_to_every_final() {
    for (from, functions) in [
        ("0.2.0-rc-2024-01-16", 0),
        ("0.2.0-rc-2023-12-05", 4),
        ("0.2.0-rc-2023-11-10", 11),
        ("0.2.0-rc-2023-11-05", 11),
        ("0.2.0-rc-2023-10-18", 62),
    ] {
        let bytes = everything(from);
        for to in super::snapshot::finals() {
            let adapted = adapt(&bytes, &to).unwrap_or_else(|error| panic!("{from} to {to}: {error}"));
            assert_fits(&adapted.bytes, &to.to_string());
            match &adapted.how {
                How::Renamed => assert_eq!(functions, 0, "{from} to {to}"),
                How::Wrapped { functions: wrapped } => assert_eq!(wrapped.len(), functions, "{from} to {to}"),
                other => panic!("{from} to {to}: {other:?}"),
            }
            assert_eq!(adapted.from, [from]);
            let again = adapt(&adapted.bytes, &to).unwrap();
            assert_eq!(again.how, How::Unchanged);
            assert_eq!(again.bytes, adapted.bytes);
            assert_eq!(adapt(&bytes, &to).unwrap(), adapted, "the same bytes every time");
        }
    }
}

#[test]
fn a_resource_of_an_adapter_that_others_are_to_see_is_refused_by_name() {
    let old = "0.2.0-rc-2023-10-18";
    let udp = format!("wasi:sockets/udp@{old}");
    let talk = format!("talk: interface {{ use {udp}.{{udp-socket}}; to: func(on: udp-socket); }}");
    let of_world = format!("use {udp}.{{udp-socket}}; export talk: func() -> result<list<udp-socket>>;");
    for text in [format!("export {talk}"), format!("import {talk}"), of_world] {
        let error = adapt(&world(&format!("import {udp}; {text}"), &[old]), &version("0.2.12")).unwrap_err();
        assert!(matches!(error, AdaptError::MentionsWrapped { .. }), "{text} {error}");
        let said = error.to_string();
        assert!(said.starts_with("`talk` mentions `udp-socket` of `wasi:sockets/udp@"), "{said}");
    }
    // A resource that is the host's is no obstacle.
    let text = format!(
        "import {udp}; export talk: interface {{
             use wasi:io/streams@{old}.{{input-stream}}; to: func(on: input-stream);
         }}"
    );
    adapt(&world(&text, &[old]), &version("0.2.12")).unwrap();
}

#[test]
fn what_is_stubbed_is_written_down() {
    let bytes = everything("0.2.12");
    let wishes = super::Wishes { lacking: super::Lacking::Stub, ..Default::default() };
    let adapted = super::adapt_with(&bytes, &version("0.2.0"), &wishes).unwrap();
    assert!(!adapted.stubs.is_empty());
    let steps = super::steps(&adapted.bytes);
    assert_eq!((steps[1].how.as_str(), steps[1].to.as_str()), ("stubbed", "nobody"));
    assert_eq!(steps[1].from, adapted.stubs);
}

#[test]
fn what_is_not_of_this_track_is_refused_with_its_name() {
    let error = adapt(&everything("0.3.0"), &version("0.2.12")).unwrap_err();
    assert!(matches!(error, AdaptError::OtherTrack { .. }), "{error}");
}

#[test]
fn two_versions_of_an_interface_become_one_import() {
    // The older half brings pollables only through streams, the newer one polls them.
    let bytes = world(
        "import wasi:io/streams@0.2.3; import wasi:cli/stdin@0.2.3; import wasi:io/poll@0.2.12;
         import wasi:io/streams@0.2.12; import wasi:http/types@0.2.12; import wasi:clocks/monotonic-clock@0.2.9;
         import tap: interface { use wasi:io/streams@0.2.12.{input-stream}; take: func(it: input-stream); }
         export mine: interface { use wasi:io/poll@0.2.3.{pollable}; give: func() -> pollable; }
         export wasi:cli/run@0.2.3; export wasi:http/incoming-handler@0.2.12;",
        &["0.2.3", "0.2.9", "0.2.12"],
    );
    let twice = externs(&bytes).imports.iter().filter(|name| name.starts_with("wasi:io/streams@")).count();
    assert_eq!(twice, 2, "the case must be what it says");
    for to in ["0.2.12", "0.2.3", "0.2.0"] {
        let adapted = match adapt(&bytes, &version(to)) {
            Ok(adapted) => adapted,
            Err(AdaptError::FunctionMissing { .. }) if to != "0.2.12" => continue,
            Err(error) => panic!("{to}: {error}"),
        };
        assert_fits(&adapted.bytes, to);
        assert_eq!(adapted.from, ["0.2.3", "0.2.9", "0.2.12"]);
        let exports = externs(&adapted.bytes).exports;
        assert_eq!(
            exports,
            ["mine".to_owned(), format!("wasi:cli/run@{to}"), format!("wasi:http/incoming-handler@{to}")]
        );
        assert!(externs(&adapted.bytes).imports.contains(&"tap".to_owned()));
        let modules = |bytes: &[u8]| component::core_modules(bytes).unwrap();
        assert_eq!(modules(&adapted.bytes), modules(&bytes), "core modules are not touched");
        assert_eq!(adapt(&adapted.bytes, &version(to)).unwrap().bytes, adapted.bytes);
    }
}

#[test]
fn what_is_no_wasi_is_handed_on_around_an_adapter() {
    let old = "0.2.0-rc-2023-11-10";
    let bytes = world(
        &format!(
            "import prices: interface {{ record price {{ cents: u32 }} of: func(sku: string) -> price; }}
             import log: func(text: string);
             import tap: interface {{ use wasi:http/types@{old}.{{request-options}}; look: func(it: borrow<request-options>); }}
             import wasi:http/types@{old}; import wasi:sockets/tcp@{old};
             export catalogue: interface {{ resource item {{ name: func() -> string; }} all: func() -> list<item>; }}
             export wasi:http/incoming-handler@{old}; export greet: func() -> string;"
        ),
        &[old],
    );
    let adapted = adapt(&bytes, &version("0.2.12")).unwrap();
    assert_fits(&adapted.bytes, "0.2.12");
    let found = externs(&adapted.bytes);
    for import in ["prices", "log", "tap"] {
        assert!(found.imports.contains(&import.to_owned()), "{import}: {found:?}");
    }
    assert_eq!(found.exports.len(), 3);
    assert!(found.exports.contains(&"wasi:http/incoming-handler@0.2.12".to_owned()), "{found:?}");
    let How::Wrapped { functions } = adapted.how else { panic!() };
    assert_eq!(functions.len(), 9, "{functions:?}");
}

#[test]
fn an_interface_exported_twice_is_refused() {
    let bytes = world("export wasi:cli/run@0.2.3; export wasi:cli/run@0.2.12;", &["0.2.3", "0.2.12"]);
    let error = adapt(&bytes, &version("0.2.12")).unwrap_err();
    assert!(matches!(error, AdaptError::ExportedTwice { .. }), "{error}");
}

#[test]
fn a_component_without_wasi_stays_as_it_is() {
    let bytes = world("export greet: func() -> string;", &[]);
    let adapted = adapt(&bytes, &version("0.2.0")).unwrap();
    assert_eq!((adapted.how, adapted.bytes, adapted.from), (How::Unchanged, bytes, Vec::new()));
}

#[test]
fn only_known_versions_are_targets() {
    for to in ["0.2.13", "0.3.1", "0.2.0-rc-2023-10-18", "1.0.0"] {
        let error = adapt(&everything("0.2.0"), &version(to)).unwrap_err();
        assert!(matches!(error, AdaptError::UnknownTarget { .. }), "{to}: {error}");
    }
}

#[test]
fn a_survey_says_which_hosts_run_a_component() {
    let found = survey(&world("import wasi:sockets/network@0.2.3;", &["0.2.3"])).unwrap();
    assert_eq!(found.fits.first().map(String::as_str), Some("0.2.2"), "`network-error-code` came with 0.2.2");
    let found = survey(&everything("0.2.0-rc-2023-11-10")).unwrap();
    assert!(found.fits.is_empty() && found.diagnosis.contains("wasmtime 15"), "{found:?}");
    assert!(found.diagnosis.contains("jointer adapt"), "{found:?}");
    let found = survey(&everything("0.2.0-rc-2023-10-18")).unwrap();
    assert!(found.fits.is_empty() && found.diagnosis.contains("wasmtime 14, Spin 2.0"), "{found:?}");
}

fn sample() -> &'static [u8] {
    static SAMPLE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    SAMPLE.get_or_init(|| {
        world(
            "import wasi:io/poll@0.2.3; import wasi:io/poll@0.2.12; export wasi:cli/run@0.2.3;
             import wasi:http/types@0.2.0-rc-2023-11-10;",
            &["0.2.3", "0.2.12", "0.2.0-rc-2023-11-10"],
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_bytes_are_errors_and_never_panics(
        cut in 0usize..40_000, flips in proptest::collection::vec((0usize..40_000, any::<u8>()), 0..6),
    ) {
        let mut bytes = sample().to_vec();
        for (at, with) in flips {
            let at = at % bytes.len();
            bytes[at] = with;
        }
        if cut < bytes.len() * 2 {
            bytes.truncate(bytes.len().min(cut.max(1)));
        }
        if let Ok(adapted) = adapt(&bytes, &version("0.2.12")) {
            prop_assert!(component::validate(&adapted.bytes).is_ok());
        }
        let _ = survey(&bytes);
        let _ = component::core_modules(&bytes);
    }
}

#[test]
fn exports_that_mention_imported_types_survive_an_adapter() {
    let old = "0.2.0-rc-2023-11-10";
    let bytes = world(
        &format!(
            "import wasi:sockets/tcp@{old};
             import prices: interface {{ record price {{ cents: u32 }} record offer {{ price: price }} of: func() -> offer; }}
             export listing: interface {{ use wasi:filesystem/types@{old}.{{descriptor, directory-entry}};
                 entries: func(of: borrow<descriptor>) -> list<directory-entry>; }}
             export shelf: interface {{ use wasi:clocks/wall-clock@{old}.{{datetime}}; opened: func() -> datetime; }}"
        ),
        &[old],
    );
    let adapted = adapt(&bytes, &version("0.2.12")).unwrap();
    assert_fits(&adapted.bytes, "0.2.12");
    assert_eq!(externs(&adapted.bytes).exports, ["listing", "shelf"]);
}

#[test]
fn what_is_lacking_is_stubbed_if_that_is_wanted() {
    let bytes = everything("0.2.12");
    let first = version("0.2.0");
    let stub = &super::Wishes { lacking: super::Lacking::Stub, ..super::Wishes::default() };
    assert!(matches!(adapt(&bytes, &first).unwrap_err(), AdaptError::FunctionMissing { .. }));
    let adapted = super::adapt_with(&bytes, &first, stub).unwrap();
    assert_fits(&adapted.bytes, "0.2.0");
    let functions = adapted.how.functions();
    for lacking in [
        "wasi:http/types [method]response-outparam.send-informational",
        "wasi:sockets/network network-error-code",
    ] {
        assert!(functions.iter().any(|function| function == lacking), "{functions:?}");
    }
    // Where nothing is lacking, nothing changes.
    let same = super::adapt_with(&bytes, &version("0.2.12"), stub).unwrap();
    assert_eq!((same.how, same.bytes), (How::Unchanged, bytes));
    let old = everything("0.2.0-rc-2023-11-10");
    assert_eq!(super::adapt_with(&old, &first, stub).unwrap(), adapt(&old, &first).unwrap());
}
