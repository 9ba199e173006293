//! One configuration, one layout and one lock file for jointer and the real wkg: each takes what the other wrote.

// The program of others is started as any shell would.
#![allow(clippy::disallowed_methods)]

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::servers::serve_registry;
use crate::support::{Ran, TestEnv};
use crate::tools::compiled_peer;

/// An empty home with the configuration that both read, and no cache.
struct Shared {
    env: TestEnv,
    wkg: PathBuf,
}

impl Shared {
    fn told(&self, command: &mut Command) -> Ran {
        command
            .env("XDG_CONFIG_HOME", self.env.path("config"))
            .env("XDG_CACHE_HOME", self.env.path("their-cache"));
        Ran::from(command.output().expect("it starts"))
    }

    fn jointer(&self, args: &[&str]) -> Ran {
        self.told(&mut self.env.alone(args))
    }

    fn wkg(&self, folder: &Path, args: &[&str]) -> Ran {
        self.told(Command::new(&self.wkg).args(args).current_dir(folder))
    }
}

#[test]
fn wkg_and_jointer_take_what_the_other_wrote() {
    let Some(wkg) = compiled_peer("wkg") else { return };
    let (env, server) = (TestEnv::new(), serve_registry(&[]));
    let host = server.address;
    env.write(
        "config/wasm-pkg/config.toml",
        format!(
            "[namespace_registries]\nacme = {{ registry = \"{host}\", metadata = {{ preferredProtocol = \"oci\", oci = {{ \
             registry = \"{host}\" }} }} }}\n[registry.\"{host}\".oci]\nprotocol = \"http\"\n"
        ),
    );
    let both = Shared { env, wkg };
    let env = &both.env;

    // Ours, got by theirs.
    env.write(
        "greet/greet.wit",
        "package acme:greet@1.0.0;\ninterface greeter { greet: func() -> string; }\n",
    );
    both.jointer(&["publish", "greet"]).success();
    let got = env.path("got.wasm");
    both.wkg(&env.dir(), &["get", "acme:greet@1.0.0", "-o", got.to_str().expect("a name")]).success();
    both.jointer(&["pull", "acme:greet@1.0.0", "-o", "ours.wasm"]).success();
    assert!(std::fs::read(got).expect("got") == std::fs::read(env.path("ours.wasm")).expect("pulled"));

    // Theirs, pulled by ours.
    env.write("words/words.wit", "package acme:words@2.0.0;\ninterface common { type word = string; }\n");
    let built = env.path("words.wasm");
    let built_name = built.to_str().expect("a name");
    both.wkg(&env.path("words"), &["wit", "build", "--wit-dir", ".", "-o", built_name]).success();
    both.wkg(&env.dir(), &["publish", built_name, "--package", "acme:words@2.0.0"]).success();
    both.jointer(&["pull", "acme:words@^2", "-o", "theirs.wasm"]).success();
    assert!(std::fs::read(&built).expect("built") == std::fs::read(env.path("theirs.wasm")).expect("pulled"));

    // One lock file: what ours wrote holds for theirs, and the WIT that each brings is accepted by the other.
    env.write(
        "app/jointer.toml",
        "[app]\nname = \"acme:app\"\nversion = \"0.1.0\"\n[component.front]\npath = \"front\"\n",
    );
    env.write("app/front/app.py", "");
    env.write(
        "app/wit/world.wit",
        "package acme:app@0.1.0;\nworld front { import acme:greet/greeter@1.0.0; import acme:words/common@2.0.0; }\n",
    );
    both.jointer(&["-C", "app", "lock"]).success();
    let lock = env.read("app/wkg.lock");
    std::fs::remove_dir_all(env.path("app/wit/deps")).expect("removed");
    both.wkg(&env.path("app"), &["wit", "fetch"]).success();
    assert_eq!(env.read("app/wkg.lock"), lock);
    both.jointer(&["-C", "app", "fetch", "--frozen"]).success();
    // And the reverse: pinned and brought by theirs, locked by ours.
    std::fs::remove_file(env.path("app/jointer.lock")).expect("removed");
    both.jointer(&["-C", "app", "lock"]).success();
    assert_eq!(env.read("app/wkg.lock"), lock);
    assert_eq!(env.read("app/jointer.lock").matches("[[wit]]").count(), 2);
}
