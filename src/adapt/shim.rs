//! The functions that differ between snapshots and the code that bridges them.
//!
//! A type says how a function is called, not what it means: `connect-timeout-ms` of 2023-11-10 has the
//! very type of today's `connect-timeout` and counts milliseconds instead of nanoseconds. So this table
//! is curated, and found by the name of the function *and* its type in the component.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    GlobalSection, GlobalType, ImportSection, Instruction, MemArg, MemorySection, MemoryType, Module,
    TypeSection, ValType,
};

use super::snapshot::Snapshot;

/// A function that needs code.
#[derive(Debug)]
pub(super) struct Shim {
    pub(super) interface: &'static str,
    pub(super) resource: &'static str,
    /// The function that the component calls.
    pub(super) function: &'static str,
    /// The function of the target that is called instead.
    pub(super) calls: &'static str,
    pub(super) kind: Kind,
}

/// What the code does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nanoseconds of the host as milliseconds.
    MillisGet,
    /// Milliseconds as nanoseconds for the host.
    MillisSet,
    /// Sockets of 0.2 carry IPv6 alone: true, and `not-supported` on IPv4 sockets.
    Ipv6Get,
    /// The same: setting true is done, anything else is `not-supported`.
    Ipv6Set,
    /// A second `get` was no error of its own in the old type; it traps.
    Trailers,
}

const fn millis(function: &'static str, calls: &'static str, kind: Kind) -> Shim {
    Shim { interface: "http/types", resource: "request-options", function, calls, kind }
}

const fn ipv6(
    interface: &'static str,
    resource: &'static str,
    function: &'static str,
    calls: &'static str,
    kind: Kind,
) -> Shim {
    Shim { interface, resource, function, calls, kind }
}

const SHIMS: &[Shim] = &[
    millis(
        "[method]request-options.connect-timeout-ms",
        "[method]request-options.connect-timeout",
        Kind::MillisGet,
    ),
    millis(
        "[method]request-options.set-connect-timeout-ms",
        "[method]request-options.set-connect-timeout",
        Kind::MillisSet,
    ),
    millis(
        "[method]request-options.first-byte-timeout-ms",
        "[method]request-options.first-byte-timeout",
        Kind::MillisGet,
    ),
    millis(
        "[method]request-options.set-first-byte-timeout-ms",
        "[method]request-options.set-first-byte-timeout",
        Kind::MillisSet,
    ),
    millis(
        "[method]request-options.between-bytes-timeout-ms",
        "[method]request-options.between-bytes-timeout",
        Kind::MillisGet,
    ),
    millis(
        "[method]request-options.set-between-bytes-timeout-ms",
        "[method]request-options.set-between-bytes-timeout",
        Kind::MillisSet,
    ),
    Shim {
        interface: "http/types",
        resource: "future-trailers",
        function: "[method]future-trailers.get",
        calls: "[method]future-trailers.get",
        kind: Kind::Trailers,
    },
    ipv6(
        "sockets/tcp",
        "tcp-socket",
        "[method]tcp-socket.ipv6-only",
        "[method]tcp-socket.address-family",
        Kind::Ipv6Get,
    ),
    ipv6(
        "sockets/tcp",
        "tcp-socket",
        "[method]tcp-socket.set-ipv6-only",
        "[method]tcp-socket.address-family",
        Kind::Ipv6Set,
    ),
    ipv6(
        "sockets/udp",
        "udp-socket",
        "[method]udp-socket.ipv6-only",
        "[method]udp-socket.address-family",
        Kind::Ipv6Get,
    ),
    ipv6(
        "sockets/udp",
        "udp-socket",
        "[method]udp-socket.set-ipv6-only",
        "[method]udp-socket.address-family",
        Kind::Ipv6Set,
    ),
];

/// The code for a function that the component has with type `has`, if there is any for this target.
pub(super) fn find(interface: &str, function: &str, has: &str, target: &Snapshot) -> Option<&'static Shim> {
    let shim = SHIMS.iter().find(|shim| shim.interface == interface && shim.function == function)?;
    let (old, new) = shim.types(target)?;
    let calls = target.interfaces.get(interface)?.functions.get(shim.calls)?;
    (has == old && *calls == new).then_some(shim)
}

impl Shim {
    /// The type of the old function and of the new one that the code was written for.
    fn types(&self, target: &Snapshot) -> Option<(String, String)> {
        let types = &target.interfaces.get(self.interface)?.types;
        let this = format!("self: borrow<{}.{}>", self.interface, self.resource);
        Some(match self.kind {
            Kind::MillisGet => {
                (format!("func({this}) -> option<u64>"), format!("func({this}) -> option<u64>"))
            }
            Kind::MillisSet => (
                format!("func({this}, ms: option<u64>) -> result"),
                format!("func({this}, duration: option<u64>) -> result"),
            ),
            Kind::Ipv6Get | Kind::Ipv6Set => {
                let error = types.get("error-code")?;
                let old = match self.kind {
                    Kind::Ipv6Get => format!("func({this}) -> result<bool, {error}>"),
                    _ => format!("func({this}, value: bool) -> result<_, {error}>"),
                };
                (old, format!("func({this}) -> {}", types.get("ip-address-family")?))
            }
            Kind::Trailers => {
                let inner = format!("result<option<own<http/types.fields>>, {}>", types.get("error-code")?);
                (
                    format!("func({this}) -> option<{inner}>"),
                    format!("func({this}) -> option<result<{inner}>>"),
                )
            }
        })
    }

    /// Whether the function's result is left in memory.
    pub(super) fn returns_in_memory(&self) -> bool {
        self.kind != Kind::MillisSet
    }

    /// Whether the function that it calls leaves its result in memory.
    pub(super) fn calls_through_memory(&self) -> bool {
        matches!(self.kind, Kind::MillisGet | Kind::Trailers)
    }

    /// The core type of the function itself, as lifted.
    fn lifted(&self) -> (Vec<ValType>, Vec<ValType>) {
        let params = match self.kind {
            Kind::MillisSet => vec![ValType::I32, ValType::I32, ValType::I64],
            Kind::Ipv6Set => vec![ValType::I32, ValType::I32],
            _ => vec![ValType::I32],
        };
        (params, vec![ValType::I32])
    }

    /// The core type of the function that it calls, as lowered.
    fn lowered(&self) -> (Vec<ValType>, Vec<ValType>) {
        match self.kind {
            Kind::MillisSet => (vec![ValType::I32, ValType::I32, ValType::I64], vec![ValType::I32]),
            Kind::Ipv6Get | Kind::Ipv6Set => (vec![ValType::I32], vec![ValType::I32]),
            Kind::MillisGet | Kind::Trailers => (vec![ValType::I32, ValType::I32], Vec::new()),
        }
    }

    /// The code. `call` is the function of the target, `drop` lets go of the borrowed `self`: a borrowed
    /// handle of somebody else's resource must be gone before the function returns.
    fn code(&self, call: u32, drop: u32) -> Function {
        match self.kind {
            Kind::MillisGet => millis_get(call, drop),
            Kind::MillisSet => millis_set(call, drop),
            Kind::Ipv6Get => ipv6_only(call, drop, false),
            Kind::Ipv6Set => ipv6_only(call, drop, true),
            Kind::Trailers => trailers(call, drop),
        }
    }
}

/// Where results are put together: below it nothing, as address 0 is better left alone.
const RESULT: i32 = 16;
/// Where the host's lists begin. The largest result takes less than 128 bytes.
const HEAP: i32 = 1024;
const NANOS_PER_MILLI: i64 = 1_000_000;
/// `not-supported` in `wasi:sockets/network.error-code`.
const NOT_SUPPORTED: i32 = 2;

fn at(offset: u64, align: u32) -> MemArg {
    MemArg { offset, align, memory_index: 0 }
}

/// `option<u64>`: the tag at 0, the number at 8.
fn millis_get(call: u32, drop: u32) -> Function {
    let mut code = Function::new([]);
    code.instructions()
        .local_get(0)
        .i32_const(RESULT)
        .call(call)
        .local_get(0)
        .call(drop)
        .i32_const(RESULT)
        .i32_const(RESULT)
        .i64_load(at(8, 3))
        .i64_const(NANOS_PER_MILLI)
        .i64_div_u()
        .i64_store(at(8, 3))
        .i32_const(RESULT)
        .end();
    code
}

/// Milliseconds beyond what nanoseconds can hold become the longest time there is.
fn millis_set(call: u32, drop: u32) -> Function {
    let (this, tag, millis, result) = (0, 1, 2, 3);
    let mut code = Function::new([(1, ValType::I32)]);
    code.instructions()
        .local_get(this)
        .local_get(tag)
        .local_get(millis)
        .i64_const(NANOS_PER_MILLI)
        .i64_mul()
        .i64_const(-1)
        .local_get(millis)
        .i64_const((u64::MAX / NANOS_PER_MILLI as u64) as i64)
        .i64_le_u()
        .select()
        .call(call)
        .local_set(result)
        .local_get(this)
        .call(drop)
        .local_get(result)
        .end();
    code
}

/// `result<bool, error-code>` and `result<_, error-code>`: the tag at 0, either payload at 1. The family is
/// 0 for IPv4 and 1 for IPv6.
fn ipv6_only(call: u32, drop: u32, set: bool) -> Function {
    let (this, value) = (0, 1);
    let allowed = if set { 2 } else { 1 };
    let mut code = Function::new([(1, ValType::I32)]);
    let mut sink = code.instructions();
    sink.local_get(this).call(call).local_set(allowed).local_get(this).call(drop);
    if set {
        sink.local_get(allowed).local_get(value).i32_and().local_set(allowed);
    }
    sink.i32_const(RESULT)
        .local_get(allowed)
        .i32_eqz()
        .i32_store8(at(0, 0))
        .i32_const(RESULT)
        .i32_const(1)
        .i32_const(NOT_SUPPORTED)
        .local_get(allowed)
        .select()
        .i32_store8(at(1, 0))
        .i32_const(RESULT)
        .end();
    code
}

/// New: `option` at 0 of `result` at 8 of `result` at 16, payload at 24. Old: `option` at 0 of `result` at 8,
/// payload at 16. So the middle tag, which must be ok, becomes the option's, and the result begins there.
fn trailers(call: u32, drop: u32) -> Function {
    let mut code = Function::new([]);
    code.instructions()
        .local_get(0)
        .i32_const(RESULT)
        .call(call)
        .local_get(0)
        .call(drop)
        .i32_const(RESULT)
        .i32_load8_u(at(0, 0))
        .i32_eqz()
        .if_(BlockType::Empty)
        .i32_const(RESULT)
        .return_()
        .end()
        .i32_const(RESULT)
        .i32_load8_u(at(8, 0))
        .if_(BlockType::Empty)
        .unreachable()
        .end()
        .i32_const(RESULT)
        .i32_const(1)
        .i32_store8(at(8, 0))
        .i32_const(RESULT + 8)
        .end();
    code
}

/// A core module with the memory that results and their lists lie in: `memory`, `realloc`, and `reset`,
/// which gives back all that was handed out.
pub(super) fn memory_module() -> Module {
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
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
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

/// A core module with the code of `shims`: exports their numbers `0`, `1`, … and `post`, the function to be
/// called after a result in memory was read. It imports from `x`: `memory`, `reset`, and for each shim
/// `call0`, `drop0` and so on.
pub(super) fn code_module(shims: &[&Shim]) -> Module {
    let (mut types, mut imports, mut functions) =
        (TypeSection::new(), ImportSection::new(), FunctionSection::new());
    let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
    types.ty().function([], []);
    types.ty().function([ValType::I32], []);
    imports.import(
        "x",
        "memory",
        EntityType::Memory(MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        }),
    );
    imports.import("x", "reset", EntityType::Function(0));
    for (number, shim) in (0u32..).zip(shims) {
        let (params, results) = shim.lowered();
        types.ty().function(params, results);
        imports.import("x", &format!("call{number}"), EntityType::Function(2 + 2 * number));
        imports.import("x", &format!("drop{number}"), EntityType::Function(1));
        let (params, results) = shim.lifted();
        types.ty().function(params, results);
    }
    let imported = 1 + 2 * shims.len() as u32;
    for (number, shim) in (0u32..).zip(shims) {
        functions.function(3 + 2 * number);
        exports.export(&number.to_string(), ExportKind::Func, imported + number);
        code.function(&shim.code(1 + 2 * number, 2 + 2 * number));
    }
    functions.function(1);
    exports.export("post", ExportKind::Func, imported + shims.len() as u32);
    let mut post = Function::new([]);
    post.instruction(&Instruction::Call(0)).instruction(&Instruction::End);
    code.function(&post);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&exports).section(&code);
    module
}
