//! What a function answers that is not to be had: the error that its own type has for it.

use wit_parser::abi::{AbiVariant, FlatTypes, WasmType};
use wit_parser::{Function, Handle, Int, Resolve, SizeAlign, Type, TypeDefKind, TypeId};

use super::shape::root;

/// How a call of such a function ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It traps: its type has no way to say no.
    Trap,
    /// Its one core result is this number.
    Number(i32),
    /// Its result lies in memory: zeroes, but for these bytes.
    Memory {
        /// How many bytes.
        size: usize,
        /// Where, and what.
        bytes: Vec<(usize, u8)>,
    },
    /// A new handle of this resource, behind which is nothing.
    Handle(TypeId),
}

/// The errors that mean "you may not", the best first.
pub(super) const DENIED: &[&str] = &[
    "access-denied",
    "not-permitted",
    "access",
    "HTTP-request-denied",
    "forbidden",
    "denied",
    "unsupported",
    "not-supported",
    "closed",
    "internal-error",
];

/// The errors that mean "there is no such thing here".
pub(super) const UNSUPPORTED: &[&str] = &["unsupported", "not-supported", "internal-error"];

/// Fails with an error of its type; traps where it has none.
pub(super) fn failure(resolve: &Resolve, function: &Function, errors: &[&str]) -> Answer {
    let sizes = sizes(resolve);
    let Some(Type::Id(id)) = &function.result else { return Answer::Trap };
    let TypeDefKind::Result(result) = &resolve.types[root(resolve, *id)].kind else {
        return Answer::Trap;
    };
    let mut bytes = vec![(0, 1)];
    if let Some(error) = &result.err {
        let Some((case, tag)) = case(resolve, error, errors) else { return Answer::Trap };
        let cases = [result.ok.as_ref(), result.err.as_ref()];
        let start = sizes.payload_offset(Int::U8, cases).size_wasm32();
        // More than 255 cases have no error type that anybody knows.
        if tag != Int::U8 {
            return Answer::Trap;
        }
        bytes.push((start, case));
    }
    match in_memory(resolve, function) {
        true => Answer::Memory { size: sizes.size(&Type::Id(*id)).size_wasm32(), bytes },
        false => Answer::Number(1),
    }
}

/// Fails with an error of its type. Where it has none, there is nothing: no value, an empty list, a handle of a
/// resource of one's own. Numbers, texts and bytes are never made up, so those trap.
pub(super) fn nothing(
    resolve: &Resolve,
    function: &Function,
    errors: &[&str],
    is_own: &dyn Fn(TypeId) -> bool,
) -> Answer {
    let failed = failure(resolve, function, errors);
    if failed != Answer::Trap {
        return failed;
    }
    let Some(Type::Id(id)) = &function.result else { return Answer::Trap };
    let result = root(resolve, *id);
    let zeroes =
        || Answer::Memory { size: sizes(resolve).size(&Type::Id(*id)).size_wasm32(), bytes: Vec::new() };
    match &resolve.types[result].kind {
        TypeDefKind::Option(_) if in_memory(resolve, function) => zeroes(),
        TypeDefKind::List(Type::Id(_) | Type::String) => zeroes(),
        TypeDefKind::Handle(Handle::Own(resource)) => {
            let resource = root(resolve, *resource);
            if is_own(resource) { Answer::Handle(resource) } else { Answer::Trap }
        }
        _ => Answer::Trap,
    }
}

/// A parameter that is a handle.
pub(super) struct Passed {
    /// Which of the core parameters it is.
    pub(super) place: u32,
    pub(super) resource: TypeId,
    /// Whether it is given away, not lent.
    pub(super) owned: bool,
}

/// The handles that a function is called with: they must be given back before it returns, or pile up. None if some
/// come inside of other values, where they are not easily found.
pub(super) fn handles(resolve: &Resolve, function: &Function) -> Option<Vec<Passed>> {
    let mut found = Vec::new();
    let mut place = 0;
    for param in &function.params {
        let handle = match &param.ty {
            Type::Id(id) => match &resolve.types[root(resolve, *id)].kind {
                TypeDefKind::Handle(handle) => Some(handle),
                _ if mentions_handle(resolve, &param.ty) => return None,
                _ => None,
            },
            _ => None,
        };
        found.extend(handle.map(|handle| match handle {
            Handle::Own(resource) => Passed { place, resource: root(resolve, *resource), owned: true },
            Handle::Borrow(resource) => Passed { place, resource: root(resolve, *resource), owned: false },
        }));
        let mut flat = [WasmType::I32; 16];
        let mut list = FlatTypes::new(&mut flat);
        // More than fit are passed in memory, all of them behind one pointer.
        if !resolve.push_flat(&param.ty, &mut list) {
            return None;
        }
        place += list.to_vec().len() as u32;
    }
    (place <= 16).then_some(found)
}

fn mentions_handle(resolve: &Resolve, ty: &Type) -> bool {
    let Type::Id(id) = ty else { return false };
    let mentions = |ty: &Type| mentions_handle(resolve, ty);
    match &resolve.types[root(resolve, *id)].kind {
        TypeDefKind::Handle(_) | TypeDefKind::Future(_) | TypeDefKind::Stream(_) => true,
        TypeDefKind::Record(record) => record.fields.iter().any(|field| mentions(&field.ty)),
        TypeDefKind::Tuple(tuple) => tuple.types.iter().any(mentions),
        TypeDefKind::Variant(variant) => {
            variant.cases.iter().filter_map(|case| case.ty.as_ref()).any(mentions)
        }
        TypeDefKind::Option(ty) | TypeDefKind::List(ty) => mentions(ty),
        TypeDefKind::Result(result) => result.ok.iter().chain(&result.err).any(mentions),
        _ => false,
    }
}

fn in_memory(resolve: &Resolve, function: &Function) -> bool {
    resolve.wasm_signature(AbiVariant::GuestExport, function).retptr
}

fn sizes(resolve: &Resolve) -> SizeAlign {
    let mut sizes = SizeAlign::default();
    sizes.fill(resolve);
    sizes
}

/// The best of some cases that an error type has, and the width of its tag. A payload must be one that zeroes are
/// right for.
fn case(resolve: &Resolve, error: &Type, wanted: &[&str]) -> Option<(u8, Int)> {
    let Type::Id(id) = error else { return None };
    let (cases, tag): (Vec<(&str, bool)>, Int) = match &resolve.types[root(resolve, *id)].kind {
        TypeDefKind::Enum(cases) => {
            (cases.cases.iter().map(|case| (case.name.as_str(), true)).collect(), cases.tag())
        }
        TypeDefKind::Variant(variant) => {
            let empty = |ty: &Option<Type>| match ty {
                None => true,
                Some(Type::Id(id)) => {
                    let id = root(resolve, *id);
                    matches!(resolve.types[id].kind, TypeDefKind::Option(_))
                }
                Some(_) => false,
            };
            (variant.cases.iter().map(|case| (case.name.as_str(), empty(&case.ty))).collect(), variant.tag())
        }
        _ => return None,
    };
    let place =
        wanted.iter().find_map(|wanted| cases.iter().position(|(name, empty)| *empty && name == wanted))?;
    Some((u8::try_from(place).ok()?, tag))
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::Snapshot;
    use super::*;

    fn function(interface: &str, name: &str) -> (std::sync::Arc<Snapshot>, Function) {
        let snapshot = Snapshot::load("0.2.12").unwrap();
        let id = snapshot.interfaces[interface].id;
        let function = snapshot.resolve.interfaces[id].functions[name].clone();
        (snapshot, function)
    }

    fn denied(interface: &str, name: &str) -> Answer {
        let (snapshot, function) = function(interface, name);
        nothing(&snapshot.resolve, &function, DENIED, &|_| true)
    }

    #[test]
    fn interfaces_have_errors_of_their_own() {
        // `result<own<tcp-socket>, error-code>`: the tag at 0, the second of the codes at 4.
        let refused = Answer::Memory { size: 8, bytes: vec![(0, 1), (4, 1)] };
        assert_eq!(denied("sockets/tcp-create-socket", "create-tcp-socket"), refused);
        // `result<descriptor-stat, error-code>`: payloads at 8, `not-permitted` is the 32nd.
        let Answer::Memory { bytes, .. } = denied("filesystem/types", "[method]descriptor.stat") else {
            panic!()
        };
        assert_eq!(bytes, [(0, 1), (8, 31)]);
        // `result<future-incoming-response, error-code>`: `HTTP-request-denied` is the 16th.
        let Answer::Memory { bytes, .. } = denied("http/outgoing-handler", "handle") else { panic!() };
        assert_eq!(bytes, [(0, 1), (8, 15)]);
        assert_eq!(denied("http/types", "[method]outgoing-request.set-method"), Answer::Number(1));
    }

    #[test]
    fn without_an_error_there_is_nothing_or_a_trap() {
        let empty = Answer::Memory { size: 8, bytes: Vec::new() };
        assert_eq!(denied("cli/environment", "get-environment"), empty);
        assert_eq!(denied("cli/environment", "get-arguments"), empty);
        let none = Answer::Memory { size: 12, bytes: Vec::new() };
        assert_eq!(denied("cli/environment", "initial-cwd"), none);
        // Random bytes that are none would be a disaster.
        assert_eq!(denied("random/random", "get-random-bytes"), Answer::Trap);
        assert_eq!(denied("clocks/monotonic-clock", "now"), Answer::Trap);
        assert!(matches!(denied("sockets/instance-network", "instance-network"), Answer::Handle(_)));
        let (snapshot, function) = function("cli/environment", "get-environment");
        assert_eq!(failure(&snapshot.resolve, &function, UNSUPPORTED), Answer::Trap);
    }
}
