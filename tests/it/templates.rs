//! Every template is scaffolded, built and run; parts are added and seen at work.

use crate::http::Server;
use crate::support::TestEnv;

/// What a fresh app of each kind does.
fn works(kind: &str, language: &str) {
    let env = TestEnv::new();
    env.jointer(["new", "shop", "-t", &format!("{kind}-{language}")]).success();
    env.jointer(["-C", "shop", "build"]).success();
    env.jointer(["-C", "shop", "test", "--no-build"]).success();
    match kind {
        "lib" => {
            let call = "local:shop/shop-api.greet(\"Ada\")";
            let said = env.jointer(["call", "shop/build/shop.wasm", call]).success().stdout;
            assert_eq!(said.trim(), "\"Hello, Ada, from shop!\"");
        }
        "command" => {
            let said = env.jointer(["run", "shop/build/shop.wasm", "Ada"]).success().stdout;
            assert_eq!(said, "Hello, Ada, from shop!\n");
        }
        "http" => {
            let server = Server::start_in(&env, "shop", &["--no-build"]);
            let answer = server.get("/");
            assert_eq!((answer.status, answer.text().as_str()), (200, "Hello from shop!\n"));
        }
        _ => {
            let server = Server::start_in(&env, "shop", &["--no-build"]);
            assert_eq!(server.get("/").status, 401);
            server.wait_for("shop: refused");
            let admitted = server.send("GET", "/", &[("authorization", "Bearer open-sesame")], b"");
            assert_eq!((admitted.status, admitted.text().as_str()), (200, "Hello from hello!\n"));
        }
    }
    // Nothing of the build is left among the sources.
    let strays: Vec<_> = env
        .listing()
        .into_iter()
        .filter_map(|path| Some(path.strip_prefix(env.path("shop")).ok()?.to_str()?.to_owned()))
        .filter(|path| !path.starts_with("build"))
        .filter(|path| {
            ["__pycache__", "target", "node_modules", ".wasm"].iter().any(|made| path.contains(made))
        })
        .collect();
    assert!(strays.is_empty(), "{kind}-{language} left {strays:?}");
}

fn all_kinds(language: &str) {
    for kind in ["lib", "http", "command", "middleware"] {
        works(kind, language);
    }
}

#[test]
fn rust_templates_work() {
    all_kinds("rust");
}

#[test]
fn python_templates_work() {
    all_kinds("python");
}

#[test]
fn javascript_templates_work() {
    all_kinds("javascript");
}

#[test]
fn typescript_templates_work() {
    all_kinds("typescript");
}

/// Adds a library in `part`'s language to an http app in `consumer`'s, and sees it in the answer.
fn added_is_used(consumer: &str, part: &str) {
    let env = TestEnv::new();
    env.jointer(["new", "acme:shop", "-t", &format!("http-{consumer}")]).success();
    let manifest = env.read("shop/jointer.toml");
    env.write("shop/jointer.toml", format!("# kept\n{manifest}"));
    env.jointer(["-C", "shop", "add", "price-list", "-t", &format!("lib-{part}")]).success();
    assert!(env.read("shop/jointer.toml").starts_with("# kept\n[app]\n"));
    let server = Server::start_in(&env, "shop", &[]);
    let answer = server.get("/");
    assert_eq!(answer.text(), "Hello from shop!\nHello, shop, from price-list!\n", "{consumer} + {part}");
}

#[test]
fn python_uses_an_added_rust_library() {
    added_is_used("python", "rust");
}

#[test]
fn rust_uses_an_added_javascript_library() {
    added_is_used("rust", "javascript");
}

#[test]
fn javascript_uses_an_added_typescript_library() {
    added_is_used("javascript", "typescript");
}

#[test]
fn typescript_uses_an_added_python_library() {
    added_is_used("typescript", "python");
}

#[test]
fn a_middleware_that_is_added_stands_in_front() {
    let env = TestEnv::new();
    env.jointer(["new", "shop", "-t", "http-rust"]).success();
    env.jointer(["-C", "shop", "add", "gate", "-t", "middleware-rust"]).success();
    let server = Server::start_in(&env, "shop", &[]);
    assert_eq!(server.get("/").status, 401);
    let admitted = server.send("GET", "/", &[("authorization", "Bearer open-sesame")], b"");
    assert_eq!(admitted.text(), "Hello from shop!\n");
}

#[test]
fn commands_libraries_and_middleware_use_added_libraries_too() {
    let env = TestEnv::new();
    env.jointer(["new", "tool", "-t", "command-python"]).success();
    env.jointer(["-C", "tool", "add", "words", "-t", "lib-rust"]).success();
    let said = env.jointer(["-C", "tool", "run", "--", "Ada"]).success().stdout;
    assert_eq!(said, "Hello, Ada, from tool!\nHello, tool, from words!\n");

    env.jointer(["new", "front", "-t", "lib-rust"]).success();
    env.jointer(["-C", "front", "add", "words", "-t", "lib-rust"]).success();
    env.jointer(["-C", "front", "add", "letters", "-t", "lib-rust", "--for", "words"]).success();
    env.jointer(["-C", "front", "build"]).success();
    let call = ["call", "front/build/front.wasm", "local:front/front-api.greet(\"Ada\")"];
    let said = env.jointer(call).success().stdout;
    let greeting = r#""Hello, Ada, from front!\nHello, front, from words!\nHello, words, from letters!""#;
    assert_eq!(said.trim(), greeting);

    env.jointer(["new", "gate", "-t", "middleware-typescript"]).success();
    env.jointer(["-C", "gate", "add", "words", "-t", "lib-rust"]).success();
    let server = Server::start_in(&env, "gate", &[]);
    assert_eq!(server.get("/").status, 401);
    server.wait_for("gate: refused Hello, gate, from words!");
}

#[test]
fn editors_see_the_types_of_an_added_part() {
    let env = TestEnv::new();
    env.jointer(["new", "shop", "-t", "http-python"]).success();
    // The build sees to it that the tool is there.
    env.jointer(["-C", "shop", "build"]).success();
    let stubs = "shop/build/stubs/shop/wit_world/imports";
    assert!(env.read(format!("{stubs}/types.py")).contains("class OutgoingResponse"));
    assert!(!env.path(format!("{stubs}/words_api.py")).exists());
    env.jointer(["-C", "shop", "add", "words", "-t", "lib-rust"]).success();
    assert!(env.read(format!("{stubs}/words_api.py")).contains("def greet(name: str) -> str"));

    env.jointer(["new", "page", "-t", "http-typescript"]).success();
    env.jointer(["-C", "page", "build"]).success();
    let types = "page/build/stubs/page/interfaces/wasi-http-types.d.ts";
    assert!(env.read(types).contains("class OutgoingResponse"));
    // Nothing changed, so nothing is made again.
    let made = || std::fs::metadata(env.path(types)).and_then(|file| file.modified()).expect("the types");
    let before = made();
    env.jointer(["-C", "page", "build"]).success();
    assert_eq!(made(), before);
}

#[test]
fn without_the_marker_the_lines_to_paste_are_shown() {
    let env = TestEnv::new();
    env.jointer(["new", "shop", "-t", "lib-python"]).success();
    env.write("shop/shop/app.py", env.read("shop/shop/app.py").replace("# jointer: calls", "# calls"));
    let said = env.jointer(["-C", "shop", "add", "prices", "-t", "lib-rust"]).success().stdout;
    for line in ["from wit_world.imports import prices_api", "lines.append(prices_api.greet(\"shop\"))"] {
        assert!(said.contains(line), "{said}");
    }
}

#[test]
fn what_cannot_be_scaffolded_changes_nothing() {
    let env = TestEnv::new();
    env.jointer(["new", "shop", "-t", "lib-rust"]).success();
    env.jointer(["new", "shop", "-t", "lib-rust", "--dir", "deep/elsewhere"]).success();
    assert!(env.path("deep/elsewhere/jointer.toml").is_file());
    let before = env.listing();
    env.jointer(["new", "shop", "-t", "lib-rust"]).ended_with(9).code("scaffold::not_empty");
    env.jointer(["new", "Shop!", "-t", "lib-rust"]).ended_with(2).code("scaffold::invalid_name");
    env.jointer(["new", "list", "-t", "lib-rust"]).ended_with(2).code("scaffold::invalid_name");
    env.jointer(["new", "x", "-t", "lib-rusty"]).ended_with(2).code("scaffold::unknown_template");
    env.jointer(["-C", "shop", "add", "shop", "-t", "lib-rust"])
        .ended_with(9)
        .code("scaffold::component_exists");
    let nobody = ["-C", "shop", "add", "x", "-t", "lib-rust", "--for", "shpo"];
    env.jointer(nobody).ended_with(2).code("scaffold::unknown_consumer");
    assert_eq!(env.listing(), before);
}
