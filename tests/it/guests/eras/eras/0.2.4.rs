//! The guest against WASI 0.2.4.

wit_bindgen::generate!({
    inline: "
        package test:era;
        world era {
            include snapshot:all/all;
            export wasi:cli/run@0.2.4;
            export wasi:http/incoming-handler@0.2.4;
        }
    ",
    path: "../../../../wit/wasi/0.2.4",
    world: "test:era/era",
    features: ["clocks-timezone"],
    generate_all,
});

#[path = "../guest/differences/today.rs"]
mod differences;
#[path = "../guest/mod.rs"]
mod guest;

export!(Guest with_types_in self);
use guest::Guest;
