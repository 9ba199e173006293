//! Core modules: the memory that results and lists of calls lie in, and the code of an adapter.

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
    /// Of the functions that it calls.
    calls: Vec<CoreType>,
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
        let calls = code
            .calls
            .iter()
            .map(|(interface, function)| core(new, AbiVariant::GuestImport, interface, function).map(types))
            .collect::<Option<Vec<_>>>()?;
        Some(Self { code, own: types(own), needs_memory, calls })
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
/// be called after a function with a result and after one without. It imports from `x`: `memory`, `reset`,
/// and for each function `call0.0`, `call0.1`, …, `drop0.0`, … and so on.
pub(in crate::adapt) fn code_module(functions: &[&Lifted]) -> Module {
    let (mut types, mut imports, mut defined) =
        (TypeSection::new(), ImportSection::new(), FunctionSection::new());
    let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
    types.ty().function([], []);
    types.ty().function([ValType::I32], []);
    imports.import("x", "memory", EntityType::Memory(MEMORY));
    imports.import("x", "reset", EntityType::Function(0));
    let (mut next_type, mut next_import) = (2, 1);
    let mut ids = Vec::new();
    for (number, lifted) in functions.iter().enumerate() {
        ids.push(Ids { first: next_import, calls: lifted.calls.len() as u32 });
        for (call, (params, results)) in lifted.calls.iter().enumerate() {
            types.ty().function(params.iter().copied(), results.iter().copied());
            imports.import("x", &format!("call{number}.{call}"), EntityType::Function(next_type));
            (next_type, next_import) = (next_type + 1, next_import + 1);
        }
        for drop in 0..lifted.code.drops.len() {
            imports.import("x", &format!("drop{number}.{drop}"), EntityType::Function(1));
            next_import += 1;
        }
    }
    for ((number, lifted), ids) in (0u32..).zip(functions).zip(&ids) {
        types.ty().function(lifted.own.0.iter().copied(), lifted.own.1.iter().copied());
        defined.function(next_type + number);
        exports.export(&number.to_string(), ExportKind::Func, next_import + number);
        code.function(&(lifted.code.write)(ids));
    }
    let after = next_import + functions.len() as u32;
    for (name, ty, index) in [("post", 1, after), ("post0", 0, after + 1)] {
        defined.function(ty);
        exports.export(name, ExportKind::Func, index);
        let mut post = Function::new([]);
        post.instructions().call(0).end();
        code.function(&post);
    }
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&defined).section(&exports).section(&code);
    if let Some(data) = functions.iter().find_map(|lifted| lifted.code.data) {
        let mut section = DataSection::new();
        section.active(0, &ConstExpr::i32_const(DATA), data());
        module.section(&section);
    }
    module
}
