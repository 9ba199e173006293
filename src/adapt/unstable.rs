//! Core modules for `wasi_unstable`, the forerunner of preview1, become modules for preview1.
//!
//! 45 of its 49 functions have the same types and meaning, so their imports only change the module's name.
//! Four differ, and get a few instructions inside of the module itself, where its memory is:
//!
//! | function | then | now |
//! |---|---|---|
//! | `fd_seek` | whence is current 0, end 1, start 2 | start 0, current 1, end 2 |
//! | `fd_filestat_get`, `path_filestat_get` | links count 32 bits, 56 bytes in all | 64 bits, 64 bytes |
//! | `poll_oneoff` | clocks have an identifier first, 56 bytes each | 48 bytes each |
//!
//! Nothing is allocated. (Source: the witx of both, in `legacy/` of WebAssembly/WASI v0.2.8.)

use std::collections::BTreeMap;
use std::convert::Infallible;

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, EntityType, Function, FunctionSection, ImportSection, InstructionSink, MemArg,
    Module, TypeSection, ValType,
};
use wasmparser::{CustomSectionReader, Parser, Payload, TypeRef};

use super::AdaptError;
use super::preview1::PREVIEW1;

/// The module name that these programs import from.
pub(super) const UNSTABLE: &str = "wasi_unstable";

/// The module for preview1, and the functions that needed code; sorted, each once.
pub(super) fn to_preview1(module: &[u8]) -> Result<(Vec<u8>, Vec<String>), AdaptError> {
    let outline = Outline::of(module)?;
    let functions: std::collections::BTreeSet<String> =
        outline.shims.iter().map(|shim| format!("{UNSTABLE} {}", shim.kind.name())).collect();
    let mut written = Module::new();
    Rewriter { outline: &outline }
        .parse_core_module(&mut written, Parser::new(0), module)
        .map_err(|error| broken(&error.to_string()))?;
    Ok((written.finish(), functions.into_iter().collect()))
}

fn broken(reason: &str) -> AdaptError {
    AdaptError::NotComponentizable { flavour: "preview1", reason: reason.to_owned() }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Seek,
    Stat,
    PathStat,
    Poll,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Seek, Self::Stat, Self::PathStat, Self::Poll];

    fn name(self) -> &'static str {
        match self {
            Self::Seek => "fd_seek",
            Self::Stat => "fd_filestat_get",
            Self::PathStat => "path_filestat_get",
            Self::Poll => "poll_oneoff",
        }
    }

    fn params(self) -> &'static [wasmparser::ValType] {
        use wasmparser::ValType::{I32, I64};
        match self {
            Self::Seek => &[I32, I64, I32, I32],
            Self::Stat => &[I32, I32],
            Self::PathStat => &[I32, I32, I32, I32, I32],
            Self::Poll => &[I32, I32, I32, I32],
        }
    }
}

/// A function to be appended.
struct Shim {
    kind: Kind,
    /// The imported function, which it calls.
    import: u32,
    /// The index of its type: the import's own.
    ty: u32,
}

/// What must be known of a module before it is written again.
struct Outline {
    types: u32,
    functions: u32,
    shims: Vec<Shim>,
    /// Calls of an imported function, and the appended one that they go to instead.
    moved: BTreeMap<u32, u32>,
}

impl Outline {
    fn of(module: &[u8]) -> Result<Self, AdaptError> {
        let failed = |error: wasmparser::Error| broken(error.message());
        let mut types = Vec::new();
        let (mut imported, mut defined, mut has_code) = (0, 0, false);
        let mut shims = Vec::new();
        for payload in Parser::new(0).parse_all(module) {
            match payload.map_err(failed)? {
                Payload::TypeSection(section) => {
                    for ty in section.into_iter_err_on_gc_types() {
                        types.push(ty.map_err(failed)?);
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import.map_err(failed)?;
                        let TypeRef::Func(ty) = import.ty else { continue };
                        let kind = Kind::ALL.iter().find(|kind| kind.name() == import.name);
                        if let Some(&kind) = kind.filter(|_| import.module == UNSTABLE) {
                            let right = types.get(ty as usize).is_some_and(|ty| {
                                ty.params() == kind.params() && ty.results() == [wasmparser::ValType::I32]
                            });
                            if !right {
                                return Err(broken(&format!(
                                    "it imports `{}` with another type",
                                    import.name
                                )));
                            }
                            shims.push(Shim { kind, import: imported, ty });
                        }
                        imported += 1;
                    }
                }
                Payload::FunctionSection(section) => defined = section.count(),
                Payload::CodeSectionStart { .. } => has_code = true,
                _ => {}
            }
        }
        if !shims.is_empty() && !has_code {
            return Err(broken("it has no function of its own"));
        }
        let functions = imported + defined;
        let mut moved = BTreeMap::new();
        let mut next = functions;
        for shim in &shims {
            moved.insert(shim.import, next);
            next += appended(shim.kind);
        }
        Ok(Self { types: types.len() as u32, functions, shims, moved })
    }
}

/// How many functions a shim is made of.
fn appended(kind: Kind) -> u32 {
    if kind == Kind::Poll { 2 } else { 1 }
}

struct Rewriter<'a> {
    outline: &'a Outline,
}

impl Reencode for Rewriter<'_> {
    type Error = Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, Error<Infallible>> {
        Ok(self.outline.moved.get(&index).copied().unwrap_or(index))
    }

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: wasmparser::TypeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_type_section(self, types, section)?;
        // One more, for the recursion of `poll_oneoff`.
        types.ty().function([ValType::I32; 5], [ValType::I32]);
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: wasmparser::ImportSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        for import in section.into_imports() {
            let import = import?;
            let module = if import.module == UNSTABLE { PREVIEW1 } else { import.module };
            let ty: EntityType = self.entity_type(import.ty)?;
            imports.import(module, import.name, ty);
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: wasmparser::FunctionSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_function_section(self, functions, section)?;
        for shim in &self.outline.shims {
            functions.function(shim.ty);
            if shim.kind == Kind::Poll {
                functions.function(self.outline.types);
            }
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: wasmparser::CodeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        utils::parse_code_section(self, code, section)?;
        let mut next = self.outline.functions;
        for shim in &self.outline.shims {
            match shim.kind {
                Kind::Seek => code.function(&seek(shim.import)),
                Kind::Stat => code.function(&stat(shim.import, 1)),
                Kind::PathStat => code.function(&stat(shim.import, 4)),
                Kind::Poll => code.function(&poll(next + 1)).function(&poll_from(shim.import, next + 1)),
            };
            next += appended(shim.kind);
        }
        Ok(())
    }

    /// Indices that existed stay, so the names do; places in the code move, so what knows them goes.
    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: CustomSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        let name = section.name();
        if !name.starts_with(".debug") && !name.starts_with("reloc.") && name != "linking" {
            let custom = wasm_encoder::CustomSection { name: name.into(), data: section.data().into() };
            module.section(&custom);
        }
        Ok(())
    }
}

fn at(offset: u64) -> MemArg {
    MemArg { offset, align: 0, memory_index: 0 }
}

/// Three values turn by one place; what was no whence stays none.
fn seek(import: u32) -> Function {
    let whence = 2;
    let mut code = Function::new([]);
    code.instructions()
        .local_get(0)
        .local_get(1)
        .local_get(whence)
        .i32_const(1)
        .i32_add()
        .i32_const(3)
        .i32_rem_u()
        .local_get(whence)
        .local_get(whence)
        .i32_const(3)
        .i32_lt_u()
        .select()
        .local_get(3)
        .call(import)
        .end();
    code
}

/// The record of today is eight bytes longer before the sizes and times. Written eight bytes early, those
/// stand where they belong, and only what comes before them moves; the eight bytes before are saved.
/// `buffer` is the parameter with the place, the last one.
fn stat(import: u32, buffer: u32) -> Function {
    let (saved, device, inode, kind, links, result) =
        (buffer + 1, buffer + 2, buffer + 3, buffer + 4, buffer + 5, buffer + 6);
    let mut code = Function::new([(3, ValType::I64), (3, ValType::I32)]);
    let mut sink = code.instructions();
    let early = |sink: &mut InstructionSink<'_>| {
        sink.local_get(buffer).i32_const(8).i32_sub();
    };
    early(&mut sink);
    sink.i64_load(at(0)).local_set(saved);
    for param in 0..buffer {
        sink.local_get(param);
    }
    early(&mut sink);
    sink.call(import).local_tee(result).i32_eqz().if_(BlockType::Empty);
    early(&mut sink);
    sink.i64_load(at(0)).local_set(device);
    sink.local_get(buffer).i64_load(at(0)).local_set(inode);
    sink.local_get(buffer).i32_load8_u(at(8)).local_set(kind);
    sink.local_get(buffer).i32_load(at(16)).local_set(links);
    sink.local_get(buffer).local_get(device).i64_store(at(0));
    sink.local_get(buffer).local_get(inode).i64_store(at(8));
    sink.local_get(buffer).local_get(kind).i32_store8(at(16));
    sink.local_get(buffer).local_get(links).i32_store(at(20));
    sink.end();
    early(&mut sink);
    sink.local_get(saved).i64_store(at(0)).local_get(result).end();
    code
}

/// Begins the recursion with the first subscription.
fn poll(from: u32) -> Function {
    let mut code = Function::new([]);
    let mut sink = code.instructions();
    sink.local_get(0).local_get(1).local_get(2).local_get(3).i32_const(0).call(from).end();
    code
}

/// Each call holds one subscription: it writes it in its short form, behind the shorter ones before it, goes
/// on with the next, and when the host has answered puts back what was there. The caller's list is not its
/// own to change.
fn poll_from(import: u32, itself: u32) -> Function {
    let (list, count, number, long, short) = (0, 2, 4, 5, 6);
    let words: Vec<u32> = (7..14).collect();
    let mut code = Function::new([(2, ValType::I32), (7, ValType::I64)]);
    let mut sink = code.instructions();
    sink.local_get(number).local_get(count).i32_eq().if_(BlockType::Empty);
    sink.local_get(0).local_get(1).local_get(2).local_get(3).call(import).return_().end();
    for (place, size) in [(long, 56), (short, 48)] {
        sink.local_get(list).local_get(number).i32_const(size).i32_mul().i32_add().local_set(place);
    }
    for (word, offset) in words.iter().zip((0..).step_by(8)) {
        sink.local_get(long).i64_load(at(offset)).local_set(*word);
    }
    for (word, offset) in words[..2].iter().zip((0..).step_by(8)) {
        sink.local_get(short).local_get(*word).i64_store(at(offset));
    }
    // The kind is a byte behind the user's word; 0 is a clock, whose identifier is left out.
    sink.local_get(words[1]).i64_const(0xff).i64_and().i64_eqz().if_(BlockType::Empty);
    for (word, offset) in words[3..].iter().zip((16..).step_by(8)) {
        sink.local_get(short).local_get(*word).i64_store(at(offset));
    }
    sink.else_();
    for (word, offset) in words[2..6].iter().zip((16..).step_by(8)) {
        sink.local_get(short).local_get(*word).i64_store(at(offset));
    }
    sink.end();
    sink.local_get(0).local_get(1).local_get(2).local_get(3);
    sink.local_get(number).i32_const(1).i32_add().call(itself);
    for (word, offset) in words.iter().zip((0..).step_by(8)) {
        sink.local_get(long).local_get(*word).i64_store(at(offset));
    }
    sink.end();
    code
}
