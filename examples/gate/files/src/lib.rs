//! The file server as a component of today's WASI.

mod server;

wit_bindgen::generate!({ path: "../wit", world: "files", generate_all });

export!(Files);

use server::Files;
