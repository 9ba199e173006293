//! Core modules without their insides: what remains has the same type.
//!
//! Functions that are not exported are left out, and those that are do nothing; data, elements and
//! start function are gone. An interpreter's twenty thousand functions become the few dozens by which
//! its component calls it.

use std::collections::BTreeMap;

use wasmparser::{
    BinaryReader, ConstExpr, ExportSectionReader, ExternalKind, FunctionSectionReader, GlobalSectionReader,
    ImportSectionReader, Operator, TableInit, TableSectionReader, TypeRef,
};

use super::shell::{HEADER, push_section, push_u32, sections};

const IMPORT: u8 = 2;
const FUNCTION: u8 = 3;
const TABLE: u8 = 4;
const GLOBAL: u8 = 6;
const EXPORT: u8 = 7;
const CODE: u8 = 10;
/// Types, memories and tags, besides those above.
const OTHERS: [u8; 3] = [1, 5, 13];

/// Appends the hollow form of a valid core module. `None` if it is cut short.
pub(super) fn hollow_module(bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(bytes.get(..HEADER)?);
    let sections: Vec<(u8, &[u8])> = sections(bytes).collect::<Option<_>>()?;
    let content = |wanted: u8| sections.iter().find(|(id, _)| *id == wanted).map(|(_, content)| *content);
    let kept = Kept::of(&content)?;
    for (id, content) in &sections {
        match *id {
            FUNCTION => push_section(FUNCTION, &kept.function_section(), out),
            EXPORT => push_section(EXPORT, &kept.export_section(content)?, out),
            CODE => push_section(CODE, &kept.code_section(), out),
            IMPORT | TABLE | GLOBAL => push_section(*id, content, out),
            id if OTHERS.contains(&id) => push_section(id, content, out),
            _ => {}
        }
    }
    Some(())
}

/// The functions that stay.
struct Kept {
    /// Their types.
    types: Vec<u32>,
    /// Their numbers before and now, those that are not imported.
    numbers: BTreeMap<u32, u32>,
}

impl Kept {
    fn of<'a>(content: &impl Fn(u8) -> Option<&'a [u8]>) -> Option<Self> {
        let reader = |id| content(id).map(|content| BinaryReader::new(content, 0));
        let mut imported = 0;
        if let Some(reader) = reader(IMPORT) {
            for import in ImportSectionReader::new(reader).ok()?.into_imports() {
                imported += u32::from(matches!(import.ok()?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
            }
        }
        let all: Vec<u32> = match reader(FUNCTION) {
            Some(reader) => {
                FunctionSectionReader::new(reader).ok()?.into_iter().collect::<Result<_, _>>().ok()?
            }
            None => Vec::new(),
        };
        let mut wanted: Vec<u32> = Vec::new();
        if let Some(reader) = reader(EXPORT) {
            for export in ExportSectionReader::new(reader).ok()? {
                let export = export.ok()?;
                if matches!(export.kind, ExternalKind::Func | ExternalKind::FuncExact) {
                    wanted.push(export.index);
                }
            }
        }
        // Too rare to be worth new numbers inside initial values.
        if globals_mention_functions(reader(GLOBAL))? || tables_mention_functions(reader(TABLE))? {
            wanted = (imported..imported + u32::try_from(all.len()).ok()?).collect();
        }
        wanted.retain(|index| *index >= imported);
        wanted.sort_unstable();
        wanted.dedup();
        let mut kept = Self { types: Vec::new(), numbers: BTreeMap::new() };
        for index in wanted {
            let now = imported + u32::try_from(kept.types.len()).ok()?;
            kept.types.push(*all.get(usize::try_from(index - imported).ok()?)?);
            kept.numbers.insert(index, now);
        }
        Some(kept)
    }

    fn function_section(&self) -> Vec<u8> {
        let mut content = Vec::new();
        push_u32(self.types.len(), &mut content);
        self.types.iter().for_each(|ty| push_u32(*ty as usize, &mut content));
        content
    }

    fn code_section(&self) -> Vec<u8> {
        /// Its size, no locals, `unreachable`, `end`.
        const EMPTY_BODY: [u8; 4] = [3, 0, 0x00, 0x0b];
        let mut content = Vec::new();
        push_u32(self.types.len(), &mut content);
        self.types.iter().for_each(|_| content.extend_from_slice(&EMPTY_BODY));
        content
    }

    fn export_section(&self, content: &[u8]) -> Option<Vec<u8>> {
        let exports = ExportSectionReader::new(BinaryReader::new(content, 0)).ok()?;
        let mut section = Vec::new();
        push_u32(exports.count() as usize, &mut section);
        for export in exports {
            let export = export.ok()?;
            push_u32(export.name.len(), &mut section);
            section.extend_from_slice(export.name.as_bytes());
            let (kind, index) = match export.kind {
                ExternalKind::Func => (0x00, self.number(export.index)),
                ExternalKind::Table => (0x01, export.index),
                ExternalKind::Memory => (0x02, export.index),
                ExternalKind::Global => (0x03, export.index),
                ExternalKind::Tag => (0x04, export.index),
                ExternalKind::FuncExact => (0x20, self.number(export.index)),
            };
            section.push(kind);
            push_u32(index as usize, &mut section);
        }
        Some(section)
    }

    fn number(&self, index: u32) -> u32 {
        self.numbers.get(&index).copied().unwrap_or(index)
    }
}

fn globals_mention_functions(section: Option<BinaryReader<'_>>) -> Option<bool> {
    let Some(section) = section else { return Some(false) };
    for global in GlobalSectionReader::new(section).ok()? {
        if mentions_function(&global.ok()?.init_expr)? {
            return Some(true);
        }
    }
    Some(false)
}

fn tables_mention_functions(section: Option<BinaryReader<'_>>) -> Option<bool> {
    let Some(section) = section else { return Some(false) };
    for table in TableSectionReader::new(section).ok()? {
        if let TableInit::Expr(value) = table.ok()?.init
            && mentions_function(&value)?
        {
            return Some(true);
        }
    }
    Some(false)
}

fn mentions_function(value: &ConstExpr<'_>) -> Option<bool> {
    for operator in value.get_operators_reader() {
        if matches!(operator.ok()?, Operator::RefFunc { .. }) {
            return Some(true);
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hollow(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        hollow_module(&wat::parse_str(text).unwrap(), &mut out).unwrap();
        crate::component::validate(&out).unwrap();
        out
    }

    #[test]
    fn only_exported_functions_stay_and_keep_their_types() {
        let out = hollow(
            r#"(module (import "a" "b" (func $imported (param i32)))
                (func $hidden (result i64) i64.const 1)
                (func $shown (param f32) (result f64) f64.const 2)
                (memory (export "memory") 1) (data (i32.const 0) "data")
                (table (export "table") 2 funcref) (elem (i32.const 0) $hidden)
                (start $begin) (func $begin)
                (export "shown" (func $shown)) (export "again" (func $shown)) (export "passed" (func $imported)))"#,
        );
        let types = crate::component::interface(&out).unwrap();
        assert_eq!(types.as_ref().function_count(), 2, "the import and the exported one");
        for (name, parameters) in [("shown", "F32"), ("again", "F32"), ("passed", "I32")] {
            let entity = types.as_ref().entity_type_from_export(&export(&out, name)).unwrap();
            let wasmparser::types::EntityType::Func(id) = entity else { panic!() };
            let text = format!("{:?}", types[id].unwrap_func().params());
            assert!(text.contains(parameters), "{name}: {text}");
        }
    }

    fn export<'a>(bytes: &'a [u8], name: &str) -> wasmparser::Export<'a> {
        wasmparser::Parser::new(0)
            .parse_all(bytes)
            .filter_map(|payload| match payload.unwrap() {
                wasmparser::Payload::ExportSection(exports) => Some(exports),
                _ => None,
            })
            .flatten()
            .map(Result::unwrap)
            .find(|export| export.name == name)
            .unwrap()
    }

    #[test]
    fn functions_that_initial_values_mention_keep_their_numbers() {
        hollow(
            r#"(module (func $a) (func $b (export "b")) (func $c (param i32))
                (global (export "g") funcref (ref.func $c))
                (table (export "t") 1 funcref (ref.func $a)))"#,
        );
    }
}
