//! The guest against WASI 0.2.0-rc-2023-12-05.

wit_bindgen::generate!({
    inline: "
        package test:era;
        world era {
            include snapshot:all/all;
            export wasi:cli/run@0.2.0-rc-2023-12-05;
            export wasi:http/incoming-handler@0.2.0-rc-2023-12-05;
        }
    ",
    path: "../../../../wit/wasi/0.2.0-rc-2023-12-05",
    world: "test:era/era",
    generate_all,
});

#[path = "../guest/differences/december.rs"]
mod differences;
#[path = "../guest/mod.rs"]
mod guest;

export!(Guest with_types_in self);
use guest::Guest;
