//! What the last build did, in `build/record.json`: for `--explain`, and for who writes provenance.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::cache::Entry;
use super::fingerprint::Fingerprint;
use crate::component::Packages;
use crate::digest::Digest;
use crate::error::FileError;
use crate::file;

/// The version of the file's form.
const VERSION: u32 = 1;

/// The note of a guest build with the packages of its language.
pub(super) const PACKAGES: &str = "packages";

/// The note of a unit that was built twice, in two places: whether the results were the same.
pub(super) const REPRODUCIBLE: &str = "reproducible";

/// The note of a unit that adapts, with the step that it took.
pub(super) const ADAPTED: &str = "adapted";

/// The last build of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The version of this form.
    pub version: u32,
    /// jointer's own version.
    pub jointer: String,
    /// The units by name.
    pub units: BTreeMap<String, UnitRecord>,
}

/// One unit of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitRecord {
    /// The digest of everything that it could read.
    pub inputs: Digest,
    /// The digest of its result.
    pub output: Digest,
    /// The size of its result.
    pub bytes: u64,
    /// How long it ran when its result was made.
    pub millis: u64,
    /// Guest tools and their versions.
    pub tools: BTreeMap<String, String>,
    /// What adapting did to it, if anything: `0.2.0-rc-2023-11-10 to wasi@0.2.12 (wrapped)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapted: Option<String>,
    /// The packages of its language that went into it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Packages>,
    /// Whether it gives the same bytes in another place, where that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproducible: Option<bool>,
    /// Everything that it could read, one by one.
    pub(super) reads: Fingerprint,
}

/// An import of a part that another part satisfies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wired {
    /// The part that imports.
    pub consumer: String,
    /// What it imports.
    pub import: String,
    /// The part that exports.
    pub provider: String,
    /// What it exports.
    pub export: String,
}

impl UnitRecord {
    pub(super) fn new(inputs: Digest, entry: &Entry, reads: Fingerprint) -> Self {
        let Entry { output, bytes, millis, tools, notes } = entry.clone();
        let adapted = notes.get(ADAPTED).and_then(serde_json::Value::as_str).map(str::to_owned);
        let packages = notes.get(PACKAGES).and_then(|packages| Packages::deserialize(packages).ok());
        let reproducible = notes.get(REPRODUCIBLE).and_then(serde_json::Value::as_bool);
        Self { inputs, output, bytes, millis, tools, adapted, packages, reproducible, reads }
    }

    /// The files that it read, relative to the app.
    pub(super) fn files_read(&self) -> impl Iterator<Item = &str> {
        self.reads.files_there()
    }

    /// Everything that it could read, as pairs of what and its digest or text: `file src/lib.rs`,
    /// `tool cargo`.
    pub fn inputs_in_detail(&self) -> impl Iterator<Item = (String, &str)> {
        self.reads.iter()
    }
}

impl Default for Record {
    fn default() -> Self {
        Self { version: VERSION, jointer: env!("CARGO_PKG_VERSION").to_owned(), units: BTreeMap::new() }
    }
}

impl Record {
    /// Where the record of an app is.
    pub fn path(app: &crate::app::App) -> Utf8PathBuf {
        app.build_dir().join("record.json")
    }

    /// Reads it. One that is missing, broken or of another version is as good as none.
    pub fn read(path: &Utf8Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_default();
        let record: Option<Self> = serde_json::from_slice(&bytes).ok();
        record.filter(|record| record.version == VERSION).unwrap_or_default()
    }

    pub(super) fn write(&self, path: &Utf8Path) -> Result<(), FileError> {
        file::write(path, &serde_json::to_vec_pretty(self).unwrap_or_default())
    }
}
