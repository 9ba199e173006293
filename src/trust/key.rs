//! Key pairs in cosign's file format: PKCS#8 in a NaCl secretbox whose key scrypt makes of the password.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crypto_secretbox::aead::Aead;
use crypto_secretbox::{KeyInit, XSalsa20Poly1305};
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};
use p256::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use rand_core::{OsRng, RngCore};
use serde::{Deserialize, Serialize};

use super::TrustError;
use crate::digest::Digest;

const BEGIN: &str = "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----";
const END: &str = "-----END ENCRYPTED SIGSTORE PRIVATE KEY-----";
/// What cosign 2.0 and before wrote; the contents are the same.
const OLD_BEGIN: &str = "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----";

/// What scrypt may cost at most, so that a hostile key file cannot take all memory: 1 GiB.
const MAX_LOG_N: u32 = 20;
const MAX_R: u32 = 8;
const MAX_P: u32 = 4;

/// What a private key of a warg registry begins with.
const WARG: &str = "ecdsa-p256:";

/// A password; never shown.
#[derive(Clone, Default)]
pub struct Password(String);

impl Password {
    /// From what the user typed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A private key with its public one (ECDSA on P-256).
#[derive(Clone)]
pub struct KeyPair(SigningKey);

/// The key that signatures are verified with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

#[derive(Serialize, Deserialize)]
struct Encrypted {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
struct Kdf {
    name: String,
    params: KdfParams,
    salt: String,
}

#[derive(Serialize, Deserialize)]
struct KdfParams {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

impl KeyPair {
    /// A new key from the operating system's random numbers.
    pub fn generate() -> Self {
        Self(SigningKey::random(&mut OsRng))
    }

    /// Reads a private key: cosign's encrypted form, or plain PKCS#8 (`PRIVATE KEY`) or one of warg, for which no
    /// password is asked.
    ///
    /// # Errors
    /// [`TrustError::InvalidKey`] when it is neither or asks for more work than any honest key does,
    /// [`TrustError::WrongPassword`], and those of `password`.
    pub fn from_pem<E: From<TrustError>>(
        pem: &str,
        password: impl FnOnce() -> Result<Password, E>,
    ) -> Result<Self, E> {
        if pem.contains("-----BEGIN PRIVATE KEY-----") {
            let key = SigningKey::from_pkcs8_pem(pem);
            return Ok(Self(key.map_err(|error| TrustError::InvalidKey(error.to_string()))?));
        }
        if pem.starts_with(WARG) {
            return Ok(Self::from_warg(pem)?);
        }
        let encrypted = Encrypted::from_pem(pem)?;
        encrypted.check()?;
        Ok(encrypted.open(&password()?)?)
    }

    /// The private key in cosign's encrypted form.
    ///
    /// # Errors
    /// None in practice; [`TrustError::InvalidKey`] if the key could not be encoded.
    pub fn to_encrypted_pem(&self, password: &Password) -> Result<String, TrustError> {
        let mut salt = [0; 32];
        let mut nonce = [0; 24];
        OsRng.fill_bytes(&mut salt);
        OsRng.fill_bytes(&mut nonce);
        let params = KdfParams { n: 1 << 16, r: 8, p: 1 };
        let der = self.0.to_pkcs8_der().map_err(|error| TrustError::InvalidKey(error.to_string()))?;
        let ciphertext = XSalsa20Poly1305::new(&derive(password, &salt, &params)?.into())
            .encrypt(&nonce.into(), der.as_bytes())
            .map_err(|_| TrustError::InvalidKey("it cannot be encrypted".to_owned()))?;
        let encrypted = Encrypted {
            kdf: Kdf { name: "scrypt".to_owned(), params, salt: BASE64.encode(salt) },
            cipher: Cipher { name: "nacl/secretbox".to_owned(), nonce: BASE64.encode(nonce) },
            ciphertext: BASE64.encode(ciphertext),
        };
        Ok(encrypted.to_pem())
    }

    /// Reads a private key as warg writes it: `ecdsa-p256:` and the number in base64.
    ///
    /// # Errors
    /// [`TrustError::InvalidKey`].
    pub fn from_warg(text: &str) -> Result<Self, TrustError> {
        let invalid = || TrustError::InvalidKey("it is not `ecdsa-p256:` and a key in base64".to_owned());
        let number = text.trim().strip_prefix(WARG).and_then(|number| BASE64.decode(number).ok());
        let number = <[u8; 32]>::try_from(number.ok_or_else(invalid)?).map_err(|_| invalid())?;
        let key = SigningKey::from_slice(&number);
        key.map(Self).map_err(|_| invalid())
    }

    /// The private key as warg writes it.
    pub fn to_warg(&self) -> String {
        format!("{WARG}{}", BASE64.encode(self.0.to_bytes()))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(*self.0.verifying_key())
    }

    /// The DER signature of `message`. Deterministic (RFC 6979).
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.0.sign(message);
        signature.as_bytes().to_vec()
    }
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyPair({})", self.public().fingerprint())
    }
}

impl PublicKey {
    /// Reads a `PUBLIC KEY` in PEM.
    ///
    /// # Errors
    /// [`TrustError::InvalidKey`] when it is not an ECDSA P-256 key in PEM.
    pub fn from_pem(pem: &str) -> Result<Self, TrustError> {
        let key = VerifyingKey::from_public_key_pem(pem.trim());
        key.map(Self).map_err(|error| TrustError::InvalidKey(error.to_string()))
    }

    /// Reads the DER form (`SubjectPublicKeyInfo`).
    ///
    /// # Errors
    /// [`TrustError::InvalidKey`].
    pub fn from_der(der: &[u8]) -> Result<Self, TrustError> {
        let key = VerifyingKey::from_public_key_der(der);
        key.map(Self).map_err(|error| TrustError::InvalidKey(error.to_string()))
    }

    /// The key in PEM.
    pub fn to_pem(&self) -> String {
        // Encoding a valid point cannot fail.
        self.0.to_public_key_pem(LineEnding::LF).unwrap_or_default()
    }

    /// What bundles call the key: base64 of the SHA-256 of its DER form.
    pub fn fingerprint(&self) -> String {
        let der = self.0.to_public_key_der().map(|der| der.as_bytes().to_vec()).unwrap_or_default();
        BASE64.encode(Digest::of(&der).as_bytes())
    }

    /// Whether `signature` (DER) is this key's signature of `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        DerSignature::try_from(signature).is_ok_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}

impl Encrypted {
    fn from_pem(pem: &str) -> Result<Self, TrustError> {
        let invalid = |why: &str| TrustError::InvalidKey(why.to_owned());
        let mut lines = pem.lines().map(str::trim).filter(|line| !line.is_empty());
        if !lines.next().is_some_and(|first| first == BEGIN || first == OLD_BEGIN) {
            return Err(invalid("it does not begin with `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----`"));
        }
        let body: String = lines.take_while(|line| !line.starts_with("-----")).collect();
        let json = BASE64.decode(body).map_err(|_| invalid("its body is not base64; is it complete?"))?;
        serde_json::from_slice(&json).map_err(|_| invalid("its body is not what cosign writes"))
    }

    fn to_pem(&self) -> String {
        let body = BASE64.encode(serde_json::to_vec(self).unwrap_or_default());
        let mut pem = format!("{BEGIN}\n");
        for line in body.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem + END + "\n"
    }

    /// Refuses what would take unreasonable time or memory, before a password is asked.
    fn check(&self) -> Result<(), TrustError> {
        let KdfParams { n, r, p } = self.kdf.params;
        if self.kdf.name != "scrypt" || self.cipher.name != "nacl/secretbox" {
            return Err(TrustError::InvalidKey(format!(
                "it is encrypted with `{}` and `{}`, not with scrypt and nacl/secretbox",
                self.kdf.name, self.cipher.name
            )));
        }
        let honest = n.is_power_of_two()
            && (2..=1 << MAX_LOG_N).contains(&n)
            && (1..=MAX_R).contains(&r)
            && (1..=MAX_P).contains(&p);
        if honest {
            return Ok(());
        }
        Err(TrustError::InvalidKey(format!("its scrypt parameters N={n} r={r} p={p} are out of bounds")))
    }

    fn open(&self, password: &Password) -> Result<KeyPair, TrustError> {
        let field = |text: &str| {
            BASE64.decode(text).map_err(|_| TrustError::InvalidKey("a field is not base64".to_owned()))
        };
        let nonce: [u8; 24] = field(&self.cipher.nonce)?
            .try_into()
            .map_err(|_| TrustError::InvalidKey("its nonce has not 24 bytes".to_owned()))?;
        let key = derive(password, &field(&self.kdf.salt)?, &self.kdf.params)?;
        let der = XSalsa20Poly1305::new(&key.into())
            .decrypt(&nonce.into(), field(&self.ciphertext)?.as_slice())
            .map_err(|_| TrustError::WrongPassword)?;
        let key = SigningKey::from_pkcs8_der(&der);
        key.map(KeyPair).map_err(|_| TrustError::InvalidKey("it is not an ECDSA key on P-256".to_owned()))
    }
}

fn derive(password: &Password, salt: &[u8], params: &KdfParams) -> Result<[u8; 32], TrustError> {
    let invalid = || TrustError::InvalidKey("its scrypt parameters are out of bounds".to_owned());
    let log_n = u8::try_from(params.n.trailing_zeros()).map_err(|_| invalid())?;
    let cost = scrypt::Params::new(log_n, params.r, params.p, 32).map_err(|_| invalid())?;
    let mut key = [0; 32];
    scrypt::scrypt(password.0.as_bytes(), salt, &cost, &mut key).map_err(|_| invalid())?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(pem: &str, password: &str) -> Result<KeyPair, TrustError> {
        KeyPair::from_pem(pem, || Ok::<_, TrustError>(Password::new(password)))
    }

    #[test]
    fn an_encrypted_key_reads_back_with_its_password_only() {
        let pair = KeyPair::generate();
        let pem = pair.to_encrypted_pem(&Password::new("secret")).unwrap();
        assert_eq!(open(&pem, "secret").unwrap().public(), pair.public());
        assert_eq!(open(&pem, "Secret").unwrap_err(), TrustError::WrongPassword);
        assert!(!format!("{:?}", Password::new("secret")).contains("secret"));
    }

    #[test]
    fn a_key_that_would_take_all_memory_is_refused_before_the_password_is_asked() {
        let pem = KeyPair::generate().to_encrypted_pem(&Password::default()).unwrap();
        let mut encrypted = Encrypted::from_pem(&pem).unwrap();
        for (n, r, p) in
            [(1 << 30, 8, 1), (1 << 16, 1 << 20, 1), (1 << 16, 8, 1 << 20), (65537, 8, 1), (0, 8, 1)]
        {
            encrypted.kdf.params = KdfParams { n, r, p };
            let asked = || -> Result<Password, TrustError> { panic!("asked") };
            let error = KeyPair::from_pem(&encrypted.to_pem(), asked).unwrap_err();
            assert!(matches!(error, TrustError::InvalidKey(_)), "{error}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_a_panic() {
        let pem = KeyPair::generate().to_encrypted_pem(&Password::default()).unwrap();
        for text in ["", "key", BEGIN, &pem[..pem.len() / 2], &pem.replace("SIGSTORE", "RSA")] {
            assert!(open(text, "").is_err(), "{text}");
        }
        for text in ["", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
            assert!(PublicKey::from_pem(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_keys_of_warg_are_of_the_same_kind() {
        let pair = KeyPair::generate();
        let text = pair.to_warg();
        assert_eq!(open(&format!("{text}\n"), "any").unwrap().public(), pair.public());
        for text in ["ecdsa-p256:", "ecdsa-p256:AAAA", "ecdsa-p256:!", &text[..text.len() - 8]] {
            assert!(KeyPair::from_warg(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_public_key_reads_back_as_written() {
        let public = KeyPair::generate().public();
        assert_eq!(PublicKey::from_pem(&public.to_pem()).unwrap(), public);
    }
}
