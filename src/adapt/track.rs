//! The two tracks of WASI: 0.2, and 0.3 with its async functions.
//!
//! They live side by side: hosts with 0.3 have 0.2 as well, and what compilers make for 0.3 uses 0.2 for its
//! standard library. So a component on both tracks has each adapted by itself.
//!
//! Between the tracks only what has the same type on both is carried. An engine lets a component wait in no
//! function but one whose type says `async`, and none of 0.2 says it: an adapter that waited for 0.3 inside a
//! function of 0.2 would trap ("cannot block a synchronous task before returning"). The other way round, the
//! host of 0.2 calls a `run` that may not wait, and the component's own is made of waiting.

use semver::Version;

use super::AdaptError;
use super::snapshot::{Snapshot, describe};
use super::uses::{Used, Uses};

/// `0.2` or `0.3`, by the beginning of a label.
fn track(label: &str) -> Option<(u64, u64)> {
    let version: Version = label.parse().ok()?;
    Some((version.major, version.minor))
}

/// Whether a label belongs to the target's track.
pub(super) fn is_same(label: &str, target: &Snapshot) -> bool {
    track(label).is_some_and(|of| track(&target.label) == Some(of))
}

/// Whether an interface can be compared with the target's of the same name: on one track always, else if the
/// target has all of it as it is.
pub(super) fn is_comparable(used: &Used, target: &Snapshot) -> bool {
    is_same(&used.label, target) || obstacle(used, target).is_none()
}

/// What a component uses on the target's track, and the labels of what it uses beside it and keeps.
pub(super) fn of_target(mut uses: Uses, target: &Snapshot) -> Result<(Uses, Vec<String>), AdaptError> {
    let all = || uses.imports.iter().chain(&uses.exports);
    if all().all(|used| is_comparable(used, target)) {
        return Ok((uses, Vec::new()));
    }
    if let Some(used) = all().find(|used| track(&used.label).is_none()) {
        return Err(unversioned(used, target));
    }
    if !all().any(|used| is_same(&used.label, target)) {
        let refused = all().find_map(|used| Some(other_track(used, target, &obstacle(used, target)?)));
        return refused.map_or(Ok((uses, Vec::new())), Err);
    }
    let mut left: Vec<String> =
        all().filter(|used| !is_same(&used.label, target)).map(|used| used.label.clone()).collect();
    left.sort();
    left.dedup();
    let before = uses.imports.len();
    uses.imports.retain(|used| is_same(&used.label, target));
    uses.exports.retain(|used| is_same(&used.label, target));
    uses.other_imports |= uses.imports.len() < before;
    Ok((uses, left))
}

/// What of an interface the other track has not, or not so.
struct Obstacle<'a> {
    /// A function or type; none if the whole interface is lacking.
    item: Option<&'a str>,
    has: &'a str,
    wants: Option<&'a str>,
}

fn obstacle<'a>(used: &'a Used, target: &'a Snapshot) -> Option<Obstacle<'a>> {
    let Some(interface) = target.interfaces.get(&used.key) else {
        return Some(Obstacle { item: None, has: "", wants: None });
    };
    let functions = used.functions.iter().map(|(name, has)| (name, has, interface.functions.get(name)));
    let types = used.types.iter().map(|(name, has)| (name, has, interface.types.get(name)));
    functions.chain(types).find(|(_, has, wants)| *wants != Some(*has)).map(|(name, has, wants)| Obstacle {
        item: Some(name),
        has,
        wants: wants.map(String::as_str),
    })
}

fn other_track(used: &Used, target: &Snapshot, obstacle: &Obstacle<'_>) -> AdaptError {
    let up = track(&target.label) > track(&used.label);
    let place = match obstacle.item {
        Some(item) => format!("`{item}` of `wasi:{}`", used.key),
        None => format!("`wasi:{}`", used.key),
    };
    let why = match (obstacle.item, obstacle.wants) {
        (None, _) if used.key.starts_with("io/") => {
            "is what WASI 0.3 has streams and futures of the component model for".to_owned()
        }
        (_, Some(wants)) if wants.starts_with("async") != obstacle.has.starts_with("async") => {
            let (this, that) = if up { ("not `async`", "`async`") } else { ("`async`", "not `async`") };
            format!("is {this}, and {that} in WASI {}", target.label)
        }
        (_, Some(wants)) => format!("is `{}`, and `{wants}` in WASI {}", obstacle.has, target.label),
        (_, None) => format!("has no counterpart in WASI {}", target.label),
    };
    let help = match up {
        true => {
            "functions of 0.2 may not wait for another component, so no adapter can wait for 0.3 in them; hosts \
             with 0.3 (wasmtime 46 and later, `jointer run`) have 0.2 as well and run it as it is"
        }
        false => {
            "a host of 0.2 calls functions that may not wait, and code for 0.3 is made of waiting; build it for \
             WASI 0.2, or run it where 0.3 is offered (wasmtime 46 and later, `jointer run`)"
        }
    };
    AdaptError::OtherTrack {
        snapshot: describe(&used.label).into(),
        place: place.into(),
        why: why.into(),
        help: help.into(),
    }
}

fn unversioned(used: &Used, target: &Snapshot) -> AdaptError {
    AdaptError::InterfaceMissing {
        snapshot: describe(&used.label).into(),
        interface: format!("wasi:{}", used.key).into(),
        target: target.label.as_str().into(),
        help:
            "in those days handles were plain numbers, which nothing converts; build it again with current \
               tools"
                .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_fits, everything, externs, version, world};
    use super::super::{How, adapt};
    use super::*;

    const FINALS: [&str; 3] = ["0.3.0-rc-2026-03-15", "0.3.0", "0.3.2"];

    #[test]
    fn the_last_candidate_and_the_finals_of_0_3_are_each_others_by_name() {
        for from in FINALS {
            let bytes = everything(from);
            for to in FINALS {
                let adapted =
                    adapt(&bytes, &version(to)).unwrap_or_else(|error| panic!("{from} {to}: {error}"));
                assert_eq!(adapted.how, if from == to { How::Unchanged } else { How::Renamed });
                assert_fits(&adapted.bytes, to);
            }
        }
    }

    #[test]
    fn earlier_candidates_go_as_far_as_their_types_agree() {
        let early =
            ["0.3.0-rc-2025-08-15", "0.3.0-rc-2025-09-16", "0.3.0-rc-2026-01-06", "0.3.0-rc-2026-02-09"];
        for from in early {
            let error = adapt(&everything(from), &version("0.3.2")).unwrap_err();
            assert!(error.to_string().contains("0.3.0-rc-20"), "{error}");
            let imports = format!(
                "import wasi:clocks/monotonic-clock@{from}; import wasi:random/insecure-seed@{from};
                 import wasi:cli/environment@{from};"
            );
            let adapted = adapt(&world(&imports, &[from]), &version("0.3.2"));
            if from != "0.3.0-rc-2025-08-15" && from != "0.3.0-rc-2025-09-16" {
                assert_fits(&adapted.unwrap().bytes, "0.3.2");
            }
        }
    }

    #[test]
    fn each_track_is_adapted_by_itself() {
        let bytes = world(
            "import wasi:io/poll@0.2.6; import wasi:clocks/system-clock@0.3.0-rc-2026-03-15;
             export wasi:cli/run@0.3.0-rc-2026-03-15;",
            &["0.2.6", "0.3.0-rc-2026-03-15"],
        );
        let up = adapt(&bytes, &version("0.3.2")).unwrap();
        assert_eq!(up.left, ["0.2.6"]);
        let imports = ["wasi:io/poll@0.2.6", "wasi:clocks/types@0.3.2", "wasi:clocks/system-clock@0.3.2"];
        assert_eq!(externs(&up.bytes).imports, imports);
        assert_eq!(externs(&up.bytes).exports, ["wasi:cli/run@0.3.2"]);
        let both = adapt(&up.bytes, &version("0.2.12")).unwrap();
        assert_eq!(both.left, ["0.3.2"]);
        assert_eq!(externs(&both.bytes).imports[0], "wasi:io/poll@0.2.12");
    }

    #[test]
    fn a_host_with_both_tracks_has_both_adapted() {
        let host = crate::host::Profile::built_in();
        let both = world(
            "import wasi:io/poll@0.2.6; import wasi:clocks/system-clock@0.3.0-rc-2026-03-15;",
            &["0.2.6", "0.3.0-rc-2026-03-15"],
        );
        let fitted = super::super::fit(&both, &host).unwrap();
        let imports = externs(&fitted.bytes).imports;
        assert_eq!(
            imports,
            ["wasi:io/poll@0.2.12", "wasi:clocks/types@0.3.0", "wasi:clocks/system-clock@0.3.0"]
        );
        assert_eq!((fitted.from.len(), fitted.left.len(), fitted.how), (2, 0, How::Renamed));
        let third = world("export wasi:cli/run@0.3.2;", &["0.3.2"]);
        assert_eq!(externs(&super::super::fit(&third, &host).unwrap().bytes).exports, ["wasi:cli/run@0.3.0"]);
        let second = world("export wasi:cli/run@0.2.3;", &["0.2.3"]);
        assert_eq!(
            externs(&super::super::fit(&second, &host).unwrap().bytes).exports,
            ["wasi:cli/run@0.2.12"]
        );
    }

    #[test]
    fn only_what_agrees_crosses_between_the_tracks() {
        let bytes = world("import wasi:random/insecure@0.2.12;", &["0.2.12"]);
        let error = adapt(&bytes, &version("0.3.0")).unwrap_err();
        assert!(error.to_string().contains("get-insecure-random-bytes"), "{error}");
        let text = r#"(component (import "wasi:random/random@0.2.12" (instance (export "get-random-u64" (func (result u64))))))"#;
        let adapted = adapt(&wat::parse_str(text).unwrap(), &version("0.3.0")).unwrap();
        assert_eq!(externs(&adapted.bytes).imports, ["wasi:random/random@0.3.0"]);
        let back = adapt(&adapted.bytes, &version("0.2.12")).unwrap();
        assert_eq!(externs(&back.bytes).imports, ["wasi:random/random@0.2.12"]);
    }

    #[test]
    fn core_modules_are_of_the_second_track_whatever_they_end_with() {
        let module = wat::parse_str(
            r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
                (memory (export "memory") 1) (func (export "_start") (call 0 (i32.const 3))))"#,
        );
        let error = adapt(&module.unwrap(), &version("0.3.0")).unwrap_err();
        assert!(matches!(error, AdaptError::OtherTrack { .. }), "{error}");
    }

    #[test]
    fn refusals_say_what_is_in_the_way() {
        let refused = |text: &str, from: &str, to: &str| match adapt(&world(text, &[from]), &version(to)) {
            Err(AdaptError::OtherTrack { place, why, help, .. }) => format!("{place} {why}; {help}"),
            other => panic!("{other:?}"),
        };
        let up = refused("export wasi:cli/run@0.2.12;", "0.2.12", "0.3.0");
        assert!(up.contains("`run` of `wasi:cli/run` is not `async`, and `async` in WASI 0.3.0"), "{up}");
        let up = refused("import wasi:io/streams@0.2.12;", "0.2.12", "0.3.0");
        assert!(up.contains("streams and futures of the component model"), "{up}");
        let down = refused("export wasi:cli/run@0.3.0;", "0.3.0", "0.2.12");
        assert!(
            down.contains("is `async`, and not `async` in WASI 0.2.12") && down.contains("wasmtime 46"),
            "{down}"
        );
    }
}
