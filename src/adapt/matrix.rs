//! Which snapshot goes to which, and how: worked out for components that use everything of a snapshot.

use serde::Serialize;

use super::snapshot::{self, Snapshot};
use super::trim::trimmed;
use super::uses::Uses;
use super::{Flavour, How, adapt_as, sample, targets};

/// One snapshot and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// `0.2.0-rc-2023-11-10`, `wasi_snapshot_preview1 command`.
    pub from: String,
    /// The hosts of its time: `wasmtime 15`; empty for final versions.
    pub era: String,
    /// One for each of [`targets`].
    pub cells: Vec<Cell>,
}

/// From one snapshot to one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The version.
    pub to: String,
    /// How.
    #[serde(flatten)]
    pub technique: Technique,
}

/// How a snapshot goes to a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "how", rename_all = "lowercase")]
pub enum Technique {
    /// It is the same.
    Same,
    /// By names alone.
    Rename {
        /// What the version lacks; a component that uses it is refused.
        lacking: Vec<String>,
    },
    /// Something stands in for functions that differ.
    Wrap {
        /// How many, if everything is used.
        functions: usize,
        /// What the version lacks; a component that uses it is refused.
        lacking: Vec<String>,
    },
    /// A core module becomes a component.
    Componentize {
        /// How many functions need code.
        functions: usize,
    },
    /// Not at all.
    Refused {
        /// Why not.
        why: String,
    },
}

impl Technique {
    /// One line for people.
    pub fn text(&self) -> String {
        let but = |lacking: &[String]| match lacking.len() {
            0 => String::new(),
            1..=3 => format!(", without {}", lacking.join(" and ")),
            many => format!(", without {} and {} more", lacking[..2].join(", "), many - 2),
        };
        match self {
            Self::Same => "as it is".to_owned(),
            Self::Rename { lacking } => format!("rename{}", but(lacking)),
            Self::Wrap { functions, lacking } => {
                format!("wrap, {functions} functions stand in{}", but(lacking))
            }
            Self::Componentize { functions: 0 } => "componentize".to_owned(),
            Self::Componentize { functions } => format!("componentize, {functions} functions get code"),
            Self::Refused { why } => format!("refused: {why}"),
        }
    }
}

/// All snapshots, the oldest first, and where each goes.
pub fn matrix() -> Vec<Row> {
    let mut rows: Vec<Row> = core_modules().collect();
    rows.extend(snapshot::labels_in_order().iter().filter_map(|label| {
        let bytes = sample::everything(label)?;
        let cells = targets().iter().map(|to| cell(&bytes, label, &to.to_string())).collect();
        Some(Row { from: label.clone(), era: snapshot::era(label).unwrap_or_default().to_owned(), cells })
    }));
    rows
}

fn cell(bytes: &[u8], from: &str, to: &str) -> Cell {
    Cell { to: to.to_owned(), technique: technique(bytes, from, to) }
}

fn technique(bytes: &[u8], from: &str, to: &str) -> Technique {
    if from == to {
        return Technique::Same;
    }
    let (Ok(uses), Some(target)) = (Uses::of(bytes), Snapshot::load(to)) else {
        return Technique::Refused { why: "it cannot be read".to_owned() };
    };
    match trimmed(uses, &target) {
        Ok(found) => {
            let functions = found.plan.functions(&found.uses).len();
            match found.plan.wraps() {
                true => Technique::Wrap { functions, lacking: found.lacking },
                false => Technique::Rename { lacking: found.lacking },
            }
        }
        Err(error) => Technique::Refused { why: error.to_string() },
    }
}

/// Modules that call what programs of either preview call most; all others go the same way.
fn core_modules() -> impl Iterator<Item = Row> {
    const NAMES: [(&str, &str, Flavour); 4] = [
        ("wasi_unstable", "wasi_unstable", Flavour::Command),
        ("wasi_snapshot_preview1 command", "wasi_snapshot_preview1", Flavour::Command),
        ("wasi_snapshot_preview1 reactor", "wasi_snapshot_preview1", Flavour::Reactor),
        ("wasi_snapshot_preview1 proxy", "wasi_snapshot_preview1", Flavour::Proxy),
    ];
    NAMES.into_iter().map(|(name, import, flavour)| {
        let module = module(import);
        let cells = targets().into_iter().map(|to| {
            let technique = match adapt_as(&module, &to, Some(flavour)) {
                Ok(adapted) => match adapted.how {
                    How::Componentized { functions, .. } => {
                        Technique::Componentize { functions: functions.len() }
                    }
                    _ => Technique::Same,
                },
                Err(error) => Technique::Refused { why: error.to_string() },
            };
            Cell { to: to.to_string(), technique }
        });
        Row { from: name.to_owned(), era: String::new(), cells: cells.collect() }
    })
}

/// A module that asks for the clock, random numbers and a file's position, and writes.
fn module(import: &str) -> Vec<u8> {
    use wasm_encoder::{
        CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection,
        MemorySection, MemoryType, Module, TypeSection,
        ValType::{I32, I64},
    };
    let mut types = TypeSection::new();
    types.ty().function([], []);
    types.ty().function([I32, I32, I32, I32], [I32]);
    types.ty().function([I32, I64, I32, I32], [I32]);
    types.ty().function([I32, I32], [I32]);
    types.ty().function([I32, I64, I32], [I32]);
    let mut imports = ImportSection::new();
    for (name, ty) in [("fd_write", 1), ("fd_seek", 2), ("random_get", 3), ("clock_time_get", 4)] {
        imports.import(import, name, EntityType::Function(ty));
    }
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0).export("_start", ExportKind::Func, 4);
    let mut code = CodeSection::new();
    let mut start = Function::new([]);
    start.instructions().end();
    code.function(&start);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&memories).section(&exports);
    module.section(&code);
    module.finish()
}
