//! The target that `JOINTER_FUZZ_TARGET` names, driven by libFuzzer.
#![no_main]

#[path = "targets.rs"]
#[allow(dead_code)]
mod targets;

use std::sync::OnceLock;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    static TARGET: OnceLock<&'static targets::Target> = OnceLock::new();
    let named = || targets::target(&std::env::var("JOINTER_FUZZ_TARGET").expect("JOINTER_FUZZ_TARGET names a target"));
    (TARGET.get_or_init(named).run)(input);
});
