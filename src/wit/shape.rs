//! What a component imports and exports, as types read from the component itself.
//!
//! Names promise nothing: two files may call different things `acme:shop/pricing@0.1.0`. So what is
//! compared is the structure that the component's own type section gives. Types are trees here, with
//! resources as leaves that carry their names: which resource is whose is a question of the composition,
//! not of the interface.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use indexmap::IndexMap;
use wasmparser::PrimitiveValType;
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentDefinedTypeId, ComponentEntityType,
    ComponentFuncTypeId, ComponentInstanceTypeId, ComponentValType, ResourceId,
};
use wasmparser::types::Types;

use crate::component::{self, ComponentError};

/// The outside of a component.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    /// By name, in the component's order.
    pub imports: IndexMap<String, Extern>,
    /// By name, in the component's order: what an export's types need stands before it.
    pub exports: IndexMap<String, Extern>,
}

/// Something imported or exported.
#[derive(Debug, Clone)]
pub enum Extern {
    /// An interface.
    Interface(Interface),
    /// A function of the world itself.
    Function(Function),
    /// A type of the world itself, and where it was taken from if another interface defines it.
    Type(Type, Option<Origin>),
    /// A core module, component or value, which WIT has no words for.
    Other(&'static str),
}

/// Functions and types under one name.
#[derive(Debug, Clone, Default)]
pub struct Interface {
    /// By name; those of resources as `[method]basket.add`.
    pub functions: BTreeMap<String, Function>,
    /// By name.
    pub types: BTreeMap<String, Type>,
    /// The types that it takes from other interfaces of the same component.
    pub uses: BTreeMap<String, Origin>,
}

/// Where a type was defined.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The interface's name among the component's imports or exports.
    pub interface: String,
    /// Whether it is one of the imports.
    pub imported: bool,
    /// The type's name there.
    pub name: String,
}

/// A function's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Whether it is declared `async`.
    pub asynchronous: bool,
    /// Names and types.
    pub parameters: Vec<(String, Type)>,
    /// What it returns, if anything.
    pub result: Option<Type>,
}

/// A type. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// `u32`, `string`, …
    Primitive(&'static str),
    /// Fields in order.
    Record(Arc<[(String, Type)]>),
    /// Cases in order.
    Variant(Arc<[(String, Option<Type>)]>),
    /// Cases in order.
    Enum(Arc<[String]>),
    /// Names in order.
    Flags(Arc<[String]>),
    /// Elements in order.
    Tuple(Arc<[Type]>),
    /// `list<T>`, with a length where it is fixed.
    List(Arc<Type>, Option<u32>),
    /// `map<K, V>`.
    Map(Arc<(Type, Type)>),
    /// `option<T>`.
    Option(Arc<Type>),
    /// `result<T, E>`.
    Result(Arc<(Option<Type>, Option<Type>)>),
    /// `future<T>`.
    Future(Arc<Option<Type>>),
    /// `stream<T>`.
    Stream(Arc<Option<Type>>),
    /// An owned handle; the resource's name.
    Own(Arc<str>),
    /// A borrowed handle; the resource's name.
    Borrow(Arc<str>),
    /// The resource itself, as a named type.
    Resource,
    /// Something that WIT has no words for.
    Other(&'static str),
}

impl Type {
    /// Whether a handle to the resource of this name is in it.
    pub fn mentions(&self, resource: &str) -> bool {
        let any = |ty: &Option<Self>| ty.as_ref().is_some_and(|ty| ty.mentions(resource));
        match self {
            Self::Own(name) | Self::Borrow(name) => **name == *resource,
            Self::Record(fields) => fields.iter().any(|(_, ty)| ty.mentions(resource)),
            Self::Variant(cases) => cases.iter().any(|(_, ty)| any(ty)),
            Self::Tuple(types) => types.iter().any(|ty| ty.mentions(resource)),
            Self::List(ty, _) | Self::Option(ty) => ty.mentions(resource),
            Self::Map(types) => types.0.mentions(resource) || types.1.mentions(resource),
            Self::Result(types) => any(&types.0) || any(&types.1),
            Self::Future(ty) | Self::Stream(ty) => any(ty),
            Self::Primitive(_) | Self::Enum(_) | Self::Flags(_) | Self::Resource | Self::Other(_) => false,
        }
    }
}

impl Interface {
    /// Whether nothing has to implement it: it holds types only, and none of them is a resource that
    /// it defines itself.
    pub fn is_plain(&self) -> bool {
        self.functions.is_empty()
            && self.types.iter().all(|(name, ty)| *ty != Type::Resource || self.uses.contains_key(name))
    }
}

impl Shape {
    /// Reads the outside of a component. Function bodies are not looked at.
    ///
    /// # Errors
    /// Those of [`component::interface`], and [`ComponentError::CoreModule`].
    pub fn of(bytes: &[u8]) -> Result<Self, ComponentError> {
        let externs = component::externs(bytes)?;
        let types = component::interface(bytes)?;
        let mut reader = Reader::new(&types);
        let mut shape = Self::default();
        for name in externs.imports {
            if let Some(item) = types.component_item_for_import(&name) {
                let read = reader.item(&name, true, &item.ty);
                shape.imports.insert(name, read);
            }
        }
        for name in externs.exports {
            if let Some(item) = types.component_item_for_export(&name) {
                let read = reader.item(&name, false, &item.ty);
                shape.exports.insert(name, read);
            }
        }
        Ok(shape)
    }
}

struct Reader<'a> {
    types: &'a Types,
    known: HashMap<ComponentDefinedTypeId, Type>,
    resources: HashMap<ResourceId, Arc<str>>,
    origins: HashMap<ComponentAnyTypeId, Origin>,
    /// The first name of each resource: two exports may name it without the one being an alias of the other.
    first: HashMap<ResourceId, Origin>,
}

impl<'a> Reader<'a> {
    fn new(types: &'a Types) -> Self {
        Self {
            types,
            known: HashMap::new(),
            resources: HashMap::new(),
            origins: HashMap::new(),
            first: HashMap::new(),
        }
    }

    fn item(&mut self, name: &str, imported: bool, ty: &ComponentEntityType) -> Extern {
        match *ty {
            ComponentEntityType::Instance(id) => Extern::Interface(self.interface(name, imported, id)),
            ComponentEntityType::Func(id) => Extern::Function(self.function(id)),
            ComponentEntityType::Type { created, .. } => {
                let origin = self.origin(created);
                Extern::Type(self.named(name, created), origin)
            }
            ComponentEntityType::Module(_) => Extern::Other("core module"),
            ComponentEntityType::Value(_) => Extern::Other("value"),
            ComponentEntityType::Component(_) => Extern::Other("component"),
        }
    }

    fn interface(&mut self, name: &str, imported: bool, id: ComponentInstanceTypeId) -> Interface {
        let types = self.types;
        let mut interface = Interface::default();
        // Types before functions: the functions' types name the resources.
        for (export, item) in &types[id].exports {
            let ComponentEntityType::Type { referenced, created } = item.ty else { continue };
            match self.origin(referenced) {
                Some(origin) => {
                    if origin.interface != name || origin.imported != imported {
                        interface.uses.insert(export.clone(), origin.clone());
                    }
                    self.origins.insert(created, origin);
                }
                None => {
                    let origin = Origin { interface: name.to_owned(), imported, name: export.clone() };
                    if let ComponentAnyTypeId::Resource(resource) = created {
                        self.first.insert(resource.resource(), origin.clone());
                    }
                    self.origins.insert(created, origin);
                }
            }
            let ty = self.named(export, created);
            interface.types.insert(export.clone(), ty);
        }
        for (export, item) in &types[id].exports {
            if let ComponentEntityType::Func(id) = item.ty {
                interface.functions.insert(export.clone(), self.function(id));
            }
        }
        interface
    }

    /// Where a type comes from, following the aliases between its names.
    fn origin(&self, id: ComponentAnyTypeId) -> Option<Origin> {
        let mut next = Some(id);
        while let Some(id) = next {
            if let Some(origin) = self.origins.get(&id) {
                return Some(origin.clone());
            }
            next = self.types.peel_alias(id);
        }
        match id {
            ComponentAnyTypeId::Resource(resource) => self.first.get(&resource.resource()).cloned(),
            _ => None,
        }
    }

    fn named(&mut self, name: &str, id: ComponentAnyTypeId) -> Type {
        match id {
            ComponentAnyTypeId::Resource(resource) => {
                self.resources.entry(resource.resource()).or_insert_with(|| name.into());
                Type::Resource
            }
            ComponentAnyTypeId::Defined(id) => self.defined(id),
            ComponentAnyTypeId::Func(_) => Type::Other("function type"),
            ComponentAnyTypeId::Instance(_) => Type::Other("interface type"),
            ComponentAnyTypeId::Component(_) => Type::Other("component type"),
        }
    }

    fn function(&mut self, id: ComponentFuncTypeId) -> Function {
        let function = &self.types[id];
        Function {
            asynchronous: function.async_,
            parameters: function
                .params
                .iter()
                .map(|(name, ty)| (name.to_string(), self.value(*ty)))
                .collect(),
            result: function.result.map(|ty| self.value(ty)),
        }
    }

    fn value(&mut self, ty: ComponentValType) -> Type {
        match ty {
            ComponentValType::Primitive(primitive) => Type::Primitive(word(primitive)),
            ComponentValType::Type(id) => self.defined(id),
        }
    }

    fn optional(&mut self, ty: Option<ComponentValType>) -> Option<Type> {
        ty.map(|ty| self.value(ty))
    }

    fn defined(&mut self, id: ComponentDefinedTypeId) -> Type {
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        let types = self.types;
        let read = match &types[id] {
            ComponentDefinedType::Primitive(primitive) => Type::Primitive(word(*primitive)),
            ComponentDefinedType::Record(record) => {
                let fields = record.fields.iter().map(|(name, ty)| (name.to_string(), self.value(*ty)));
                Type::Record(fields.collect())
            }
            ComponentDefinedType::Variant(variant) => {
                let cases =
                    variant.cases.iter().map(|(name, case)| (name.to_string(), self.optional(case.ty)));
                Type::Variant(cases.collect())
            }
            ComponentDefinedType::List { element, .. } => Type::List(Arc::new(self.value(*element)), None),
            ComponentDefinedType::FixedLengthList { element, length, .. } => {
                Type::List(Arc::new(self.value(*element)), Some(*length))
            }
            ComponentDefinedType::Map { key, value, .. } => {
                Type::Map(Arc::new((self.value(*key), self.value(*value))))
            }
            ComponentDefinedType::Tuple(tuple) => {
                Type::Tuple(tuple.types.iter().map(|ty| self.value(*ty)).collect())
            }
            ComponentDefinedType::Flags(names) => {
                Type::Flags(names.iter().map(ToString::to_string).collect())
            }
            ComponentDefinedType::Enum(names) => Type::Enum(names.iter().map(ToString::to_string).collect()),
            ComponentDefinedType::Option { ty, .. } => Type::Option(Arc::new(self.value(*ty))),
            ComponentDefinedType::Result { ok, err, .. } => {
                Type::Result(Arc::new((self.optional(*ok), self.optional(*err))))
            }
            ComponentDefinedType::Own(id) => Type::Own(self.resource(id.resource())),
            ComponentDefinedType::Borrow(id) => Type::Borrow(self.resource(id.resource())),
            ComponentDefinedType::Future { ty, .. } => Type::Future(Arc::new(self.optional(*ty))),
            ComponentDefinedType::Stream { ty, .. } => Type::Stream(Arc::new(self.optional(*ty))),
        };
        self.known.insert(id, read.clone());
        read
    }

    fn resource(&self, id: ResourceId) -> Arc<str> {
        self.resources.get(&id).cloned().unwrap_or_else(|| "resource".into())
    }
}

fn word(primitive: PrimitiveValType) -> &'static str {
    match primitive {
        PrimitiveValType::Bool => "bool",
        PrimitiveValType::S8 => "s8",
        PrimitiveValType::U8 => "u8",
        PrimitiveValType::S16 => "s16",
        PrimitiveValType::U16 => "u16",
        PrimitiveValType::S32 => "s32",
        PrimitiveValType::U32 => "u32",
        PrimitiveValType::S64 => "s64",
        PrimitiveValType::U64 => "u64",
        PrimitiveValType::F32 => "f32",
        PrimitiveValType::F64 => "f64",
        PrimitiveValType::Char => "char",
        PrimitiveValType::String => "string",
        PrimitiveValType::ErrorContext => "error-context",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_types_know_where_they_come_from() {
        let bytes = wat::parse_str(
            r#"(component
                (type $types (instance
                    (type $r (record (field "n" u32))) (export "item" (type (eq $r)))
                    (export "basket" (type (sub resource)))))
                (import "a:b/types" (instance $types (type $types)))
                (alias export $types "item" (type $item))
                (alias export $types "basket" (type $basket))
                (type $shop (instance
                    (alias outer 1 $item (type $i)) (export "thing" (type $thing (eq $i)))
                    (alias outer 1 $basket (type $b)) (export "basket" (type $basket (eq $b)))
                    (type $own (own $basket))
                    (export "take" (func (param "what" $thing) (result $own)))))
                (import "a:b/shop" (instance (type $shop)))
                (import "world-item" (type (eq $item))))"#,
        )
        .unwrap();
        let shape = Shape::of(&bytes).unwrap();
        let Extern::Interface(shop) = &shape.imports["a:b/shop"] else { panic!() };
        let origin =
            |name: &str| Origin { interface: "a:b/types".to_owned(), imported: true, name: name.to_owned() };
        assert_eq!(shop.uses["thing"], origin("item"));
        assert_eq!(shop.uses["basket"], origin("basket"));
        assert_eq!(shop.functions["take"].result, Some(Type::Own("basket".into())));
        assert_eq!(
            shop.functions["take"].parameters[0].1,
            Type::Record([("n".to_owned(), Type::Primitive("u32"))].into())
        );
        let Extern::Type(_, from) = &shape.imports["world-item"] else { panic!() };
        assert_eq!(*from, Some(origin("item")));
        let Extern::Interface(types) = &shape.imports["a:b/types"] else { panic!() };
        assert!(!types.is_plain(), "somebody must implement the resource");
    }

    #[test]
    fn two_exports_may_name_one_resource_of_a_part() {
        let bytes = wat::parse_str(
            r#"(component
                (component $inner
                    (type $r (resource (rep i32)))
                    (component $named
                        (import "r" (type $r (sub resource))) (export "basket" (type $r)))
                    (instance $one (instantiate $named (with "r" (type $r))))
                    (export "one" (instance $one))
                    (instance $two (instantiate $named (with "r" (type $r))))
                    (export "two" (instance $two)))
                (instance $inner (instantiate $inner))
                (alias export $inner "one" (instance $one))
                (alias export $inner "two" (instance $two))
                (export "a:b/types" (instance $one))
                (export "a:b/shop" (instance $two)))"#,
        )
        .unwrap();
        let shape = Shape::of(&bytes).unwrap();
        let Extern::Interface(shop) = &shape.exports["a:b/shop"] else { panic!() };
        let origin = Origin { interface: "a:b/types".into(), imported: false, name: "basket".into() };
        assert_eq!(shop.uses["basket"], origin);
    }
}
