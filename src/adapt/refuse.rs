//! A core module with the exports of a world, whose functions all refuse.

use std::collections::HashMap;

use indexmap::IndexMap;
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, EntityType, ExportKind, ExportSection, Function as Body,
    FunctionSection, GlobalSection, GlobalType, ImportSection, InstructionSink, MemArg, MemorySection,
    MemoryType, Module, TypeSection, ValType,
};
use wit_parser::abi::AbiVariant;
use wit_parser::{
    Function, InterfaceId, LiftLowerAbi, ManglingAndAbi, Resolve, ResourceIntrinsic, TypeId, WasmExport,
    WasmExportKind, WasmImport, WorldId, WorldItem, WorldKey,
};

use super::answer::{Answer, DENIED, handles, nothing};
use super::bridge::values;
use super::shape::owner;

const ABI: ManglingAndAbi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);
/// Where answers lie; zeroes but for what was answered.
const ANSWER: i32 = 16;
const PAGE: usize = 65536;

/// Writes the module.
pub(super) fn module(resolve: &Resolve, world: WorldId) -> Vec<u8> {
    let mut writer = Writer::new(resolve);
    let interfaces = interfaces(&resolve.worlds[world].exports);
    writer.own = interfaces.iter().map(|(key, id)| (*id, *key)).collect();
    let others = self::interfaces(&resolve.worlds[world].imports);
    writer.others = others.into_iter().map(|(key, id)| (id, key)).collect();
    let functions: Vec<(&WorldKey, &Function)> = interfaces
        .iter()
        .flat_map(|(key, id)| resolve.interfaces[*id].functions.values().map(|function| (*key, function)))
        .collect();
    let answers: Vec<Answer> = functions
        .iter()
        .map(|(_, function)| match handles(resolve, function) {
            None => Answer::Trap,
            Some(_) => nothing(resolve, function, DENIED, &|resource| writer.is_own(resource)),
        })
        .collect();
    // Imports come before all else.
    let mut bodies = Vec::new();
    for ((_, function), answer) in functions.iter().zip(&answers) {
        let drops = match answer {
            Answer::Trap => Vec::new(),
            _ => writer.drops(function),
        };
        let made = match answer {
            Answer::Handle(resource) => writer.intrinsic(*resource, ResourceIntrinsic::ExportedNew),
            _ => None,
        };
        bodies.push((drops, made));
    }
    for (((key, function), answer), (drops, made)) in functions.into_iter().zip(&answers).zip(bodies) {
        let signature = resolve.wasm_signature(AbiVariant::GuestExport, function);
        let kind = WasmExportKind::Normal;
        let export = WasmExport::Func { interface: Some(key), func: function, kind };
        let name = resolve.wasm_export_name(ABI, export);
        writer.define(&name, &values(&signature.params), &values(&signature.results), |sink| {
            for (param, drop) in drops {
                sink.local_get(param).call(drop);
            }
            write(sink, answer, made);
        });
    }
    writer.finish(&answers)
}

fn interfaces(items: &IndexMap<WorldKey, WorldItem>) -> Vec<(&WorldKey, InterfaceId)> {
    let interface = |(key, item)| match item {
        &WorldItem::Interface { id, .. } => Some((key, id)),
        _ => None,
    };
    items.iter().filter_map(interface).collect()
}

fn write(sink: &mut InstructionSink<'_>, answer: &Answer, made: Option<u32>) {
    match (answer, made) {
        (Answer::Number(number), _) => {
            sink.i32_const(*number);
        }
        (Answer::Memory { bytes, .. }, _) => {
            // The zeroes are those that memory begins with, but for what other functions answered.
            sink.i32_const(ANSWER).i32_const(0).global_get(0).memory_fill(0);
            for (at, byte) in bytes {
                let place = MemArg { offset: *at as u64, align: 0, memory_index: 0 };
                sink.i32_const(ANSWER).i32_const(i32::from(*byte)).i32_store8(place);
            }
            sink.i32_const(ANSWER);
        }
        (Answer::Handle(_), Some(made)) => {
            sink.i32_const(0).call(made);
        }
        _ => {
            sink.unreachable();
        }
    }
}

struct Writer<'a> {
    resolve: &'a Resolve,
    /// The interfaces that refuse, and those whose types they mention.
    own: HashMap<InterfaceId, &'a WorldKey>,
    others: HashMap<InterfaceId, &'a WorldKey>,
    types: TypeSection,
    known: Vec<(Vec<ValType>, Vec<ValType>)>,
    imports: ImportSection,
    imported: Vec<(String, String)>,
    functions: FunctionSection,
    exports: ExportSection,
    code: CodeSection,
    defined: u32,
}

impl<'a> Writer<'a> {
    fn new(resolve: &'a Resolve) -> Self {
        Self {
            resolve,
            own: HashMap::new(),
            others: HashMap::new(),
            types: TypeSection::new(),
            known: Vec::new(),
            imports: ImportSection::new(),
            imported: Vec::new(),
            functions: FunctionSection::new(),
            exports: ExportSection::new(),
            code: CodeSection::new(),
            defined: 0,
        }
    }

    fn is_own(&self, resource: TypeId) -> bool {
        owner(self.resolve, resource).is_some_and(|interface| self.own.contains_key(&interface))
    }

    /// The handles among the parameters that must be given back or would pile up, and what drops each. A borrowed
    /// handle of a resource of its own is none.
    fn drops(&mut self, function: &Function) -> Vec<(u32, u32)> {
        let mut found = Vec::new();
        for handle in handles(self.resolve, function).unwrap_or_default() {
            let intrinsic = match (self.is_own(handle.resource), handle.owned) {
                (true, false) => None,
                (true, true) => Some(ResourceIntrinsic::ExportedDrop),
                (false, _) => Some(ResourceIntrinsic::ImportedDrop),
            };
            let drop = intrinsic.and_then(|intrinsic| self.intrinsic(handle.resource, intrinsic));
            found.extend(drop.map(|drop| (handle.place, drop)));
        }
        found
    }

    /// The index of an imported function that makes or drops handles.
    fn intrinsic(&mut self, resource: TypeId, intrinsic: ResourceIntrinsic) -> Option<u32> {
        let interface = owner(self.resolve, resource)?;
        let key = *self.own.get(&interface).or_else(|| self.others.get(&interface))?;
        let makes = matches!(intrinsic, ResourceIntrinsic::ExportedNew);
        let import = WasmImport::ResourceIntrinsic { interface: Some(key), resource, intrinsic };
        let name = self.resolve.wasm_import_name(ABI, import);
        if let Some(place) = self.imported.iter().position(|known| *known == name) {
            return Some(place as u32);
        }
        let results = if makes { vec![ValType::I32] } else { Vec::new() };
        let ty = self.ty(&[ValType::I32], &results);
        self.imports.import(&name.0, &name.1, EntityType::Function(ty));
        self.imported.push(name);
        Some(self.imported.len() as u32 - 1)
    }

    fn ty(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
        let place = self.known.iter().position(|known| (&*known.0, &*known.1) == (params, results));
        let place = place.unwrap_or_else(|| {
            self.types.ty().function(params.iter().copied(), results.iter().copied());
            self.known.push((params.to_vec(), results.to_vec()));
            self.known.len() - 1
        });
        place as u32
    }

    fn define(
        &mut self,
        name: &str,
        params: &[ValType],
        results: &[ValType],
        write: impl FnOnce(&mut InstructionSink<'_>),
    ) {
        let ty = self.ty(params, results);
        self.functions.function(ty);
        self.exports.export(name, ExportKind::Func, self.imported.len() as u32 + self.defined);
        self.defined += 1;
        let mut body = Body::new([]);
        write(&mut body.instructions());
        body.instructions().end();
        self.code.function(&body);
    }

    /// Adds memory. Nobody reads what is passed, so all lists lie in the same place behind the answer.
    fn finish(mut self, answers: &[Answer]) -> Vec<u8> {
        let sizes = answers.iter().map(|answer| match answer {
            Answer::Memory { size, .. } => *size,
            _ => 0,
        });
        let longest = sizes.max().unwrap_or_default();
        let lists = (ANSWER as usize + longest).next_multiple_of(16);
        let realloc = self.resolve.wasm_export_name(ABI, WasmExport::Realloc);
        self.define(&realloc, &[ValType::I32; 4], &[ValType::I32], |sink| {
            let (old_size, size) = (1, 3);
            // Pages until the last byte exists; a list that no memory can hold traps.
            sink.local_get(size).i32_const(lists as i32).i32_add().local_tee(old_size);
            sink.local_get(size).i32_lt_u().if_(BlockType::Empty).unreachable().end();
            sink.local_get(old_size).i32_const(16).i32_shr_u().i32_const(1).i32_add().local_tee(old_size);
            sink.memory_size(0).i32_gt_u().if_(BlockType::Empty);
            sink.local_get(old_size).memory_size(0).i32_sub().memory_grow(0).i32_const(-1).i32_eq();
            sink.if_(BlockType::Empty).unreachable().end().end();
            sink.i32_const(lists as i32);
        });
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: lists.div_ceil(PAGE) as u64,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut globals = GlobalSection::new();
        let size = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
        globals.global(size, &ConstExpr::i32_const(longest as i32));
        let memory = self.resolve.wasm_export_name(ABI, WasmExport::Memory);
        self.exports.export(&memory, ExportKind::Memory, 0);
        let mut module = Module::new();
        module.section(&self.types).section(&self.imports).section(&self.functions).section(&memories);
        module.section(&globals).section(&self.exports).section(&self.code);
        module.finish()
    }
}
