use super::*;
use crate::component::{Ecosystem, Origin, Package};

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

fn part(name: &str, text: &str, language: &str) -> Part {
    let anyhow = Package {
        ecosystem: Ecosystem::Cargo,
        name: "anyhow".to_owned(),
        version: "1.0.1".to_owned(),
        origin: Origin::Public,
        license: Some("MIT/Apache-2.0".to_owned()),
        sha256: None,
        sha512: None,
        needs: Vec::new(),
    };
    Part {
        name: name.parse().unwrap(),
        bytes: wasm(text),
        language: Some(language.to_owned()),
        tools: [("cargo".to_owned(), "1.95.0".to_owned())].into(),
        packages: Some(Packages { told_by: "Cargo.lock".to_owned(), direct: vec![0], list: vec![anyhow] }),
    }
}

fn list(parts: &[Part], whole: &str) -> Value {
    let wiring: Vec<Wired> = parts
        .get(1)
        .iter()
        .map(|provider| Wired {
            consumer: parts[0].name.to_string(),
            import: "a:b/c".to_owned(),
            provider: provider.name.to_string(),
            export: "a:b/c".to_owned(),
        })
        .collect();
    let subject = Subject {
        name: "acme:shop",
        version: Some("1.0.0"),
        component: &wasm(whole),
        parts,
        wiring: &wiring,
        created: "1970-01-01T00:00:00Z",
    };
    let bytes = sbom(&subject).unwrap();
    assert_eq!(bytes, sbom(&subject).unwrap(), "the same bytes each time");
    serde_json::from_slice(&bytes).unwrap()
}

/// How complete the list says it is, by reference.
fn said(list: &Value) -> BTreeMap<&str, &str> {
    let each = list["compositions"].as_array().unwrap().iter();
    each.map(|one| (one["assemblies"][0].as_str().unwrap(), one["aggregate"].as_str().unwrap())).collect()
}

fn needs<'a>(list: &'a Value, reference: &str) -> &'a Value {
    let all = list["dependencies"].as_array().unwrap();
    &all.iter().find(|one| one["ref"] == reference).unwrap()["dependsOn"]
}

const RUST: &str = "(component (core module (memory 1)) (core module (func)))";

#[test]
fn a_part_is_complete_where_every_module_has_its_packages() {
    let (rust, python) = (part("gateway", RUST, "rust"), part("pricing", RUST, "python"));
    let both = list(&[rust.clone(), python], "(component)");
    let completeness = said(&both);
    assert_eq!(completeness["part/gateway"], "complete");
    assert_eq!(completeness["part/pricing"], "incomplete", "nobody knows what the interpreter is made of");
    assert_eq!(completeness["app"], "incomplete");
    let unknown = &both["components"][1]["components"][0]["properties"];
    assert!(unknown.as_array().unwrap().contains(&property(PACKAGES, "unknown")));
    assert_eq!(said(&list(std::slice::from_ref(&rust), "(component)"))["app"], "complete");
    let nothing_told = Part { packages: None, ..rust };
    assert_eq!(said(&list(&[nothing_told], "(component)"))["app"], "incomplete");
}

#[test]
fn what_came_in_between_makes_it_incomplete() {
    let rust = part("gateway", RUST, "rust");
    let between =
        list(&[rust], "(component (core module $shim (func)) (component (core module (memory 1))))");
    assert_eq!(said(&between)["app"], "incomplete");
    let references: Vec<_> =
        between["components"].as_array().unwrap().iter().map(|one| &one["bom-ref"]).collect();
    assert_eq!(references, ["part/gateway", "app/0", "app/1", "pkg:cargo/anyhow@1.0.1"]);
    assert_eq!(between["components"][1]["name"], "shim");
}

#[test]
fn dependencies_follow_the_wiring_and_the_packages() {
    let parts = [part("gateway", RUST, "rust"), part("pricing", RUST, "rust")];
    let both = list(&parts, "(component)");
    assert_eq!(*needs(&both, "app"), json!(["part/gateway", "part/pricing"]));
    let gateway = needs(&both, "part/gateway").as_array().unwrap();
    assert!(gateway.contains(&json!("part/pricing")) && gateway.contains(&json!("pkg:cargo/anyhow@1.0.1")));
    let packages: Vec<_> =
        both["components"].as_array().unwrap().iter().filter(|one| one["purl"].is_string()).collect();
    assert_eq!(packages.len(), 1, "listed once");
    assert_eq!(packages[0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
}

#[test]
fn adapters_are_components_of_their_own() {
    let wrapped = r#"(component
        (@producers (processed-by "jointer" "0.1.0; 0.2.0-rc-2023-10-18 to wasi@0.2.12 (wrapped)"))
        (component (core module (memory 1)))
        (component (core module (memory 1) (data (i32.const 0) "guest"))))"#;
    let wrapped = list(&[part("october", wrapped, "rust")], "(component)");
    let october = &wrapped["components"][0];
    let properties = |value: &Value| value["properties"].as_array().unwrap().clone();
    let step = "0.2.0-rc-2023-10-18 to wasi@0.2.12 (wrapped)";
    assert!(properties(october).contains(&property("jointer:adapted", step)));
    assert_eq!(october["components"][0]["name"], "adapter");
    assert!(properties(&october["components"][0]).contains(&property("jointer:role", "adapter")));
    assert_eq!(october["components"][1]["name"], "component");
    assert_eq!(said(&wrapped)["part/october"], "complete", "the adapter has nobody's packages");
}

#[test]
fn a_module_that_names_its_packages_is_complete_by_itself() {
    let json = r#"{"packages":[{"name":"anyhow","version":"1.0.1","source":"crates.io"}]}"#;
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packer, json.as_bytes()).unwrap();
    let packed: String = packer.finish().unwrap().iter().map(|byte| format!("\\{byte:02x}")).collect();
    let whole = format!(r#"(component (core module (memory 1) (@custom ".dep-v0" "{packed}")))"#);
    let alone = list(&[], &whole);
    assert_eq!(said(&alone)["app"], "complete");
    assert_eq!(*needs(&alone, "app/0"), json!(["pkg:cargo/anyhow@1.0.1"]));
    assert_eq!(said(&list(&[], RUST))["app"], "incomplete");
}
