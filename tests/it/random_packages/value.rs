//! Values at random.

use wasmtime::component::{Type, Val};

use crate::fuzz::mutate::Random;

/// A value of a type that holds no handles.
pub fn value(random: &mut Random, ty: &Type) -> Val {
    let number = random.next();
    match ty {
        Type::Bool => Val::Bool(number.is_multiple_of(2)),
        Type::S8 => Val::S8(number as i8),
        Type::U8 => Val::U8(number as u8),
        Type::S16 => Val::S16(number as i16),
        Type::U16 => Val::U16(number as u16),
        Type::S32 => Val::S32(number as i32),
        Type::U32 => Val::U32(number as u32),
        Type::S64 => Val::S64(number as i64),
        Type::U64 => Val::U64(number),
        Type::Float32 => Val::Float32(number as f32),
        Type::Float64 => Val::Float64(number as f64),
        Type::Char => Val::Char(char::from_u32((number % 0xd800) as u32).expect("a character")),
        Type::String => Val::String("grüße ".repeat(random.below(4))),
        Type::List(list) => Val::List((0..random.below(4)).map(|_| value(random, &list.ty())).collect()),
        Type::Record(record) => Val::Record(
            record.fields().map(|field| (field.name.to_owned(), value(random, &field.ty))).collect(),
        ),
        Type::Tuple(tuple) => Val::Tuple(tuple.types().map(|ty| value(random, &ty)).collect()),
        Type::Variant(variant) => {
            let case = variant.cases().nth(random.below(variant.cases().len())).expect("a case");
            Val::Variant(case.name.to_owned(), case.ty.map(|ty| Box::new(value(random, &ty))))
        }
        Type::Enum(cases) => {
            Val::Enum(cases.names().nth(random.below(cases.names().len())).expect("a case").to_owned())
        }
        Type::Option(option) => {
            Val::Option((number.is_multiple_of(2)).then(|| Box::new(value(random, &option.ty()))))
        }
        Type::Result(result) => Val::Result(match number.is_multiple_of(2) {
            true => Ok(result.ok().map(|ty| Box::new(value(random, &ty)))),
            false => Err(result.err().map(|ty| Box::new(value(random, &ty)))),
        }),
        Type::Flags(flags) => {
            Val::Flags(flags.names().filter(|_| random.next().is_multiple_of(2)).map(str::to_owned).collect())
        }
        other => panic!("{other:?} is not plain"),
    }
}
