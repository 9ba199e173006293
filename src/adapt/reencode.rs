//! Writes a component again with other imports in front.
//!
//! New sections come first (the *head*); imports that they replace are left out, and every index that
//! the new sections moved is corrected. Core modules are copied as they are.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;

use wasm_encoder::reencode::{Error, Reencode, ReencodeComponent, component_utils};
use wasm_encoder::{
    Component, ComponentAliasSection, ComponentExportKind, ComponentExportSection, ComponentImportSection,
    ComponentInstanceSection, ComponentSectionId, ComponentTypeSection, RawSection,
};
use wasmparser::{ComponentExternalKind, ComponentTypeRef, Parser, Payload, WasmFeatures};

/// What stands before the component's own sections.
pub(super) struct Head {
    /// A whole component; its sections are taken.
    pub(super) bytes: Vec<u8>,
    /// How many types it defines.
    pub(super) types: u32,
    /// How many instances it has.
    pub(super) instances: u32,
}

/// How much of the component is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// Only its imports, and the types and aliases that they need.
    Imports,
}

/// What was written.
pub(super) struct Written {
    /// The sections behind each other, without the header of a component.
    pub(super) component: Component,
    /// Imports that were kept, by name: what they are and their new index.
    pub(super) kept: BTreeMap<String, (ComponentExportKind, u32)>,
    /// How many instances there are.
    pub(super) instances: u32,
    /// How many functions and types were written behind the head.
    pub(super) functions: u32,
    /// See `functions`.
    pub(super) types: u32,
}

/// Writes `bytes` behind `head`. `replaced` gives the instance of the head for each import that is left
/// out, `export` the new name of an export.
pub(super) fn behind(
    head: &Head,
    bytes: &[u8],
    extent: Extent,
    replaced: &HashMap<String, u32>,
    export: &dyn Fn(&str) -> Option<String>,
) -> Result<Written, String> {
    let last_import = last_import(bytes)?;
    let mut component = Component::new();
    copy_sections(&head.bytes, &mut component)?;
    let mut writer = Writer {
        depth: 0,
        type_shift: head.types,
        types: 0,
        functions: 0,
        instances: Vec::new(),
        next_instance: head.instances,
        replaced,
        export,
        kept: BTreeMap::new(),
    };
    let mut rest = bytes;
    let mut parser = parser();
    let mut section = 0;
    while !rest.is_empty() {
        if extent == Extent::Imports && section > last_import {
            break;
        }
        let chunk = parser.parse(rest, true).map_err(|error| error.to_string())?;
        let wasmparser::Chunk::Parsed { consumed, payload } = chunk else { break };
        rest = &rest[consumed..];
        if let Payload::ModuleSection { unchecked_range, .. }
        | Payload::ComponentSection { unchecked_range, .. } = &payload
        {
            let length = usize::try_from(unchecked_range.end - unchecked_range.start).unwrap_or(usize::MAX);
            rest = rest.get(length..).ok_or("it ends too early")?;
        }
        if extent == Extent::Imports && !matters_to_imports(&payload)? {
            section += 1;
            continue;
        }
        section += 1;
        writer.parse_component_payload(&mut component, payload, bytes).map_err(|error| error.to_string())?;
    }
    Ok(Written {
        component,
        kept: writer.kept,
        instances: writer.next_instance,
        functions: writer.functions,
        types: writer.types,
    })
}

fn parser() -> Parser {
    let mut parser = Parser::new(0);
    parser.set_features(WasmFeatures::all());
    parser
}

/// The number of the last section with imports, as the parser counts payloads.
fn last_import(bytes: &[u8]) -> Result<usize, String> {
    let mut rest = bytes;
    let mut parser = parser();
    let (mut section, mut last) = (0, 0);
    while !rest.is_empty() {
        let chunk = parser.parse(rest, true).map_err(|error| error.to_string())?;
        let wasmparser::Chunk::Parsed { consumed, payload } = chunk else { break };
        rest = &rest[consumed..];
        match payload {
            Payload::ModuleSection { unchecked_range, .. }
            | Payload::ComponentSection { unchecked_range, .. } => {
                let length =
                    usize::try_from(unchecked_range.end - unchecked_range.start).unwrap_or(usize::MAX);
                rest = rest.get(length..).ok_or("it ends too early")?;
            }
            Payload::ComponentImportSection(_) => last = section,
            _ => {}
        }
        section += 1;
    }
    Ok(last)
}

/// Whether a section must be written for the imports' sake. Others may stand between them only if no
/// import can depend on them.
fn matters_to_imports(payload: &Payload<'_>) -> Result<bool, String> {
    match payload {
        Payload::Version { .. }
        | Payload::ComponentTypeSection(_)
        | Payload::ComponentImportSection(_)
        | Payload::ComponentAliasSection(_)
        | Payload::CoreTypeSection(_) => Ok(true),
        Payload::CustomSection(_) | Payload::ModuleSection { .. } => Ok(false),
        _ => Err("its imports do not stand at its beginning".to_owned()),
    }
}

/// Copies the sections of a component that has no nested parts whose offsets would matter.
fn copy_sections(bytes: &[u8], into: &mut Component) -> Result<(), String> {
    let mut rest = bytes;
    let mut parser = parser();
    while !rest.is_empty() {
        let chunk = parser.parse(rest, true).map_err(|error| error.to_string())?;
        let wasmparser::Chunk::Parsed { consumed, payload } = chunk else { break };
        rest = &rest[consumed..];
        let Some((id, range)) = payload.as_section() else { continue };
        let range = usize::try_from(range.start).unwrap_or(0)..usize::try_from(range.end).unwrap_or(0);
        let data = bytes.get(range.clone()).ok_or("it ends too early")?;
        if matches!(payload, Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) {
            rest = bytes.get(range.end..).ok_or("it ends too early")?;
        }
        into.section(&RawSection { id, data });
    }
    Ok(())
}

struct Writer<'a> {
    /// How many components and types are open around the current place.
    depth: u32,
    type_shift: u32,
    /// Types and functions of the component so far, in its own count.
    types: u32,
    functions: u32,
    /// The new index of each instance of the component so far.
    instances: Vec<u32>,
    next_instance: u32,
    replaced: &'a HashMap<String, u32>,
    export: &'a dyn Fn(&str) -> Option<String>,
    kept: BTreeMap<String, (ComponentExportKind, u32)>,
}

impl Writer<'_> {
    fn new_instance(&mut self) -> u32 {
        let index = self.next_instance;
        self.next_instance += 1;
        self.instances.push(index);
        index
    }

    fn counted(&mut self, kind: ComponentExternalKind) {
        if self.depth > 0 {
            return;
        }
        match kind {
            ComponentExternalKind::Type => self.types += 1,
            ComponentExternalKind::Func => self.functions += 1,
            ComponentExternalKind::Instance => {
                self.new_instance();
            }
            _ => {}
        }
    }

    fn keep(&mut self, name: &str, ty: ComponentTypeRef) {
        let kept = match ty {
            ComponentTypeRef::Instance(_) => (ComponentExportKind::Instance, self.new_instance()),
            ComponentTypeRef::Func(_) => {
                self.functions += 1;
                (ComponentExportKind::Func, self.functions - 1)
            }
            ComponentTypeRef::Type(_) => {
                self.types += 1;
                (ComponentExportKind::Type, self.type_shift + self.types - 1)
            }
            // Nobody imports these from WIT; in the whole component their indices do not move.
            _ => return,
        };
        self.kept.insert(name.to_owned(), kept);
    }
}

impl Reencode for Writer<'_> {
    type Error = Infallible;
}

impl ReencodeComponent for Writer<'_> {
    fn component_type_index(&mut self, index: u32) -> u32 {
        if self.depth == 0 { index + self.type_shift } else { index }
    }

    fn component_instance_index(&mut self, index: u32) -> u32 {
        match self.instances.get(index as usize) {
            Some(new) if self.depth == 0 => *new,
            _ => index,
        }
    }

    fn outer_component_type_index(&mut self, count: u32, index: u32) -> u32 {
        if count == self.depth { index + self.type_shift } else { index }
    }

    fn outer_component_index(&mut self, _count: u32, index: u32) -> u32 {
        index
    }

    fn push_depth(&mut self) {
        self.depth += 1;
    }

    fn pop_depth(&mut self) {
        self.depth -= 1;
    }

    fn parse_component_submodule(
        &mut self,
        component: &mut Component,
        _: Parser,
        module: &[u8],
    ) -> Result<(), Error<Infallible>> {
        component.section(&RawSection { id: ComponentSectionId::CoreModule.into(), data: module });
        Ok(())
    }

    fn parse_component_type_section(
        &mut self,
        types: &mut ComponentTypeSection,
        section: wasmparser::ComponentTypeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        for ty in section {
            self.parse_component_type(types.ty(), ty?)?;
            self.counted(ComponentExternalKind::Type);
        }
        Ok(())
    }

    fn parse_component_import_section(
        &mut self,
        imports: &mut ComponentImportSection,
        section: wasmparser::ComponentImportSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        for import in section {
            let import = import?;
            let replaced = (self.depth == 0).then(|| self.replaced.get(import.name.name)).flatten();
            if let Some(index) = replaced {
                self.instances.push(*index);
                continue;
            }
            imports.import(import.name, self.component_type_ref(import.ty)?);
            if self.depth == 0 {
                self.keep(import.name.name, import.ty);
            }
        }
        Ok(())
    }

    fn parse_component_alias_section(
        &mut self,
        aliases: &mut ComponentAliasSection,
        section: wasmparser::ComponentAliasSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        for alias in section {
            let alias = alias?;
            aliases.alias(self.component_alias(alias.clone())?);
            match alias {
                wasmparser::ComponentAlias::InstanceExport { kind, .. } => self.counted(kind),
                wasmparser::ComponentAlias::Outer {
                    kind: wasmparser::ComponentOuterAliasKind::Type, ..
                } => {
                    self.counted(ComponentExternalKind::Type);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn parse_component_instance(
        &mut self,
        instances: &mut ComponentInstanceSection,
        instance: wasmparser::ComponentInstance<'_>,
    ) -> Result<(), Error<Infallible>> {
        component_utils::parse_component_instance(self, instances, instance)?;
        self.counted(ComponentExternalKind::Instance);
        Ok(())
    }

    fn parse_component_export(
        &mut self,
        exports: &mut ComponentExportSection,
        export: wasmparser::ComponentExport<'_>,
    ) -> Result<(), Error<Infallible>> {
        let ty = export.ty.map(|ty| self.component_type_ref(ty)).transpose()?;
        let index = self.component_external_index(export.kind, export.index);
        let new_name = (self.depth == 0).then(|| (self.export)(export.name.name)).flatten();
        match new_name {
            Some(name) => exports.export(name.as_str(), export.kind.into(), index, ty),
            None => exports.export(export.name, export.kind.into(), index, ty),
        };
        self.counted(export.kind);
        Ok(())
    }
}
