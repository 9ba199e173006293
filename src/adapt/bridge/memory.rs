//! Core modules: the memory that results and lists of calls lie in, and the code of an adapter.

use std::collections::BTreeSet;

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, ImportSection, MemorySection, MemoryType, Module,
    TypeSection, ValType,
};
use wit_parser::abi::{AbiVariant, WasmSignature, WasmType};

use super::super::snapshot::Snapshot;
use super::{Code, DATA, HEAP, Ids};

/// The core type of a function: parameters and results.
type CoreType = (Vec<ValType>, Vec<ValType>);

/// Code with the core types that it is written for.
pub(in crate::adapt) struct Lifted {
    pub(in crate::adapt) code: &'static Code,
    /// Of the function itself, as the component calls it.
    pub(in crate::adapt) own: CoreType,
    /// Whether memory must be given with the function: it has lists, or its result lies in memory.
    pub(in crate::adapt) needs_memory: bool,
    /// Whether its instructions use memory, because a function that they call does.
    uses_memory: bool,
    /// Of the functions that it calls.
    calls: Vec<CoreType>,
}

/// What the code of an adapter is given, each function once however many call it.
pub(in crate::adapt) struct Given<'a> {
    /// The functions of the target, with their core types.
    pub(in crate::adapt) calls: Vec<((&'static str, &'static str), &'a CoreType)>,
    /// The resources to let go of.
    pub(in crate::adapt) drops: Vec<(&'static str, &'static str)>,
    /// Whether any of it uses memory.
    pub(in crate::adapt) memory: bool,
}

impl<'a> Given<'a> {
    pub(in crate::adapt) fn to(functions: &[&'a Lifted]) -> Self {
        let mut given = Self { calls: Vec::new(), drops: Vec::new(), memory: false };
        for lifted in functions {
            given.memory |= lifted.needs_memory || lifted.uses_memory;
            for (name, ty) in lifted.code.calls.iter().zip(&lifted.calls) {
                if given.calls.iter().all(|(known, _)| known != name) {
                    given.calls.push((*name, ty));
                }
            }
            for name in lifted.code.drops {
                if !given.drops.contains(name) {
                    given.drops.push(*name);
                }
            }
        }
        given
    }

    /// Where some code finds what it calls, if the first function given has the index `first`.
    fn ids(&self, code: &Code, first: u32) -> Ids {
        let index = |place: Option<usize>, after: usize| first + (place.unwrap_or_default() + after) as u32;
        let call = |name| index(self.calls.iter().position(|(known, _)| known == name), 0);
        let drop = |name| index(self.drops.iter().position(|known| known == name), self.calls.len());
        Ids { calls: code.calls.iter().map(call).collect(), drops: code.drops.iter().map(drop).collect() }
    }
}

impl Lifted {
    /// The code for a function of the snapshot `old`, over functions of `new`.
    pub(in crate::adapt) fn of(
        code: &'static Code,
        (old, new): (&Snapshot, &Snapshot),
        interface: &str,
        function: &str,
    ) -> Option<Self> {
        let core = |snapshot: &Snapshot, variant, interface: &str, function: &str| {
            let interface = snapshot.interfaces.get(interface)?;
            let function = snapshot.resolve.interfaces[interface.id].functions.get(function)?;
            Some(snapshot.resolve.wasm_signature(variant, function))
        };
        let shape = old.interfaces.get(interface)?.functions.get(function)?;
        let own = core(old, AbiVariant::GuestExport, interface, function)?;
        let needs_memory = own.retptr || shape.contains("string") || shape.contains("list<");
        let types = |signature: WasmSignature| (values(&signature.params), values(&signature.results));
        let mut uses_memory = false;
        let mut calls = Vec::new();
        for (interface, function) in code.calls {
            let signature = core(new, AbiVariant::GuestImport, interface, function)?;
            // A function without a pointer in its core type may still be given lists by ours.
            uses_memory |= signature.retptr || signature.params.contains(&WasmType::Pointer);
            calls.push(types(signature));
        }
        Some(Self { code, own: types(own), needs_memory, uses_memory, calls })
    }
}

fn values(types: &[WasmType]) -> Vec<ValType> {
    let value = |ty: &WasmType| match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => ValType::I32,
        WasmType::I64 | WasmType::PointerOrI64 => ValType::I64,
        WasmType::F32 => ValType::F32,
        WasmType::F64 => ValType::F64,
    };
    types.iter().map(value).collect()
}

const MEMORY: MemoryType =
    MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None };

/// A core module with the memory that results and their lists lie in: `memory`, `realloc`, and `reset`,
/// which gives back all that was handed out.
pub(in crate::adapt) fn memory_module() -> Module {
    let (old, old_size, align, size, place, end) = (0, 1, 2, 3, 4, 5);
    let (mut types, mut functions, mut code) =
        (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([ValType::I32; 4], [ValType::I32]);
    types.ty().function([], []);
    functions.function(0).function(1);
    let mut realloc = Function::new([(2, ValType::I32)]);
    let mut sink = realloc.instructions();
    // place = top rounded up to align; end = place + size
    sink.global_get(0).local_get(align).i32_add().i32_const(1).i32_sub();
    sink.i32_const(0).local_get(align).i32_sub().i32_and().local_tee(place);
    sink.local_get(size).i32_add().local_tee(end).global_set(0);
    sink.local_get(end).local_get(place).i32_lt_u().if_(BlockType::Empty).unreachable().end();
    // Memory is counted in pages: grow until the last byte's page exists.
    sink.block(BlockType::Empty);
    sink.local_get(end).i32_const(16).i32_shr_u().i32_const(1).i32_add().local_tee(end);
    sink.memory_size(0).i32_le_u().br_if(0);
    sink.local_get(end).memory_size(0).i32_sub().memory_grow(0).i32_const(-1).i32_ne().br_if(0);
    sink.unreachable().end();
    sink.local_get(place).local_get(old).local_get(old_size).memory_copy(0, 0);
    sink.local_get(place).end();
    code.function(&realloc);
    let mut reset = Function::new([]);
    reset.instructions().i32_const(HEAP).global_set(0).end();
    code.function(&reset);
    let mut memories = MemorySection::new();
    memories.memory(MEMORY);
    let mut globals = GlobalSection::new();
    let top = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
    globals.global(top, &ConstExpr::i32_const(HEAP));
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    exports.export("realloc", ExportKind::Func, 0).export("reset", ExportKind::Func, 1);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&functions)
        .section(&memories)
        .section(&globals)
        .section(&exports)
        .section(&code);
    module
}

/// A core module with some code: exports the functions by their numbers `0`, `1`, …, and `post` and `post0`, to
/// be called after a function with a result and after one without. It imports from `x` what it is given, by
/// numbers as well: first the calls, then the drops; and `memory` and `reset` if there is memory.
pub(in crate::adapt) fn code_module(functions: &[&Lifted], given: &Given<'_>) -> Module {
    let mut module = CodeModule::default();
    if given.memory {
        module.imports.import("x", "memory", EntityType::Memory(MEMORY));
        let ty = module.ty(&(Vec::new(), Vec::new()));
        module.imports.import("x", "reset", EntityType::Function(ty));
    }
    let first = u32::from(given.memory);
    let dropped = (vec![ValType::I32], Vec::new());
    let types = given.calls.iter().map(|(_, ty)| *ty).chain(given.drops.iter().map(|_| &dropped));
    for (number, ty) in types.enumerate() {
        let ty = module.ty(ty);
        module.imports.import("x", &number.to_string(), EntityType::Function(ty));
    }
    module.next = first + (given.calls.len() + given.drops.len()) as u32;
    for (number, lifted) in functions.iter().enumerate() {
        module.define(&number.to_string(), &lifted.own, &(lifted.code.write)(&given.ids(lifted.code, first)));
    }
    let lifted = functions.iter().filter(|lifted| lifted.needs_memory);
    let with_result: BTreeSet<bool> = lifted.map(|lifted| !lifted.own.1.is_empty()).collect();
    for with_result in with_result {
        let params = if with_result { vec![ValType::I32] } else { Vec::new() };
        let mut post = Function::new([]);
        post.instructions().call(0).end();
        module.define(if with_result { "post" } else { "post0" }, &(params, Vec::new()), &post);
    }
    module.finish(functions.iter().find_map(|lifted| lifted.code.data))
}

/// The sections of [`code_module`].
#[derive(Default)]
struct CodeModule {
    types: TypeSection,
    known: Vec<CoreType>,
    imports: ImportSection,
    functions: FunctionSection,
    exports: ExportSection,
    code: CodeSection,
    /// The index of the next function.
    next: u32,
}

impl CodeModule {
    /// The index of a type.
    fn ty(&mut self, ty: &CoreType) -> u32 {
        let place = self.known.iter().position(|known| known == ty);
        let place = place.unwrap_or_else(|| {
            self.types.ty().function(ty.0.iter().copied(), ty.1.iter().copied());
            self.known.push(ty.clone());
            self.known.len() - 1
        });
        place as u32
    }

    fn define(&mut self, name: &str, ty: &CoreType, body: &Function) {
        let ty = self.ty(ty);
        self.functions.function(ty);
        self.exports.export(name, ExportKind::Func, self.next);
        self.code.function(body);
        self.next += 1;
    }

    fn finish(self, data: Option<fn() -> Vec<u8>>) -> Module {
        let mut module = Module::new();
        module.section(&self.types).section(&self.imports).section(&self.functions);
        module.section(&self.exports).section(&self.code);
        if let Some(data) = data {
            let mut section = DataSection::new();
            section.active(0, &ConstExpr::i32_const(DATA), data());
            module.section(&section);
        }
        module
    }
}
