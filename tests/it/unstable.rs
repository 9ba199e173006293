//! Core modules for `wasi_unstable`: every function that means something else today is called, and its
//! results are compared with what that snapshot's witx says.

use crate::support::TestEnv;

/// The program notes failed checks as bits and ends with them as its status.
pub(crate) const PROGRAM: &str = r#"(module
    (import "wasi_unstable" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_unstable" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_unstable" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
    (import "wasi_unstable" "fd_filestat_get" (func $stat (param i32 i32) (result i32)))
    (import "wasi_unstable" "path_filestat_get" (func $path_stat (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_unstable" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_unstable" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 100) "file.txt")
    (data (i32.const 120) "hello")
    (data (i32.const 130) "absent")
    (global $failed (mut i32) (i32.const 0))
    ;; also through a table, where indices of functions stand as well
    (type $seeks (func (param i32 i64 i32 i32) (result i32)))
    (table funcref (elem $seek $stat))

    (func $check (param $bit i32) (param $holds i32)
        (if (i32.eqz (local.get $holds))
            (then (global.set $failed
                (i32.or (global.get $failed) (i32.shl (i32.const 1) (local.get $bit)))))))

    ;; seeks and gives the place it says
    (func $place (param $fd i32) (param $by i64) (param $whence i32) (result i64)
        (i64.store (i32.const 32) (i64.const -1))
        (drop (call $seek (local.get $fd) (local.get $by) (local.get $whence) (i32.const 32)))
        (i64.load (i32.const 32)))

    ;; a record of 56 bytes at 400: a file of 5 bytes with one link, written lately
    (func $is_stat (param $bit i32)
        (call $check (local.get $bit) (i32.eq (i32.load8_u (i32.const 416)) (i32.const 4)))
        (call $check (local.get $bit) (i32.eq (i32.load (i32.const 420)) (i32.const 1)))
        (call $check (local.get $bit) (i64.eq (i64.load (i32.const 424)) (i64.const 5)))
        (call $check (local.get $bit) (i64.gt_u (i64.load (i32.const 440)) (i64.const 1577836800000000000)))
        ;; what stands before and behind it
        (call $check (local.get $bit) (i64.eq (i64.load (i32.const 392)) (i64.const 0x1122334455667788)))
        (call $check (local.get $bit) (i64.eq (i64.load (i32.const 456)) (i64.const 0x1020304050607080))))

    (func $clock (param $at i32) (param $user i64) (param $identifier i64) (param $nanos i64)
        (i64.store (local.get $at) (local.get $user))
        (i32.store8 offset=8 (local.get $at) (i32.const 0))
        (i64.store offset=16 (local.get $at) (local.get $identifier))
        (i32.store offset=24 (local.get $at) (i32.const 1))
        (i64.store offset=32 (local.get $at) (local.get $nanos))
        (i64.store offset=40 (local.get $at) (i64.const 0))
        (i64.store offset=48 (local.get $at) (i64.const 0)))

    (func $sum (result i64) (local $at i32) (local $sum i64)
        (local.set $at (i32.const 1024))
        (loop $more
            (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31)) (i64.load (local.get $at))))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br_if $more (i32.lt_u (local.get $at) (i32.const 1360))))
        (local.get $sum))

    (func (export "_start") (local $fd i32) (local $sum i64)
        (call $check (i32.const 0) (i32.eqz (call $open (i32.const 3) (i32.const 0) (i32.const 100)
            (i32.const 8) (i32.const 1) (i64.const 0x1fffffff) (i64.const 0x1fffffff) (i32.const 0) (i32.const 0))))
        (local.set $fd (i32.load (i32.const 0)))
        (i32.store (i32.const 16) (i32.const 120))
        (i32.store (i32.const 20) (i32.const 5))
        (drop (call $write (local.get $fd) (i32.const 16) (i32.const 1) (i32.const 24)))

        ;; whence: 2 is the start, 1 the end, 0 where it is
        (call $check (i32.const 1) (i64.eq (call $place (local.get $fd) (i64.const 1) (i32.const 2)) (i64.const 1)))
        (call $check (i32.const 1) (i64.eq (call $place (local.get $fd) (i64.const -2) (i32.const 1)) (i64.const 3)))
        (call $check (i32.const 1) (i64.eq (call $place (local.get $fd) (i64.const 1) (i32.const 0)) (i64.const 4)))
        (call $check (i32.const 1) (i64.eq (call $place (local.get $fd) (i64.const 0) (i32.const 7)) (i64.const -1)))
        (drop (call_indirect (type $seeks)
            (local.get $fd) (i64.const 2) (i32.const 2) (i32.const 32) (i32.const 0)))
        (call $check (i32.const 1) (i64.eq (i64.load (i32.const 32)) (i64.const 2)))

        (i64.store (i32.const 392) (i64.const 0x1122334455667788))
        (i64.store (i32.const 456) (i64.const 0x1020304050607080))
        (call $check (i32.const 2) (i32.eqz (call $stat (local.get $fd) (i32.const 400))))
        (call $is_stat (i32.const 2))
        (memory.fill (i32.const 400) (i32.const 0xee) (i32.const 56))
        (call $check (i32.const 3) (i32.eqz (call $path_stat
            (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 8) (i32.const 400))))
        (call $is_stat (i32.const 3))
        ;; a file that is not there is an error, and nothing is written
        (call $check (i32.const 3) (i32.eq (i32.const 44) (call $path_stat
            (i32.const 3) (i32.const 0) (i32.const 130) (i32.const 6) (i32.const 400))))
        (call $is_stat (i32.const 3))
        ;; a record at the very end of memory
        (call $check (i32.const 2) (i32.eqz (call $stat (local.get $fd) (i32.const 65480))))
        (call $check (i32.const 2) (i64.eq (i64.load (i32.const 65504)) (i64.const 5)))

        ;; six subscriptions of 56 bytes: a far clock, standard output, four clocks more
        (call $clock (i32.const 1024) (i64.const 0xa1) (i64.const 0xaaaa) (i64.const 60000000000))
        (i64.store (i32.const 1080) (i64.const 0xa2))
        (i32.store8 (i32.const 1088) (i32.const 2))
        (i32.store (i32.const 1096) (i32.const 1))
        (i64.store (i32.const 1128) (i64.const 0x5555555555555555))
        (call $clock (i32.const 1136) (i64.const 0xa3) (i64.const 0xbbbb) (i64.const 60000000000))
        (call $clock (i32.const 1192) (i64.const 0xa4) (i64.const -1) (i64.const 60000000000))
        (call $clock (i32.const 1248) (i64.const 0xa5) (i64.const 7) (i64.const 60000000000))
        (call $clock (i32.const 1304) (i64.const 0xa6) (i64.const 8) (i64.const 60000000000))
        (local.set $sum (call $sum))
        (call $check (i32.const 4) (i32.eqz (call $poll
            (i32.const 1024) (i32.const 2048) (i32.const 6) (i32.const 64))))
        ;; the list is as it was
        (call $check (i32.const 5) (i64.eq (local.get $sum) (call $sum)))
        ;; only standard output is ready at once
        (call $check (i32.const 4) (i32.eq (i32.load (i32.const 64)) (i32.const 1)))
        (call $check (i32.const 4) (i64.eq (i64.load (i32.const 2048)) (i64.const 0xa2)))
        (call $check (i32.const 4) (i32.eqz (i32.load16_u (i32.const 2056))))
        ;; of two clocks the nearer one
        (call $clock (i32.const 1192) (i64.const 0xb4) (i64.const 3) (i64.const 2000000))
        (call $check (i32.const 6) (i32.eqz (call $poll
            (i32.const 1136) (i32.const 2048) (i32.const 2) (i32.const 64))))
        (call $check (i32.const 6) (i32.eq (i32.load (i32.const 64)) (i32.const 1)))
        (call $check (i32.const 6) (i64.eq (i64.load (i32.const 2048)) (i64.const 0xb4)))
        (call $exit (global.get $failed)))
)"#;

fn env_with(text: &str) -> TestEnv {
    let env = TestEnv::new();
    env.write("program.wasm", wat::parse_str(text).expect("WAT"));
    env
}

#[test]
fn a_command_for_wasi_unstable_finds_everything_as_it_was() {
    let env = env_with(PROGRAM);
    std::fs::create_dir_all(env.path("folder")).expect("folder");
    for to in ["0.2.12", "0.2.6", "0.2.0"] {
        let host = format!("wasi@{to}");
        env.jointer(["run", "--host", &host, "program.wasm"]).ended_with(5).code("host::does_not_fit");
        let said = env.jointer(["adapt", "program.wasm", "--to", &host, "-o", "adapted.wasm"]).success();
        assert!(said.stderr.contains("from wasi_unstable"), "{}", said.stderr);
        let _ = std::fs::remove_file(env.path("folder/file.txt"));
        let ran = env.jointer(["run", "--host", &host, "--dir", "folder::/", "adapted.wasm"]);
        assert_eq!(ran.status, 0, "failed checks as bits, on {host}\n{}", ran.stderr);
    }
    // The runner inside jointer adapts by itself.
    let _ = std::fs::remove_file(env.path("folder/file.txt"));
    env.jointer(["run", "--dir", "folder::/", "program.wasm"]).success();
}

/// Proves that the program can fail: as preview1, which it is not, four of its checks do.
#[test]
fn the_same_program_under_todays_name_fails() {
    let env = env_with(&PROGRAM.replace("wasi_unstable", "wasi_snapshot_preview1"));
    std::fs::create_dir_all(env.path("folder")).expect("folder");
    let ran = env.jointer(["run", "--dir", "folder::/", "program.wasm"]);
    assert!(ran.status & 0b1110 == 0b1110, "{}\n{}", ran.status, ran.stderr);
}

#[test]
fn reactors_and_proxies_for_wasi_unstable_become_components() {
    let library = r#"(module
        (import "wasi_unstable" "random_get" (func $random (param i32 i32) (result i32)))
        (import "wasi_unstable" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "_initialize"))
        (func (export "use") (drop (call $random (i32.const 0) (i32.const 8)))
            (drop (call $poll (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))))"#;
    let env = env_with(library);
    for kind in ["reactor", "proxy"] {
        let args = ["adapt", "program.wasm", "--kind", kind, "--to", "wasi@0.2.6", "-o", "adapted.wasm"];
        env.jointer(args).success();
        let inspected = env.jointer(["inspect", "adapted.wasm"]).success().stdout;
        assert!(inspected.contains("wasi:io/poll@0.2.6"), "{kind}: {inspected}");
        assert!(!inspected.contains("cli/run"), "{kind}: {inspected}");
    }
    let stranger = library.replace("i32 i32 i32 i32) (result i32)))", "i32 i32 i32) (result i32)))");
    env.write(
        "strange.wasm",
        wat::parse_str(stranger.replace(
            "(i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)",
            "(i32.const 0) (i32.const 0) (i32.const 0)",
        ))
        .expect("WAT"),
    );
    let said = env.jointer(["adapt", "strange.wasm", "-o", "no.wasm"]).ended_with(5);
    assert!(said.code("adapt::not_componentizable").unwrapped().contains("poll_oneoff"));
}
