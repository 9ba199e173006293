//! What `tests/it/embedded.rs` cannot reach: every byte, and sections that nobody's program writes.

use super::*;

fn key(seed: u8) -> KeyPair {
    let public = ring::signature::Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let public = ring::signature::KeyPair::public_key(&public).as_ref().to_vec();
    KeyPair::from_bytes(&[&[0x81], &[seed; 32][..], &public].concat()).unwrap()
}

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(format!(r#"(component (core module (@custom "note" "{text}")))"#)).unwrap()
}

fn signed(file: &[u8], key: &KeyPair) -> Vec<u8> {
    sign(file, key).unwrap().unwrap()
}

fn delimited(file: &[u8], number: u8) -> Vec<u8> {
    let name = b"signature_delimiter";
    [file, &[0, 36, 19], &name[..], &[number; 16]].concat()
}

#[test]
fn keys_read_back_as_written_and_halves_belong_together() {
    let pair = KeyPair::generate().unwrap();
    assert_eq!(KeyPair::from_bytes(&pair.to_bytes()).unwrap().public(), pair.public());
    assert_eq!(PublicKey::from_bytes(&pair.public().to_bytes()).unwrap(), pair.public());
    let mut other = pair.to_bytes();
    other[40] ^= 1;
    for bytes in [&other[..], &other[..64], b"", &pair.public().to_bytes(), b"-----BEGIN PRIVATE KEY-----"] {
        assert!(matches!(KeyPair::from_bytes(bytes), Err(EmbeddedError::InvalidKey(_))));
    }
    for bytes in [&pair.to_bytes()[..], &pair.public().to_bytes()[..32], b"\x01", b""] {
        assert!(matches!(PublicKey::from_bytes(bytes), Err(EmbeddedError::InvalidKey(_))));
    }
    assert!(!format!("{pair:?}").contains(&hex::encode(&pair.to_bytes()[1..33])));
}

#[test]
fn no_flipped_bit_and_no_shorter_file_passes() {
    let (file, key) = (component("a"), key(1));
    let signed = signed(&file, &key);
    verify(&signed, &key.public()).unwrap();
    // The preamble is not signed; that it is one says whoever reads the file as WebAssembly.
    for at in 8..signed.len() {
        for bit in 0..8 {
            let mut changed = signed.clone();
            changed[at] ^= 1 << bit;
            assert!(verify(&changed, &key.public()).is_err(), "bit {bit} of byte {at}");
        }
        assert!(verify(&signed[..at], &key.public()).is_err(), "the first {at} bytes");
    }
    assert_eq!(verify(&[&signed[..], &[0, 1, 0]].concat(), &key.public()), Err(EmbeddedError::Changed));
}

#[test]
fn several_sign_and_each_signature_stays() {
    let file = component("a");
    let once = signed(&file, &key(1));
    let twice = signed(&once, &key(2));
    assert_eq!(sign(&twice, &key(1)).unwrap(), None);
    assert_eq!(signed(&signed(&file, &key(1)), &key(2)), twice, "the same each time");
    for number in [1, 2] {
        verify(&twice, &key(number).public()).unwrap();
    }
    let found = signers(&twice).unwrap().unwrap();
    assert_eq!(found, [1, 2].map(|number| key(number).public().to_string()));
    let refused = verify(&twice, &key(3).public()).unwrap_err();
    assert!(matches!(&refused, EmbeddedError::AnotherKey { found: told, .. } if *told == found.join(", ")));
    assert!(twice.ends_with(&file[8..]), "nothing else changed");
    assert_eq!(signers(&file).unwrap(), None);
    assert_eq!(verify(&file, &key(1).public()), Err(EmbeddedError::None));
}

#[test]
fn a_signature_does_not_move_to_another_file() {
    let key = key(1);
    let theirs = signed(&component("a"), &key);
    let section = Split::of(&theirs).unwrap().signature.unwrap().to_vec();
    let moved = Split::of(&component("b")).unwrap().with(&section);
    assert_eq!(verify(&moved, &key.public()), Err(EmbeddedError::Changed));
    // Signed again, it counts; what is old stays and counts for nothing.
    verify(&signed(&moved, &key), &key.public()).unwrap();
}

#[test]
fn a_signature_of_parts_counts_for_all_of_them_only() {
    let key = key(1);
    let parts = delimited(&[delimited(&component("a"), 1), vec![0, 2, 1, b'x']].concat(), 2);
    let signed = signed(&parts, &key);
    verify(&signed, &key.public()).unwrap();
    let cut = signed.len() - 38 - 4;
    assert_eq!(verify(&signed[..cut], &key.public()), Err(EmbeddedError::Changed));
    let extended = delimited(&signed, 3);
    assert_eq!(verify(&extended, &key.public()), Err(EmbeddedError::Changed));
}

#[test]
fn a_useless_signature_of_somebody_else_takes_nothing_away() {
    let (file, key) = (component("a"), key(1));
    let split = Split::of(&file).unwrap();
    let useless = |algorithm, bytes| Signature { key_id: Vec::new(), algorithm, bytes };
    let hashes = split.hashes().unwrap();
    let set = Set {
        hashes,
        signatures: vec![useless(1, vec![0; 3]), useless(7, vec![1; 5000]), useless(1, vec![9; 64])],
    };
    let with = split.with(&Data { sets: vec![set] }.encode());
    assert!(matches!(verify(&with, &key.public()), Err(EmbeddedError::AnotherKey { .. })));
    verify(&signed(&with, &key), &key.public()).unwrap();
}

#[test]
fn sections_that_lie_about_their_sizes_are_refused() {
    let file = component("a");
    let split = Split::of(&file).unwrap();
    let huge = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let section = |payload: &[u8]| split.with(payload);
    let cases = [
        section(&[]),
        section(&[2, 1, 1, 0]),
        section(&[1, 2, 1, 0]),
        section(&[1, 1, 2, 0]),
        section(&[1, 1, 1, 65]),
        section(&[1, 1, 1, 0, 0]),
        section(&[&[1, 1, 1][..], &huge].concat()),
        section(&[&[1, 1, 1, 1][..], &huge].concat()),
        section(&[1, 1, 1, 1, 2, 64, 0]),
        section(&[1, 1, 1, 1, 3, 0, 0xff, 1]),
        section(&[0x81, 0, 1, 1, 0]),
        [&file[..8], &[0], &huge[..], b"\x09signature"].concat(),
        [&file[..8], &[0, 0xff, 0xff, 0xff, 0xff, 0x7f]].concat(),
        file[..4].to_vec(),
        Vec::new(),
    ];
    for case in &cases {
        let refused = verify(case, &key(1).public());
        assert!(matches!(refused, Err(EmbeddedError::Malformed(_))), "{refused:?} of {case:?}");
        assert!(sign(case, &key(1)).is_err());
    }
    assert_eq!(verify(&section(&[1, 1, 1, 0]), &key(1).public()), Err(EmbeddedError::None));
    let many = (0..=MAX_PARTS).fold(file, |file, number| delimited(&file, number as u8));
    assert!(matches!(sign(&many, &key(1)), Err(EmbeddedError::Malformed(_))));
}

const MAX_PARTS: usize = data::MAX_HASHES;

#[test]
fn there_is_an_end_to_signatures() {
    let mut file = component("a");
    let mut refused = None;
    for seed in 0..=255 {
        match sign(&file, &key(seed)) {
            Ok(more) => file = more.unwrap(),
            Err(error) => refused = Some(error),
        }
    }
    assert_eq!(refused, None, "256 of them");
    let another = KeyPair::generate().unwrap();
    assert!(matches!(sign(&file, &another), Err(EmbeddedError::Malformed(_))));
    verify(&file, &key(7).public()).unwrap();
}
