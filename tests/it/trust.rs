//! Key files, through the real binary.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Ran, TestEnv};

impl TestEnv {
    /// Makes a key pair `PREFIX.key`, `PREFIX.pub` with the password `secret`.
    pub fn keygen(&self, prefix: &str) {
        let mut command = self.alone(&["keygen", "-o", prefix]);
        Ran::from(command.env("JOINTER_KEY_PASSWORD", "secret").output().expect("jointer starts")).success();
    }
}

#[test]
fn a_private_key_is_for_its_owner_only_and_never_overwritten() {
    let env = TestEnv::new();
    env.keygen("mine");
    let mode = std::fs::metadata(env.path("mine.key")).expect("a key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(env.read("mine.key").starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
    assert!(env.read("mine.pub").starts_with("-----BEGIN PUBLIC KEY-----\n"));
    let before = env.read("mine.key");
    let mut again = env.alone(&["keygen", "-o", "mine"]);
    Ran::from(again.env("COSIGN_PASSWORD", "other").output().expect("jointer starts"))
        .ended_with(9)
        .code("package::exists");
    assert_eq!(env.read("mine.key"), before);
}

#[test]
fn without_a_terminal_a_password_has_to_be_given() {
    let env = TestEnv::new();
    env.run_alone(&["keygen"]).ended_with(2).code("trust::no_password");
    assert!(!env.path("jointer.key").exists());
}
