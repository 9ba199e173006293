//! Copies what is locked into the repository.

use camino::Utf8PathBuf;

use super::sources::{record_path, vendor_dir};
use super::{Dependency, LockFile, Options, fetch};
use crate::app::{App, Dirs};
use crate::error::{FileError, Result};
use crate::event::Reporter;
use crate::file;
use crate::registry::{self, DirRegistry, Manifest, Reference, Registry as _, Store};

/// Brings everything that is locked into the folder `vendor` of the app, an OCI image layout for each package, where a
/// build finds it without store or network. What is not locked any more is removed from it.
///
/// # Errors
/// Those of [`fetch`], or when the folder cannot be written.
pub fn vendor(
    app: &App,
    dirs: &Dirs,
    options: &Options,
    reporter: &dyn Reporter,
) -> Result<(Utf8PathBuf, Vec<Dependency>)> {
    let dependencies = fetch(app, dirs, options, reporter)?;
    let store = Store::new(dirs);
    let folder = vendor_dir(app);
    // Made new beside the old one, so that a failure leaves that as it was.
    let fresh = app.dir.join(".vendor.new");
    let _ = std::fs::remove_dir_all(&fresh);
    let into = DirRegistry::new("dir:vendor".to_owned(), fresh.clone());
    let file = LockFile::read(&app.lock_path())?;
    for locked in file.packages().iter().chain(file.wits()) {
        let id = locked.id();
        registry::fetch(
            &super::sources::Offline(locked.registry.clone()),
            &id.name,
            locked.manifest,
            &store,
        )?;
        let bytes = store.read(locked.manifest)?.unwrap_or_default();
        let manifest: Manifest =
            serde_json::from_slice(&bytes).unwrap_or_else(|_| unreachable!("it was fetched"));
        for blob in manifest.layers.iter().chain([&manifest.config]) {
            let bytes = store.read(blob.digest)?.unwrap_or_default();
            into.put_blob(&id.name, blob.digest, &bytes.into())?;
        }
        into.put_manifest(&id.name, &Reference::Tag(id.version.to_string()), &bytes)?;
        if let Some(record) = store.record(locked.manifest) {
            file::write(&record_path(&fresh, locked), &record)?;
        }
    }
    let writing = |error| FileError::writing(&folder, &error);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(writing)?;
    }
    if fresh.exists() {
        std::fs::rename(&fresh, &folder).map_err(writing)?;
    }
    Ok((folder, dependencies))
}
