//! Asks a program of the system once, and remembers the answer until the program changes.
//!
//! Starting `rustc` through rustup or `node` takes longer than a whole build with nothing to do may.
//! The answer is stored with the state (inode, size, modification time) of all files it depends on.

use std::os::unix::fs::MetadataExt;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use super::env::Env;
use crate::app::Dirs;
use crate::digest::Hasher;
use crate::process::{Command, Finished, ProcessError};

/// A question to a program.
pub(super) struct Question<'a> {
    /// The program.
    pub(super) program: &'a Utf8Path,
    /// Its arguments.
    pub(super) args: &'a [&'a str],
    /// Its environment.
    pub(super) env: Env,
    /// Where it starts.
    pub(super) dir: Option<&'a Utf8Path>,
    /// Files, besides the program, that decide the answer; they need not exist.
    pub(super) watched: Vec<Utf8PathBuf>,
}

#[derive(Serialize, Deserialize)]
struct Remembered {
    watched: Vec<(Utf8PathBuf, Option<State>)>,
    answer: String,
}

/// What changes when a file is replaced.
#[derive(Serialize, Deserialize, PartialEq)]
struct State {
    inode: u64,
    size: u64,
    seconds: i64,
    nanos: i64,
}

impl State {
    fn of(path: &Utf8Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        Some(Self {
            inode: found.ino(),
            size: found.size(),
            seconds: found.mtime(),
            nanos: found.mtime_nsec(),
        })
    }
}

impl Question<'_> {
    /// The program's standard output, remembered or fresh. `more` names further files that decide the
    /// answer, as seen from the answer itself. An unsuccessful end is never remembered.
    pub(super) fn ask(
        &self,
        dirs: &Dirs,
        more: impl Fn(&str) -> Vec<Utf8PathBuf>,
    ) -> Result<Result<String, Finished>, ProcessError> {
        let memory = dirs.tools().join("probes").join(format!("{}.json", self.key()));
        if let Some(answer) = recall(&memory) {
            return Ok(Ok(answer));
        }
        let mut command = Command::new(self.program).args(self.args);
        for (name, value) in &self.env {
            command = command.env(name, value);
        }
        if let Some(dir) = self.dir {
            command = command.dir(dir);
        }
        let finished = command.output()?;
        if !finished.success() {
            return Ok(Err(finished));
        }
        let mut watched = vec![self.program.to_owned()];
        watched.extend(self.watched.iter().cloned());
        watched.extend(more(&finished.stdout));
        remember(&memory, watched, &finished.stdout);
        Ok(Ok(finished.stdout))
    }

    fn key(&self) -> String {
        let mut hasher = Hasher::default();
        hasher.field(self.program.as_str());
        self.args.iter().for_each(|arg| hasher.field(arg));
        for (name, value) in &self.env {
            hasher.field(name);
            hasher.field(value);
        }
        hasher.field(self.dir.map_or("", Utf8Path::as_str));
        self.watched.iter().for_each(|path| hasher.field(path.as_str()));
        hasher.finish().hex()
    }
}

fn recall(memory: &Utf8Path) -> Option<String> {
    let remembered: Remembered = serde_json::from_slice(&std::fs::read(memory).ok()?).ok()?;
    let same = remembered.watched.iter().all(|(path, state)| State::of(path) == *state);
    same.then_some(remembered.answer)
}

/// Failing to remember is no error: the question is asked again.
fn remember(memory: &Utf8Path, watched: Vec<Utf8PathBuf>, answer: &str) {
    let watched = watched.into_iter().map(|path| (path.clone(), State::of(&path))).collect();
    let Ok(text) = serde_json::to_vec(&Remembered { watched, answer: answer.to_owned() }) else { return };
    let Some(folder) = memory.parent() else { return };
    let _ = std::fs::create_dir_all(folder);
    let Ok(mut file) = tempfile::NamedTempFile::new_in(folder) else { return };
    if std::io::Write::write_all(&mut file, &text).is_ok() {
        let _ = file.persist(memory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_remembered_until_the_program_changes() {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(folder.path()).unwrap();
        let dirs = Dirs::at(root.join("cache"));
        let program = root.join("tool");
        let ask = || {
            let question =
                Question { program: &program, args: &[], env: Env::new(), dir: None, watched: Vec::new() };
            question.ask(&dirs, |_| Vec::new()).unwrap().unwrap()
        };
        let write = |version: &str| {
            let text = format!("#!/bin/sh\n/bin/echo {version}\n/bin/echo asked >>{root}/asked\n");
            std::fs::write(root.join("new"), text).unwrap();
            std::fs::set_permissions(root.join("new"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
                .unwrap();
            std::fs::rename(root.join("new"), &program).unwrap();
        };
        write("1");
        assert_eq!([ask(), ask()], ["1\n", "1\n"]);
        write("2");
        assert_eq!(ask(), "2\n");
        assert_eq!(std::fs::read_to_string(root.join("asked")).unwrap(), "asked\nasked\n");
    }
}
