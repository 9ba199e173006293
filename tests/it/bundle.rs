//! The app as one file, through the real binary. What is refused byte by byte is tested beside the code.

use serde_json::Value;

use crate::registry::component;
use crate::support::{Ran, TestEnv};

impl TestEnv {
    /// An app of one ready component.
    pub fn ready_app(&self) {
        self.write(
            "jointer.toml",
            "[app]\nname = \"acme:shop\"\nversion = \"1.2.3\"\n[component.gateway]\nfile = \"gateway.wasm\"\n",
        );
        self.write("gateway.wasm", component("gateway"));
    }

    /// Bundles the app, signed with `KEY.key`, into `file`.
    pub fn bundle(&self, key: &str, file: &str) -> Value {
        let key = format!("{key}.key");
        let mut command = self.alone(&["--format", "json", "bundle", "--sign", &key, "-o", file]);
        let ran =
            Ran::from(command.env("COSIGN_PASSWORD", "secret").output().expect("jointer starts")).success();
        serde_json::from_str(&ran.stdout).expect("JSON")
    }
}

#[test]
fn a_bundle_verifies_with_its_key_and_is_the_same_each_time() {
    let env = TestEnv::new();
    env.ready_app();
    env.keygen("mine");
    let bundled = env.bundle("mine", "one.oci.tar");
    env.bundle("mine", "two.oci.tar");
    let read = |name: &str| std::fs::read(env.path(name)).expect("a bundle");
    assert_eq!(read("one.oci.tar"), read("two.oci.tar"));
    let verified = env.json(&["verify", "one.oci.tar", "--key", "mine.pub"]);
    assert_eq!(verified["package"], "acme:shop@1.2.3");
    assert_eq!(verified["manifest"], bundled["manifest"]);
    assert_eq!(verified["parts"][0]["file"], "gateway.wasm");
    // The same app has the same digest in a registry.
    let published = env.json(&["publish", "--to", "dir:packages"]);
    assert_eq!(published["manifest"], bundled["manifest"]);
}

#[test]
fn each_refusal_has_its_own_code() {
    let env = TestEnv::new();
    env.ready_app();
    env.keygen("mine");
    env.keygen("other");
    env.bundle("mine", "signed.oci.tar");
    let verify = |file: &str, key: &str| env.run_alone(&["verify", file, "--key", key]);
    verify("signed.oci.tar", "other.pub").ended_with(6).code("trust::another_key");
    env.run_alone(&["bundle", "-o", "unsigned.oci.tar"]).success();
    verify("unsigned.oci.tar", "mine.pub").ended_with(6).code("trust::unsigned");
    let good = std::fs::read(env.path("signed.oci.tar")).expect("a bundle");
    for at in (0..good.len()).step_by(good.len() / 40) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        env.write("bad.oci.tar", &bad);
        let refused = verify("bad.oci.tar", "mine.pub").ended_with(6);
        assert!(refused.stderr.contains("package::"), "byte {at}: {}", refused.stderr);
    }
    env.write("cut.oci.tar", &good[..good.len() / 2]);
    verify("cut.oci.tar", "mine.pub").ended_with(6).code("package::");
    verify("gateway.wasm", "mine.pub").ended_with(6).code("package::not_a_bundle");
    verify("absent.oci.tar", "mine.pub").ended_with(8).code("file::not_found");
    verify("signed.oci.tar", "mine.key").ended_with(2).code("trust::invalid_key");
}

#[test]
fn signing_says_what_is_wrong_with_the_key() {
    let env = TestEnv::new();
    env.ready_app();
    env.keygen("mine");
    let sign = |password: Option<&str>| {
        let mut command = env.alone(&["bundle", "--sign", "mine.key"]);
        password.map(|password| command.env("COSIGN_PASSWORD", password));
        Ran::from(command.output().expect("jointer starts"))
    };
    sign(Some("wrong")).ended_with(6).code("trust::wrong_password");
    sign(None).ended_with(2).code("trust::no_password");
    assert!(!env.path("shop.oci.tar").exists());
    env.write("mine.key", "not a key");
    sign(Some("secret")).ended_with(2).code("trust::invalid_key");
}

#[test]
fn what_is_bundled_is_what_the_sources_say_now() {
    let env = TestEnv::new();
    env.ready_app();
    env.keygen("mine");
    let before = env.bundle("mine", "one.oci.tar");
    env.write("gateway.wasm", component("changed"));
    let after = env.bundle("mine", "two.oci.tar");
    assert_ne!(before["content"], after["content"]);
    assert_eq!(env.json(&["verify", "two.oci.tar", "--key", "mine.pub"])["content"], after["content"]);
}
