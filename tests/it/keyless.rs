//! Signatures without a key, as a jointer meets them that cannot verify them. What one with the feature `keyless` does is
//! shown by `tests/peers/keyless.sh`.

use crate::registry::component;
use crate::support::TestEnv;

const PACKAGE: &str = "acme:greet@1.0.0";
const IDENTITY: &str =
    "identity = \"https://git.example.com/acme/**\", issuer = \"https://token.example.com\"";

#[test]
fn a_jointer_that_cannot_verify_identities_refuses_a_policy_that_wants_one() {
    if jointer::trust::KEYLESS {
        return;
    }
    let env = TestEnv::new();
    env.keygen("mine");
    env.publish_here(PACKAGE, &component("hello"));
    let at = [PACKAGE, "--from", "dir:packages"];
    env.with_key(&[&["sign"], &at[..], &["--key", "mine.key"]].concat()).success();
    // Whether somebody else would do or not.
    for keys in ["", "keys = [{ path = \"mine.pub\" }]\n"] {
        env.write("trust.toml", format!("[package.\"acme:*\"]\n{keys}identities = [{{ {IDENTITY} }}]\n"));
        let refused = env.run_alone(&[&["verify"], &at[..], &["--policy", "trust.toml"]].concat());
        let refused = refused.ended_with(2).code("trust::no_keyless");
        assert!(refused.stderr.contains("--features keyless"), "{}", refused.stderr);
    }
    let flags =
        ["--certificate-identity", "a@example.com", "--certificate-issuer", "https://token.example.com"];
    env.run_alone(&[&["verify"], &at[..], &flags].concat()).ended_with(2).code("trust::no_keyless");
    env.run_alone(&[&["sign"], &at[..], &["--keyless"]].concat()).ended_with(2).code("trust::no_keyless");
    // A rule for others does not get in the way.
    env.write(
        "trust.toml",
        format!(
            "[package.\"acme:*\"]\nkeys = [{{ path = \"mine.pub\" }}]\n[package.\"other:*\"]\nidentities = [{{ {IDENTITY} }}]\n"
        ),
    );
    env.run_alone(&[&["verify"], &at[..], &["--policy", "trust.toml"]].concat()).success();
}

#[test]
fn who_signs_is_a_key_or_the_run_itself_and_never_both() {
    let env = TestEnv::new();
    env.keygen("mine");
    env.write("greet.wasm", component("hello"));
    let publish = ["publish", "greet.wasm", "--as", PACKAGE, "--to", "dir:packages"];
    let with = |more: &[&str]| env.with_key(&[&publish[..], more].concat());
    with(&["--sign"]).ended_with(2).code("trust::which_signer");
    with(&["--sign", "mine.key", "--keyless"]).ended_with(2).code("trust::which_signer");
    assert!(!env.path("packages").exists());
    with(&["--sign", "mine.key"]).success();
    let sign = ["sign", PACKAGE, "--from", "dir:packages"];
    for wrong in
        [&["--key", "mine.key", "--keyless"][..], &[], &["--keyless", "--signature-format", "legacy"]]
    {
        env.with_key(&[&sign[..], wrong].concat()).ended_with(2);
    }
    let verify = ["verify", PACKAGE, "--from", "dir:packages"];
    for wrong in [
        &["--certificate-identity", "a@example.com"][..],
        &["--certificate-issuer", "https://token.example.com"],
        &["--key", "mine.pub", "--trusted-root", "root.json"],
    ] {
        env.run_alone(&[&verify[..], wrong].concat()).ended_with(2);
    }
    let nobody = ["--certificate-identity", "**", "--certificate-issuer", "https://token.example.com"];
    env.run_alone(&[&verify[..], &nobody].concat()).ended_with(2).code("trust::invalid_identity");
}
