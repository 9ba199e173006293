//! Values that cross a component's border, as WAVE and as JSON.

use serde_json::{Map, Value, json};
use wasmtime::component::wasm_wave::wasm::DisplayType;
use wasmtime::component::{Type, Val, types::ComponentFunc};

/// A value as WAVE writes it.
pub(super) fn wave(value: &Val) -> String {
    value.to_wave().unwrap_or_else(|error| format!("<{error}>"))
}

/// A value as JSON: records are objects, `none` is `null`, `some(x)` is `x`, results have one key `ok`
/// or `err`, variants one key with the case's name; cases without a payload, enums and flags are
/// strings.
pub(super) fn json(value: &Val) -> Value {
    match value {
        Val::Bool(value) => json!(value),
        Val::S8(value) => json!(value),
        Val::U8(value) => json!(value),
        Val::S16(value) => json!(value),
        Val::U16(value) => json!(value),
        Val::S32(value) => json!(value),
        Val::U32(value) => json!(value),
        Val::S64(value) => json!(value),
        Val::U64(value) => json!(value),
        // JSON has no infinities; WAVE's names for them are kept as text.
        Val::Float32(number) if !number.is_finite() => json!(wave(value)),
        Val::Float64(number) if !number.is_finite() => json!(wave(value)),
        Val::Float32(value) => json!(value),
        Val::Float64(value) => json!(value),
        Val::Char(value) => json!(value),
        Val::String(value) => json!(value),
        Val::List(values) | Val::FixedLengthList(values) | Val::Tuple(values) => {
            values.iter().map(json).collect()
        }
        Val::Record(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), json(value))).collect::<Map<_, _>>().into()
        }
        Val::Variant(case, None) => json!(case),
        Val::Variant(case, Some(value)) => json!({ case: json(value) }),
        Val::Enum(case) => json!(case),
        Val::Option(value) => value.as_deref().map_or(Value::Null, json),
        Val::Result(Ok(value)) => json!({ "ok": value.as_deref().map(json) }),
        Val::Result(Err(value)) => json!({ "err": value.as_deref().map(json) }),
        Val::Flags(names) => json!(names),
        // Refused before the call.
        _ => Value::Null,
    }
}

/// Whether values of this type can be written down. `None` if so, else what is in the way.
pub(super) fn unwritable(ty: &Type) -> Option<&'static str> {
    match ty {
        Type::Own(_) | Type::Borrow(_) => Some("a resource"),
        Type::Stream(_) => Some("a stream"),
        Type::Future(_) => Some("a future"),
        Type::ErrorContext => Some("an error context"),
        Type::Map(_) => Some("a map"),
        Type::List(list) => unwritable(&list.ty()),
        Type::FixedLengthList(list) => unwritable(&list.ty()),
        Type::Option(option) => unwritable(&option.ty()),
        Type::Record(record) => record.fields().find_map(|field| unwritable(&field.ty)),
        Type::Tuple(tuple) => tuple.types().find_map(|ty| unwritable(&ty)),
        Type::Variant(variant) => variant.cases().find_map(|case| unwritable(&case.ty?)),
        Type::Result(result) => {
            [result.ok(), result.err()].into_iter().flatten().find_map(|ty| unwritable(&ty))
        }
        _ => None,
    }
}

/// `name: func(item: string, count: u32) -> result<u32, string>`.
pub(super) fn signature(name: &str, function: &ComponentFunc) -> String {
    let params: Vec<String> =
        function.params().map(|(name, ty)| format!("{name}: {}", type_text(&ty))).collect();
    let result = function.results().next().map(|ty| format!(" -> {}", type_text(&ty))).unwrap_or_default();
    format!("{name}: func({}){result}", params.join(", "))
}

fn type_text(ty: &Type) -> String {
    match unwritable(ty) {
        Some(what) => format!("<{what}>"),
        None => DisplayType(ty).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_plain_json() {
        let record = Val::Record(vec![
            ("name".to_owned(), Val::String("tea".to_owned())),
            ("price".to_owned(), Val::Option(Some(Box::new(Val::U64(u64::MAX))))),
            ("note".to_owned(), Val::Option(None)),
            ("kind".to_owned(), Val::Variant("sized".to_owned(), Some(Box::new(Val::U8(3))))),
            ("marks".to_owned(), Val::Flags(vec!["new".to_owned()])),
            ("ratio".to_owned(), Val::Float64(f64::INFINITY)),
        ]);
        assert_eq!(
            json(&record),
            json!({"name": "tea", "price": u64::MAX, "note": null, "kind": {"sized": 3}, "marks": ["new"], "ratio": "inf"})
        );
        assert_eq!(json(&Val::Result(Err(None))), json!({"err": null}));
    }
}
