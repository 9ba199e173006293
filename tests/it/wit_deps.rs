//! WIT packages as dependencies, and packages that are added as components.

use camino::Utf8Path;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};

use crate::support::TestEnv;

const WORDS: &str = "package acme:words@2.0.0;\ninterface common { type word = string; }\n";
const GREET: &str = "package acme:greet@1.0.0;
interface greeter { use acme:words/common@2.0.0.{word}; greet: func(name: word) -> word; }
world greet { export greeter; }
";
const APP: &str = "package acme:app@0.1.0;
world front { import acme:greet/greeter@1.0.0; import wasi:clocks/monotonic-clock@0.2.6; export run: func(); }
";

impl TestEnv {
    /// Publishes the two WIT packages to the folder `packages`.
    fn publish_wit(&self) {
        self.write("words/words.wit", WORDS);
        self.write("greet/greet.wit", GREET);
        self.write("greet/deps/words/words.wit", WORDS);
        for folder in ["words", "greet"] {
            self.json(&["publish", folder, "--to", "dir:packages"]);
        }
    }

    fn app_of_wit(&self) {
        self.write(
            "jointer.toml",
            "[app]\nname = \"acme:app\"\nversion = \"0.1.0\"\n[component.front]\npath = \"front\"\n",
        );
        self.write("front/app.py", "");
        self.write("wit/world.wit", APP);
    }
}

/// A component of the world `greet`.
fn greet_component(env: &TestEnv) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(env.path("greet")).expect("its WIT");
    let world = resolve.select_world(&[package], Some("greet")).expect("its world");
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("embedded");
    ComponentEncoder::default().module(&module).expect("a module").encode().expect("a component")
}

#[test]
fn wit_that_is_mentioned_is_locked_and_brought() {
    let env = TestEnv::new();
    env.publish_wit();
    env.app_of_wit();
    let locked = env.json(&["lock", "--from", "dir:packages"]);
    let names: Vec<_> =
        locked.as_array().expect("a list").iter().map(|one| one["name"].as_str().unwrap_or("")).collect();
    assert_eq!(names, ["acme:greet", "acme:words"]);
    for folder in ["acme-greet-1.0.0", "acme-words-2.0.0", "wasi-clocks-0.2.6", "wasi-io-0.2.6"] {
        assert!(env.path(format!("wit/deps/{folder}/package.wit")).is_file(), "no {folder}");
    }
    let mut resolve = Resolve::default();
    resolve.push_dir(env.path("wit")).expect("the WIT is whole");
    let (lock, wkg) = (env.read("jointer.lock"), env.read("wkg.lock"));
    assert_eq!(lock.matches("[[wit]]").count(), 2);
    for one in locked.as_array().expect("a list") {
        let content = one["content"].as_str().expect("a digest");
        assert!(
            lock.contains(content) && wkg.contains(&format!("digest = \"{content}\"")),
            "{content}: {lock}{wkg}"
        );
    }
    assert!(wkg.contains("requirement = \"=1.0.0\""), "{wkg}");

    // It comes back without any registry, and locking again changes nothing.
    std::fs::remove_dir_all(env.path("wit/deps")).expect("removed");
    std::fs::rename(env.path("packages"), env.path("gone")).expect("moved");
    env.run_alone(&["fetch", "--frozen"]).success();
    env.run_alone(&["lock", "--frozen"]).success();
    assert_eq!((env.read("jointer.lock"), env.read("wkg.lock")), (lock, wkg));
    resolve = Resolve::default();
    resolve.push_dir(env.path("wit")).expect("the WIT is whole again");

    // What nobody mentions any more goes.
    env.write("wit/world.wit", "package acme:app@0.1.0;\nworld front { export run: func(); }\n");
    env.run_alone(&["lock", "--offline"]).success();
    assert!(!env.path("wit/deps/acme-greet-1.0.0").exists());
    assert!(!env.read("jointer.lock").contains("[[wit]]"));
}

#[test]
fn the_users_own_wit_counts_first() {
    let env = TestEnv::new();
    env.publish_wit();
    env.app_of_wit();
    let own = GREET.replace("{word}; greet", "{word}; mine: func(); greet");
    env.write("wit/deps/mine.wit", &own);
    let locked = env.json(&["lock", "--from", "dir:packages"]);
    assert_eq!(locked.as_array().map(Vec::len), Some(1), "{locked}");
    assert_eq!(locked[0]["name"], "acme:words");
    assert_eq!(env.read("wit/deps/mine.wit"), own);
}

#[test]
fn wit_that_was_changed_is_noticed() {
    let env = TestEnv::new();
    env.publish_wit();
    env.app_of_wit();
    env.json(&["lock", "--from", "dir:packages"]);
    let path = "wit/deps/acme-greet-1.0.0/package.wit";
    let good = env.read(path);
    env.write(path, good.replace("greet: func", "grab: func"));
    env.run_alone(&["fetch"]).ended_with(6).code("deps::changed_wit");
    env.write(path, &good);
    env.run_alone(&["fetch"]).success();

    // What another tool pinned holds: here somebody moved the version to other contents.
    std::fs::remove_file(env.path("jointer.lock")).expect("removed");
    std::fs::remove_dir_all(env.path("wit/deps")).expect("removed");
    let wkg = env.read("wkg.lock");
    let at = wkg.find("digest = \"sha256:").expect("a digest") + "digest = \"sha256:".len();
    let other = if &wkg[at..=at] == "0" { "1" } else { "0" };
    env.write("wkg.lock", format!("{}{other}{}", &wkg[..at], &wkg[at + 1..]));
    env.run_alone(&["lock", "--from", "dir:packages"]).ended_with(6).code("deps::moved");
    assert!(!env.path("jointer.lock").exists());
    env.write("wkg.lock", "version = 7\n");
    env.run_alone(&["lock", "--from", "dir:packages"]).ended_with(2).code("deps::invalid_lock");
}

#[test]
fn what_is_no_wit_or_other_wit_is_refused() {
    let env = TestEnv::new();
    env.publish_wit();
    env.app_of_wit();
    let component = greet_component(&env);
    env.write("one.wasm", &component);
    env.json(&["publish", "one.wasm", "--as", "acme:greet@1.0.0", "--to", "dir:others"]);
    env.run_alone(&["lock", "--from", "dir:others"]).ended_with(5).code("deps::not_wit");
    env.run_alone(&["fetch"]).ended_with(2).code("deps::not_locked");
    env.run_alone(&["lock", "--from", "dir:nothing"]).ended_with(8).code("registry::not_found");
    assert!(!env.path("jointer.lock").exists());
}

#[test]
fn an_added_package_is_locked_and_imported() {
    let env = TestEnv::new();
    env.publish_wit();
    env.write("greet.wasm", greet_component(&env));
    env.json(&["publish", "greet.wasm", "--as", "acme:greeting@1.4.0", "--to", "dir:packages"]);
    env.run_alone(&["new", "shop", "-t", "command-rust"]).success();
    let shop = |args: &[&str]| env.run_alone(&[&["-C", "shop"], args].concat());
    let text = env.read("shop/jointer.toml");
    shop(&["add", "acme:nothing@^1", "--from", "dir:../packages"]).ended_with(8).code("deps::no_match");
    assert_eq!(env.read("shop/jointer.toml"), text, "nothing is half added");
    shop(&["add", "acme:greeting", "--from", "dir:../packages"]).success();
    assert!(env.read("shop/jointer.toml").contains("package = \"acme:greeting@^1.4.0\""));
    assert!(env.read("shop/jointer.lock").contains("version = \"1.4.0\""));
    assert!(env.read("shop/wit/world.wit").contains("import acme:greet/greeter@1.0.0;"));
    let mut resolve = Resolve::default();
    let dir = env.path("shop/wit");
    let dir = Utf8Path::from_path(&dir).expect("a name");
    resolve.push_dir(dir).expect("the WIT is whole");
    shop(&["add", "acme:greeting", "--from", "dir:../packages"])
        .ended_with(9)
        .code("scaffold::component_exists");
}
