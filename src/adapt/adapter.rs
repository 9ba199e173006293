//! One adapter component: imports interfaces of the target, exports one as the application knows it.
//!
//! Its exports are the interface's items themselves, so that an instance of it *is* the interface. All resource
//! types are the imported ones, except for the one that a component built beforehand wraps.

use std::collections::HashMap;

use wasm_encoder::{
    CanonicalOption, ComponentBuilder, ComponentExportKind, ComponentTypeRef, ExportKind, ModuleArg,
};
use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ComponentFuncTypeId, ResourceId};

use super::bridge::{self, Lifted, Way};
use super::built::Built;
use super::copy::{Copier, Place};
use super::decide::Plan;
use super::encode::{Imports, Needs};
use super::merge::name_in;
use super::shape::resources_in;
use super::snapshot::Snapshot;
use super::uses::{Used, Uses};
use crate::component::Side;

/// What an adapter is made for.
pub(super) struct Adapter<'a> {
    pub(super) uses: &'a Uses,
    pub(super) plan: &'a Plan,
    pub(super) target: &'a Snapshot,
    /// The imports that it is given for: one, or those that share a wrapped resource.
    pub(super) of: Vec<&'a Used>,
}

/// All that an import needs of the target, directly or through what stands in for its functions.
pub(super) fn need(needs: &mut Needs<'_>, used: &Used, plan: &Plan, target: &Snapshot) {
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
            Some(Way::Built(built)) => {
                for used in built.uses().into_iter().flat_map(|uses| &uses.imports) {
                    needs.interface(&used.key);
                    used.types.keys().for_each(|name| needs.ty(&used.key, name));
                    used.functions.keys().for_each(|name| needs.function(&used.key, name));
                }
            }
        }
    }
}

fn need_resource(needs: &mut Needs<'_>, resource: &str) {
    if let Some((interface, name)) = resource.split_once('.') {
        needs.ty(interface, name);
    }
}

impl<'a> Adapter<'a> {
    /// The component, and the interfaces that it imports.
    pub(super) fn build(&self) -> Option<(Vec<u8>, Vec<String>)> {
        let mut needs = Needs::new(self.target);
        self.of.iter().for_each(|used| need(&mut needs, used, self.plan, self.target));
        let wanted: Vec<String> = needs.keys().map(str::to_owned).collect();
        let mut builder = ComponentBuilder::default();
        let imports = Imports::write(&mut builder, &needs, &|key| name_in(self.target, key));
        let mut writer = Writer {
            adapter: self,
            builder,
            imports,
            copier: Copier::new(self.uses.types.as_ref()),
            exported: HashMap::new(),
        };
        let built = writer.instantiate_built()?;
        writer.resources(built)?;
        self.of.iter().try_for_each(|used| writer.types(used))?;
        let lifted = writer.lift()?;
        self.of.iter().try_for_each(|used| writer.functions(used, built, &lifted))?;
        Some((writer.builder.finish(), wanted))
    }

    fn way(&self, used: &Used, function: &str) -> Option<Way> {
        self.plan.bridged.get(&used.name)?.get(function).copied()
    }

    fn built(&self) -> Option<&'static Built> {
        let ways = self.of.iter().filter_map(|used| self.plan.bridged.get(&used.name));
        ways.flat_map(|bridged| bridged.values()).find_map(|way| match way {
            Way::Built(built) => Some(*built),
            _ => None,
        })
    }
}

struct Writer<'a, 'b> {
    adapter: &'b Adapter<'a>,
    builder: ComponentBuilder,
    imports: Imports,
    copier: Copier<'b>,
    /// Exported types by name.
    exported: HashMap<String, u32>,
}

impl<'b> Writer<'_, 'b> {
    /// The instance with the functions that were built beforehand; `Some(None)` if there are none.
    fn instantiate_built(&mut self) -> Option<Option<u32>> {
        let Some(built) = self.adapter.built() else { return Some(None) };
        let component = self.builder.component_raw(None, built.bytes);
        let mut args = Vec::new();
        for used in &built.uses()?.imports {
            args.push((used.name.as_str(), ComponentExportKind::Instance, self.imports.instance(&used.key)?));
        }
        let instance = self.builder.instantiate(None, component, args);
        Some(Some(self.builder.alias_export(instance, built.exports, ComponentExportKind::Instance)))
    }

    /// Says where the resources of the application are.
    fn resources(&mut self, built: Option<u32>) -> Option<()> {
        let wraps = self.adapter.built().map(|built| built.wraps);
        let mut mentioned = std::collections::BTreeSet::new();
        for used in &self.adapter.of {
            let shapes = used.types.values().chain(used.functions.values());
            mentioned.extend(shapes.flat_map(|shape| resources_in(shape)));
        }
        let mut resources: Vec<_> = self.adapter.uses.resources.iter().collect();
        resources.sort_by_key(|(_, name)| name.as_str());
        for (id, resource) in resources {
            if !mentioned.contains(resource.as_str()) {
                continue;
            }
            let (interface, name) = resource.split_once('.')?;
            let index = match built.filter(|_| wraps == Some(resource.as_str())) {
                Some(instance) => self.builder.alias_export(instance, name, ComponentExportKind::Type),
                None => match self.imports.ty(&mut self.builder, interface, name) {
                    Some(index) => index,
                    // A resource of the component's own other imports.
                    None => continue,
                },
            };
            self.copier.resource_is(*id, Place::Index(index));
        }
        Some(())
    }

    /// Exports the types of an import: the target's where they agree, for then others may mention them too,
    /// else copies of the application's.
    fn types(&mut self, used: &'b Used) -> Option<()> {
        let uses = self.adapter.uses;
        let types = uses.types.as_ref();
        let known = bridge::counterpart(used, self.adapter.target).map(|interface| &interface.types);
        for (name, item) in &types[uses.instance(Side::Import, &used.name)?].exports {
            let name = name.as_str();
            let ComponentEntityType::Type { created, referenced } = item.ty else { continue };
            let index = match self.exported.get(name) {
                Some(index) => *index,
                None => {
                    let same = known.and_then(|types| types.get(name)) == used.types.get(name);
                    let index = match created {
                        ComponentAnyTypeId::Resource(id) => self.copier.resource(&mut self.builder, id)?,
                        ComponentAnyTypeId::Defined(_) if same => {
                            self.imports.ty(&mut self.builder, &used.key, name)?
                        }
                        ComponentAnyTypeId::Defined(id) => self.copier.defined(&mut self.builder, id)?,
                        _ => return None,
                    };
                    self.builder.export(name, ComponentExportKind::Type, index, None)
                }
            };
            self.exported.insert(name.to_owned(), index);
            // Functions must mention a type by the name that it is exported under.
            self.copier.is(created, Place::Index(index));
            self.copier.may_be(referenced, Place::Index(index));
            if let Some((id, resource)) = self.adapter.resource_of(used, name)
                && resource.rsplit('.').next() == Some(name)
            {
                self.copier.resource_is(id, Place::Index(index));
            }
        }
        Some(())
    }

    /// Lowers what the code calls, instantiates the code, lifts it with the old types.
    fn lift(&mut self) -> Option<HashMap<(&'b str, &'b str), u32>> {
        let mut with_code = Vec::new();
        let new = bridge::written_for()?;
        for used in &self.adapter.of {
            for (name, shape) in &used.functions {
                let Some(Way::Code(code)) = self.adapter.way(used, name) else { continue };
                let old = bridge::snapshot_of(&used.key, name, shape)?;
                let lifted = Lifted::of(code, (&old, &new), &used.key, name)?;
                with_code.push((*used, name.as_str(), lifted));
            }
        }
        if with_code.is_empty() {
            return Some(HashMap::new());
        }
        let builder = &mut self.builder;
        let memory = builder.core_module(None, &bridge::memory_module());
        let memory = builder.core_instantiate(None, memory, [] as [(&str, ModuleArg); 0]);
        let realloc = builder.core_alias_export(None, memory, "realloc", ExportKind::Func);
        let reset = builder.core_alias_export(None, memory, "reset", ExportKind::Func);
        let memory = builder.core_alias_export(None, memory, "memory", ExportKind::Memory);
        let options =
            [CanonicalOption::UTF8, CanonicalOption::Memory(memory), CanonicalOption::Realloc(realloc)];
        let mut given = vec![
            ("memory".to_owned(), ExportKind::Memory, memory),
            ("reset".to_owned(), ExportKind::Func, reset),
        ];
        for (number, (.., lifted)) in with_code.iter().enumerate() {
            for (call, (interface, function)) in lifted.code.calls.iter().enumerate() {
                let instance = self.imports.instance(interface)?;
                let called = builder.alias_export(instance, function, ComponentExportKind::Func);
                let lowered = builder.lower_func(None, called, options);
                given.push((format!("call{number}.{call}"), ExportKind::Func, lowered));
            }
            for (drop, (interface, resource)) in lifted.code.drops.iter().enumerate() {
                let resource = self.imports.ty(builder, interface, resource)?;
                let dropped = builder.resource_drop(resource);
                given.push((format!("drop{number}.{drop}"), ExportKind::Func, dropped));
            }
        }
        let given = builder.core_instantiate_exports(
            None,
            given.iter().map(|(name, kind, index)| (name.as_str(), *kind, *index)),
        );
        let functions: Vec<&Lifted> = with_code.iter().map(|(.., lifted)| lifted).collect();
        let code = builder.core_module(None, &bridge::code_module(&functions));
        let code = builder.core_instantiate(None, code, [("x", ModuleArg::Instance(given))]);
        let post = builder.core_alias_export(None, code, "post", ExportKind::Func);
        let post0 = builder.core_alias_export(None, code, "post0", ExportKind::Func);
        let mut found = HashMap::new();
        for (number, (used, name, lifted)) in with_code.iter().enumerate() {
            let function = self.adapter.function(used, name)?;
            let ty = self.copier.function(&mut self.builder, function)?;
            let core = self.builder.core_alias_export(None, code, &number.to_string(), ExportKind::Func);
            let post = if lifted.own.1.is_empty() { post0 } else { post };
            let [utf8, memory, realloc] = options;
            let options = [utf8, memory, realloc, CanonicalOption::PostReturn(post)];
            // Without lists and results in memory there is nothing to reset.
            let options = if lifted.needs_memory { &options[..] } else { &[] };
            let index = self.builder.lift_func(None, core, ty, options.iter().copied());
            found.insert((used.key.as_str(), *name), index);
        }
        Some(found)
    }

    /// Exports the functions of an import.
    fn functions(
        &mut self,
        used: &Used,
        built: Option<u32>,
        lifted: &HashMap<(&str, &str), u32>,
    ) -> Option<()> {
        for name in used.functions.keys() {
            let from = match self.adapter.way(used, name) {
                None => (self.imports.instance(&used.key)?, name.as_str()),
                Some(Way::Alias(interface, function)) => (self.imports.instance(interface)?, function),
                Some(Way::Built(_)) => (built?, name.as_str()),
                Some(Way::Code(_)) => {
                    let index = *lifted.get(&(used.key.as_str(), name.as_str()))?;
                    self.builder.export(name.as_str(), ComponentExportKind::Func, index, None);
                    continue;
                }
            };
            let function = self.adapter.function(used, name)?;
            let ty = self.copier.function(&mut self.builder, function)?;
            let index = self.builder.alias_export(from.0, from.1, ComponentExportKind::Func);
            let ty = Some(ComponentTypeRef::Func(ty));
            self.builder.export(name.as_str(), ComponentExportKind::Func, index, ty);
        }
        Some(())
    }
}

impl Adapter<'_> {
    fn function(&self, used: &Used, name: &str) -> Option<ComponentFuncTypeId> {
        let types = self.uses.types.as_ref();
        let instance = self.uses.instance(Side::Import, &used.name)?;
        match types[instance].exports.get(name)?.ty {
            ComponentEntityType::Func(id) => Some(id),
            _ => None,
        }
    }

    /// The resource that a name of an import stands for, and what it is called.
    fn resource_of(&self, used: &Used, name: &str) -> Option<(ResourceId, &str)> {
        let types = self.uses.types.as_ref();
        let instance = self.uses.instance(Side::Import, &used.name)?;
        match types[instance].exports.get(name)?.ty {
            ComponentEntityType::Type { created: ComponentAnyTypeId::Resource(id), .. } => {
                let id = id.resource();
                Some((id, self.uses.resources.get(&id)?))
            }
            _ => None,
        }
    }
}
