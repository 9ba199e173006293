//! How a registry is named: on the command line, in `JOINTER_REGISTRY` and in `jointer.lock`.

use std::fmt;
use std::str::FromStr;

use camino::Utf8PathBuf;

use super::RegistryError;

/// Where a registry is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Location {
    /// `local`: the folder in the user cache.
    #[default]
    Local,
    /// `dir:PATH`: a folder of OCI image layouts.
    Dir(Utf8PathBuf),
    /// `HOST[:PORT][/PREFIX]`: an OCI registry.
    Oci {
        /// Host, with the port where it is not the usual one.
        host: String,
        /// Path between host and package; empty or without slashes at its ends.
        prefix: String,
    },
}

impl Location {
    /// The same with a relative folder made absolute.
    #[must_use]
    pub fn below(self, dir: &camino::Utf8Path) -> Self {
        match self {
            Self::Dir(path) => Self::Dir(dir.join(path)),
            other => other,
        }
    }
}

impl Location {
    /// The same with a folder below `dir` made relative: what a lock file can say on every machine.
    #[must_use]
    pub fn relative_to(self, dir: &camino::Utf8Path) -> Self {
        match self {
            Self::Dir(path) => Self::Dir(path.strip_prefix(dir).map(Into::into).unwrap_or(path)),
            other => other,
        }
    }
}

impl FromStr for Location {
    type Err = RegistryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |why| RegistryError::InvalidLocation { text: text.to_owned(), why };
        if text == "local" {
            return Ok(Self::Local);
        }
        if let Some(path) = text.strip_prefix("dir:") {
            return match path.is_empty() {
                true => Err(invalid("there is no path after `dir:`")),
                false => Ok(Self::Dir(path.into())),
            };
        }
        if text.starts_with("warg://") {
            return Err(invalid(
                "of a warg registry there are only `publish --to`, `fetch WARG-URL` and `registry migrate`",
            ));
        }
        if text.contains("://") {
            return Err(invalid("leave out the scheme: https is used, and http on loopback only"));
        }
        let (host, prefix) = text.split_once('/').unwrap_or((text, ""));
        let prefix = prefix.trim_matches('/');
        if host == "local" && prefix.is_empty() {
            return Err(invalid("the local folder is called `local`, without a slash"));
        }
        if !is_host(host) {
            return Err(invalid("the host may have letters, digits, `.`, `-` and a port"));
        }
        if !prefix.is_empty() && !prefix.split('/').all(is_path_component) {
            return Err(invalid("the prefix may have lower-case letters, digits and single `.`, `_`, `-`"));
        }
        Ok(Self::Oci { host: host.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Dir(path) => write!(f, "dir:{path}"),
            Self::Oci { host, prefix } if prefix.is_empty() => f.write_str(host),
            Self::Oci { host, prefix } => write!(f, "{host}/{prefix}"),
        }
    }
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let bracketed = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let name = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !name.is_empty()
                && name.split('.').all(|label| {
                    !label.is_empty()
                        && !label.starts_with('-')
                        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                })
        }
    };
    name && port
}

fn is_path_component(text: &str) -> bool {
    let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    ends(text.bytes().next())
        && ends(text.bytes().last())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
        && !text.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_reads_back_as_written() {
        for text in
            ["local", "dir:packages", "127.0.0.1:5000", "registry.example.com/team/wasm", "[::1]:5000"]
        {
            assert_eq!(text.parse::<Location>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_could_leave_the_host_is_refused() {
        for text in [
            "",
            "dir:",
            "https://example.com",
            "example.com/../x",
            "user@example.com",
            "a b",
            "host:0",
            "x/UPPER",
            "local//",
            "-x",
        ] {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }
}
