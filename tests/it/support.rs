//! What every end-to-end test needs: an empty home, a folder to work in and the real binary.

// Each test file uses what it needs of this.
#![allow(dead_code)]
// The tests start the real binary; the ban is for the program itself.
#![allow(clippy::disallowed_methods)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder of its own, an empty home, and one cache of guest tools shared by all tests of this
/// checkout: provisioning them for each test would take minutes.
pub struct TestEnv {
    folder: TempDir,
    cache: PathBuf,
}

/// How a run of the binary ended.
pub struct Ran {
    /// Exit status.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl TestEnv {
    /// A new empty folder.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir_all(folder.path().join("home")).expect("home");
        std::fs::create_dir_all(folder.path().join("work")).expect("work");
        Self { folder, cache: Self::cache() }
    }

    /// A new empty folder, and results of builds that no other test or earlier run has left: for tests of
    /// what is built again. The guest tools are the shared ones.
    pub fn with_own_results() -> Self {
        let mut env = Self::new();
        let cache = env.folder.path().join("cache");
        std::fs::create_dir_all(&cache).expect("cache");
        for shared in ["tools-v1", "cargo-v1", "compiled-v1"] {
            std::fs::create_dir_all(Self::cache().join(shared)).expect("shared cache");
            std::os::unix::fs::symlink(Self::cache().join(shared), cache.join(shared)).expect("link");
        }
        env.cache = cache;
        env
    }

    /// The folder that commands run in.
    pub fn dir(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// A path below [`TestEnv::dir`].
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.dir().join(path)
    }

    /// Writes a file below [`TestEnv::dir`], with its folders.
    pub fn write(&self, path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(&path, contents).expect("write");
        path
    }

    /// Reads a file below [`TestEnv::dir`].
    pub fn read(&self, path: impl AsRef<Path>) -> String {
        let path = self.path(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Every path below [`TestEnv::dir`], sorted.
    pub fn listing(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        list(&self.dir(), &mut paths);
        paths.sort();
        paths
    }

    /// Copies a folder of the repository below [`TestEnv::dir`].
    pub fn copy(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> PathBuf {
        let to = self.path(to);
        copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join(from), &to);
        to
    }

    /// The real binary in [`TestEnv::dir`], with a cleared environment.
    pub fn command<A: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jointer"));
        command.args(args).current_dir(self.dir()).env_clear();
        // What a user's shell has and guest tools need to find themselves and their registries.
        for (name, value) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let kept = ["PATH", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "SSL_CERT_FILE", "LANG"];
            let kept_prefix = ["PIP_", "npm_config_", "NPM_CONFIG_", "http", "HTTP", "no_proxy", "NO_PROXY"];
            if kept.contains(&&*text) || kept_prefix.iter().any(|prefix| text.starts_with(prefix)) {
                command.env(name, value);
            }
        }
        let home = std::env::var("HOME").unwrap_or_default();
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            if std::env::var_os(name).is_none() {
                command.env(name, Path::new(&home).join(folder));
            }
        }
        command.env("HOME", self.folder.path().join("home")).env("NO_COLOR", "1").env("CI", "1");
        command.env("JOINTER_CACHE", &self.cache);
        command
    }

    /// The cache that the tests of this checkout share.
    pub fn cache() -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
    }

    /// Runs the real binary to its end.
    pub fn jointer<A: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Ran {
        let output = self.command(args).output().expect("jointer starts");
        Ran::from(output)
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// What was said on standard error as one line: messages are wrapped to a width.
    pub fn unwrapped(&self) -> String {
        self.stderr.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
    }

    /// Panics with all that was said unless the status is 0.
    #[track_caller]
    pub fn success(self) -> Self {
        self.ended_with(0)
    }

    /// Panics with all that was said unless the status is `status`.
    #[track_caller]
    pub fn ended_with(self, status: i32) -> Self {
        assert_eq!(self.status, status, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Panics unless the diagnostic's code is `code`.
    #[track_caller]
    pub fn code(self, code: &str) -> Self {
        assert!(self.stderr.contains(code), "no `{code}` in:\n{}", self.stderr);
        assert!(!self.stderr.contains("panicked at"), "it panicked:\n{}", self.stderr);
        self
    }
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("folder");
    for entry in std::fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("copy");
        }
    }
}

fn list(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            list(&path, paths);
        }
        paths.push(path);
    }
}
