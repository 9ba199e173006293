//! Core modules: the memory that results and lists of calls lie in, and the code of an adapter.

use std::collections::BTreeSet;

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, ImportSection, MemorySection, MemoryType, Module,
    TypeSection, ValType,
};
use wit_parser::abi::{AbiVariant, WasmSignature, WasmType};
use wit_parser::{Resolve, TypeId};

use super::super::answer::{self, Answer};
use super::super::shape;
use super::super::snapshot::Snapshot;
use super::{ANSWER, Code, DATA, HEAP, Ids};

/// The core type of a function: parameters and results.
type CoreType = (Vec<ValType>, Vec<ValType>);

/// A function or resource of an interface: `io/poll`, `[method]pollable.block`.
pub(in crate::adapt) type Item = (String, String);

/// Code with the core types that it is written for.
pub(in crate::adapt) struct Lifted {
    write: Box<dyn Fn(&Ids) -> Function>,
    /// What stands in memory at [`DATA`].
    data: Option<fn() -> Vec<u8>>,
    /// Of the function itself, as the component calls it.
    pub(in crate::adapt) own: CoreType,
    /// Whether memory must be given with the function: it has lists, or its result lies in memory.
    pub(in crate::adapt) needs_memory: bool,
    /// Whether its instructions use memory, because a function that they call does.
    uses_memory: bool,
    /// The functions that it calls, with their core types.
    calls: Vec<(Item, CoreType)>,
    /// The resources that it lets go of.
    drops: Vec<Item>,
}

/// What the code of an adapter is given, each function once however many call it.
pub(in crate::adapt) struct Given<'a> {
    /// The functions of the target, with their core types.
    pub(in crate::adapt) calls: Vec<(&'a Item, &'a CoreType)>,
    /// The resources to let go of.
    pub(in crate::adapt) drops: Vec<&'a Item>,
    /// Whether any of it uses memory.
    pub(in crate::adapt) memory: bool,
}

impl<'a> Given<'a> {
    pub(in crate::adapt) fn to(functions: &[&'a Lifted]) -> Self {
        let mut given = Self { calls: Vec::new(), drops: Vec::new(), memory: false };
        for lifted in functions {
            given.memory |= lifted.needs_memory || lifted.uses_memory;
            for (name, ty) in &lifted.calls {
                if given.calls.iter().all(|(known, _)| *known != name) {
                    given.calls.push((name, ty));
                }
            }
            for name in &lifted.drops {
                if !given.drops.contains(&name) {
                    given.drops.push(name);
                }
            }
        }
        given
    }

    /// Where some code finds what it calls, if the first function given has the index `first`.
    fn ids(&self, lifted: &Lifted, first: u32) -> Ids {
        let index = |place: Option<usize>, after: usize| first + (place.unwrap_or_default() + after) as u32;
        let call = |(name, _): &(Item, _)| index(self.calls.iter().position(|(known, _)| *known == name), 0);
        let drop = |name: &Item| index(self.drops.iter().position(|known| *known == name), self.calls.len());
        Ids { calls: lifted.calls.iter().map(call).collect(), drops: lifted.drops.iter().map(drop).collect() }
    }
}

/// The core type of a function of a snapshot.
fn core(snapshot: &Snapshot, variant: AbiVariant, interface: &str, function: &str) -> Option<WasmSignature> {
    let interface = snapshot.interfaces.get(interface)?;
    let function = snapshot.resolve.interfaces[interface.id].functions.get(function)?;
    Some(snapshot.resolve.wasm_signature(variant, function))
}

fn core_type(signature: &WasmSignature) -> CoreType {
    (values(&signature.params), values(&signature.results))
}

/// Whether something is passed in memory: lists, or what has no room elsewhere.
fn needs_memory(signature: &WasmSignature, shape: &str) -> bool {
    signature.retptr || signature.indirect_params || shape.contains("string") || shape.contains("list<")
}

impl Lifted {
    /// The code for a function of the snapshot `old`, over functions of `new`.
    pub(in crate::adapt) fn of(
        code: &'static Code,
        (old, new): (&Snapshot, &Snapshot),
        interface: &str,
        function: &str,
    ) -> Option<Self> {
        let shape = old.interfaces.get(interface)?.functions.get(function)?;
        let own = core(old, AbiVariant::GuestExport, interface, function)?;
        let mut uses_memory = false;
        let mut calls = Vec::new();
        let item = |(interface, name): &(&str, &str)| ((*interface).to_owned(), (*name).to_owned());
        for call in code.calls {
            let signature = core(new, AbiVariant::GuestImport, call.0, call.1)?;
            // A function without a pointer in its core type may still be given lists by ours.
            uses_memory |= signature.retptr || signature.params.contains(&WasmType::Pointer);
            calls.push((item(call), core_type(&signature)));
        }
        Some(Self {
            write: Box::new(code.write),
            data: code.data,
            own: core_type(&own),
            needs_memory: needs_memory(&own, shape),
            uses_memory,
            calls,
            drops: code.drops.iter().map(item).collect(),
        })
    }

    /// Code for a function of a snapshot that nothing stands in for: the error of its own type, else a trap.
    pub(in crate::adapt) fn stub(snapshot: &Snapshot, interface: &str, function: &str) -> Option<Self> {
        let found = snapshot.interfaces.get(interface)?;
        let shape = found.functions.get(function)?;
        let resolve = &snapshot.resolve;
        let declared = resolve.interfaces[found.id].functions.get(function)?;
        let own = core(snapshot, AbiVariant::GuestExport, interface, function)?;
        let passed = answer::handles(resolve, declared);
        let answer = match (&passed, answer::failure(resolve, declared, answer::UNSUPPORTED)) {
            (None, _) => Answer::Trap,
            (_, Answer::Memory { size, .. }) if size > (DATA - ANSWER) as usize => Answer::Trap,
            (_, answer) => answer,
        };
        let passed = passed.filter(|_| answer != Answer::Trap).unwrap_or_default();
        let places: Vec<u32> = passed.iter().map(|passed| passed.place).collect();
        let drops: Option<Vec<Item>> = passed.iter().map(|passed| item(resolve, passed.resource)).collect();
        Some(Self {
            write: Box::new(move |ids| stub(ids, &places, &answer)),
            data: None,
            own: core_type(&own),
            needs_memory: needs_memory(&own, shape),
            uses_memory: false,
            calls: Vec::new(),
            drops: drops?,
        })
    }
}

/// The interface that a resource is in, and its name.
fn item(resolve: &Resolve, resource: TypeId) -> Option<Item> {
    let interface = shape::interface_key(resolve, shape::owner(resolve, resource)?)?;
    let name = shape::resource_name(&interface, resolve.types[resource].name.as_deref()?);
    name.split_once('.').map(|(interface, name)| (interface.to_owned(), name.to_owned()))
}

fn stub(ids: &Ids, places: &[u32], answer: &Answer) -> Function {
    super::code::function([], |sink| {
        for (number, place) in places.iter().enumerate() {
            sink.local_get(*place).call(ids.drop(number));
        }
        match answer {
            Answer::Number(number) => {
                sink.i32_const(*number);
            }
            Answer::Memory { size, bytes } => {
                sink.i32_const(ANSWER).i32_const(0).i32_const(*size as i32).memory_fill(0);
                for (at, byte) in bytes {
                    let place = super::code::at(*at as u64);
                    sink.i32_const(ANSWER).i32_const(i32::from(*byte)).i32_store8(place);
                }
                sink.i32_const(ANSWER);
            }
            Answer::Trap | Answer::Handle(_) => {
                sink.unreachable();
            }
        }
    })
}

/// The types of a core function's parameters or results.
pub(in crate::adapt) fn values(types: &[WasmType]) -> Vec<ValType> {
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
        module.define(&number.to_string(), &lifted.own, &(lifted.write)(&given.ids(lifted, first)));
    }
    let lifted = functions.iter().filter(|lifted| lifted.needs_memory);
    let with_result: BTreeSet<bool> = lifted.map(|lifted| !lifted.own.1.is_empty()).collect();
    for with_result in with_result {
        let params = if with_result { vec![ValType::I32] } else { Vec::new() };
        let mut post = Function::new([]);
        post.instructions().call(0).end();
        module.define(if with_result { "post" } else { "post0" }, &(params, Vec::new()), &post);
    }
    module.finish(functions.iter().find_map(|lifted| lifted.data))
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
