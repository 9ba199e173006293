//! Edits of text that people wrote: the manifest and a consumer's source. Comments and order stay.

use toml_edit::{DocumentMut, Item, Table, value};

use super::names::{api, camel, rust_package, snake};
use crate::app::Language;
use crate::name::{ComponentName, PackageName};

/// What every template carries where a call may be put; the comment signs before it differ.
const MARKER: &str = "jointer: calls of added parts stand above this line";

/// The manifest of a new app.
pub(super) fn first_manifest(package: &PackageName, component: &ComponentName) -> String {
    let app = format!("[app]\nname = \"{package}\"\nversion = \"0.1.0\"\nroot = \"{component}\"\n");
    app + &component_table(component)
}

/// The table of a component that stands in the folder of its name.
pub(super) fn component_table(component: &ComponentName) -> String {
    format!("\n[component.{component}]\npath = \"{component}\"\n")
}

/// The manifest with `[component.NAME]` and one key, and another root if one is given.
pub(super) fn add_component(
    manifest: &str,
    name: &ComponentName,
    key: &str,
    said: &str,
    root: Option<&ComponentName>,
) -> Result<String, String> {
    let mut document: DocumentMut =
        manifest.parse().map_err(|error: toml_edit::TomlError| error.to_string())?;
    let mut table = Table::new();
    table.insert(key, value(said));
    let components = document.entry("component").or_insert_with(|| {
        let mut components = Table::new();
        components.set_implicit(true);
        Item::Table(components)
    });
    let components = components.as_table_like_mut().ok_or("`component` is not a table")?;
    components.insert(name.as_str(), Item::Table(table));
    if let Some(root) = root {
        let app = document["app"].as_table_like_mut().ok_or("`app` is not a table")?;
        match app.get_mut("root").and_then(Item::as_value_mut) {
            Some(old) => {
                // What stands around the value, a comment behind it say, is the user's.
                let around = old.decor().clone();
                *old = root.as_str().into();
                *old.decor_mut() = around;
            }
            None => {
                app.insert("root", value(root.as_str()));
            }
        }
    }
    Ok(document.to_string())
}

/// A call of a library part in the consumer's language.
pub(super) struct Call {
    /// The line at the top of the file, where the language needs one.
    import: Option<String>,
    /// The statement.
    statement: String,
}

impl Call {
    /// `greet` of `part`, called by `consumer`.
    pub(super) fn greet(
        language: Language,
        package: &PackageName,
        version: &str,
        part: &ComponentName,
        consumer: &ComponentName,
    ) -> Self {
        let api = api(part);
        match language {
            Language::Rust => Self {
                import: None,
                statement: format!(
                    "lines.push({}::{}::greet(\"{consumer}\"));",
                    rust_package(package),
                    snake(&api)
                ),
            },
            Language::Python => Self {
                import: Some(format!("from wit_world.imports import {}", snake(&api))),
                statement: format!("lines.append({}.greet(\"{consumer}\"))", snake(&api)),
            },
            Language::Javascript | Language::Typescript => {
                let alias = format!("{}Greet", camel(part.as_str()));
                Self {
                    import: Some(format!("import {{ greet as {alias} }} from '{package}/{api}@{version}';")),
                    statement: format!("lines.push({alias}('{consumer}'));"),
                }
            }
        }
    }

    /// The source with the call at the marker; `None` where the marker is gone.
    pub(super) fn put_into(&self, source: &str) -> Option<String> {
        let mut lines: Vec<String> = source.lines().map(str::to_owned).collect();
        let marker = lines.iter().position(|line| line.contains(MARKER))?;
        let indent: String = lines[marker].chars().take_while(|letter| letter.is_whitespace()).collect();
        lines.insert(marker, format!("{indent}{}", self.statement));
        if let Some(import) = self.import.as_ref().filter(|import| !lines.contains(import)) {
            put_import(&mut lines, marker, import);
        }
        let end = if source.contains("\r\n") { "\r\n" } else { "\n" };
        Some(lines.join(end) + end)
    }

    /// What to paste by hand.
    pub(super) fn lines(&self) -> Vec<String> {
        self.import.iter().chain([&self.statement]).cloned().collect()
    }
}

/// After the last import before line `end`; without one, after the comment that opens the file.
fn put_import(lines: &mut Vec<String>, end: usize, import: &str) {
    let is_import =
        |line: &String| ["import ", "from ", "} from "].iter().any(|begin| line.starts_with(begin));
    match lines[..end].iter().rposition(is_import) {
        Some(last) => {
            // Python's may go on in parentheses.
            let open = lines[last].contains('(') && !lines[last].contains(')');
            let more = if open { lines[last..].iter().position(|line| line.contains(')')) } else { None };
            lines.insert(last + more.unwrap_or(0) + 1, import.to_owned());
        }
        None => {
            let gap =
                lines[..end].iter().position(|line| line.trim().is_empty()).map_or(0, |blank| blank + 1);
            lines.splice(gap..gap, [import.to_owned(), String::new()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(language: Language) -> Call {
        let package = "acme:shop".parse().unwrap();
        Call::greet(language, &package, "0.1.0", &"price-list".parse().unwrap(), &"shop".parse().unwrap())
    }

    #[test]
    fn comments_and_order_of_the_manifest_stay() {
        let manifest = "# mine\n[app]\nname = \"acme:shop\"\nroot = \"shop\" # the front\n\n[component.shop] # first\npath = \"shop\"\n";
        let name: ComponentName = "gate".parse().unwrap();
        let edited = add_component(manifest, &name, "path", "gate", Some(&name)).unwrap();
        assert_eq!(
            edited,
            "# mine\n[app]\nname = \"acme:shop\"\nroot = \"gate\" # the front\n\n[component.shop] # first\npath = \"shop\"\n\n[component.gate]\npath = \"gate\"\n"
        );
    }

    #[test]
    fn a_call_goes_above_the_marker_and_its_import_below_the_others() {
        let source = "\"\"\"Doc.\"\"\"\n\nimport sys\n\ndef answer():\n    lines = []\n    # jointer: calls of added parts stand above this line\n    return lines\n";
        assert_eq!(
            call(Language::Python).put_into(source).unwrap(),
            "\"\"\"Doc.\"\"\"\n\nimport sys\nfrom wit_world.imports import price_list_api\n\ndef answer():\n    lines = []\n    lines.append(price_list_api.greet(\"shop\"))\n    # jointer: calls of added parts stand above this line\n    return lines\n"
        );
    }

    #[test]
    fn an_import_over_several_lines_stays_whole() {
        let source =
            "from a import (\r\n    b,\r\n)\r\n\r\n# jointer: calls of added parts stand above this line\r\n";
        assert_eq!(
            call(Language::Python).put_into(source).unwrap(),
            "from a import (\r\n    b,\r\n)\r\nfrom wit_world.imports import price_list_api\r\n\r\nlines.append(price_list_api.greet(\"shop\"))\r\n# jointer: calls of added parts stand above this line\r\n"
        );
    }

    #[test]
    fn a_file_without_imports_gets_one_below_its_first_comment() {
        let source = "// Doc.\n\nexport const x = () => {\n  // jointer: calls of added parts stand above this line\n};\n";
        assert_eq!(
            call(Language::Javascript).put_into(source).unwrap(),
            "// Doc.\n\nimport { greet as priceListGreet } from 'acme:shop/price-list-api@0.1.0';\n\nexport const x = () => {\n  lines.push(priceListGreet('shop'));\n  // jointer: calls of added parts stand above this line\n};\n"
        );
    }

    #[test]
    fn without_the_marker_the_lines_are_there_to_paste() {
        let call = call(Language::Rust);
        assert_eq!(call.put_into("fn main() {}\n"), None);
        assert_eq!(call.lines(), ["lines.push(acme::shop::price_list_api::greet(\"shop\"));"]);
    }
}
