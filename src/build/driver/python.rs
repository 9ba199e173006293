//! Python, with componentize-py: from a staged copy, because it writes `__pycache__` beside what it reads.

use std::collections::BTreeSet;

use camino::Utf8PathBuf;

use super::{Complaint, Driver, Places, Program, Said, Step};
use crate::build::BuildError;
use crate::build::inputs::Inputs;
use crate::build::packages::of_python;
use crate::build::project::{Project, toml_file};
use crate::component::Packages;
use crate::error::Result;
use crate::toolchain::Tool;

/// Modules that every build makes anew; what editors were given is left out.
const GENERATED: [&str; 9] = [
    "wit_world",
    "poll_loop.py",
    "componentize_py_types.py",
    "componentize_py_types.pyi",
    "componentize_py_runtime.py",
    "componentize_py_runtime.pyi",
    "componentize_py_async_support",
    "componentize_py_async_support.py",
    "componentize_py_async_support.pyi",
];

/// Where dependencies are, inside the staged project: `jointer` puts them there from `requirements.txt`.
const PACKAGES: &str = ".packages";

/// componentize-py.
pub(super) struct Python;

impl Driver for Python {
    fn name(&self, _: &Project) -> &'static str {
        "componentize-py"
    }

    fn tools(&self, project: &Project) -> BTreeSet<Tool> {
        let mut tools = BTreeSet::from([Tool::ComponentizePy]);
        if requirements(project).is_some() {
            tools.insert(Tool::Python);
        }
        tools
    }

    fn inputs(&self, project: &Project) -> Result<Inputs> {
        let mut skip = project.others.clone();
        skip.extend(GENERATED.iter().map(|name| project.dir.join(name)));
        let mut inputs = Inputs::default();
        inputs.project(&project.dir, &skip)?;
        Ok(inputs)
    }

    fn steps(&self, project: &Project, places: &Places) -> Result<Vec<Step>> {
        let entry = entry(project)?;
        let mut steps = Vec::new();
        let mut build = Step::new(Program::Tool(Tool::ComponentizePy), places.dir.clone())
            .args(["-q", "-d", places.wit.as_str(), "-w", project.world_name()])
            .args(["componentize", "-p", "."]);
        if let Some(requirements) = requirements(project) {
            // Wheels for this machine's own Python would not load in the guest.
            steps.push(
                Step::new(Program::Tool(Tool::Python), places.dir.clone())
                    .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"])
                    .args([
                        "--only-binary=:all:",
                        "--platform",
                        "any",
                        "--implementation",
                        "py",
                        "--abi",
                        "none",
                    ])
                    .args(["--python-version", "3.14", "--target", PACKAGES, "-r", requirements]),
            );
            build = build.args(["-p", PACKAGES]);
        }
        // Without a virtual environment of its own it takes packages of the user's Python.
        let nothing = places.tmp.join("no-packages");
        steps.push(
            build.args(["-o", places.out.as_str(), entry.as_str()]).env("VIRTUAL_ENV", nothing.as_str()),
        );
        Ok(steps)
    }

    fn memory(&self, _: &Project) -> u64 {
        450 << 20
    }

    fn length(&self, _: &Project) -> u32 {
        5
    }

    fn complaint(&self, project: &Project, _: &Places, step: &Step, said: &Said<'_>) -> Complaint {
        if step.program == Program::Tool(Tool::Python) {
            let help =
                "pin what is there in `requirements.txt`: only pure Python wheels can be used".to_owned();
            return Complaint { message: said.stderr.trim().to_owned(), help };
        }
        let place = project.place();
        let message = message(said.stderr, place.as_str());
        let help = help(&message, project);
        Complaint { message, help }
    }

    fn packages(
        &self,
        project: &Project,
        places: &Places,
        _: &dyn Fn(&Step) -> Option<String>,
    ) -> Option<Packages> {
        let named = requirements(project).map(|file| std::fs::read_to_string(project.dir.join(file)));
        let named = named.transpose().ok()?.unwrap_or_default();
        Some(of_python(&[places.dir.join(PACKAGES), places.dir.clone()], &named))
    }

    fn result(&self, _: &Project, places: &Places, _: &str) -> Result<Utf8PathBuf> {
        Ok(places.out.clone())
    }
}

/// The file of pinned dependencies, where there is one and it names any.
fn requirements(project: &Project) -> Option<&'static str> {
    let text = std::fs::read_to_string(project.dir.join("requirements.txt")).ok()?;
    let names = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    text.lines().any(names).then_some("requirements.txt")
}

/// The module that the program begins with: `[tool.jointer] entry` of `pyproject.toml`, else `app`.
fn entry(project: &Project) -> Result<String> {
    let path = project.dir.join("pyproject.toml");
    let named = if path.is_file() {
        let table = toml_file(&path)?;
        table.get("tool").and_then(|tool| Some(tool.get("jointer")?.get("entry")?.as_str()?.to_owned()))
    } else {
        None
    };
    let entry = named.unwrap_or_else(|| "app".to_owned());
    let file = project.dir.join(entry.replace('.', "/"));
    if file.with_extension("py").is_file() || file.join("__init__.py").is_file() {
        return Ok(entry);
    }
    let help = "name the module in pyproject.toml: `[tool.jointer]` and `entry = \"…\"`".to_owned();
    let entry = project.place().join(format!("{}.py", entry.replace('.', "/"))).into_string();
    Err(BuildError::NoEntry { component: project.name.clone(), entry, help }.into())
}

/// The guest's own complaint out of the tool's traceback, with `/0/app.py` as the file of the app.
fn message(stderr: &str, place: &str) -> String {
    let text = stderr.rsplit_once("AssertionError: ").map_or(stderr, |(_, text)| text);
    let text = text.split("\nCaused by:").next().unwrap_or(text);
    let prefix = if place.is_empty() { String::new() } else { format!("{place}/") };
    let here =
        text.replace("\"/0/", &format!("\"{prefix}")).replace("\"/1/", &format!("\"{prefix}{PACKAGES}/"));
    without_inner_frames(here.trim_end())
}

/// Leaves out those places of a traceback that are in the guest's standard library or in generated code.
fn without_inner_frames(text: &str) -> String {
    let mut kept = Vec::new();
    let mut inner = false;
    for line in text.lines() {
        if line.starts_with("  File ") {
            inner = line.starts_with("  File \"/") || line.starts_with("  File \"<");
        } else if !line.starts_with("    ") {
            inner = false;
        }
        if !inner {
            kept.push(line);
        }
    }
    kept.join("\n")
}

fn help(message: &str, project: &Project) -> String {
    let last = message.lines().last().unwrap_or_default();
    if let Some(name) = last.strip_prefix("ModuleNotFoundError: No module named ") {
        let name = name.trim_matches('\'');
        return format!("write `{name}` into `requirements.txt` with its version, or the file `{name}.py`");
    }
    if last.starts_with("AttributeError: module") || last.contains("without an implementation") {
        let exports = project.world.iter().flat_map(|world| &world.exports);
        let exports: Vec<&str> = exports.map(String::as_str).collect();
        return format!(
            "its world `{}` demands {}: a class for each interface, named like it, with all methods",
            project.world_name(),
            exports.join(", ")
        );
    }
    "correct the source: the program's top level runs while it is built".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNTAX: &str = "Traceback (most recent call last):
  File \"/tools/bin/componentize-py\", line 8, in <module>
    sys.exit(script())
             ^^^^^^^^
AssertionError:   File \"/0/app.py\", line 31
    def x(:
          ^
SyntaxError: invalid syntax

Caused by:
    SyntaxError: invalid syntax (app.py, line 31)
";

    #[test]
    fn a_traceback_is_cut_to_its_message_and_the_file_is_the_apps() {
        assert_eq!(
            message(SYNTAX, "gateway"),
            "  File \"gateway/app.py\", line 31\n    def x(:\n          ^\nSyntaxError: invalid syntax"
        );
    }

    #[test]
    fn frames_of_the_standard_library_are_left_out() {
        let said = "AssertionError: Traceback (most recent call last):
  File \"/0/app.py\", line 1, in <module>
    import nosuch
  File \"/python/importlib.py\", line 9, in find
    raise
ModuleNotFoundError: No module named 'nosuch'
";
        assert_eq!(
            message(said, ""),
            "Traceback (most recent call last):\n  File \"app.py\", line 1, in <module>\n    import nosuch\nModuleNotFoundError: No module named 'nosuch'"
        );
    }
}
