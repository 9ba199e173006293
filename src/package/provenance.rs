//! SLSA v1 provenance from the record of a build: what went in, with which tools, and who ran it.
//!
//! It says what jointer saw, in the words of the record; whoever signs it stands for that. Commit, revision and
//! time stand here and nowhere else, so that the app's own manifest is the same wherever it is built. No clock
//! is read: times are in it only where a CI gives them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Checkout;
use crate::build::{Record, UnitRecord};
use crate::digest::Digest;
use crate::name::PackageId;

/// What kind of build it was: the form of its parameters.
pub const BUILD_TYPE: &str = "jointer:build/v1";
/// Who built, where nobody says.
pub const LOCAL_BUILDER: &str = "jointer:local";

/// Lock files among the inputs of units: what they pin is named besides them.
const LOCKS: [&str; 6] =
    ["Cargo.lock", "requirements.txt", "package-lock.json", "poetry.lock", "uv.lock", "jointer.lock"];

/// Who runs a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Builder {
    /// A URI that stands for the machine and for what it was told to do.
    pub id: String,
    /// The one run of it.
    pub invocation: Option<String>,
    /// When that began.
    pub started: Option<String>,
}

impl Builder {
    /// `named`, or what the CI's variables say, or [`LOCAL_BUILDER`].
    pub fn detect(named: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let github = || {
            let server = variable("GITHUB_SERVER_URL")?;
            let id = format!("{server}/{}", variable("GITHUB_WORKFLOW_REF")?);
            let run = || {
                let (repository, run) = (variable("GITHUB_REPOSITORY")?, variable("GITHUB_RUN_ID")?);
                let attempt = variable("GITHUB_RUN_ATTEMPT").unwrap_or_else(|| "1".to_owned());
                Some(format!("{server}/{repository}/actions/runs/{run}/attempts/{attempt}"))
            };
            Some(Self { id, invocation: run(), started: None })
        };
        let gitlab = || {
            let id = format!("{}/-/runners/{}", variable("CI_SERVER_URL")?, variable("CI_RUNNER_ID")?);
            let (invocation, started) = (variable("CI_JOB_URL"), variable("CI_JOB_STARTED_AT"));
            Some(Self { id, invocation, started })
        };
        let detected = github().or_else(gitlab);
        let local = Self { id: LOCAL_BUILDER.to_owned(), invocation: None, started: None };
        let found = detected.unwrap_or(local);
        match named {
            Some(id) => Self { id: id.to_owned(), ..found },
            None => found,
        }
    }
}

/// What provenance is made of.
#[derive(Debug, Clone)]
pub struct Made<'a> {
    /// The app.
    pub id: &'a PackageId,
    /// Files that the whole app depends on, by their names in it: `jointer.toml`, `jointer.lock`.
    pub files: BTreeMap<String, Digest>,
    /// The build.
    pub record: &'a Record,
    /// The state of the sources, where they are in version control.
    pub checkout: Option<&'a Checkout>,
    /// SOURCE_DATE_EPOCH, where it is set.
    pub epoch: Option<&'a str>,
    /// Who ran it.
    pub builder: &'a Builder,
}

/// The predicate of `https://slsa.dev/provenance/v1`. The same build gives the same bytes.
pub fn provenance(made: &Made<'_>) -> Value {
    let units: Vec<Value> = made.record.units.iter().map(|(name, unit)| of_unit(name, unit)).collect();
    let mut external = json!({ "app": made.id.to_string(), "manifest": "jointer.toml" });
    if let Some(checkout) = made.checkout {
        external["path"] = checkout.path.as_str().into();
    }
    let mut internal = json!({ "units": units });
    if let Some(epoch) = made.epoch {
        internal["SOURCE_DATE_EPOCH"] = epoch.into();
    }
    let mut metadata = Map::new();
    let facts = [("invocationId", &made.builder.invocation), ("startedOn", &made.builder.started)];
    for (name, value) in facts {
        metadata.extend(value.as_ref().map(|value| (name.to_owned(), value.as_str().into())));
    }
    let mut run = json!({
        "builder": { "id": made.builder.id, "version": { "jointer": made.record.jointer } },
    });
    if !metadata.is_empty() {
        run["metadata"] = metadata.into();
    }
    json!({
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": external,
            "internalParameters": internal,
            "resolvedDependencies": dependencies(made),
        },
        "runDetails": run,
    })
}

fn of_unit(name: &str, unit: &UnitRecord) -> Value {
    let mut inputs = Map::new();
    for (what, value) in unit.inputs_in_detail() {
        // Even the digest of a password tells who guesses it that the guess was right.
        let value = if what.starts_with("variable ") { "passed" } else { value };
        inputs.insert(what, value.into());
    }
    let mut value = json!({
        "name": name,
        "inputs": inputs,
        "inputsDigest": { "sha256": unit.inputs.hex() },
        "output": { "sha256": unit.output.hex() },
        "tools": unit.tools,
        "reproducible": unit.reproducible.map_or(json!("unknown"), Value::from),
    });
    if let Some(adapted) = &unit.adapted {
        value["adapted"] = adapted.as_str().into();
    }
    value
}

/// Everything that was taken from elsewhere: the sources, lock files, ready components, guest tools.
fn dependencies(made: &Made<'_>) -> Vec<Value> {
    let mut found = Vec::new();
    if let Some(checkout) = made.checkout {
        let mut source = json!({ "name": "source", "digest": { "gitCommit": checkout.commit } });
        if let Some(origin) = &checkout.origin {
            source["uri"] = format!("git+{origin}").into();
        }
        source["annotations"] = json!({ "dirty": checkout.dirty });
        found.push(source);
    }
    let named = |name: &str, digest: &str| json!({ "name": name, "digest": { "sha256": digest } });
    let files = made.files.iter().map(|(name, digest)| (name.clone(), digest.hex()));
    let mut files: BTreeMap<String, String> = files.collect();
    let mut tools = BTreeMap::new();
    for unit in made.record.units.values() {
        tools.extend(&unit.tools);
        for (what, value) in unit.inputs_in_detail() {
            let Some((kind, name)) = what.split_once(' ') else { continue };
            let taken = match kind {
                "file" => is_lock(name) || name.ends_with(".wasm"),
                "component" => !made.record.units.contains_key(name),
                _ => false,
            };
            if taken && value.len() == 64 {
                files.insert(name.to_owned(), value.to_owned());
            }
        }
    }
    found.extend(files.iter().map(|(name, digest)| named(name, digest)));
    found.extend(tools.iter().map(|(tool, version)| json!({ "name": tool, "uri": tool_url(tool, version) })));
    found
}

fn is_lock(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| LOCKS.contains(&name))
}

/// Where a guest tool of that version can be had, as a package URL.
fn tool_url(tool: &str, version: &str) -> String {
    let (kind, name) = match tool {
        "componentize-py" => ("pypi", tool),
        "jco" => ("npm", "%40bytecodealliance/jco"),
        "componentize-qjs" => ("npm", "componentize-qjs"),
        "typescript" => ("npm", tool),
        "cargo-component" => ("cargo", tool),
        _ => ("generic", tool),
    };
    let version = version.split(' ').next().unwrap_or_default();
    format!("pkg:{kind}/{name}@{version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let unit = |reads: Value, tools: Value| {
            json!({
                "inputs": Digest::of(b"in"), "output": Digest::of(b"out"), "bytes": 3, "millis": 5,
                "tools": tools, "reads": reads, "reproducible": true,
            })
        };
        let hex = Digest::of(b"x").hex();
        let guest =
            json!({ "file pricing/Cargo.lock": hex, "file pricing/src/lib.rs": hex, "variable TOKEN": hex });
        let adapt =
            json!({ "component pricing": hex, "component acme:files@^1": hex, "file ready.wasm": hex });
        let record = json!({
            "version": 1, "jointer": "0.1.0",
            "units": {
                "pricing": unit(guest, json!({ "cargo": "1.95.0" })),
                "adapt pricing": unit(adapt, json!({})),
            },
        });
        serde_json::from_value(record).unwrap()
    }

    fn made(builder: &Builder) -> Value {
        let checkout = Checkout {
            origin: Some("https://example.com/shop.git".to_owned()),
            commit: "0".repeat(40),
            path: "apps/shop".to_owned(),
            dirty: true,
        };
        provenance(&Made {
            id: &"acme:shop@1.0.0".parse().unwrap(),
            files: [("jointer.toml".to_owned(), Digest::of(b"manifest"))].into(),
            record: &record(),
            checkout: Some(&checkout),
            epoch: None,
            builder,
        })
    }

    #[test]
    fn it_says_what_went_in_and_hides_the_values_of_variables() {
        let local = Builder::detect(None, |_| None);
        let made_here = made(&local);
        assert_eq!(made_here, made(&local));
        let definition = &made_here["buildDefinition"];
        let names = definition["resolvedDependencies"].as_array().unwrap().iter();
        let names: Vec<_> = names.map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(
            names,
            ["source", "acme:files@^1", "jointer.toml", "pricing/Cargo.lock", "ready.wasm", "cargo"],
            "and not the result of another unit"
        );
        assert_eq!(definition["resolvedDependencies"][0]["annotations"]["dirty"], true);
        let unit = &definition["internalParameters"]["units"][1];
        assert_eq!((&unit["name"], &unit["reproducible"]), (&json!("pricing"), &json!(true)));
        assert_eq!(unit["inputs"]["variable TOKEN"], "passed");
        assert_eq!(made_here["runDetails"]["builder"]["id"], LOCAL_BUILDER);
        assert!(made_here["runDetails"].get("metadata").is_none(), "no clock is read");
    }

    #[test]
    fn a_ci_says_who_it_is() {
        let github = |name: &str| {
            let value = match name {
                "GITHUB_SERVER_URL" => "https://github.com",
                "GITHUB_WORKFLOW_REF" => "acme/shop/.github/workflows/release.yml@refs/tags/v1",
                "GITHUB_REPOSITORY" => "acme/shop",
                "GITHUB_RUN_ID" => "7",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let builder = Builder::detect(None, github);
        assert_eq!(builder.id, "https://github.com/acme/shop/.github/workflows/release.yml@refs/tags/v1");
        let run = made(&builder)["runDetails"]["metadata"]["invocationId"].clone();
        assert_eq!(run, "https://github.com/acme/shop/actions/runs/7/attempts/1");
        let named = Builder::detect(Some("https://ci.example.com/9"), github);
        assert_eq!((named.id.as_str(), named.invocation), ("https://ci.example.com/9", builder.invocation));
    }
}
