//! Credentials for a registry, from where docker and podman keep them.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use docker_credential::{CredentialRetrievalError, DockerCredential};
use oci_client::secrets::RegistryAuth;

use super::RegistryError;

/// The credentials for `host` and, in words, where they come from. None configured means anonymous; ones
/// that are configured but cannot be read are an error, because anonymous access would only fail later
/// and less clearly.
///
/// # Errors
/// [`RegistryError::Credentials`].
pub(super) fn find(host: &str) -> Result<(RegistryAuth, String), RegistryError> {
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
                return Ok((RegistryAuth::Basic(user, password), told));
            }
            Ok(DockerCredential::IdentityToken(_)) => {
                return Err(unusable("the entry is an identity token".to_owned()));
            }
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(unusable(error.to_string())),
        }
    }
    let told = "there are no credentials for it; log in with `docker login` or `oras login`";
    Ok((RegistryAuth::Anonymous, told.to_owned()))
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
