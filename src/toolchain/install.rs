//! Puts a set into its place in the cache, safe against others who do the same and against being killed.
//!
//! Everything happens in a folder beside the place; the stamp is written last and the folder renamed.
//! What a killed jointer left is removed by the next one, which holds the lock.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::bundle::{BUNDLE, Set};
use super::env::Env;
use super::error::ToolchainError;
use crate::app::Dirs;
use crate::error::{FileError, Result};
use crate::event::{Event, Reporter};
use crate::process::{self, Command, Finished, ProcessError, Stream};

const STAMP: &str = "stamp.json";

#[derive(Serialize, Deserialize)]
struct Stamp {
    /// [`Set::contents`] of what is installed.
    contents: String,
    /// What the installation found out and fingerprints need.
    facts: BTreeMap<String, String>,
}

/// A set in its place.
pub(super) struct Installed {
    pub(super) dir: Utf8PathBuf,
    pub(super) facts: BTreeMap<String, String>,
}

/// The set's place, when it is there with these very contents.
pub(super) fn installed(set: &Set, dirs: &Dirs) -> Option<Installed> {
    let dir = set.dir(dirs);
    let stamp: Stamp = serde_json::from_slice(&fs::read(dir.join(STAMP)).ok()?).ok()?;
    (stamp.contents == set.contents.to_string()).then_some(Installed { dir, facts: stamp.facts })
}

/// Shows how far a long task is; says that it ended when dropped.
pub(super) struct Steps<'a> {
    task: String,
    reporter: &'a dyn Reporter,
}

impl<'a> Steps<'a> {
    pub(super) fn new(task: String, reporter: &'a dyn Reporter) -> Self {
        let steps = Self { task, reporter };
        steps.at(0, None);
        steps
    }

    pub(super) fn at(&self, done: u64, total: Option<u64>) {
        self.reporter.report(Event::Progress { task: self.task.clone(), done, total });
    }
}

impl Drop for Steps<'_> {
    fn drop(&mut self) {
        self.reporter.report(Event::ProgressEnded { task: self.task.clone() });
    }
}

/// Installs the set unless it is there: `fill` is given an empty folder and its progress, fills the
/// folder, proves that it works and gives the facts for the stamp. Nothing is left when it fails.
pub(super) fn place(
    set: &Set,
    dirs: &Dirs,
    reporter: &dyn Reporter,
    fill: impl FnOnce(&Utf8Path, &Steps<'_>) -> Result<BTreeMap<String, String>>,
) -> Result<()> {
    let _lock = lock(&set.folder, &set.what, dirs, reporter)?;
    if installed(set, dirs).is_some() {
        return Ok(());
    }
    let start = Instant::now();
    let bundle = dirs.tools().join(BUNDLE);
    let prefix = format!(".{}.new-", set.folder);
    remove_leftovers(&bundle, &prefix);
    let temp = tempfile::Builder::new()
        .prefix(&prefix)
        .tempdir_in(&bundle)
        .map_err(|error| FileError::writing(&bundle, &error))?;
    // Without symlinks, which a cache often stands behind: npm compares its folder with the real one and
    // takes what differs for a foreign package.
    let path = Utf8PathBuf::from_path_buf(temp.path().to_owned()).unwrap_or_else(|_| bundle.clone());
    let path = path.canonicalize_utf8().map_err(|error| FileError::writing(&path, &error))?;
    let steps = Steps::new(format!("installing {}", with_size(set)), reporter);
    let facts = fill(&path, &steps)?;
    drop(steps);
    let stamp = Stamp { contents: set.contents.to_string(), facts };
    let text = serde_json::to_string_pretty(&stamp).unwrap_or_default();
    fs::write(path.join(STAMP), text).map_err(|error| FileError::writing(path.join(STAMP), &error))?;
    put(&path, &set.dir(dirs), &bundle, &prefix)?;
    let _ = temp.keep();
    reporter.note("Installed", format!("{} in {:.1} s", with_size(set), start.elapsed().as_secs_f64()));
    Ok(())
}

fn with_size(set: &Set) -> String {
    match set.sizes {
        Some((download, _)) => format!("{} ({} MB)", set.what, download.div_ceil(1_000_000)),
        None => set.what.clone(),
    }
}

/// Renames the finished folder into place; a set of other contents that stands there makes way.
fn put(from: &Utf8Path, to: &Utf8Path, bundle: &Utf8Path, prefix: &str) -> Result<(), FileError> {
    let failed = |error: std::io::Error| FileError::writing(to, &error);
    if to.exists() {
        let old = tempfile::Builder::new().prefix(prefix).tempdir_in(bundle).map_err(failed)?;
        fs::rename(to, old.path().join("old")).map_err(failed)?;
    }
    fs::rename(from, to).map_err(failed)
}

/// What killed jointers left. Best effort: what cannot be removed is in nobody's way.
fn remove_leftovers(bundle: &Utf8Path, prefix: &str) {
    let Ok(entries) = bundle.read_dir_utf8() else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().starts_with(prefix)) {
        let _ = fs::remove_dir_all(entry.path());
    }
}

/// Waits until no other jointer works on `name`. The lock goes with the returned file, also when this
/// process is killed.
pub(super) fn lock(name: &str, what: &str, dirs: &Dirs, reporter: &dyn Reporter) -> Result<File> {
    let bundle = dirs.tools().join(BUNDLE);
    fs::create_dir_all(&bundle).map_err(|error| FileError::writing(&bundle, &error))?;
    let path = bundle.join(format!(".{name}.lock"));
    let file = File::create(&path).map_err(|error| FileError::writing(&path, &error))?;
    let mut waiting = None;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(FileError::writing(&path, &error).into()),
            Err(TryLockError::WouldBlock) if process::interrupted() => {
                return Err(ProcessError::Interrupted.into());
            }
            Err(TryLockError::WouldBlock) => {
                let task = || format!("waiting for another jointer that installs {what}");
                waiting.get_or_insert_with(|| Steps::new(task(), reporter));
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

/// Starts an installer in `dir` and judges how it ended. `on_line` sees its lines.
pub(super) fn run(
    what: &str,
    command: Command,
    env: &Env,
    dir: &Utf8Path,
    on_line: &mut dyn FnMut(Stream, &str),
) -> Result<()> {
    let command = env.iter().fold(command.dir(dir), |command, (name, value)| command.env(name, value));
    let finished = command.run(on_line)?;
    if finished.success() { Ok(()) } else { Err(judge(what, &finished).into()) }
}

/// Starts a freshly installed tool and gives what it prints; its failure says that it is broken.
pub(super) fn check(what: &str, command: Command, env: &Env) -> Result<String> {
    let command = env.iter().fold(command, |command, (name, value)| command.env(name, value));
    let finished = command.output()?;
    if finished.success() {
        return Ok(finished.stdout);
    }
    let said = format!("{}: {}", finished.status(), last_words(&finished));
    Err(ToolchainError::Broken { what: what.to_owned(), said }.into())
}

/// What an installer's failure means.
fn judge(what: &str, finished: &Finished) -> ToolchainError {
    let all = format!("{}\n{}", finished.stderr, finished.stdout);
    let has = |words: &[&str]| words.iter().any(|word| all.contains(word));
    let what = what.to_owned();
    if has(&["DO NOT MATCH THE HASHES", "EINTEGRITY"]) {
        let said = all.lines().map(str::trim).filter(|line| {
            ["Expected sha", "Got  ", "npm error Integrity"].iter().any(|start| line.starts_with(start))
        });
        let said: Vec<String> =
            said.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        return ToolchainError::WrongHash { what, said: said.join(", ") };
    }
    if has(UNREACHABLE) {
        return ToolchainError::Unreachable {
            what,
            said: cause(&all).unwrap_or_else(|| last_words(finished)),
        };
    }
    ToolchainError::InstallFailed { what, status: finished.status(), said: last_words(finished) }
}

/// What pip, npm, cargo and rustup say when a registry does not answer or does not have the package.
const UNREACHABLE: &[&str] = &[
    "No matching distribution found",
    "Failed to establish a new connection",
    "ECONNREFUSED",
    "ECONNRESET",
    "ENOTFOUND",
    "ETIMEDOUT",
    "EAI_AGAIN",
    "certificate",
    "npm error code E4",
    "npm error code E5",
    "npm error code ETARGET",
    "failed to download",
    "could not download",
    "Could not resolve host",
    "failed to fetch",
];

/// The network's own words inside pip's and npm's.
fn cause(all: &str) -> Option<String> {
    let pip =
        all.split("Failed to establish a new connection: ").nth(1).and_then(|rest| rest.split("')'").next());
    let npm = all.split("failed, reason: ").nth(1).and_then(|rest| rest.lines().next());
    pip.or(npm).map(|text| text.trim().to_owned())
}

/// The lines of a failed program that name the error, else its last ones.
pub(super) fn last_words(finished: &Finished) -> String {
    let all = if finished.stderr.trim().is_empty() { &finished.stdout } else { &finished.stderr };
    let lines: Vec<&str> = all.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let names_error =
        |line: &&str| line.to_lowercase().starts_with("error") || line.starts_with("npm error ");
    let errors: Vec<&str> = lines.iter().copied().filter(names_error).take(3).collect();
    let chosen = if errors.is_empty() { lines[lines.len().saturating_sub(3)..].to_vec() } else { errors };
    if chosen.is_empty() { finished.status() } else { chosen.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn npm_s_first_lines_are_its_reason() {
        let said = "npm error code EUSAGE\nnpm error\nnpm error `npm ci` needs a lock in sync\nnpm error\n\
                    npm error Missing: x\nnpm error Usage:\nnpm error A complete log of this run";
        let words = last_words(&failed(said));
        assert_eq!(
            words,
            "npm error code EUSAGE; npm error `npm ci` needs a lock in sync; npm error Missing: x"
        );
    }

    fn failed(stderr: &str) -> Finished {
        Finished { code: Some(1), signal: None, stdout: String::new(), stderr: stderr.to_owned() }
    }

    #[test]
    fn an_installer_that_finds_no_network_is_understood() {
        let pip = "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<x>: \
                   Failed to establish a new connection: [Errno 111] Connection refused')': /simple/x/\n\
                   ERROR: No matching distribution found for x==1";
        let npm = "npm error code ECONNREFUSED\nnpm error FetchError: request to http://h/x failed, reason: \
                   connect ECONNREFUSED 127.0.0.1:9";
        for (text, words) in
            [(pip, "[Errno 111] Connection refused"), (npm, "connect ECONNREFUSED 127.0.0.1:9")]
        {
            let error = judge("x 1", &failed(text));
            assert!(matches!(&error, ToolchainError::Unreachable { said, .. } if said == words), "{error}");
        }
    }

    #[test]
    fn a_wrong_hash_is_never_taken_for_the_network() {
        let text = "npm error code EINTEGRITY\nnpm error Integrity checksum failed when using sha512: wanted a \
                    but got b.\nnpm error failed, reason: ECONNRESET";
        assert!(matches!(judge("x 1", &failed(text)), ToolchainError::WrongHash { .. }));
    }

    #[test]
    fn last_words_prefer_lines_that_name_the_error() {
        assert_eq!(last_words(&failed("a\nerror: no\nb\n")), "error: no");
        assert_eq!(last_words(&failed("a\nb\nc\nd\n")), "b; c; d");
        assert_eq!(last_words(&failed("")), "exit code 1");
    }
}
