//! Types as text, the same text whether they come from WIT or out of a component.
//!
//! Named value types are written out, because a name means nothing between two versions; resources are
//! written as the interface that defines them and their name, because that is all they are. Labels of
//! records and parameters count: the component model compares them too.

use std::collections::HashMap;

use wasmparser::component_types::{
    AliasableResourceId, ComponentDefinedType, ComponentDefinedTypeId, ComponentFuncType, ComponentValType,
    ResourceId,
};
use wasmparser::types::TypesRef;
use wit_parser::{
    Function, FunctionKind, Handle, InterfaceId, Resolve, Type, TypeDefKind, TypeId, TypeOwner,
};

/// How a resource type itself is written, as opposed to a handle: with the resource that it is.
pub(super) const RESOURCE: &str = "resource ";

/// Whether this is the type of a resource that the interface defines, and not of one that it only names.
pub(super) fn defines(shape: &str, interface: &str, name: &str) -> bool {
    shape.strip_prefix(RESOURCE) == Some(&resource_name(interface, name))
}

/// A resource type itself.
pub(super) fn resource_type(resource: &str) -> String {
    format!("{RESOURCE}{resource}")
}

/// `io/poll` for interfaces of the `wasi` namespace.
pub(super) fn interface_key(resolve: &Resolve, id: InterfaceId) -> Option<String> {
    let interface = &resolve.interfaces[id];
    let package = &resolve.packages[interface.package?].name;
    (package.namespace == "wasi")
        .then(|| format!("{}/{}", package.name, interface.name.as_deref().unwrap_or_default()))
}

/// Resources that moved into another interface, and where they are now. They are the same resource.
const MOVED: &[(&str, &str, &str)] = &[("io/streams", "error", "io/error")];

/// What a resource of an interface is called.
pub(super) fn resource_name(interface: &str, name: &str) -> String {
    let moved = MOVED.iter().find(|(from, resource, _)| *from == interface && *resource == name);
    format!("{}.{name}", moved.map_or(interface, |(_, _, to)| to))
}

/// The resources that a type mentions, as [`resource_name`] calls them.
pub(super) fn resources_in(shape: &str) -> impl Iterator<Item = &str> {
    let handles = ["own<", "borrow<"].into_iter().flat_map(|handle| shape.split(handle).skip(1));
    handles.filter_map(|rest| rest.split('>').next()).chain(shape.strip_prefix(RESOURCE))
}

/// The interface that owns a type.
pub(super) fn owner(resolve: &Resolve, id: TypeId) -> Option<InterfaceId> {
    match resolve.types[id].owner {
        TypeOwner::Interface(interface) => Some(interface),
        _ => None,
    }
}

/// What an alias stands for in the end.
pub(super) fn root(resolve: &Resolve, mut id: TypeId) -> TypeId {
    while let TypeDefKind::Type(Type::Id(next)) = resolve.types[id].kind {
        id = next;
    }
    id
}

/// The structure of a named type of WIT.
pub(super) fn wit_type(resolve: &Resolve, id: TypeId) -> String {
    Wit(resolve).id(id)
}

/// The type of a function of WIT.
pub(super) fn wit_function(resolve: &Resolve, function: &Function) -> String {
    let wit = Wit(resolve);
    let is_async = matches!(
        function.kind,
        FunctionKind::AsyncFreestanding | FunctionKind::AsyncMethod(_) | FunctionKind::AsyncStatic(_)
    );
    let params = function.params.iter().map(|param| (param.name.as_str(), wit.value(&param.ty)));
    write_function(is_async, params, function.result.as_ref().map(|ty| wit.value(ty)))
}

struct Wit<'a>(&'a Resolve);

impl Wit<'_> {
    fn value(&self, ty: &Type) -> String {
        let name = match ty {
            Type::Id(id) => return self.id(*id),
            Type::Bool => "bool",
            Type::U8 => "u8",
            Type::U16 => "u16",
            Type::U32 => "u32",
            Type::U64 => "u64",
            Type::S8 => "s8",
            Type::S16 => "s16",
            Type::S32 => "s32",
            Type::S64 => "s64",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::Char => "char",
            Type::String => "string",
            Type::ErrorContext => "error-context",
        };
        name.to_owned()
    }

    fn maybe(&self, ty: Option<&Type>) -> Option<String> {
        ty.map(|ty| self.value(ty))
    }

    fn id(&self, id: TypeId) -> String {
        match &self.0.types[id].kind {
            TypeDefKind::Type(ty) => self.value(ty),
            TypeDefKind::Record(record) => fields(
                "record",
                record.fields.iter().map(|field| (field.name.as_str(), Some(self.value(&field.ty)))),
            ),
            TypeDefKind::Variant(variant) => fields(
                "variant",
                variant.cases.iter().map(|case| (case.name.as_str(), self.maybe(case.ty.as_ref()))),
            ),
            TypeDefKind::Enum(cases) => {
                fields("enum", cases.cases.iter().map(|case| (case.name.as_str(), None)))
            }
            TypeDefKind::Flags(flags) => {
                fields("flags", flags.flags.iter().map(|flag| (flag.name.as_str(), None)))
            }
            TypeDefKind::Tuple(tuple) => {
                of("tuple", &tuple.types.iter().map(|ty| self.value(ty)).collect::<Vec<_>>().join(", "))
            }
            TypeDefKind::Option(ty) => of("option", &self.value(ty)),
            TypeDefKind::List(ty) => of("list", &self.value(ty)),
            TypeDefKind::FixedLengthList(ty, length) => of("list", &format!("{}, {length}", self.value(ty))),
            TypeDefKind::Map(key, value) => of("map", &format!("{}, {}", self.value(key), self.value(value))),
            TypeDefKind::Result(result) => {
                write_result(self.maybe(result.ok.as_ref()), self.maybe(result.err.as_ref()))
            }
            TypeDefKind::Future(ty) => of("future", &self.maybe(ty.as_ref()).unwrap_or_default()),
            TypeDefKind::Stream(ty) => of("stream", &self.maybe(ty.as_ref()).unwrap_or_default()),
            TypeDefKind::Handle(Handle::Own(id)) => of("own", &self.resource(*id)),
            TypeDefKind::Handle(Handle::Borrow(id)) => of("borrow", &self.resource(*id)),
            TypeDefKind::Resource => resource_type(&self.resource(id)),
            TypeDefKind::Unknown => "?".to_owned(),
        }
    }

    fn resource(&self, id: TypeId) -> String {
        let id = root(self.0, id);
        let interface = owner(self.0, id).and_then(|id| interface_key(self.0, id)).unwrap_or_default();
        resource_name(&interface, self.0.types[id].name.as_deref().unwrap_or_default())
    }
}

/// Writes types of a component, given what its resources are called.
pub(super) struct Component<'a> {
    pub(super) types: TypesRef<'a>,
    pub(super) resources: HashMap<ResourceId, String>,
}

impl Component<'_> {
    pub(super) fn function(&self, function: &ComponentFuncType) -> String {
        let params = function.params.iter().map(|(name, ty)| (name.as_str(), self.value(ty)));
        write_function(function.async_, params, function.result.as_ref().map(|ty| self.value(ty)))
    }

    fn value(&self, ty: &ComponentValType) -> String {
        match ty {
            ComponentValType::Primitive(primitive) => primitive.to_string(),
            ComponentValType::Type(id) => self.defined(*id),
        }
    }

    fn maybe(&self, ty: Option<&ComponentValType>) -> Option<String> {
        ty.map(|ty| self.value(ty))
    }

    /// The structure of a value type.
    pub(super) fn defined(&self, id: ComponentDefinedTypeId) -> String {
        match &self.types[id] {
            ComponentDefinedType::Primitive(primitive) => primitive.to_string(),
            ComponentDefinedType::Record(record) => {
                fields("record", record.fields.iter().map(|(name, ty)| (name.as_str(), Some(self.value(ty)))))
            }
            ComponentDefinedType::Variant(variant) => fields(
                "variant",
                variant.cases.iter().map(|(name, case)| (name.as_str(), self.maybe(case.ty.as_ref()))),
            ),
            ComponentDefinedType::Enum(cases) => {
                fields("enum", cases.iter().map(|case| (case.as_str(), None)))
            }
            ComponentDefinedType::Flags(flags) => {
                fields("flags", flags.iter().map(|flag| (flag.as_str(), None)))
            }
            ComponentDefinedType::Tuple(tuple) => {
                of("tuple", &tuple.types.iter().map(|ty| self.value(ty)).collect::<Vec<_>>().join(", "))
            }
            ComponentDefinedType::Option { ty, .. } => of("option", &self.value(ty)),
            ComponentDefinedType::List { element, .. } => of("list", &self.value(element)),
            ComponentDefinedType::FixedLengthList { element, length, .. } => {
                of("list", &format!("{}, {length}", self.value(element)))
            }
            ComponentDefinedType::Map { key, value, .. } => {
                of("map", &format!("{}, {}", self.value(key), self.value(value)))
            }
            ComponentDefinedType::Result { ok, err, .. } => {
                write_result(self.maybe(ok.as_ref()), self.maybe(err.as_ref()))
            }
            ComponentDefinedType::Future { ty, .. } => {
                of("future", &self.maybe(ty.as_ref()).unwrap_or_default())
            }
            ComponentDefinedType::Stream { ty, .. } => {
                of("stream", &self.maybe(ty.as_ref()).unwrap_or_default())
            }
            ComponentDefinedType::Own(resource) => of("own", &self.resource(*resource)),
            ComponentDefinedType::Borrow(resource) => of("borrow", &self.resource(*resource)),
        }
    }

    fn resource(&self, id: AliasableResourceId) -> String {
        self.resources.get(&id.resource()).cloned().unwrap_or_else(|| "?".to_owned())
    }
}

fn write_function<'a>(
    is_async: bool,
    params: impl Iterator<Item = (&'a str, String)>,
    result: Option<String>,
) -> String {
    let params = params.map(|(name, ty)| format!("{name}: {ty}")).collect::<Vec<_>>().join(", ");
    let prefix = if is_async { "async " } else { "" };
    let result = result.map(|ty| format!(" -> {ty}")).unwrap_or_default();
    format!("{prefix}func({params}){result}")
}

fn write_result(ok: Option<String>, err: Option<String>) -> String {
    match (ok, err) {
        (None, None) => "result".to_owned(),
        (Some(ok), None) => of("result", &ok),
        (ok, Some(err)) => of("result", &format!("{}, {err}", ok.as_deref().unwrap_or("_"))),
    }
}

fn of(outer: &str, inner: &str) -> String {
    if inner.is_empty() { outer.to_owned() } else { format!("{outer}<{inner}>") }
}

fn fields<'a>(what: &str, fields: impl Iterator<Item = (&'a str, Option<String>)>) -> String {
    let fields = fields.map(|(name, ty)| match (what, ty) {
        ("record", Some(ty)) => format!("{name}: {ty}"),
        (_, Some(ty)) => format!("{name}({ty})"),
        (_, None) => name.to_owned(),
    });
    format!("{what} {{ {} }}", fields.collect::<Vec<_>>().join(", "))
}
