//! Credentials for a registry: from variables, from the configuration shared with `wkg`, and from where
//! docker and podman keep them.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use base64::Engine as _;
use docker_credential::{CredentialRetrievalError, DockerCredential};

use super::RegistryError;
use super::config::Config;

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
    /// For a person who wants to know.
    pub(super) source: String,
}

impl Found {
    pub(super) fn new(credentials: Credentials, source: String) -> Self {
        Self { credentials, source }
    }

    /// Help when they are not enough.
    pub(super) fn told(&self, host: &str) -> String {
        match self.credentials {
            Credentials::None => {
                format!("there are no credentials for it; log in with `jointer login {host}`")
            }
            _ => format!("{} were tried; log in again with `jointer login {host}`", self.source),
        }
    }
}

impl Credentials {
    /// As the value of `Authorization`.
    pub(super) fn basic(&self) -> Option<String> {
        let Self::Password(user, password) = self else { return None };
        let joined = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        Some(format!("Basic {joined}"))
    }
}

/// The credentials for `host`. None configured means anonymous; ones that are configured but cannot be
/// read are an error, because anonymous access would only fail later and less clearly.
///
/// # Errors
/// [`RegistryError::Credentials`], [`RegistryError::InvalidConfig`].
pub(super) fn find(host: &str, config: &Config) -> Result<Found, RegistryError> {
    let variable = bearer_variable(host);
    if let Some(token) = set(&variable) {
        return Ok(Found::new(Credentials::Bearer(token), format!("the token in {variable}")));
    }
    if let Some((user, password)) = config.auth(host)? {
        let source = format!("the credentials of `{user}` in `{}`", config.path);
        return Ok(Found::new(Credentials::Password(user, password), source));
    }
    for path in files() {
        if let Some(found) = in_file(host, &path)? {
            return Ok(found);
        }
    }
    Ok(Found::new(Credentials::None, "none: anonymous".to_owned()))
}

/// Those of `wkg oci`, which count for whatever registry a command names.
pub(super) fn of_wkg_oci() -> Option<Found> {
    let (user, password) = (set("WKG_OCI_USERNAME")?, set("WKG_OCI_PASSWORD")?);
    let source = format!("the credentials of `{user}` in WKG_OCI_USERNAME and WKG_OCI_PASSWORD");
    Some(Found::new(Credentials::Password(user, password), source))
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// `WKG_REGISTRY_EXAMPLE_COM_AUTH_BEARER`.
fn bearer_variable(host: &str) -> String {
    let plain = |character: char| match character.is_ascii_alphanumeric() {
        true => character.to_ascii_uppercase(),
        false => '_',
    };
    format!("WKG_REGISTRY_{}_AUTH_BEARER", host.chars().map(plain).collect::<String>())
}

fn in_file(host: &str, path: &PathBuf) -> Result<Option<Found>, RegistryError> {
    let unusable = |reason: String| RegistryError::Credentials {
        registry: host.to_owned(),
        reason: format!("`{}`: {reason}", path.display()),
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(error.to_string())),
    };
    // Docker's own names for its registry.
    let key = if host == "docker.io" { "index.docker.io" } else { host };
    match docker_credential::get_credential_from_reader(BufReader::new(file), key) {
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            let source = format!("the credentials of `{user}` in `{}`", path.display());
            Ok(Some(Found::new(Credentials::Password(user, password), source)))
        }
        Ok(DockerCredential::IdentityToken(token)) => {
            let source = format!("the identity token in `{}`", path.display());
            Ok(Some(Found::new(Credentials::Identity(token), source)))
        }
        Err(error) if is_absent(&error) => Ok(None),
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => {
            Err(unusable(format!("the helper `{helper}` failed")))
        }
        Err(error) => Err(unusable(error.to_string())),
    }
}

/// Docker's file.
pub(super) fn docker_file() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let docker = folder("DOCKER_CONFIG").or_else(|| Some(folder("HOME")?.join(".docker")))?;
    Some(docker.join("config.json"))
}

/// The files in which credentials may stand, the one that counts most first.
fn files() -> Vec<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let podman = folder("REGISTRY_AUTH_FILE")
        .or_else(|| {
            Some(folder("XDG_RUNTIME_DIR")?.join("containers/auth.json")).filter(|path| path.is_file())
        })
        .or_else(|| Some(folder("HOME")?.join(".config/containers/auth.json")));
    docker_file().into_iter().chain(podman).collect()
}

/// Whether there is just no entry. A helper says so with an error of its own.
fn is_absent(error: &CredentialRetrievalError) -> bool {
    match error {
        CredentialRetrievalError::NoCredentialConfigured => true,
        CredentialRetrievalError::HelperFailure { stdout, .. } => stdout.contains("credentials not found"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_of_a_host() {
        assert_eq!(
            bearer_variable("my-reg.example.com:5000"),
            "WKG_REGISTRY_MY_REG_EXAMPLE_COM_5000_AUTH_BEARER"
        );
    }
}
