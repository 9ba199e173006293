//! Where a project of each language keeps what people edit.

use camino::{Utf8Path, Utf8PathBuf};

use crate::app::Language;

/// Files that tell a language; the first that is there decides. Every TypeScript project has a `package.json` too.
const MARKS: [(Language, &str); 6] = [
    (Language::Rust, "Cargo.toml"),
    (Language::Python, "pyproject.toml"),
    (Language::Python, "requirements.txt"),
    (Language::Typescript, "tsconfig.json"),
    (Language::Javascript, "package.json"),
    (Language::Python, "app.py"),
];

/// The language of a project: the one that the manifest names, else what its files tell.
pub(super) fn language(project: &Utf8Path, named: Option<Language>) -> Option<Language> {
    let told = || MARKS.iter().find(|(_, file)| project.join(file).is_file()).map(|(language, _)| *language);
    named.or_else(told)
}

/// The file in which a template of the language has its marker.
pub(super) fn file(project: &Utf8Path, language: Language) -> Option<Utf8PathBuf> {
    let places: &[&str] = match language {
        Language::Rust => &["src/lib.rs", "src/main.rs"],
        Language::Python => &["app.py"],
        Language::Javascript => &["src/index.js"],
        Language::Typescript => &["src/index.ts"],
    };
    places.iter().map(|path| project.join(path)).find(|path| path.is_file())
}
