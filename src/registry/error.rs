//! What can go wrong between jointer and a registry.

use std::net::SocketAddr;

use camino::Utf8PathBuf;
use miette::Diagnostic;

use crate::component::ComponentError;
use crate::digest::Digest;
use crate::error::{ExitStatus, Fault, FileError};

/// Why a package could not be published or fetched.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum RegistryError {
    /// Not a registry's name.
    #[error("`{text}` is not a registry: {why}")]
    #[diagnostic(
        code(registry::invalid_location),
        help("write `local`, `dir:PATH` or `HOST[:PORT][/PREFIX]`, as in `127.0.0.1:5000/team`")
    )]
    InvalidLocation {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Not a package, nor a place in a registry.
    #[error("`{text}` is not a reference: {why}")]
    #[diagnostic(
        code(registry::invalid_reference),
        help(
            "write `ns:name@version` or `HOST/REPOSITORY:TAG`, with `@sha256:…` where the bytes are known, as in `127.0.0.1:5000/acme/greet:1.0.0`"
        )
    )]
    InvalidReference {
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// The configuration shared with `wkg` makes no sense.
    #[error("`{path}` cannot be used: {why}")]
    #[diagnostic(
        code(registry::invalid_config),
        help("mend the file, or name the registry with `--from`, `--to` or JOINTER_REGISTRY")
    )]
    InvalidConfig {
        /// The file.
        path: Utf8PathBuf,
        /// What is wrong in it.
        why: String,
    },
    /// The registry does not have it.
    #[error("`{what}` is not in the registry `{registry}`")]
    #[diagnostic(
        code(registry::not_found),
        help("check the name and the version, or name another registry (JOINTER_REGISTRY, `--from`)")
    )]
    NotFound {
        /// A package, with its version or digest.
        what: String,
        /// Where it was looked for.
        registry: String,
    },
    /// No answer.
    #[error("the registry `{registry}` does not answer: {reason}")]
    #[diagnostic(
        code(registry::unreachable),
        help(
            "check the name and the network and try again; with `--offline` nothing is asked of a registry"
        )
    )]
    Unreachable {
        /// Which.
        registry: String,
        /// The network's words.
        reason: String,
    },
    /// It wants to know who asks, or knows and says no.
    #[error("the registry `{registry}` does not let us {what}: {reason}")]
    #[diagnostic(code(registry::unauthorized), help("{help}"))]
    Unauthorized {
        /// Which.
        registry: String,
        /// `read acme/greet`, `write acme/greet`.
        what: String,
        /// Its words.
        reason: String,
        /// Which credentials were tried.
        help: String,
    },
    /// It answered with an error.
    #[error("the registry `{registry}` failed to {what}: {reason}")]
    #[diagnostic(code(registry::failed), help("try again later; if it stays so, ask who runs the registry"))]
    Failed {
        /// Which.
        registry: String,
        /// What was asked of it.
        what: String,
        /// Status and words.
        reason: String,
    },
    /// The credentials are there but cannot be used.
    #[error("the credentials for `{registry}` cannot be read: {reason}")]
    #[diagnostic(
        code(registry::credentials),
        help(
            "they are looked for in docker's `config.json` (DOCKER_CONFIG) and podman's `auth.json`; mend or remove the entry"
        )
    )]
    Credentials {
        /// For which registry.
        registry: String,
        /// What is wrong.
        reason: String,
    },
    /// Other bytes than the digest promises.
    #[error("`{what}` from `{registry}` is not what it should be: expected {expected}, got {found}")]
    #[diagnostic(
        code(registry::corrupt),
        help(
            "nothing was stored; try again, and if it stays so, somebody or something between you and the registry changes it"
        )
    )]
    Corrupt {
        /// What was read.
        what: String,
        /// Where from.
        registry: String,
        /// Its digest or size as promised.
        expected: String,
        /// As found.
        found: String,
    },
    /// Larger than allowed or promised.
    #[error("`{what}` from `{registry}` is larger than {limit} bytes")]
    #[diagnostic(
        code(registry::too_large),
        help("nothing was stored; the registry sends more than it announced, or more than jointer takes")
    )]
    TooLarge {
        /// What was read.
        what: String,
        /// Where from.
        registry: String,
        /// How much was allowed.
        limit: u64,
    },
    /// Something else than a WebAssembly package.
    #[error("`{what}` from `{registry}` is not a WebAssembly package: {why}")]
    #[diagnostic(
        code(registry::not_a_package),
        help(
            "a package has a manifest with one `application/wasm` layer and a `application/vnd.wasm.config.v0+json` config"
        )
    )]
    NotAPackage {
        /// What was read.
        what: String,
        /// Where from.
        registry: String,
        /// Found and expected.
        why: String,
    },
    /// The version exists with other contents.
    #[error("`{what}` exists in `{registry}` with other contents")]
    #[diagnostic(
        code(registry::conflict),
        help("there it is {found}, here {ours}; a published version never changes: publish under a new one")
    )]
    Conflict {
        /// Package and version.
        what: String,
        /// Where.
        registry: String,
        /// Digest there.
        found: Digest,
        /// Digest here.
        ours: Digest,
    },
    /// Others who wrote at the same time undid it.
    #[error("`{what}` did not stay in the list of `{registry}`: others write it at the same time")]
    #[diagnostic(
        code(registry::lost_update),
        help("run the same command again when the others are done; what is there already is not sent again")
    )]
    LostUpdate {
        /// The digest of what should be in the list.
        what: String,
        /// Where.
        registry: String,
    },
    /// A file of the store was changed after it was written.
    #[error("the stored `{path}` was changed: it is {found} now")]
    #[diagnostic(code(registry::store_corrupt), help("`jointer fetch` fetches it again; check the disk"))]
    StoreCorrupt {
        /// The file.
        path: Utf8PathBuf,
        /// Its digest now.
        found: Digest,
    },
    /// A version that no tag can hold.
    #[error("`{0}` cannot be published: tags of registries cannot hold `+`")]
    #[diagnostic(code(registry::build_metadata), help("leave out the part after `+`"))]
    BuildMetadata(String),
    /// `SOURCE_DATE_EPOCH` makes no sense.
    #[error("SOURCE_DATE_EPOCH is `{0}`, which is not a number of seconds")]
    #[diagnostic(code(registry::invalid_epoch), help("set it to seconds since 1970, or leave it out"))]
    InvalidEpoch(String),
    /// A server without passwords would be open to others.
    #[error("`{0}` is not on loopback")]
    #[diagnostic(
        code(registry::not_loopback),
        help("the registry of `jointer registry serve` asks nobody for a password: use 127.0.0.1 or [::1]")
    )]
    NotLoopback(SocketAddr),
    /// The address cannot be used.
    #[error("cannot listen on `{address}`: {reason}")]
    #[diagnostic(
        code(registry::cannot_listen),
        help("choose another address with `--addr HOST:PORT`; port 0 takes any free one")
    )]
    CannotListen {
        /// As asked.
        address: SocketAddr,
        /// Whether somebody else has it.
        in_use: bool,
        /// The operating system's words.
        reason: String,
    },
    /// The server's folder or listener failed.
    #[error("the registry cannot be served: {0}")]
    #[diagnostic(code(registry::cannot_serve), help("check that the folder of `--dir` can be written"))]
    CannotServe(String),
    /// Nobody can be asked.
    #[error("there is no terminal to ask for a user name or a password on")]
    #[diagnostic(
        code(registry::no_password),
        help("give both: `printf %s \"$TOKEN\" | jointer login HOST --username NAME --password-stdin`")
    )]
    NoPassword,
    /// Built without the feature.
    #[error("this jointer cannot talk to warg registries")]
    #[diagnostic(
        code(registry::no_warg),
        help(
            "warg is archived upstream; `cargo install --path . --features warg`, in a checkout of jointer, installs one that can"
        )
    )]
    NoWarg,
    /// Records of warg are signed.
    #[error("a warg registry takes no record that nobody signed")]
    #[diagnostic(
        code(registry::no_warg_key),
        help(
            "name a key with `--sign KEY`, or put one of warg's own (`ecdsa-p256:…`) into WARG_SIGNING_KEY"
        )
    )]
    NoWargKey,
    /// There is no place in warg for what is told about a component.
    #[error("{what} cannot be published in a warg registry, which has components and nothing about them")]
    #[diagnostic(
        code(registry::warg_bare),
        help("publish the component alone, or publish to an OCI registry")
    )]
    WargBare {
        /// `provenance`.
        what: &'static str,
    },
    /// Released once and taken back, for ever.
    #[error("`{what}` was published in `{registry}` and yanked")]
    #[diagnostic(code(registry::yanked), help("a yanked version never comes back: publish under a new one"))]
    Yanked {
        /// The package.
        what: String,
        /// Where.
        registry: String,
    },
    /// The folder of a registry or the store cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    File(#[from] FileError),
    /// What should be published or was fetched is not a component.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Component(#[from] ComponentError),
}

impl Fault for RegistryError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::CannotListen { in_use: true, .. } => ExitStatus::Conflict,
            Self::InvalidLocation { .. }
            | Self::InvalidReference { .. }
            | Self::InvalidConfig { .. }
            | Self::CannotListen { .. }
            | Self::BuildMetadata(_)
            | Self::InvalidEpoch(_)
            | Self::NoPassword
            | Self::NoWarg
            | Self::NoWargKey
            | Self::WargBare { .. }
            | Self::NotLoopback(_)
            | Self::CannotServe(_)
            | Self::Credentials { .. } => ExitStatus::Usage,
            Self::NotFound { .. } => ExitStatus::NotFound,
            Self::Unreachable { .. }
            | Self::Unauthorized { .. }
            | Self::Failed { .. }
            | Self::LostUpdate { .. } => ExitStatus::Network,
            Self::Corrupt { .. }
            | Self::TooLarge { .. }
            | Self::NotAPackage { .. }
            | Self::StoreCorrupt { .. } => ExitStatus::Trust,
            Self::Conflict { .. } | Self::Yanked { .. } => ExitStatus::Conflict,
            Self::File(error) => error.status(),
            Self::Component(error) => error.status(),
        }
    }
}
