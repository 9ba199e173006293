//! A component of a world before anybody has written it.

use camino::Utf8Path;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};

/// A component that imports and exports what the world `name` of the package in `dir` says, with functions that trap:
/// what is known of a part before it is built. `None` where no component can be made of the world.
pub fn stand_in(dir: &Utf8Path, name: &str) -> Option<Vec<u8>> {
    let mut resolve = Resolve { all_features: true, ..Resolve::default() };
    let (package, _) = resolve.push_dir(dir).ok()?;
    let world = resolve.select_world(&[package], Some(name)).ok()?;
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).ok()?;
    ComponentEncoder::default().module(&module).ok()?.encode().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component;

    #[test]
    fn a_world_is_a_component_with_its_imports_and_exports() {
        let dir = tempfile::tempdir().unwrap();
        let text = "package acme:shop@0.1.0;
interface pricing { resource basket { total: func() -> u32; } record money { cents: u32 } price: func() -> money; }
world gateway { import pricing; export run: func(); }
world pricing-part { export pricing; }
";
        std::fs::write(dir.path().join("world.wit"), text).unwrap();
        let dir = Utf8Path::from_path(dir.path()).unwrap();
        let gateway = component::externs(&stand_in(dir, "gateway").unwrap()).unwrap();
        assert_eq!(
            (gateway.imports, gateway.exports),
            (vec!["acme:shop/pricing@0.1.0".to_owned()], vec!["run".to_owned()])
        );
        let part = component::externs(&stand_in(dir, "pricing-part").unwrap()).unwrap();
        assert_eq!(part.exports, ["acme:shop/pricing@0.1.0"]);
        assert_eq!(stand_in(dir, "absent"), None);
    }
}
