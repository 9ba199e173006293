//! A component that hands on every call of an interface.

use wasm_encoder::{
    CodeSection, ConstExpr, EntityType, ExportKind, ExportSection, Function, FunctionSection, GlobalSection,
    GlobalType, ImportSection, MemorySection, MemoryType, Module, TypeSection, ValType,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{InterfaceId, Resolve};

/// A component that imports an interface and exports it again, its core module handing on each call.
pub fn passing(resolve: &Resolve, interface: InterfaceId) -> Vec<u8> {
    let mut resolve = resolve.clone();
    let name = resolve.id_of(interface).expect("a name");
    let (before, version) = name.split_once('@').expect("a version");
    let text = format!(
        "package test:pass@9.9.9;\nworld pass {{ import {before}@{version}; export {before}@{version}; }}"
    );
    let package = resolve.push_str("pass.wit", &text).expect("a world");
    let world = resolve.select_world(&[package], Some("pass")).expect("the world");
    let mut module = module(&resolve, interface, &name);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("embedded");
    let mut encoder = ComponentEncoder::default();
    encoder.module(&module).and_then(|encoder| encoder.encode()).expect("a component")
}

/// Where results are put that do not fit into one value.
const RESULT: i32 = 1024;

/// Where the memory begins that is given out: beyond the largest result.
const HEAP: i32 = 65536;

fn core(types: &[WasmType]) -> Vec<ValType> {
    let of = |ty: &WasmType| match ty {
        WasmType::I64 | WasmType::PointerOrI64 => ValType::I64,
        WasmType::F32 => ValType::F32,
        WasmType::F64 => ValType::F64,
        WasmType::I32 | WasmType::Pointer | WasmType::Length => ValType::I32,
    };
    types.iter().map(of).collect()
}

fn module(resolve: &Resolve, interface: InterfaceId, name: &str) -> Vec<u8> {
    let (mut types, mut imports, mut functions) =
        (TypeSection::new(), ImportSection::new(), FunctionSection::new());
    let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
    let declared = &resolve.interfaces[interface].functions;
    let count = declared.len() as u32;
    for (number, (function, ty)) in (0..).zip(declared) {
        let below = resolve.wasm_signature(AbiVariant::GuestImport, ty);
        let above = resolve.wasm_signature(AbiVariant::GuestExport, ty);
        types.ty().function(core(&below.params), core(&below.results));
        types.ty().function(core(&above.params), core(&above.results));
        imports.import(name, function, EntityType::Function(2 * number));
        functions.function(2 * number + 1);
        exports.export(&format!("{name}#{function}"), ExportKind::Func, count + number);
        let mut body = Function::new([]);
        (0..above.params.len() as u32).for_each(|param| {
            body.instructions().local_get(param);
        });
        match below.retptr {
            true => body.instructions().i32_const(RESULT).call(number).i32_const(RESULT).end(),
            false => body.instructions().call(number).end(),
        };
        code.function(&body);
    }
    // Gives out memory from the heap on, and never takes any back.
    types.ty().function([ValType::I32; 4], [ValType::I32]);
    functions.function(2 * count);
    exports.export("cabi_realloc", ExportKind::Func, 2 * count).export("memory", ExportKind::Memory, 0);
    let mut realloc = Function::new([(1, ValType::I32)]);
    let mut instructions = realloc.instructions();
    instructions.global_get(0).local_get(2).i32_add().i32_const(1).i32_sub();
    instructions.i32_const(0).local_get(2).i32_sub().i32_and().local_tee(4);
    instructions.local_get(3).i32_add().global_set(0).local_get(4).end();
    code.function(&realloc);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 64,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut globals = GlobalSection::new();
    let ty = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
    globals.global(ty, &ConstExpr::i32_const(HEAP));
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&memories).section(&globals);
    module.section(&exports).section(&code);
    module.finish()
}
