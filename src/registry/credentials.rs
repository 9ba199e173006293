//! Credentials for a registry, from where docker and podman keep them.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use docker_credential::{CredentialRetrievalError, DockerCredential};

use super::RegistryError;

/// What a registry may be shown.
#[derive(Clone)]
pub(super) enum Credentials {
    /// Nothing: anonymous.
    None,
    /// User and password.
    Password(String, String),
    /// What buys tokens, and nothing else.
    Identity(String),
    /// A token, ready.
    Bearer(String),
}

/// Credentials, and in words where they come from.
pub(super) struct Found {
    pub(super) credentials: Credentials,
    pub(super) told: String,
}

impl Credentials {
    /// As the value of `Authorization`.
    pub(super) fn basic(&self) -> Option<String> {
        use base64::Engine as _;
        let Self::Password(user, password) = self else { return None };
        let joined = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        Some(format!("Basic {joined}"))
    }
}

/// The credentials for `host` and, in words, where they come from. None configured means anonymous; ones
/// that are configured but cannot be read are an error, because anonymous access would only fail later
/// and less clearly.
///
/// # Errors
/// [`RegistryError::Credentials`].
pub(super) fn find(host: &str) -> Result<Found, RegistryError> {
    for path in files() {
        let unusable = |reason: String| RegistryError::Credentials {
            registry: host.to_owned(),
            reason: format!("`{}`: {reason}", path.display()),
        };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unusable(error.to_string())),
        };
        match docker_credential::get_credential_from_reader(BufReader::new(file), host) {
            Ok(DockerCredential::UsernamePassword(user, password)) => {
                let told = format!("the credentials of `{user}` in `{}` were tried", path.display());
                return Ok(Found { credentials: Credentials::Password(user, password), told });
            }
            Ok(DockerCredential::IdentityToken(token)) => {
                let told = format!("the identity token in `{}` was tried", path.display());
                return Ok(Found { credentials: Credentials::Identity(token), told });
            }
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(unusable(error.to_string())),
        }
    }
    let told = "there are no credentials for it; log in with `docker login` or `oras login`";
    Ok(Found { credentials: Credentials::None, told: told.to_owned() })
}

/// The files in which credentials may stand, the one that counts most first.
fn files() -> Vec<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let docker = folder("DOCKER_CONFIG").or_else(|| Some(folder("HOME")?.join(".docker")));
    let podman = folder("REGISTRY_AUTH_FILE")
        .or_else(|| {
            Some(folder("XDG_RUNTIME_DIR")?.join("containers/auth.json")).filter(|path| path.is_file())
        })
        .or_else(|| Some(folder("HOME")?.join(".config/containers/auth.json")));
    docker.map(|folder| folder.join("config.json")).into_iter().chain(podman).collect()
}

/// Whether there is just no entry. A helper says so with an error of its own.
fn is_absent(error: &CredentialRetrievalError) -> bool {
    match error {
        CredentialRetrievalError::NoCredentialConfigured => true,
        CredentialRetrievalError::HelperFailure { stdout, .. } => stdout.contains("credentials not found"),
        _ => false,
    }
}
