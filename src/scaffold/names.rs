//! One name in the spellings of four languages, and what templates put in place of `{{…}}`.

use crate::name::{ComponentName, PackageName};

/// The version of a new app's own WIT package.
pub(super) const VERSION: &str = "0.1.0";

/// The names that a component's files need.
pub(super) struct Names {
    pairs: Vec<(&'static str, String)>,
}

impl Names {
    pub(super) fn new(package: &PackageName, component: &ComponentName) -> Self {
        let api = api(component);
        let pairs = vec![
            ("name", component.to_string()),
            ("app", package.name.clone()),
            ("package", package.to_string()),
            ("rust_package", rust_package(package)),
            ("api_snake", snake(&api)),
            ("api_camel", camel(&api)),
            ("api_pascal", pascal(&api)),
            ("api", api),
        ];
        Self { pairs }
    }

    /// `text` with each `{{key}}` replaced.
    pub(super) fn fill(&self, text: &str) -> String {
        let replace =
            |text: String, (key, value): &(&str, String)| text.replace(&format!("{{{{{key}}}}}"), value);
        self.pairs.iter().fold(text.to_owned(), replace)
    }
}

/// The interface that a library component exports. Not the component's own name: that is its world's,
/// and WIT keeps worlds and interfaces of a package in one namespace.
pub(super) fn api(component: &ComponentName) -> String {
    format!("{component}-api")
}

/// The module that wit-bindgen makes of a package.
pub(super) fn rust_package(package: &PackageName) -> String {
    format!("{}::{}", snake(&package.namespace), snake(&package.name))
}

/// `my-name` as `my_name`.
pub(super) fn snake(kebab: &str) -> String {
    kebab.replace('-', "_")
}

/// `my-name` as `MyName`.
pub(super) fn pascal(kebab: &str) -> String {
    let capital = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    };
    kebab.split('-').map(capital).collect()
}

/// `my-name` as `myName`.
pub(super) fn camel(kebab: &str) -> String {
    let pascal = pascal(kebab);
    let (first, rest) = pascal.split_at(pascal.len().min(1));
    first.to_lowercase() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_four_spellings() {
        let names = Names::new(&"acme:web-shop".parse().unwrap(), &"price-list".parse().unwrap());
        let text = "{{name}} {{api}} {{api_snake}} {{api_camel}} {{api_pascal}} {{rust_package}} {{other}}";
        assert_eq!(
            names.fill(text),
            "price-list price-list-api price_list_api priceListApi PriceListApi acme::web_shop {{other}}"
        );
    }
}
