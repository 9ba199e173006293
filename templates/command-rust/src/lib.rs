//! The component `{{name}}`: a command.

wit_bindgen::generate!({ path: "../wit", world: "{{name}}", generate_all });

use exports::wasi::cli::run::Guest;

struct Component;

impl Guest for Component {
    fn run() -> Result<(), ()> {
        let name = std::env::args().nth(1).unwrap_or_else(|| String::from("world"));
        // mut: for what `jointer add` puts here.
        #[allow(unused_mut)]
        let mut lines = vec![format!("Hello, {name}, from {{name}}!")];
        // jointer: calls of added parts stand above this line
        println!("{}", lines.join("\n"));
        Ok(())
    }
}

export!(Component);
