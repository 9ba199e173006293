//! Components that use everything of a snapshot, for what is said of the snapshot as a whole.

use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};

use super::snapshot::Snapshot;

/// A component for a world of `resolve`, with bodies that trap.
pub(super) fn of_world(resolve: &Resolve, world: &str) -> Option<Vec<u8>> {
    let (id, _) = resolve.worlds.iter().find(|(_, candidate)| candidate.name == world)?;
    let mut module = dummy_module(resolve, id, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, resolve, id, StringEncoding::UTF8).ok()?;
    // Keep versions apart, as tools do that join an engine and an application.
    let mut encoder = ComponentEncoder::default();
    encoder.module(&module).ok()?.merge_imports_based_on_semver(false).encode().ok()
}

/// Imports every interface of a snapshot with every function.
pub(super) fn everything(label: &str) -> Option<Vec<u8>> {
    of_world(&Snapshot::load(label)?.resolve, "all")
}
