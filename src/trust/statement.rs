//! What statements say: where something was built from, what is inside of it.

use std::collections::BTreeSet;

use serde_json::Value;

/// Where the sources of a build came from, as its provenance says.
pub(super) fn origins(provenance: &Value) -> BTreeSet<String> {
    let definition = &provenance["buildDefinition"];
    let parameters = &definition["externalParameters"];
    let named = [&parameters["source"], &parameters["workflow"]["repository"]];
    let resolved = definition["resolvedDependencies"].as_array().into_iter().flatten();
    let resolved = resolved.map(|dependency| &dependency["uri"]);
    named.into_iter().chain(resolved).filter_map(Value::as_str).map(place).collect()
}

/// An address without what says how and which revision: `git+https://x.example/y@refs/tags/1` is
/// `https://x.example/y`.
pub(super) fn place(address: &str) -> String {
    let plain = address.strip_prefix("git+").unwrap_or(address);
    let (scheme, rest) = plain.split_once("://").unwrap_or(("", plain));
    // An `@` before the first slash is a user's name.
    let host_end = rest.find('/').unwrap_or(rest.len());
    let end = rest[host_end..].find('@').map_or(rest.len(), |at| host_end + at);
    let rest = rest[..end].trim_end_matches('/');
    format!("{scheme}://{}", rest.strip_suffix(".git").unwrap_or(rest))
}

/// Every licence in a CycloneDX document, components inside of components included.
pub(super) fn licences(list: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting: Vec<&Value> = list["components"].as_array().into_iter().flatten().collect();
    while let Some(component) = waiting.pop() {
        waiting.extend(component["components"].as_array().into_iter().flatten());
        let choices: Vec<&Value> = component["licenses"].as_array().into_iter().flatten().collect();
        let name = |choice: &Value| {
            let texts = [&choice["expression"], &choice["license"]["id"], &choice["license"]["name"]];
            texts.into_iter().find_map(Value::as_str).map(str::to_owned)
        };
        // Several stand for "all of these", an expression stands alone.
        found.extend(choices.into_iter().filter_map(name));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_is_an_address_without_how_and_which() {
        for text in [
            "https://x.example/y",
            "https://x.example/y/",
            "https://x.example/y.git",
            "git+https://x.example/y@refs/tags/v1",
            "git+https://x.example/y.git@0123abcd",
        ] {
            assert_eq!(place(text), "https://x.example/y", "{text}");
        }
        assert_eq!(place("ssh://git@x.example/y@1"), "ssh://git@x.example/y");
        assert_ne!(place("https://x.example/y"), place("http://x.example/y"));
        assert_ne!(place("https://x.example/y"), place("https://x.example/y2"));
    }

    #[test]
    fn licences_are_found_at_any_depth() {
        let list = json!({ "components": [
            { "licenses": [{ "license": { "id": "MIT" } }], "components": [
                { "licenses": [{ "expression": "MIT OR ISC" }, { "license": { "name": "mine" } }] },
                { "licenses": [] }, {},
            ] },
        ] });
        let mut found = licences(&list);
        found.sort();
        assert_eq!(found, ["MIT", "MIT OR ISC", "mine"]);
        assert!(licences(&json!({ "components": "x" })).is_empty());
    }
}
