//! The component `{{name}}`.

wit_bindgen::generate!({ path: "../wit", world: "{{name}}", generate_all });

use exports::{{rust_package}}::{{api_snake}}::Guest;

struct Component;

impl Guest for Component {
    fn greet(name: String) -> String {
        // mut: for what `jointer add` puts here.
        #[allow(unused_mut)]
        let mut lines = vec![format!("Hello, {name}, from {{name}}!")];
        // jointer: calls of added parts stand above this line
        lines.join("\n")
    }
}

export!(Component);
