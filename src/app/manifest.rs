//! `jointer.toml` as text: its shape, and how it becomes an [`App`].

use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;

use camino::{Utf8Path, Utf8PathBuf};
use indexmap::IndexMap;
use miette::{NamedSource, SourceSpan};
use semver::{Version, VersionReq};
use serde::Deserialize;
use toml::Spanned;

use super::{App, AppError, Capabilities, Component, Source, Wire};
use crate::name::{ComponentName, PackageName, did_you_mean};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Manifest {
    app: AppTable,
    #[serde(default)]
    component: IndexMap<ComponentName, Spanned<ComponentTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AppTable {
    name: PackageName,
    #[serde(default = "first_version")]
    version: Version,
    root: Option<Spanned<ComponentName>>,
    #[serde(default)]
    targets: Vec<String>,
    wasi: Option<Version>,
    #[serde(default)]
    exports: Exports,
}

#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Exports {
    /// The root's exports and the interfaces whose types they mention.
    #[default]
    Complete,
    /// The root's exports only, or an error.
    Strict,
}

fn first_version() -> Version {
    Version::new(0, 1, 0)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ComponentTable {
    path: Option<Spanned<Utf8PathBuf>>,
    file: Option<Spanned<Utf8PathBuf>>,
    package: Option<Spanned<PackageRequest>>,
    command: Option<Spanned<Vec<String>>>,
    output: Option<Utf8PathBuf>,
    #[serde(default)]
    inputs: Vec<Utf8PathBuf>,
    world: Option<String>,
    language: Option<Language>,
    #[serde(default)]
    engine: Engine,
    #[serde(default)]
    imports: BTreeMap<String, Spanned<WireText>>,
    #[serde(default)]
    capabilities: CapabilitiesTable,
    #[serde(default)]
    env: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireText {
    Name(String),
    Export { component: String, export: Option<String> },
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CapabilitiesTable {
    #[serde(default)]
    outbound: Vec<String>,
    #[serde(default)]
    sockets: Vec<String>,
    #[serde(default)]
    files: Vec<FileGrant>,
    #[serde(default)]
    env: Vec<String>,
}

/// A guest language, which decides the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// Rust.
    #[serde(alias = "rs")]
    Rust,
    /// Python.
    #[serde(alias = "py")]
    Python,
    /// JavaScript.
    #[serde(alias = "js")]
    Javascript,
    /// TypeScript.
    #[serde(alias = "ts")]
    Typescript,
}

/// A JavaScript engine to build a component with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// StarlingMonkey: the whole web platform, about 12 MB.
    #[default]
    #[serde(alias = "starling-monkey")]
    Starlingmonkey,
    /// QuickJS: a tenth of the size; no `wasi:http`, no `console`.
    Quickjs,
}

/// A folder of the host that a component sees when run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileGrant {
    /// The folder, relative to the app.
    pub host: Utf8PathBuf,
    /// Where the component sees it.
    pub guest: String,
    /// Whether it may write.
    #[serde(default)]
    pub write: bool,
}

/// `ns:name@requirement`: a package in any version that fits; without `@`, in any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRequest {
    /// Which package.
    pub name: PackageName,
    /// Which versions.
    pub requirement: VersionReq,
}

impl FromStr for PackageRequest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, requirement) = text.split_once('@').unwrap_or((text, "*"));
        Ok(Self {
            name: name.parse().map_err(|error: crate::name::NameError| error.to_string())?,
            requirement: requirement
                .parse()
                .map_err(|error| format!("`{requirement}` is not a version requirement: {error}"))?,
        })
    }
}

impl std::fmt::Display for PackageRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.name, self.requirement)
    }
}

impl<'de> Deserialize<'de> for PackageRequest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Reads the manifest `text` of the app in `dir`; `path` is what errors call it.
pub(super) fn parse(text: &str, path: &Utf8Path, dir: &Utf8Path) -> Result<App, AppError> {
    let reader = ManifestReader { text, path, dir };
    let manifest: Manifest = toml::from_str(text).map_err(|error| reader.not_toml(&error))?;
    reader.app(manifest)
}

/// What every complaint needs: the text, what it is called and where paths start.
struct ManifestReader<'a> {
    text: &'a str,
    path: &'a Utf8Path,
    dir: &'a Utf8Path,
}

impl ManifestReader<'_> {
    fn app(&self, manifest: Manifest) -> Result<App, AppError> {
        if manifest.component.is_empty() {
            return Err(self.invalid(None, "there is no component", "add `[component.NAME]` with a `path`"));
        }
        let names: Vec<ComponentName> = manifest.component.keys().cloned().collect();
        let root = match manifest.app.root {
            Some(root) => {
                let (span, root) = (root.span(), root.into_inner());
                if !names.contains(&root) {
                    return Err(self.unknown_component(&names, root.to_string(), span));
                }
                root
            }
            None if names.len() == 1 => names[0].clone(),
            None => {
                return Err(self.invalid(
                    None,
                    "several components and no root",
                    "say `root = \"NAME\"` under `[app]`: the component whose exports the app exports",
                ));
            }
        };
        let mut components = IndexMap::new();
        for (name, table) in manifest.component {
            let component = self.component(&name, &names, table)?;
            components.insert(name, component);
        }
        Ok(App {
            dir: self.dir.to_owned(),
            name: manifest.app.name,
            version: manifest.app.version,
            root,
            targets: manifest.app.targets,
            wasi: manifest.app.wasi,
            strict_exports: manifest.app.exports == Exports::Strict,
            components,
        })
    }

    fn component(
        &self,
        name: &ComponentName,
        names: &[ComponentName],
        table: Spanned<ComponentTable>,
    ) -> Result<Component, AppError> {
        let span = table.span();
        let table = table.into_inner();
        let mut imports = BTreeMap::new();
        for (interface, wire) in table.imports {
            imports.insert(interface, self.wire(names, wire)?);
        }
        let source = match (table.path, table.file, table.package, table.command) {
            (Some(path), None, None, None) => Source::Project(self.existing(name, &path)?),
            (None, Some(file), None, None) => Source::File(self.existing(name, &file)?),
            (None, None, Some(package), None) => Source::Package(package.into_inner()),
            (None, None, None, Some(command)) => self.command(command, table.output, table.inputs)?,
            _ => {
                return Err(self.invalid(
                    Some(span),
                    &format!(
                        "`[component.{name}]` needs exactly one of `path`, `file`, `package`, `command`"
                    ),
                    "say where the component comes from, once",
                ));
            }
        };
        Ok(Component {
            name: name.clone(),
            source,
            world: table.world,
            language: table.language,
            engine: table.engine,
            imports,
            capabilities: Capabilities {
                outbound: table.capabilities.outbound,
                sockets: table.capabilities.sockets,
                files: table.capabilities.files,
                env: table.capabilities.env,
            },
            build_env: table.env,
        })
    }

    fn command(
        &self,
        command: Spanned<Vec<String>>,
        output: Option<Utf8PathBuf>,
        inputs: Vec<Utf8PathBuf>,
    ) -> Result<Source, AppError> {
        let span = command.span();
        let command = command.into_inner();
        let Some(output) = output else {
            return Err(self.invalid(
                Some(span),
                "`command` without `output`",
                "say which file the command writes",
            ));
        };
        if command.is_empty() {
            return Err(self.invalid(Some(span), "`command` is empty", "name the program and its arguments"));
        }
        let inputs = inputs.iter().map(|input| self.dir.join(input)).collect();
        Ok(Source::Command { command, output: self.dir.join(output), inputs })
    }

    fn wire(&self, names: &[ComponentName], wire: Spanned<WireText>) -> Result<Wire, AppError> {
        let span = wire.span();
        let (component, export) = match wire.into_inner() {
            WireText::Name(name) if name == "host" => return Ok(Wire::Host),
            WireText::Name(name) => (name, None),
            WireText::Export { component, export } => (component, export),
        };
        match names.iter().find(|name| name.as_str() == component) {
            Some(name) => Ok(Wire::Part { component: name.clone(), export }),
            None => Err(self.unknown_component(names, component, span)),
        }
    }

    fn existing(&self, name: &ComponentName, path: &Spanned<Utf8PathBuf>) -> Result<Utf8PathBuf, AppError> {
        let absolute = self.dir.join(path.get_ref());
        if absolute.exists() {
            return Ok(absolute);
        }
        Err(AppError::AbsentSource {
            name: name.to_string(),
            source_path: absolute,
            text: self.source(),
            span: Some(to_span(path.span())),
        })
    }

    fn unknown_component(&self, names: &[ComponentName], name: String, span: Range<usize>) -> AppError {
        let help = did_you_mean(&name, names.iter().map(ComponentName::as_str));
        AppError::UnknownComponent {
            path: self.path.to_owned(),
            name,
            help,
            text: self.source(),
            span: Some(to_span(span)),
        }
    }

    fn not_toml(&self, error: &toml::de::Error) -> AppError {
        // serde's words for it: unknown field `x`, expected one of `a`, `b`
        if let Some(rest) = error.message().strip_prefix("unknown field `") {
            let mut quoted = rest.split('`');
            let key = quoted.next().unwrap_or_default().to_owned();
            let known: Vec<&str> = quoted.skip(1).step_by(2).collect();
            let help = did_you_mean(&key, known.iter().copied());
            return AppError::UnknownKey {
                path: self.path.to_owned(),
                key,
                help,
                text: self.source(),
                span: error.span().map(to_span),
            };
        }
        self.invalid(
            error.span(),
            error.message(),
            "`jointer explain app::invalid_manifest` shows a whole manifest",
        )
    }

    fn invalid(&self, span: Option<Range<usize>>, message: &str, help: &str) -> AppError {
        AppError::Invalid {
            path: self.path.to_owned(),
            message: message.to_owned(),
            help: help.to_owned(),
            text: self.source(),
            span: span.map(to_span),
        }
    }

    fn source(&self) -> NamedSource<String> {
        NamedSource::new(self.path, self.text.to_owned()).with_language("toml")
    }
}

fn to_span(range: Range<usize>) -> SourceSpan {
    range.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_text(text: &str) -> Result<App, AppError> {
        parse(text, Utf8Path::new("jointer.toml"), Utf8Path::new(env!("CARGO_MANIFEST_DIR")))
    }

    const APP: &str = "[app]\nname = \"acme:shop\"\n";

    #[test]
    fn a_single_component_is_the_root() {
        let app = parse_text(&format!("{APP}[component.greet]\npath = \"src\"\n")).expect("valid");
        assert_eq!(app.root.as_str(), "greet");
        assert_eq!(app.components[0].world(), "greet");
        assert_eq!(app.output().file_name(), Some("shop.wasm"));
    }

    #[test]
    fn an_unknown_key_is_named_with_the_nearest_one() {
        let error = parse_text(&format!("{APP}[component.greet]\npaht = \"src\"\n")).expect_err("a typo");
        let AppError::UnknownKey { key, help, span, .. } = error else { panic!("{error}") };
        assert_eq!((key.as_str(), help.as_str()), ("paht", "did you mean `path`?"));
        assert!(span.is_some());
    }

    #[test]
    fn two_sources_for_one_component_are_refused() {
        let error = parse_text(&format!("{APP}[component.greet]\npath = \"src\"\nfile = \"x.wasm\"\n"))
            .expect_err("two");
        assert!(error.to_string().contains("exactly one of"), "{error}");
    }

    #[test]
    fn a_wire_to_nobody_suggests_the_nearest_part() {
        let text = format!(
            "{APP}root = \"a\"\n[component.a]\npath = \"src\"\nimports = {{ \"acme:shop/pricing\" = \"prising\" }}\n[component.pricing]\npath = \"src\"\n"
        );
        let error = parse_text(&text).expect_err("nobody");
        let AppError::UnknownComponent { help, .. } = error else { panic!("{error}") };
        assert_eq!(help, "did you mean `pricing`?");
    }
}
