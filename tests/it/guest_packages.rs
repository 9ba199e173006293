//! Guests that use packages of their language's registry.

use std::process::Command;

use crate::support::TestEnv;

const WORLD: &str = "package test:greetings@0.1.0;\ninterface greetings { greet: func(name: string) -> string; }\n\
                     world greeter { export greetings; }\n";

fn app(env: &TestEnv, more: &str) {
    env.write("wit/world.wit", WORLD);
    env.write(
        "jointer.toml",
        format!("[app]\nname = \"test:app\"\n[component.greeter]\npath = \"greeter\"\n{more}"),
    );
}

#[test]
fn python_takes_what_requirements_txt_names() {
    let env = TestEnv::with_own_results();
    app(&env, "");
    env.write("greeter/pyproject.toml", "[project]\nname = \"greeter\"\nversion = \"0.1.0\"\n");
    let source = "from inflection import parameterize\nfrom wit_world import exports\n\n\n\
                  class Greetings(exports.Greetings):\n    def greet(self, name: str) -> str:\n        \
                  return parameterize(name)\n";
    env.write("greeter/app.py", source);
    // Without it, the missing module is named.
    let missing = env.jointer(["build"]).ended_with(3).unwrapped();
    assert!(missing.contains("inflection") && missing.contains("requirements.txt"), "{missing}");
    env.write("greeter/requirements.txt", "inflection==0.5.1\n");
    env.jointer(["build"]).success();
    let said = env.jointer(["call", "greet(\"Hello wide World\")"]).success();
    assert_eq!(said.stdout.trim(), "\"hello-wide-world\"");
    let list = env.jointer(["sbom"]).success().stdout;
    assert!(list.contains("pkg:pypi/inflection@0.5.1") && list.contains("\"expression\": \"MIT\""), "{list}");
    let listed: Vec<_> =
        env.listing().into_iter().filter(|path| !path.starts_with(env.path("build"))).collect();
    assert!(!listed.iter().any(|path| path.to_string_lossy().contains("inflection")), "{listed:?}");
    // What only exists for one machine cannot run in a guest, and is said to be the cause.
    env.write("greeter/requirements.txt", "inflection==0.5.1\nlxml==5.3.0\n");
    let refused = env.jointer(["build"]).ended_with(3).unwrapped();
    assert!(refused.contains("lxml") && refused.contains("pure Python"), "{refused}");
}

#[test]
fn javascript_takes_what_npm_installed() {
    let env = TestEnv::with_own_results();
    app(&env, "engine = \"quickjs\"\n");
    let package = r#"{ "name": "greeter", "version": "0.1.0", "private": true, "type": "module", "main": "index.js",
        "dependencies": { "kebab-case": "2.0.1" } }"#;
    env.write("greeter/package.json", package);
    env.write(
        "greeter/index.js",
        "import kebab from 'kebab-case';\nexport const greetings = { greet: (name) => kebab(name) };\n",
    );
    env.jointer(["build"]).code("build::not_installed");
    let installed = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(env.path("greeter"))
        .output()
        .expect("npm starts");
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    for engine in ["quickjs", "starlingmonkey"] {
        app(&env, &format!("engine = \"{engine}\"\n"));
        env.jointer(["build"]).success();
        let said = env.jointer(["call", "greet(\"wideWorld\")"]).success();
        assert_eq!(said.stdout.trim(), "\"wide-world\"", "{engine}");
    }
    let list = env.jointer(["sbom"]).success().stdout;
    // With the sum that npm has checked.
    assert!(list.contains("pkg:npm/kebab-case@2.0.1") && list.contains("SHA-512"), "{list}");
    // An update of the package is a reason to build again.
    let again = env.jointer(["build", "--explain"]).success();
    assert!(again.stderr.contains("Fresh greeter"), "{}", again.stderr);
    let file = env.path("greeter/node_modules/kebab-case/package.json");
    let text = std::fs::read_to_string(&file).expect("package.json");
    std::fs::write(&file, text + "\n").expect("package.json");
    let again = env.jointer(["build", "--explain"]).success();
    assert!(again.stderr.contains("Dirty greeter"), "{}", again.stderr);
}

/// Compiles cargo-component, so only with `JOINTER_FULL=1`.
#[test]
fn rust_of_cargo_component_builds_as_it_is() {
    if std::env::var_os("JOINTER_FULL").is_none() {
        return;
    }
    let env = TestEnv::with_own_results();
    app(&env, "");
    env.write("greeter/wit/world.wit", WORLD);
    env.write(
        "greeter/Cargo.toml",
        "[package]\nname = \"greeter\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\ncrate-type = [\"cdylib\"]\n\
         [dependencies]\nwit-bindgen-rt = { version = \"0.44\", features = [\"bitflags\"] }\n\
         [package.metadata.component]\npackage = \"test:greetings\"\n\
         [package.metadata.component.target]\npath = \"wit\"\nworld = \"greeter\"\n",
    );
    env.write(
        "greeter/src/lib.rs",
        "#[allow(warnings)]\nmod bindings;\nuse bindings::exports::test::greetings::greetings::Guest;\n\
         struct Component;\nimpl Guest for Component {\n    fn greet(name: String) -> String {\n        \
         format!(\"hello {name}\")\n    }\n}\nbindings::export!(Component with_types_in bindings);\n",
    );
    let built = env.jointer(["build"]).success();
    assert!(built.stderr.contains("cargo component"), "{}", built.stderr);
    let said = env.jointer(["call", "greet(\"world\")"]).success();
    assert_eq!(said.stdout.trim(), "\"hello world\"");
    let again = env.jointer(["build"]).success();
    assert!(!again.stderr.contains("Building greeter"), "{}", again.stderr);
}
