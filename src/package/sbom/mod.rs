//! A CycloneDX 1.6 list of what a component consists of, walked from the component itself.
//!
//! Every part, every component and core module inside, with its hash and what its sections say; and the cargo,
//! PyPI and npm packages inside those, from the modules' own `.dep-v0` and from what the build wrote down. Where
//! nobody can tell the packages of a module, the module, its part and the whole say so.

mod packages;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use self::packages::{Listed, licenses};
use super::{PackageError, Part};
use crate::build::Wired;
use crate::component::{self, Kind, Node, Packages};
use crate::digest::Digest;

/// The media type of a CycloneDX document in JSON, which is also its artifact type.
pub const SBOM_MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";

const APP: &str = "app";
const PACKAGES: &str = "jointer:packages";

/// What a list is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Its version, where it has one.
    pub version: Option<&'a str>,
    /// Its bytes.
    pub component: &'a [u8],
    /// The parts that it was composed of, where that is known.
    pub parts: &'a [Part],
    /// Which part uses which.
    pub wiring: &'a [Wired],
    /// When it says to be made; from [`crate::registry::creation_time`].
    pub created: &'a str,
}

/// The list. The same subject gives the same bytes.
///
/// # Errors
/// When the component or a part is not WebAssembly.
pub fn sbom(subject: &Subject<'_>) -> Result<Vec<u8>, PackageError> {
    let mut list = List::default();
    let mut in_parts = BTreeSet::new();
    let mut complete = true;
    for part in subject.parts {
        let tree = component::tree(&part.bytes)?;
        in_parts.extend(tree.all().iter().map(|node| node.digest));
        complete &= list.part(part, &tree);
    }
    for wired in subject.wiring {
        list.needs(&part_reference(&wired.consumer), [part_reference(&wired.provider)]);
    }
    let whole = component::tree(subject.component)?;
    complete &= list.whole(&whole, &in_parts);
    list.completeness(APP, complete);
    let mut bytes = serde_json::to_vec_pretty(&list.document(subject, &whole)).unwrap_or_default();
    bytes.push(b'\n');
    Ok(bytes)
}

/// Why a node is where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Somebody made it.
    Made,
    /// jointer put it between a component and its host.
    Adapter,
}

#[derive(Default)]
struct List {
    components: Vec<Value>,
    packages: BTreeMap<String, Listed>,
    dependencies: BTreeMap<String, BTreeSet<String>>,
    compositions: Vec<Value>,
    /// A module whose packages the build told.
    told: Option<Digest>,
}

impl List {
    /// Adds a part; whether all that is in it is listed.
    fn part(&mut self, part: &Part, tree: &Node) -> bool {
        let reference = part_reference(part.name.as_str());
        // cargo knows the packages of the one module that it makes. What interpreters are made of is not in
        // anybody's lock file.
        let guests = guests(tree, Role::Made);
        self.told = match (part.language.as_deref(), &part.packages, guests.as_slice()) {
            (Some("rust"), Some(_), [only]) => Some(only.digest),
            _ => None,
        };
        let (mut value, complete) = self.node(&reference, tree, Role::Made);
        value["name"] = part.name.as_str().into();
        let mut properties = vec![property("jointer:role", "part")];
        properties.extend(part.language.iter().map(|language| property("wasm:language", language)));
        let tools = part.tools.iter();
        properties.extend(tools.map(|(tool, version)| property(&format!("jointer:tool:{tool}"), version)));
        if let Some(packages) = &part.packages {
            properties.push(property(PACKAGES, &packages.told_by));
            self.packages(&reference, packages);
        }
        append(&mut value["properties"], properties);
        self.components.push(value);
        self.needs(APP, [reference.clone()]);
        self.completeness(&reference, complete);
        self.told = None;
        complete
    }

    /// Adds what the whole has besides its parts: all of it where there are none.
    fn whole(&mut self, whole: &Node, in_parts: &BTreeSet<Digest>) -> bool {
        if let Some(packages) = &whole.packages {
            self.packages(APP, packages);
        }
        let roles = roles(whole, Role::Made);
        let mut complete = !whole.cut && (whole.kind == Kind::Component || is_known(whole, Role::Made, None));
        for (place, (nested, role)) in whole.nested.iter().zip(roles).enumerate() {
            if in_parts.contains(&nested.digest) {
                continue;
            }
            let reference = format!("{APP}/{place}");
            let (value, known) = self.node(&reference, nested, role);
            self.components.push(value);
            self.needs(APP, [reference]);
            complete &= known;
        }
        complete
    }

    /// A component or module with all inside of it; whether all packages in it are known.
    fn node(&mut self, reference: &str, node: &Node, role: Role) -> (Value, bool) {
        let mut known = !node.cut && (node.kind == Kind::Component || is_known(node, role, self.told));
        let mut nested = Vec::new();
        for (place, (inside, role)) in node.nested.iter().zip(roles(node, role)).enumerate() {
            let inside_reference = format!("{reference}/{place}");
            let (value, inside_known) = self.node(&inside_reference, inside, role);
            nested.push(value);
            self.needs(reference, [inside_reference]);
            known &= inside_known;
        }
        let mut properties = said(node);
        if role == Role::Adapter {
            properties.push(property("jointer:role", "adapter"));
        }
        match &node.packages {
            Some(packages) => {
                properties.push(property(PACKAGES, &packages.told_by));
                self.packages(reference, packages);
            }
            None if node.kind == Kind::CoreModule && !known => properties.push(property(PACKAGES, "unknown")),
            None => {}
        }
        let mut value = json!({
            "type": "library",
            "bom-ref": reference,
            "name": name(node, role),
            "mime-type": "application/wasm",
            "hashes": hashes(node.digest),
            "properties": properties,
        });
        if let Some(version) = &node.version {
            value["version"] = version.as_str().into();
        }
        if let Some(license) = &node.license {
            value["licenses"] = licenses(license);
        }
        if !nested.is_empty() {
            value["components"] = nested.into();
        }
        (value, known)
    }

    /// Adds packages that `owner` is made of.
    fn packages(&mut self, owner: &str, packages: &Packages) {
        let references: Vec<String> =
            packages.list.iter().map(|package| packages::reference(package, owner)).collect();
        let at = |place: &usize| references.get(*place).cloned();
        for (package, reference) in packages.list.iter().zip(&references) {
            self.packages.entry(reference.clone()).or_default().learn(package);
            self.needs(reference, package.needs.iter().filter_map(at));
        }
        self.needs(owner, packages.direct.iter().filter_map(at));
    }

    fn needs(&mut self, reference: &str, needed: impl IntoIterator<Item = String>) {
        self.dependencies.entry(reference.to_owned()).or_default().extend(needed);
    }

    fn completeness(&mut self, reference: &str, complete: bool) {
        let aggregate = if complete { "complete" } else { "incomplete" };
        let of = json!([reference]);
        self.compositions.push(json!({ "aggregate": aggregate, "assemblies": of, "dependencies": of }));
    }

    fn document(self, subject: &Subject<'_>, whole: &Node) -> Value {
        let mut components = self.components;
        components.extend(self.packages.iter().map(|(reference, package)| package.value(reference)));
        let dependencies = self.dependencies.iter();
        let dependencies: Vec<Value> = dependencies
            .map(|(reference, needed)| json!({ "ref": reference, "dependsOn": needed }))
            .collect();
        let mut component = json!({
            "type": "application",
            "bom-ref": APP,
            "name": subject.name,
            "mime-type": "application/wasm",
            "hashes": hashes(whole.digest),
            "properties": said(whole),
        });
        if let Some(version) = subject.version.or(whole.version.as_deref()) {
            component["version"] = version.into();
        }
        if let Some(license) = &whole.license {
            component["licenses"] = licenses(license);
        }
        let jointer =
            json!({ "type": "application", "name": "jointer", "version": env!("CARGO_PKG_VERSION") });
        json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "serialNumber": serial_number(subject, whole.digest),
            "version": 1,
            "metadata": {
                "timestamp": subject.created,
                "lifecycles": [{ "phase": "post-build" }],
                "tools": { "components": [jointer] },
                "component": component,
            },
            "components": components,
            "dependencies": dependencies,
            "compositions": self.compositions,
        })
    }
}

fn part_reference(name: &str) -> String {
    format!("part/{name}")
}

/// Whether the packages of a module are listed, or there is no place in it for any.
fn is_known(node: &Node, role: Role, told: Option<Digest>) -> bool {
    // An adapter that no compiler has worked on is jointer's own and nothing else.
    let written = role == Role::Adapter && node.language.is_empty() && node.processed_by.is_empty();
    node.packages.is_some() || node.connects || written || told == Some(node.digest)
}

/// The roles of what is inside of a node. What jointer wrapped has the adapters first and then the component
/// that they are for.
fn roles(node: &Node, role: Role) -> Vec<Role> {
    let components = node.nested.iter().filter(|inside| inside.kind == Kind::Component).count();
    let adapters =
        if steps(node).any(|step| step.ends_with("(wrapped)")) { components.saturating_sub(1) } else { 0 };
    let mut seen = 0;
    let of = |inside: &Node| {
        seen += usize::from(inside.kind == Kind::Component);
        let adapter = inside.kind == Kind::Component && seen <= adapters;
        if adapter { Role::Adapter } else { role }
    };
    node.nested.iter().map(of).collect()
}

/// The modules with code of a guest.
fn guests(node: &Node, role: Role) -> Vec<&Node> {
    let mut found = Vec::new();
    if node.kind == Kind::CoreModule && role == Role::Made && !node.connects {
        found.push(node);
    }
    for (inside, role) in node.nested.iter().zip(roles(node, role)) {
        found.extend(guests(inside, role));
    }
    found
}

/// What jointer says that it did to this very node.
fn steps(node: &Node) -> impl Iterator<Item = &str> {
    let own = node.processed_by.iter().filter(|tool| tool.name == "jointer");
    own.flat_map(|tool| tool.version.split("; ").skip(1))
}

fn name(node: &Node, role: Role) -> &str {
    let fallback = match (role, node.kind) {
        (Role::Adapter, Kind::Component) => "adapter",
        (_, Kind::Component) => "component",
        (_, Kind::CoreModule) => "core module",
    };
    node.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(fallback)
}

/// What a node says of itself.
fn said(node: &Node) -> Vec<Value> {
    let kind = if node.kind == Kind::Component { "component" } else { "core-module" };
    let mut properties = vec![property("wasm:kind", kind), property("wasm:size", &node.size.to_string())];
    for language in &node.language {
        properties.push(property("wasm:language", format!("{} {}", language.name, language.version).trim()));
    }
    for tool in &node.processed_by {
        let version = tool.version.split("; ").next().unwrap_or_default();
        properties.push(property(&format!("wasm:processed-by:{}", tool.name), version));
    }
    properties.extend(steps(node).map(|step| property("jointer:adapted", step)));
    properties
}

fn append(list: &mut Value, more: Vec<Value>) {
    if let Value::Array(list) = list {
        list.extend(more);
    }
}

fn property(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}

fn hashes(digest: Digest) -> Value {
    json!([{ "alg": "SHA-256", "content": digest.hex() }])
}

/// A UUID of version 8 (made by a rule of one's own) from the subject.
fn serial_number(subject: &Subject<'_>, content: Digest) -> String {
    let version = subject.version.unwrap_or_default();
    let seed = Digest::of(format!("{}@{version} {content}", subject.name).as_bytes());
    let mut hex = seed.hex().into_bytes();
    hex.truncate(32);
    hex[12] = b'8';
    hex[16] = b'8';
    let hex = String::from_utf8_lossy(&hex).into_owned();
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests;
