//! Who signed something.

use std::fmt;

use serde::Serialize;

use super::PublicKey;

/// Who signed something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signer {
    /// By what they are known.
    #[serde(flatten)]
    pub who: Who,
    /// What the policy calls them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it was signed, where a public log proves that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logged: Option<String>,
}

/// By what somebody who signs is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Who {
    /// A key.
    Key {
        /// Its fingerprint.
        key: String,
    },
    /// A name, on somebody's word.
    Identity {
        /// As the certificate has it.
        identity: String,
        /// Who vouched for it.
        issuer: String,
    },
}

impl Who {
    /// The holder of this key.
    pub fn holds(key: &PublicKey) -> Self {
        Self::Key { key: key.fingerprint() }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { key } => f.write_str(key),
            Self::Identity { identity, issuer } => write!(f, "{identity} ({issuer})"),
        }
    }
}
