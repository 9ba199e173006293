//! Who signs, as the command line says.

use camino::{Utf8Path, Utf8PathBuf};

use super::{Context, key};
use crate::error::Result;
use crate::file;
use crate::identity::{Identity, Wishes};
use crate::package::Signatory;
use crate::trust::{KeylessError, Who};

/// Signing without a key.
#[derive(Debug, clap::Args)]
pub(super) struct KeylessArgs {
    /// Sign without a key, as the CI run that this is: Sigstore's Fulcio makes a certificate for it, and its public log Rekor
    /// notes that it signed. Needs a jointer with the feature `keyless`
    #[arg(long)]
    pub(super) keyless: bool,
    /// With --keyless: the CI's token [default: SIGSTORE_ID_TOKEN, or what GitHub gives a job with `id-token: write`]
    #[arg(long, value_name = "FILE", requires = "keyless")]
    identity_token: Option<Utf8PathBuf>,
    /// With --keyless: the services to sign with [default: the public Sigstore]
    #[arg(long, value_name = "signing_config.json", requires = "keyless")]
    signing_config: Option<Utf8PathBuf>,
    /// With --keyless: what their signatures verify with [default: the public Sigstore's]
    #[arg(long, value_name = "trusted_root.json", requires = "keyless")]
    trusted_root: Option<Utf8PathBuf>,
}

/// Signing with a key or without one, where unsigned is fine too.
#[derive(Debug, clap::Args)]
pub(super) struct SignArgs {
    /// Sign with this private key (`jointer keygen` or `cosign generate-key-pair`), or without one as --keyless says
    #[arg(long, value_name = "KEY", num_args = 0..=1)]
    sign: Option<Option<Utf8PathBuf>>,
    #[command(flatten)]
    keyless: KeylessArgs,
}

/// The line that says who signed.
pub(super) fn said(who: &Who) -> String {
    match who {
        Who::Key { key } => format!("  key      {key}"),
        Who::Identity { identity, issuer } => format!("  identity {identity}\n  issuer   {issuer}"),
    }
}

impl KeylessArgs {
    /// The signatory; exactly one of key and identity has to be given.
    pub(super) fn signatory(&self, cx: &Context, key: Option<&Utf8Path>) -> Result<Signatory> {
        match (key, self.keyless) {
            (Some(key), false) => Ok(Signatory::Key(key::private(cx, key)?)),
            (None, true) => self.identity(cx),
            (Some(_), true) => {
                Err(KeylessError::WhichSigner { why: "there is a key, and `--keyless`" }.into())
            }
            (None, false) => {
                Err(KeylessError::WhichSigner { why: "there is neither a key nor `--keyless`" }.into())
            }
        }
    }

    fn identity(&self, cx: &Context) -> Result<Signatory> {
        let read = |path: &Option<Utf8PathBuf>| {
            path.as_ref().map(|path| file::read_text(&cx.cwd.join(path))).transpose()
        };
        let wishes = Wishes {
            token: read(&self.identity_token)?,
            services: read(&self.signing_config)?,
            root: read(&self.trusted_root)?,
        };
        let identity = Identity::find(wishes, |name| std::env::var(name).ok())?;
        Ok(Signatory::Identity(Box::new(identity)))
    }
}

impl SignArgs {
    /// Whether it is to be signed.
    pub(super) fn wanted(&self) -> bool {
        self.sign.is_some() || self.keyless.keyless
    }

    /// The file of the key.
    pub(super) fn key(&self) -> Option<&Utf8Path> {
        self.sign.as_ref().and_then(Option::as_deref)
    }

    /// Whether signing leaves a trace in a public log.
    pub(super) fn is_public(&self) -> bool {
        self.keyless.keyless
    }

    /// The signatory, if it is to be signed.
    pub(super) fn signatory(&self, cx: &Context) -> Result<Option<Signatory>> {
        if !self.wanted() {
            return Ok(None);
        }
        self.keyless.signatory(cx, self.key()).map(Some)
    }
}
