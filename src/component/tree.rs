//! A component as a tree: every component and core module in it, with all that they say of themselves.

use wasm_metadata::Producers;
use wasmparser::{CustomSectionReader, Encoding, FunctionBody, KnownCustom, Name, Operator, Payload};

use super::ComponentError;
use super::modules::{Producer, field};
use super::packages::{self, Packages};
use super::read::{Kind, complaint, kind, parser};
use crate::digest::Digest;

/// Deeper than composing ever goes; what is below is not looked at.
const MAX_DEPTH: usize = 64;
/// More than engines take.
const MAX_NODES: usize = 20_000;
const MAX_TEXT: usize = 1 << 10;

/// A component or core module with what is inside of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Which of the two.
    pub kind: Kind,
    /// From its `name` section.
    pub name: Option<String>,
    /// Its bytes.
    pub size: u64,
    /// The digest of its bytes.
    pub digest: Digest,
    /// `language` of its `producers` section.
    pub language: Vec<Producer>,
    /// `processed-by`: compilers, linkers, binding generators.
    pub processed_by: Vec<Producer>,
    /// From its `version` section.
    pub version: Option<String>,
    /// From its `licenses` section.
    pub license: Option<String>,
    /// The packages that it says it is made of; `None` when it does not say.
    pub packages: Option<Packages>,
    /// A core module that has no data, no memory and no code but calls: it connects others, and there is no
    /// room for a package in it.
    pub connects: bool,
    /// What is inside of it, in order.
    pub nested: Vec<Node>,
    /// Whether more is inside of it that was not looked at.
    pub cut: bool,
}

impl Node {
    fn new(encoding: Encoding, bytes: &[u8]) -> Self {
        let core = encoding == Encoding::Module;
        Self {
            kind: if core { Kind::CoreModule } else { Kind::Component },
            name: None,
            size: bytes.len() as u64,
            digest: Digest::of(bytes),
            language: Vec::new(),
            processed_by: Vec::new(),
            version: None,
            license: None,
            packages: None,
            connects: core,
            nested: Vec::new(),
            cut: false,
        }
    }

    /// This one and all inside of it, from the outside to the inside.
    pub fn all(&self) -> Vec<&Node> {
        let mut found = vec![self];
        for nested in &self.nested {
            found.extend(nested.all());
        }
        found
    }

    fn describe(&mut self, section: &CustomSectionReader<'_>) {
        let text = || std::str::from_utf8(section.data()).ok().filter(|text| text.len() <= MAX_TEXT);
        match section.as_known() {
            KnownCustom::Name(names) => {
                let own = names.into_iter().map_while(Result::ok).find_map(|name| match name {
                    Name::Module { name, .. } => Some(name.to_owned()),
                    _ => None,
                });
                self.name = own.or(self.name.take());
            }
            KnownCustom::ComponentName(names) => {
                let own = names.into_iter().map_while(Result::ok).find_map(|name| match name {
                    wasmparser::ComponentName::Component { name, .. } => Some(name.to_owned()),
                    _ => None,
                });
                self.name = own.or(self.name.take());
            }
            KnownCustom::Producers(_) => {
                let Ok(said) = Producers::from_bytes(section.data(), section.data_offset()) else { return };
                self.language = field(&said, "language");
                self.processed_by = field(&said, "processed-by");
            }
            _ => match section.name() {
                "version" => self.version = text().map(str::to_owned),
                "licenses" => self.license = text().map(str::to_owned),
                packages::SECTION if self.kind == Kind::CoreModule => {
                    self.packages = packages::auditable(section.data());
                }
                _ => {}
            },
        }
    }
}

/// The whole tree of a component, or a core module alone.
///
/// # Errors
/// Those of [`super::kind`], and what the parser complains about. Broken custom sections are passed over.
pub fn tree(bytes: &[u8]) -> Result<Node, ComponentError> {
    kind(bytes)?;
    let mut open: Vec<Node> = Vec::new();
    let mut left_out = 0_usize;
    let mut count = 0;
    let mut range = 0..bytes.len();
    for payload in parser().parse_all(bytes) {
        let payload = payload.map_err(|error| complaint(bytes, &error))?;
        match payload {
            Payload::ModuleSection { unchecked_range, .. }
            | Payload::ComponentSection { unchecked_range, .. } => {
                let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
                range = at(unchecked_range.start)..at(unchecked_range.end);
            }
            Payload::Version { encoding, .. } => {
                if left_out > 0 || open.len() == MAX_DEPTH || count == MAX_NODES {
                    left_out += 1;
                    open.iter_mut().for_each(|node| node.cut = true);
                    continue;
                }
                count += 1;
                open.push(Node::new(encoding, bytes.get(range.clone()).unwrap_or_default()));
            }
            Payload::End(_) if left_out > 0 => left_out -= 1,
            Payload::End(_) => {
                let Some(done) = open.pop() else { continue };
                match open.last_mut() {
                    Some(outer) => outer.nested.push(done),
                    None => return Ok(done),
                }
            }
            _ if left_out > 0 => {}
            Payload::CustomSection(section) => {
                if let Some(node) = open.last_mut() {
                    node.describe(&section);
                }
            }
            Payload::MemorySection(section) if section.count() > 0 => holds_something(&mut open),
            Payload::DataSection(section) if section.count() > 0 => holds_something(&mut open),
            Payload::CodeSectionEntry(body) => {
                if let Some(node) = open.last_mut()
                    && node.connects
                {
                    node.connects = only_calls(&body);
                }
            }
            _ => {}
        }
    }
    // The parser ends what it began, or it would have complained.
    Err(ComponentError::Truncated { what: "file", bytes: bytes.len() })
}

fn holds_something(open: &mut [Node]) {
    if let Some(node) = open.last_mut() {
        node.connects = false;
    }
}

fn only_calls(body: &FunctionBody<'_>) -> bool {
    let Ok(reader) = body.get_operators_reader() else { return false };
    reader.into_iter().all(|operator| {
        use Operator as Op;
        matches!(
            operator,
            Ok(Op::LocalGet { .. }
                | Op::I32Const { .. }
                | Op::Call { .. }
                | Op::CallIndirect { .. }
                | Op::Unreachable
                | Op::Nop
                | Op::End)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_has_everything_where_it_stands() {
        let bytes = wat::parse_str(
            r#"(component $outer
                (core module $a (@producers (language "Rust" "1.95")) (memory 1))
                (component $inner (core module $b (func (param i32) local.get 0 drop))
                    (core module $c (import "x" "y" (func $f (param i32))) (func (param i32) local.get 0 call $f))))"#,
        )
        .unwrap();
        let root = tree(&bytes).unwrap();
        assert_eq!((root.name.as_deref(), root.digest), (Some("outer"), Digest::of(&bytes)));
        let names: Vec<_> = root.all().iter().map(|node| node.name.clone().unwrap_or_default()).collect();
        assert_eq!(names, ["outer", "a", "inner", "b", "c"]);
        assert_eq!(root.nested[0].language[0].name, "Rust");
        let connects: Vec<_> = root.all().iter().map(|node| node.connects).collect();
        assert_eq!(connects, [false, false, false, false, true]);
    }

    #[test]
    fn packages_in_a_module_are_read() {
        let json = r#"{"packages":[{"name":"anyhow","version":"1.0.1","source":"crates.io"}]}"#;
        let packed: String =
            packages::tests::packed(json).iter().map(|byte| format!("\\{byte:02x}")).collect();
        let bytes =
            wat::parse_str(format!(r#"(component (core module (@custom ".dep-v0" "{packed}")))"#)).unwrap();
        let root = tree(&bytes).unwrap();
        let packages = root.nested[0].packages.as_ref().unwrap();
        assert_eq!((packages.list.len(), packages.list[0].name.as_str()), (1, "anyhow"));
    }

    #[test]
    fn what_is_too_deep_is_cut_and_said() {
        let mut text = "(component)".to_owned();
        for _ in 0..MAX_DEPTH + 9 {
            text = format!("(component {text})");
        }
        let root = tree(&wat::parse_str(text).unwrap()).unwrap();
        assert!(root.cut);
        assert_eq!(root.all().len(), MAX_DEPTH);
    }

    #[test]
    fn bytes_that_are_cut_off_are_refused() {
        let bytes = wat::parse_str("(component (core module (func)) (component))").unwrap();
        for end in 0..bytes.len() {
            // A component may end between two sections.
            let _ = tree(&bytes[..end]);
        }
        assert!(tree(b"").is_err());
    }
}
