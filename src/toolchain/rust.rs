//! cargo, the standard library for WebAssembly, and cargo-component.
//!
//! cargo is presupposed. A missing standard library comes from `rustup target add`; where rustup cannot
//! bring it, it is built from the distribution's source package of the same release, into a sysroot of
//! its own that a launcher of `rustc` names. The user's toolchain is never changed beyond that.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::bundle::{self, Set};
use super::error::ToolchainError;
use super::install::{self, Installed, Steps};
use super::probe::Question;
use super::python::{expect, write};
use super::{Located, Origin, Tool, env};
use crate::app::Dirs;
use crate::error::{FileError, Result};
use crate::event::Reporter;
use crate::process::Command;

/// The target whose output is a component.
pub(super) const COMPONENT_TARGET: &str = "wasm32-wasip2";
/// The target that cargo-component builds for.
const MODULE_TARGET: &str = "wasm32-wasip1";

/// What rustup lets the user choose the compiler with, from the folder of the work upwards.
const CHOICES: [&str; 2] = ["rust-toolchain.toml", "rust-toolchain"];

struct Compiler {
    cargo: Utf8PathBuf,
    release: String,
    commit: String,
    host: String,
    sysroot: Utf8PathBuf,
}

/// Whether there is a cargo at all.
pub(super) fn is_there() -> bool {
    programs().is_some()
}

/// cargo and rustc: from PATH, else from where rustup puts them.
fn programs() -> Option<(Utf8PathBuf, Utf8PathBuf)> {
    let find = |name: &str| {
        let installed = || Some(cargo_home()?.join("bin").join(name)).filter(|path| path.is_file());
        env::on_path(name).into_iter().next().or_else(installed)
    };
    Some((find("cargo")?, find("rustc")?))
}

fn cargo_home() -> Option<Utf8PathBuf> {
    env::var("CARGO_HOME")
        .map(Into::into)
        .or_else(|| Some(Utf8PathBuf::from(env::var("HOME")?).join(".cargo")))
}

fn rustup_home() -> Option<Utf8PathBuf> {
    env::var("RUSTUP_HOME")
        .map(Into::into)
        .or_else(|| Some(Utf8PathBuf::from(env::var("HOME")?).join(".rustup")))
}

/// What cargo and rustup see: the user's own folders and settings for downloads. Nothing of it decides
/// what is compiled except the choice of the toolchain, which is in the identity.
fn cargo_env() -> env::Env {
    let mut variables = env::network();
    variables.extend(env::user());
    variables.extend(env::passed(|name| {
        let settings = ["CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "RUSTUP_"];
        name == "CARGO_HOME" || settings.iter().any(|prefix| name.starts_with(prefix))
    }));
    // Downloads in the middle of a build would be a surprise; `ensure` does them.
    variables.entry("RUSTUP_AUTO_INSTALL".to_owned()).or_insert_with(|| "0".to_owned());
    variables
}

/// The compiler that works in `dir`; `None` without Rust.
fn compiler(dir: &Utf8Path, dirs: &Dirs) -> Result<Option<Compiler>> {
    let Some((cargo, rustc)) = programs() else { return Ok(None) };
    let mut watched: Vec<Utf8PathBuf> = dir
        .ancestors()
        .flat_map(|dir| CHOICES.map(|name| dir.join(name)))
        .filter(|path| path.is_file())
        .collect();
    watched.extend(rustup_home().map(|home| home.join("settings.toml")));
    // rustup's launcher says where the chosen toolchain is; the compiler there, which `rustup update`
    // replaces behind the launcher, says what it is.
    let launcher = Question {
        program: &rustc,
        args: &["--print", "sysroot"],
        env: identifying_env(),
        dir: Some(dir),
        watched,
    };
    let answer = launcher.ask(dirs, |_| Vec::new())?.map_err(|finished| ToolchainError::NotWorking {
        program: "rustc --print sysroot".to_owned(),
        said: install::last_words(&finished),
    })?;
    let sysroot = Utf8PathBuf::from(answer.trim());
    let real = sysroot.join("bin/rustc");
    let question =
        Question { program: &real, args: &["-vV"], env: env::user(), dir: None, watched: Vec::new() };
    let version = question.ask(dirs, |_| Vec::new())?.map_err(|finished| ToolchainError::NotWorking {
        program: format!("{real} -vV"),
        said: install::last_words(&finished),
    })?;
    let field = |name: &str| {
        let value = version.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or("unknown").to_owned()
    };
    Ok(Some(Compiler {
        cargo,
        release: field("release"),
        commit: field("commit-hash"),
        host: field("host"),
        sysroot,
    }))
}

/// What decides which compiler rustup starts.
fn identifying_env() -> env::Env {
    env::passed(|name| {
        matches!(
            name,
            "PATH" | "HOME" | "CARGO_HOME" | "RUSTUP_HOME" | "RUSTUP_TOOLCHAIN" | "RUSTUP_AUTO_INSTALL"
        )
    })
}

impl Compiler {
    /// Whether the toolchain itself has the target.
    fn has(&self, target: &str) -> bool {
        self.sysroot.join("lib/rustlib").join(target).join("lib").is_dir()
    }

    fn managed_by_rustup(&self) -> bool {
        rustup_home().is_some_and(|home| self.sysroot.starts_with(home.join("toolchains")))
    }

    /// The standard library that jointer built for exactly this compiler.
    fn own_std(&self, target: &str) -> Set {
        // 90 MB on disk; the sources are what is downloaded.
        let sizes = Some((47_000_000, 90_000_000));
        let contents = [bundle::RUST_STD, LAUNCHER, &self.commit, self.sysroot.as_str(), target];
        Set::new(&format!("rust-std-{target}"), &self.release, &contents, sizes)
    }

    /// How to compile for `target`: as it is, or with the sysroot that jointer built; `None` when
    /// neither is there.
    fn for_target(&self, target: &str, dirs: &Dirs) -> Option<(env::Env, String, Origin)> {
        let mut variables = cargo_env();
        let compiler = format!("{} {} {}", self.release, self.commit, self.host);
        if self.has(target) {
            return Some((variables, compiler, Origin::System));
        }
        let Installed { dir, facts } = install::installed(&self.own_std(target), dirs)?;
        let launchers = dir.join("bin");
        let path = variables.get("PATH").cloned().unwrap_or_default();
        variables.insert("PATH".to_owned(), format!("{launchers}:{path}"));
        variables.insert("RUSTC".to_owned(), launchers.join("rustc").into_string());
        let sources = facts.get("sources").map(String::as_str).unwrap_or_default();
        Some((variables, format!("{compiler}, std built from {sources}"), Origin::Provisioned))
    }

    /// The cargo that knows this compiler, without rustup's launcher where that is possible.
    fn cargo(&self, variables: &env::Env) -> String {
        let own = self.sysroot.join("bin/cargo");
        let direct = variables.contains_key("RUSTC") && own.is_file();
        if direct { own.into_string() } else { self.cargo.to_string() }
    }
}

/// cargo that can build components.
pub(super) fn cargo(dir: &Utf8Path, dirs: &Dirs) -> Result<Option<Located>> {
    let Some(compiler) = compiler(dir, dirs)? else { return Ok(None) };
    Ok(compiler.for_target(COMPONENT_TARGET, dirs).map(|(variables, identity, origin)| Located {
        tool: Tool::Cargo,
        version: compiler.release.clone(),
        identity: format!("rustc {identity}"),
        argv: vec![compiler.cargo(&variables)],
        env: variables,
        origin,
    }))
}

/// cargo-component: the pinned one of the system, else the provisioned one.
pub(super) fn cargo_component(dir: &Utf8Path, dirs: &Dirs) -> Result<Option<Located>> {
    let Some(compiler) = compiler(dir, dirs)? else { return Ok(None) };
    let Some((variables, identity, _)) = compiler.for_target(MODULE_TARGET, dirs) else { return Ok(None) };
    let Some((program, origin)) = find_cargo_component(dirs) else { return Ok(None) };
    Ok(Some(Located {
        tool: Tool::CargoComponent,
        version: bundle::CARGO_COMPONENT_VERSION.to_owned(),
        identity: format!("cargo-component {}, rustc {identity}", bundle::CARGO_COMPONENT_VERSION),
        argv: vec![program.into_string()],
        env: variables,
        origin,
    }))
}

fn find_cargo_component(dirs: &Dirs) -> Option<(Utf8PathBuf, Origin)> {
    let on_path = || {
        let matches = |program: &Utf8PathBuf| {
            let question =
                Question { program, args: &["--version"], env: env::user(), dir: None, watched: Vec::new() };
            let answer = question.ask(dirs, |_| Vec::new());
            matches!(answer, Ok(Ok(answer)) if answer.split(' ').any(|word| word.trim() == bundle::CARGO_COMPONENT_VERSION))
        };
        env::on_path("cargo-component").into_iter().find(matches).map(|program| (program, Origin::System))
    };
    let provisioned = || {
        let set = install::installed(&Set::cargo_component(), dirs)?;
        Some((set.dir.join("bin/cargo-component"), Origin::Provisioned))
    };
    env::system_allowed().then(on_path).flatten().or_else(provisioned)
}

/// Brings the standard library for `target`: from rustup, else built here.
pub(super) fn provide_target(
    target: &str,
    dir: &Utf8Path,
    dirs: &Dirs,
    reporter: &dyn Reporter,
) -> Result<()> {
    let compiler = compiler(dir, dirs)?.ok_or(ToolchainError::NoCargo)?;
    // rustup does not expect to be started twice for one toolchain.
    let lock = install::lock("rustup", &format!("Rust's {target}"), dirs, reporter)?;
    if compiler.for_target(target, dirs).is_some() {
        return Ok(());
    }
    let rustup = add_target(&compiler, target, dir, reporter)?;
    drop(lock);
    let Err(rustup) = rustup else { return Ok(()) };
    let failed = |said: &str| ToolchainError::NoRustTarget {
        target: target.to_owned(),
        said: format!("{rustup}; {said}"),
        help: format!(
            "run `rustup target add {target}` where rustup can download, or choose a toolchain that has it \
             with `rustup default` or RUSTUP_TOOLCHAIN"
        ),
    };
    if ["apt-get", "dpkg-deb", "bash"].iter().any(|program| env::on_path(program).is_empty()) {
        return Err(failed("this is no Debian system, whose source package could be built instead").into());
    }
    let set = compiler.own_std(target);
    install::place(&set, dirs, reporter, |dir, steps| {
        build_std(&compiler, target, dir, steps)?.map_err(|said| failed(&said).into())
    })
}

/// `rustup target add`; the inner error says why rustup could not.
fn add_target(
    compiler: &Compiler,
    target: &str,
    dir: &Utf8Path,
    reporter: &dyn Reporter,
) -> Result<Result<(), String>> {
    let rustup = env::on_path("rustup").into_iter().next();
    let Some(rustup) = rustup.filter(|_| compiler.managed_by_rustup()) else {
        return Ok(Err("the compiler does not come from rustup".to_owned()));
    };
    let _steps = Steps::new(format!("adding Rust's {target} with rustup"), reporter);
    let mut command = Command::new(rustup).args(["target", "add", target]).dir(dir);
    for (name, value) in cargo_env() {
        command = command.env(name, value);
    }
    let finished = command.env("RUSTUP_MAX_RETRIES", "1").output()?;
    if !finished.success() {
        return Ok(Err(format!("rustup says `{}`", install::last_words(&finished))));
    }
    reporter.note("Added", format!("Rust's {target} with rustup"));
    Ok(Ok(()))
}

/// Stands before the real compiler and names the sysroot, unless the caller names one. The line after
/// the version keeps cargo from mixing what was built with this standard library and with another.
const LAUNCHER: &str = r#"#!/bin/sh
case " $* " in *" --sysroot"*) exec REAL "$@" ;; esac
sysroot=$(cd "${0%/*}/.." && pwd)
case "$*" in -vV) REAL -vV && echo "std: built by jointer" && exit ;; esac
exec REAL --sysroot "$sysroot" "$@"
"#;

/// A sysroot in `dir` with the standard library for `target`, built from source. The inner error is the
/// builder's.
fn build_std(
    compiler: &Compiler,
    target: &str,
    dir: &Utf8Path,
    steps: &Steps<'_>,
) -> Result<Result<BTreeMap<String, String>, String>> {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let failed = |error: std::io::Error| FileError::writing(dir, &error);
    let (rustlib, temp) = (dir.join("lib/rustlib"), dir.join("temp"));
    for folder in [&rustlib, &temp, &dir.join("bin")] {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    // The host's own library and the linkers stay where they are.
    for name in [compiler.host.as_str(), "etc"] {
        symlink(compiler.sysroot.join("lib/rustlib").join(name), rustlib.join(name)).map_err(failed)?;
    }
    let launcher = dir.join("bin/rustc");
    let real = compiler.sysroot.join("bin/rustc");
    write(&launcher, &LAUNCHER.replace("REAL", &format!("'{real}'")))?;
    std::fs::set_permissions(&launcher, PermissionsExt::from_mode(0o755)).map_err(failed)?;
    let script = temp.join("rust-std.sh");
    write(&script, bundle::RUST_STD)?;
    let mut command = Command::new(env::on_path("bash").remove(0))
        .arg(&script)
        .args([compiler.sysroot.as_str(), dir.as_str(), target])
        .dir(&temp);
    for (name, value) in cargo_env() {
        command = command.env(name, value);
    }
    let finished = command.env("TMPDIR", &temp).run(&mut |_, line| {
        let step = line.strip_prefix("step ").and_then(|rest| rest.split_once('/'));
        let step =
            step.and_then(|(done, rest)| Some((done.parse().ok()?, rest.split(' ').next()?.parse().ok()?)));
        if let Some((done, total)) = step {
            steps.at(done, Some(total));
        }
    })?;
    if !finished.success() {
        return Ok(Err(install::last_words(&finished)));
    }
    std::fs::remove_dir_all(&temp).map_err(failed)?;
    let sources = finished.stdout.lines().find_map(|line| line.strip_prefix("sources "));
    let sources = sources.unwrap_or_default().to_owned();
    Ok(Ok(BTreeMap::from([("sources".to_owned(), sources)])))
}

/// Compiles cargo-component; its target first.
pub(super) fn provide_cargo_component(dir: &Utf8Path, dirs: &Dirs, reporter: &dyn Reporter) -> Result<()> {
    provide_target(MODULE_TARGET, dir, dirs, reporter)?;
    if find_cargo_component(dirs).is_some() {
        return Ok(());
    }
    let (cargo, _) = programs().ok_or(ToolchainError::NoCargo)?;
    let set = Set::cargo_component();
    install::place(&set, dirs, reporter, |dir, steps| {
        let temp = dir.join("temp");
        std::fs::create_dir(&temp).map_err(|error| FileError::writing(&temp, &error))?;
        let mut variables = cargo_env();
        variables.insert("CARGO_TARGET_DIR".to_owned(), temp.join("target").into_string());
        let version = bundle::CARGO_COMPONENT_VERSION;
        // Without optimisation: it only drives cargo, and compiling it takes long enough.
        let command = Command::new(&cargo)
            .args(["install", "--locked", "--debug", "--no-track", "--version", version, "--root"])
            .arg(dir)
            .arg("cargo-component");
        let mut compiled = 0;
        install::run(&set.what, command, &variables, &temp, &mut |_, line| {
            compiled += u64::from(line.trim_start().starts_with("Compiling "));
            steps.at(compiled, None);
        })?;
        let program = dir.join("bin/cargo-component");
        let said = install::check(&set.what, Command::new(program).arg("--version"), &variables)?;
        expect(&set.what, &said, version)?;
        std::fs::remove_dir_all(&temp).map_err(|error| FileError::writing(&temp, &error))?;
        Ok(BTreeMap::new())
    })
}
