//! What may be published, in which order, and what is said before it is.

use serde_json::Value;

use crate::registry::component;
use crate::servers::serve_registry;
use crate::support::{Ran, TestEnv};

const OLD: &str = "package acme:greet@1.0.0;\ninterface greeter { record name { first: string } greet: func(who: name) -> string; }\n";

impl TestEnv {
    fn publish_as(&self, id: &str, word: &str, more: &[&str]) -> Ran {
        self.write("one.wasm", component(word));
        self.run_alone(&[&["publish", "one.wasm", "--as", id, "--to", "dir:packages"], more].concat())
    }

    fn publish_text(&self, text: &str) -> Ran {
        self.write("greet-wit/greet.wit", text);
        self.run_alone(&["publish", "greet-wit", "--to", "dir:packages"])
    }
}

#[test]
fn a_compatible_version_must_not_break_the_one_before_or_the_one_after() {
    let env = TestEnv::new();
    env.publish_as("acme:greet@1.0.0", "hello", &[]).success();
    let refused = env.publish_as("acme:greet@1.1.0", "hi", &[]).ended_with(9).code("package::breaking");
    for part in ["function `hello` is gone", "1.0.0", "2.0.0"] {
        assert!(refused.stderr.contains(part), "no `{part}` in {}", refused.stderr);
    }
    env.publish_as("acme:greet@1.1.0", "hi", &["--dry-run"]).ended_with(9).code("package::breaking");
    env.publish_as("acme:greet@2.0.0", "hi", &[]).success();
    env.publish_as("acme:greet@1.2.0", "hello", &[]).success();
    // A patch of an old version is compared with what its users would be moved to.
    env.publish_as("acme:greet@1.1.0", "hi", &[]).ended_with(9).code("package::breaking");
    env.publish_as("acme:greet@1.1.0", "hi", &["--allow-breaking"]).success();
    env.publish_as("acme:greet@1.1.0", "hi", &[]).success();
    env.publish_as("acme:greet@1.1.0", "hey", &[]).ended_with(9).code("registry::conflict");
}

#[test]
fn wit_is_held_to_its_version_too() {
    let env = TestEnv::new();
    env.publish_text(OLD).success();
    let changed = OLD.replace("first: string", "first: string, last: string");
    let refused =
        env.publish_text(&changed.replace("1.0.0", "1.1.0")).ended_with(9).code("package::breaking");
    assert!(refused.stderr.contains("acme:greet/greeter@1.0.0"), "{}", refused.stderr);
    env.publish_text(&changed.replace("1.0.0", "2.0.0")).success();
    let more = OLD.replace("greet: func", "wave: func(); greet: func");
    env.publish_text(&more.replace("1.0.0", "1.1.0")).success();
    env.run_alone(&["publish", "greet-wit", "--as", "acme:other@1.1.0", "--to", "dir:packages"])
        .ended_with(2)
        .code("package::wrong_id");
}

#[test]
fn a_dry_run_says_all_that_would_be_sent_and_sends_nothing() {
    let env = TestEnv::new();
    env.write("one.wasm", component("hello"));
    let publish = ["publish", "one.wasm", "--as", "acme:greet@1.0.0", "--to", "dir:packages"];
    let dry = env.json(&[&publish[..], &["--dry-run"]].concat());
    let kinds = |answer: &Value| -> Vec<String> {
        let steps = answer["steps"].as_array().expect("steps");
        steps
            .iter()
            .map(|step| format!("{} {}", step["kind"].as_str().unwrap_or(""), step["there"]))
            .collect()
    };
    assert_eq!(kinds(&dry), ["blob false", "blob false", "manifest false", "tag false"]);
    assert!(!env.path("packages").exists());
    let done = env.json(&publish);
    assert_eq!((&done["manifest"], &done["steps"]), (&dry["manifest"], &dry["steps"]));
    let again = env.json(&[&publish[..], &["--dry-run"]].concat());
    assert_eq!(again["outcome"], "unchanged");
}

#[test]
fn a_workspace_is_published_in_the_order_of_its_needs() {
    let env = TestEnv::new();
    let app = |folder: &str, name: &str, source: &str| {
        env.write(
            format!("{folder}/jointer.toml"),
            format!("[app]\nname = \"acme:{name}\"\nversion = \"1.0.0\"\n[component.{name}]\n{source}\n"),
        );
    };
    app("apps/one", "above", "package = \"acme:below@^1\"");
    app("apps/two", "below", "file = \"below.wasm\"");
    env.write("apps/two/below.wasm", component("hello"));
    env.write("apps/two/wit/world.wit", "package acme:below-api@1.0.0;\ninterface words { word: func(); }\n");
    // What jointer makes is not looked into.
    env.write("apps/two/build/copy/jointer.toml", "not a manifest");
    let publish = ["-C", "apps", "publish", "--workspace", "--to", "dir:../packages"];
    let published = env.json(&publish);
    let names: Vec<_> = published
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["package"].as_str().unwrap_or(""))
        .collect();
    assert_eq!(names, ["acme:below-api@1.0.0", "acme:below@1.0.0", "acme:above@1.0.0"]);
    let again = env.json(&publish);
    assert!(again.as_array().expect("a list").iter().all(|one| one["outcome"] == "unchanged"), "{again}");

    app("apps/two", "below", "package = \"acme:above@^1\"");
    env.run_alone(&publish).ended_with(2).code("package::cycle");
    app("apps/two", "above", "file = \"below.wasm\"");
    env.run_alone(&publish).ended_with(2).code("package::twice");
    env.run_alone(&["publish", "apps/one", "apps/two", "--as", "a:b@1.0.0"])
        .ended_with(2)
        .code("package::one_name");
    env.write("empty/nothing", "");
    env.run_alone(&["-C", "empty", "publish", "--workspace"]).ended_with(8).code("app::no_manifest");
}

impl TestEnv {
    /// A command that may need the password of the key pairs that [`TestEnv::keygen`] makes.
    fn signing(&self, args: &[&str]) -> Ran {
        let mut command = self.alone(args);
        Ran::from(command.env("JOINTER_KEY_PASSWORD", "secret").output().expect("jointer starts"))
    }
}

const TOLD: [&str; 5] = ["--sign", "mine.key", "--sbom", "--provenance", "--dry-run"];

#[test]
fn what_is_told_about_an_app_is_there_before_its_version_is() {
    let env = TestEnv::new();
    env.ready_app();
    env.keygen("mine");
    let server = serve_registry(&[]);
    let to = server.address.to_string();
    let publish = |more: &[&str]| {
        let ran = env.signing(&[&["--format", "json", "publish", "--to", &to], more].concat()).success();
        serde_json::from_str::<Value>(&ran.stdout).expect("JSON")
    };
    let dry = publish(&TOLD);
    let kinds: Vec<_> = dry["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| step["kind"].as_str().unwrap_or(""))
        .collect();
    // The older signature has a tag as well; the version's is the last of all.
    assert_eq!(kinds.last(), Some(&"tag"));
    assert_eq!(
        dry["steps"].as_array().and_then(|steps| steps.last()).map(|step| &step["what"]),
        Some(&"1.2.3".into())
    );
    let done = publish(&TOLD[..4]);
    assert_eq!((&done["steps"], done["outcome"].as_str()), (&dry["steps"], Some("published")));
    let attached = done["attachments"].as_array().expect("a list").len();
    assert!(attached >= 7, "files, signatures and attestations: {attached}");
    assert_eq!(publish(&TOLD[..4])["outcome"], "unchanged", "the same again");

    env.run_alone(&["publish", "gateway.wasm", "--as", "a:b@1.0.0", "--provenance", "--to", &to])
        .ended_with(2)
        .code("package::no_provenance");
    env.run_alone(&["bundle", "acme:shop@1.2.3", "--from", &to]).ended_with(2).code("package::not_whole");
    let Some(cosign) = crate::tools::peer("cosign") else { return };
    let reference = format!("{to}/acme/shop:1.2.3");
    env.keygen("other");
    for (key, accepted) in [("mine.pub", true), ("other.pub", false)] {
        let how = ["verify", "--insecure-ignore-tlog", "--allow-http-registry", "--key", key, &reference];
        let ran =
            std::process::Command::new(&cosign).args(how).current_dir(env.dir()).output().expect("cosign");
        assert_eq!(ran.status.success(), accepted, "{key}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}

#[test]
fn a_bundle_goes_into_a_registry_and_out_of_it_and_stays_signed() {
    let env = TestEnv::new();
    env.ready_app();
    env.keygen("mine");
    let bundled = env.bundle("mine", "shop.oci.tar");
    let server = serve_registry(&[]);
    for to in ["dir:packages", &server.address.to_string()] {
        let published = env.json(&["publish", "shop.oci.tar", "--to", to]);
        assert_eq!(published["manifest"], bundled["manifest"]);
        assert_eq!(env.json(&["publish", "shop.oci.tar", "--to", to])["outcome"], "unchanged");
        let collected = env.json(&["bundle", "acme:shop@1.2.3", "--from", to, "-o", "back.oci.tar"]);
        assert_eq!((&collected["manifest"], &collected["signed"]), (&bundled["manifest"], &true.into()));
        let first = std::fs::read(env.path("back.oci.tar")).expect("a bundle");
        let verified = env.json(&["verify", "back.oci.tar", "--key", "mine.pub"]);
        assert_eq!(verified["package"], "acme:shop@1.2.3");
        env.json(&["bundle", "acme:shop@1.2.3", "--from", to, "-o", "back.oci.tar"]);
        assert!(std::fs::read(env.path("back.oci.tar")).expect("a bundle") == first, "the same each time");
    }
    env.signing(&["publish", "shop.oci.tar", "--sign", "mine.key"]).ended_with(2).code("package::whole");
    env.run_alone(&["publish", "shop.oci.tar", "--as", "acme:other@1.2.3"])
        .ended_with(2)
        .code("package::wrong_id");
    env.write("bad.oci.tar", "no tar");
    env.run_alone(&["publish", "bad.oci.tar", "--to", "dir:packages"])
        .ended_with(6)
        .code("package::not_a_bundle");
}

#[test]
fn without_the_feature_a_warg_registry_is_refused_and_the_way_to_one_is_said() {
    let env = TestEnv::new();
    env.write("greet.wasm", component("hello"));
    let to = ["publish", "greet.wasm", "--as", "acme:greet@1.0.0", "--to", "warg://127.0.0.1:1", "--dry-run"];
    let ran = env.run_alone(&to).ended_with(2).code("registry::no_warg");
    assert!(ran.unwrapped().contains("cargo install --path . --features warg"), "{}", ran.stderr);
    let pulled = env.run_alone(&["pull", "acme:greet@1.0.0", "--from", "warg://127.0.0.1:1"]);
    pulled.ended_with(2).code("registry::invalid_location");
}
