//! Writes the imports of a component from the WIT of a snapshot, trimmed to what is needed.
//!
//! The order matters and is found here: an interface comes after those whose types it uses.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use wasm_encoder::{
    Alias, ComponentBuilder, ComponentDefinedTypeEncoder, ComponentExportKind, ComponentOuterAliasKind,
    ComponentTypeRef, ComponentValType, InstanceType, PrimitiveValType, TypeBounds,
};
use wit_parser::{Function, Handle, InterfaceId, Resolve, Type, TypeDefKind, TypeId};

use super::shape::{interface_key, owner};
use super::snapshot::Snapshot;

/// Types and functions of one interface.
#[derive(Debug, Default, Clone)]
struct Need {
    types: BTreeSet<String>,
    functions: BTreeSet<String>,
}

/// What is needed of a snapshot, closed under "mentions".
pub(super) struct Needs<'a> {
    snapshot: &'a Snapshot,
    by_interface: BTreeMap<String, Need>,
}

impl<'a> Needs<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, by_interface: BTreeMap::new() }
    }

    /// The interface itself, even if nothing in it is used.
    pub(super) fn interface(&mut self, key: &str) {
        self.by_interface.entry(key.to_owned()).or_default();
    }

    /// A named type and all it mentions. Unknown names are passed over.
    pub(super) fn ty(&mut self, key: &str, name: &str) {
        let resolve = &self.snapshot.resolve;
        let Some(interface) = self.snapshot.interfaces.get(key) else { return };
        let Some(id) = resolve.interfaces[interface.id].types.get(name) else { return };
        if self.by_interface.entry(key.to_owned()).or_default().types.insert(name.to_owned()) {
            self.inside(*id);
        }
    }

    /// A function and all types it mentions. Unknown names are passed over.
    pub(super) fn function(&mut self, key: &str, name: &str) {
        let resolve = &self.snapshot.resolve;
        let Some(interface) = self.snapshot.interfaces.get(key) else { return };
        let Some(function) = resolve.interfaces[interface.id].functions.get(name) else { return };
        if self.by_interface.entry(key.to_owned()).or_default().functions.insert(name.to_owned()) {
            let values = function.params.iter().map(|param| &param.ty).chain(&function.result);
            values.for_each(|ty| self.value(ty));
        }
    }

    fn value(&mut self, ty: &Type) {
        let Type::Id(id) = ty else { return };
        let resolve = &self.snapshot.resolve;
        let key = owner(resolve, *id).and_then(|interface| interface_key(resolve, interface));
        match (&resolve.types[*id].name, key) {
            (Some(name), Some(key)) => self.ty(&key, name),
            _ => self.inside(*id),
        }
    }

    fn inside(&mut self, id: TypeId) {
        let resolve = &self.snapshot.resolve;
        match &resolve.types[id].kind {
            TypeDefKind::Record(record) => record.fields.iter().for_each(|field| self.value(&field.ty)),
            TypeDefKind::Variant(variant) => {
                variant.cases.iter().filter_map(|case| case.ty.as_ref()).for_each(|ty| self.value(ty));
            }
            TypeDefKind::Tuple(tuple) => tuple.types.iter().for_each(|ty| self.value(ty)),
            TypeDefKind::Option(ty) | TypeDefKind::List(ty) | TypeDefKind::Type(ty) => self.value(ty),
            TypeDefKind::FixedLengthList(ty, _) => self.value(ty),
            TypeDefKind::Map(key, value) => [key, value].into_iter().for_each(|ty| self.value(ty)),
            TypeDefKind::Result(result) => result.ok.iter().chain(&result.err).for_each(|ty| self.value(ty)),
            TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => self.value(&Type::Id(*id)),
            TypeDefKind::Future(ty) | TypeDefKind::Stream(ty) => ty.iter().for_each(|ty| self.value(ty)),
            TypeDefKind::Enum(_) | TypeDefKind::Flags(_) | TypeDefKind::Resource | TypeDefKind::Unknown => {}
        }
    }

    /// The interfaces needed.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.by_interface.keys().map(String::as_str)
    }
}

/// Imports written so far.
#[derive(Default)]
pub(super) struct Imports {
    instances: BTreeMap<String, u32>,
    types: HashMap<(String, String), u32>,
}

impl Imports {
    /// Writes all that is needed, each interface under the name that `name` gives it.
    pub(super) fn write(
        builder: &mut ComponentBuilder,
        needs: &Needs<'_>,
        name: &dyn Fn(&str) -> String,
    ) -> Self {
        let mut imports = Self::default();
        for key in needs.by_interface.keys() {
            imports.interface(builder, needs, name, key);
        }
        imports
    }

    /// The index of an imported interface.
    pub(super) fn instance(&self, key: &str) -> Option<u32> {
        self.instances.get(key).copied()
    }

    /// The index of a type of an imported interface.
    pub(super) fn ty(&mut self, builder: &mut ComponentBuilder, key: &str, name: &str) -> Option<u32> {
        let known = (key.to_owned(), name.to_owned());
        if let Some(index) = self.types.get(&known) {
            return Some(*index);
        }
        let index = builder.alias_export(self.instance(key)?, name, ComponentExportKind::Type);
        self.types.insert(known, index);
        Some(index)
    }

    fn interface(
        &mut self,
        builder: &mut ComponentBuilder,
        needs: &Needs<'_>,
        name: &dyn Fn(&str) -> String,
        key: &str,
    ) {
        if self.instances.contains_key(key) {
            return;
        }
        let (Some(need), Some(interface)) = (needs.by_interface.get(key), needs.snapshot.interfaces.get(key))
        else {
            return;
        };
        let resolve = &needs.snapshot.resolve;
        let declared = &resolve.interfaces[interface.id];
        for (other, ty) in
            need.types.iter().filter_map(|ty| used_from(resolve, interface.id, declared.types[ty]))
        {
            self.interface(builder, needs, name, &other);
            self.ty(builder, &other, &ty);
        }
        let mut encoder = Encoder {
            resolve,
            interface: interface.id,
            outer: &self.types,
            sink: InstanceType::new(),
            local: HashMap::new(),
            shared: Shared::default(),
        };
        for ty in &need.types {
            encoder.id(declared.types[ty]);
        }
        for function in &need.functions {
            let ty = encoder.function(&declared.functions[function]);
            encoder.sink.export(function, ComponentTypeRef::Func(ty));
        }
        let ty = builder.type_instance(None, &encoder.sink);
        let index = builder.import(name(key).as_str(), ComponentTypeRef::Instance(ty));
        self.instances.insert(key.to_owned(), index);
    }
}

/// The interface and name that a type was `use`d from.
fn used_from(resolve: &Resolve, interface: InterfaceId, id: TypeId) -> Option<(String, String)> {
    let TypeDefKind::Type(Type::Id(target)) = resolve.types[id].kind else { return None };
    let other = owner(resolve, target).filter(|other| *other != interface)?;
    Some((interface_key(resolve, other)?, resolve.types[target].name.clone()?))
}

/// Types without a name that were written, by how they look: WIT has one for each mention.
#[derive(Default)]
pub(super) struct Shared(HashMap<String, u32>);

impl Shared {
    pub(super) fn key(looks: &dyn std::fmt::Debug) -> String {
        format!("{looks:?}")
    }

    pub(super) fn get(&self, key: &str) -> Option<u32> {
        self.0.get(key).copied()
    }

    pub(super) fn keep(&mut self, key: String, index: u32) -> u32 {
        self.0.insert(key, index);
        index
    }
}

/// Writes types of one interface.
struct Encoder<'a> {
    resolve: &'a Resolve,
    interface: InterfaceId,
    outer: &'a HashMap<(String, String), u32>,
    sink: InstanceType,
    local: HashMap<TypeId, u32>,
    shared: Shared,
}

impl Encoder<'_> {
    fn define(&mut self, write: impl FnOnce(ComponentDefinedTypeEncoder<'_>)) -> u32 {
        write(self.sink.ty().defined_type());
        self.sink.type_count() - 1
    }

    /// Defines a type that has no name, once.
    fn once(
        &mut self,
        looks: &dyn std::fmt::Debug,
        write: impl FnOnce(ComponentDefinedTypeEncoder<'_>),
    ) -> u32 {
        let key = Shared::key(looks);
        match self.shared.get(&key) {
            Some(index) => index,
            None => {
                let index = self.define(write);
                self.shared.keep(key, index)
            }
        }
    }

    fn function(&mut self, function: &Function) -> u32 {
        let params: Vec<_> =
            function.params.iter().map(|param| (param.name.as_str(), self.value(&param.ty))).collect();
        let result = function.result.as_ref().map(|ty| self.value(ty));
        let key = Shared::key(&("function", &params, result));
        if let Some(index) = self.shared.get(&key) {
            return index;
        }
        self.sink.ty().function().params(params).result(result);
        self.shared.keep(key, self.sink.type_count() - 1)
    }

    fn value(&mut self, ty: &Type) -> ComponentValType {
        ComponentValType::Primitive(match ty {
            Type::Id(id) => return ComponentValType::Type(self.id(*id)),
            Type::Bool => PrimitiveValType::Bool,
            Type::U8 => PrimitiveValType::U8,
            Type::U16 => PrimitiveValType::U16,
            Type::U32 => PrimitiveValType::U32,
            Type::U64 => PrimitiveValType::U64,
            Type::S8 => PrimitiveValType::S8,
            Type::S16 => PrimitiveValType::S16,
            Type::S32 => PrimitiveValType::S32,
            Type::S64 => PrimitiveValType::S64,
            Type::F32 => PrimitiveValType::F32,
            Type::F64 => PrimitiveValType::F64,
            Type::Char => PrimitiveValType::Char,
            Type::String => PrimitiveValType::String,
            Type::ErrorContext => PrimitiveValType::ErrorContext,
        })
    }

    fn maybe(&mut self, ty: Option<&Type>) -> Option<ComponentValType> {
        ty.map(|ty| self.value(ty))
    }

    /// The local index of a type, defined and (if it has a name) exported when it is first asked for.
    fn id(&mut self, id: TypeId) -> u32 {
        if let Some(index) = self.local.get(&id) {
            return *index;
        }
        let definition = &self.resolve.types[id];
        let index = match &definition.name {
            Some(name) => {
                let bounds = self.bounds(id);
                self.sink.export(name, ComponentTypeRef::Type(bounds));
                self.sink.type_count() - 1
            }
            None => self.structure(id),
        };
        self.local.insert(id, index);
        index
    }

    fn bounds(&mut self, id: TypeId) -> TypeBounds {
        if matches!(self.resolve.types[id].kind, TypeDefKind::Resource) {
            return TypeBounds::SubResource;
        }
        match used_from(self.resolve, self.interface, id).and_then(|from| self.outer.get(&from)) {
            Some(index) => {
                let alias = Alias::Outer { kind: ComponentOuterAliasKind::Type, count: 1, index: *index };
                self.sink.alias(alias);
                TypeBounds::Eq(self.sink.type_count() - 1)
            }
            None => TypeBounds::Eq(self.structure(id)),
        }
    }

    fn structure(&mut self, id: TypeId) -> u32 {
        let resolve = self.resolve;
        match &resolve.types[id].kind {
            TypeDefKind::Type(Type::Id(same)) => self.id(*same),
            TypeDefKind::Type(ty) => match self.value(ty) {
                ComponentValType::Primitive(primitive) => self.define(|sink| sink.primitive(primitive)),
                ComponentValType::Type(index) => index,
            },
            TypeDefKind::Record(record) => {
                let fields: Vec<_> =
                    record.fields.iter().map(|field| (field.name.as_str(), self.value(&field.ty))).collect();
                self.define(|sink| sink.record(fields))
            }
            TypeDefKind::Variant(variant) => {
                let cases: Vec<_> = variant
                    .cases
                    .iter()
                    .map(|case| (case.name.as_str(), self.maybe(case.ty.as_ref())))
                    .collect();
                self.define(|sink| sink.variant(cases))
            }
            TypeDefKind::Enum(cases) => {
                self.define(|sink| sink.enum_type(cases.cases.iter().map(|case| case.name.as_str())))
            }
            TypeDefKind::Flags(flags) => {
                self.define(|sink| sink.flags(flags.flags.iter().map(|flag| flag.name.as_str())))
            }
            TypeDefKind::Tuple(tuple) => {
                let types: Vec<_> = tuple.types.iter().map(|ty| self.value(ty)).collect();
                let looks = ("tuple", types.clone());
                self.once(&looks, |sink| sink.tuple(types))
            }
            TypeDefKind::Option(ty) => {
                let ty = self.value(ty);
                self.once(&("option", ty), |sink| sink.option(ty))
            }
            TypeDefKind::List(ty) => {
                let ty = self.value(ty);
                self.once(&("list", ty), |sink| sink.list(ty))
            }
            TypeDefKind::Result(result) => {
                let (ok, err) = (self.maybe(result.ok.as_ref()), self.maybe(result.err.as_ref()));
                self.once(&("result", ok, err), |sink| sink.result(ok, err))
            }
            TypeDefKind::Handle(Handle::Own(resource)) => {
                let resource = self.id(*resource);
                self.once(&("own", resource), |sink| sink.own(resource))
            }
            TypeDefKind::Handle(Handle::Borrow(resource)) => {
                let resource = self.id(*resource);
                self.once(&("borrow", resource), |sink| sink.borrow(resource))
            }
            // WASI 0.2 has none of these; what is written instead does not match and is refused.
            TypeDefKind::Resource
            | TypeDefKind::Future(_)
            | TypeDefKind::Stream(_)
            | TypeDefKind::Map(..)
            | TypeDefKind::FixedLengthList(..)
            | TypeDefKind::Unknown => self.define(|sink| sink.primitive(PrimitiveValType::Bool)),
        }
    }
}
