//! Who satisfies which import: the wiring rules, applied to the parts' own types.
//!
//! In this order: an explicit wire; what the host offers stays with the host; the only other part whose
//! export fits by name, version and type. A part never satisfies itself. This goes on with the imports
//! of every part that was reached, to a fixpoint; each part has one instance that all its consumers
//! share.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use indexmap::IndexMap;
use wac_graph::types::are_semver_compatible;

use super::error::ComposeError;
use super::shell::Piece;
use super::{Edge, Options, Wire};
use crate::name::nearest;
use crate::wit::{Difference, Extern, Interface, Shape, Type, first_difference};

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

    fn wrong_type(
        &self,
        consumer: usize,
        provider: usize,
        export: &str,
        difference: Difference,
    ) -> ComposeError {
        let place = difference.place();
        ComposeError::WrongType {
            component: self.names[consumer].to_owned(),
            provider: self.names[provider].to_owned(),
            export: export.to_owned(),
            place: if place.is_empty() { place } else { format!("{place}: ") },
            wanted: difference.wanted,
            given: difference.given,
            help: format!(
                "build `{}` and `{}` against the same WIT; they were built from two different texts of `{}`",
                self.names[consumer],
                self.names[provider],
                unversioned(export)
            ),
        }
    }

    fn unsatisfied(&self, consumer: usize, import: &str) -> ComposeError {
        let component = self.names[consumer];
        let others = || (0..self.pieces.len()).filter(|part| *part != consumer);
        let other_version = others().find_map(|part| {
            let (export, _) = offered(&self.pieces[part].shape)
                .find(|(export, _)| unversioned(export) == unversioned(import))?;
            Some(format!(
                "`{}` exports `{export}`, a version that does not fit; build both against one version",
                self.names[part]
            ))
        });
        let near = || {
            let exports: Vec<(&str, &str)> = others()
                .flat_map(|part| {
                    offered(&self.pieces[part].shape).map(move |(export, _)| (export, self.names[part]))
                })
                .collect();
            let near = nearest(import, exports.iter().map(|(export, _)| *export));
            let export = near.first()?;
            let part = exports.iter().find(|(name, _)| name == export)?.1;
            Some(format!("the nearest export is `{export}` of `{part}`"))
        };
        let step = format!(
            "add a part that exports it (`jointer add NAME -t lib-rust --for {component}`), or leave it to the host: \
             `\"{import}\" = \"host\"` under `[component.{component}.imports]`"
        );
        let help = match other_version.or_else(near) {
            Some(candidate) => format!("{candidate}; else {step}"),
            None => step,
        };
        ComposeError::Unsatisfied { component: component.to_owned(), import: import.to_owned(), help }
    }

    fn nothing_to_plug(&self, socket: usize) -> ComposeError {
        let imports = self.pieces[socket].shape.imports.keys().map(String::as_str);
        let exports = (0..self.pieces.len())
            .filter(|part| *part != socket)
            .flat_map(|part| offered(&self.pieces[part].shape).map(|(export, _)| export));
        // What everybody imports of WASI only hides what matters here.
        let own = |names: Vec<&str>| {
            let own: Vec<&str> = names.iter().copied().filter(|name| !name.starts_with("wasi:")).collect();
            let names = if own.is_empty() { names } else { own };
            if names.is_empty() { "nothing".to_owned() } else { listed(names.into_iter(), "and") }
        };
        ComposeError::NothingToPlug {
            socket: self.names[socket].to_owned(),
            help: format!(
                "it imports {}; the plugs export {}",
                own(imports.collect()),
                own(exports.collect())
            ),
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

    fn cycle(&self, cycle: &[(usize, &str)]) -> ComposeError {
        let steps: Vec<String> = cycle
            .iter()
            .enumerate()
            .map(|(index, (_, import))| {
                let (provider, _) = cycle[(index + 1) % cycle.len()];
                format!("needs `{import}` of `{}`", self.names[provider])
            })
            .collect();
        let text = format!("`{}` {}", self.names[cycle[0].0], steps.join(", which "));
        let (last, import) = cycle[cycle.len() - 1];
        let help = if self.policy.files {
            "a component can only be started after those it imports from; wire a part of them in a .wac file"
                .to_owned()
        } else {
            format!(
                "a part can only be started after those it imports from; move what both need into a part of its own, \
                 or take one import out: `\"{import}\" = \"host\"` under `[component.{}.imports]`",
                self.names[last]
            )
        };
        ComposeError::Cycle { cycle: text, help }
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

    fn two_origins(
        &self,
        consumer: usize,
        interface: &str,
        resource: &str,
        one: &Implementer,
        other: &Implementer,
    ) -> ComposeError {
        let who = |implementer: &Implementer| match implementer.part {
            Some(part) => format!("`{}`", self.names[part]),
            None => "the host".to_owned(),
        };
        let help = match other.part {
            Some(part) => self.policy.wire_help(self.names[consumer], interface, self.names[part]),
            None => format!("wire `{interface}` of all parts that use it to one part"),
        };
        ComposeError::TwoOrigins {
            component: self.names[consumer].to_owned(),
            interface: interface.to_owned(),
            resource: resource.to_owned(),
            one: who(one),
            other: who(other),
            help,
        }
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

/// Who implements a resource: a part and the interface it exports it from, or the host.
#[derive(Debug, PartialEq, Eq)]
struct Implementer {
    part: Option<usize>,
    interface: String,
    resource: String,
}

struct Origins<'a> {
    pieces: &'a [Piece<'a>],
    plan: &'a Plan,
}

impl Origins<'_> {
    fn of_import(&self, part: usize, import: &str, resource: &str) -> Implementer {
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

    fn of_export(&self, part: usize, export: &str, resource: &str) -> Implementer {
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
struct Needed<'a> {
    pieces: &'a [Piece<'a>],
    plan: &'a Plan,
    found: Vec<(usize, String)>,
}

impl Needed<'_> {
    /// What the types of an interface that `part` exports come from.
    fn by(&mut self, part: usize, mentioning: &Interface) {
        for origin in mentioning.uses.values() {
            if origin.imported {
                self.import(part, &origin.interface);
            } else {
                self.export(part, &origin.interface);
            }
        }
    }

    /// What the types of the world of `part` come from.
    fn by_world(&mut self, part: usize) {
        for item in self.pieces[part].shape.imports.values() {
            if let Extern::Type(_, Some(origin)) = item {
                self.import(part, &origin.interface);
            }
        }
    }

    /// Imported from the host it is named by that import; from a part, its export must be exported.
    fn import(&mut self, part: usize, import: &str) {
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

    fn export(&mut self, part: usize, export: &str) {
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

fn interface<'a>(externs: &'a IndexMap<String, Extern>, name: &str) -> Option<&'a Interface> {
    match externs.get(name)? {
        Extern::Interface(interface) => Some(interface),
        _ => None,
    }
}

/// Whether nobody has to implement an import: it is made of types alone.
fn needs_nobody(wanted: &Extern) -> bool {
    match wanted {
        Extern::Interface(interface) => interface.is_plain(),
        Extern::Type(ty, origin) => *ty != Type::Resource || origin.is_some(),
        Extern::Function(_) | Extern::Other(_) => false,
    }
}

/// What a part has for others. What guest tools export for themselves is not: componentize-py's
/// interface `exports` and the function `init` of the QuickJS engine, by which both prepare their
/// interpreters before the component is finished.
fn offered(shape: &Shape) -> impl Iterator<Item = (&str, &Extern)> {
    shape
        .exports
        .iter()
        .filter(|(name, item)| match item {
            Extern::Interface(interface) => !(*name == "exports" && interface.functions.keys().eq(["init"])),
            Extern::Function(function) => {
                let parameters: Vec<&str> =
                    function.parameters.iter().map(|(name, _)| name.as_str()).collect();
                !(*name == "init" && parameters == ["shim", "script", "entry-path", "disable-gc"])
            }
            Extern::Type(..) | Extern::Other(_) => true,
        })
        .map(|(name, item)| (name.as_str(), item))
}

/// The export of a part that comes nearest to an import: of those whose name and version fit, one whose
/// type fits too, the same version before the newest. With why it does not fit, if none does.
fn best<'a>(shape: &'a Shape, import: &str, wanted: &Extern) -> Option<(&'a str, Option<Difference>)> {
    let mut named: Vec<(&str, &Extern)> =
        offered(shape).filter(|(export, _)| are_semver_compatible(import, export)).collect();
    named.sort_by_key(|(export, _)| (*export != import, std::cmp::Reverse(version(export))));
    let mut tried = named.into_iter().map(|(export, given)| (export, first_difference(wanted, given)));
    let first = tried.next()?;
    if first.1.is_none() {
        return Some(first);
    }
    Some(tried.find(|(_, difference)| difference.is_none()).unwrap_or(first))
}

fn version(name: &str) -> Option<semver::Version> {
    name.split_once('@')?.1.parse().ok()
}

pub(super) fn unversioned(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

/// `a`, `b` and `c`.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>, last: &str) -> String {
    let mut quoted: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match quoted.pop() {
        Some(end) if quoted.is_empty() => end,
        Some(end) => format!("{} {last} {end}", quoted.join(", ")),
        None => "none".to_owned(),
    }
}

/// "did you mean" with the nearest, else all after `intro`.
pub(super) fn suggestion<'a>(typed: &str, known: impl Iterator<Item = &'a str>, intro: &str) -> String {
    let known: Vec<&str> = known.collect();
    let near = nearest(typed, known.iter().copied());
    if near.is_empty() {
        format!("{intro} {}", listed(known.into_iter(), "and"))
    } else {
        format!("did you mean {}?", listed(near.iter().map(String::as_str), "or"))
    }
}
