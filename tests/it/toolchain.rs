//! Guest tools are found or provisioned: really, from the registries that this machine uses.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Ran, TestEnv};

/// An app in Python, with a cache of its own, that may use no tools of the system.
struct Fresh {
    env: TestEnv,
}

impl Fresh {
    fn new() -> Self {
        let env = TestEnv::new();
        env.write("jointer.toml", "[app]\nname = \"a:b\"\n[component.hello]\npath = \"hello\"\n");
        env.write("hello/app.py", "");
        env.write("hello/pyproject.toml", "[project]\nname = \"hello\"\nversion = \"0.1.0\"\n");
        Self { env }
    }

    fn doctor(&self, args: &[&str]) -> Command {
        let mut command = self.env.command([&["doctor"], args].concat());
        command.env("JOINTER_CACHE", self.cache()).env("JOINTER_TOOLS", "provisioned");
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.doctor(args).output().expect("jointer starts"))
    }

    fn cache(&self) -> PathBuf {
        self.env.path("cache")
    }

    /// What is in the bundle's folder, without lock files.
    fn installed(&self) -> Vec<String> {
        let bundle = self.cache().join("tools-v1/2026.11");
        let Ok(entries) = std::fs::read_dir(bundle) else { return Vec::new() };
        let names = entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|name| !name.ends_with(".lock")).collect();
        names.sort();
        names
    }
}

fn rows(ran: &Ran) -> Vec<serde_json::Value> {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
}

fn row(rows: &[serde_json::Value], tool: &str) -> serde_json::Value {
    rows.iter().find(|row| row["tool"] == tool).expect("a row for each tool").clone()
}

const SET: &str = "componentize-py-0.25.1";

#[test]
fn doctor_says_what_is_missing_and_mends_what_the_app_needs() {
    let fresh = Fresh::new();
    let before = fresh.run(&[]).ended_with(1);
    assert!(
        before.stdout.contains("download componentize-py 0.25.1 (17.1 MB, 48.6 MB on disk)"),
        "{}",
        before.stdout
    );
    assert_eq!(fresh.installed(), [""; 0]);

    let mended = fresh.run(&["--fix"]).success();
    assert!(mended.stderr.contains("Installed componentize-py 0.25.1"), "{}", mended.stderr);
    assert_eq!(fresh.installed(), [SET], "nothing else was installed");

    let after = rows(&fresh.run(&["--format", "json"]).success());
    let python = row(&after, "componentize-py");
    assert_eq!((&python["version"], &python["origin"]), (&"0.25.1".into(), &"provisioned".into()));
    assert!(python["path"].as_str().is_some_and(|path| path.starts_with(fresh.cache().to_str().unwrap())));
    assert_eq!(row(&after, "jco")["needed"], false);

    let again = fresh.run(&["--fix"]).success();
    assert!(!again.stderr.contains("Installed"), "{}", again.stderr);
}

#[test]
fn two_jointers_on_one_empty_cache_install_once() {
    let fresh = Fresh::new();
    let start = || {
        let mut command = fresh.doctor(&["--fix"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("jointer starts")
    };
    let both =
        [start(), start()].map(|child| Ran::from(child.wait_with_output().expect("it ends")).success());
    let installed = both.iter().filter(|ran| ran.stderr.contains("Installed componentize-py")).count();
    assert_eq!(installed, 1, "{}\n{}", both[0].stderr, both[1].stderr);
    assert_eq!(fresh.installed(), [SET]);
}

#[test]
fn a_jointer_killed_half_way_leaves_nothing_that_counts() {
    let fresh = Fresh::new();
    let mut child =
        fresh.doctor(&["--fix"]).stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("starts");
    let begun = Instant::now();
    while fresh.installed().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never began");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("kill -9");
    child.wait().expect("it ends");
    let left = fresh.installed();
    assert!(left.iter().all(|name| name.starts_with('.')), "{left:?}");
    fresh.run(&[]).ended_with(1);
    fresh.run(&["--fix"]).success();
    fresh.run(&[]).success();
    assert!(fresh.installed().contains(&SET.to_owned()));
}

#[test]
fn a_package_that_is_not_the_pinned_one_is_refused() {
    let fresh = Fresh::new();
    let platform = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("macos", "aarch64") => "macosx_11_0_arm64",
        ("macos", _) => "macosx_10_12_x86_64",
        (_, "aarch64") => "manylinux_2_28_aarch64",
        _ => "manylinux_2_28_x86_64",
    };
    fresh
        .env
        .write(format!("mirror/componentize_py-0.25.1-cp39-abi3-{platform}.whl"), "not what it should be");
    let mut command = fresh.doctor(&["--fix"]);
    command.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", fresh.env.path("mirror"));
    let ran = Ran::from(command.output().expect("starts")).ended_with(6).code("toolchain::wrong_hash");
    assert!(ran.stderr.contains("Expected sha256") && ran.stderr.contains("Got"), "{}", ran.stderr);
    assert_eq!(fresh.installed(), [""; 0]);
}

#[test]
fn an_index_that_does_not_answer_is_named_as_the_cause() {
    let fresh = Fresh::new();
    let mut command = fresh.doctor(&["--fix"]);
    // Port 9 of the loopback: nobody listens there.
    command.env("PIP_INDEX_URL", "http://127.0.0.1:9/simple").env("PIP_RETRIES", "1");
    for name in ["PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "HTTP_PROXY", "http_proxy"] {
        command.env_remove(name);
    }
    let ran = Ran::from(command.output().expect("starts")).ended_with(7).code("toolchain::unreachable");
    assert!(ran.stderr.contains("Connection refused"), "{}", ran.stderr);
    assert!(ran.stderr.contains("jointer doctor --fix"), "{}", ran.stderr);
    assert_eq!(fresh.installed(), [""; 0]);
}

#[test]
fn quickjs_alone_is_small_and_its_registry_is_explained() {
    let fresh = Fresh::new();
    fresh.env.write(
        "jointer.toml",
        "[app]\nname = \"a:b\"\n[component.hello]\npath = \"hello\"\nlanguage = \"javascript\"\nengine = \"quickjs\"\n",
    );
    fresh.env.write("hello/package.json", "{}");
    let doctor = |args: &[&str], registry: Option<&str>| {
        let mut command = fresh.doctor(args);
        // Node of the system may be used here: it is presupposed on no machine, but downloading it is
        // another test's business.
        command.env_remove("JOINTER_TOOLS").env("npm_config_cache", fresh.env.path("npm"));
        if let Some(registry) = registry {
            command.env("npm_config_registry", registry).env("npm_config_fetch_retries", "1");
        }
        Ran::from(command.output().expect("starts"))
    };
    let refused =
        doctor(&["--fix"], Some("http://127.0.0.1:9/")).ended_with(7).code("toolchain::unreachable");
    assert!(refused.stderr.contains("ECONNREFUSED"), "{}", refused.stderr);
    doctor(&["--fix"], None).success();
    let after = rows(&doctor(&["--format", "json"], None).success());
    assert_eq!(row(&after, "componentize-qjs")["origin"], "provisioned");
    assert_eq!(row(&after, "jco")["version"], serde_json::Value::Null);
}

#[test]
fn tools_of_another_version_on_the_path_are_not_used() {
    let fresh = Fresh::new();
    let decoy = |name: &str, says: &str| {
        let path = fresh.env.write(format!("decoys/{name}"), format!("#!/bin/sh\necho '{says}'\n"));
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("mode");
    };
    decoy("node", "18.20.4\n/bin/sh");
    let path = format!("{}:{}", fresh.env.path("decoys").display(), std::env::var("PATH").expect("PATH"));
    let look = || {
        let mut command = fresh.doctor(&["--format", "json"]);
        command.env("PATH", &path).env_remove("JOINTER_TOOLS");
        rows(&Ran::from(command.output().expect("starts")))
    };
    decoy("componentize-py", "componentize-py 0.24.0");
    let rows = look();
    assert_ne!(row(&rows, "node")["version"], "18.20.4");
    let is_decoy = |tool: &serde_json::Value| {
        tool["path"].as_str().is_some_and(|path| Path::new(path).starts_with(fresh.env.path("decoys")))
    };
    assert!(!is_decoy(&row(&rows, "componentize-py")) && !is_decoy(&row(&rows, "node")), "{rows:?}");
    // The same file with the pinned version is used: only the version kept it out.
    decoy("componentize-py", "componentize-py 0.25.1");
    let found = row(&look(), "componentize-py");
    assert!(is_decoy(&found) && found["origin"] == "system", "{found}");
}

/// Slow, so only with `JOINTER_FULL=1`: needs apt with a Debian archive, and crates.
#[test]
fn rust_std_is_built_from_the_distribution_where_rustup_has_none() {
    if std::env::var_os("JOINTER_FULL").is_none() {
        return;
    }
    let fresh = Fresh::new();
    fresh.env.write("jointer.toml", "[app]\nname = \"a:b\"\n[component.hello]\npath = \"hello\"\n");
    std::fs::remove_dir_all(fresh.env.path("hello")).expect("removed");
    fresh
        .env
        .write("hello/Cargo.toml", "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    fresh.env.write("hello/src/main.rs", "fn main() { println!(\"{:?}\", std::env::args()); }");
    let bare = fresh.env.path("bare");
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().expect("rustc").stdout;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot).trim());
    // The same compiler without any WebAssembly target: links where that is possible.
    let script = "mkdir -p \"$2/lib/rustlib\" && cd \"$1\" && { cp -al bin \"$2\" || cp -a bin \"$2\"; } && \
                  for f in lib/* lib/rustlib/*; do case $f in lib/rustlib|*wasm32*) ;; \
                  *) cp -al $f \"$2/$f\" 2>/dev/null || cp -a $f \"$2/$f\" ;; esac; done";
    let copied = Command::new("sh").args(["-c", script, "sh"]).arg(&sysroot).arg(&bare).status().expect("sh");
    assert!(copied.success());
    let doctor = |args: &[&str]| {
        let mut command = fresh.doctor(args);
        command.env("RUSTUP_TOOLCHAIN", &bare);
        Ran::from(command.output().expect("starts"))
    };
    doctor(&[]).ended_with(1);
    doctor(&["--fix"]).success();
    let after = rows(&doctor(&["--format", "json"]).success());
    assert_eq!(row(&after, "cargo")["origin"], "provisioned");
    let launcher = std::fs::read_dir(fresh.cache().join("tools-v1/2026.11")).expect("bundle");
    let launcher =
        launcher.map(|entry| entry.expect("entry").path().join("bin/rustc")).find(|path| path.exists());
    let built = Command::new("cargo")
        .args(["build", "--quiet", "--release", "--target", "wasm32-wasip2"])
        .current_dir(fresh.env.path("hello"))
        .env("RUSTC", launcher.expect("a launcher"))
        .env("RUSTUP_TOOLCHAIN", &bare)
        .status();
    assert!(built.expect("cargo").success());
    let component = fresh.env.path("hello/target/wasm32-wasip2/release/hello.wasm");
    assert_eq!(std::fs::read(component).expect("a component")[..8], *b"\0asm\x0d\0\x01\0");
}
