//! JavaScript and TypeScript, with jco and StarlingMonkey or with QuickJS: from a staged copy.
//!
//! The engines tell little about mistakes, so the source is checked before: syntax by Node's own parser,
//! types by `tsc` against the world's types.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::{Complaint, Driver, Places, Program, Said, Step};
use crate::build::BuildError;
use crate::build::inputs::{Inputs, normal};
use crate::build::packages::of_node;
use crate::build::project::{Kind, Project, json_file};
use crate::component::Packages;
use crate::error::Result;
use crate::toolchain::Tool;
use crate::wit::World;

/// Where entries are looked for when `package.json` names none.
const ENTRIES: [&str; 8] = [
    "src/index.ts",
    "src/index.js",
    "src/index.mjs",
    "src/app.ts",
    "src/app.js",
    "index.ts",
    "index.js",
    "app.js",
];

/// Where the world's types are made, beside the sources.
const TYPES: &str = "types";

const CHECK: &str = ".jointer-check.mjs";
const TSCONFIG: &str = "tsconfig.jointer.json";

/// jco, or componentize-qjs.
pub(super) struct JavaScript;

impl Driver for JavaScript {
    fn name(&self, project: &Project) -> &'static str {
        if kind(project).1 { "componentize-qjs" } else { "jco" }
    }

    fn tools(&self, project: &Project) -> BTreeSet<Tool> {
        let mut tools = BTreeSet::from([Tool::Node]);
        let (typed, quickjs) = kind(project);
        if typed {
            tools.extend([Tool::Jco, Tool::TypeScript]);
        }
        // Packages that are not there fail later, with their names.
        let bundled = typed || bundled(project).unwrap_or(false);
        tools.insert(if quickjs && !bundled { Tool::ComponentizeQjs } else { Tool::Jco });
        tools
    }

    fn inputs(&self, project: &Project) -> Result<Inputs> {
        let mut inputs = Inputs::default();
        inputs.project(&project.dir, &project.others)?;
        for package in Installed::of(project)?.folders {
            inputs.project(&package, &[package.join("node_modules")])?;
        }
        Ok(inputs)
    }

    fn files(&self, project: &Project) -> Result<BTreeMap<Utf8PathBuf, String>> {
        let mut files = BTreeMap::from([(CHECK.into(), include_str!("check.mjs").to_owned())]);
        let (typed, _) = kind(project);
        if typed {
            files.insert(TSCONFIG.into(), tsconfig(project, &entry(project)?));
        }
        Ok(files)
    }

    fn steps(&self, project: &Project, places: &Places) -> Result<Vec<Step>> {
        let (typed, quickjs) = kind(project);
        let entry = entry(project)?;
        let world = project.world.as_ref();
        if let Some(why) = world.filter(|_| quickjs).and_then(lacking) {
            return Err(BuildError::Engine { component: project.name.clone(), why }.into());
        }
        let bundled = typed || bundled(project)?;
        let step = |tool| Step::new(Program::Tool(tool), places.dir.clone());
        let mut steps = Vec::new();
        if typed {
            let types = ["guest-types", places.wit.as_str(), "-n", project.world_name(), "-o", TYPES];
            steps.push(step(Tool::Jco).args(types));
            steps.push(step(Tool::TypeScript).args(["--project", TSCONFIG, "--pretty", "false"]));
        } else {
            let place = project.place();
            let check = ["--experimental-vm-modules", "--no-warnings", CHECK, entry.as_str(), place.as_str()];
            steps.push(step(Tool::Node).args(check).args(bundled.then_some("--bundled")));
        }
        steps.push(if quickjs {
            quick(project, places, &entry, bundled)
        } else {
            step(Tool::Jco)
                .args(["componentize", entry.as_str(), "-w", places.wit.as_str(), "-n", project.world_name()])
                .args(["-o", places.out.as_str()])
                .args((bundled && !typed).then_some("--bundle"))
                .args(world.map(disabled).unwrap_or_default())
        });
        Ok(steps)
    }

    fn memory(&self, project: &Project) -> u64 {
        if kind(project).1 { 230 << 20 } else { 830 << 20 }
    }

    fn length(&self, project: &Project) -> u32 {
        if kind(project).1 { 2 } else { 7 }
    }

    fn complaint(&self, project: &Project, _: &Places, step: &Step, said: &Said<'_>) -> Complaint {
        let place = project.place();
        if step.program == Program::Tool(Tool::TypeScript) {
            let lines = said.stdout.lines().map(|line| under(&place, line)).collect::<Vec<_>>();
            let help =
                "the types come from the world in `wit/`; `jco guest-types` writes them down for editors";
            return Complaint { message: lines.join("\n"), help: help.to_owned() };
        }
        if step.program == Program::Tool(Tool::Node) {
            let message = said.stderr.trim().to_owned();
            return Complaint { message, help: "correct the source".to_owned() };
        }
        let said = if said.stderr.trim().is_empty() { said.stdout } else { said.stderr };
        let message = message(said);
        let help = help(&message, project);
        Complaint { message, help }
    }

    fn packages(
        &self,
        project: &Project,
        _: &Places,
        _: &dyn Fn(&Step) -> Option<String>,
    ) -> Option<Packages> {
        let folders = Installed::of(project).ok()?.folders;
        Some(of_node(&project.dir, &folders, &|name, folder| installed(name, folder, &project.dir)))
    }

    fn result(&self, _: &Project, places: &Places, _: &str) -> Result<Utf8PathBuf> {
        Ok(places.out.clone())
    }
}

fn kind(project: &Project) -> (bool, bool) {
    match project.kind {
        Kind::JavaScript { typed, quickjs } => (typed, quickjs),
        _ => (false, false),
    }
}

/// Whether it uses packages, which have to be put into one file with the source.
fn bundled(project: &Project) -> Result<bool> {
    Ok(!Installed::of(project)?.folders.is_empty())
}

/// QuickJS by itself; what must be bundled goes through jco, which takes a bare file name only.
fn quick(project: &Project, places: &Places, entry: &str, bundled: bool) -> Step {
    if !bundled {
        return Step::new(Program::Tool(Tool::ComponentizeQjs), places.dir.clone())
            .args(["-w", places.wit.as_str(), "-n", project.world_name(), "-j", entry, "--sync"])
            .args(["-o", places.out.as_str()]);
    }
    let entry = Utf8Path::new(entry);
    let folder = places.dir.join(entry.parent().unwrap_or(Utf8Path::new("")));
    Step::new(Program::Tool(Tool::Jco), folder)
        .args(["componentize", entry.file_name().unwrap_or_default(), "--backend", "qjs"])
        .args([
            "--backend-qjs-disable-async",
            "--bundle",
            "-w",
            places.wit.as_str(),
            "-n",
            project.world_name(),
        ])
        .args(["-o", places.out.as_str()])
}

/// What QuickJS lacks for a world.
pub(super) fn lacking(world: &World) -> Option<String> {
    let http = world.imports.iter().chain(&world.exports).find(|name| name.starts_with("wasi:http/"))?;
    Some(format!("it has no `{http}`, which the world `{}` names", world.name))
}

/// Options that leave engine features out of a component, so that a library imports no WASI that its
/// world does not. A program that has WASI at all keeps clocks, randomness and its output: they are
/// behind `Date`, `Math.random` and `console`.
fn disabled(world: &World) -> Vec<String> {
    let names = |names: &[String], begin: &str| names.iter().any(|name| name.starts_with(begin));
    let mut off = Vec::new();
    if !names(&world.imports, "wasi:") && !names(&world.exports, "wasi:") {
        off.extend(["stdio", "random", "clocks"]);
    }
    if !names(&world.imports, "wasi:http/") {
        off.push("http");
    }
    // Events reach a component only through the handler version that the engine itself knows.
    if !names(&world.exports, "wasi:http/incoming-handler@0.2.10") {
        off.push("fetch-event");
    }
    if off.is_empty() {
        return Vec::new();
    }
    std::iter::once("-d").chain(off).map(str::to_owned).collect()
}

/// The module that the program begins with, relative to the project.
fn entry(project: &Project) -> Result<String> {
    let manifest = project.dir.join("package.json");
    let main = match manifest.is_file() {
        true => json_file(&manifest)?["main"].as_str().map(str::to_owned),
        false => None,
    };
    let missing = |entry: String| {
        let help = "name the module in package.json: `\"main\": \"src/index.js\"`".to_owned();
        let entry = project.place().join(entry).into_string();
        BuildError::NoEntry { component: project.name.clone(), entry, help }
    };
    match main {
        Some(main) => {
            let main = normal(Utf8Path::new(&main)).into_string();
            if project.dir.join(&main).is_file() { Ok(main) } else { Err(missing(main).into()) }
        }
        None => {
            let found = ENTRIES.iter().find(|entry| project.dir.join(entry).is_file());
            found.map(|entry| (*entry).to_owned()).ok_or_else(|| missing("src/index.js".into()).into())
        }
    }
}

/// The project's own settings, for the entry and the world's types, with nothing written.
fn tsconfig(project: &Project, entry: &str) -> String {
    let mut config = serde_json::json!({
        "compilerOptions": { "noEmit": true, "skipLibCheck": true },
        "files": [entry],
        "include": [format!("{TYPES}/**/*.d.ts")],
    });
    if project.dir.join("tsconfig.json").is_file() {
        config["extends"] = "./tsconfig.json".into();
    } else {
        let options = serde_json::json!({
            "noEmit": true, "skipLibCheck": true, "strict": true, "target": "es2022", "module": "esnext",
            "moduleResolution": "bundler",
        });
        config["compilerOptions"] = options;
    }
    config.to_string()
}

/// Installed packages that the program needs when it runs: `dependencies` of `package.json` and all that
/// those need, found as Node finds them. Packages for development are not looked at.
struct Installed {
    folders: BTreeSet<Utf8PathBuf>,
}

impl Installed {
    fn of(project: &Project) -> Result<Self> {
        let mut found = Self { folders: BTreeSet::new() };
        let mut left = vec![project.dir.clone()];
        while let Some(folder) = left.pop() {
            let manifest = folder.join("package.json");
            if !manifest.is_file() {
                continue;
            }
            let manifest = json_file(&manifest)?;
            let needed = manifest["dependencies"].as_object().into_iter().flat_map(|needed| needed.keys());
            for name in needed {
                match installed(name, &folder, &project.dir) {
                    Some(package) => {
                        if found.folders.insert(package.clone()) {
                            left.push(package);
                        }
                    }
                    None => return Err(not_installed(name, project)),
                }
            }
        }
        Ok(found)
    }
}

/// The folder of a package as seen from `folder`: in the nearest `node_modules` that has it.
fn installed(name: &str, folder: &Utf8Path, top: &Utf8Path) -> Option<Utf8PathBuf> {
    let above = folder.ancestors().take_while(|dir| dir.starts_with(top));
    above
        .map(|dir| dir.join("node_modules").join(name))
        .find(|package| package.join("package.json").is_file())
}

fn not_installed(name: &str, project: &Project) -> crate::error::Error {
    BuildError::NotInstalled {
        component: project.name.clone(),
        package: name.to_owned(),
        help: format!("run `npm install` in `{}`", project.dir),
    }
    .into()
}

fn under(place: &Utf8Path, line: &str) -> String {
    let is_place = !line.starts_with(' ') && line.contains("): ");
    if is_place { place.join(line).into_string() } else { line.to_owned() }
}

/// Without the stack of the tool itself and its name.
fn message(said: &str) -> String {
    let own = |line: &&str| {
        let line = line.trim_start();
        !(line.starts_with("at ")
            && (line.contains("node:") || line.contains("file://") || line.contains("node_modules")))
    };
    let text = said.lines().filter(own).collect::<Vec<_>>().join("\n");
    let text = text.trim().trim_start_matches("(jco componentize) ").trim_start_matches("Error: ");
    text.replace("Failed to initialize component (wizer", "failed while its top level ran (wizer")
        .trim()
        .to_owned()
}

fn help(message: &str, project: &Project) -> String {
    let world = project.world_name();
    if message.contains("as expected by the world") || message.contains("does not export") {
        return format!(
            "its world `{world}` demands it; export an object named like the interface, in camelCase"
        );
    }
    if let Some((_, rest)) = message.split_once("Error loading module \"") {
        let name = rest.split('"').next().unwrap_or_default();
        return format!(
            "list `{name}` under `dependencies` in package.json and install it, or correct the import"
        );
    }
    "correct the source: its top level runs while it is built".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(imports: &[&str], exports: &[&str]) -> World {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        World {
            name: "w".into(),
            imports: owned(imports),
            exports: owned(exports),
            digest: crate::digest::Digest::of(b""),
        }
    }

    #[test]
    fn a_library_imports_no_wasi_and_a_handler_keeps_its_console() {
        let library = world(&[], &["acme:shop/receipts@0.1.0"]);
        assert_eq!(disabled(&library).join(" "), "-d stdio random clocks http fetch-event");
        let handler = world(&["wasi:http/types@0.2.12"], &["wasi:http/incoming-handler@0.2.12"]);
        assert_eq!(disabled(&handler).join(" "), "-d fetch-event");
    }

    #[test]
    fn quickjs_has_no_http() {
        assert!(lacking(&world(&["wasi:http/types@0.2.12"], &[])).is_some());
        assert!(lacking(&world(&["wasi:clocks/wall-clock@0.2.12"], &["a:b/c"])).is_none());
    }

    #[test]
    fn the_tools_own_stack_is_cut() {
        let said = "(jco componentize) Error: Unable to extract expected exports list\nError: \"x.js\" does not export a \"shapes\" interface\n    at file:///tools/node_modules/a.js:1:2\n    at node:internal/b\n";
        assert_eq!(
            message(said),
            "Unable to extract expected exports list\nError: \"x.js\" does not export a \"shapes\" interface"
        );
    }
}
