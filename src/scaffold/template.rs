//! The templates inside the binary: KIND-LANGUAGE.

use std::fmt;
use std::str::FromStr;

use camino::Utf8Path;
use include_dir::{Dir, DirEntry, include_dir};

use super::names::Names;
use super::{Changes, ScaffoldError};
use crate::app::Language;
use crate::name::nearest;

static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");
static WASI: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/wit/wasi/0.2.12/deps");

/// What a component is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Exports an interface.
    Lib,
    /// Answers http requests.
    Http,
    /// A program.
    Command,
    /// Imports and exports the http handler: stands in front of another.
    Middleware,
}

const KINDS: [(Kind, &str); 4] =
    [(Kind::Lib, "lib"), (Kind::Http, "http"), (Kind::Command, "command"), (Kind::Middleware, "middleware")];

/// Each language with its names; the first is the one that is shown.
const LANGUAGES: [(Language, [&str; 2]); 4] = [
    (Language::Rust, ["rust", "rs"]),
    (Language::Python, ["python", "py"]),
    (Language::Javascript, ["javascript", "js"]),
    (Language::Typescript, ["typescript", "ts"]),
];

/// One of the templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template {
    /// What the component is for.
    pub kind: Kind,
    /// What it is written in.
    pub language: Language,
}

impl Template {
    /// All templates.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().flat_map(|(kind, _)| {
            LANGUAGES.iter().map(|(language, _)| Self { kind: *kind, language: *language })
        })
    }

    /// The text of the component's world and of its interface.
    pub(super) fn world(self, names: &Names) -> String {
        names.fill(embedded(&format!("wit/{}.wit", self.kind)))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = KINDS.iter().find(|(kind, _)| kind == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let language = LANGUAGES.iter().find(|(language, _)| *language == self.language);
        write!(f, "{}-{}", self.kind, language.map_or("", |(_, names)| names[0]))
    }
}

impl FromStr for Template {
    type Err = ScaffoldError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = text.split_once('-').and_then(|(kind, language)| {
            let (kind, _) = KINDS.iter().find(|(_, name)| *name == kind)?;
            let (language, _) = LANGUAGES.iter().find(|(_, names)| names.contains(&language))?;
            Some(Self { kind: *kind, language: *language })
        });
        found.ok_or_else(|| {
            let all: Vec<String> = Self::all().map(|template| template.to_string()).collect();
            let near = nearest(text, all.iter().map(String::as_str));
            let help = match near.first() {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", all.join(", ")),
            };
            ScaffoldError::UnknownTemplate { name: text.to_owned(), help }
        })
    }
}

/// A file inside the binary. The tests read all of them, so a missing one cannot be shipped.
fn embedded(path: &str) -> &'static str {
    TEMPLATES.get_file(path).and_then(|file| file.contents_utf8()).unwrap_or_default()
}

/// The files of the app itself.
pub(super) fn app_files(names: &Names, template: Template, folder: &Utf8Path, changes: &mut Changes) {
    let verb = match template.kind {
        Kind::Http | Kind::Middleware => "jointer serve",
        Kind::Command => "jointer run",
        Kind::Lib => "jointer call build/{{app}}.wasm '{{package}}/{{api}}.greet(\"Ada\")'",
    };
    changes.write(folder.join(".gitignore"), embedded("app/.gitignore"));
    changes.write(folder.join("README.md"), names.fill(&embedded("app/README.md").replace("{{verb}}", verb)));
}

/// The files of a component.
pub(super) fn part_files(names: &Names, template: Template, folder: &Utf8Path, changes: &mut Changes) {
    let name = template.to_string();
    if let Some(dir) = TEMPLATES.get_dir(&name) {
        copy(dir, Utf8Path::new(&name), names, folder, changes);
    }
    let table = names.fill(embedded(&format!("tests/{}.toml", template.kind)));
    changes.write(folder.join("tests").join(format!("{}.toml", template.kind)), table);
}

fn copy(dir: &Dir<'_>, top: &Utf8Path, names: &Names, folder: &Utf8Path, changes: &mut Changes) {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(dir) => copy(dir, top, names, folder, changes),
            DirEntry::File(file) => {
                let path = Utf8Path::from_path(file.path()).and_then(|path| path.strip_prefix(top).ok());
                if let (Some(path), Some(text)) = (path, file.contents_utf8()) {
                    changes.write(folder.join(path), names.fill(text));
                }
            }
        }
    }
}

/// The WIT of WASI, for worlds that mention it, where it is not there yet.
pub(super) fn wasi_files(template: Template, app: &Utf8Path, changes: &mut Changes) {
    if template.kind == Kind::Lib {
        return;
    }
    for file in WASI.files() {
        let name = file.path().file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let path = app.join("wit/deps").join(format!("wasi-{name}"));
        if !path.exists() {
            changes.write(path, file.contents());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_has_all_its_files() {
        let names = Names::new(&"acme:shop".parse().unwrap(), &"shop".parse().unwrap());
        for template in Template::all() {
            let mut changes = Changes::default();
            part_files(&names, template, Utf8Path::new("shop"), &mut changes);
            assert!(changes.files.len() >= 4, "{template}");
            for (path, contents) in &changes.files {
                let text = String::from_utf8_lossy(contents);
                assert!(
                    !text.contains("{{"),
                    "{path} of {template} has a name that nobody fills in:\n{text}"
                );
            }
            assert!(template.world(&names).contains("world shop {"), "{template}");
            assert_eq!(template.to_string().parse::<Template>().unwrap(), template);
        }
    }

    #[test]
    fn short_names_and_near_misses() {
        assert_eq!("http-py".parse::<Template>().unwrap().to_string(), "http-python");
        let error = "http-pyton".parse::<Template>().unwrap_err();
        let ScaffoldError::UnknownTemplate { help, .. } = error else { panic!("{error}") };
        assert_eq!(help, "did you mean `http-python`?");
    }
}
