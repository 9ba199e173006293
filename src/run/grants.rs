//! What a component may do and how much it may use. Plain data; `state` makes it effective.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use http::Uri;
use http::uri::{Authority, Scheme};

use super::RunError;
use crate::app::Capabilities;

/// What a component may do. Nothing by default; standard streams, clocks and random numbers are always
/// given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Where it may send requests.
    pub outbound: Vec<Origin>,
    /// Addresses that it may connect to or listen on.
    pub sockets: Vec<SocketGrant>,
    /// Folders that it sees.
    pub directories: Vec<Directory>,
    /// Variables that it sees, in order; a later one wins.
    pub env: Vec<(String, String)>,
}

/// How much a component may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that each linear memory may have: each part of a composition has its own.
    pub memory: Option<u64>,
    /// How long it may run (`run`, `call`), or leave a client without a byte (`serve`).
    pub timeout: Option<Duration>,
}

/// Where requests may go: `https://api.example.com`, `http://localhost:3000`, `https://*.example.com`,
/// or `*` for anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `*`.
    Any,
    /// A scheme, a host and a port.
    Of {
        /// `http` or `https`.
        scheme: String,
        /// Lower case. `*.example.com` stands for every host below `example.com`.
        host: String,
        /// As written, or the scheme's own.
        port: u16,
    },
}

/// Addresses that sockets may be opened to: `*`, or `HOST:PORT` where either may be `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketGrant {
    /// `None` stands for any.
    addresses: Option<Vec<IpAddr>>,
    /// `None` stands for any.
    port: Option<u16>,
}

/// A folder of the host that the component sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// The folder.
    pub host: Utf8PathBuf,
    /// Where the component sees it.
    pub guest: String,
    /// Whether it may write.
    pub write: bool,
}

impl Grants {
    /// What a manifest grants. `files` are relative to `app`; a variable written as a name alone is
    /// looked up with `lookup` and left out where it is not set.
    ///
    /// # Errors
    /// [`RunError::InvalidGrant`] for an origin or address that cannot be understood.
    pub fn of(
        capabilities: &Capabilities,
        app: &Utf8Path,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, RunError> {
        let directories = capabilities.files.iter().map(|grant| Directory {
            host: app.join(&grant.host),
            guest: grant.guest.clone(),
            write: grant.write,
        });
        Ok(Self {
            outbound: parse_all(&capabilities.outbound)?,
            sockets: parse_all(&capabilities.sockets)?,
            directories: directories.collect(),
            env: capabilities.env.iter().filter_map(|text| variable(text, lookup)).collect(),
        })
    }

    /// Everything that either grants.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.outbound.extend(other.outbound);
        self.sockets.extend(other.sockets);
        for directory in other.directories {
            // Two parts of one app often name the same folder.
            if !self.directories.contains(&directory) {
                self.directories.push(directory);
            }
        }
        for (name, value) in other.env {
            self.env.retain(|(known, _)| *known != name);
            self.env.push((name, value));
        }
        self
    }

    /// Whether a request may go to `uri`.
    pub(super) fn allows_request(&self, uri: &Uri) -> bool {
        self.outbound.iter().any(|origin| origin.matches(uri))
    }

    /// Whether a socket may use `address`. Binding to no address in particular is free: every outgoing
    /// connection does it, and to listen there the address is asked for again.
    pub(super) fn allows_socket(&self, address: SocketAddr, implicit_bind: bool) -> bool {
        let nowhere = implicit_bind && address.ip().is_unspecified() && address.port() == 0;
        nowhere || self.sockets.iter().any(|grant| grant.matches(address))
    }
}

/// `NAME=VALUE`, or `NAME` as `lookup` gives it.
pub(super) fn variable(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Option<(String, String)> {
    match text.split_once('=') {
        Some((name, value)) => Some((name.to_owned(), value.to_owned())),
        None => Some((text.to_owned(), lookup(text)?)),
    }
}

fn parse_all<T: FromStr<Err = RunError>>(texts: &[String]) -> Result<Vec<T>, RunError> {
    texts.iter().map(|text| text.parse()).collect()
}

fn invalid(text: &str, why: impl ToString) -> RunError {
    RunError::InvalidGrant { text: text.to_owned(), why: why.to_string() }
}

impl Origin {
    fn matches(&self, uri: &Uri) -> bool {
        let Self::Of { scheme, host, port } = self else { return true };
        let (Some(found_scheme), Some(authority)) = (uri.scheme(), uri.authority()) else { return false };
        let found_host = authority.host().to_ascii_lowercase();
        let fits = match host.strip_prefix('*') {
            Some(below) => found_host.ends_with(below) && found_host.len() > below.len(),
            None => found_host == *host,
        };
        fits && found_scheme.as_str() == scheme && port_of(authority, found_scheme) == Some(*port)
    }
}

/// The port that is written, or the scheme's own; `None` for one that cannot be.
fn port_of(authority: &Authority, scheme: &Scheme) -> Option<u16> {
    match authority.as_str().strip_suffix(authority.host()) {
        Some(_) => default_port(scheme),
        None => authority.port_u16(),
    }
}

fn default_port(scheme: &Scheme) -> Option<u16> {
    match scheme.as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// The origin of a request, as it would be granted.
pub(super) fn origin_of(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("https");
    format!("{scheme}://{}", uri.authority().map_or("", |authority| authority.as_str()))
}

impl FromStr for Origin {
    type Err = RunError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let (scheme, authority) =
            text.split_once("://").ok_or_else(|| invalid(text, "a scheme is missing, as in `https://`"))?;
        let scheme: Scheme = scheme.parse().map_err(|error| invalid(text, error))?;
        default_port(&scheme).ok_or_else(|| invalid(text, "the scheme is not http or https"))?;
        let authority = authority.trim_end_matches('/');
        // `*` is no host for the parser of addresses.
        let (wild, rest) = match authority.strip_prefix("*.") {
            Some(rest) => ("*.", rest),
            None => ("", authority),
        };
        let parsed: Authority = rest.parse().map_err(|_| invalid(text, "this is not a host"))?;
        if rest.contains('@') || rest.contains('/') {
            return Err(invalid(text, "an origin has no user and no path"));
        }
        let port =
            port_of(&parsed, &scheme).ok_or_else(|| invalid(text, "the port is not a number up to 65535"))?;
        Ok(Self::Of {
            scheme: scheme.to_string(),
            host: format!("{wild}{}", parsed.host().to_ascii_lowercase()),
            port,
        })
    }
}

impl SocketGrant {
    fn matches(&self, address: SocketAddr) -> bool {
        self.port.is_none_or(|port| port == address.port())
            && self.addresses.as_ref().is_none_or(|known| known.contains(&address.ip().to_canonical()))
    }
}

impl FromStr for SocketGrant {
    type Err = RunError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self { addresses: None, port: None });
        }
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| invalid(text, "a port is missing, as in `localhost:6379`"))?;
        let port = match port {
            "*" => None,
            port => {
                Some(port.parse::<u16>().map_err(|_| invalid(text, "the port is not a number up to 65535"))?)
            }
        };
        let addresses = match host {
            "*" => None,
            // The grant is for the addresses that the name has now: sockets know no names.
            host => Some(
                (host.trim_matches(['[', ']']), port.unwrap_or(0))
                    .to_socket_addrs()
                    .map_err(|error| invalid(text, error))?
                    .map(|address| address.ip().to_canonical())
                    .collect(),
            ),
        };
        Ok(Self { addresses, port })
    }
}

impl FromStr for Directory {
    type Err = RunError;

    /// `HOST`, `HOST::GUEST`, and either with `::ro` at the end for reading only.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (paths, write) = match text.strip_suffix("::ro") {
            Some(paths) => (paths, false),
            None => (text, true),
        };
        let (host, guest) = paths.split_once("::").unwrap_or((paths, paths));
        if host.is_empty() || guest.is_empty() {
            return Err(invalid(text, "a folder is missing, as in `public::/`"));
        }
        Ok(Self { host: host.into(), guest: guest.to_owned(), write })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(outbound: &[&str]) -> Grants {
        Grants { outbound: outbound.iter().map(|text| text.parse().unwrap()).collect(), ..Grants::default() }
    }

    #[test]
    fn nothing_is_granted_by_default() {
        assert!(!Grants::default().allows_request(&Uri::from_static("https://example.com/")));
        assert!(!Grants::default().allows_socket("127.0.0.1:80".parse().unwrap(), false));
        assert!(!Grants::default().allows_socket("0.0.0.0:0".parse().unwrap(), false));
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let grants = grants(&["https://api.example.com", "http://localhost:3000/"]);
        for allowed in
            ["https://api.example.com/x?y", "https://API.example.com:443/", "http://localhost:3000/"]
        {
            assert!(grants.allows_request(&allowed.parse().unwrap()), "{allowed}");
        }
        for denied in [
            "http://api.example.com/",
            "https://api.example.com:8443/",
            "https://api.example.com.evil.org/",
            "https://evil.org/https://api.example.com/",
            "https://api.example.com:99999/",
            "http://localhost/",
        ] {
            assert!(!grants.allows_request(&denied.parse().unwrap()), "{denied}");
        }
    }

    #[test]
    fn a_star_stands_for_hosts_below_a_name() {
        let grants = grants(&["https://*.example.com"]);
        assert!(grants.allows_request(&Uri::from_static("https://a.b.example.com/")));
        assert!(!grants.allows_request(&Uri::from_static("https://example.com/")));
        assert!(!grants.allows_request(&Uri::from_static("https://notexample.com/")));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "example.com",
            "ftp://example.com",
            "https://",
            "https://u@h",
            "https://h/path",
            "https://h:99999",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_socket_grant_is_for_its_addresses_and_port() {
        let grants = Grants { sockets: vec!["127.0.0.1:6379".parse().unwrap()], ..Grants::default() };
        assert!(grants.allows_socket("127.0.0.1:6379".parse().unwrap(), false));
        assert!(grants.allows_socket("[::ffff:127.0.0.1]:6379".parse().unwrap(), false));
        assert!(grants.allows_socket("0.0.0.0:0".parse().unwrap(), true), "the bind before a connect");
        assert!(!grants.allows_socket("127.0.0.1:80".parse().unwrap(), false));
        assert!(!grants.allows_socket("10.0.0.1:6379".parse().unwrap(), false));
        assert!("localhost".parse::<SocketGrant>().is_err());
    }

    #[test]
    fn folders_are_written_as_for_other_runners() {
        let parse = |text: &str| text.parse::<Directory>().unwrap();
        assert_eq!(parse("public"), Directory { host: "public".into(), guest: "public".into(), write: true });
        assert_eq!(
            parse("public::/www::ro"),
            Directory { host: "public".into(), guest: "/www".into(), write: false }
        );
        assert!("::/".parse::<Directory>().is_err());
    }

    #[test]
    fn a_later_variable_wins() {
        let env = |text: &str| Grants {
            env: vec![variable(text, &|_| Some("from outside".to_owned())).unwrap()],
            ..Grants::default()
        };
        assert_eq!(env("A=1").and(env("A")).env, [("A".to_owned(), "from outside".to_owned())]);
    }
}
