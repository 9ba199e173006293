//! Composition as a .wac file says it.

use indexmap::IndexMap;
use miette::{Diagnostic, LabeledSpan, NamedSource, SourceSpan};
use semver::Version;
use wac_graph::types::BorrowedPackageKey;
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};
use wac_parser::{
    Document, Expr, ExternType, ImportType, InstantiationArgument, InterfaceItem, PackagePath, PrimaryExpr,
    Statement, TypeStatement, UsePath, WorldItem, WorldItemPath, WorldRef,
};

use super::encode::{PROCESSOR, finish};
use super::error::ComposeError;
use super::guard::guarded;
use super::{Composition, Edge, shell};

/// A package that a .wac file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// `acme:pricing`.
    pub name: String,
    /// The version, if one is named.
    pub version: Option<Version>,
    offset: usize,
    length: usize,
}

impl Dependency {
    /// That this package is not there: an error that points to where the file names it.
    pub fn missing(&self, file: &str, text: &str, help: String) -> ComposeError {
        let message = match &self.version {
            Some(version) => format!("there is no package `{}@{version}`", self.name),
            None => format!("there is no package `{}`", self.name),
        };
        ComposeError::Document {
            file: file.to_owned(),
            message,
            help,
            text: NamedSource::new(file, text.to_owned()),
            labels: vec![LabeledSpan::new(Some("named here".to_owned()), self.offset, self.length)],
        }
    }
}

/// The packages that the .wac file `text` names, each once, in order; `file` is what errors call it. The
/// package that the file itself defines is not among them.
///
/// # Errors
/// [`ComposeError::Document`] for what the language does not allow.
pub fn document_dependencies(file: &str, text: &str) -> Result<Vec<Dependency>, ComposeError> {
    unbroken(file, text, || {
        let document = Document::parse(text).map_err(|error| complaint(file, text, &error))?;
        let mut named = Named { own: document.directive.package.name, found: Vec::new() };
        named.document(&document);
        Ok(named.found)
    })
}

/// What the parser gives, or a complaint where it breaks.
fn unbroken<T>(
    file: &str,
    text: &str,
    work: impl FnOnce() -> Result<T, ComposeError>,
) -> Result<T, ComposeError> {
    let document = |message: String| ComposeError::Document {
        file: file.to_owned(),
        message,
        help: LANGUAGE.to_owned(),
        text: NamedSource::new(file, text.to_owned()),
        labels: Vec::new(),
    };
    if nesting(text) > DEEPEST {
        return Err(document(format!("it nests deeper than {DEEPEST} levels")));
    }
    guarded(work).unwrap_or_else(|words| Err(document(format!("it cannot be read: {words}"))))
}

/// The parser calls itself for every level; a text that nests for thousands of them would exhaust the stack.
const DEEPEST: usize = 200;

/// How many brackets are open at most, those in comments and strings included.
fn nesting(text: &str) -> usize {
    let mut deepest = 0_usize;
    text.bytes().fold(0_usize, |open, byte| {
        let open = match byte {
            b'<' | b'(' | b'{' | b'[' => open + 1,
            b'>' | b')' | b'}' | b']' => open.saturating_sub(1),
            _ => open,
        };
        deepest = deepest.max(open);
        open
    });
    deepest
}

const LANGUAGE: &str =
    "the language is described at https://github.com/bytecodealliance/wac/blob/main/LANGUAGE.md";

/// Walks a document and keeps the packages that it names.
struct Named<'a> {
    own: &'a str,
    found: Vec<Dependency>,
}

impl Named<'_> {
    fn add(&mut self, name: &str, version: Option<&Version>, span: SourceSpan) {
        let known = self.found.iter().any(|found| found.name == name && found.version.as_ref() == version);
        if name != self.own && !known {
            let (name, version) = (name.to_owned(), version.cloned());
            self.found.push(Dependency { name, version, offset: span.offset(), length: span.len() });
        }
    }

    fn path(&mut self, path: &PackagePath<'_>) {
        self.add(path.name, path.version.as_ref(), path.package_name_span());
    }

    fn document(&mut self, document: &Document<'_>) {
        document.directive.targets.iter().for_each(|path| self.path(path));
        for statement in &document.statements {
            match statement {
                Statement::Import(import) => match &import.ty {
                    ImportType::Package(path) => self.path(path),
                    ImportType::Interface(interface) => self.items(&interface.items),
                    ImportType::Func(_) | ImportType::Ident(_) => {}
                },
                Statement::Type(TypeStatement::Interface(interface)) => self.items(&interface.items),
                Statement::Type(TypeStatement::World(world)) => {
                    world.items.iter().for_each(|item| self.world_item(item));
                }
                Statement::Type(TypeStatement::Type(_)) => {}
                Statement::Let(binding) => self.expression(&binding.expr),
                Statement::Export(export) => self.expression(&export.expr),
            }
        }
    }

    fn items(&mut self, items: &[InterfaceItem<'_>]) {
        for item in items {
            if let InterfaceItem::Use(used) = item {
                self.used(&used.path);
            }
        }
    }

    fn used(&mut self, path: &UsePath<'_>) {
        if let UsePath::Package(path) = path {
            self.path(path);
        }
    }

    fn world_item(&mut self, item: &WorldItem<'_>) {
        let path = match item {
            WorldItem::Use(used) => return self.used(&used.path),
            WorldItem::Type(_) => return,
            WorldItem::Import(import) => &import.path,
            WorldItem::Export(export) => &export.path,
            WorldItem::Include(include) => {
                if let WorldRef::Package(path) = &include.world {
                    self.path(path);
                }
                return;
            }
        };
        match path {
            WorldItemPath::Package(path) => self.path(path),
            WorldItemPath::Named(named) => {
                if let ExternType::Interface(interface) = &named.ty {
                    self.items(&interface.items);
                }
            }
            WorldItemPath::Ident(_) => {}
        }
    }

    fn expression(&mut self, expression: &Expr<'_>) {
        match &expression.primary {
            PrimaryExpr::New(new) => {
                self.add(new.package.name, new.package.version.as_ref(), new.package.span);
                for argument in &new.arguments {
                    if let InstantiationArgument::Named(named) = argument {
                        self.expression(&named.expr);
                    }
                }
            }
            PrimaryExpr::Nested(nested) => self.expression(&nested.inner),
            PrimaryExpr::Ident(_) => {}
        }
    }
}

/// Composes what the .wac file `text` says out of `packages`, each with its bytes.
///
/// # Errors
/// [`ComposeError::Document`] with the place in the file, [`ComposeError::InvalidPart`] and
/// [`ComposeError::CoreModule`] for packages that are no components.
pub fn compose_document<'a>(
    file: &str,
    text: &str,
    packages: &'a [(Dependency, Vec<u8>)],
) -> Result<Composition<'a>, ComposeError> {
    unbroken(file, text, || resolve(file, text, packages))
}

fn resolve<'a>(
    file: &str,
    text: &str,
    packages: &'a [(Dependency, Vec<u8>)],
) -> Result<Composition<'a>, ComposeError> {
    let document = Document::parse(text).map_err(|error| complaint(file, text, &error))?;
    let mut shells = IndexMap::new();
    for (number, (dependency, bytes)) in packages.iter().enumerate() {
        let shell = shell::checked_shell(&dependency.name, bytes, number)?;
        let key = BorrowedPackageKey::from_name_and_version(&dependency.name, dependency.version.as_ref());
        shells.insert(key, shell);
    }
    let resolution = document.resolve(shells).map_err(|error| complaint(file, text, &error))?;
    let options = EncodeOptions { define_components: true, validate: false, processor: Some(PROCESSOR) };
    let encoded = resolution.encode(options).map_err(|error| complaint(file, text, &error))?;
    let chunks = finish(&encoded, |number| Some(packages.get(number)?.1.as_slice()))?;
    let edges = edges(resolution.graph());
    Ok(Composition { chunks, edges, unreached: Vec::new(), extra_exports: Vec::new() })
}

/// Which package's export became which package's import, where one goes straight into the other.
fn edges(graph: &CompositionGraph) -> Vec<Edge> {
    let package = |node: NodeId| graph[node].package().map(|package| graph[package].key().to_string());
    let mut edges: Vec<Edge> = graph
        .node_ids()
        .flat_map(|node| graph.get_instantiation_arguments(node).map(move |argument| (node, argument)))
        .filter_map(|(consumer, (import, source))| {
            let (provider, export) = graph.get_alias_source(source)?;
            Some(Edge {
                consumer: package(consumer)?,
                import: import.to_owned(),
                provider: package(provider)?,
                export: export.to_owned(),
            })
        })
        .collect();
    edges.sort();
    edges.dedup();
    edges
}

/// The parser's or resolver's diagnostic as ours, with its places.
fn complaint(file: &str, text: &str, error: &dyn Diagnostic) -> ComposeError {
    let help = match error.help() {
        Some(help) => help.to_string(),
        None => LANGUAGE.to_owned(),
    };
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        message.push_str(": ");
        message.push_str(&inner.to_string());
        source = inner.source();
    }
    ComposeError::Document {
        file: file.to_owned(),
        message,
        help,
        text: NamedSource::new(file, text.to_owned()),
        labels: error.labels().map(Iterator::collect).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        let parsed = document_dependencies("a.wac", text);
        let error = parsed.and_then(|_| compose_document("a.wac", text, &[]).map(drop)).unwrap_err();
        error.to_string()
    }

    #[test]
    fn texts_that_break_the_parser_are_refused() {
        let said = refused("package a:b;\ntype t- = u8;\n");
        assert!(said.contains("it cannot be read: parsed an invalid type name"), "{said}");
    }

    #[test]
    fn texts_that_nest_too_deep_are_refused() {
        let deep = format!("package a:b;\ntype t = {}u8{};\n", "list<".repeat(100_000), ">".repeat(100_000));
        assert!(refused(&deep).contains("deeper than 200"));
        let fine = format!("package a:b;\ntype t = {}u8{};\n", "list<".repeat(90), ">".repeat(90));
        compose_document("a.wac", &fine, &[]).unwrap();
    }
}
