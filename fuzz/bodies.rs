//! What is fuzzed: shared by the fuzz targets and by the property test of the same name.

use jointer::{adapt, component};

/// Adapts some bytes to a version. Whatever they are, it ends with an error or with a valid component; and what it
/// says of them it says without falling over.
pub fn adapt_never_breaks(bytes: &[u8], to: u8) {
    let targets = adapt::targets();
    let to = &targets[usize::from(to) % targets.len()];
    let _ = adapt::survey(bytes);
    let _ = adapt::drift(bytes);
    let _ = adapt::steps(bytes);
    if let Ok(adapted) = adapt::adapt(bytes, to) {
        component::validate(&adapted.bytes).unwrap_or_else(|error| panic!("invalid for {to}: {error}"));
        let again =
            adapt::adapt(&adapted.bytes, to).unwrap_or_else(|error| panic!("not again for {to}: {error}"));
        assert_eq!(again.bytes, adapted.bytes, "what fits {to} is left alone");
    }
}

/// Changes some bytes as `seed` says: single bits, pieces that go, come twice or change places, a cut end.
pub fn mutate(bytes: &mut Vec<u8>, seed: &[u8]) {
    for step in seed.chunks_exact(8) {
        if bytes.is_empty() {
            return;
        }
        let number = |from: usize| usize::from(u16::from_le_bytes([step[from], step[from + 1]]));
        let at = (number(1) << 8 | usize::from(step[3])) % bytes.len();
        let end = (at + 1 + number(4) % 64).min(bytes.len());
        match step[0] % 6 {
            0 => bytes[at] ^= 1 << (step[6] % 8),
            1 => bytes[at] = step[6],
            2 => drop(bytes.drain(at..end)),
            3 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            4 => bytes[at..end].reverse(),
            _ if step[7] == 0 => bytes.truncate(at),
            _ => bytes.insert(at, step[6]),
        }
    }
}
