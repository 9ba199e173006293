//! The guest against WASI 0.2.2.

wit_bindgen::generate!({
    inline: "
        package test:era;
        world era {
            include snapshot:all/all;
            export wasi:cli/run@0.2.2;
            export wasi:http/incoming-handler@0.2.2;
        }
    ",
    path: "../../../../wit/wasi/0.2.2",
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
