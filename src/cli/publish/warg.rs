//! `jointer publish --to warg://HOST`: legacy.

use super::{From, PublishArgs, app_contents, plan, verb};
use crate::cli::{Context, key};
use crate::error::{ExitStatus, Result};
use crate::package::{self, Planned};
use crate::registry::RegistryError;
use crate::registry::warg::{Released, Warg};
use crate::trust::KeyPair;

/// Where the key may stand that signs the records, as warg writes it.
const VARIABLE: &str = "WARG_SIGNING_KEY";

pub(super) fn run(cx: &Context, args: &PublishArgs, url: &str) -> Result<ExitStatus> {
    let bare = |what| Err(RegistryError::WargBare { what }.into());
    if args.sbom || args.provenance {
        return bare(if args.sbom { "a bill of materials" } else { "provenance" });
    }
    if args.sign.is_public() {
        return bare("a signature without a key");
    }
    let key = signing_key(cx, args)?;
    let mut released = Vec::new();
    let registry = Warg::open(url, &cx.dirs)?;
    for Planned { id, of, .. } in package::in_order(plan(cx, args)?)? {
        let bytes = match of {
            From::Bundle { .. } => return bare("a bundle"),
            From::File { bytes, .. } => bytes,
            From::App(app) => app_contents(cx, args, *app, None)?.0,
        };
        if !args.allow_breaking {
            let versions = registry.versions(&id.name)?;
            package::gate_among(&versions, &id, &bytes, &|id| Ok(registry.contents(id)?))?;
        }
        released.push(registry.publish(&id, bytes, &key, args.dry_run)?);
    }
    let text: Vec<String> = released.iter().map(said).collect();
    match released.as_slice() {
        [one] if !args.workspace => cx.ui.answer(&text.join("\n"), one),
        _ => cx.ui.answer(&text.join("\n"), &released),
    }
    Ok(ExitStatus::Success)
}

/// The key of `--sign`, else that of the variable: warg takes no record that nobody signed.
fn signing_key(cx: &Context, args: &PublishArgs) -> Result<KeyPair> {
    if let Some(path) = args.sign.key() {
        return key::private(cx, path);
    }
    let text = std::env::var(VARIABLE).map_err(|_| RegistryError::NoWargKey)?;
    Ok(KeyPair::from_warg(&text)?)
}

fn said(released: &Released) -> String {
    let verb = verb(released.outcome);
    let begins = if released.first { ", which begins the log" } else { "" };
    format!(
        "{verb} {} to {}\n  record  {}{begins}\n  key     {}\n  content {} ({} bytes)",
        released.package,
        released.registry,
        released.record.as_deref().unwrap_or("to send"),
        released.key,
        released.content,
        released.size
    )
}
