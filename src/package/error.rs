//! What can be wrong with packages and bundles.

use camino::Utf8PathBuf;
use miette::Diagnostic;
use semver::Version;

use crate::component::ComponentError;
use crate::error::{ExitStatus, Fault, FileError};
use crate::identity::IdentityError;
use crate::name::{PackageId, PackageName};
use crate::registry::RegistryError;
use crate::trust::TrustError;

/// Why something could not be packaged, or a bundle is refused.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum PackageError {
    /// A component does not say what it is called.
    #[error("`{0}` needs a name to be published under")]
    #[diagnostic(code(package::no_id), help("give it one: `--as acme:greet@1.0.0`"))]
    NoId(Utf8PathBuf),
    /// A WIT package says what it is called, and it is something else.
    #[error("`{path}` is the package `{found}`, not `{given}`")]
    #[diagnostic(
        code(package::wrong_id),
        help(
            "publish it as what it says, or correct the `package` line of the WIT, or the version in the component's metadata"
        )
    )]
    WrongId {
        /// The folder or file.
        path: Utf8PathBuf,
        /// What it says.
        found: String,
        /// What was asked for.
        given: String,
    },
    /// A version that claims to be compatible and is not.
    #[error("`{package}` is not what users of `{other}` can go on with:\n{changes}")]
    #[diagnostic(
        code(package::breaking),
        help("publish it as {next}, or undo the change; `--allow-breaking` publishes it all the same")
    )]
    Breaking {
        /// What was to be published.
        package: PackageId,
        /// The compatible version that it was compared with.
        other: Version,
        /// What users would have to change, one in a line.
        changes: String,
        /// The first version that may break.
        next: Version,
    },
    /// Two packages of one name at once.
    #[error("the package `{0}` would be published twice")]
    #[diagnostic(code(package::twice), help("give one of them another name"))]
    Twice(PackageName),
    /// Packages that need each other.
    #[error("{0} need each other, so that none can be published first")]
    #[diagnostic(code(package::cycle), help("move what they share into a package of its own"))]
    Cycle(String),
    /// How a file was made is not known.
    #[error("how `{0}` was built is not known, so there is no provenance of it")]
    #[diagnostic(
        code(package::no_provenance),
        help(
            "publish the app that it comes from: `jointer publish --provenance` in its folder builds it and says how"
        )
    )]
    NoProvenance(Utf8PathBuf),
    /// A package without the parts that a bundle has.
    #[error("`{0}` was published without its parts, so no bundle can be made of it")]
    #[diagnostic(
        code(package::not_whole),
        help(
            "`jointer pull` brings its component; its author can publish the bundle: `jointer publish FILE.oci.tar`"
        )
    )]
    NotWhole(PackageId),
    /// A bundle has what it has.
    #[error("`{0}` is a bundle, and is published as it is")]
    #[diagnostic(
        code(package::whole),
        help(
            "leave out `--sign`, `--sbom` and `--provenance`: they belong to `jointer bundle`; `jointer sign` adds a signature later"
        )
    )]
    Whole(Utf8PathBuf),
    /// One name for several packages.
    #[error("`--as` names one package, and several are to be published")]
    #[diagnostic(code(package::one_name), help("publish them one by one, or leave out `--as`"))]
    OneName,
    /// The WIT of a folder cannot be read.
    #[error("the WIT in `{path}` cannot be packaged: {reason}")]
    #[diagnostic(
        code(package::invalid_wit),
        help("the folder holds one package with a version; what it uses stands in its `deps`")
    )]
    InvalidWit {
        /// The folder.
        path: Utf8PathBuf,
        /// The parser's words.
        reason: String,
    },
    /// A file that must not be overwritten.
    #[error("`{0}` exists")]
    #[diagnostic(code(package::exists), help("a key is never overwritten; choose another name with `-o`"))]
    Exists(Utf8PathBuf),
    /// Another kind of file.
    #[error("this is not a bundle: {0}")]
    #[diagnostic(
        code(package::not_a_bundle),
        help("`jointer bundle` writes them: one tar with an OCI image layout")
    )]
    NotABundle(String),
    /// An entry of the tar that no bundle has.
    #[error("the bundle has the entry `{entry}`, {why}")]
    #[diagnostic(
        code(package::hostile_entry),
        help(
            "a bundle holds plain files with fixed names; do not unpack this one, and fetch it again from its author"
        )
    )]
    HostileEntry {
        /// Its path.
        entry: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Bytes were changed or lost.
    #[error("the bundle was changed or is incomplete: {0}")]
    #[diagnostic(code(package::corrupt), help("fetch it again from its author"))]
    Corrupt(String),
    /// Something that every bundle has is not there.
    #[error("the bundle lacks {0}")]
    #[diagnostic(
        code(package::incomplete),
        help("somebody took it out; fetch the bundle again from its author")
    )]
    Incomplete(&'static str),
    /// Something that is attested in every signed bundle is not, or not by this key.
    #[error("the key attests nothing of the kind `{0}` about the app")]
    #[diagnostic(
        code(package::not_attested),
        help("somebody took it out; fetch the bundle again from its author")
    )]
    NotAttested(&'static str),
    /// Others signed at the same time and theirs were kept.
    #[error("the signature of `{package}` did not stay in `{registry}`")]
    #[diagnostic(
        code(package::signature_lost),
        help("others sign it at the same time; run the same again when they are done")
    )]
    SignatureLost {
        /// Name and version.
        package: String,
        /// Where.
        registry: String,
    },
    /// A statement has to be JSON.
    #[error("`{path}` is not JSON: {reason}")]
    #[diagnostic(
        code(package::not_json),
        help("`--predicate` wants the statement alone, as a JSON document")
    )]
    NotJson {
        /// The file.
        path: Utf8PathBuf,
        /// The parser's words.
        reason: String,
    },
    /// Not signed, or not by whom it should be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Trust(#[from] TrustError),
    /// It cannot be signed without a key.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Identity(#[from] IdentityError),
    /// The component is none.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Component(#[from] ComponentError),
    /// It cannot be packed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Registry(#[from] RegistryError),
    /// A file cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    File(#[from] FileError),
}

impl Fault for PackageError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::NoId(_)
            | Self::WrongId { .. }
            | Self::InvalidWit { .. }
            | Self::Twice(_)
            | Self::Cycle(_)
            | Self::NoProvenance(_)
            | Self::Whole(_)
            | Self::NotWhole(_)
            | Self::NotJson { .. }
            | Self::OneName => ExitStatus::Usage,
            Self::SignatureLost { .. } => ExitStatus::Network,
            Self::Exists(_) | Self::Breaking { .. } => ExitStatus::Conflict,
            Self::NotABundle(_)
            | Self::HostileEntry { .. }
            | Self::Corrupt(_)
            | Self::Incomplete(_)
            | Self::NotAttested(_) => ExitStatus::Trust,
            Self::Trust(error) => error.status(),
            Self::Identity(error) => error.status(),
            Self::Component(error) => error.status(),
            Self::Registry(error) => error.status(),
            Self::File(error) => error.status(),
        }
    }
}
