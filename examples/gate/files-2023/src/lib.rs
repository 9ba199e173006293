//! The file server as a component of WASI as it was in November 2023: the same source, other bindings.

#[path = "../../files/src/server.rs"]
mod server;

wit_bindgen::generate!({ path: "wit", world: "files", generate_all });

export!(Files);

use server::Files;
