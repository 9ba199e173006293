//! Which files a guest build may read, and their digests.
//!
//! A staged build sees exactly the files listed here, because only they are copied. A build in place
//! (cargo) may read more: what it says it read is added after it ran.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use super::fingerprint::{ABSENT, Fingerprint, Input};
use super::stat::Stats;
use crate::error::FileError;

/// Folders and files anywhere in a project that no guest tool is meant to read: version control,
/// editors, caches of other tools, installed packages.
const NOISE: [&str; 17] = [
    ".git",
    ".hg",
    ".jj",
    ".svn",
    ".idea",
    ".vscode",
    ".venv",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".DS_Store",
    ".gitignore",
    ".gitattributes",
    ".editorconfig",
    "__pycache__",
    "node_modules",
    "jointer.lock",
];

/// Beginnings of the names of files for people, at the top of a project.
const FOR_PEOPLE: [&str; 5] = ["README", "CHANGELOG", "CONTRIBUTING", "LICENSE", "NOTICE"];

/// Folders at the top of a project where tools put what they make.
const MADE: [&str; 2] = ["build", "target"];

/// The files of a guest build by absolute path, and those that are looked for and do not exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Inputs {
    files: BTreeSet<Utf8PathBuf>,
    absent: BTreeSet<Utf8PathBuf>,
}

impl Inputs {
    /// Adds all files of a project's folder but what no guest tool is meant to read, and but those that
    /// `skip` names: absolute paths of files or folders.
    ///
    /// # Errors
    /// When a folder cannot be read, or a name in it is not UTF-8.
    pub(super) fn project(&mut self, dir: &Utf8Path, skip: &[Utf8PathBuf]) -> Result<(), FileError> {
        let mut walk = Walk { top: dir, skip, found: &mut self.files, above: Vec::new() };
        walk.folder(dir)
    }

    /// Adds the WIT files in a folder and its `deps`.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub(super) fn wit(&mut self, dir: &Utf8Path) -> Result<(), FileError> {
        let mut found = BTreeSet::new();
        Walk { top: dir, skip: &[], found: &mut found, above: Vec::new() }.folder(dir)?;
        self.files.extend(found.into_iter().filter(|path| is_wit(path)));
        Ok(())
    }

    /// Adds one file, which may be missing: then it must stay missing.
    pub(super) fn file(&mut self, path: impl Into<Utf8PathBuf>) {
        let path = path.into();
        let set = if path.is_file() { &mut self.files } else { &mut self.absent };
        set.insert(path);
    }

    /// The files that exist.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Utf8PathBuf> {
        self.files.iter()
    }

    /// Their digests, by paths relative to the app.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn fingerprint(&self, app: &Utf8Path, stats: &Stats) -> Result<Fingerprint, FileError> {
        let mut fingerprint = Fingerprint::default();
        for path in &self.files {
            let digest = stats.digest(path).map_err(|error| FileError::reading(path, &error))?;
            fingerprint.add(Input::File(relative(path, app).into_string()), digest.hex());
        }
        for path in &self.absent {
            fingerprint.add(Input::File(relative(path, app).into_string()), ABSENT);
        }
        Ok(fingerprint)
    }

    /// Copies them below `to`, each where it stands below `from`; symbolic links become what they name.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub(super) fn copy(&self, from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
        let mut folders = BTreeSet::new();
        for path in &self.files {
            let Ok(inside) = path.strip_prefix(from) else { continue };
            let target = to.join(inside);
            let folder = target.parent().unwrap_or(to).to_owned();
            if !folders.contains(&folder) {
                super::files::create_folder(&folder)?;
                folders.insert(folder);
            }
            std::fs::copy(path, &target).map_err(|error| FileError::reading(path, &error))?;
        }
        Ok(())
    }
}

fn is_wit(path: &Utf8Path) -> bool {
    matches!(path.extension(), Some("wit" | "wasm" | "wat"))
}

struct Walk<'a> {
    top: &'a Utf8Path,
    skip: &'a [Utf8PathBuf],
    found: &'a mut BTreeSet<Utf8PathBuf>,
    /// The real paths of the folders that the walk is in: a link back to one of them ends there.
    above: Vec<Utf8PathBuf>,
}

impl Walk<'_> {
    fn folder(&mut self, dir: &Utf8Path) -> Result<(), FileError> {
        let failed = |error: &std::io::Error| FileError::reading(dir, error);
        let real = dir.canonicalize_utf8().map_err(|error| failed(&error))?;
        if self.above.contains(&real) {
            return Ok(());
        }
        self.above.push(real);
        for entry in dir.read_dir_utf8().map_err(|error| failed(&error))? {
            let entry = entry.map_err(|error| failed(&error))?;
            let path = entry.path();
            if self.left_out(path, entry.file_name()) {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_file() => drop(self.found.insert(path.to_owned())),
                Ok(kind) if kind.is_dir() => self.subfolder(path)?,
                _ if path.is_file() => drop(self.found.insert(path.to_owned())),
                _ if path.is_dir() => self.subfolder(path)?,
                // A link to nothing, a socket: nobody can read it.
                _ => {}
            }
        }
        self.above.pop();
        Ok(())
    }

    fn left_out(&self, path: &Utf8Path, name: &str) -> bool {
        let at_top = path.parent() == Some(self.top);
        NOISE.contains(&name)
            || name.ends_with('~')
            || name.ends_with(".swp")
            || name.ends_with(".pyc")
            || (at_top && MADE.contains(&name))
            || (at_top && FOR_PEOPLE.iter().any(|begin| name.starts_with(begin)) && path.is_file())
            || self.skip.iter().any(|skip| skip == path)
    }

    /// A Python virtual environment: interpreters and packages of the host.
    fn subfolder(&mut self, dir: &Utf8Path) -> Result<(), FileError> {
        if dir.join("pyvenv.cfg").is_file() { Ok(()) } else { self.folder(dir) }
    }
}

/// `path` as seen from `base`, both absolute: `../lib/src/lib.rs` when it is not below.
pub(super) fn relative(path: &Utf8Path, base: &Utf8Path) -> Utf8PathBuf {
    if let Ok(inside) = path.strip_prefix(base) {
        return inside.to_owned();
    }
    let (mut path_parts, mut base_parts) = (path.components().peekable(), base.components().peekable());
    while path_parts.peek().is_some() && path_parts.peek() == base_parts.peek() {
        path_parts.next();
        base_parts.next();
    }
    base_parts.map(|_| Utf8Component::ParentDir).chain(path_parts).collect()
}

/// `path` without `.` and `..`, by its text alone.
pub(super) fn normal(path: &Utf8Path) -> Utf8PathBuf {
    let mut parts: Vec<Utf8Component<'_>> = Vec::new();
    for part in path.components() {
        match part {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir if matches!(parts.last(), Some(Utf8Component::Normal(_))) => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.into_iter().collect()
}

/// Variables of jointer's environment that the manifest lets pass, as inputs: their values are secrets
/// perhaps, so only digests of them are kept.
pub(super) fn variables(names: &[String]) -> (BTreeMap<String, String>, Fingerprint) {
    let mut fingerprint = Fingerprint::default();
    let mut values = BTreeMap::new();
    for name in names {
        let value = std::env::var(name).ok();
        let digest = value.as_ref().map(|value| crate::digest::Digest::of(value.as_bytes()).hex());
        fingerprint.add(Input::Variable(name.clone()), digest.unwrap_or_else(|| ABSENT.to_owned()));
        values.extend(value.map(|value| (name.clone(), value)));
    }
    (values, fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let dir = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        for file in files {
            std::fs::create_dir_all(dir.join(file).parent().unwrap()).unwrap();
            std::fs::write(dir.join(file), file).unwrap();
        }
        (folder, dir)
    }

    fn walked(dir: &Utf8Path) -> Vec<String> {
        let mut inputs = Inputs::default();
        inputs.project(dir, &[dir.join("skipped")]).unwrap();
        inputs.paths().map(|path| relative(path, dir).into_string()).collect()
    }

    #[test]
    fn what_no_tool_is_meant_to_read_is_left_out() {
        let (_kept, dir) = folder(&[
            "app.py",
            "README.md",
            "build/x",
            "deep/build/y",
            "deep/README",
            "__pycache__/a.pyc",
            ".git/HEAD",
            "node_modules/a/index.js",
            "env/pyvenv.cfg",
            "env/lib/b.py",
            "skipped/z",
            "data/.hidden",
            "a~",
        ]);
        assert_eq!(walked(&dir), ["app.py", "data/.hidden", "deep/README", "deep/build/y"]);
    }

    #[test]
    fn links_are_followed_and_a_circle_ends() {
        let (_kept, dir) = folder(&["in/a", "outside/b"]);
        std::os::unix::fs::symlink(dir.join("outside"), dir.join("in/link")).unwrap();
        std::os::unix::fs::symlink(dir.join("in"), dir.join("in/circle")).unwrap();
        std::os::unix::fs::symlink(dir.join("nowhere"), dir.join("in/broken")).unwrap();
        assert_eq!(walked(&dir.join("in")), ["a", "link/b"]);
    }

    #[test]
    fn a_missing_file_is_an_input_too() {
        let (_kept, dir) = folder(&[]);
        let stats = Stats::open(dir.join("stat.json"));
        let fingerprint = || {
            let mut inputs = Inputs::default();
            inputs.file(dir.join("lock"));
            inputs.fingerprint(&dir, &stats).unwrap()
        };
        let before = fingerprint();
        std::fs::write(dir.join("lock"), "").unwrap();
        assert_eq!(fingerprint().first_difference(&before).unwrap(), "`lock` is new");
    }

    #[test]
    fn paths_are_told_from_the_app() {
        let seen = |path: &str| relative(Utf8Path::new(path), Utf8Path::new("/w/app")).into_string();
        assert_eq!(seen("/w/app/a/b"), "a/b");
        assert_eq!(seen("/w/lib/b"), "../lib/b");
        assert_eq!(normal(Utf8Path::new("/w/app/../lib/./b")), "/w/lib/b");
    }
}
