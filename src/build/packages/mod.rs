//! Which packages of its language went into a guest build: asked once, after the build, and kept with its
//! result, so that a build out of the cache tells the same.

mod cargo;
mod npm;
mod python;

use std::collections::BTreeMap;

pub(super) use cargo::of_cargo;
pub(super) use npm::of_node;
pub(super) use python::of_python;

use crate::component::{Package, Packages};

/// Packages while they are being found: by a key of the ecosystem's own, with the keys of what each needs.
#[derive(Default)]
struct Found {
    packages: BTreeMap<String, (Package, Vec<String>)>,
}

impl Found {
    fn add(&mut self, key: String, package: Package, needs: Vec<String>) {
        self.packages.insert(key, (package, needs));
    }

    /// Sorted by name and version, so that no place on the disk shows.
    fn told_by(self, told_by: &str, direct: &[String]) -> Packages {
        let mut all: Vec<(String, (Package, Vec<String>))> = self.packages.into_iter().collect();
        all.sort_by(|(_, (a, _)), (_, (b, _))| {
            (&a.name, &a.version, &a.origin).cmp(&(&b.name, &b.version, &b.origin))
        });
        let places: BTreeMap<String, usize> =
            all.iter().enumerate().map(|(place, (key, _))| (key.clone(), place)).collect();
        let place = |keys: &[String]| {
            let mut found: Vec<usize> = keys.iter().filter_map(|key| places.get(key).copied()).collect();
            found.sort_unstable();
            found.dedup();
            found
        };
        Packages {
            told_by: told_by.to_owned(),
            direct: place(direct),
            list: all
                .into_iter()
                .map(|(_, (package, needs))| Package { needs: place(&needs), ..package })
                .collect(),
        }
    }
}
