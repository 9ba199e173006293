//! What makes a guest build dirty and what does not, for each driver: `tests/apps/DRIVER` is an app and
//! `edits.toml` in it a table of edits.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use crate::support::{Ran, TestEnv};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// The unit that is looked at.
    unit: String,
    /// Done before the first build: a folder is moved.
    #[serde(rename = "move")]
    moved: Option<(PathBuf, PathBuf)>,
    edit: Vec<Edit>,
}

/// One edit of a built app. Exactly one of the verbs; without `dirty` the unit must stay fresh.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Edit {
    append: Option<PathBuf>,
    create: Option<PathBuf>,
    remove: Option<PathBuf>,
    touch: Option<PathBuf>,
    /// Other content of the same size, with a modification time of long ago.
    older: Option<PathBuf>,
    /// The file becomes a link to a file outside of the app, whose content then changes.
    link: Option<PathBuf>,
    replace: Option<(PathBuf, String, String)>,
    variable: Option<String>,
    dirty: Option<String>,
}

impl Edit {
    fn path(&self) -> Option<&PathBuf> {
        let replaced = self.replace.as_ref().map(|(path, _, _)| path);
        let paths = [&self.append, &self.create, &self.remove, &self.touch, &self.older, &self.link];
        paths.into_iter().find_map(Option::as_ref).or(replaced)
    }

    fn apply(&self, env: &TestEnv) {
        let Some(path) = self.path().map(|path| env.path(path)) else { return };
        let text = fs::read_to_string(&path).unwrap_or_default();
        let now = || fs::File::options().write(true).open(&path).expect("open");
        if self.append.is_some() {
            fs::write(&path, text + "\n").expect("append");
        } else if self.create.is_some() {
            fs::create_dir_all(path.parent().expect("folder")).expect("folders");
            fs::write(&path, "# new\n").expect("create");
        } else if self.remove.is_some() {
            fs::remove_file(&path).expect("remove");
        } else if self.touch.is_some() {
            now().set_modified(SystemTime::now() + Duration::from_secs(60)).expect("touch");
        } else if self.older.is_some() {
            fs::write(&path, text.to_uppercase()).expect("write");
            now().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)).expect("older");
        } else if self.link.is_some() {
            let target = env.write("outside/target", &text);
            fs::remove_file(&path).expect("remove");
            std::os::unix::fs::symlink(&target, &path).expect("link");
        } else if let Some((_, from, to)) = &self.replace {
            assert!(text.contains(from.as_str()), "nothing to replace: {self:?}");
            fs::write(&path, text.replace(from, to)).expect("replace");
        }
    }
}

/// A file before an edit, put back after it.
struct Before {
    path: PathBuf,
    bytes: Option<Vec<u8>>,
}

impl Before {
    fn of(path: PathBuf) -> Self {
        let bytes = fs::read(&path).ok();
        Self { path, bytes }
    }

    fn restore(&self) {
        let _ = fs::remove_file(&self.path);
        if let Some(bytes) = &self.bytes {
            fs::write(&self.path, bytes).expect("restore");
        }
    }
}

/// What is said of a unit: `None` for fresh, else why it is dirty.
fn said_of(unit: &str, ran: &Ran) -> Option<String> {
    let dirty = format!("Dirty {unit}: ");
    for line in ran.stderr.lines().map(str::trim) {
        if line == format!("Fresh {unit}") {
            return None;
        }
        if let Some(why) = line.strip_prefix(&dirty) {
            return Some(why.to_owned());
        }
    }
    panic!("nothing is said of `{unit}`:\n{}", ran.stderr);
}

fn explain(env: &TestEnv, app: &Path, variables: &[(&str, &str)]) -> Ran {
    let mut command = env.command(["build", "--dry-run"]);
    command.current_dir(app).envs(variables.iter().copied());
    Ran::from(command.output().expect("jointer starts")).success()
}

/// Builds the app of a driver once and plays its table of edits. A dry run asks the fingerprint, the
/// record and the cache as a build does, and builds nothing.
fn edits_of(driver: &str) {
    let env = TestEnv::new();
    let from = Path::new("tests/apps").join(driver);
    let app = env.copy(&from, ".");
    let table: Table = toml::from_str(&env.read("edits.toml")).expect("a table of edits");
    fs::remove_file(app.join("edits.toml")).expect("no part of the app");
    if driver == "command" {
        env.write("component.wasm", component());
    }
    if let Some((from, to)) = &table.moved {
        fs::rename(app.join(from), app.join(to)).expect("move");
    }
    env.jointer(["build"]).success();
    let state = |variables: &[(&str, &str)]| said_of(&table.unit, &explain(&env, &app, variables));
    assert_eq!(state(&[]), None, "right after the build");
    let mut wrong = Vec::new();
    for edit in &table.edit {
        let before = edit.path().map(|path| Before::of(app.join(path)));
        edit.apply(&env);
        if edit.link.is_some() {
            assert_eq!(state(&[]), None, "the link has the same content: {edit:?}");
            env.write("outside/target", "something else\n");
        }
        let variables = edit.variable.as_ref().map(|name| (name.as_str(), "changed"));
        let now = state(variables.as_slice());
        if now != edit.dirty {
            wrong.push(format!("{edit:?}\n  said: {now:?}"));
        }
        if let Some(before) = before {
            before.restore();
        }
        let after = state(&[]);
        if after.is_some() {
            wrong.push(format!("not fresh again after {edit:?}: {after:?}"));
        }
    }
    assert!(wrong.is_empty(), "{driver}:\n{}", wrong.join("\n"));
}

/// A component that needs no tool.
fn component() -> Vec<u8> {
    let text = r#"(component (core module $m (func (export "f") (result i32) i32.const 7))
        (core instance $i (instantiate $m))
        (func $f (result u32) (canon lift (core func $i "f")))
        (instance $x (export "f" (func $f)))
        (export "test:made/x" (instance $x)))"#;
    wat::parse_str(text).expect("a component")
}

#[test]
fn edits_of_a_rust_app() {
    edits_of("rust");
}

#[test]
fn edits_of_a_python_app() {
    edits_of("python");
}

#[test]
fn edits_of_a_javascript_app() {
    edits_of("javascript");
}

#[test]
fn edits_of_a_typescript_app() {
    edits_of("typescript");
}

#[test]
fn edits_of_an_app_with_its_own_command() {
    edits_of("command");
}

/// The result really is another one after an edit outside of the component, although the file that
/// changed is older than everything that cargo has built.
#[test]
fn a_file_replaced_by_an_older_one_is_built_in() {
    let env = TestEnv::new();
    env.copy("tests/apps/rust", ".");
    let built = || fs::read(env.path("build/rust.wasm")).expect("the component");
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    env.jointer(["build"]).success();
    assert!(holds(&built(), "some words"));
    let words = env.write("hello/src/words.rs", "pub const WORDS: &str = \"other word\";\n");
    let file = fs::File::options().write(true).open(&words).expect("open");
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)).expect("older");
    env.jointer(["build"]).success();
    assert!(holds(&built(), "other word") && !holds(&built(), "some words"));
    // And back: out of the cache, without cargo.
    env.copy("tests/apps/rust/hello/src", "hello/src");
    let again = env.jointer(["build"]).success();
    assert!(!again.stderr.contains("Building hello"), "{}", again.stderr);
    assert!(holds(&built(), "some words"));
}

/// Every file of the app that any process of a build opens is in some unit's fingerprint.
#[test]
fn whatever_a_guest_build_opens_is_fingerprinted() {
    let Some(strace) = crate::tools::strace() else { return };
    for (driver, app) in [("rust", "rust"), ("python", "python"), ("javascript", "javascript")] {
        let env = TestEnv::new();
        let app = env.copy(Path::new("tests/apps").join(app), "app");
        let log = env.path("trace.log");
        let jointer = env.command(["build"]);
        let mut traced = std::process::Command::new(&strace);
        traced.args(["-f", "-qq", "-y", "-s", "4096", "-e", "trace=open,openat,openat2", "-o"]).arg(&log);
        traced.arg(jointer.get_program()).args(jointer.get_args()).current_dir(&app).env_clear();
        traced.envs(jointer.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let cache = env.path("cache-of-its-own");
        let tools = TestEnv::cache().join("tools-v1");
        fs::create_dir_all(&cache).expect("cache");
        if tools.is_dir() {
            std::os::unix::fs::symlink(tools, cache.join("tools-v1")).expect("tools");
        }
        let ran = Ran::from(traced.env("JOINTER_CACHE", &cache).output().expect("strace starts"));
        let ran = ran.success();
        assert!(ran.stderr.contains("Building"), "{driver} was not built: {}", ran.stderr);
        let known = fingerprinted(&app);
        let opened = opened_below(&app.canonicalize().expect("app"), &fs::read_to_string(&log).expect("log"));
        assert!(opened.len() > 2, "{driver}: the trace was not read: {opened:?}");
        let strange: Vec<_> = opened.iter().filter(|path| !known.contains(*path)).collect();
        assert!(strange.is_empty(), "{driver}: opened but not fingerprinted: {strange:?}\nknown: {known:?}");
    }
}

/// The files of all units in the record, and what every unit depends on through the plan.
fn fingerprinted(app: &Path) -> Vec<String> {
    let record = fs::read_to_string(app.join("build/record.json")).expect("a record");
    let record: serde_json::Value = serde_json::from_str(&record).expect("JSON");
    let mut known = vec!["jointer.toml".to_owned(), "jointer.lock".to_owned()];
    let mut worlds = false;
    for unit in record["units"].as_object().expect("units").values() {
        for input in unit["reads"].as_object().expect("reads").keys() {
            known.extend(input.strip_prefix("file ").map(str::to_owned));
            worlds |= input.starts_with("world ");
        }
    }
    if worlds {
        known.push("wit/world.wit".to_owned());
    }
    known
}

/// Regular files below `app` that were opened, relative to it, but for what jointer itself made.
fn opened_below(app: &Path, log: &str) -> Vec<String> {
    let mut opened: BTreeMap<String, ()> = BTreeMap::new();
    for line in log.lines() {
        // 123 openat(AT_FDCWD</x>, "file", O_RDONLY) = 3</x/file>
        let Some((_, result)) = line.rsplit_once(" = ") else { continue };
        let Some((_, path)) = result.trim_end_matches('>').split_once('<') else { continue };
        let Ok(inside) = Path::new(path).strip_prefix(app) else { continue };
        if inside.starts_with("build") || !app.join(inside).is_file() {
            continue;
        }
        opened.insert(inside.to_str().expect("a plain name").to_owned(), ());
    }
    opened.into_keys().collect()
}
