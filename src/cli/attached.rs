//! The app with all that is told about it: what `bundle` puts into a file, and `sbom` prints.

use std::collections::BTreeMap;

use super::Context;
use super::built::built;
use crate::app::{App, LOCK, MANIFEST};
use crate::build::{Built, Record};
use crate::digest::Digest;
use crate::error::Result;
use crate::file;
use crate::name::PackageId;
use crate::package::{self, Builder, Checkout, Contents, Made, Part, provenance};
use crate::registry;

/// Who builds, for provenance.
#[derive(Debug, clap::Args)]
pub(super) struct BuilderArgs {
    /// A URI for who builds, in the provenance; default: what GitHub's or GitLab's variables say, else
    /// `jointer:local`
    #[arg(long, value_name = "URI", env = "JOINTER_BUILDER")]
    builder: Option<String>,
}

/// A built app.
pub(super) struct BuiltApp {
    pub(super) app: App,
    pub(super) id: PackageId,
    created: String,
    built: Built,
}

impl BuiltApp {
    /// The app that the command stands in, as its sources say now.
    pub(super) fn build(cx: &Context) -> Result<Self> {
        Self::of(App::load(&App::find(&cx.cwd)?)?, |app| built(cx, app))
    }

    /// This app, as `build` builds it.
    pub(super) fn of(app: App, build: impl FnOnce(&App) -> Result<Built>) -> Result<Self> {
        let built = build(&app)?;
        let id = PackageId { name: app.name.clone(), version: app.version.clone() };
        let created = created()?;
        Ok(Self { app, id, created, built })
    }

    /// The composed component.
    pub(super) fn component(&self) -> Result<Vec<u8>> {
        Ok(file::read(&self.built.component)?)
    }

    /// What is packaged.
    pub(super) fn contents(&self, builder: &BuilderArgs) -> Result<Contents<'_>> {
        Ok(Contents {
            id: &self.id,
            component: self.component()?,
            parts: self.parts()?,
            root: self.app.root.as_str(),
            wiring: &self.built.wiring,
            provenance: Some(self.provenance(builder)?),
            created: &self.created,
        })
    }

    /// The parts that are in the composed component.
    fn parts(&self) -> Result<Vec<Part>> {
        let inside = self.built.parts.iter().filter(|part| !self.built.unreached.contains(&part.name));
        inside
            .map(|part| {
                Ok(Part {
                    name: part.name.clone(),
                    bytes: file::read(&part.path)?,
                    language: part.language.clone(),
                    tools: part.tools.clone(),
                    packages: part.packages.clone(),
                })
            })
            .collect()
    }

    /// The bill of materials, as a bundle has it.
    pub(super) fn sbom(&self) -> Result<Vec<u8>> {
        let version = self.id.version.to_string();
        Ok(package::sbom(&package::Subject {
            name: &self.id.name.to_string(),
            version: Some(&version),
            component: &self.component()?,
            parts: &self.parts()?,
            wiring: &self.built.wiring,
            created: &self.created,
        })?)
    }

    /// How it was built.
    pub(super) fn provenance(&self, builder: &BuilderArgs) -> Result<serde_json::Value> {
        let mut files = BTreeMap::new();
        for name in [MANIFEST, LOCK] {
            let path = self.app.dir.join(name);
            if path.is_file() {
                files.insert(name.to_owned(), Digest::of(&file::read(&path)?));
            }
        }
        let variable = |name: &str| std::env::var(name).ok();
        Ok(provenance(&Made {
            id: &self.id,
            files,
            record: &Record::read(&Record::path(&self.app)),
            checkout: Checkout::of(&self.app.dir).as_ref(),
            epoch: epoch().as_deref(),
            builder: &Builder::detect(builder.builder.as_deref(), variable),
        }))
    }
}

fn epoch() -> Option<String> {
    std::env::var("SOURCE_DATE_EPOCH").ok()
}

/// When what is made now says that it was made.
///
/// # Errors
/// When `SOURCE_DATE_EPOCH` is no time.
pub(super) fn created() -> Result<String> {
    Ok(registry::creation_time(epoch().as_deref())?)
}
