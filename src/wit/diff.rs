//! The first place in which two interfaces, functions or types part ways, in words.

use std::collections::BTreeSet;
use std::fmt;

use super::shape::{Extern, Function, Interface, Type};

/// A difference: where, what is wanted there, what is given there.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The way to it from outside: ``function `quote` ``, ``parameter `item` ``, ``field `price` ``.
    pub path: Vec<String>,
    /// What the importing side wants.
    pub wanted: String,
    /// What the exporting side gives.
    pub given: String,
}

impl Difference {
    fn new(wanted: impl Into<String>, given: impl Into<String>) -> Self {
        Self { path: Vec::new(), wanted: wanted.into(), given: given.into() }
    }

    fn under(mut self, step: String) -> Self {
        self.path.insert(0, step);
        self
    }

    /// The way from outside as one line; empty if the two things differ as a whole.
    pub fn place(&self) -> String {
        self.path.join(", ")
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.place())?;
        }
        write!(f, "{} here, {} there", self.wanted, self.given)
    }
}

/// Why what is `given` cannot stand where `wanted` is imported; `None` if it can. More than is wanted
/// may be given, as the component model allows: functions and types that nobody asked for.
pub fn first_difference(wanted: &Extern, given: &Extern) -> Option<Difference> {
    match (wanted, given) {
        (Extern::Interface(wanted), Extern::Interface(given)) => interfaces(wanted, given),
        (Extern::Function(wanted), Extern::Function(given)) => functions(wanted, given),
        (Extern::Type(wanted, _), Extern::Type(given, _)) => types(wanted, given),
        // The word says too little to compare; the validator decides.
        (Extern::Other(wanted), Extern::Other(given)) if wanted == given => None,
        (wanted, given) => Some(Difference::new(what(wanted), what(given))),
    }
}

fn what(item: &Extern) -> &'static str {
    match item {
        Extern::Interface(_) => "an interface",
        Extern::Function(_) => "a function",
        Extern::Type(..) => "a type",
        Extern::Other(word) => word,
    }
}

fn interfaces(wanted: &Interface, given: &Interface) -> Option<Difference> {
    for (name, function) in &wanted.functions {
        let step = called(name);
        let difference = match given.functions.get(name) {
            Some(other) => functions(function, other),
            None => Some(Difference::new("wanted", "missing")),
        };
        if let Some(difference) = difference {
            return Some(difference.under(step));
        }
    }
    for (name, ty) in &wanted.types {
        let difference = match given.types.get(name) {
            Some(other) => types(ty, other),
            None => Some(Difference::new("wanted", "missing")),
        };
        if let Some(difference) = difference {
            return Some(difference.under(format!("type `{name}`")));
        }
    }
    None
}

/// `[method]basket.add` as people say it.
fn called(function: &str) -> String {
    let Some((kind, name)) = function.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
        return format!("function `{function}`");
    };
    match kind {
        "constructor" => format!("constructor of `{name}`"),
        "static" => format!("static function `{name}`"),
        _ => format!("{kind} `{name}`"),
    }
}

fn functions(wanted: &Function, given: &Function) -> Option<Difference> {
    if wanted.asynchronous != given.asynchronous {
        let word = |asynchronous| if asynchronous { "asynchronous" } else { "synchronous" };
        return Some(Difference::new(word(wanted.asynchronous), word(given.asynchronous)));
    }
    for (index, (name, ty)) in wanted.parameters.iter().enumerate() {
        let Some((other_name, other)) = given.parameters.get(index) else {
            return Some(Difference::new("wanted", "missing").under(format!("parameter `{name}`")));
        };
        if name != other_name {
            let quoted = |name: &str| format!("`{name}`");
            return Some(
                Difference::new(quoted(name), quoted(other_name))
                    .under(format!("name of parameter {}", index + 1)),
            );
        }
        if let Some(difference) = types(ty, other) {
            return Some(difference.under(format!("parameter `{name}`")));
        }
    }
    if let Some((name, _)) = given.parameters.get(wanted.parameters.len()) {
        return Some(Difference::new("not known", "required").under(format!("parameter `{name}`")));
    }
    optional("result", &wanted.result, &given.result)
}

fn optional(step: &str, wanted: &Option<Type>, given: &Option<Type>) -> Option<Difference> {
    let difference = match (wanted, given) {
        (Some(wanted), Some(given)) => types(wanted, given)?,
        (None, None) => return None,
        (wanted, given) => Difference::new(name_or_none(wanted), name_or_none(given)),
    };
    Some(difference.under(step.to_owned()))
}

fn name_or_none(ty: &Option<Type>) -> String {
    ty.as_ref().map_or_else(|| "none".to_owned(), name)
}

fn types(wanted: &Type, given: &Type) -> Option<Difference> {
    match (wanted, given) {
        (Type::Record(wanted), Type::Record(given)) => members("field", wanted, given, types),
        (Type::Variant(wanted), Type::Variant(given)) => {
            members("case", wanted, given, |a, b| optional("payload", a, b))
        }
        (Type::Enum(wanted), Type::Enum(given)) => names("case", wanted, given),
        (Type::Flags(wanted), Type::Flags(given)) => names("flag", wanted, given),
        (Type::Tuple(wanted), Type::Tuple(given)) if wanted.len() == given.len() => {
            wanted.iter().zip(given.iter()).enumerate().find_map(|(index, (wanted, given))| {
                Some(types(wanted, given)?.under(format!("element {}", index + 1)))
            })
        }
        (Type::List(wanted, length), Type::List(given, other)) if length == other => {
            Some(types(wanted, given)?.under("element".to_owned()))
        }
        (Type::Map(wanted), Type::Map(given)) => {
            let key = types(&wanted.0, &given.0).map(|difference| difference.under("key".to_owned()));
            key.or_else(|| Some(types(&wanted.1, &given.1)?.under("value".to_owned())))
        }
        (Type::Option(wanted), Type::Option(given)) => Some(types(wanted, given)?.under("some".to_owned())),
        (Type::Result(wanted), Type::Result(given)) => {
            optional("ok", &wanted.0, &given.0).or_else(|| optional("error", &wanted.1, &given.1))
        }
        (Type::Future(wanted), Type::Future(given)) | (Type::Stream(wanted), Type::Stream(given)) => {
            optional("payload", wanted, given)
        }
        (wanted, given) if wanted == given => None,
        (wanted, given) => Some(Difference::new(name(wanted), name(given))),
    }
}

/// Fields or cases: all must be there, in this order.
fn members<T>(
    word: &str,
    wanted: &[(String, T)],
    given: &[(String, T)],
    compare: impl Fn(&T, &T) -> Option<Difference>,
) -> Option<Difference> {
    let names_of = |members: &[(String, T)]| members.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    if let Some(difference) = names(word, &names_of(wanted), &names_of(given)) {
        return Some(difference);
    }
    wanted.iter().zip(given).find_map(|((name, wanted), (_, given))| {
        Some(compare(wanted, given)?.under(format!("{word} `{name}`")))
    })
}

fn names(word: &str, wanted: &[String], given: &[String]) -> Option<Difference> {
    if wanted == given {
        return None;
    }
    let wanted_set: BTreeSet<&String> = wanted.iter().collect();
    let given_set: BTreeSet<&String> = given.iter().collect();
    if let Some(name) = wanted.iter().find(|name| !given_set.contains(name)) {
        return Some(Difference::new("wanted", "missing").under(format!("{word} `{name}`")));
    }
    if let Some(name) = given.iter().find(|name| !wanted_set.contains(name)) {
        return Some(Difference::new("not known", "given").under(format!("{word} `{name}`")));
    }
    let order =
        |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Some(Difference::new(order(wanted), order(given)).under(format!("order of the {word}s")))
}

/// A type in one or two words of WIT.
fn name(ty: &Type) -> String {
    match ty {
        Type::Primitive(word) | Type::Other(word) => (*word).to_owned(),
        Type::Record(_) => "a record".to_owned(),
        Type::Variant(_) => "a variant".to_owned(),
        Type::Enum(_) => "an enum".to_owned(),
        Type::Flags(_) => "flags".to_owned(),
        Type::Tuple(types) => {
            format!("tuple<{}>", types.iter().map(name).collect::<Vec<_>>().join(", "))
        }
        Type::List(element, None) => format!("list<{}>", name(element)),
        Type::List(element, Some(length)) => format!("list<{}, {length}>", name(element)),
        Type::Map(pair) => format!("map<{}, {}>", name(&pair.0), name(&pair.1)),
        Type::Option(some) => format!("option<{}>", name(some)),
        Type::Result(pair) => match &**pair {
            (None, None) => "result".to_owned(),
            (Some(ok), None) => format!("result<{}>", name(ok)),
            (ok, Some(error)) => {
                format!("result<{}, {}>", ok.as_ref().map_or_else(|| "_".to_owned(), name), name(error))
            }
        },
        Type::Future(payload) => payload_of("future", payload),
        Type::Stream(payload) => payload_of("stream", payload),
        Type::Own(resource) => format!("`{resource}`"),
        Type::Borrow(resource) => format!("borrow<{resource}>"),
        Type::Resource => "a resource".to_owned(),
    }
}

fn payload_of(word: &str, payload: &Option<Type>) -> String {
    payload.as_ref().map_or_else(|| word.to_owned(), |payload| format!("{word}<{}>", name(payload)))
}

#[cfg(test)]
mod tests {
    use super::super::Shape;
    use super::*;

    /// Two components that import one interface each, written as the body of its type.
    fn between(wanted: &str, given: &str) -> Option<String> {
        let shape = |body: &str| {
            let text = format!("(component (import \"a:b/c\" (instance {body})))");
            Shape::of(&wat::parse_str(text).unwrap()).unwrap().imports.swap_remove("a:b/c").unwrap()
        };
        first_difference(&shape(wanted), &shape(given)).map(|difference| difference.to_string())
    }

    const ITEM: &str = r#"(type $r (record (field "name" string) (field "price" u32)))
        (export "item" (type $item (eq $r)))
        (export "quote" (func (param "item" $item) (result u32)))"#;

    #[test]
    fn the_way_leads_into_records() {
        assert_eq!(between(ITEM, ITEM), None);
        assert_eq!(
            between(ITEM, &ITEM.replace("\"price\" u32", "\"price\" u64")).unwrap(),
            "function `quote`, parameter `item`, field `price`: u32 here, u64 there"
        );
        assert_eq!(
            between(ITEM, &ITEM.replace("(field \"name\" string)", "")).unwrap(),
            "function `quote`, parameter `item`, field `name`: wanted here, missing there"
        );
    }

    #[test]
    fn more_may_be_given_than_is_wanted() {
        let more = format!("{ITEM} (export \"other\" (func))");
        assert_eq!(between(ITEM, &more), None);
        assert_eq!(between(&more, ITEM).unwrap(), "function `other`: wanted here, missing there");
    }

    #[test]
    fn every_kind_of_type_is_told() {
        let function = |ty: &str| {
            format!("(type $t {ty}) (export \"t\" (type $n (eq $t))) (export \"f\" (func (result $n)))")
        };
        for (wanted, given, said) in [
            ("(list u8)", "(list s8)", "element: u8 here, s8 there"),
            ("(option u8)", "(list u8)", "option<u8> here, list<u8> there"),
            ("(result u8 (error string))", "(result u8)", "error: string here, none there"),
            ("(enum \"a\" \"b\")", "(enum \"a\")", "case `b`: wanted here, missing there"),
            ("(enum \"a\")", "(enum \"a\" \"b\")", "case `b`: not known here, given there"),
            (
                "(flags \"a\" \"b\")",
                "(flags \"b\" \"a\")",
                "order of the flags: `a`, `b` here, `b`, `a` there",
            ),
            ("(variant (case \"a\" u8))", "(variant (case \"a\"))", "case `a`, payload: u8 here, none there"),
            ("(tuple u8 u8)", "(tuple u8 u16)", "element 2: u8 here, u16 there"),
            ("(tuple u8)", "(tuple u8 u16)", "tuple<u8> here, tuple<u8, u16> there"),
        ] {
            let difference = between(&function(wanted), &function(given)).unwrap();
            assert!(difference.ends_with(said), "{difference}");
            assert!(difference.starts_with("function `f`, result"), "{difference}");
        }
    }

    #[test]
    fn resources_are_compared_by_name() {
        let basket = |name: &str| {
            format!(
                r#"(export "{name}" (type $b (sub resource))) (type $own (own $b)) (type $borrow (borrow $b))
                (export "[constructor]{name}" (func (result $own)))
                (export "[method]{name}.add" (func (param "self" $borrow)))"#
            )
        };
        assert_eq!(between(&basket("basket"), &basket("basket")), None);
        assert_eq!(
            between(&basket("basket"), &basket("cart")).unwrap(),
            "constructor of `basket`: wanted here, missing there"
        );
    }

    #[test]
    fn parameters_are_told_by_name() {
        let f = |params: &str| format!("(export \"f\" (func {params}))");
        let (a, b) = (f("(param \"a\" u8)"), f("(param \"b\" u8)"));
        assert_eq!(between(&a, &b).unwrap(), "function `f`, name of parameter 1: `a` here, `b` there");
        assert_eq!(between(&a, &f("")).unwrap(), "function `f`, parameter `a`: wanted here, missing there");
        assert_eq!(
            between(&f(""), &a).unwrap(),
            "function `f`, parameter `a`: not known here, required there"
        );
    }
}
