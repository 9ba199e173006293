//! Real components, changed at random and adapted: never a panic, never an invalid result. `fuzz` does the same for
//! longer.

#[path = "../../fuzz/bodies.rs"]
mod bodies;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::adapt::{guest, program};
use crate::support::TestEnv;

/// Components and core modules of compilers, of several snapshots, the smaller first.
fn components() -> Vec<Vec<u8>> {
    let env = TestEnv::new();
    let read = |path: &std::path::Path| std::fs::read(path).expect("the guest");
    let october = read(&guest("wasm32-unknown-unknown", "october"));
    let mut encoder = wit_component::ComponentEncoder::default();
    let october = encoder.module(&october).and_then(|encoder| encoder.encode()).expect("a component");
    let module = read(&program(&env, "fn main() {}", "wasm32-wasip1"));
    let component = read(&program(&env, "fn main() { println!(\"hello\") }", "wasm32-wasip2"));
    let mixed = read(&guest("wasm32-wasip2", "snapshot"));
    vec![october, module, component, mixed]
}

/// Where the names and types are: what lies in core modules matters least, and is most of the bytes.
fn outside_of(bytes: &[u8], end: bool) -> std::ops::Range<usize> {
    const PIECE: usize = 6000;
    if end { bytes.len().saturating_sub(PIECE)..bytes.len() } else { 0..bytes.len().min(PIECE) }
}

#[test]
fn mutated_components_are_refused_or_adapted_to_something_valid() {
    let components = components();
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let which = (0..components.len(), any::<u8>(), prop::collection::vec(any::<u8>(), 8..40), 0..3);
    runner
        .run(&which, |(which, to, seed, place)| {
            let mut bytes = components[which].clone();
            if place > 0 {
                let range = outside_of(&bytes, place == 2);
                let mut piece = bytes[range.clone()].to_vec();
                bodies::mutate(&mut piece, &seed);
                bytes.splice(range, piece);
            } else {
                bodies::mutate(&mut bytes, &seed);
            }
            bodies::adapt_never_breaks(&bytes, to);
            Ok(())
        })
        .expect("no mutation breaks it");
}
