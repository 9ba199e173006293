//! Measures which units are reproducible: builds an app twice more, in two other places.
//!
//! Each copy has a folder of its own at another depth, a cache without results, and another name for cargo's
//! home, so that no path and no earlier result can make two builds the same. What a guest tool gives differently
//! each time is then handed from one copy to the other, so that adapting and composing are measured with equal
//! inputs.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Serialize;

use super::cache::Cache;
use super::driver;
use super::inputs::normal;
use super::plan::{Plan, Unit, UnitWork};
use super::record::{REPRODUCIBLE, Record, UnitRecord};
use super::{Options, build, files, lock};
use crate::app::{App, Dirs};
use crate::digest::Digest;
use crate::error::{FileError, Result};
use crate::event::Reporter;

/// Folders that no build needs: version control, and what builds and tools made.
const LEFT_OUT: [&str; 7] = [".git", ".hg", ".jj", "target", "__pycache__", ".venv", ".mypy_cache"];

/// A unit that was built again in two other places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reproduced {
    /// Its name.
    pub unit: String,
    /// What does its work.
    pub with: String,
    /// Whether that promises the same bytes everywhere.
    pub promised: bool,
    /// Whether the results are the same.
    pub same: bool,
    /// The results: here, and in the two other places. The one here is left out where it was made of other
    /// inputs, because a guest tool had given something else.
    pub outputs: Vec<Digest>,
}

/// Builds `app` here and in two other places, compares every unit's results, and writes down what was found, so
/// that provenance can tell. In the plan's order.
///
/// # Errors
/// When a build fails, or a copy cannot be made.
pub fn reproduce(
    app: &App,
    dirs: &Dirs,
    options: &Options,
    reporter: &dyn Reporter,
) -> Result<Vec<Reproduced>> {
    build(app, dirs, options, reporter)?;
    let here = Record::read(&Record::path(app));
    let folder = tempfile::tempdir()
        .map_err(|error| FileError::writing(Utf8Path::new("a temporary folder"), &error))?;
    let root = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap_or_else(|path| {
        // The names of temporary folders are ASCII unless TMPDIR is not.
        path.to_string_lossy().into_owned().into()
    });
    let mut copies = Vec::new();
    for (number, place) in ["a", "another/place/further/down"].into_iter().enumerate() {
        reporter.note("Repeating", format!("the build in another folder ({} of 2)", number + 1));
        let copy = Copy::make(app, dirs, &here, &root.join(place), number)?;
        copy.build(options, reporter)?;
        copies.push(copy);
    }
    let plan = Plan::of(app, &[])?;
    if let [first, second] = copies.as_slice() {
        // What was given differently before is compared before it is replaced.
        let guests: BTreeMap<&str, Vec<Digest>> =
            plan.units.iter().map(|unit| (unit.name.as_str(), outputs(&unit.name, &copies))).collect();
        if second.take_results(first, &plan)? {
            second.build(options, reporter)?;
        }
        let measured: Vec<Reproduced> =
            plan.units.iter().filter_map(|unit| compare(unit, &here, &copies, &guests)).collect();
        write_down(app, dirs, here, &measured, reporter)?;
        return Ok(measured);
    }
    Ok(Vec::new())
}

fn outputs(unit: &str, copies: &[Copy]) -> Vec<Digest> {
    copies.iter().filter_map(|copy| Some(copy.record().units.get(unit)?.output)).collect()
}

/// Compares the results of a unit; `None` when its inputs were never the same.
fn compare(
    unit: &Unit,
    here: &Record,
    copies: &[Copy],
    guests: &BTreeMap<&str, Vec<Digest>>,
) -> Option<Reproduced> {
    let own = here.units.get(&unit.name)?;
    let again: Vec<UnitRecord> =
        copies.iter().filter_map(|copy| copy.record().units.remove(&unit.name)).collect();
    let [first, second] = again.as_slice() else { return None };
    let outputs = match &unit.work {
        UnitWork::Guest(_) => [&[own.output], guests.get(unit.name.as_str())?.as_slice()].concat(),
        _ if first.inputs != second.inputs => return None,
        _ if first.inputs != own.inputs => vec![first.output, second.output],
        _ => vec![own.output, first.output, second.output],
    };
    let promised = match &unit.work {
        UnitWork::Guest(project) => driver::of(&project.kind).promises(),
        UnitWork::Adapt(_) | UnitWork::Compose => true,
    };
    let same = outputs.windows(2).all(|pair| pair[0] == pair[1]);
    Some(Reproduced { unit: unit.name.clone(), with: unit.with().to_owned(), promised, same, outputs })
}

/// Keeps the findings with the results that they are about.
fn write_down(
    app: &App,
    dirs: &Dirs,
    mut here: Record,
    measured: &[Reproduced],
    reporter: &dyn Reporter,
) -> Result<()> {
    let _alone = lock::hold(&app.build_dir(), reporter)?;
    let cache = Cache::at(dirs.units());
    for found in measured {
        if let Some(unit) = here.units.get_mut(&found.unit) {
            unit.reproducible = Some(found.same);
            cache.note(unit.inputs, REPRODUCIBLE, found.same.into())?;
        }
    }
    Ok(here.write(&Record::path(app))?)
}

/// A copy of an app with everything that its builds read.
struct Copy {
    app: App,
    dirs: Dirs,
    cargo_home: Utf8PathBuf,
}

impl Copy {
    /// Below `root`, which is new.
    fn make(app: &App, dirs: &Dirs, here: &Record, root: &Utf8Path, number: usize) -> Result<Self> {
        let outside = outside(app, here);
        // As deep as the sources reach out of the app's folder, so that the copies of those stay below.
        let ups = outside.iter().map(|path| ups(path)).max().unwrap_or(0);
        let above = (0..ups).fold(root.join("sources"), |dir, level| dir.join(format!("up{level}")));
        let dir = above.join(app.dir.file_name().unwrap_or("app"));
        copy_folder(&app.dir, &dir, &app.build_dir())?;
        for path in &outside {
            let target = normal(&dir.join(path));
            files::create_folder(target.parent().unwrap_or(root))?;
            copy_file(&app.dir.join(path), &target)?;
        }
        let cache = root.join("cache");
        files::create_folder(&cache)?;
        link_all_but(&["units-v1", "cargo-v1"], dirs.cache(), &cache)?;
        let cargo_home = root.join(format!("cargo-{number}"));
        link(&driver::cargo_home(), &cargo_home)?;
        Ok(Self { app: App::load(&dir)?, dirs: Dirs::at(cache), cargo_home })
    }

    fn build(&self, options: &Options, reporter: &dyn Reporter) -> Result<()> {
        let options =
            Options { jobs: options.jobs, cargo_home: Some(self.cargo_home.clone()), ..Options::default() };
        build(&self.app, &self.dirs, &options, reporter).map(drop)
    }

    fn record(&self) -> Record {
        Record::read(&Record::path(&self.app))
    }

    /// Puts the other copy's results of guest builds in place of one's own, where they differ; whether any did.
    fn take_results(&self, other: &Self, plan: &Plan) -> Result<bool> {
        let (own, theirs) = (self.record(), other.record());
        let (into, from) = (Cache::at(self.dirs.units()), Cache::at(other.dirs.units()));
        let mut any = false;
        for unit in plan.units.iter().filter(|unit| matches!(unit.work, UnitWork::Guest(_))) {
            let (Some(own), Some(theirs)) = (own.units.get(&unit.name), theirs.units.get(&unit.name)) else {
                continue;
            };
            if own.output == theirs.output {
                continue;
            }
            if let (Some(entry), Some(bytes)) = (from.find(theirs.inputs), from.read(theirs.output)?) {
                into.replace(own.inputs, &bytes, &entry)?;
                any = true;
            }
        }
        Ok(any)
    }
}

/// Files outside of the app's folder that a build read, relative to it: not the machine's own.
fn outside(app: &App, here: &Record) -> Vec<Utf8PathBuf> {
    let home = driver::cargo_home();
    let depth = app.dir.components().count() - 1;
    let read = here.units.values().flat_map(UnitRecord::files_read).map(Utf8PathBuf::from);
    let mut found: Vec<Utf8PathBuf> = read
        .filter(|path| (1..depth).contains(&ups(path)))
        .filter(|path| !normal(&app.dir.join(path)).starts_with(&home))
        .collect();
    found.sort();
    found.dedup();
    found
}

fn ups(path: &Utf8Path) -> usize {
    path.components().take_while(|part| part.as_str() == "..").count()
}

fn copy_file(from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
    std::fs::copy(from, to).map(drop).map_err(|error| FileError::reading(from, &error))
}

/// Copies a folder but for `skip` and what no build needs. Links stay links.
fn copy_folder(from: &Utf8Path, to: &Utf8Path, skip: &Utf8Path) -> Result<(), FileError> {
    files::create_folder(to)?;
    let failed = |error: &std::io::Error| FileError::reading(from, error);
    for entry in from.read_dir_utf8().map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(|error| failed(&error))?;
        if kind.is_symlink() {
            let aim = path.read_link_utf8().map_err(|error| failed(&error))?;
            link(&aim, &target)?;
        } else if kind.is_dir() {
            if path != skip && !LEFT_OUT.contains(&entry.file_name()) {
                copy_folder(path, &target, skip)?;
            }
        } else if kind.is_file() {
            copy_file(path, &target)?;
        }
    }
    Ok(())
}

fn link_all_but(names: &[&str], from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
    let entries = from.read_dir_utf8().map_err(|error| FileError::reading(from, &error))?;
    for entry in entries.flatten().filter(|entry| !names.contains(&entry.file_name())) {
        link(entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn link(aim: &Utf8Path, at: &Utf8Path) -> Result<(), FileError> {
    std::os::unix::fs::symlink(aim, at).map_err(|error| FileError::writing(at, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_sources_and_not_what_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
        for file in ["app/a/lib.rs", "app/a/target/x", "app/build/y", "app/.git/HEAD", "app/deep/build/z"] {
            std::fs::create_dir_all(dir.join(file).parent().unwrap()).unwrap();
            std::fs::write(dir.join(file), file).unwrap();
        }
        std::os::unix::fs::symlink("a/lib.rs", dir.join("app/link")).unwrap();
        copy_folder(&dir.join("app"), &dir.join("copy"), &dir.join("app/build")).unwrap();
        let there = |path: &str| dir.join("copy").join(path).exists();
        assert!(there("a/lib.rs") && there("deep/build/z") && there("link"));
        assert!(!there("a/target") && !there("build") && !there(".git"));
        assert!(dir.join("copy/link").is_symlink());
    }

    #[test]
    fn ways_up_are_counted() {
        assert_eq!(ups("../../lib/x".into()), 2);
        assert_eq!(ups("lib/../x".into()), 0);
    }
}
