//! A command that uses WASI 0.2.3 and 0.2.12 side by side, and hands a resource of one to the other: that
//! works once both are one import, and traps before.

wit_bindgen::generate!({
    inline: "
        package test:mixed;
        world mixed {
            import wasi:cli/stdout@0.2.3;
            import wasi:cli/stdout@0.2.12;
            import wasi:io/poll@0.2.12;
            import wasi:clocks/monotonic-clock@0.2.3;
            export wasi:cli/run@0.2.3;
            export times: interface { use wasi:io/poll@0.2.12.{pollable}; wait: func() -> pollable; }
        }
    ",
    path: [
        "../../../../wit/wasi/0.2.3/deps/io.wit",
        "../../../../wit/wasi/0.2.3/deps/random.wit",
        "../../../../wit/wasi/0.2.3/deps/clocks.wit",
        "../../../../wit/wasi/0.2.3/deps/filesystem.wit",
        "../../../../wit/wasi/0.2.3/deps/sockets.wit",
        "../../../../wit/wasi/0.2.3/deps/cli.wit",
        "../../../../wit/wasi/0.2.12/deps/io.wit",
        "../../../../wit/wasi/0.2.12/deps/random.wit",
        "../../../../wit/wasi/0.2.12/deps/clocks.wit",
        "../../../../wit/wasi/0.2.12/deps/filesystem.wit",
        "../../../../wit/wasi/0.2.12/deps/sockets.wit",
        "../../../../wit/wasi/0.2.12/deps/cli.wit",
    ],
    world: "test:mixed/mixed",
    generate_all,
});

use exports::times::Pollable;
use wasi::clocks0_2_3::monotonic_clock;

struct Guest;
export!(Guest);

impl exports::wasi::cli0_2_3::run::Guest for Guest {
    fn run() -> Result<(), ()> {
        let older = wasi::cli0_2_3::stdout::get_stdout();
        let newer = wasi::cli0_2_12::stdout::get_stdout();
        older.blocking_write_and_flush(b"older ").map_err(|_| ())?;
        newer.blocking_write_and_flush(b"newer ").map_err(|_| ())?;
        let ready = wasi::io0_2_12::poll::poll(&[&timer()]);
        newer.blocking_write_and_flush(format!("ready {ready:?}\n").as_bytes()).map_err(|_| ())?;
        Ok(())
    }
}

/// Made by the older clock, waited for by the newer poll.
fn timer() -> wasi::io0_2_12::poll::Pollable {
    let timer = monotonic_clock::subscribe_duration(1_000_000);
    // The handle is the same number in the same table if, and only if, both are one resource type.
    unsafe { wasi::io0_2_12::poll::Pollable::from_handle(timer.take_handle()) }
}

impl exports::times::Guest for Guest {
    fn wait() -> Pollable {
        timer()
    }
}
