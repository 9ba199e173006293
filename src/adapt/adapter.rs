//! One adapter component: imports interfaces of the target, exports one as the application knows it.
//!
//! Its exports are the interface's items themselves, so that an instance of it *is* the interface. All resource
//! types are the imported ones.

use std::collections::{BTreeSet, HashMap};

use wasm_encoder::{
    CanonicalOption, ComponentBuilder, ComponentExportKind, ComponentTypeRef, ExportKind, ModuleArg,
};
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ComponentFuncTypeId, ResourceId};

use super::bridge::{self, Given, Lifted, Way};
use super::copy::{Copier, Place};
use super::decide::Plan;
use super::encode::{Imports, Needs};
use super::shape::resources_in;
use super::snapshot::Snapshot;
use super::uses::{Used, Uses};
use crate::component::Side;

/// What an adapter is made for.
pub(super) struct Adapter<'a> {
    pub(super) uses: &'a Uses,
    pub(super) plan: &'a Plan,
    pub(super) target: &'a Snapshot,
    /// The import that it is given for.
    pub(super) of: &'a Used,
}

/// The name of an adapter's import: nobody but the component around it sees it, so it is short.
pub(super) fn short_name(place: usize) -> String {
    format!("i{place}")
}

/// All that an import needs of the target, directly or through what stands in for its functions.
pub(super) fn need(needs: &mut Needs<'_>, used: &Used, plan: &Plan, target: &Snapshot) {
    if let Some(uses) = plan.taken.get(&used.name).and_then(|built| built.uses()) {
        for used in &uses.imports {
            needs.interface(&used.key);
            used.types.keys().for_each(|name| needs.ty(&used.key, name));
            used.functions.keys().for_each(|name| needs.function(&used.key, name));
        }
        return;
    }
    let types = bridge::counterpart(used, target).map(|interface| &interface.types);
    if types.is_some() && !plan.is_adapted(&used.name) {
        needs.interface(&used.key);
    }
    for (name, shape) in &used.types {
        if types.and_then(|types| types.get(name)) == Some(shape) {
            needs.ty(&used.key, name);
        } else {
            resources_in(shape).for_each(|resource| need_resource(needs, resource));
        }
    }
    let bridged = plan.bridged.get(&used.name);
    for (name, shape) in &used.functions {
        resources_in(shape).for_each(|resource| need_resource(needs, resource));
        match bridged.and_then(|bridged| bridged.get(name)) {
            None => needs.function(&used.key, name),
            Some(Way::Alias(interface, function)) => needs.function(interface, function),
            Some(Way::Code(code)) => {
                code.calls.iter().for_each(|(interface, function)| needs.function(interface, function));
                code.drops.iter().for_each(|(interface, resource)| needs.ty(interface, resource));
            }
            // What a stub lets go of are resources of its own type.
            Some(Way::Built(_) | Way::Stub) => {}
        }
    }
}

fn need_resource(needs: &mut Needs<'_>, resource: &str) {
    if let Some((interface, name)) = resource.split_once('.') {
        needs.ty(interface, name);
    }
}

impl<'a> Adapter<'a> {
    /// The component, and the interfaces that it imports, in the order of [`short_name`].
    pub(super) fn build(&self) -> Option<(Vec<u8>, Vec<String>)> {
        let mut needs = Needs::new(self.target);
        need(&mut needs, self.of, self.plan, self.target);
        let wanted: Vec<String> = needs.keys().map(str::to_owned).collect();
        let name = |key: &str| short_name(wanted.iter().position(|wanted| wanted == key).unwrap_or_default());
        let mut builder = ComponentBuilder::default();
        let imports = Imports::write(&mut builder, &needs, &name);
        let copier = Copier::new(self.uses.types.as_ref());
        let mut writer = Writer { adapter: self, builder, imports, copier };
        writer.resources()?;
        writer.types()?;
        let lifted = writer.lift()?;
        writer.functions(&lifted)?;
        Some((writer.builder.finish(), wanted))
    }

    fn way(&self, function: &str) -> Option<Way> {
        self.plan.bridged.get(&self.of.name)?.get(function).copied()
    }
}

struct Writer<'a, 'b> {
    adapter: &'b Adapter<'a>,
    builder: ComponentBuilder,
    imports: Imports,
    copier: Copier<'b>,
}

impl<'b> Writer<'_, 'b> {
    /// Says where the resources of the application are.
    fn resources(&mut self) -> Option<()> {
        let used = self.adapter.of;
        let shapes = used.types.values().chain(used.functions.values());
        let mentioned: BTreeSet<&str> = shapes.flat_map(|shape| resources_in(shape)).collect();
        let mut resources: Vec<_> = self.adapter.uses.resources.iter().collect();
        resources.sort_by_key(|(_, name)| name.as_str());
        for (id, resource) in resources {
            if !mentioned.contains(resource.as_str()) {
                continue;
            }
            let (interface, name) = resource.split_once('.')?;
            // Else it is a resource of the component's own other imports.
            if let Some(index) = self.imports.ty(&mut self.builder, interface, name) {
                self.copier.resource_is(*id, Place::Index(index));
            }
        }
        Some(())
    }

    /// Exports the types of an import: the target's where they agree, for then others may mention them too,
    /// else copies of the application's.
    fn types(&mut self) -> Option<()> {
        let (uses, used) = (self.adapter.uses, self.adapter.of);
        let types = uses.types.as_ref();
        let known = bridge::counterpart(used, self.adapter.target).map(|interface| &interface.types);
        for (name, item) in &types[uses.instance(Side::Import, &used.name)?].exports {
            let name = name.as_str();
            let ComponentEntityType::Type { created, referenced } = item.ty else { continue };
            let same = known.and_then(|types| types.get(name)) == used.types.get(name);
            let index = match created {
                ComponentAnyTypeId::Resource(id) => self.copier.resource(&mut self.builder, id)?,
                ComponentAnyTypeId::Defined(_) if same => {
                    self.imports.ty(&mut self.builder, &used.key, name)?
                }
                ComponentAnyTypeId::Defined(id) => self.copier.defined(&mut self.builder, id)?,
                _ => return None,
            };
            let index = self.builder.export(name, ComponentExportKind::Type, index, None);
            // Functions must mention a type by the name that it is exported under.
            self.copier.is(created, Place::Index(index));
            self.copier.may_be(referenced, Place::Index(index));
            if let Some((id, resource)) = self.adapter.resource_of(name)
                && resource.rsplit('.').next() == Some(name)
            {
                self.copier.resource_is(id, Place::Index(index));
            }
        }
        Some(())
    }

    /// Lowers what the code calls, instantiates the code, lifts it with the old types.
    fn lift(&mut self) -> Option<HashMap<&'b str, u32>> {
        let mut with_code = Vec::new();
        let (used, new) = (self.adapter.of, bridge::written_for()?);
        for (name, shape) in &used.functions {
            let lifted = match self.adapter.way(name) {
                Some(Way::Code(code)) => {
                    let old = bridge::snapshot_of(&used.key, name, shape)?;
                    Lifted::of(code, (&old, &new), &used.key, name)?
                }
                Some(Way::Stub) => Lifted::stub(&*Snapshot::load(&used.label)?, &used.key, name)?,
                _ => continue,
            };
            with_code.push((name.as_str(), lifted));
        }
        if with_code.is_empty() {
            return Some(HashMap::new());
        }
        let functions: Vec<&Lifted> = with_code.iter().map(|(_, lifted)| lifted).collect();
        let given = Given::to(&functions);
        let builder = &mut self.builder;
        let mut args = Vec::new();
        let mut options = Vec::new();
        if given.memory {
            let memory = builder.core_module(None, &bridge::memory_module());
            let memory = builder.core_instantiate(None, memory, [] as [(&str, ModuleArg); 0]);
            let realloc = builder.core_alias_export(None, memory, "realloc", ExportKind::Func);
            let reset = builder.core_alias_export(None, memory, "reset", ExportKind::Func);
            let memory = builder.core_alias_export(None, memory, "memory", ExportKind::Memory);
            options.extend([
                CanonicalOption::UTF8,
                CanonicalOption::Memory(memory),
                CanonicalOption::Realloc(realloc),
            ]);
            args.push(("memory".to_owned(), ExportKind::Memory, memory));
            args.push(("reset".to_owned(), ExportKind::Func, reset));
        }
        let mut number = 0u32..;
        for ((interface, function), _) in &given.calls {
            let instance = self.imports.instance(interface)?;
            let called = builder.alias_export(instance, function, ComponentExportKind::Func);
            let lowered = builder.lower_func(None, called, options.iter().copied());
            args.push((number.next()?.to_string(), ExportKind::Func, lowered));
        }
        for (interface, resource) in &given.drops {
            let resource = self.imports.ty(builder, interface, resource)?;
            let dropped = builder.resource_drop(resource);
            args.push((number.next()?.to_string(), ExportKind::Func, dropped));
        }
        let args = args.iter().map(|(name, kind, index)| (name.as_str(), *kind, *index));
        let args = builder.core_instantiate_exports(None, args);
        let code = builder.core_module(None, &bridge::code_module(&functions, &given));
        let code = builder.core_instantiate(None, code, [("x", ModuleArg::Instance(args))]);
        let mut posts = HashMap::new();
        let mut found = HashMap::new();
        for (number, (name, lifted)) in with_code.iter().enumerate() {
            let function = self.adapter.function(name)?;
            let ty = self.copier.function(&mut self.builder, function)?;
            let core = self.builder.core_alias_export(None, code, &number.to_string(), ExportKind::Func);
            // Without lists and results in memory there is nothing to reset.
            let mut with = Vec::new();
            if lifted.needs_memory {
                let post = if lifted.own.1.is_empty() { "post0" } else { "post" };
                let post = *posts
                    .entry(post)
                    .or_insert_with(|| self.builder.core_alias_export(None, code, post, ExportKind::Func));
                with.extend(options.iter().copied().chain([CanonicalOption::PostReturn(post)]));
            }
            let index = self.builder.lift_func(None, core, ty, with);
            found.insert(*name, index);
        }
        Some(found)
    }

    /// Exports the functions of an import.
    fn functions(&mut self, lifted: &HashMap<&str, u32>) -> Option<()> {
        let used = self.adapter.of;
        for name in used.functions.keys() {
            let from = match self.adapter.way(name) {
                None => (self.imports.instance(&used.key)?, name.as_str()),
                Some(Way::Alias(interface, function)) => (self.imports.instance(interface)?, function),
                Some(Way::Built(_)) => return None,
                Some(Way::Code(_) | Way::Stub) => {
                    let index = *lifted.get(name.as_str())?;
                    self.builder.export(name.as_str(), ComponentExportKind::Func, index, None);
                    continue;
                }
            };
            let function = self.adapter.function(name)?;
            let ty = self.copier.function(&mut self.builder, function)?;
            let index = self.builder.alias_export(from.0, from.1, ComponentExportKind::Func);
            let ty = Some(ComponentTypeRef::Func(ty));
            self.builder.export(name.as_str(), ComponentExportKind::Func, index, ty);
        }
        Some(())
    }
}

impl Adapter<'_> {
    fn function(&self, name: &str) -> Option<ComponentFuncTypeId> {
        let types = self.uses.types.as_ref();
        let instance = self.uses.instance(Side::Import, &self.of.name)?;
        match types[instance].exports.get(name)?.ty {
            ComponentEntityType::Func(id) => Some(id),
            _ => None,
        }
    }

    /// The resource that a name of an import stands for, and what it is called.
    fn resource_of(&self, name: &str) -> Option<(ResourceId, &str)> {
        let types = self.uses.types.as_ref();
        let instance = self.uses.instance(Side::Import, &self.of.name)?;
        match types[instance].exports.get(name)?.ty {
            ComponentEntityType::Type { created: ComponentAnyTypeId::Resource(id), .. } => {
                let id = id.resource();
                Some((id, self.uses.resources.get(&id)?))
            }
            _ => None,
        }
    }
}
