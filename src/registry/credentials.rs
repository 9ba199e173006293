//! Credentials for a registry, from where docker and podman keep them.

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
    for (source, get) in SOURCES {
        for key in [host.to_owned(), format!("https://{host}")] {
            match get(&key) {
                Ok(DockerCredential::UsernamePassword(user, password)) => {
                    let told = format!("the credentials of `{user}` in {source} were tried");
                    return Ok((RegistryAuth::Basic(user, password), told));
                }
                Ok(DockerCredential::IdentityToken(_)) => {
                    return Err(unusable(host, format!("the entry in {source} is an identity token")));
                }
                Err(
                    CredentialRetrievalError::NoCredentialConfigured
                    | CredentialRetrievalError::ConfigNotFound,
                ) => {}
                Err(error) => return Err(unusable(host, format!("{source}: {error}"))),
            }
        }
    }
    Ok((
        RegistryAuth::Anonymous,
        "there are no credentials for it; log in with `docker login` or `oras login`".to_owned(),
    ))
}

type Source = (&'static str, fn(&str) -> Result<DockerCredential, CredentialRetrievalError>);

const SOURCES: [Source; 2] = [
    ("docker's config.json", docker_credential::get_credential),
    ("podman's auth.json", docker_credential::get_podman_credential),
];

fn unusable(host: &str, reason: String) -> RegistryError {
    RegistryError::Credentials { registry: host.to_owned(), reason }
}
