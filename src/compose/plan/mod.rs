//! Who satisfies which import: the wiring rules, applied to the parts' own types.
//!
//! In this order: an explicit wire; what the host offers stays with the host; the only other part whose
//! export fits by name, version and type. A part never satisfies itself. This goes on with the imports
//! of every part that was reached, to a fixpoint; each part has one instance that all its consumers
//! share.

mod explain;
mod offer;
mod origin;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::error::ComposeError;
use super::shell::Piece;
use super::{Edge, Options, Wire};
use crate::wit::{Difference, Extern, Type, first_difference};
pub(super) use explain::{listed, suggestion};
pub(super) use offer::unversioned;
use offer::{best, needs_nobody, offered};
use origin::{Needed, Origins, interface};

/// The composition as data. Parts are numbers into the sorted pieces.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The parts that are in it, ascending.
    pub(super) parts: Vec<usize>,
    /// For each import that a part satisfies: by consumer and import, the provider and its export.
    pub(super) edges: BTreeMap<(usize, String), (usize, String)>,
    /// What the result exports: part and export, in order.
    pub(super) exports: Vec<(usize, String)>,
    /// Those of the exports that are not the root's.
    pub(super) extra: Vec<String>,
    /// The names of the parts that are not in it.
    pub(super) unreached: Vec<String>,
}

impl Plan {
    /// The edges with names.
    pub(super) fn named_edges(&self, pieces: &[Piece<'_>]) -> Vec<Edge> {
        let mut edges: Vec<Edge> = self
            .edges
            .iter()
            .map(|((consumer, import), (provider, export))| Edge {
                consumer: pieces[*consumer].name.to_owned(),
                import: import.clone(),
                provider: pieces[*provider].name.to_owned(),
                export: export.clone(),
            })
            .collect();
        edges.sort();
        edges
    }
}

/// What differs between composing an app and plugging files.
pub(super) struct Policy<'a> {
    strict_exports: bool,
    host_offers: &'a dyn Fn(&str) -> bool,
    files: bool,
}

impl<'a> Policy<'a> {
    /// The parts of an app: every import must be satisfied.
    pub(super) fn app(options: &Options<'a>) -> Self {
        Self { strict_exports: options.strict_exports, host_offers: options.host_offers, files: false }
    }

    /// Files: the plugs come first, the rest stays open.
    pub(super) fn plug() -> Self {
        Self { strict_exports: false, host_offers: &|_| false, files: true }
    }

    /// What to do so that `import` of `component` is what `provider` gives.
    fn wire_help(&self, component: &str, import: &str, provider: &str) -> String {
        if self.files {
            return "leave the other out, or say in a .wac file who gets what: `jointer compose FILE.wac`"
                .to_owned();
        }
        format!("write `\"{import}\" = \"{provider}\"` under `[component.{component}.imports]`")
    }
}

/// Plans the composition of `pieces` (sorted by name) around `root`.
pub(super) fn plan(pieces: &[Piece<'_>], root: &str, policy: &Policy<'_>) -> Result<Plan, ComposeError> {
    let names: Vec<&str> = pieces.iter().map(|piece| piece.name).collect();
    let root = names.iter().position(|name| *name == root).ok_or_else(|| ComposeError::UnknownRoot {
        root: root.to_owned(),
        help: suggestion(root, names.iter().copied(), "the parts are"),
    })?;
    let planner = Planner { pieces, names, policy };
    let mut plan = Plan::default();
    let mut reached = BTreeSet::from([root]);
    let mut waiting = VecDeque::from([root]);
    while let Some(consumer) = waiting.pop_front() {
        for (import, provider, export) in planner.wire(consumer)? {
            plan.edges.insert((consumer, import), (provider, export));
            if reached.insert(provider) {
                waiting.push_back(provider);
            }
        }
    }
    if policy.files && plan.edges.is_empty() {
        return Err(planner.nothing_to_plug(root));
    }
    planner.refuse_cycles(&plan)?;
    planner.refuse_two_origins(&plan)?;
    plan.unreached = (0..pieces.len())
        .filter(|part| !reached.contains(part))
        .map(|part| pieces[part].name.to_owned())
        .collect();
    plan.parts = reached.into_iter().collect();
    planner.exports(root, &mut plan)?;
    Ok(plan)
}

struct Planner<'a> {
    pieces: &'a [Piece<'a>],
    names: Vec<&'a str>,
    policy: &'a Policy<'a>,
}

/// An import, the part that satisfies it and that part's export.
type Wiring = (String, usize, String);

impl Planner<'_> {
    /// Decides for each import of `consumer`.
    fn wire(&self, consumer: usize) -> Result<Vec<Wiring>, ComposeError> {
        let piece = &self.pieces[consumer];
        self.refuse_unknown_imports(piece)?;
        let mut wirings = Vec::new();
        for (import, wanted) in &piece.shape.imports {
            let wire = piece.wires.get(import).or_else(|| {
                piece
                    .wires
                    .iter()
                    .find(|(name, _)| unversioned(import) == name.as_str())
                    .map(|(_, wire)| wire)
            });
            let found = match wire {
                Some(Wire::Host) => None,
                Some(Wire::Part { component, export }) => {
                    Some(self.named(consumer, import, wanted, component, export.as_deref())?)
                }
                None if (self.policy.host_offers)(import) => None,
                None => self.only(consumer, import, wanted)?,
            };
            if let Some((provider, export)) = found {
                wirings.push((import.clone(), provider, export));
            }
        }
        Ok(wirings)
    }

    fn refuse_unknown_imports(&self, piece: &Piece<'_>) -> Result<(), ComposeError> {
        let imports = &piece.shape.imports;
        let known = |name: &str| imports.keys().any(|import| import == name || unversioned(import) == name);
        match piece.wires.keys().find(|name| !known(name)) {
            None => Ok(()),
            Some(name) => Err(ComposeError::UnknownImport {
                component: piece.name.to_owned(),
                import: name.clone(),
                help: suggestion(name, imports.keys().map(String::as_str), "it imports"),
            }),
        }
    }

    /// An explicit wire.
    fn named(
        &self,
        consumer: usize,
        import: &str,
        wanted: &Extern,
        provider: &str,
        export: Option<&str>,
    ) -> Result<(usize, String), ComposeError> {
        let component = self.names[consumer].to_owned();
        let unknown = |why: &str| ComposeError::UnknownPart {
            component: component.clone(),
            import: import.to_owned(),
            provider: provider.to_owned(),
            why: why.to_owned(),
            help: {
                let others = self.names.iter().copied().filter(|name| *name != component);
                suggestion(provider, others, "the other parts are")
            },
        };
        let number = self.names.iter().position(|name| *name == provider);
        let number = number.ok_or_else(|| unknown("which is no part"))?;
        if number == consumer {
            return Err(unknown("which is itself"));
        }
        let shape = &self.pieces[number].shape;
        let found = match export {
            Some(export) => offered(shape)
                .find(|(name, _)| *name == export || unversioned(name) == export)
                .map(|(name, given)| (name, first_difference(wanted, given))),
            None => best(shape, import, wanted),
        };
        match found {
            None => Err(ComposeError::MissingExport {
                component,
                import: import.to_owned(),
                provider: provider.to_owned(),
                export: export.unwrap_or(import).to_owned(),
                help: suggestion(
                    export.unwrap_or(import),
                    offered(shape).map(|(name, _)| name),
                    "it exports",
                ),
            }),
            Some((export, Some(difference))) => Err(self.wrong_type(consumer, number, export, difference)),
            Some((export, None)) => Ok((number, export.to_owned())),
        }
    }

    /// The only other part that fits; `None` if the import is the host's affair.
    fn only(
        &self,
        consumer: usize,
        import: &str,
        wanted: &Extern,
    ) -> Result<Option<(usize, String)>, ComposeError> {
        // Types alone need nobody who implements them, and all who name them mean the same.
        if needs_nobody(wanted) {
            return Ok(None);
        }
        let candidates: Vec<(usize, &str, Option<Difference>)> = (0..self.pieces.len())
            .filter(|part| *part != consumer)
            .filter_map(|part| {
                let (export, difference) = best(&self.pieces[part].shape, import, wanted)?;
                Some((part, export, difference))
            })
            .collect();
        let fitting: Vec<_> = candidates.iter().filter(|(_, _, difference)| difference.is_none()).collect();
        match *fitting {
            [(part, export, _)] => Ok(Some((*part, (*export).to_owned()))),
            [(first, _, _), ..] => {
                let names: Vec<&str> = fitting.iter().map(|(part, _, _)| self.names[*part]).collect();
                Err(ComposeError::Ambiguous {
                    component: self.names[consumer].to_owned(),
                    import: import.to_owned(),
                    candidates: listed(names.iter().copied(), "and"),
                    help: self.policy.wire_help(self.names[consumer], import, self.names[*first]),
                })
            }
            [] => match candidates.into_iter().next() {
                Some((part, export, Some(difference))) => {
                    Err(self.wrong_type(consumer, part, export, difference))
                }
                _ if self.policy.files => Ok(None),
                _ => Err(self.unsatisfied(consumer, import)),
            },
        }
    }

    fn refuse_cycles(&self, plan: &Plan) -> Result<(), ComposeError> {
        let mut done = BTreeSet::new();
        for start in 0..self.pieces.len() {
            let mut path = Vec::new();
            if let Some(cycle) = cycle_from(start, plan, &mut path, &mut done) {
                return Err(self.cycle(&cycle));
            }
        }
        Ok(())
    }

    /// A resource that reaches a part by two ways must be implemented by one.
    fn refuse_two_origins(&self, plan: &Plan) -> Result<(), ComposeError> {
        let origins = Origins { pieces: self.pieces, plan };
        for ((consumer, import), (provider, export)) in &plan.edges {
            let Some(wanted) = interface(&self.pieces[*consumer].shape.imports, import) else { continue };
            for (name, origin) in &wanted.uses {
                if wanted.types.get(name) != Some(&Type::Resource) || !origin.imported {
                    continue;
                }
                let one = origins.of_import(*consumer, &origin.interface, &origin.name);
                let other = origins.of_export(*provider, export, name);
                if one != other {
                    return Err(self.two_origins(*consumer, &origin.interface, name, &one, &other));
                }
            }
        }
        Ok(())
    }

    /// The root's exports, and before them what their types need.
    fn exports(&self, root: usize, plan: &mut Plan) -> Result<(), ComposeError> {
        let shape = &self.pieces[root].shape;
        let own: Vec<&str> = offered(shape).map(|(name, _)| name).collect();
        let mut needed = Needed { pieces: self.pieces, plan, found: Vec::new() };
        for name in &own {
            match &shape.exports[*name] {
                Extern::Interface(interface) => needed.by(root, interface),
                Extern::Function(_) => needed.by_world(root),
                Extern::Type(..) | Extern::Other(_) => {}
            }
        }
        let mut extra: Vec<(usize, String)> = Vec::new();
        for (part, export) in needed.found {
            let taken = own.contains(&export.as_str()) || extra.iter().any(|(_, name)| *name == export);
            if part != root && !taken {
                extra.push((part, export));
            }
        }
        plan.extra = extra.iter().map(|(_, name)| name.clone()).collect();
        if self.policy.strict_exports && !extra.is_empty() {
            return Err(ComposeError::StrictExports {
                root: self.names[root].to_owned(),
                interfaces: listed(plan.extra.iter().map(String::as_str), "and"),
            });
        }
        plan.exports = extra;
        plan.exports.extend(own.into_iter().map(|name| (root, name.to_owned())));
        Ok(())
    }
}

/// Depth first; `path` is the way from the start, `done` what leads to no cycle.
fn cycle_from<'p>(
    part: usize,
    plan: &'p Plan,
    path: &mut Vec<(usize, &'p str)>,
    done: &mut BTreeSet<usize>,
) -> Option<Vec<(usize, &'p str)>> {
    if let Some(start) = path.iter().position(|(other, _)| *other == part) {
        return Some(path[start..].to_vec());
    }
    if done.contains(&part) {
        return None;
    }
    for ((_, import), (provider, _)) in plan.edges.range((part, String::new())..(part + 1, String::new())) {
        path.push((part, import));
        if let Some(cycle) = cycle_from(*provider, plan, path, done) {
            return Some(cycle);
        }
        path.pop();
    }
    done.insert(part);
    None
}
