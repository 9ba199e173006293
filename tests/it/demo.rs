//! The README's first command.

use crate::support::TestEnv;

#[test]
fn the_demo_answers_with_a_receipt_of_three_languages() {
    let env = TestEnv::new();
    let said = env.jointer(["demo", "--keep", "demo"]).success();
    for line in ["Acme's finest", "3 x apple @ 0.30            0.90", "total                       4.30"] {
        assert!(said.stdout.contains(line), "{}\n{}", said.stdout, said.stderr);
    }
    assert!(env.path("demo/build/shop.wasm").is_file());
}
