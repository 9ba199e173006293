//! What guest tools say about bad sources, and what jointer makes of it. One row each: an edit of an app
//! in `tests/apps`, and what must be said.

use crate::support::TestEnv;

struct Case {
    name: &'static str,
    app: &'static str,
    /// Files written over those of the app.
    files: &'static [(&'static str, &'static str)],
    status: i32,
    code: &'static str,
    /// What must be said; lines may be wrapped, so words.
    says: &'static [&'static str],
    /// What must not: the tools' own stacks and paths.
    never: &'static [&'static str],
}

const GUEST: i32 = 3;

const PYTHON: &str = "from wit_world import exports\nclass Greetings(exports.Greetings):\n    def greet(self, name: str) -> str:\n        return name\n";

const CASES: &[Case] = &[
    Case {
        name: "Python: syntax error",
        app: "python",
        files: &[("greeter/app.py", "def x(:\n    pass\n")],
        status: GUEST,
        code: "build::guest_failed",
        says: &[
            "`greeter`",
            "componentize-py",
            "exit code 1",
            "greeter/app.py",
            "line 1",
            "SyntaxError: invalid syntax",
        ],
        never: &["/0/", "sys.exit(script())", "AssertionError", "Caused by"],
    },
    Case {
        name: "Python: a class is missing",
        app: "python",
        files: &[("greeter/app.py", "x = 1\n")],
        status: GUEST,
        code: "build::guest_failed",
        says: &["has no attribute 'Greetings'", "test:greetings/greetings"],
        never: &["sys.exit(script())"],
    },
    Case {
        name: "Python: a method is missing",
        app: "python",
        files: &[(
            "greeter/app.py",
            "from wit_world import exports\nclass Greetings(exports.Greetings):\n    pass\n",
        )],
        status: GUEST,
        code: "build::guest_failed",
        says: &["abstract method 'greet'"],
        never: &["sys.exit(script())"],
    },
    Case {
        name: "Python: a module is missing",
        app: "python",
        files: &[("greeter/app.py", "import nosuchmodule\n")],
        status: GUEST,
        code: "build::guest_failed",
        says: &["greeter/app.py", "No module named 'nosuchmodule'", "requirements.txt"],
        never: &["/0/", "sys.exit(script())"],
    },
    Case {
        name: "Python: the top level throws",
        app: "python",
        files: &[("greeter/app.py", "raise RuntimeError('boom')\n")],
        status: GUEST,
        code: "build::guest_failed",
        says: &["RuntimeError: boom", "greeter/app.py"],
        never: &["/0/"],
    },
    Case {
        name: "Python: no entry",
        app: "python",
        files: &[("greeter/pyproject.toml", "[tool.jointer]\nentry = \"main\"\n")],
        status: 2,
        code: "build::no_entry",
        says: &["greeter/main.py", "[tool.jointer]"],
        never: &[],
    },
    Case {
        name: "a project file that is no TOML",
        app: "python",
        files: &[("greeter/pyproject.toml", "[tool\n")],
        status: 2,
        code: "build::invalid_project",
        says: &["pyproject.toml"],
        never: &[],
    },
    Case {
        name: "an unknown world",
        app: "python",
        files: &[(
            "jointer.toml",
            "[app]\nname = \"test:python\"\n[component.greeter]\npath = \"greeter\"\nworld = \"greter\"\n",
        )],
        status: 2,
        code: "build::unknown_world",
        says: &["`greter`", "did you mean `greeter`"],
        never: &["Building"],
    },
    Case {
        name: "WIT with a mistake",
        app: "python",
        files: &[("wit/world.wit", "package a:b;\nworld greeter { import nothing; }\n")],
        status: 2,
        code: "wit::invalid",
        says: &["nothing"],
        never: &["Building"],
    },
    Case {
        name: "two languages",
        app: "python",
        files: &[("greeter/Cargo.toml", "[package]\nname = \"x\"\n")],
        status: 2,
        code: "build::ambiguous_language",
        says: &["Rust", "Python", "language ="],
        never: &[],
    },
    Case {
        name: "no language",
        app: "python",
        files: &[(
            "jointer.toml",
            "[app]\nname = \"test:python\"\n[component.greeter]\npath = \"greeter/data\"\n",
        )],
        status: 2,
        code: "build::unknown_language",
        says: &["greeter/data", "Cargo.toml"],
        never: &[],
    },
    Case {
        name: "Rust: does not compile",
        app: "rust",
        files: &[("hello/src/main.rs", "fn main() { let x: u32 = \"text\"; }\n")],
        status: GUEST,
        code: "build::guest_failed",
        says: &["`hello`", "cargo", "exit code 101", "error[E0308]", "src/main.rs:1:"],
        never: &[],
    },
    Case {
        name: "Rust: neither a program nor a cdylib",
        app: "rust",
        files: &[
            ("hello/src/main.rs", ""),
            ("hello/src/lib.rs", "pub fn f() {}\n"),
            (
                "hello/Cargo.toml",
                "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\nautobins = false\n[dependencies]\nshared = { path = \"../shared\" }\n[workspace]\n",
            ),
        ],
        status: GUEST,
        code: "build::no_output",
        says: &["cdylib", "crate-type"],
        never: &[],
    },
    Case {
        name: "Rust: another world than the manifest's",
        app: "rust",
        files: &[("wit/world.wit", "package a:b;\ninterface x { f: func(); }\nworld hello { export x; }\n")],
        status: GUEST,
        code: "build::missing_export",
        says: &["a:b/x", "`hello`", "wasi:cli/run"],
        never: &[],
    },
    Case {
        name: "Rust: a lock file that does not fit",
        app: "rust",
        files: &[(
            "hello/Cargo.toml",
            "[package]\nname = \"hello\"\nversion = \"0.2.0\"\nedition = \"2024\"\n[dependencies]\nshared = { path = \"../shared\" }\n[workspace]\n",
        )],
        status: GUEST,
        code: "build::guest_failed",
        says: &["--locked", "cargo update"],
        never: &[],
    },
    Case {
        name: "JavaScript: syntax error",
        app: "javascript",
        files: &[("greeter/src/words.js", "export const word = 'hello';\nfunction (\n")],
        status: GUEST,
        code: "build::guest_failed",
        says: &["greeter/src/words.js:2", "SyntaxError"],
        never: &["node:internal"],
    },
    Case {
        name: "JavaScript: a file is missing",
        app: "javascript",
        files: &[(
            "greeter/src/index.js",
            "import { x } from './nowhere.js';\nexport const greetings = { greet: x };\n",
        )],
        status: GUEST,
        code: "build::guest_failed",
        says: &["greeter/src/index.js", "./nowhere.js"],
        never: &["node:internal"],
    },
    Case {
        name: "JavaScript: an export is missing",
        app: "javascript",
        files: &[
            ("jointer.toml", "[app]\nname = \"test:javascript\"\n[component.greeter]\npath = \"greeter\"\n"),
            ("greeter/src/index.js", "export const other = {};\n"),
        ],
        status: GUEST,
        code: "build::guest_failed",
        says: &["greetings", "as expected by the world"],
        never: &["node:internal", "node_modules"],
    },
    Case {
        name: "JavaScript: no entry",
        app: "javascript",
        files: &[("greeter/package.json", "{ \"main\": \"src/nowhere.js\" }")],
        status: 2,
        code: "build::no_entry",
        says: &["greeter/src/nowhere.js", "\"main\""],
        never: &[],
    },
    Case {
        name: "JavaScript: a dependency is not installed",
        app: "javascript",
        files: &[(
            "greeter/package.json",
            "{ \"type\": \"module\", \"main\": \"src/index.js\", \"dependencies\": { \"nosuch\": \"1\" } }",
        )],
        status: 2,
        code: "build::not_installed",
        says: &["`nosuch`", "npm install"],
        never: &[],
    },
    Case {
        name: "QuickJS: no http",
        app: "javascript",
        files: &[
            ("wit/world.wit", "package a:b;\nworld greeter { import wasi:http/types@0.2.12; }\n"),
            ("wit/deps/http.wit", "package wasi:http@0.2.12;\ninterface types { f: func(); }\n"),
        ],
        status: 2,
        code: "build::engine",
        says: &["wasi:http/types", "StarlingMonkey"],
        never: &["Building"],
    },
    Case {
        name: "TypeScript: a type error",
        app: "typescript",
        files: &[
            ("greeter/package.json", "{ \"type\": \"module\", \"main\": \"src/index.ts\" }"),
            (
                "greeter/src/index.ts",
                "import { word } from './words.js';\nexport const greetings = {\n  greet(name: string): number {\n    return `${word} ${name}`;\n  },\n};\n",
            ),
        ],
        status: GUEST,
        code: "build::guest_failed",
        says: &["greeter/src/index.ts(4,5)", "TS2322"],
        never: &["node:internal"],
    },
    Case {
        name: "a command that fails",
        app: "command",
        files: &[("make.sh", "echo something went wrong >&2\nexit 7\n")],
        status: GUEST,
        code: "build::guest_failed",
        says: &["made: something went wrong", "exit code 7"],
        never: &[],
    },
    Case {
        name: "a command that writes nothing",
        app: "command",
        files: &[("make.sh", "true\n")],
        status: GUEST,
        code: "build::no_output",
        says: &["out/made.wasm"],
        never: &[],
    },
    Case {
        name: "a command that writes no WebAssembly",
        app: "command",
        files: &[("component.wasm", "no wasm at all")],
        status: 2,
        code: "component::",
        says: &[],
        never: &[],
    },
];

/// Words may be wrapped by the rendering of a diagnostic.
fn unwrapped(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim_start_matches(['│', '×', ' ', '\t']).trim_end());
    lines.collect::<Vec<_>>().join(" ")
}

fn run(case: &Case) -> Result<(), String> {
    let env = TestEnv::new();
    env.copy(std::path::Path::new("tests/apps").join(case.app), ".");
    for (path, text) in case.files {
        env.write(path, text);
    }
    let ran = env.jointer(["build"]);
    let said = unwrapped(&ran.stderr);
    let mut wrong = Vec::new();
    if ran.status != case.status {
        wrong.push(format!("status {} instead of {}", ran.status, case.status));
    }
    wrong.extend((!said.contains(case.code)).then(|| format!("no code {}", case.code)));
    wrong.extend(
        case.says.iter().filter(|text| !said.contains(**text)).map(|text| format!("not said: {text}")),
    );
    wrong.extend(case.never.iter().filter(|text| said.contains(**text)).map(|text| format!("said: {text}")));
    wrong.extend(said.contains("panicked").then(|| "it panicked".to_owned()));
    wrong.extend(env.path("build/tmp").exists().then(|| "temporary files are left".to_owned()));
    let name = env.read("jointer.toml");
    let output = name.split("test:").nth(1).and_then(|rest| rest.split('"').next()).expect("a name");
    wrong.extend(env.path(format!("build/{output}.wasm")).exists().then(|| "half a result".to_owned()));
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{}: {}\n{}", case.name, wrong.join("; "), ran.stderr))
}

#[test]
fn what_is_wrong_with_the_sources_is_said_with_its_place() {
    let wrong: Vec<String> = CASES.iter().filter_map(|case| run(case).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The rows above start from apps that are good: what they say comes from their edits.
#[test]
fn parts_that_do_not_fit_are_found_before_anything_is_built() {
    let env = TestEnv::with_own_results();
    for example in ["shop", "gate", "time-machine"] {
        env.copy(format!("examples/{example}"), example);
        env.jointer(["-C", example, "check"]).success();
    }
    // The price list has a WIT of its own, which is older than the shop's.
    let wit = env.read("shop/wit/world.wit");
    env.write("shop/pricing/wit/world.wit", wit.replace("each-cents: u64", "each-cents: u32"));
    for dep in ["cli", "clocks", "filesystem", "http", "io", "random", "sockets"] {
        let name = format!("wit/deps/wasi-{dep}.wit");
        env.write(format!("shop/pricing/{name}"), env.read(format!("shop/{name}")));
    }
    let found = env.jointer(["-C", "shop", "check", "--format", "json"]).ended_with(1).stdout;
    let found: serde_json::Value = serde_json::from_str(&found).expect("JSON");
    assert_eq!(found[0]["code"], "compose::wrong_type", "{found}");
    let text = found[0]["text"].as_str().expect("text");
    for words in ["`pricing`", "`gateway`", "function `price`", "field `each-cents`", "u64", "u32"] {
        assert!(text.contains(words), "no {words} in {text}");
    }
    assert!(!env.path("shop/build").exists(), "something was built");
}

#[test]
fn a_good_source_with_the_same_shape_builds() {
    let env = TestEnv::new();
    env.copy("tests/apps/python", ".");
    env.write("greeter/app.py", PYTHON);
    env.jointer(["build"]).success();
}
