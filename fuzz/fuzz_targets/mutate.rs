//! A component of `JOINTER_FUZZ_COMPONENT`, changed as the input says.
#![no_main]

#[path = "../bodies.rs"]
mod bodies;

use std::sync::OnceLock;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    static COMPONENT: OnceLock<Vec<u8>> = OnceLock::new();
    let component = COMPONENT.get_or_init(|| {
        let path = std::env::var("JOINTER_FUZZ_COMPONENT").expect("the path of a component");
        std::fs::read(path).expect("the component")
    });
    if let Some((to, seed)) = data.split_first() {
        let mut bytes = component.clone();
        bodies::mutate(&mut bytes, seed);
        bodies::adapt_never_breaks(&bytes, *to);
    }
});
