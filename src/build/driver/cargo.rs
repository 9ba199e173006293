//! Rust, with cargo: in place, with everything that cargo makes outside of the sources.
//!
//! The target folder is the app's own; the build folder (compiled dependencies) is in the user cache and
//! shared by all apps, so that the macros of wit-bindgen are compiled once. What cargo has of the
//! project's own packages is cleaned first: cargo compares modification times, and a file that was
//! replaced by an older one would look unchanged to it.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Complaint, Driver, Places, Program, Said, Step};
use crate::build::BuildError;
use crate::build::fingerprint::Fingerprint;
use crate::build::inputs::{Inputs, normal, relative};
use crate::build::packages::of_cargo;
use crate::build::project::{Project, toml_file};
use crate::component::Packages;
use crate::error::{FileError, Result};
use crate::process::Stream;
use crate::toolchain::Tool;

/// `cargo build`, or `cargo component build` for projects that are made for it.
pub(super) struct Cargo {
    pub(super) component: bool,
}

impl Cargo {
    fn target(&self) -> &'static str {
        // cargo-component wraps what it builds for preview1 with an adapter of its own.
        if self.component { "wasm32-wasip1" } else { "wasm32-wasip2" }
    }
}

impl Driver for Cargo {
    fn name(&self, _: &Project) -> &'static str {
        if self.component { "cargo component" } else { "cargo" }
    }

    fn tools(&self, _: &Project) -> BTreeSet<Tool> {
        BTreeSet::from([if self.component { Tool::CargoComponent } else { Tool::Cargo }])
    }

    fn staged(&self) -> bool {
        false
    }

    fn inputs(&self, project: &Project) -> Result<Inputs> {
        let mut inputs = Inputs::default();
        let mut skip = project.others.clone();
        if self.component {
            // Written by each build from the WIT.
            skip.push(project.dir.join("src/bindings.rs"));
        }
        inputs.project(&project.dir, &skip)?;
        if let Some(wit) = &project.wit {
            // The world is named in the source, perhaps another one than in the manifest.
            inputs.wit(wit)?;
        }
        let packages = local_packages(&project.dir)?;
        for package in packages.iter().filter(|package| !package.starts_with(&project.dir)) {
            inputs.project(package, &project.others)?;
        }
        if let Some(root) = workspace(&project.dir)? {
            inputs.file(root.join("Cargo.toml"));
            inputs.file(root.join("Cargo.lock"));
        }
        inputs.file(project.dir.join("Cargo.lock"));
        configuration(&project.dir).into_iter().for_each(|path| inputs.file(path));
        Ok(inputs)
    }

    fn steps(&self, project: &Project, places: &Places) -> Result<Vec<Step>> {
        let tool = if self.component { Tool::CargoComponent } else { Tool::Cargo };
        let step = |program| {
            Step::new(Program::Tool(program), places.dir.clone())
                .env("CARGO_TARGET_DIR", places.target.as_str())
                .env("CARGO_HOME", places.cargo_home.as_str())
                .env("CARGO_BUILD_BUILD_DIR", places.cache.join("cargo-v1").as_str())
                .env("CARGO_TERM_COLOR", "never")
        };
        let locked = has_lock(&project.dir)?.then_some("--locked");
        let mut clean = step(Tool::Cargo).args(["clean", "--quiet", "--release", "--target", self.target()]);
        let mut remap = vec![remapped(&places.app, "app")];
        for package in local_packages(&project.dir)? {
            let place = normal(&places.app.join(relative(&package, &project.app)));
            clean = clean.args(["-p", &file_url(&place)]);
            if !package.starts_with(&project.app) {
                remap.push(remapped(&place, place.file_name().unwrap_or("package")));
            }
        }
        // The last one that fits counts, and the cargo home may well be in the app.
        remap.push(remapped(&places.cargo_home, "cargo"));
        let verb: &[&str] = if self.component { &["component", "build"] } else { &["build"] };
        let remap = format!("build.rustflags=[{}]", remap.join(","));
        let build = step(tool)
            .args(verb.iter().copied())
            .args(["--release", "--target", self.target(), "--message-format=json-render-diagnostics"])
            .args(["--config", remap.as_str()])
            .args(locked);
        Ok(vec![clean.args(locked), build])
    }

    /// A first build without a lock file writes one, and from then on takes it.
    fn same(&self, before: &Fingerprint, now: &Fingerprint) -> bool {
        before == now || now.adds_only(before, "Cargo.lock")
    }

    fn promises(&self) -> bool {
        true
    }

    fn memory(&self, _: &Project) -> u64 {
        1 << 30
    }

    fn length(&self, _: &Project) -> u32 {
        30
    }

    /// They would only wait for each other's lock of the shared build folder.
    fn alone(&self) -> Option<&'static str> {
        Some("cargo")
    }

    fn shows(&self, stream: Stream) -> bool {
        stream == Stream::Stderr
    }

    fn complaint(&self, _: &Project, places: &Places, _: &Step, said: &Said<'_>) -> Complaint {
        let message = errors(said.stderr);
        let help = help(&message);
        Complaint { message: message.replace(&format!("{}/", places.app), ""), help }
    }

    fn result(&self, project: &Project, _: &Places, said: &str) -> Result<Utf8PathBuf> {
        let manifest = project.dir.join("Cargo.toml");
        artifact(said, &manifest).ok_or_else(|| {
            BuildError::NoOutput {
                component: project.name.clone(),
                tool: self.name(project).to_owned(),
                message: "the package has neither a library of type `cdylib` nor a program".to_owned(),
                help: "add `crate-type = [\"cdylib\"]` under `[lib]` in its Cargo.toml".to_owned(),
            }
            .into()
        })
    }

    fn packages(
        &self,
        project: &Project,
        places: &Places,
        ask: &dyn Fn(&Step) -> Option<String>,
    ) -> Option<Packages> {
        let metadata = Step::new(Program::Tool(Tool::Cargo), places.dir.clone())
            .args(["metadata", "--format-version", "1", "--offline", "--locked"])
            .args(["--filter-platform", self.target()]);
        of_cargo(&ask(&metadata)?, &project.dir.join("Cargo.toml"))
    }

    fn also_read(&self, project: &Project, places: &Places) -> Result<Vec<Utf8PathBuf>> {
        let folder = places.target.join(self.target()).join("release");
        let entries = folder.read_dir_utf8().map_err(|error| FileError::reading(&folder, &error))?;
        let mut read = BTreeSet::new();
        for entry in entries.flatten().filter(|entry| entry.path().extension() == Some("d")) {
            let text = std::fs::read_to_string(entry.path())
                .map_err(|error| FileError::reading(entry.path(), &error))?;
            read.extend(dep_info(&text).map(|path| normal(&project.dir.join(path))));
        }
        // Registry packages are pinned by the lock file, and what a build script wrote follows from
        // inputs that are already listed.
        let home = &places.cargo_home;
        let made = [places.cache.clone(), places.target.clone(), home.join("registry"), home.join("git")];
        read.retain(|path| !made.iter().any(|made| path.starts_with(made)));
        Ok(read.into_iter().collect())
    }
}

/// No path of this machine gets into a panic's message, and so none changes the result.
fn remapped(from: &Utf8Path, to: &str) -> String {
    format!("\"--remap-path-prefix={from}={to}\"")
}

/// Where cargo keeps what it downloads.
pub(in crate::build) fn cargo_home() -> Utf8PathBuf {
    let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    var("CARGO_HOME")
        .map(Utf8PathBuf::from)
        .unwrap_or_else(|| Utf8PathBuf::from(var("HOME").unwrap_or_default()).join(".cargo"))
}

/// Files that say how cargo and rustup behave in `dir`, as far as they exist.
fn configuration(dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let names = [".cargo/config.toml", ".cargo/config", "rust-toolchain.toml", "rust-toolchain"];
    let above = dir.ancestors().flat_map(|dir| names.iter().map(move |name| dir.join(name)));
    let home = cargo_home();
    let own = ["config.toml", "config"].into_iter().map(|name| home.join(name));
    above.chain(own).filter(|path| path.is_file()).collect()
}

/// Whether a lock file says which versions to take.
fn has_lock(dir: &Utf8Path) -> Result<bool> {
    let root = workspace(dir)?.unwrap_or_else(|| dir.to_owned());
    Ok(root.join("Cargo.lock").is_file())
}

/// The folder of the workspace that the package in `dir` belongs to, if it is not its own.
fn workspace(dir: &Utf8Path) -> Result<Option<Utf8PathBuf>> {
    let own = toml_file(&dir.join("Cargo.toml"))?;
    if own.contains_key("workspace") {
        return Ok(None);
    }
    let named = own.get("package").and_then(|package| package.get("workspace")?.as_str());
    if let Some(named) = named {
        return Ok(Some(normal(&dir.join(named))));
    }
    for above in dir.ancestors().skip(1).filter(|above| above.join("Cargo.toml").is_file()) {
        if toml_file(&above.join("Cargo.toml"))?.contains_key("workspace") {
            return Ok(Some(above.to_owned()));
        }
    }
    Ok(None)
}

/// The folders of the package in `dir` and of all packages that it depends on by path.
fn local_packages(dir: &Utf8Path) -> Result<BTreeSet<Utf8PathBuf>> {
    let root = workspace(dir)?.unwrap_or_else(|| dir.to_owned());
    let shared = toml_file(&root.join("Cargo.toml"))?;
    let shared = shared.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    let mut found = BTreeSet::new();
    let mut left = vec![dir.to_owned()];
    while let Some(package) = left.pop() {
        let manifest = package.join("Cargo.toml");
        // cargo itself says best that a dependency is not there.
        if !manifest.is_file() || !found.insert(package.clone()) {
            continue;
        }
        let manifest = toml_file(&manifest)?;
        for (name, dependency) in dependencies(&manifest) {
            let inherited = dependency.get("workspace").and_then(toml::Value::as_bool) == Some(true);
            let (from, dependency) = match shared.and_then(|shared| shared.get(name)) {
                Some(shared) if inherited => (&root, shared),
                _ => (&package, dependency),
            };
            if let Some(path) = dependency.get("path").and_then(toml::Value::as_str) {
                left.push(normal(&from.join(path)));
            }
        }
    }
    Ok(found)
}

/// All dependencies that a manifest names, those of `[target]` and `[patch]` too.
fn dependencies(manifest: &toml::Table) -> Vec<(&str, &toml::Value)> {
    const KINDS: [&str; 3] = ["dependencies", "build-dependencies", "dev-dependencies"];
    let of_target = manifest.get("target").and_then(toml::Value::as_table);
    let tables = std::iter::once(manifest)
        .chain(of_target.into_iter().flat_map(toml::Table::values).filter_map(toml::Value::as_table));
    let plain = tables.flat_map(|table| KINDS.iter().filter_map(|kind| table.get(*kind)?.as_table()));
    let patches = manifest.get("patch").and_then(toml::Value::as_table);
    let patched = patches.into_iter().flat_map(toml::Table::values).filter_map(toml::Value::as_table);
    plain.chain(patched).flatten().map(|(name, value)| (name.as_str(), value)).collect()
}

/// A package id as cargo takes it for `-p`: names may be ambiguous, places are not.
fn file_url(path: &Utf8Path) -> String {
    let mut url = "path+file://".to_owned();
    for byte in path.as_str().bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' | b'<' | b'>' => {
                url.push(char::from(byte));
            }
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

/// The component among what cargo says it made for the package with this manifest.
fn artifact(said: &str, manifest: &Utf8Path) -> Option<Utf8PathBuf> {
    let mut found: Vec<(bool, Utf8PathBuf)> = Vec::new();
    for line in said.lines() {
        let Ok(message) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let of_package = message["manifest_path"].as_str() == Some(manifest.as_str());
        if message["reason"] != "compiler-artifact" || !of_package {
            continue;
        }
        let library = message["target"]["kind"][0] == "cdylib";
        let files = message["filenames"].as_array().into_iter().flatten();
        let wasm = files.filter_map(|file| file.as_str()).find(|file| file.ends_with(".wasm"));
        found.extend(wasm.map(|wasm| (library, Utf8PathBuf::from(wasm))));
    }
    // A library is what other components call; a program beside it is for the command line.
    found.iter().find(|(library, _)| *library).or(found.first()).map(|(_, path)| path.clone())
}

/// The paths in a file of make rules: `out: a b\ c`.
fn dep_info(text: &str) -> impl Iterator<Item = Utf8PathBuf> {
    text.lines().filter_map(|line| Some(line.split_once(": ")?.1)).flat_map(|paths| {
        let marked = paths.replace("\\ ", "\0");
        let paths: Vec<Utf8PathBuf> =
            marked.split_whitespace().map(|path| path.replace('\0', " ").into()).collect();
        paths
    })
}

/// Everything from the first line that is an error, without cargo's progress.
fn errors(stderr: &str) -> String {
    let is_error = |line: &&str| line.starts_with("error");
    let mut kept: Vec<&str> = Vec::new();
    let mut in_error = false;
    for line in stderr.lines() {
        if is_error(&line) {
            in_error = true;
        } else if line.starts_with("warning") {
            in_error = false;
        }
        if in_error {
            kept.push(line);
        }
    }
    let text = kept.join("\n").trim().to_owned();
    if text.is_empty() { stderr.trim().to_owned() } else { text }
}

fn help(message: &str) -> String {
    let known = [
        (
            "can't find crate for `std`",
            "run `jointer doctor --fix`: the target's standard library is missing",
        ),
        (
            "needs to be updated but --locked",
            "run `cargo update --workspace` in the component, then look at Cargo.lock",
        ),
        ("--locked was passed", "run `cargo update --workspace` in the component, then look at Cargo.lock"),
        ("failed to download", "cargo could not fetch a dependency; try again with a network"),
    ];
    let found = known.iter().find(|(text, _)| message.contains(text));
    found.map_or("correct the source; the messages above are cargo's", |(_, help)| help).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A project for the tests.
    fn project(dir: &Utf8Path) -> Project {
        Project {
            name: "pricing".into(),
            app: dir.to_owned(),
            dir: dir.join("pricing"),
            kind: crate::build::project::Kind::Cargo,
            wit: None,
            world: None,
            variables: Vec::new(),
            others: Vec::new(),
        }
    }

    fn app(files: &[(&str, &str)]) -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let dir = Utf8PathBuf::from_path_buf(folder.path().canonicalize().unwrap()).unwrap();
        for (path, text) in files {
            std::fs::create_dir_all(dir.join(path).parent().unwrap()).unwrap();
            std::fs::write(dir.join(path), text).unwrap();
        }
        (folder, dir)
    }

    #[test]
    fn packages_by_path_are_found_however_they_are_named() {
        let (_kept, dir) = app(&[
            (
                "Cargo.toml",
                "[workspace]\nmembers = []\n[workspace.dependencies]\nshared = { path = \"lib/shared\" }\nother = { path = \"lib/other\" }\n",
            ),
            (
                "pricing/Cargo.toml",
                "[package]\nname = \"pricing\"\n[dependencies]\nshared.workspace = true\n[target.'cfg(unix)'.dependencies]\nunix = { path = \"../lib/unix\" }\n",
            ),
            (
                "lib/shared/Cargo.toml",
                "[package]\nname = \"shared\"\n[build-dependencies]\nmake = { path = \"../make\" }\n",
            ),
            ("lib/unix/Cargo.toml", "[package]\nname = \"unix\"\n"),
            ("lib/make/Cargo.toml", "[package]\nname = \"make\"\n"),
            ("lib/other/Cargo.toml", "[package]\nname = \"other\"\n"),
        ]);
        let found = local_packages(&dir.join("pricing")).unwrap();
        let names: Vec<_> = found.iter().map(|path| path.file_name().unwrap()).collect();
        assert_eq!(names, ["make", "shared", "unix", "pricing"]);
        assert_eq!(workspace(&dir.join("pricing")).unwrap(), Some(dir));
    }

    #[test]
    fn the_command_line_builds_in_place_and_writes_elsewhere() {
        let (_kept, dir) =
            app(&[("pricing/Cargo.toml", "[package]\nname = \"pricing\"\n"), ("pricing/Cargo.lock", "")]);
        let cargo = Cargo { component: false };
        let project = project(&dir);
        let steps = cargo.steps(&project, &Places::signs(&project, &cargo)).unwrap();
        let lines: Vec<String> = steps.iter().map(|step| step.args.join(" ")).collect();
        assert_eq!(
            lines,
            [
                "clean --quiet --release --target wasm32-wasip2 -p path+file://<app>/pricing --locked",
                "build --release --target wasm32-wasip2 --message-format=json-render-diagnostics --config \
                 build.rustflags=[\"--remap-path-prefix=<app>=app\",\"--remap-path-prefix=<cargo-home>=cargo\"] \
                 --locked",
            ]
        );
        assert_eq!(steps[1].dir, "<app>/pricing");
        assert_eq!(steps[1].env["CARGO_TARGET_DIR"], "<app>/build/cargo/pricing");
    }

    #[test]
    fn the_library_is_the_component() {
        let line = |kind: &str, name: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/a/Cargo.toml","target":{{"kind":["{kind}"]}},"filenames":["/t/{name}.wasm"]}}"#
            )
        };
        let said = format!("not json\n{}\n{}\n", line("bin", "tool"), line("cdylib", "lib"));
        assert_eq!(artifact(&said, "/a/Cargo.toml".into()).unwrap(), "/t/lib.wasm");
        assert_eq!(artifact(&line("bin", "tool"), "/a/Cargo.toml".into()).unwrap(), "/t/tool.wasm");
        assert_eq!(artifact(&said, "/b/Cargo.toml".into()), None);
    }

    #[test]
    fn make_rules_with_spaces_are_read() {
        let read: Vec<_> = dep_info("/t/a.wasm: /a/b\\ c.rs /a/d.rs\n").collect();
        assert_eq!(read, ["/a/b c.rs", "/a/d.rs"]);
    }

    #[test]
    fn only_the_errors_are_kept() {
        let said = "   Compiling pricing v0.1.0\nwarning: unused\n --> a\n\nerror[E0308]: mismatched types\n --> src/lib.rs:3:5\n\nerror: could not compile `pricing`\n";
        assert_eq!(
            errors(said),
            "error[E0308]: mismatched types\n --> src/lib.rs:3:5\n\nerror: could not compile `pricing`"
        );
    }
}
