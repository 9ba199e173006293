//! The order in which several packages are published: what others need goes first.

use std::collections::BTreeSet;

use super::PackageError;
use crate::name::{PackageId, PackageName};

/// A package that is to be published, and the packages that it is made of or mentions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned<T> {
    /// Its name and version.
    pub id: PackageId,
    /// What it needs; others than those that are to be published do not matter.
    pub needs: BTreeSet<PackageName>,
    /// Whatever it is made from.
    pub of: T,
}

/// The packages in an order in which each comes after all that it needs, otherwise by name.
///
/// # Errors
/// [`PackageError::Twice`] when two have one name, [`PackageError::Cycle`] when some need each other.
pub fn in_order<T>(mut planned: Vec<Planned<T>>) -> Result<Vec<Planned<T>>, PackageError> {
    planned.sort_by(|a, b| a.id.name.cmp(&b.id.name));
    if let Some(pair) = planned.windows(2).find(|pair| pair[0].id.name == pair[1].id.name) {
        return Err(PackageError::Twice(pair[0].id.name.clone()));
    }
    let mut waiting: BTreeSet<PackageName> = planned.iter().map(|one| one.id.name.clone()).collect();
    let mut ordered = Vec::with_capacity(planned.len());
    while !planned.is_empty() {
        let free =
            |one: &Planned<T>| one.needs.iter().all(|need| *need == one.id.name || !waiting.contains(need));
        let Some(at) = planned.iter().position(free) else {
            let names: Vec<String> = planned.iter().map(|one| format!("`{}`", one.id.name)).collect();
            return Err(PackageError::Cycle(names.join(", ")));
        };
        let next = planned.remove(at);
        waiting.remove(&next.id.name);
        ordered.push(next);
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(id: &str, needs: &[&str]) -> Planned<()> {
        let needs = needs.iter().map(|need| need.parse().unwrap()).collect();
        Planned { id: id.parse().unwrap(), needs, of: () }
    }

    #[test]
    fn what_is_needed_comes_first() {
        let all = vec![
            planned("acme:app@1.0.0", &["acme:words", "acme:greet", "wasi:io"]),
            planned("acme:greet@1.0.0", &["acme:words"]),
            planned("acme:words@2.0.0", &[]),
        ];
        let names: Vec<_> = in_order(all).unwrap().iter().map(|one| one.id.name.name.clone()).collect();
        assert_eq!(names, ["words", "greet", "app"]);
    }

    #[test]
    fn circles_and_doubles_are_named() {
        let circle = in_order(vec![planned("a:x@1.0.0", &["a:y"]), planned("a:y@1.0.0", &["a:x"])]);
        assert!(matches!(circle, Err(PackageError::Cycle(names)) if names == "`a:x`, `a:y`"));
        let twice = in_order(vec![planned("a:x@1.0.0", &[]), planned("a:x@2.0.0", &[])]);
        assert!(matches!(twice, Err(PackageError::Twice(name)) if name.to_string() == "a:x"));
    }
}
