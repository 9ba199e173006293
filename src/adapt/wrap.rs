//! Puts a component beside generated adapters.
//!
//! The result is a component with three things in it: imports of the target's interfaces, one *adapter*
//! component for each interface of which some function differs, and the application, byte for byte. An
//! interface that agrees is handed to the application as it was imported; an adapter hands on what agrees
//! in its interface and has code for the rest. All resource types are the imported ones, so a handle means
//! the same on both sides and calls that need no code cost nothing.
//!
//! The code must not be in the outer component itself: wasmtime up to 48 traps when a component calls a
//! function of its parent ("cannot enter component instance"). Adapter and application are siblings.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use wasm_encoder::{
    Alias, CanonicalOption, ComponentAliasSection, ComponentBuilder, ComponentExportKind,
    ComponentExportSection, ComponentInstanceSection, ComponentSectionId, ComponentTypeRef, ComponentValType,
    ExportKind, ModuleArg, PrimitiveValType, RawSection,
};
use wasmparser::component_types::ComponentEntityType;

use super::AdaptError;
use super::decide::Plan;
use super::encode::{Imports, Needs, function_type};
use super::merge::name_in;
use super::reencode::{self, Extent, Head};
use super::shim::{self, Kind, Shim};
use super::snapshot::Snapshot;
use super::uses::Uses;
use crate::component;

/// Functions and types of one interface, over all versions in which it is imported.
#[derive(Default)]
struct Surface<'a> {
    types: BTreeSet<&'a str>,
    functions: BTreeSet<&'a str>,
}

/// Writes the application with its adapters.
pub(super) fn wrap(bytes: &[u8], uses: &Uses, plan: &Plan, target: &Snapshot) -> Result<Vec<u8>, AdaptError> {
    let failed = |reason: String| AdaptError::NotForwarded { reason };
    let surfaces = surfaces(uses);
    let mut needs = Needs::new(target);
    for (key, surface) in &surfaces {
        need(&mut needs, key, surface, plan.shims.get(*key));
    }
    let mut builder = ComponentBuilder::default();
    let imports = Imports::write(&mut builder, &needs, &|key| name_in(target, key));
    let mut given: HashMap<&str, u32> =
        surfaces.keys().filter_map(|key| Some((*key, imports.instance(key)?))).collect();
    for (key, shims) in &plan.shims {
        let adapter = Adapter { key, surface: &surfaces[key.as_str()], shims, target };
        let (adapter, wanted) =
            adapter.build().ok_or_else(|| failed(format!("no adapter for `wasi:{key}`")))?;
        let index = builder.component_raw(None, &adapter);
        let args: Vec<_> = wanted
            .iter()
            .filter_map(|key| {
                Some((name_in(target, key), ComponentExportKind::Instance, imports.instance(key)?))
            })
            .collect();
        given.insert(key, builder.instantiate(None, index, args));
    }
    let components = builder.component_count();
    let head =
        Head { types: builder.type_count(), instances: builder.instance_count(), bytes: builder.finish() };
    let wrapped = Outer { bytes, uses, target, given }.write(&head, &imports, components).map_err(failed)?;
    component::interface(&wrapped).map_err(|error| failed(error.to_string()))?;
    Ok(wrapped)
}

fn surfaces(uses: &Uses) -> BTreeMap<&str, Surface<'_>> {
    let mut surfaces: BTreeMap<&str, Surface<'_>> = BTreeMap::new();
    for used in &uses.imports {
        let surface = surfaces.entry(&used.key).or_default();
        surface.types.extend(used.types.keys().map(String::as_str));
        surface.functions.extend(used.functions.keys().map(String::as_str));
    }
    surfaces
}

/// All that an interface's surface needs of the target.
fn need(needs: &mut Needs<'_>, key: &str, surface: &Surface<'_>, shims: Option<&Vec<&'static Shim>>) {
    needs.interface(key);
    surface.types.iter().for_each(|ty| needs.ty(key, ty));
    let shims = shims.map(Vec::as_slice).unwrap_or_default();
    for function in &surface.functions {
        if !shims.iter().any(|shim| shim.function == *function) {
            needs.function(key, function);
        }
    }
    for shim in shims {
        needs.function(key, shim.calls);
        needs.ty(key, shim.resource);
        if shim.kind != Kind::MillisGet && shim.kind != Kind::MillisSet {
            needs.ty(key, "error-code");
        }
        if shim.kind == Kind::Trailers {
            needs.ty(key, "fields");
        }
    }
}

/// The outer component behind its head.
struct Outer<'a> {
    bytes: &'a [u8],
    uses: &'a Uses,
    target: &'a Snapshot,
    /// The instance that the application is given for each interface.
    given: HashMap<&'a str, u32>,
}

impl Outer<'_> {
    fn write(&self, head: &Head, imports: &Imports, components: u32) -> Result<Vec<u8>, String> {
        // What the application's other imports say of WASI's types, they say of the imported ones.
        let replaced: HashMap<String, u32> = self
            .uses
            .imports
            .iter()
            .filter_map(|used| Some((used.name.clone(), imports.instance(&used.key)?)))
            .collect();
        let extent = Extent::Imports;
        let empty = component_header();
        let source = if self.uses.other_imports { self.bytes } else { &empty };
        let mut written = reencode::behind(head, source, extent, &replaced, &|_| None)?;
        let outer = &mut written.component;
        outer.section(&RawSection { id: ComponentSectionId::Component.into(), data: self.bytes });
        let mut instances = ComponentInstanceSection::new();
        let by_name: HashMap<&str, &str> =
            self.uses.imports.iter().map(|used| (used.name.as_str(), used.key.as_str())).collect();
        let externs = component::externs(self.bytes).map_err(|error| error.to_string())?;
        let mut args = Vec::new();
        for import in &externs.imports {
            let wasi = by_name.get(import.as_str()).and_then(|key| self.given.get(key));
            let kept = written.kept.get(import).copied();
            let (kind, index) = wasi
                .map(|index| (ComponentExportKind::Instance, *index))
                .or(kept)
                .ok_or_else(|| format!("its import `{import}` cannot be handed on"))?;
            args.push((import.as_str(), kind, index));
        }
        instances.instantiate(components, args);
        outer.section(&instances);
        // Every export below adds two to a count: the alias, and the export, which is an item of its own.
        let mut next = Next {
            instance: written.instances + 1,
            function: written.functions,
            ty: head.types + written.types,
        };
        self.exports(written.instances, &mut next, &externs.exports, outer)?;
        Ok(written.component.finish())
    }

    /// Everything that the application exports, WASI under the target's names.
    fn exports(
        &self,
        application: u32,
        next: &mut Next,
        names: &[String],
        outer: &mut wasm_encoder::Component,
    ) -> Result<(), String> {
        let types = component::interface(self.bytes).map_err(|error| error.to_string())?;
        let keys: HashMap<&str, &str> =
            self.uses.exports.iter().map(|used| (used.name.as_str(), used.key.as_str())).collect();
        for name in names {
            let item = types.as_ref().component_item_for_export(name).ok_or("an export has no type")?;
            let (kind, count) = match item.ty {
                ComponentEntityType::Instance(_) => (ComponentExportKind::Instance, &mut next.instance),
                ComponentEntityType::Func(_) => (ComponentExportKind::Func, &mut next.function),
                ComponentEntityType::Type { .. } => (ComponentExportKind::Type, &mut next.ty),
                _ => return Err(format!("its export `{name}` is no interface, function or type")),
            };
            let new_name =
                keys.get(name.as_str()).map_or_else(|| name.clone(), |key| name_in(self.target, key));
            let mut aliases = ComponentAliasSection::new();
            aliases.alias(Alias::InstanceExport { instance: application, kind, name });
            outer.section(&aliases);
            let mut exports = ComponentExportSection::new();
            exports.export(new_name.as_str(), kind, *count, None);
            outer.section(&exports);
            *count += 2;
        }
        Ok(())
    }
}

/// The index that the next item of each kind gets.
struct Next {
    instance: u32,
    function: u32,
    ty: u32,
}

/// A component with nothing in it.
fn component_header() -> Vec<u8> {
    wasm_encoder::Component::new().finish()
}

/// One adapter component: imports an interface of the target, exports it as the application knows it.
struct Adapter<'a> {
    key: &'a str,
    surface: &'a Surface<'a>,
    shims: &'a [&'static Shim],
    target: &'a Snapshot,
}

impl Adapter<'_> {
    /// The component, and the interfaces that it imports. Its exports are the interface's items
    /// themselves, so that an instance of it *is* the interface.
    fn build(&self) -> Option<(Vec<u8>, Vec<String>)> {
        let mut needs = Needs::new(self.target);
        need(&mut needs, self.key, self.surface, Some(&self.shims.to_vec()));
        let wanted: Vec<String> = needs.keys().map(str::to_owned).collect();
        let mut builder = ComponentBuilder::default();
        let mut imports = Imports::write(&mut builder, &needs, &|key| name_in(self.target, key));
        let instance = imports.instance(self.key)?;
        // Functions of a resource must mention it by the very type that the component exports.
        let known = &self.target.interfaces.get(self.key)?.types;
        let mut exported = HashMap::new();
        for ty in self.surface.types.iter().filter(|ty| known.contains_key(**ty)) {
            let index = imports.ty(&mut builder, self.key, ty)?;
            exported.insert(*ty, builder.export(*ty, ComponentExportKind::Type, index, None));
        }
        let lifted = self.lift(&mut builder, &mut imports, instance, &exported)?;
        for function in &self.surface.functions {
            match lifted.get(function) {
                Some(index) => builder.export(*function, ComponentExportKind::Func, *index, None),
                None => {
                    let index = builder.alias_export(instance, function, ComponentExportKind::Func);
                    let ty = function_type(&mut builder, self.target, self.key, function, &exported)?;
                    let ty = Some(ComponentTypeRef::Func(ty));
                    builder.export(*function, ComponentExportKind::Func, index, ty)
                }
            };
        }
        Some((builder.finish(), wanted))
    }

    /// Lowers what the code calls, instantiates the code, lifts it with the old types.
    fn lift(
        &self,
        builder: &mut ComponentBuilder,
        imports: &mut Imports,
        instance: u32,
        exported: &HashMap<&str, u32>,
    ) -> Option<HashMap<&'static str, u32>> {
        let memory = builder.core_module(None, &shim::memory_module());
        let memory = builder.core_instantiate(None, memory, [] as [(&str, ModuleArg); 0]);
        let realloc = builder.core_alias_export(None, memory, "realloc", ExportKind::Func);
        let reset = builder.core_alias_export(None, memory, "reset", ExportKind::Func);
        let memory = builder.core_alias_export(None, memory, "memory", ExportKind::Memory);
        let mut given = vec![
            ("memory".to_owned(), ExportKind::Memory, memory),
            ("reset".to_owned(), ExportKind::Func, reset),
        ];
        for (number, shim) in self.shims.iter().enumerate() {
            let called = builder.alias_export(instance, shim.calls, ComponentExportKind::Func);
            let options =
                [CanonicalOption::UTF8, CanonicalOption::Memory(memory), CanonicalOption::Realloc(realloc)];
            let options = if shim.calls_through_memory() { &options[..] } else { &[] };
            let lowered = builder.lower_func(None, called, options.iter().copied());
            let resource = imports.ty(builder, self.key, shim.resource)?;
            let drop = builder.resource_drop(resource);
            given.push((format!("call{number}"), ExportKind::Func, lowered));
            given.push((format!("drop{number}"), ExportKind::Func, drop));
        }
        let given = builder.core_instantiate_exports(
            None,
            given.iter().map(|(name, kind, index)| (name.as_str(), *kind, *index)),
        );
        let code = builder.core_module(None, &shim::code_module(self.shims));
        let code = builder.core_instantiate(None, code, [("x", ModuleArg::Instance(given))]);
        let post = builder.core_alias_export(None, code, "post", ExportKind::Func);
        let mut lifted = HashMap::new();
        for (number, shim) in self.shims.iter().enumerate() {
            let ty = lifted_type(builder, exported, shim)?;
            let function = builder.core_alias_export(None, code, &number.to_string(), ExportKind::Func);
            let options =
                [CanonicalOption::Memory(memory), CanonicalOption::UTF8, CanonicalOption::PostReturn(post)];
            let options = if shim.returns_in_memory() { &options[..] } else { &[] };
            lifted.insert(shim.function, builder.lift_func(None, function, ty, options.iter().copied()));
        }
        Some(lifted)
    }
}

/// The old function's type over the types of the target.
fn lifted_type(builder: &mut ComponentBuilder, exported: &HashMap<&str, u32>, shim: &Shim) -> Option<u32> {
    let define = |builder: &mut ComponentBuilder,
                  write: &dyn Fn(wasm_encoder::ComponentDefinedTypeEncoder<'_>)| {
        let (index, encoder) = builder.type_defined(None);
        write(encoder);
        ComponentValType::Type(index)
    };
    let (bool, u64) = (
        ComponentValType::Primitive(PrimitiveValType::Bool),
        ComponentValType::Primitive(PrimitiveValType::U64),
    );
    let resource = *exported.get(shim.resource)?;
    let this = define(builder, &|ty| ty.borrow(resource));
    let (second, result) = match shim.kind {
        Kind::MillisGet => (None, define(builder, &|ty| ty.option(u64))),
        Kind::MillisSet => {
            let millis = define(builder, &|ty| ty.option(u64));
            (Some(("ms", millis)), define(builder, &|ty| ty.result(None, None)))
        }
        Kind::Ipv6Get | Kind::Ipv6Set => {
            let error = ComponentValType::Type(*exported.get("error-code")?);
            let get = shim.kind == Kind::Ipv6Get;
            let result = define(builder, &|ty| ty.result(get.then_some(bool), Some(error)));
            ((!get).then_some(("value", bool)), result)
        }
        Kind::Trailers => {
            let error = ComponentValType::Type(*exported.get("error-code")?);
            let fields = *exported.get("fields")?;
            let fields = define(builder, &|ty| ty.own(fields));
            let fields = define(builder, &|ty| ty.option(fields));
            let inner = define(builder, &|ty| ty.result(Some(fields), Some(error)));
            (None, define(builder, &|ty| ty.option(inner)))
        }
    };
    let (index, mut function) = builder.type_function(None);
    let mut params = vec![("self", this)];
    params.extend(second);
    function.params(params).result(Some(result));
    Some(index)
}
