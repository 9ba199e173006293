//! The folders outside the app that jointer writes to, all below one user cache.

use camino::{Utf8Path, Utf8PathBuf};

/// The user cache: `JOINTER_CACHE`, else `$XDG_CACHE_HOME/jointer`, else `~/.cache/jointer`. Each part
/// carries the version of its layout in its name, so that an old and a new jointer can share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirs {
    cache: Utf8PathBuf,
    config: Utf8PathBuf,
}

impl Dirs {
    /// From jointer's environment.
    pub fn from_env() -> Self {
        let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let below_home = |variable: &str, folder: &str| {
            let home = || Utf8PathBuf::from(var("HOME").unwrap_or_else(|| "/".to_owned())).join(folder);
            var(variable).map(Utf8PathBuf::from).unwrap_or_else(home).join("jointer")
        };
        let cache = var("JOINTER_CACHE").map(Utf8PathBuf::from);
        Self {
            cache: cache.unwrap_or_else(|| below_home("XDG_CACHE_HOME", ".cache")),
            config: below_home("XDG_CONFIG_HOME", ".config"),
        }
    }

    /// At a given place.
    pub fn at(cache: impl Into<Utf8PathBuf>) -> Self {
        let cache = cache.into();
        Self { config: cache.join("config"), cache }
    }

    /// What the user has set for all apps: `$XDG_CONFIG_HOME/jointer`, else `~/.config/jointer`.
    pub fn config(&self) -> Utf8PathBuf {
        self.config.clone()
    }

    /// The whole cache.
    pub fn cache(&self) -> &Utf8Path {
        &self.cache
    }

    /// Provisioned guest tools, one folder for each bundle and tool.
    pub fn tools(&self) -> Utf8PathBuf {
        self.cache.join("tools-v1")
    }

    /// Results of units by fingerprint.
    pub fn units(&self) -> Utf8PathBuf {
        self.cache.join("units-v1")
    }

    /// The content-addressed store of fetched packages.
    pub fn store(&self) -> Utf8PathBuf {
        self.cache.join("store-v1")
    }

    /// Compiled code of the runner.
    pub fn compiled(&self) -> Utf8PathBuf {
        self.cache.join("compiled-v1")
    }

    /// The default registry when none is configured: an OCI image layout.
    pub fn registry(&self) -> Utf8PathBuf {
        self.cache.join("registry-v1")
    }
}
