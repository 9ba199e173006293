//! What of an app is adapted, in `jointer.lock`: one `[[adapted]]` for each part that is, unless it only went from one
//! final version of WASI to another. Tables of other rooms are left alone.
//!
//! An adapter is code that nobody of the app wrote, so a change of it shows where a change of a package shows: in a
//! file that is committed. `--locked` refuses such a change.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, value};

use super::BuildError;
use crate::adapt::Step;
use crate::app::App;
use crate::error::{FileError, Result};
use crate::file;
use crate::name::ComponentName;

const TABLE: &str = "adapted";
const HEADER: &str = "# Written by jointer. Commit it: it pins what the app is built from.\n";

/// A part that is adapted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Adapted {
    component: ComponentName,
    from: Vec<String>,
    to: String,
    how: String,
    /// The version of the jointer that did it.
    jointer: String,
}

impl Adapted {
    fn new(component: &ComponentName, step: &Step) -> Self {
        let Step { from, to, how } = step.clone();
        Self { component: component.clone(), from, to, how, jointer: env!("CARGO_PKG_VERSION").to_owned() }
    }

    fn to_table(&self) -> Table {
        let mut table = Table::new();
        table["component"] = value(self.component.as_str());
        table["from"] = value(self.from.iter().collect::<Array>());
        table["to"] = value(&self.to);
        table["how"] = value(&self.how);
        table["jointer"] = value(&self.jointer);
        table
    }

    fn text(&self) -> String {
        let step = Step { from: self.from.clone(), to: self.to.clone(), how: self.how.clone() };
        format!("`{}` from {step} by jointer {}", self.component, self.jointer)
    }
}

#[derive(Deserialize)]
struct Tables {
    #[serde(default)]
    adapted: Vec<Adapted>,
}

/// `jointer.lock` as it is to be after a build.
#[derive(Debug)]
pub(super) struct Settled {
    path: Utf8PathBuf,
    /// `None`: as it is.
    text: Option<String>,
}

/// Compares what was adapted with what `jointer.lock` says. `done` has the parts that were built, with what was done
/// to them; `whole`, whether those are all that the app has.
///
/// # Errors
/// [`BuildError::NotAsLocked`] when `locked` and the file would change; [`BuildError::InvalidLock`].
pub(super) fn settle(
    app: &App,
    done: &BTreeMap<ComponentName, Option<Step>>,
    whole: bool,
    locked: bool,
) -> Result<Settled> {
    let path = app.lock_path();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(FileError::reading(&path, &error).into()),
    };
    let invalid = |reason: String| BuildError::InvalidLock { path: path.clone(), reason };
    let mut document: DocumentMut = text.parse().map_err(|error| invalid(format!("{error}")))?;
    let Tables { adapted: before } =
        toml::from_str(&text).map_err(|error| invalid(error.message().to_owned()))?;
    let kept = before.iter().filter(|one| !whole && !done.contains_key(&one.component)).cloned();
    let new = done.iter().filter_map(|(name, step)| {
        let step = step.as_ref().filter(|step| !step.is_between_releases())?;
        Some(Adapted::new(name, step))
    });
    let mut after: Vec<Adapted> = kept.chain(new).collect();
    after.sort_by(|a, b| a.component.cmp(&b.component));
    if after == before {
        return Ok(Settled { path, text: None });
    }
    if locked {
        return Err(BuildError::NotAsLocked { difference: difference(&before, &after) }.into());
    }
    let tables: ArrayOfTables = after.iter().map(Adapted::to_table).collect();
    match tables.is_empty() {
        true => drop(document.remove(TABLE)),
        false => drop(document.insert(TABLE, Item::ArrayOfTables(tables))),
    }
    let mut text = document.to_string();
    if !text.starts_with('#') {
        text = format!("{HEADER}{}{text}", if text.starts_with('\n') { "" } else { "\n" });
    }
    Ok(Settled { path, text: Some(text) })
}

/// The first part that is not adapted as it was.
fn difference(before: &[Adapted], after: &[Adapted]) -> String {
    let of = |list: &[Adapted], name: &ComponentName| list.iter().find(|one| one.component == *name).cloned();
    let names = before.iter().chain(after).map(|one| &one.component);
    let changed =
        names.map(|name| (of(before, name), of(after, name))).find(|(before, after)| before != after);
    match changed {
        Some((Some(before), Some(after))) => format!("{}, and it was {}", after.text(), before.text()),
        Some((None, Some(after))) => format!("{}, and the file does not say so", after.text()),
        Some((Some(before), None)) => {
            format!("`{}` is not any more, and it was {}", before.component, before.text())
        }
        // In another order, or a part twice.
        _ => "the entries are not as jointer writes them".to_owned(),
    }
}

impl Settled {
    /// Writes the file if it changes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self) -> Result<(), FileError> {
        self.text.as_ref().map_or(Ok(()), |text| file::write(&self.path, text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(dir: &tempfile::TempDir, lock: &str) -> App {
        let path = camino::Utf8Path::from_path(dir.path()).unwrap();
        std::fs::write(path.join("one.wasm"), "").unwrap();
        let manifest =
            "[app]\nname = \"acme:shop\"\nversion = \"1.0.0\"\n[component.one]\nfile = \"one.wasm\"\n";
        std::fs::write(path.join("jointer.toml"), manifest).unwrap();
        std::fs::write(path.join("jointer.lock"), lock).unwrap();
        App::load(path).unwrap()
    }

    fn step(from: &str) -> Step {
        Step { from: vec![from.to_owned()], to: "wasi@0.2.12".to_owned(), how: "wrapped".to_owned() }
    }

    fn parts(parts: &[(&str, Option<Step>)]) -> BTreeMap<ComponentName, Option<Step>> {
        parts.iter().map(|(name, step)| (name.parse().unwrap(), step.clone())).collect()
    }

    #[test]
    fn the_table_is_written_when_it_changes_and_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        let other = "# mine\n[[package]]\nname = \"a:b\" # and mine\n";
        let app = app(&dir, other);
        let text = || std::fs::read_to_string(app.lock_path()).unwrap();
        let settle = |done: &[(&str, Option<Step>)], whole, locked| settle(&app, &parts(done), whole, locked);
        assert!(settle(&[("one", None)], true, true).unwrap().text.is_none());
        let old = [("one", Some(step("0.2.0-rc-2023-11-10"))), ("two", None)];
        let refused = settle(&old, true, true).unwrap_err().to_string();
        assert!(refused.contains("0.2.0-rc-2023-11-10 to wasi@0.2.12 (wrapped)"), "{refused}");
        settle(&old, true, false).unwrap().write().unwrap();
        assert!(
            text().starts_with(other) && text().contains("from = [\"0.2.0-rc-2023-11-10\"]"),
            "{}",
            text()
        );
        assert!(settle(&old, true, true).unwrap().text.is_none());
        // A build of one part says nothing of the others.
        settle(&[("two", Some(step("0.2.0-rc-2023-10-18")))], false, false).unwrap().write().unwrap();
        assert!(text().contains("11-10") && text().contains("10-18"), "{}", text());
        settle(&[("one", None)], true, false).unwrap().write().unwrap();
        assert_eq!(text().trim(), other.trim());
    }

    #[test]
    fn a_file_that_jointer_did_not_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["[[adapted]]\ncomponent = 3\n", "[[adapted]\n"] {
            let app = app(&dir, text);
            let error = settle(&app, &parts(&[]), true, false).unwrap_err();
            assert!(error.to_string().contains("is not a valid lock file"), "{error}");
        }
    }
}
