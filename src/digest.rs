//! A SHA-256 digest as a type, so that a digest is never confused with a name or a path.

use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of some bytes. Displays as `sha256:` and 64 hex digits, the form OCI uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of everything that `reader` gives.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn of_reader(mut reader: impl Read) -> io::Result<Self> {
        let mut hasher = Hasher::default();
        io::copy(&mut reader, &mut hasher)?;
        Ok(hasher.finish())
    }

    /// The 64 hex digits without the algorithm.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// The first twelve hex digits: enough for people, never for a decision.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Hashes while bytes pass through; an [`io::Write`], so [`io::copy`] can feed it.
#[derive(Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Adds a field in a way that two fields can never be taken for one: its length goes first.
    pub fn field(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// The digest of all that was added.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// Pieces that wait to be hashed.
const AHEAD: usize = 32;
/// What is read before it is hashed.
const PIECE: usize = 1 << 20;

/// Hashes in a thread of its own, so that whoever brings the bytes goes on with the next ones.
pub struct HasherBeside {
    sender: SyncSender<Bytes>,
    thread: JoinHandle<Digest>,
}

impl Default for HasherBeside {
    fn default() -> Self {
        let (sender, receiver) = sync_channel::<Bytes>(AHEAD);
        let thread = std::thread::spawn(move || {
            let mut hasher = Hasher::default();
            receiver.iter().for_each(|bytes| hasher.update(&bytes));
            hasher.finish()
        });
        Self { sender, thread }
    }
}

impl HasherBeside {
    /// Adds bytes.
    pub fn update(&self, bytes: Bytes) {
        // The other end lives until this one is gone.
        let _ = self.sender.send(bytes);
    }

    /// The digest of all that was added.
    pub fn finish(self) -> Digest {
        drop(self.sender);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes and their digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashed {
    bytes: Bytes,
    digest: Digest,
}

impl Hashed {
    /// All that `file` has left, about `size` bytes, hashed in a second thread while the rest is read.
    ///
    /// # Errors
    /// Those of the file.
    pub fn read(mut file: impl Read, size: usize) -> io::Result<Self> {
        let mut bytes = vec![0; size];
        let (end, mut hasher) = std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel::<&[u8]>(AHEAD);
            let hashing = scope.spawn(move || {
                let mut hasher = Hasher::default();
                receiver.iter().for_each(|piece| hasher.update(piece));
                hasher
            });
            let mut end = 0;
            for piece in bytes.chunks_mut(PIECE) {
                let read = fill(&mut file, piece)?;
                end += read;
                // The other end lives until this one is gone.
                let _ = sender.send(&piece[..read]);
                if read == 0 {
                    break;
                }
            }
            drop(sender);
            let hasher = hashing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Ok::<_, io::Error>((end, hasher))
        })?;
        // It has become shorter or longer since its size was asked for.
        bytes.truncate(end);
        file.read_to_end(&mut bytes)?;
        hasher.update(&bytes[end..]);
        Ok(Self { bytes: bytes.into(), digest: hasher.finish() })
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Their digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl From<Vec<u8>> for Hashed {
    fn from(bytes: Vec<u8>) -> Self {
        Self { digest: Digest::of(&bytes), bytes: bytes.into() }
    }
}

/// Reads until `piece` is full or there is no more.
fn fill(file: &mut impl Read, piece: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < piece.len() {
        match file.read(&mut piece[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The text was not `sha256:` and 64 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a digest; expected `sha256:` and 64 hex digits")]
pub struct ParseDigestError(String);

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || ParseDigestError(text.to_owned());
        let digits = text.strip_prefix("sha256:").ok_or_else(invalid)?;
        if digits.bytes().any(|digit| digit.is_ascii_uppercase()) {
            return Err(invalid());
        }
        let mut digest = [0; 32];
        hex::decode_to_slice(digits, &mut digest).map_err(|_| invalid())?;
        Ok(Self(digest))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_as_written() {
        let digest = Digest::of(b"jointer");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(
            Digest::of(b"").to_string(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn other_algorithms_and_upper_case_are_refused() {
        for text in ["sha512:00", "sha256:00", &Digest::of(b"").to_string().to_uppercase()] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }

    #[test]
    fn hashing_beside_gives_the_same() {
        let beside = HasherBeside::default();
        let pieces: Vec<Vec<u8>> = (0..100).map(|piece| vec![piece; usize::from(piece)]).collect();
        pieces.iter().for_each(|piece| beside.update(piece.clone().into()));
        assert_eq!(beside.finish(), Digest::of(&pieces.concat()));
        assert_eq!(HasherBeside::default().finish(), Digest::of(b""));
    }

    #[test]
    fn what_is_read_is_hashed_whatever_its_size_was_said_to_be() {
        let bytes: Vec<u8> = (0..3 * PIECE + 7).map(|at| (at % 251) as u8).collect();
        for size in [0, 1, PIECE, bytes.len() - 1, bytes.len(), bytes.len() + 1, 5 * PIECE] {
            let hashed = Hashed::read(&bytes[..], size).unwrap();
            assert_eq!((hashed.digest(), &hashed.bytes()[..]), (Digest::of(&bytes), &bytes[..]), "{size}");
        }
        assert_eq!(Hashed::from(bytes.clone()).digest(), Digest::of(&bytes));
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let digest = |fields: &[&str]| {
            let mut hasher = Hasher::default();
            fields.iter().for_each(|field| hasher.field(field));
            hasher.finish()
        };
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
    }
}
