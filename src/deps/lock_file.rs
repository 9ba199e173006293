//! `jointer.lock`: one `[[package]]` for each locked component, one `[[wit]]` for each WIT package. Tables of other rooms
//! are left alone.

use camino::Utf8Path;
use semver::Version;
use serde::{Deserialize, Serialize};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::DepsError;
use crate::app::PackageRequest;
use crate::digest::Digest;
use crate::error::{FileError, Result};
use crate::file;
use crate::name::{PackageId, PackageName};
use crate::registry::Pinned;

const HEADER: &str = "# Written by jointer. Commit it: it pins what the app is built from.\n";

/// A version with its digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked {
    /// Which package.
    pub name: PackageName,
    /// Which version.
    pub version: Version,
    /// Where it comes from.
    pub registry: String,
    /// The digest of the component itself.
    pub content: Digest,
    /// The digest of the manifest, to which signatures belong.
    pub manifest: Digest,
    /// The fingerprint of the key that signed it, or `IDENTITY (ISSUER)`, where a policy asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
}

impl Locked {
    pub(super) fn new(id: &PackageId, registry: String, pinned: &Pinned) -> Self {
        Self {
            name: id.name.clone(),
            version: id.version.clone(),
            registry,
            content: pinned.layer.digest,
            manifest: pinned.manifest,
            signer: None,
        }
    }

    /// Name and version.
    pub fn id(&self) -> PackageId {
        PackageId { name: self.name.clone(), version: self.version.clone() }
    }

    fn to_table(&self) -> Table {
        let mut table = Table::new();
        table["name"] = value(self.name.to_string());
        table["version"] = value(self.version.to_string());
        table["registry"] = value(&self.registry);
        table["content"] = value(self.content.to_string());
        table["manifest"] = value(self.manifest.to_string());
        if let Some(signer) = &self.signer {
            table["signer"] = value(signer);
        }
        table
    }
}

/// The file, with its `[[package]]` read.
#[derive(Debug)]
pub struct LockFile {
    document: DocumentMut,
    packages: Vec<Locked>,
    wits: Vec<Locked>,
}

#[derive(Deserialize)]
struct Packages {
    #[serde(default)]
    package: Vec<Locked>,
    #[serde(default)]
    wit: Vec<Locked>,
}

impl LockFile {
    /// Reads it; empty when it is not there.
    ///
    /// # Errors
    /// [`DepsError::InvalidLock`], or when it cannot be read.
    pub fn read(path: &Utf8Path) -> Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(FileError::reading(path, &error).into()),
        };
        Ok(Self::parse(&text, path)?)
    }

    /// Reads its text; `path` is what errors call it.
    ///
    /// # Errors
    /// [`DepsError::InvalidLock`].
    pub fn parse(text: &str, path: &Utf8Path) -> Result<Self, DepsError> {
        let invalid = |reason: String| DepsError::InvalidLock { path: path.to_owned(), reason };
        let document: DocumentMut = text.parse().map_err(|error| invalid(format!("{error}")))?;
        let Packages { package: packages, wit: wits } =
            toml::from_str(text).map_err(|error| invalid(error.message().to_owned()))?;
        Ok(Self { document, packages, wits })
    }

    /// All locked WIT packages.
    pub fn wits(&self) -> &[Locked] {
        &self.wits
    }

    /// All locked components.
    pub fn packages(&self) -> &[Locked] {
        &self.packages
    }

    /// The highest locked version that a requirement allows.
    pub fn find(&self, request: &PackageRequest) -> Option<&Locked> {
        self.packages
            .iter()
            .filter(|locked| locked.name == request.name && request.requirement.matches(&locked.version))
            .max_by(|a, b| a.version.cmp(&b.version))
    }

    /// Replaces all locked components.
    pub fn set_packages(&mut self, packages: Vec<Locked>) {
        self.packages = self.set("package", packages);
    }

    /// Replaces all locked WIT packages.
    pub fn set_wits(&mut self, wits: Vec<Locked>) {
        self.wits = self.set("wit", wits);
    }

    fn set(&mut self, key: &str, mut packages: Vec<Locked>) -> Vec<Locked> {
        packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        packages.dedup();
        let mut tables = ArrayOfTables::new();
        for locked in &packages {
            tables.push(locked.to_table());
        }
        match tables.is_empty() {
            true => drop(self.document.remove(key)),
            false => drop(self.document.insert(key, Item::ArrayOfTables(tables))),
        }
        packages
    }

    /// Writes it in one step; an unchanged file is not touched.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Utf8Path) -> Result<()> {
        let mut text = self.document.to_string();
        if text.is_empty() && !path.exists() {
            return Ok(());
        }
        if !text.starts_with('#') {
            text = format!("{HEADER}{}{text}", if text.starts_with('\n') { "" } else { "\n" });
        }
        if std::fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
            return Ok(());
        }
        Ok(file::write(path, text.as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(version: &str) -> Locked {
        Locked {
            name: "acme:greet".parse().unwrap(),
            version: version.parse().unwrap(),
            registry: "local".to_owned(),
            content: Digest::of(b"content"),
            manifest: Digest::of(version.as_bytes()),
            signer: (version != "1.0.0").then(|| "fingerprint".to_owned()),
        }
    }

    fn write(text: &str, packages: Vec<Locked>) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = camino::Utf8PathBuf::from_path_buf(dir.path().join("jointer.lock")).unwrap();
        std::fs::write(&path, text).unwrap();
        let mut file = LockFile::read(&path).unwrap();
        file.set_packages(packages);
        file.write(&path).unwrap();
        let read = LockFile::read(&path).unwrap();
        assert_eq!(read.packages(), file.packages());
        std::fs::read_to_string(&path).unwrap()
    }

    #[test]
    fn tables_of_others_and_their_comments_stay() {
        let tools = "# keep me\n[tools]\ncargo = \"1.95\" # and me\n";
        let text = write(tools, vec![locked("1.0.0")]);
        assert!(text.starts_with(tools), "{text}");
        assert_eq!(write(&text, vec![]).trim(), tools.trim());
    }

    #[test]
    fn the_order_of_the_components_does_not_show() {
        let (one, two) = (locked("1.0.0"), locked("1.2.0"));
        assert_eq!(write("", vec![one.clone(), two.clone(), one.clone()]), write("", vec![two, one]));
    }

    #[test]
    fn each_requirement_finds_its_own_version() {
        let mut file = LockFile::read(Utf8Path::new("/no/such/jointer.lock")).unwrap();
        file.set_packages(vec![locked("1.0.0"), locked("1.2.0"), locked("2.0.0")]);
        let find = |request: &str| Some(file.find(&request.parse().unwrap())?.version.to_string());
        assert_eq!(find("acme:greet@^1").as_deref(), Some("1.2.0"));
        assert_eq!(find("acme:greet@=1.0.0").as_deref(), Some("1.0.0"));
        assert_eq!(find("acme:greet@^3"), None);
        assert_eq!(find("acme:other@^1"), None);
    }
}
