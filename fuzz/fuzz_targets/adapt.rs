//! Any bytes, adapted; the first says to which version.
#![no_main]

#[path = "../bodies.rs"]
#[allow(dead_code)]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some((to, bytes)) = data.split_first() {
        bodies::adapt_never_breaks(bytes, *to);
    }
});
