//! A plan becomes a component, with wac-graph.

use std::borrow::Cow;
use std::collections::BTreeMap;

use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeError, EncodeOptions, NodeId, Processor};

use super::error::ComposeError;
use super::plan::Plan;
use super::shell::{Piece, fill};
use super::{Composition, limit};
use crate::component;
use crate::wit::Extern;

/// Who encoded it, for the `processed-by` metadata.
pub(super) const PROCESSOR: Processor<'static> =
    Processor { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

/// Encodes `plan` and puts the real parts into it.
pub(super) fn encode<'a>(pieces: &[Piece<'a>], plan: Plan) -> Result<Composition<'a>, ComposeError> {
    limit::check(pieces, &plan)?;
    let mut encoder = Encoder { pieces, graph: CompositionGraph::new(), instances: BTreeMap::new() };
    encoder.instantiate(&plan)?;
    encoder.connect(&plan)?;
    encoder.export(&plan)?;
    let shells = encoder.finish()?;
    let chunks = finish(&shells, |number| Some(pieces.get(number)?.bytes))?;
    Ok(Composition {
        chunks,
        edges: plan.named_edges(pieces),
        unreached: plan.unreached,
        extra_exports: plan.extra,
    })
}

/// Validates the composition of shells and fills in the real bytes. What is filled in is valid and has
/// the shell's type, so the result is valid.
pub(super) fn finish<'a>(
    shells: &[u8],
    real: impl Fn(usize) -> Option<&'a [u8]>,
) -> Result<Vec<Cow<'a, [u8]>>, ComposeError> {
    component::interface(shells)
        .map_err(|error| ComposeError::InvalidResult { reason: error.to_string() })?;
    fill(shells, real)
        .ok_or_else(|| ComposeError::InvalidResult { reason: "a part was not found in it".to_owned() })
}

struct Encoder<'a> {
    pieces: &'a [Piece<'a>],
    graph: CompositionGraph,
    instances: BTreeMap<usize, NodeId>,
}

/// An error of the encoder, of a kind that the plan has ruled out.
fn unforeseen(error: impl std::fmt::Display) -> ComposeError {
    ComposeError::InvalidResult { reason: format!("{error:#}") }
}

impl Encoder<'_> {
    fn instantiate(&mut self, plan: &Plan) -> Result<(), ComposeError> {
        for part in &plan.parts {
            let piece = &self.pieces[*part];
            let shell = piece.shell.clone();
            let package = Package::from_bytes(piece.name, None, shell, self.graph.types_mut());
            let package = self.graph.register_package(package.map_err(unforeseen)?).map_err(unforeseen)?;
            let instance = self.graph.instantiate(package);
            self.graph.set_node_name(instance, piece.name);
            self.instances.insert(*part, instance);
        }
        Ok(())
    }

    fn connect(&mut self, plan: &Plan) -> Result<(), ComposeError> {
        for ((consumer, import), (provider, export)) in &plan.edges {
            let source = self.alias(*provider, export)?;
            self.argue(*consumer, import, source)?;
        }
        // A type that the world itself takes from an interface must come from where that comes from.
        for part in &plan.parts {
            for (name, item) in &self.pieces[*part].shape.imports {
                let Extern::Type(_, Some(origin)) = item else { continue };
                let Some((provider, export)) = plan.edges.get(&(*part, origin.interface.clone())) else {
                    continue;
                };
                let instance = self.alias(*provider, export)?;
                let source = self.graph.alias_instance_export(instance, &origin.name).map_err(unforeseen)?;
                self.argue(*part, name, source)?;
            }
        }
        Ok(())
    }

    fn export(&mut self, plan: &Plan) -> Result<(), ComposeError> {
        for (part, export) in &plan.exports {
            let source = self.alias(*part, export)?;
            self.graph.export(source, export).map_err(unforeseen)?;
        }
        Ok(())
    }

    fn alias(&mut self, part: usize, export: &str) -> Result<NodeId, ComposeError> {
        self.graph.alias_instance_export(self.instances[&part], export).map_err(unforeseen)
    }

    fn argue(&mut self, part: usize, import: &str, source: NodeId) -> Result<(), ComposeError> {
        self.graph
            .set_instantiation_argument(self.instances[&part], import, source)
            .map_err(|error| unforeseen(with_sources(&error)))
    }

    fn finish(&self) -> Result<Vec<u8>, ComposeError> {
        let options = EncodeOptions { define_components: true, validate: false, processor: Some(PROCESSOR) };
        self.graph.encode(options).map_err(|error| match error {
            EncodeError::ImportTypeMergeConflict { import, first, second, source } => {
                ComposeError::ImportConflict {
                    import,
                    first: self.name_of(first),
                    second: self.name_of(second),
                    reason: format!("{source:#}"),
                }
            }
            error => unforeseen(with_sources(&error)),
        })
    }

    fn name_of(&self, instance: NodeId) -> String {
        let part = self.instances.iter().find(|(_, node)| **node == instance).map(|(part, _)| *part);
        part.map_or_else(String::new, |part| self.pieces[part].name.to_owned())
    }
}

/// An error with all that caused it, in one line.
pub(super) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let reason = source.to_string();
        if !text.contains(&reason) {
            text.push_str(": ");
            text.push_str(&reason);
        }
        next = source.source();
    }
    text
}
