//! Where the types come from that parts mention: who implements a resource, and what has to be exported with an export.

use indexmap::IndexMap;

use super::Plan;
use super::offer::unversioned;
use crate::compose::shell::Piece;
use crate::wit::{Extern, Interface};

/// Who implements a resource: a part and the interface it exports it from, or the host.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Implementer {
    pub(super) part: Option<usize>,
    pub(super) interface: String,
    pub(super) resource: String,
}

pub(super) struct Origins<'a> {
    pub(super) pieces: &'a [Piece<'a>],
    pub(super) plan: &'a Plan,
}

impl Origins<'_> {
    pub(super) fn of_import(&self, part: usize, import: &str, resource: &str) -> Implementer {
        if let Some((provider, export)) = self.plan.edges.get(&(part, import.to_owned())) {
            return self.of_export(*provider, export, resource);
        }
        let used = interface(&self.pieces[part].shape.imports, import).and_then(|it| it.uses.get(resource));
        match used {
            Some(origin) if origin.imported => self.of_import(part, &origin.interface, &origin.name),
            // The host's interfaces are merged over versions that fit, so versions do not count here.
            _ => Implementer {
                part: None,
                interface: unversioned(import).to_owned(),
                resource: resource.to_owned(),
            },
        }
    }

    pub(super) fn of_export(&self, part: usize, export: &str, resource: &str) -> Implementer {
        let used = interface(&self.pieces[part].shape.exports, export).and_then(|it| it.uses.get(resource));
        match used {
            Some(origin) if origin.imported => self.of_import(part, &origin.interface, &origin.name),
            Some(origin) => self.of_export(part, &origin.interface, &origin.name),
            None => {
                Implementer { part: Some(part), interface: export.to_owned(), resource: resource.to_owned() }
            }
        }
    }
}

/// Collects the exports of parts whose types are mentioned, those that others need first.
pub(super) struct Needed<'a> {
    pub(super) pieces: &'a [Piece<'a>],
    pub(super) plan: &'a Plan,
    pub(super) found: Vec<(usize, String)>,
}

impl Needed<'_> {
    /// What the types of an interface that `part` exports come from.
    pub(super) fn by(&mut self, part: usize, mentioning: &Interface) {
        for origin in mentioning.uses.values() {
            if origin.imported {
                self.import(part, &origin.interface);
            } else {
                self.export(part, &origin.interface);
            }
        }
    }

    /// What the types of the world of `part` come from.
    pub(super) fn by_world(&mut self, part: usize) {
        for item in self.pieces[part].shape.imports.values() {
            if let Extern::Type(_, Some(origin)) = item {
                self.import(part, &origin.interface);
            }
        }
    }

    /// Imported from the host it is named by that import; from a part, its export must be exported.
    pub(super) fn import(&mut self, part: usize, import: &str) {
        let plan = self.plan;
        match plan.edges.get(&(part, import.to_owned())) {
            Some((provider, export)) => self.export(*provider, export),
            None => {
                let pieces = self.pieces;
                if let Some(mentioning) = interface(&pieces[part].shape.imports, import) {
                    self.by(part, mentioning);
                }
            }
        }
    }

    pub(super) fn export(&mut self, part: usize, export: &str) {
        let found = (part, export.to_owned());
        if self.found.contains(&found) {
            return;
        }
        let pieces = self.pieces;
        if let Some(mentioning) = interface(&pieces[part].shape.exports, export) {
            self.by(part, mentioning);
        }
        self.found.push(found);
    }
}

pub(super) fn interface<'a>(externs: &'a IndexMap<String, Extern>, name: &str) -> Option<&'a Interface> {
    match externs.get(name)? {
        Extern::Interface(interface) => Some(interface),
        _ => None,
    }
}
