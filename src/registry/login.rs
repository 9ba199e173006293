//! Logging in and out: docker's `config.json` and its helpers, so that docker, oras and cosign know of it.

use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::config::Config;
use super::credentials::{Credentials, Found, docker_file};
use super::disk::{persist, temporary};
use super::{OciRegistry, RegistryError};
use crate::error::FileError;
use crate::process;

/// Where credentials were put or taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Login {
    /// The host.
    pub host: String,
    /// A helper's name, or the file.
    pub kept: String,
    /// Whether the registry asks anybody for a password.
    pub asked: bool,
}

/// Asks the registry whether it takes them, then keeps them: with the helper that docker's configuration
/// names, else in the file itself, which only its owner may read.
///
/// # Errors
/// [`RegistryError::Unauthorized`] when the registry refuses them, and then nothing is kept; or when they
/// cannot be kept.
pub fn login(host: &str, user: &str, password: &str) -> Result<Login, RegistryError> {
    let host = checked(host)?;
    let credentials = Credentials::Password(user.to_owned(), password.to_owned());
    let found = Found::new(credentials, format!("the credentials of `{user}`"));
    let asked = OciRegistry::with(&host, "", found, &Config::load()?)?.greet()?;
    let path = place()?;
    let mut config = read(&path)?;
    let kept = match helper(&config, &host) {
        Some(helper) => {
            let entry = json!({ "ServerURL": key(&host), "Username": user, "Secret": password });
            tell(&helper, "store", &entry.to_string(), &host)?;
            // An entry is docker's sign that the helper has some.
            entries(&mut config, &path)?.insert(key(&host), json!({}));
            helper
        }
        None => {
            let auth = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            entries(&mut config, &path)?.insert(key(&host), json!({ "auth": auth }));
            path.to_string()
        }
    };
    write(&path, &config)?;
    Ok(Login { host, kept, asked })
}

/// Forgets the credentials for a host; `None` when there were none.
///
/// # Errors
/// When they cannot be removed.
pub fn logout(host: &str) -> Result<Option<Login>, RegistryError> {
    let host = checked(host)?;
    let path = place()?;
    let mut config = read(&path)?;
    let helper = helper(&config, &host);
    let there = entries(&mut config, &path)?.remove(&key(&host)).is_some();
    if !there {
        return Ok(None);
    }
    if let Some(helper) = &helper {
        tell(helper, "erase", &key(&host), &host)?;
    }
    write(&path, &config)?;
    Ok(Some(Login { host, kept: helper.unwrap_or_else(|| path.to_string()), asked: true }))
}

fn checked(host: &str) -> Result<String, RegistryError> {
    match host.parse()? {
        super::Location::Oci { host, prefix } if prefix.is_empty() => Ok(host),
        _ => Err(RegistryError::InvalidLocation {
            text: host.to_owned(),
            why: "credentials are for a host, without a path",
        }),
    }
}

/// What docker calls a host.
fn key(host: &str) -> String {
    match host {
        "docker.io" => "https://index.docker.io/v1/".to_owned(),
        host => host.to_owned(),
    }
}

fn place() -> Result<Utf8PathBuf, RegistryError> {
    let path = docker_file().and_then(|path| Utf8PathBuf::from_path_buf(path).ok());
    path.ok_or_else(|| RegistryError::Credentials {
        registry: "any registry".to_owned(),
        reason: "neither DOCKER_CONFIG nor HOME says where docker's `config.json` is".to_owned(),
    })
}

fn read(path: &Utf8Path) -> Result<Value, RegistryError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(json!({})),
        Err(error) => return Err(FileError::reading(path, &error).into()),
    };
    match serde_json::from_slice(&bytes) {
        Ok(value @ Value::Object(_)) => Ok(value),
        _ => Err(malformed(path)),
    }
}

fn malformed(path: &Utf8Path) -> RegistryError {
    RegistryError::Credentials {
        registry: "any registry".to_owned(),
        reason: format!("`{path}` is not what docker writes; it was left as it is"),
    }
}

fn entries<'a>(config: &'a mut Value, path: &Utf8Path) -> Result<&'a mut Map<String, Value>, RegistryError> {
    let map = config.as_object_mut().ok_or_else(|| malformed(path))?;
    let auths = map.entry("auths").or_insert_with(|| json!({}));
    auths.as_object_mut().ok_or_else(|| malformed(path))
}

/// The helper that is configured for a host, or for all.
fn helper(config: &Value, host: &str) -> Option<String> {
    let own = config["credHelpers"][key(host)].as_str();
    let name = own.or_else(|| config["credsStore"].as_str()).filter(|name| !name.is_empty())?;
    Some(format!("docker-credential-{name}"))
}

/// Tells a helper something on its standard input.
fn tell(helper: &str, verb: &str, input: &str, host: &str) -> Result<(), RegistryError> {
    let failed = |reason: String| RegistryError::Credentials {
        registry: host.to_owned(),
        reason: format!("the helper `{helper}` {reason}"),
    };
    // What password managers need to find themselves and to ask.
    let passed = [
        "PATH",
        "HOME",
        "USER",
        "DISPLAY",
        "WAYLAND_DISPLAY",
        "XDG_RUNTIME_DIR",
        "DBUS_SESSION_BUS_ADDRESS",
        "GNUPGHOME",
        "GPG_TTY",
        "PASSWORD_STORE_DIR",
        "DOCKER_CONFIG",
    ];
    let finished = process::Command::new(helper)
        .arg(verb)
        .pass_env(passed)
        .output_of(input.as_bytes())
        .map_err(|error| failed(error.to_string()))?;
    match finished.success() {
        true => Ok(()),
        false => Err(failed(format!("failed to {verb} ({})", finished.status()))),
    }
}

fn write(path: &Utf8Path, config: &Value) -> Result<(), RegistryError> {
    let dir = path.parent().unwrap_or(Utf8Path::new("."));
    let mut file = temporary(dir)?;
    let failed = |error: &std::io::Error| FileError::writing(path, error);
    let owner = std::fs::Permissions::from_mode(0o600);
    file.as_file().set_permissions(owner).map_err(|error| failed(&error))?;
    let mut text = serde_json::to_vec_pretty(config).unwrap_or_default();
    text.push(b'\n');
    std::io::Write::write_all(&mut file, &text).map_err(|error| failed(&error))?;
    Ok(persist(file, path)?)
}
