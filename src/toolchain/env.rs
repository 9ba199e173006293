//! What children see of jointer's environment.
//!
//! A guest build sees only what its tool needs to start. An installation sees the network settings as
//! well: registries, proxies, certificates.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use crate::app::Dirs;
use crate::error::FileError;

/// A child's environment.
pub(super) type Env = BTreeMap<String, String>;

/// The folders of the system's own programs. Guest tools see these, not the user's PATH: what is
/// installed there by chance must not change what they make.
const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Proxies and certificates, which any download may need.
const NETWORK: [&str; 15] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    "SSH_AUTH_SOCK",
];

/// Settings of the installers, by the start of their names.
const INSTALLERS: [&str; 7] =
    ["PIP_", "npm_config_", "NPM_CONFIG_", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "RUSTUP_"];

/// Settings that would send an installation elsewhere or make it another one.
const MISLEADING: [&str; 14] = [
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_DRY_RUN",
    "PIP_REQUIREMENT",
    "PIP_CONSTRAINT",
    "PIP_PLATFORM",
    "PIP_PYTHON_VERSION",
    "PIP_IMPLEMENTATION",
    "PIP_ABI",
    "PIP_PYTHON",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_NO_BINARY",
];

/// One variable of jointer's own environment; an empty one counts as not set.
pub(super) fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The folder that jointer was started in.
pub(super) fn here() -> Utf8PathBuf {
    std::env::current_dir()
        .ok()
        .and_then(|dir| Utf8PathBuf::from_path_buf(dir).ok())
        .unwrap_or_else(|| "/".into())
}

/// Whether tools of the system may be used where they match the pin: not with
/// `JOINTER_TOOLS=provisioned`.
pub(super) fn system_allowed() -> bool {
    var("JOINTER_TOOLS").is_none_or(|value| value != "provisioned")
}

/// Every file called `name` in the folders of PATH, in their order.
pub(super) fn on_path(name: &str) -> Vec<Utf8PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<Utf8PathBuf> = Vec::new();
    for folder in std::env::split_paths(&path) {
        let Ok(folder) = Utf8PathBuf::from_path_buf(folder) else { continue };
        let candidate = folder.join(name);
        if folder.is_absolute() && candidate.is_file() && !found.contains(&candidate) {
            found.push(candidate);
        }
    }
    found
}

/// For a guest tool whose programs are in `folders`: a short PATH and a home of its own, where it
/// finds no settings of the user's.
pub(super) fn hermetic<'a>(dirs: &Dirs, folders: impl IntoIterator<Item = &'a Utf8Path>) -> Env {
    let mut path: Vec<&str> = folders.into_iter().map(Utf8Path::as_str).collect();
    path.push(SYSTEM_PATH);
    Env::from([("PATH".to_owned(), path.join(":")), ("HOME".to_owned(), home(dirs).into_string())])
}

/// The home folder of guest tools. It need not exist.
pub(super) fn home(dirs: &Dirs) -> Utf8PathBuf {
    dirs.tools().join("home")
}

/// A virtual environment without packages. componentize-py looks for packages in the active one, and in
/// the user's own Python where none is active.
pub(super) fn no_packages(dirs: &Dirs) -> Utf8PathBuf {
    dirs.tools().join("no-packages")
}

/// Makes the folders that guest tools are shown.
pub(super) fn prepare(dirs: &Dirs) -> Result<(), FileError> {
    // componentize-py warns when the second one is missing.
    for folder in [home(dirs), no_packages(dirs).join("lib/python3/site-packages")] {
        std::fs::create_dir_all(&folder).map_err(|error| FileError::writing(&folder, &error))?;
    }
    Ok(())
}

/// The user's own PATH and HOME.
pub(super) fn user() -> Env {
    passed(|name| matches!(name, "PATH" | "HOME"))
}

/// For Python itself, which builds start to install a project's own requirements with pip.
pub(super) fn for_pip(folder: &Utf8Path) -> Env {
    let mut env = installer(Utf8Path::new("/tmp"));
    env.remove("TMPDIR");
    env.insert("PATH".to_owned(), format!("{folder}:{SYSTEM_PATH}"));
    env
}

/// For an installer: the user's PATH and HOME, network settings and those of the installer. Temporary
/// files go below `temp`, so that they vanish with it.
pub(super) fn installer(temp: &Utf8Path) -> Env {
    let mut env = network();
    env.extend(user());
    env.extend(passed(|name| {
        let setting = INSTALLERS.iter().any(|prefix| name.starts_with(prefix)) || name == "XDG_CONFIG_HOME";
        setting && !MISLEADING.contains(&name)
    }));
    env.insert("TMPDIR".to_owned(), temp.to_string());
    env
}

/// Proxies and certificates.
pub(super) fn network() -> Env {
    passed(|name| NETWORK.contains(&name))
}

/// Those of jointer's variables whose name `wanted` accepts.
pub(super) fn passed(wanted: impl Fn(&str) -> bool) -> Env {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| wanted(name))
        .collect()
}
