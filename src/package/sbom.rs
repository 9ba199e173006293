//! A CycloneDX 1.6 list of what an app consists of, walked from the components themselves.
//!
//! It goes as deep as the components tell: every part and every core module, with its hash and what its
//! `producers` say. The packages of the guest languages inside a core module are not listed yet, and the
//! list says so.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Contents, PackageError, Part};
use crate::adapt;
use crate::component::{self, CoreModule};
use crate::digest::Digest;

/// The media type of a CycloneDX document in JSON, which is also its artifact type.
pub const SBOM_MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";

const APP: &str = "app";

/// The list for an app whose manifest has this digest. The same contents give the same bytes.
pub(super) fn sbom(contents: &Contents<'_>, manifest: Digest) -> Result<Vec<u8>, PackageError> {
    let mut in_parts = BTreeSet::new();
    let mut components = Vec::new();
    for part in &contents.parts {
        let modules = distinct(component::core_modules(&part.bytes)?);
        in_parts.extend(modules.iter().map(|module| module.digest));
        components.push(of_part(part, &modules));
    }
    // What belongs to no part came in between: adapters and what composing adds.
    let between = distinct(component::core_modules(&contents.component)?)
        .into_iter()
        .filter(|module| !in_parts.contains(&module.digest));
    components.extend(between.enumerate().map(|(number, module)| of_module(APP, number, &module)));
    let references: Vec<&Value> = components.iter().map(|component| &component["bom-ref"]).collect();
    let document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", uuid(manifest)),
        "version": 1,
        "metadata": {
            "timestamp": contents.created,
            "tools": { "components": [{ "type": "application", "name": "jointer", "version": env!("CARGO_PKG_VERSION") }] },
            "component": {
                "type": "application",
                "bom-ref": APP,
                "name": contents.id.name.to_string(),
                "version": contents.id.version.to_string(),
                "mime-type": "application/wasm",
                "hashes": hashes(Digest::of(&contents.component)),
            },
        },
        "components": components,
        "dependencies": [{ "ref": APP, "dependsOn": references }],
        "compositions": [{
            // Only what the components tell; the packages inside of the modules are unknown here.
            "aggregate": "incomplete",
            "assemblies": [APP],
        }],
    });
    Ok(serde_json::to_vec(&document).unwrap_or_default())
}

/// Each module once: composing may instantiate one several times.
fn distinct(modules: Vec<CoreModule>) -> Vec<CoreModule> {
    let mut seen = BTreeSet::new();
    modules.into_iter().filter(|module| seen.insert(module.digest)).collect()
}

fn of_part(part: &Part, modules: &[CoreModule]) -> Value {
    let reference = format!("part/{}", part.name);
    let nested: Vec<Value> =
        modules.iter().enumerate().map(|(number, module)| of_module(&reference, number, module)).collect();
    let mut properties = Vec::new();
    if let Some(language) = &part.language {
        properties.push(property("wasm:language", language));
    }
    for (tool, version) in &part.tools {
        properties.push(property(&format!("jointer:tool:{tool}"), version));
    }
    for step in adapt::steps(&part.bytes) {
        properties.push(property("jointer:adapted", &step.to_string()));
    }
    json!({
        "type": "library",
        "bom-ref": reference,
        "name": part.name.as_str(),
        "mime-type": "application/wasm",
        "hashes": hashes(Digest::of(&part.bytes)),
        "properties": properties,
        "components": nested,
    })
}

fn of_module(owner: &str, number: usize, module: &CoreModule) -> Value {
    let mut properties = vec![property("wasm:size", &module.size.to_string())];
    for language in &module.language {
        properties.push(property("wasm:language", format!("{} {}", language.name, language.version).trim()));
    }
    for tool in &module.processed_by {
        properties.push(property(&format!("wasm:processed-by:{}", tool.name), &tool.version));
    }
    json!({
        "type": "library",
        "bom-ref": format!("{owner}/module/{number}"),
        "name": module.name.as_deref().filter(|name| !name.is_empty()).unwrap_or("core module"),
        "mime-type": "application/wasm",
        "hashes": hashes(module.digest),
        "properties": properties,
    })
}

fn property(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}

fn hashes(digest: Digest) -> Value {
    json!([{ "alg": "SHA-256", "content": digest.hex() }])
}

/// A UUID of version 8 (made by a rule of one's own) from a digest.
fn uuid(digest: Digest) -> String {
    let mut hex = digest.hex().into_bytes();
    hex.truncate(32);
    hex[12] = b'8';
    hex[16] = b'8';
    let hex = String::from_utf8_lossy(&hex).into_owned();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
