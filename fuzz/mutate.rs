//! Changes samples at random, the same way every time for the same seed.

/// Numbers that look random.
pub struct Random(u64);

impl Random {
    /// The numbers of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next of them.
    pub fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap_or_default()
    }
}

/// The names and types of a component stand at both ends; what lies between is code, which matters least and is most
/// of the bytes.
const EDGE: usize = 6000;

/// One of the samples, changed in one to eight places; pieces of other samples may come in.
pub fn mutated(samples: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = samples[random.below(samples.len())].clone();
    let other = &samples[random.below(samples.len())];
    let area = match random.below(3) {
        0 => 0..bytes.len(),
        1 => 0..bytes.len().min(EDGE),
        _ => bytes.len().saturating_sub(EDGE)..bytes.len(),
    };
    for _ in 0..=random.below(8) {
        if bytes.is_empty() {
            break;
        }
        let at = (area.start + random.below(area.len().max(1))).min(bytes.len() - 1);
        change(&mut bytes, at, other, random);
    }
    bytes
}

/// Numbers at which lengths and indices turn over.
const EDGES: &[u8] = &[0, 1, 0x7f, 0x80, 0xff, b'"', b'\n', b'{', b'[', b'/', b'@'];

fn change(bytes: &mut Vec<u8>, at: usize, other: &[u8], random: &mut Random) {
    let end = (at + 1 + random.below(64)).min(bytes.len());
    let byte = random.below(256) as u8;
    match random.below(10) {
        0 => bytes[at] ^= 1 << (byte % 8),
        1 => bytes[at] = byte,
        2 => bytes[at] = EDGES[random.below(EDGES.len())],
        3 => bytes[at] = bytes[at].wrapping_add(if byte & 1 == 0 { 1 } else { 0xff }),
        4 => drop(bytes.drain(at..end)),
        5 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        6 if !other.is_empty() => {
            let from = random.below(other.len());
            let piece = &other[from..(from + end - at).min(other.len())];
            bytes.splice(at..end, piece.iter().copied());
        }
        7 => bytes[at..end].reverse(),
        8 if byte < 32 => bytes.truncate(at),
        _ => bytes.insert(at, byte),
    }
}
