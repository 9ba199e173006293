//! Writes types of a component into another one, where its resources and named types have other indices.

use std::collections::HashMap;

use wasm_encoder::{
    ComponentBuilder, ComponentDefinedTypeEncoder, ComponentExportKind, ComponentFuncTypeEncoder,
    ComponentValType as Encoded,
};
use wasmparser::component_types::{
    AliasableResourceId, ComponentAnyTypeId, ComponentDefinedType, ComponentDefinedTypeId,
    ComponentEntityType, ComponentFuncTypeId, ComponentInstanceTypeId, ComponentValType, ResourceId,
};
use wasmparser::types::TypesRef;

use super::encode::Shared;

/// What types are written into.
pub(super) trait Sink {
    /// Writes a value type; its index.
    fn define(&mut self, write: impl FnOnce(ComponentDefinedTypeEncoder<'_>)) -> u32;
    /// Writes a function's type; its index.
    fn function(&mut self, write: impl FnOnce(ComponentFuncTypeEncoder<'_>)) -> u32;
    /// Takes a type out of an instance; its index.
    fn alias(&mut self, instance: u32, name: &str) -> u32;
}

impl Sink for ComponentBuilder {
    fn define(&mut self, write: impl FnOnce(ComponentDefinedTypeEncoder<'_>)) -> u32 {
        let (index, encoder) = self.type_defined(None);
        write(encoder);
        index
    }

    fn function(&mut self, write: impl FnOnce(ComponentFuncTypeEncoder<'_>)) -> u32 {
        let (index, encoder) = self.type_function(None);
        write(encoder);
        index
    }

    fn alias(&mut self, instance: u32, name: &str) -> u32 {
        self.alias_export(instance, name, ComponentExportKind::Type)
    }
}

/// Where a type already is.
#[derive(Clone)]
pub(super) enum Place {
    /// It has an index.
    Index(u32),
    /// It is an export of an instance.
    Export(u32, String),
}

/// The types of one component, and where each is in the other.
pub(super) struct Copier<'a> {
    types: TypesRef<'a>,
    defined: HashMap<ComponentDefinedTypeId, Place>,
    /// A resource has an identity for each of its names.
    names: HashMap<AliasableResourceId, Place>,
    resources: HashMap<ResourceId, Place>,
    shared: Shared,
}

impl<'a> Copier<'a> {
    pub(super) fn new(types: TypesRef<'a>) -> Self {
        Self {
            types,
            defined: HashMap::new(),
            names: HashMap::new(),
            resources: HashMap::new(),
            shared: Shared::default(),
        }
    }

    /// A resource is there, whatever name it goes by.
    pub(super) fn resource_is(&mut self, id: ResourceId, place: Place) {
        self.resources.insert(id, place);
    }

    /// A type is there.
    pub(super) fn is(&mut self, id: ComponentAnyTypeId, place: Place) {
        match id {
            ComponentAnyTypeId::Resource(id) => {
                self.names.insert(id, place);
            }
            ComponentAnyTypeId::Defined(id) => {
                self.defined.insert(id, place);
            }
            _ => {}
        }
    }

    /// A type is there, unless it is known to be elsewhere.
    pub(super) fn may_be(&mut self, id: ComponentAnyTypeId, place: Place) {
        match id {
            ComponentAnyTypeId::Resource(id) => {
                self.names.entry(id).or_insert(place);
            }
            ComponentAnyTypeId::Defined(id) => {
                self.defined.entry(id).or_insert(place);
            }
            _ => {}
        }
    }

    /// The types of an instance of the component are exports of an instance here, as far as that has them.
    pub(super) fn instance_is(
        &mut self,
        id: ComponentInstanceTypeId,
        instance: u32,
        has: &dyn Fn(&str) -> bool,
    ) {
        let types = self.types;
        for (name, item) in types[id].exports.iter().filter(|(name, _)| has(name)) {
            let ComponentEntityType::Type { referenced, created } = item.ty else { continue };
            let place = Place::Export(instance, name.clone());
            if let ComponentAnyTypeId::Resource(id) = created {
                self.resources.entry(id.resource()).or_insert_with(|| place.clone());
            }
            self.is(created, place.clone());
            self.may_be(referenced, place);
        }
    }

    /// Writes a function's type. Nothing if it mentions a type that has no place here.
    pub(super) fn function(&mut self, sink: &mut impl Sink, id: ComponentFuncTypeId) -> Option<u32> {
        let types = self.types;
        let function = &types[id];
        let mut params = Vec::new();
        for (name, ty) in &function.params {
            params.push((name.as_str(), self.value(sink, ty)?));
        }
        let result = self.maybe(sink, function.result.as_ref())?;
        let is_async = function.async_;
        let key = Shared::key(&("function", is_async, &params, result));
        if let Some(index) = self.shared.get(&key) {
            return Some(index);
        }
        let index = sink.function(|mut ty| {
            ty.async_(is_async).params(params).result(result);
        });
        Some(self.shared.keep(key, index))
    }

    /// Defines a type that has no name, once.
    fn once(
        &mut self,
        sink: &mut impl Sink,
        looks: &dyn std::fmt::Debug,
        write: impl FnOnce(ComponentDefinedTypeEncoder<'_>),
    ) -> u32 {
        let key = Shared::key(looks);
        match self.shared.get(&key) {
            Some(index) => index,
            None => {
                let index = sink.define(write);
                self.shared.keep(key, index)
            }
        }
    }

    fn value(&mut self, sink: &mut impl Sink, ty: &ComponentValType) -> Option<Encoded> {
        Some(match ty {
            ComponentValType::Primitive(primitive) => Encoded::Primitive((*primitive).into()),
            ComponentValType::Type(id) => Encoded::Type(self.defined(sink, *id)?),
        })
    }

    /// `Some(None)` for no type.
    fn maybe(&mut self, sink: &mut impl Sink, ty: Option<&ComponentValType>) -> Option<Option<Encoded>> {
        match ty {
            None => Some(None),
            Some(ty) => self.value(sink, ty).map(Some),
        }
    }

    /// The index of a resource, under the very name that `id` stands for if that has a place.
    pub(super) fn resource(&mut self, sink: &mut impl Sink, id: AliasableResourceId) -> Option<u32> {
        let known = self.names.get(&id).or_else(|| self.resources.get(&id.resource()))?.clone();
        let index = index(sink, &known);
        let place = match self.names.contains_key(&id) {
            true => self.names.get_mut(&id),
            false => self.resources.get_mut(&id.resource()),
        };
        *place? = Place::Index(index);
        Some(index)
    }

    /// The index of a value type, written when it is first asked for.
    pub(super) fn defined(&mut self, sink: &mut impl Sink, id: ComponentDefinedTypeId) -> Option<u32> {
        let index = match self.defined.get(&id).cloned() {
            Some(place) => index(sink, &place),
            None => self.structure(sink, id)?,
        };
        self.defined.insert(id, Place::Index(index));
        Some(index)
    }

    /// Writes a value type, whatever is known of it.
    fn structure(&mut self, sink: &mut impl Sink, id: ComponentDefinedTypeId) -> Option<u32> {
        let types = self.types;
        Some(match &types[id] {
            ComponentDefinedType::Primitive(primitive) => sink.define(|ty| ty.primitive((*primitive).into())),
            ComponentDefinedType::Record(record) => {
                let mut fields = Vec::new();
                for (name, ty) in &record.fields {
                    fields.push((name.as_str(), self.value(sink, ty)?));
                }
                sink.define(|ty| ty.record(fields))
            }
            ComponentDefinedType::Variant(variant) => {
                let mut cases = Vec::new();
                for (name, case) in &variant.cases {
                    cases.push((name.as_str(), self.maybe(sink, case.ty.as_ref())?));
                }
                sink.define(|ty| ty.variant(cases))
            }
            ComponentDefinedType::Enum(cases) => {
                sink.define(|ty| ty.enum_type(cases.iter().map(|case| case.as_str())))
            }
            ComponentDefinedType::Flags(flags) => {
                sink.define(|ty| ty.flags(flags.iter().map(|flag| flag.as_str())))
            }
            ComponentDefinedType::Tuple(tuple) => {
                let fields = tuple.types.iter().map(|ty| self.value(sink, ty)).collect::<Option<Vec<_>>>()?;
                let looks = ("tuple", fields.clone());
                self.once(sink, &looks, |ty| ty.tuple(fields))
            }
            ComponentDefinedType::Option { ty, .. } => {
                let inner = self.value(sink, ty)?;
                self.once(sink, &("option", inner), |ty| ty.option(inner))
            }
            ComponentDefinedType::List { element, .. } => {
                let inner = self.value(sink, element)?;
                self.once(sink, &("list", inner), |ty| ty.list(inner))
            }
            ComponentDefinedType::Result { ok, err, .. } => {
                let ok = self.maybe(sink, ok.as_ref())?;
                let err = self.maybe(sink, err.as_ref())?;
                self.once(sink, &("result", ok, err), |ty| ty.result(ok, err))
            }
            ComponentDefinedType::Own(resource) => {
                let resource = self.resource(sink, *resource)?;
                self.once(sink, &("own", resource), |ty| ty.own(resource))
            }
            ComponentDefinedType::Borrow(resource) => {
                let resource = self.resource(sink, *resource)?;
                self.once(sink, &("borrow", resource), |ty| ty.borrow(resource))
            }
            // WASI 0.2 has none of these.
            ComponentDefinedType::FixedLengthList { .. }
            | ComponentDefinedType::Map { .. }
            | ComponentDefinedType::Future { .. }
            | ComponentDefinedType::Stream { .. } => return None,
        })
    }
}

fn index(sink: &mut impl Sink, place: &Place) -> u32 {
    match place {
        Place::Index(index) => *index,
        Place::Export(instance, name) => sink.alias(*instance, name),
    }
}
