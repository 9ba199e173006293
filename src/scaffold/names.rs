//! One name in the spellings of four languages, and what templates put in place of `{{…}}`.

use super::ScaffoldError;
use crate::name::{ComponentName, PackageName};

/// The version of a new app's own WIT package.
pub(super) const VERSION: &str = "0.1.0";

/// The names that a component's files need.
pub(super) struct Names {
    pairs: Vec<(&'static str, String)>,
}

impl Names {
    pub(super) fn new(package: &PackageName, component: &ComponentName) -> Self {
        let api = api(component);
        let pairs = vec![
            ("name", component.to_string()),
            ("app", package.name.clone()),
            ("package", package.to_string()),
            ("rust_package", rust_package(package)),
            ("api_snake", snake(&api)),
            ("api_camel", camel(&api)),
            ("api_pascal", pascal(&api)),
            ("api", api),
        ];
        Self { pairs }
    }

    /// `text` with each `{{key}}` replaced.
    pub(super) fn fill(&self, text: &str) -> String {
        let replace =
            |text: String, (key, value): &(&str, String)| text.replace(&format!("{{{{{key}}}}}"), value);
        self.pairs.iter().fold(text.to_owned(), replace)
    }
}

/// The interface that a library component exports. Not the component's own name: that is its world's,
/// and WIT keeps worlds and interfaces of a package in one namespace.
pub(super) fn api(component: &ComponentName) -> String {
    format!("{component}-api")
}

/// Words of WIT, which name nothing there unless they are escaped. Not every guest tool takes the escaped form.
const WIT_WORDS: [&str; 40] = [
    "as",
    "async",
    "bool",
    "borrow",
    "char",
    "constructor",
    "enum",
    "export",
    "f32",
    "f64",
    "flags",
    "from",
    "func",
    "future",
    "import",
    "include",
    "interface",
    "list",
    "option",
    "own",
    "package",
    "record",
    "resource",
    "result",
    "s16",
    "s32",
    "s64",
    "s8",
    "static",
    "stream",
    "string",
    "tuple",
    "type",
    "u16",
    "u32",
    "u64",
    "u8",
    "use",
    "variant",
    "world",
];

/// Folders of an app, words of its manifest, and names that cargo or rustc keep for themselves.
const TAKEN: [&str; 13] = [
    "alloc",
    "build",
    "core",
    "deps",
    "examples",
    "host",
    "incremental",
    "proc-macro",
    "std",
    "target",
    "test",
    "tests",
    "wit",
];

/// Whether a new component or package may have this name in every language.
pub(super) fn usable(name: &str) -> Result<(), ScaffoldError> {
    let whose = match name {
        name if WIT_WORDS.contains(&name) => "a word of WIT",
        name if TAKEN.contains(&name) => "taken: a folder of the app or a word of its tools",
        _ => return Ok(()),
    };
    Err(ScaffoldError::Name { message: format!("`{name}` cannot be the name: it is {whose}") })
}

/// Words of Rust that are no words of WIT; wit-bindgen puts `_` behind them.
const RUST_WORDS: [&str; 43] = [
    "abstract", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "extern", "false", "final", "fn", "for", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "struct", "super", "trait", "true",
    "try", "unsafe", "unsized", "virtual", "where", "while", "yield",
];

/// The module that wit-bindgen makes of a package.
pub(super) fn rust_package(package: &PackageName) -> String {
    let module = |name: &str| match name {
        word if RUST_WORDS.contains(&word) => format!("{word}_"),
        name => snake(name),
    };
    format!("{}::{}", module(&package.namespace), module(&package.name))
}

/// `my-name` as `my_name`.
pub(super) fn snake(kebab: &str) -> String {
    kebab.replace('-', "_")
}

/// `my-name` as `MyName`.
pub(super) fn pascal(kebab: &str) -> String {
    let capital = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    };
    kebab.split('-').map(capital).collect()
}

/// `my-name` as `myName`.
pub(super) fn camel(kebab: &str) -> String {
    let pascal = pascal(kebab);
    let (first, rest) = pascal.split_at(pascal.len().min(1));
    first.to_lowercase() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_tool_could_not_spell_are_refused() {
        assert!(usable("list").is_err() && usable("build").is_err() && usable("price-list").is_ok());
        assert_eq!(rust_package(&"acme:loop".parse().unwrap()), "acme::loop_");
    }

    #[test]
    fn a_name_in_four_spellings() {
        let names = Names::new(&"acme:web-shop".parse().unwrap(), &"price-list".parse().unwrap());
        let text = "{{name}} {{api}} {{api_snake}} {{api_camel}} {{api_pascal}} {{rust_package}} {{other}}";
        assert_eq!(
            names.fill(text),
            "price-list price-list-api price_list_api priceListApi PriceListApi acme::web_shop {{other}}"
        );
    }
}
