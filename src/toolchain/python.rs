//! Python and what is installed with pip.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::bundle::{self, Set};
use super::error::ToolchainError;
use super::install::{self, Steps};
use super::probe::Question;
use super::{Located, Origin, Tool, env};
use crate::app::Dirs;
use crate::error::{FileError, Result};
use crate::event::Reporter;
use crate::process::Command;

/// The launcher in the set's folder. It starts with `-I -S`, so neither the user's site-packages nor
/// the folder that it is started in are searched for modules.
const LAUNCHER: &str = "\
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'site'))
from componentize_py import script
sys.exit(script())
";

/// Version and real path; a version manager's launcher gives the interpreter behind it.
const WHICH: &str = "import sys; print('%d.%d.%d' % sys.version_info[:3]); print(sys.executable)";

/// Python 3.10 or later: the first on PATH.
pub(super) fn interpreter(dirs: &Dirs) -> Result<Located, ToolchainError> {
    let names = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];
    let mut found = Vec::new();
    for candidate in names.iter().flat_map(|name| env::on_path(name)) {
        let Some((version, program)) = which(&candidate, dirs) else { continue };
        if new_enough(&version) {
            let folder = program.parent().unwrap_or(Utf8Path::new("/usr/bin"));
            return Ok(Located {
                tool: Tool::Python,
                identity: format!("python {version}"),
                version,
                argv: vec![program.to_string()],
                env: env::for_pip(folder),
                origin: Origin::System,
            });
        }
        found.push(version);
    }
    found.sort();
    found.dedup();
    Err(ToolchainError::NoPython { found: found.join(", ") })
}

fn which(candidate: &Utf8Path, dirs: &Dirs) -> Option<(String, Utf8PathBuf)> {
    let question = Question {
        program: candidate,
        args: &["-I", "-S", "-c", WHICH],
        // A version manager finds its settings by these.
        env: env::passed(|name| matches!(name, "PATH" | "HOME") || name.starts_with("PYENV_")),
        dir: None,
        watched: Vec::new(),
    };
    let real = |answer: &str| answer.lines().nth(1).map(Utf8PathBuf::from).into_iter().collect();
    let answer = question.ask(dirs, real).ok()?.ok()?;
    let mut lines = answer.lines();
    Some((lines.next()?.to_owned(), lines.next()?.into()))
}

fn new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map_while(|part| part.parse::<u32>().ok());
    (parts.next(), parts.next()) >= (Some(3), Some(10))
}

/// componentize-py: the pinned one of the system, else the provisioned one.
pub(super) fn componentize_py(dirs: &Dirs) -> Result<Option<Located>> {
    let located = |argv: Vec<String>, origin| {
        let mut variables = env::hermetic(dirs, []);
        // Without this the packages of the user's own Python would be baked into the component.
        variables.insert("VIRTUAL_ENV".to_owned(), env::no_packages(dirs).into_string());
        Located {
            tool: Tool::ComponentizePy,
            version: bundle::COMPONENTIZE_PY_VERSION.to_owned(),
            identity: format!("componentize-py {}", bundle::COMPONENTIZE_PY_VERSION),
            argv,
            env: variables,
            origin,
        }
    };
    if env::system_allowed()
        && let Some(program) =
            env::on_path("componentize-py").iter().find(|program| matches_pin(program, dirs))
    {
        return Ok(Some(located(vec![program.to_string()], Origin::System)));
    }
    let Some(set) = install::installed(&Set::componentize_py(), dirs) else { return Ok(None) };
    let Ok(python) = interpreter(dirs) else { return Ok(None) };
    Ok(Some(located(argv(&python, &set.dir), Origin::Provisioned)))
}

fn argv(python: &Located, dir: &Utf8Path) -> Vec<String> {
    let options = ["-I", "-S", "-B"].map(str::to_owned);
    let launcher = dir.join("componentize-py").into_string();
    python.argv.iter().cloned().chain(options).chain([launcher]).collect()
}

fn matches_pin(program: &Utf8Path, dirs: &Dirs) -> bool {
    // What stands behind a version manager's launcher may change without the launcher changing.
    if program.parent().and_then(Utf8Path::file_name) == Some("shims") {
        return false;
    }
    let variables = env::hermetic(dirs, []);
    let question = Question { program, args: &["--version"], env: variables, dir: None, watched: Vec::new() };
    let expected = format!("componentize-py {}", bundle::COMPONENTIZE_PY_VERSION);
    matches!(question.ask(dirs, |_| Vec::new()), Ok(Ok(answer)) if answer.trim() == expected)
}

/// Installs componentize-py.
pub(super) fn provide_componentize_py(dirs: &Dirs, reporter: &dyn Reporter) -> Result<()> {
    let set = Set::componentize_py();
    install::place(&set, dirs, reporter, |dir, steps| {
        let python = interpreter(dirs)?;
        pip(&set.what, &python, bundle::COMPONENTIZE_PY_REQUIREMENTS, dir, steps)?;
        write(&dir.join("componentize-py"), LAUNCHER)?;
        let argv = argv(&python, dir);
        let command = Command::new(&argv[0]).args(&argv[1..]).arg("--version");
        let said = install::check(&set.what, command, &python.env)?;
        expect(&set.what, &said, bundle::COMPONENTIZE_PY_VERSION)?;
        Ok(BTreeMap::new())
    })
}

/// Fails when a freshly installed tool announces another version than it should.
pub(super) fn expect(what: &str, said: &str, version: &str) -> Result<(), ToolchainError> {
    if said.split([' ', 'v', '\n']).any(|word| word == version) {
        return Ok(());
    }
    let said = format!("it says `{}` when asked for its version", said.trim());
    Err(ToolchainError::Broken { what: what.to_owned(), said })
}

/// Installs `requirements` into `dir/site`, checking hashes and compiling nothing.
pub(super) fn pip(
    what: &str,
    python: &Located,
    requirements: &str,
    dir: &Utf8Path,
    steps: &Steps<'_>,
) -> Result<()> {
    let temp = dir.join("temp");
    std::fs::create_dir(&temp).map_err(|error| FileError::writing(&temp, &error))?;
    let list = temp.join("requirements.txt");
    write(&list, requirements)?;
    let mut variables = env::installer(&temp);
    // The user's pip.conf may say otherwise, which does not go together with `--target`.
    variables.insert("PIP_USER".to_owned(), "0".to_owned());
    variables.insert("PIP_REQUIRE_VIRTUALENV".to_owned(), "0".to_owned());
    variables.insert("PIP_ROOT_USER_ACTION".to_owned(), "ignore".to_owned());
    let command = Command::new(pip_python(python, &temp, &variables)?)
        .args(["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-compile"])
        .args(["--require-hashes", "--only-binary=:all:", "--no-deps", "--target"])
        .arg(dir.join("site"))
        .arg("-r")
        .arg(&list);
    let mut lines = 0;
    install::run(what, command, &variables, &temp, &mut |_, _| {
        lines += 1;
        steps.at(lines, None);
    })?;
    std::fs::remove_dir_all(&temp).map_err(|error| FileError::writing(&temp, &error))?;
    Ok(())
}

/// An interpreter that has pip: the given one, else one in a virtual environment below `temp`.
fn pip_python(python: &Located, temp: &Utf8Path, variables: &env::Env) -> Result<Utf8PathBuf> {
    let program = Utf8PathBuf::from(&python.argv[0]);
    let works = |command: Command| -> Result<bool> {
        let command =
            variables.iter().fold(command.dir(temp), |command, (name, value)| command.env(name, value));
        Ok(command.output()?.success())
    };
    if works(Command::new(&program).args(["-m", "pip", "--version"]))? {
        return Ok(program);
    }
    let own = temp.join("venv");
    if works(Command::new(&program).args(["-m", "venv"]).arg(&own))? {
        return Ok(own.join("bin/python"));
    }
    Err(ToolchainError::NoPip { python: program }.into())
}

pub(super) fn write(path: &Utf8Path, text: &str) -> Result<(), FileError> {
    std::fs::write(path, text).map_err(|error| FileError::writing(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_is_new_enough_from_3_10() {
        let enough = ["3.9.18", "3.10.0", "3.14.1", "2.7.18", "4.0.0", ""].map(new_enough);
        assert_eq!(enough, [false, true, true, false, true, false]);
    }

    #[test]
    fn another_version_than_the_pinned_is_broken() {
        assert!(expect("x", "componentize-py 0.25.1\n", "0.25.1").is_ok());
        assert!(expect("x", "v22.20.0\n", "22.20.0").is_ok());
        assert!(expect("x", "componentize-py 0.25.10\n", "0.25.1").is_err());
    }
}
