//! What a component uses of WASI, read out of its own types.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use semver::Version;
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentEntityType, ComponentInstanceTypeId, ResourceId,
};
use wasmparser::types::{Types, TypesRef};

use super::shape;
use super::snapshot;
use crate::component::{self, ComponentError, Side};
use crate::name::InterfaceName;

/// The WASI in a component.
pub(super) struct Uses {
    /// In the order of the imports; the same interface twice if it is imported in two versions.
    pub(super) imports: Vec<Used>,
    /// In the order of the exports.
    pub(super) exports: Vec<Used>,
    /// Whether it imports anything that is no WASI.
    pub(super) other_imports: bool,
    /// All types of the component.
    pub(super) types: Types,
    /// What its resources are called: `io/error.error`.
    pub(super) resources: HashMap<ResourceId, String>,
}

/// One imported or exported interface of WASI, as far as the component uses it.
#[derive(Clone)]
pub(super) struct Used {
    /// As the component has it: `wasi:io/poll@0.2.9`.
    pub(super) name: String,
    /// `io/poll`.
    pub(super) key: String,
    /// `0.2.9`, or `unversioned`.
    pub(super) label: String,
    /// Named types and what they are.
    pub(super) types: BTreeMap<String, String>,
    /// Functions and their types.
    pub(super) functions: BTreeMap<String, String>,
}

impl Uses {
    /// Reads a component.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, ComponentError> {
        let externs = component::externs(bytes)?;
        let types = component::interface(bytes)?;
        let mut reader = Reader::new(&types);
        let imports = reader.read(Side::Import, &externs.imports);
        let exports = reader.read(Side::Export, &externs.exports);
        let other_imports = imports.len() < externs.imports.len();
        let resources = reader.shapes.resources;
        Ok(Self { imports, exports, other_imports, types, resources })
    }

    /// The items of an imported or exported interface, in the order of their declaration.
    pub(super) fn instance(&self, side: Side, name: &str) -> Option<ComponentInstanceTypeId> {
        let item = match side {
            Side::Import => self.types.as_ref().component_item_for_import(name),
            Side::Export => self.types.as_ref().component_item_for_export(name),
        }?;
        match item.ty {
            ComponentEntityType::Instance(instance) => Some(instance),
            _ => None,
        }
    }

    /// The snapshots it was built against, sorted by version. Where all versions together make one
    /// snapshot, only that one.
    pub(super) fn labels(&self) -> Vec<String> {
        labels(self.imports.iter().chain(&self.exports))
    }

    /// The same of its imports, or of its exports.
    pub(super) fn labels_of(&self, side: &[Used]) -> Vec<String> {
        labels(side.iter())
    }
}

fn labels<'a>(all: impl Iterator<Item = &'a Used>) -> Vec<String> {
    let mut versions: BTreeMap<String, String> = BTreeMap::new();
    let mut one_each = true;
    let mut labels: BTreeSet<Label> = BTreeSet::new();
    for used in all {
        labels.insert(Label::of(&used.label));
        let package = used.key.split('/').next().unwrap_or_default();
        let known = versions.entry(package.to_owned()).or_insert_with(|| used.label.clone());
        one_each &= *known == used.label;
    }
    match labels.len() > 1 && one_each {
        true => snapshot::with_packages(&versions).map(|label| vec![label]),
        false => None,
    }
    .unwrap_or_else(|| labels.into_iter().map(|label| label.text).collect())
}

/// Sorts by version, not by letters.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Label {
    version: Option<Version>,
    text: String,
}

impl Label {
    fn of(text: &str) -> Self {
        Self { version: text.parse().ok(), text: text.to_owned() }
    }
}

struct Reader<'a> {
    shapes: shape::Component<'a>,
}

impl<'a> Reader<'a> {
    fn new(types: &'a Types) -> Self {
        Self { shapes: shape::Component { types: types.as_ref(), resources: HashMap::new() } }
    }

    fn types(&self) -> TypesRef<'a> {
        self.shapes.types
    }

    fn read(&mut self, side: Side, names: &[String]) -> Vec<Used> {
        names.iter().filter_map(|name| self.used(side, name)).collect()
    }

    fn used(&mut self, side: Side, name: &str) -> Option<Used> {
        let item = match side {
            Side::Import => self.types().component_item_for_import(name),
            Side::Export => self.types().component_item_for_export(name),
        }?;
        let ComponentEntityType::Instance(instance) = item.ty else { return None };
        let parsed = name.parse::<InterfaceName>().ok().filter(InterfaceName::is_wasi);
        let key = parsed.as_ref().map(|name| format!("{}/{}", name.package.name, name.interface));
        // Resources of other interfaces may be mentioned by WASI's only in exports; name them anyway.
        self.name_resources(instance, key.as_deref().unwrap_or(name));
        let together =
            |name: &InterfaceName| snapshot::is_versioned_together(&name.package.name, name.version.as_ref());
        let parsed = parsed.filter(together)?;
        let label = parsed.version.map_or_else(|| "unversioned".to_owned(), |version| version.to_string());
        let mut used = Used {
            name: name.to_owned(),
            key: key?,
            label,
            types: BTreeMap::new(),
            functions: BTreeMap::new(),
        };
        self.fill(instance, &mut used);
        Some(used)
    }

    /// A resource is called after the first interface that has it: interfaces that only use it come later.
    fn name_resources(&mut self, instance: ComponentInstanceTypeId, key: &str) {
        let types = self.types();
        for (name, item) in &types[instance].exports {
            if let ComponentEntityType::Type { created: ComponentAnyTypeId::Resource(id), .. } = item.ty {
                let name = || shape::resource_name(key, name);
                self.shapes.resources.entry(id.resource()).or_insert_with(name);
            }
        }
    }

    fn fill(&self, instance: ComponentInstanceTypeId, used: &mut Used) {
        let types = self.types();
        for (name, item) in &types[instance].exports {
            match item.ty {
                ComponentEntityType::Func(id) => {
                    used.functions.insert(name.clone(), self.shapes.function(&types[id]));
                }
                ComponentEntityType::Type { created: ComponentAnyTypeId::Resource(id), .. } => {
                    let resource = self.shapes.resources.get(&id.resource());
                    let resource = resource.map_or("?", String::as_str);
                    used.types.insert(name.clone(), shape::resource_type(resource));
                }
                ComponentEntityType::Type { created: ComponentAnyTypeId::Defined(id), .. } => {
                    used.types.insert(name.clone(), self.shapes.defined(id));
                }
                _ => {}
            }
        }
    }
}
