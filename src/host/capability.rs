//! What a component may be allowed to do, which interfaces it needs for that, and how it is granted.
//!
//! Standard streams, arguments, clocks and random numbers are always given; everything here is denied
//! until it is asked for.

use crate::name::InterfaceName;

/// A capability that is denied by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Sending http requests.
    Outbound,
    /// Opening sockets.
    Sockets,
    /// Seeing folders.
    Files,
    /// Seeing environment variables.
    Env,
}

impl Capability {
    /// All of them, in the order of the manifest's documentation.
    pub const ALL: [Self; 4] = [Self::Outbound, Self::Sockets, Self::Files, Self::Env];

    /// The capability that calls to the interface need; `None` where nothing needs to be granted.
    pub fn of_interface(interface: &InterfaceName) -> Option<Self> {
        if !interface.is_wasi() {
            return None;
        }
        match (interface.package.name.as_str(), interface.interface.as_str()) {
            ("http", "outgoing-handler" | "client") => Some(Self::Outbound),
            ("sockets", _) => Some(Self::Sockets),
            ("filesystem", _) => Some(Self::Files),
            ("cli", "environment") => Some(Self::Env),
            _ => None,
        }
    }

    /// Its key under `[component.NAME.capabilities]`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Outbound => "outbound",
            Self::Sockets => "sockets",
            Self::Files => "files",
            Self::Env => "env",
        }
    }

    /// What to write to grant it for `subject` (an origin, an address, a folder, a variable): the flag,
    /// and the manifest's line.
    pub fn how_to_grant(self, subject: &str) -> String {
        let key = self.key();
        match self {
            Self::Outbound => format!("grant it with `--outbound {subject}`, or `{key} = [\"{subject}\"]`"),
            Self::Sockets => format!("grant it with `--socket {subject}`, or `{key} = [\"{subject}\"]`"),
            Self::Files => format!(
                "grant one with `--dir {subject}::/`, or `{key} = [{{ host = \"{subject}\", guest = \"/\" }}]`"
            ),
            Self::Env => format!("grant it with `--env {subject}`, or `{key} = [\"{subject}\"]`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_interfaces_that_reach_out_need_a_grant() {
        let of = |name: &str| Capability::of_interface(&name.parse().unwrap());
        assert_eq!(of("wasi:http/outgoing-handler@0.2.0"), Some(Capability::Outbound));
        assert_eq!(of("wasi:http/client@0.3.0"), Some(Capability::Outbound));
        assert_eq!(of("wasi:sockets/tcp@0.2.12"), Some(Capability::Sockets));
        assert_eq!(of("wasi:filesystem/preopens@0.2.12"), Some(Capability::Files));
        assert_eq!(of("wasi:cli/environment@0.2.12"), Some(Capability::Env));
        for given in
            ["wasi:http/types@0.2.0", "wasi:cli/stdout@0.2.0", "wasi:clocks/wall-clock@0.2.0", "acme:x/y"]
        {
            assert_eq!(of(given), None, "{given}");
        }
    }
}
