//! The guest against WASI 0.2.0-rc-2023-11-10.

wit_bindgen::generate!({
    inline: "
        package test:era;
        world era {
            include snapshot:all/all;
            export wasi:cli/run@0.2.0-rc-2023-11-10;
            export wasi:http/incoming-handler@0.2.0-rc-2023-11-10;
        }
    ",
    path: "../../../../wit/wasi/0.2.0-rc-2023-11-10",
    world: "test:era/era",
    generate_all,
});

#[path = "../guest/differences/november.rs"]
mod differences;
#[path = "../guest/mod.rs"]
mod guest;

export!(Guest with_types_in self);
use guest::Guest;
