//! `jointer build` from outside: what it starts, what it leaves, how it stops.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Ran, TestEnv, copy_folder};

/// All paths below `dir` but those that jointer owns.
fn sources(dir: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut left = vec![dir.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(&folder).expect("folder") {
            let path = entry.expect("entry").path();
            if path == dir.join("build") {
                continue;
            }
            if path.is_dir() {
                left.push(path.clone());
            }
            found.insert(path.strip_prefix(dir).expect("below").to_owned());
        }
    }
    found
}

/// An environment with an empty cache but for the guest tools.
struct Fresh {
    env: TestEnv,
    cache: PathBuf,
}

impl Fresh {
    fn with(app: &str) -> Self {
        let env = TestEnv::new();
        env.copy(Path::new("tests/apps").join(app), "app");
        let cache = env.path("cache");
        fs::create_dir_all(&cache).expect("cache");
        // Tools take long to install, and cargo long to compile the macros: both are not what is tested.
        for shared in ["tools-v1", "cargo-v1"] {
            let from = TestEnv::cache().join(shared);
            fs::create_dir_all(&from).expect("shared");
            std::os::unix::fs::symlink(from, cache.join(shared)).expect("link");
        }
        Self { env, cache }
    }

    fn app(&self) -> PathBuf {
        self.env.path("app")
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.env.command(args);
        command.current_dir(self.app()).env("JOINTER_CACHE", &self.cache);
        command
    }

    fn jointer(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().expect("jointer starts"))
    }

    fn output(&self) -> Vec<u8> {
        let name = fs::read_to_string(self.app().join("jointer.toml")).expect("manifest");
        let name = name.split("name = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("a name");
        fs::read(self.app().join(format!("build/{}.wasm", name.replace("test:", "")))).expect("the component")
    }

    /// A build in the background, as soon as a guest tool of it runs.
    fn building(&self) -> Child {
        let mut command = self.command(&["build"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("jointer starts");
        wait_until("a guest tool runs", || !self.guests().is_empty());
        child
    }

    /// Processes of guest builds of this app: each is given a folder for temporary files in it.
    fn guests(&self) -> Vec<u32> {
        let mark = format!("TMPDIR={}", self.app().canonicalize().expect("app").join("build/tmp").display());
        let processes = fs::read_dir("/proc").expect("/proc").flatten();
        let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        numbers
            .filter(|process| {
                let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
                environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(mark.as_bytes()))
            })
            .collect()
    }
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(120), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn send(signal: &str, process: u32) {
    let sent = std::process::Command::new("kill").args([signal, &process.to_string()]).status();
    assert!(sent.expect("kill").success());
}

#[test]
fn a_build_leaves_nothing_in_the_sources_and_a_second_one_starts_nothing() {
    let Some(strace) = crate::tools::strace() else { return };
    for app in ["rust", "python", "javascript"] {
        let fresh = Fresh::with(app);
        let before = sources(&fresh.app());
        fresh.jointer(&["build"]).success();
        assert_eq!(sources(&fresh.app()), before, "{app}");
        assert!(!fresh.app().join("build/tmp").exists(), "{app}: temporary files");
        let first = fresh.output();
        let log = fresh.env.path("trace.log");
        let jointer = fresh.command(&["build"]);
        let mut traced = std::process::Command::new(&strace);
        traced.args(["-f", "-qq", "-e", "trace=execve,execveat", "-o"]).arg(&log).arg(jointer.get_program());
        traced.args(jointer.get_args()).current_dir(fresh.app()).env_clear();
        traced.envs(jointer.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Ran::from(traced.output().expect("strace starts")).success();
        let started = fs::read_to_string(&log).expect("log");
        assert_eq!(started.lines().filter(|line| line.contains("exec")).count(), 1, "{app}: {started}");
        assert_eq!(fresh.output(), first, "{app}: the first result stays");
    }
}

#[test]
fn what_was_cleaned_away_comes_back_out_of_the_cache() {
    let fresh = Fresh::with("rust");
    fresh.jointer(&["build"]).success();
    let first = fresh.output();
    fresh.jointer(&["clean"]).success();
    assert!(!fresh.app().join("build").exists());
    let ran = fresh.jointer(&["build", "--explain"]).success();
    assert!(ran.stderr.contains("Fresh hello") && !ran.stderr.contains("Building"), "{}", ran.stderr);
    assert_eq!(fresh.output(), first);
}

#[test]
fn an_app_may_be_moved_and_stays_fresh() {
    let fresh = Fresh::with("rust");
    fresh.jointer(&["build"]).success();
    let elsewhere = fresh.env.path("elsewhere/deeper");
    copy_folder(&fresh.app(), &elsewhere);
    fs::remove_dir_all(elsewhere.join("build")).expect("build");
    let mut command = fresh.command(&["build", "--explain"]);
    let ran = Ran::from(command.current_dir(&elsewhere).output().expect("jointer starts")).success();
    assert!(ran.stderr.contains("Fresh hello"), "{}", ran.stderr);
}

#[test]
fn a_damaged_result_in_the_cache_is_built_again() {
    let fresh = Fresh::with("rust");
    fresh.jointer(&["build"]).success();
    let good = fresh.output();
    let mut blobs = Vec::new();
    let mut left = vec![fresh.cache.join("units-v1/blobs")];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).expect("blobs").flatten() {
            if entry.path().is_dir() { left.push(entry.path()) } else { blobs.push(entry.path()) }
        }
    }
    assert!(!blobs.is_empty());
    for blob in blobs {
        let mut bytes = fs::read(&blob).expect("blob");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&blob, bytes).expect("damage");
    }
    fs::remove_dir_all(fresh.app().join("build/parts")).expect("parts");
    fs::remove_file(fresh.app().join("build/rust.wasm")).expect("output");
    fresh.jointer(&["build"]).success();
    assert_eq!(fresh.output(), good, "cargo gives the same bytes again");
}

#[test]
fn a_stopped_build_leaves_no_child() {
    for signal in ["-INT", "-TERM"] {
        let fresh = Fresh::with("python");
        let mut child = fresh.building();
        send(signal, child.id());
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(130), "{signal}");
        wait_until("all guests are gone", || fresh.guests().is_empty());
        assert!(!fresh.app().join("build/python.wasm").exists(), "{signal}: half a build");
        assert!(!fresh.app().join("build/tmp").exists(), "{signal}: temporary files");
    }
}

#[test]
fn a_build_after_one_that_was_killed_goes_on() {
    let fresh = Fresh::with("python");
    let mut child = fresh.building();
    child.kill().expect("kill -9");
    child.wait().expect("it ends");
    fresh.jointer(&["build"]).success();
    assert!(!fresh.output().is_empty());
    assert!(!fresh.app().join("build/tmp").exists(), "what the killed one left");
}

#[test]
fn builds_of_one_app_at_the_same_time_agree() {
    let fresh = Fresh::with("javascript");
    let children: Vec<Child> = (0..3)
        .map(|_| {
            let mut command = fresh.command(&["build"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("jointer starts")
        })
        .collect();
    let ran: Vec<Ran> =
        children.into_iter().map(|child| Ran::from(child.wait_with_output().expect("it ends"))).collect();
    let built =
        ran.into_iter().map(Ran::success).filter(|ran| ran.stderr.contains("Building greeter")).count();
    assert_eq!(built, 1, "one builds, the others find its result");
}

#[test]
fn two_apps_with_one_cache_keep_one_result() {
    let fresh = Fresh::with("javascript");
    let other = fresh.env.path("other");
    copy_folder(&fresh.app(), &other);
    let spawn = |dir: &Path| {
        let mut command = fresh.command(&["build"]);
        command.current_dir(dir).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts")
    };
    let (one, two) = (spawn(&fresh.app()), spawn(&other));
    Ran::from(one.wait_with_output().expect("ends")).success();
    Ran::from(two.wait_with_output().expect("ends")).success();
    // Each may have built its own; the next build gives both the one that was kept.
    fresh.jointer(&["build"]).success();
    Ran::from(fresh.command(&["build"]).current_dir(&other).output().expect("starts")).success();
    assert_eq!(fs::read(other.join("build/javascript.wasm")).expect("component"), fresh.output());
}

#[test]
fn composing_the_same_parts_gives_the_same_bytes_in_any_order() {
    let fresh = Fresh::with("rust");
    fresh.jointer(&["build"]).success();
    let part = fs::read(fresh.app().join("build/parts/hello.wasm")).expect("part");
    let compose = |name: &str, components: [&str; 2]| {
        let dir = fresh.env.path(name);
        fs::create_dir_all(&dir).expect("folder");
        fs::write(dir.join("hello.wasm"), &part).expect("part");
        fs::write(dir.join("other.wasm"), &part).expect("part");
        let tables = components.map(|name| format!("[component.{name}]\nfile = \"{name}.wasm\"\n"));
        let text = format!("[app]\nname = \"test:files\"\nroot = \"hello\"\n{}", tables.join(""));
        fs::write(dir.join("jointer.toml"), text).expect("manifest");
        let cache = fresh.env.path(format!("cache-{name}"));
        let mut command = fresh.command(&["build"]);
        command.current_dir(&dir).env("JOINTER_CACHE", cache);
        let ran = Ran::from(command.output().expect("starts")).success();
        assert!(ran.stderr.contains("build::unreached"), "{}", ran.stderr);
        fs::read(dir.join("build/files.wasm")).expect("component")
    };
    assert_eq!(compose("one", ["hello", "other"]), compose("two", ["other", "hello"]));
}

#[test]
fn a_part_may_be_built_alone_and_the_result_written_elsewhere() {
    let fresh = Fresh::with("rust");
    let ran = fresh.jointer(&["build", "-c", "hello"]).success();
    assert_eq!(ran.stdout.trim(), "build/parts/hello.wasm");
    assert!(!fresh.app().join("build/rust.wasm").exists());
    fresh.jointer(&["build", "-c", "helo"]).ended_with(2).code("build::unknown_component");
    fresh.jointer(&["build", "-o", "out/app.wasm"]).success();
    assert_eq!(fs::read(fresh.app().join("out/app.wasm")).expect("a copy"), fresh.output());
}

#[test]
fn programs_read_events_and_the_answer_as_json() {
    let fresh = Fresh::with("rust");
    let ran = fresh.jointer(&["build", "--explain", "--format", "json"]).success();
    let answer: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(answer["parts"][0]["name"], "hello");
    assert_eq!(answer["parts"][0]["language"], "rust");
    let events: Vec<serde_json::Value> =
        ran.stderr.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for reason in ["dirty", "started", "output", "finished"] {
        assert!(events.iter().any(|event| event["reason"] == reason), "no {reason}: {events:?}");
    }
}
