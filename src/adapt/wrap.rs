//! Puts a component beside generated adapters.
//!
//! The result is a component with three things in it: imports of the target's interfaces, an [`Adapter`] or a
//! prebuilt component for each interface of which something differs, and the application, byte for byte. An interface that agrees is
//! handed to the application as it was imported. A handle means the same on both sides, and calls that need no
//! code cost nothing.
//!
//! The code must not be in the outer component itself: wasmtime up to 48 traps when a component calls a
//! function of its parent ("cannot enter component instance"). Adapter and application are siblings.

use std::collections::HashMap;

use wasm_encoder::{
    Alias, Component, ComponentAliasSection, ComponentBuilder, ComponentDefinedTypeEncoder,
    ComponentExportKind, ComponentExportSection, ComponentFuncTypeEncoder, ComponentInstanceSection,
    ComponentSectionId, ComponentTypeRef, ComponentTypeSection, RawSection,
};
use wasmparser::component_types::ComponentEntityType;

use super::AdaptError;
use super::adapter::{Adapter, need, short_name};
use super::built::Built;
use super::copy::{Copier, Place, Sink};
use super::decide::Plan;
use super::encode::{Imports, Needs};
use super::merge::name_in;
use super::reencode::{self, Extent, Head, Written};
use super::snapshot::Snapshot;
use super::uses::Uses;
use crate::component::{self, Side};
use crate::wit::{Extern, Origin, Shape};

/// Refuses a component that shares a resource of a prebuilt component with others than WASI: that component stands
/// inside of the result, so nobody outside could name the resource.
pub(super) fn refuse_shared(bytes: &[u8], plan: &Plan) -> Result<(), AdaptError> {
    if plan.taken.is_empty() {
        return Ok(());
    }
    let shape = Shape::of(bytes)?;
    let taken = |origin: &Origin| origin.imported && plan.taken.contains_key(&origin.interface);
    let refused = |name: &str, origin: &Origin| AdaptError::MentionsWrapped {
        name: name.into(),
        ty: origin.name.as_str().into(),
        interface: origin.interface.as_str().into(),
    };
    let of_world = |item: &Extern| match item {
        Extern::Type(_, Some(origin)) if taken(origin) => Some(origin.clone()),
        _ => None,
    };
    let named: Vec<Origin> = shape.imports.values().filter_map(of_world).collect();
    // The adapter itself is what WASI's own interfaces come from.
    let others = shape.imports.iter().filter(|(name, _)| !name.starts_with("wasi:"));
    for (name, item) in shape.exports.iter().chain(others) {
        let origin = match item {
            Extern::Interface(interface) => interface.uses.values().find(|origin| taken(origin)),
            Extern::Type(_, Some(origin)) if taken(origin) => Some(origin),
            Extern::Function(function) => {
                let types = || function.parameters.iter().map(|(_, ty)| ty).chain(&function.result);
                named.iter().find(|origin| types().any(|ty| ty.mentions(&origin.name)))
            }
            _ => None,
        };
        if let Some(origin) = origin {
            return Err(refused(name, origin));
        }
    }
    Ok(())
}

/// The beginning of an outer component: imports of the target, and the adapters.
pub(super) struct Beginning<'a> {
    pub(super) builder: ComponentBuilder,
    imports: Imports,
    /// The instance that stands for each of the application's imports.
    pub(super) given: HashMap<&'a str, u32>,
}

/// Writes the imports and adapters for what an application uses.
pub(super) fn head<'a>(uses: &'a Uses, plan: &Plan, target: &Snapshot) -> Result<Beginning<'a>, AdaptError> {
    let mut needs = Needs::new(target);
    uses.imports.iter().for_each(|used| need(&mut needs, used, plan, target));
    let mut builder = ComponentBuilder::default();
    let imports = Imports::write(&mut builder, &needs, &|key| name_in(target, key));
    let mut given: HashMap<&str, u32> = HashMap::new();
    let mut prebuilt = Prebuilt::default();
    for used in &uses.imports {
        given.extend(imports.instance(&used.key).map(|instance| (used.name.as_str(), instance)));
    }
    for of in uses.imports.iter().filter(|used| plan.is_adapted(&used.name)) {
        let made = match plan.taken.get(&of.name) {
            Some(built) => prebuilt.instance(&mut builder, built, &imports),
            None => generated(&mut builder, &Adapter { uses, plan, target, of }, &imports),
        };
        let instance = made.ok_or_else(|| AdaptError::NotForwarded {
            reason: format!("no adapter can be made for `{}`", of.name),
        })?;
        given.insert(&of.name, instance);
    }
    Ok(Beginning { builder, imports, given })
}

/// Writes the application with its adapters.
pub(super) fn wrap(bytes: &[u8], uses: &Uses, plan: &Plan, target: &Snapshot) -> Result<Vec<u8>, AdaptError> {
    let failed = |reason: String| AdaptError::NotForwarded { reason };
    let Beginning { builder, imports, given } = head(uses, plan, target)?;
    let components = builder.component_count();
    let head =
        Head { types: builder.type_count(), instances: builder.instance_count(), bytes: builder.finish() };
    let wrapped = Outer { bytes, uses, target, given }.write(&head, &imports, components).map_err(failed)?;
    component::interface(&wrapped).map_err(|error| failed(error.to_string()))?;
    Ok(wrapped)
}

/// Writes an adapter and makes an instance of it.
fn generated(builder: &mut ComponentBuilder, adapter: &Adapter<'_>, imports: &Imports) -> Option<u32> {
    let (bytes, wanted) = adapter.build()?;
    let component = builder.component_raw(None, &bytes);
    let instances = wanted.iter().map(|key| imports.instance(key)).collect::<Option<Vec<_>>>()?;
    let args = instances.into_iter().enumerate();
    let args = args.map(|(place, index)| (short_name(place), ComponentExportKind::Instance, index));
    Some(builder.instantiate(None, component, args.collect::<Vec<_>>()))
}

/// Instances of components that were built beforehand, one for all imports that share it: what one of them
/// calls a socket, the others do as well.
#[derive(Default)]
struct Prebuilt(HashMap<&'static str, u32>);

impl Prebuilt {
    /// What the component exports. It has the types and functions of all its interfaces, and nobody minds more
    /// than was asked for, so it is each of them.
    fn instance(
        &mut self,
        builder: &mut ComponentBuilder,
        built: &'static Built,
        imports: &Imports,
    ) -> Option<u32> {
        if let Some(instance) = self.0.get(built.exports) {
            return Some(*instance);
        }
        let mut args = Vec::new();
        for used in &built.uses()?.imports {
            args.push((used.name.as_str(), ComponentExportKind::Instance, imports.instance(&used.key)?));
        }
        let component = builder.component_raw(None, built.bytes);
        let instance = builder.instantiate(None, component, args);
        let instance = builder.alias_export(instance, built.exports, ComponentExportKind::Instance);
        self.0.insert(built.exports, instance);
        Some(instance)
    }
}

/// The outer component behind its head.
struct Outer<'a> {
    bytes: &'a [u8],
    uses: &'a Uses,
    target: &'a Snapshot,
    /// The instance that the application is given for each import.
    given: HashMap<&'a str, u32>,
}

impl Outer<'_> {
    fn write(&self, head: &Head, imports: &Imports, components: u32) -> Result<Vec<u8>, String> {
        // What the application's other imports say of WASI's types, they say of the imported ones.
        let replaced: HashMap<String, u32> = self
            .uses
            .imports
            .iter()
            .filter_map(|used| {
                let given = self.given.get(used.name.as_str()).copied();
                Some((used.name.clone(), imports.instance(&used.key).or(given)?))
            })
            .collect();
        let extent = Extent::Imports;
        let empty = Component::new().finish();
        let source = if self.uses.other_imports { self.bytes } else { &empty };
        let mut written = reencode::behind(head, source, extent, &replaced, &|_| None)?;
        let outer = &mut written.component;
        outer.section(&RawSection { id: ComponentSectionId::Component.into(), data: self.bytes });
        let mut instances = ComponentInstanceSection::new();
        let externs = component::externs(self.bytes).map_err(|error| error.to_string())?;
        let mut args = Vec::new();
        for import in &externs.imports {
            let wasi = self.given.get(import.as_str());
            let kept = written.kept.get(import).copied();
            let (kind, index) = wasi
                .map(|index| (ComponentExportKind::Instance, *index))
                .or(kept)
                .ok_or_else(|| format!("its import `{import}` cannot be handed on"))?;
            args.push((import.as_str(), kind, index));
        }
        instances.instantiate(components, args);
        outer.section(&instances);
        let mut types = self.places(&written, imports);
        let application = written.instances;
        let tail = Tail {
            instances: written.instances + 1,
            functions: written.functions,
            types: head.types + written.types,
            component: written.component,
        };
        self.exports(application, &mut types, tail, &externs.exports)
    }

    /// Where the types of the application's imports are in the outer component.
    fn places(&self, written: &Written, imports: &Imports) -> Copier<'_> {
        let types = self.uses.types.as_ref();
        let mut copier = Copier::new(types);
        for used in &self.uses.imports {
            let known = self.target.interfaces.get(&used.key).map(|interface| &interface.types);
            let same = |name: &str| known.is_some_and(|known| known.get(name) == used.types.get(name));
            let instance = self.uses.instance(Side::Import, &used.name);
            if let (Some(id), Some(instance)) = (instance, imports.instance(&used.key)) {
                copier.instance_is(id, instance, &same);
            }
        }
        for (name, (kind, index)) in &written.kept {
            match (kind, types.component_item_for_import(name).map(|item| item.ty)) {
                (_, Some(ComponentEntityType::Instance(id))) => copier.instance_is(id, *index, &|_| true),
                (_, Some(ComponentEntityType::Type { created, referenced })) => {
                    copier.is(created, Place::Index(*index));
                    copier.may_be(referenced, Place::Index(*index));
                }
                _ => {}
            }
        }
        copier
    }

    /// Everything that the application exports, WASI under the target's names.
    fn exports(
        &self,
        application: u32,
        types: &mut Copier<'_>,
        mut tail: Tail,
        names: &[String],
    ) -> Result<Vec<u8>, String> {
        let keys: HashMap<&str, &str> =
            self.uses.exports.iter().map(|used| (used.name.as_str(), used.key.as_str())).collect();
        for name in names {
            let item =
                self.uses.types.as_ref().component_item_for_export(name).ok_or("an export has no type")?;
            let mut ty = None;
            let kind = match item.ty {
                ComponentEntityType::Instance(_) => ComponentExportKind::Instance,
                ComponentEntityType::Func(id) => {
                    // The types that it mentions are to be those of the outer component's imports.
                    ty = types.function(&mut tail, id).map(ComponentTypeRef::Func);
                    ComponentExportKind::Func
                }
                ComponentEntityType::Type { .. } => ComponentExportKind::Type,
                _ => return Err(format!("its export `{name}` is no interface, function or type")),
            };
            let new_name =
                keys.get(name.as_str()).map_or_else(|| name.clone(), |key| name_in(self.target, key));
            tail.export(application, kind, name, &new_name, ty);
        }
        Ok(tail.component.finish())
    }
}

/// The end of the outer component: sections, and the index that the next item of each kind gets.
struct Tail {
    component: Component,
    instances: u32,
    functions: u32,
    types: u32,
}

impl Tail {
    fn next(&mut self, kind: ComponentExportKind) -> u32 {
        let count = match kind {
            ComponentExportKind::Instance => &mut self.instances,
            ComponentExportKind::Func => &mut self.functions,
            _ => &mut self.types,
        };
        *count += 1;
        *count - 1
    }

    fn aliased(&mut self, instance: u32, kind: ComponentExportKind, name: &str) -> u32 {
        let mut aliases = ComponentAliasSection::new();
        aliases.alias(Alias::InstanceExport { instance, kind, name });
        self.component.section(&aliases);
        self.next(kind)
    }

    /// Exports an item of an instance; the export is an item of its own.
    fn export(
        &mut self,
        instance: u32,
        kind: ComponentExportKind,
        name: &str,
        new_name: &str,
        ty: Option<ComponentTypeRef>,
    ) {
        let index = self.aliased(instance, kind, name);
        let mut exports = ComponentExportSection::new();
        exports.export(new_name, kind, index, ty);
        self.component.section(&exports);
        self.next(kind);
    }
}

impl Sink for Tail {
    fn define(&mut self, write: impl FnOnce(ComponentDefinedTypeEncoder<'_>)) -> u32 {
        let mut section = ComponentTypeSection::new();
        write(section.ty().defined_type());
        self.component.section(&section);
        self.next(ComponentExportKind::Type)
    }

    fn function(&mut self, write: impl FnOnce(ComponentFuncTypeEncoder<'_>)) -> u32 {
        let mut section = ComponentTypeSection::new();
        write(section.ty().function());
        self.component.section(&section);
        self.next(ComponentExportKind::Type)
    }

    fn alias(&mut self, instance: u32, name: &str) -> u32 {
        self.aliased(instance, ComponentExportKind::Type, name)
    }
}
