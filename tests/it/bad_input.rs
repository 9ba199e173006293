//! Bad input gets a code, the place, the cause and the mend; it changes nothing and never panics.
//!
//! Each case is one row: what stands in the folder, what is typed, and what must be said. What a guest tool
//! has to say about bad sources is tested beside the drivers, in `build_errors`.

use std::os::unix::fs::PermissionsExt;

use crate::support::TestEnv;

struct Case {
    name: &'static str,
    files: &'static [(&'static str, &'static [u8])],
    args: &'static [&'static str],
    status: i32,
    code: &'static str,
    /// Words that name the place and the mend.
    says: &'static [&'static str],
}

const APP: &str = "[app]\nname = \"acme:shop\"\n";

const CASES: &[Case] = &[
    Case {
        name: "no manifest",
        files: &[],
        args: &["build"],
        status: 8,
        code: "app::no_manifest",
        says: &["jointer new"],
    },
    Case {
        name: "broken manifest",
        files: &[("jointer.toml", b"[app]\nname = \"acme:shop\nroot = 1\n")],
        args: &["build"],
        status: 2,
        code: "app::invalid_manifest",
        says: &["jointer.toml", "name = "],
    },
    Case {
        name: "unknown key",
        files: &[(
            "jointer.toml",
            b"[app]\nname = \"acme:shop\"\nroute = \"x\"\n[component.x]\npath = \".\"\n",
        )],
        args: &["build"],
        status: 2,
        code: "app::unknown_key",
        says: &["route", "did you mean `root`"],
    },
    Case {
        name: "absent source",
        files: &[("jointer.toml", b"[app]\nname = \"acme:shop\"\n[component.x]\npath = \"nowhere\"\n")],
        args: &["build"],
        status: 2,
        code: "app::absent_source",
        says: &["nowhere"],
    },
    Case {
        name: "root that is no component",
        files: &[(
            "jointer.toml",
            b"[app]\nname = \"acme:shop\"\nroot = \"y\"\n[component.x]\npath = \".\"\n",
        )],
        args: &["check"],
        status: 2,
        code: "app::unknown_component",
        says: &["`y`"],
    },
    Case {
        name: "a file that is not wasm",
        files: &[("x.wasm", b"hello")],
        args: &["adapt", "x.wasm", "--to", "wasi@0.2.12", "-o", "out.wasm"],
        status: 2,
        code: "component::not_wasm",
        says: &["x.wasm"],
    },
    Case {
        name: "a truncated file",
        files: &[("x.wasm", b"\0asm\x0d\0\x01\0\x07\xff\x01")],
        args: &["adapt", "x.wasm", "--to", "wasi@0.2.12", "-o", "out.wasm"],
        status: 2,
        code: "component::",
        says: &["x.wasm"],
    },
    Case {
        name: "a core module where a component is needed",
        files: &[("x.wasm", b"\0asm\x01\0\0\0"), ("y.wasm", b"\0asm\x0d\0\x01\0")],
        args: &["plug", "x.wasm", "--plug", "y.wasm", "-o", "out.wasm"],
        status: 4,
        code: "compose::core_module",
        says: &["jointer adapt"],
    },
    Case {
        name: "an unknown error code",
        files: &[],
        args: &["explain", "compose::nothing_to_plgu"],
        status: 8,
        code: "explain::unknown_code",
        says: &["compose::nothing_to_plug"],
    },
    Case {
        name: "an unknown template",
        files: &[],
        args: &["new", "shop", "-t", "http-pyton"],
        status: 2,
        code: "scaffold::",
        says: &["http-python"],
    },
];

#[test]
fn each_bad_input_is_named_and_changes_nothing() {
    for case in CASES {
        let env = TestEnv::new();
        for (path, contents) in case.files {
            env.write(path, contents);
        }
        let before = env.listing();
        let ran = env.jointer(case.args.iter());
        assert_eq!(ran.status, case.status, "{}: {}", case.name, ran.stderr);
        assert!(ran.stderr.contains(case.code), "{}: no `{}` in\n{}", case.name, case.code, ran.stderr);
        for words in case.says {
            assert!(ran.stderr.contains(words), "{}: no `{words}` in\n{}", case.name, ran.stderr);
        }
        assert!(!ran.stderr.contains("panicked"), "{}: {}", case.name, ran.stderr);
        assert_eq!(env.listing(), before, "{}: something was written", case.name);
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let env = TestEnv::new();
    env.write("jointer.toml", format!("{APP}[component.x]\nfile = \"x.wasm\"\n"));
    env.write("x.wasm", b"\0asm\x0d\0\x01\0");
    // A file where the cache's folder should be: refused for root as well, whom permissions do not stop.
    let blocked = env.write("blocked", b"");
    std::fs::set_permissions(&blocked, std::fs::Permissions::from_mode(0o400)).expect("permissions");
    let output =
        env.command(["build"]).env("JOINTER_CACHE", blocked.join("cache")).output().expect("jointer starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("file::unwritable") && said.contains("JOINTER_CACHE"), "{said}");
    assert!(!env.path("build/shop.wasm").exists());
}

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let env = TestEnv::new();
    env.write("x.wasm", b"\0asm\x0d\0\x01\0");
    let ran = env.jointer(["adapt", "x.wasm", "--to", "wasi@0.2.12", "-o", "/dev/full"]);
    assert_eq!(ran.status, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("file::unwritable"), "{}", ran.stderr);
}

#[test]
fn errors_are_json_for_programs() {
    let env = TestEnv::new();
    let ran = env.jointer(["build", "--format", "json"]).ended_with(8);
    let line = ran.stderr.lines().last().expect("a line");
    let error: serde_json::Value = serde_json::from_str(line).expect("json");
    assert_eq!(error["code"], "app::no_manifest");
    assert_eq!(error["status"], 8);
}
