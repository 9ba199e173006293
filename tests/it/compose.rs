//! Composition: case folders through the library, random graphs, and the two commands through the real
//! binary.
//!
//! A case under `tests/compose` has `.wit` files, each world of which becomes a part (a component whose
//! functions do nothing), or `.wat` files, each a part. `case.toml` says how to compose. What results is
//! in `composed.txt`, or why nothing does in `error.txt`; `JOINTER_BLESS=1` writes them anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jointer::component;
use jointer::compose::{ComposeError, Composed, Options, Part, Wire, compose, plug};
use proptest::prelude::*;
use serde::Deserialize;

use crate::guests::wat;
use crate::support::TestEnv;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Case {
    root: String,
    /// Plug the others into the root instead of composing an app.
    plug: bool,
    /// Prefixes of what the host offers.
    host: Vec<String>,
    strict: bool,
    /// By part and import: `host`, a part, or a part and its export.
    wires: BTreeMap<String, BTreeMap<String, WireText>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WireText {
    Name(String),
    Export { component: String, export: Option<String> },
}

impl WireText {
    fn wire(&self) -> Wire {
        match self {
            Self::Name(name) if name == "host" => Wire::Host,
            Self::Name(name) => Wire::Part { component: name.clone(), export: None },
            Self::Export { component, export } => {
                Wire::Part { component: component.clone(), export: export.clone() }
            }
        }
    }
}

/// A component for a world, whose functions trap.
fn component_of(resolve: &wit_parser::Resolve, world: wit_parser::WorldId) -> Vec<u8> {
    let mangling = wit_parser::ManglingAndAbi::Standard32;
    let mut module = wit_component::dummy_module(resolve, world, mangling);
    let encoding = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, resolve, world, encoding).expect("metadata");
    wit_component::ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.encode())
        .expect("a component")
}

/// The parts that a text of WIT describes: one for each world.
fn parts_of_wit(name: &str, text: &str) -> Vec<Part> {
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str(name, text).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    let worlds: Vec<_> = resolve.packages[package].worlds.values().copied().collect();
    worlds
        .into_iter()
        .map(|world| Part::new(resolve.worlds[world].name.clone(), component_of(&resolve, world)))
        .collect()
}

fn parts_in(dir: &Path) -> Vec<Part> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir).expect("case").map(|entry| entry.expect("entry").path()).collect();
    files.sort();
    let mut parts = Vec::new();
    for file in files {
        let stem = file.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("wit") => parts.extend(parts_of_wit(stem, &std::fs::read_to_string(&file).expect("wit"))),
            Some("wat") => parts.push(Part::new(stem, wat::parse_file(&file).expect("wat"))),
            _ => {}
        }
    }
    parts
}

fn run_case(case: &Case, mut parts: Vec<Part>) -> Result<Composed, ComposeError> {
    for part in &mut parts {
        let wires = case.wires.get(&part.name).into_iter().flatten();
        part.wires = wires.map(|(import, wire)| (import.clone(), wire.wire())).collect();
    }
    if case.plug {
        let socket = parts.iter().find(|part| part.name == case.root).expect("the socket");
        let plugs: Vec<(&str, &[u8])> = parts
            .iter()
            .filter(|part| part.name != case.root)
            .map(|part| (&*part.name, &*part.bytes))
            .collect();
        return plug((&socket.name, &socket.bytes), &plugs).map(Composed::from);
    }
    let offers = |import: &str| case.host.iter().any(|prefix| import.starts_with(prefix));
    compose(&parts, &case.root, &Options { strict_exports: case.strict, host_offers: &offers })
}

fn describe(composed: &Composed) -> String {
    let externs = component::externs(&composed.bytes).expect("a component");
    let mut text = String::new();
    for (title, lines) in [
        ("imports", externs.imports),
        ("exports", externs.exports),
        (
            "edges",
            composed
                .edges
                .iter()
                .map(|edge| format!("{} {} = {} {}", edge.consumer, edge.import, edge.provider, edge.export))
                .collect(),
        ),
        ("unreached", composed.unreached.clone()),
        ("extra", composed.extra_exports.clone()),
    ] {
        if !lines.is_empty() {
            let _ = writeln!(text, "{title}\n  {}", lines.join("\n  "));
        }
    }
    text
}

fn describe_error(error: ComposeError) -> String {
    let error = jointer::error::Error::from(error);
    let code = error.code().expect("a code");
    let help = error.diagnostic().help().map(|help| help.to_string()).unwrap_or_default();
    format!("{code}\n{error}\nhelp: {help}\n")
}

fn check(case: &Path) {
    let text = std::fs::read_to_string(case.join("case.toml")).expect("case.toml");
    let settings: Case = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", case.display()));
    let parts = parts_in(case);
    let reversed: Vec<Part> = parts.iter().rev().cloned().collect();
    let outcome = run_case(&settings, parts);
    let again = run_case(&settings, reversed);
    let (file, said) = match outcome {
        Ok(composed) => {
            component::validate(&composed.bytes)
                .unwrap_or_else(|error| panic!("{}: {error}", case.display()));
            let again = again.expect("composes in the other order too");
            assert!(composed.bytes == again.bytes, "{}: the order of parts shows", case.display());
            ("composed.txt", describe(&composed))
        }
        Err(error) => {
            let said = describe_error(error);
            assert_eq!(said, describe_error(again.expect_err("fails in the other order too")));
            ("error.txt", said)
        }
    };
    let expected = case.join(file);
    if std::env::var_os("JOINTER_BLESS").is_some() {
        let _ = std::fs::remove_file(case.join("composed.txt"));
        let _ = std::fs::remove_file(case.join("error.txt"));
        std::fs::write(&expected, &said).expect("write");
    }
    let wanted = std::fs::read_to_string(&expected)
        .unwrap_or_else(|_| panic!("{}: not expected:\n{said}", case.display()));
    assert_eq!(said, wanted, "{}", case.display());
}

#[test]
fn every_case_composes_or_fails_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compose");
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("tests/compose").map(|entry| entry.expect("entry").path()).collect();
    cases.sort();
    assert!(cases.len() > 20, "the cases were not found");
    cases.iter().for_each(|case| check(case));
}

/// A part that exports `t:n/i<number>` and imports those of `needs`.
fn node(number: usize, needs: &[usize]) -> Part {
    let imports: String = needs.iter().map(|need| format!("import i{need};\n")).collect();
    let interfaces: String = needs
        .iter()
        .chain([&number])
        .map(|n| format!("interface i{n} {{ f: func(a: list<string>) -> result<u32, string>; }}\n"))
        .collect();
    let text = format!("package t:n@1.0.0;\n{interfaces}\nworld p{number} {{ {imports} export i{number}; }}");
    parts_of_wit("node", &text).remove(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Part n imports from some of the parts before it, so there is no circle; the last is the root.
    #[test]
    fn random_graphs_compose_to_the_same_valid_bytes_in_any_order(
        needs in prop::collection::vec(any::<u16>(), 2..9),
        order in any::<prop::sample::Index>(),
    ) {
        let chosen = |number: usize, bits: u16| -> Vec<usize> {
            (0..number).filter(|other| *other + 1 == number || bits >> other & 1 == 1).collect()
        };
        let parts: Vec<Part> =
            needs.iter().enumerate().map(|(number, bits)| node(number, &chosen(number, *bits))).collect();
        let expected: usize = needs.iter().enumerate().map(|(n, bits)| chosen(n, *bits).len()).sum();
        let root = format!("p{}", parts.len() - 1);
        let options = Options { strict_exports: true, host_offers: &|_| false };
        let composed = compose(&parts, &root, &options).expect("composes");
        component::validate(&composed.bytes).expect("valid");
        prop_assert_eq!(composed.edges.len(), expected);
        prop_assert!(component::externs(&composed.bytes).expect("externs").imports.is_empty());
        let mut shuffled = parts.clone();
        shuffled.rotate_left(order.index(parts.len()));
        let again = compose(&shuffled, &root, &options).expect("composes");
        prop_assert!(composed.bytes == again.bytes);
    }
}

#[test]
fn a_composition_beyond_the_limits_is_refused_before_it_is_encoded() {
    let needs = |number: usize| number.checked_sub(1).into_iter().collect::<Vec<_>>();
    let parts: Vec<Part> = (0..600).map(|number| node(number, &needs(number))).collect();
    let options = Options { strict_exports: false, host_offers: &|_| false };
    let error = compose(&parts, "p599", &options).expect_err("too many");
    let ComposeError::Limit { what, count, limit } = error else { panic!("{error}") };
    assert_eq!((what, limit), ("instances", 1000));
    assert!(count > 1000);
}

const SHOP: &str = "package acme:shop@0.1.0;
interface pricing { price: func(item: string) -> u32; }
world gateway { import pricing; export run: func() -> string; }
world pricer { export pricing; }
";

fn write_parts(env: &TestEnv, text: &str) {
    for part in parts_of_wit("shop", text) {
        env.write(format!("{}.wasm", part.name), &part.bytes);
    }
}

#[test]
fn plug_writes_a_valid_component_and_says_what_it_connected() {
    let env = TestEnv::new();
    write_parts(&env, SHOP);
    let ran = env
        .jointer(["plug", "gateway.wasm", "--plug", "pricer.wasm", "-o", "out.wasm", "--format", "json"])
        .success();
    let answer: serde_json::Value =
        serde_json::from_str(ran.stdout.lines().last().expect("an answer")).expect("json");
    assert_eq!(answer["edges"][0]["provider"], "pricer");
    let bytes = std::fs::read(env.path("out.wasm")).expect("out.wasm");
    component::validate(&bytes).expect("valid");
    assert_eq!(component::externs(&bytes).expect("externs").imports, Vec::<String>::new());
    let metadata = wasm_metadata::Payload::from_binary(&bytes).expect("metadata");
    let producers = metadata.metadata().producers.as_ref().expect("producers");
    let tools = producers.get("processed-by").expect("processed-by");
    assert!(tools.get("jointer").is_some());
}

/// The composer of wasm-tools puts the same pair together its own way; both do the same.
#[test]
fn plug_and_wasm_compose_agree() {
    let env = TestEnv::new();
    let price = "(instance $price (export \"of\" (func (param \"count\" u32) (result u32))))";
    let pricer = "(component (core module $m (func (export \"of\") (param i32) (result i32) \
                  local.get 0 i32.const 30 i32.mul)) (core instance $i (instantiate $m)) \
                  (func $of (param \"count\" u32) (result u32) (canon lift (core func $i \"of\"))) \
                  (instance $price (export \"of\" (func $of))) (export \"acme:shop/price\" (instance $price)))";
    let gateway = format!(
        "(component (import \"acme:shop/price\" {price}) \
         (core func $of (canon lower (func $price \"of\"))) \
         (core module $m (import \"x\" \"of\" (func $of (param i32) (result i32))) \
         (func (export \"order\") (param i32) (result i32) local.get 0 call $of i32.const 2 i32.add)) \
         (core instance $i (instantiate $m (with \"x\" (instance (export \"of\" (func $of)))))) \
         (func (export \"order\") (param \"count\" u32) (result u32) (canon lift (core func $i \"order\"))))",
    );
    env.write("pricer.wasm", wat(pricer));
    let socket = env.write("gateway.wasm", wat(&gateway));
    env.jointer(["plug", "gateway.wasm", "--plug", "pricer.wasm", "-o", "ours.wasm"]).success();
    let config = wasm_compose::config::Config {
        dir: env.dir(),
        definitions: vec![env.path("pricer.wasm")],
        ..Default::default()
    };
    let theirs = wasm_compose::composer::ComponentComposer::new(&socket, &config).compose();
    env.write("theirs.wasm", theirs.expect("composed"));
    for file in ["ours.wasm", "theirs.wasm"] {
        assert_eq!(env.jointer(["call", file, "order(7)"]).success().stdout.trim(), "212", "{file}");
    }
}

#[test]
fn plug_reads_standard_input_and_writes_standard_output() {
    let env = TestEnv::new();
    write_parts(&env, SHOP);
    env.jointer(["plug", "gateway.wasm", "--plug", "pricer.wasm", "-o", "out.wasm"]).success();
    let mut command = env.command(["plug", "-", "--plug", "pricer.wasm"]);
    let socket = std::fs::File::open(env.path("gateway.wasm")).expect("socket");
    let output = command.stdin(socket).output().expect("jointer");
    assert!(output.status.success());
    component::validate(&output.stdout).expect("valid");
    assert_eq!(component::externs(&output.stdout).expect("externs").exports, ["run"]);
}

#[test]
fn a_plug_that_does_not_fit_leaves_nothing_behind() {
    let env = TestEnv::new();
    write_parts(&env, SHOP);
    env.write("module.wasm", wat::parse_str("(module)").expect("wat"));
    env.write("cut.wasm", &std::fs::read(env.path("pricer.wasm")).expect("pricer")[..200]);
    let plug = |plug: &str| env.jointer(["plug", "gateway.wasm", "--plug", plug, "-o", "out.wasm"]);
    plug("gateway.wasm").ended_with(2).code("compose::duplicate_name");
    plug("module.wasm").ended_with(4).code("compose::core_module");
    plug("cut.wasm").ended_with(4).code("compose::invalid_part");
    plug("absent.wasm").ended_with(8).code("file::not_found");
    assert!(!env.path("out.wasm").exists());
}

const WAC: &str = "package acme:app;

let pricer = new acme:pricer {};
let gateway = new acme:gateway { pricing: pricer.pricing, ... };
export gateway...;
";

#[test]
fn a_wac_file_finds_its_packages_where_wac_looks_for_them() {
    let env = TestEnv::new();
    write_parts(&env, SHOP);
    env.write("app.wac", WAC);
    std::fs::create_dir_all(env.path("deps/acme")).expect("deps");
    std::fs::rename(env.path("pricer.wasm"), env.path("deps/acme/pricer.wasm")).expect("move");
    let compose = ["compose", "app.wac", "-d", "acme:gateway=gateway.wasm", "-o", "out.wasm"];
    env.jointer(compose).success();
    let bytes = std::fs::read(env.path("out.wasm")).expect("out.wasm");
    component::validate(&bytes).expect("valid");
    let externs = component::externs(&bytes).expect("externs");
    assert_eq!((externs.imports.len(), externs.exports.as_slice()), (0, ["run".to_owned()].as_slice()));
}

#[test]
fn mistakes_in_a_wac_file_are_shown_at_their_place() {
    let env = TestEnv::new();
    write_parts(&env, SHOP);
    let compose = |text: &str| {
        env.write("app.wac", text);
        let args = ["compose", "app.wac", "-d", "acme:gateway=gateway.wasm", "-d", "acme:pricer=pricer.wasm"];
        env.jointer(args.into_iter().chain(["-o", "out.wasm"])).ended_with(4).code("compose::document")
    };
    let ran = compose("package acme:app;\nlet x = new acme:pricer {}\n");
    assert!(ran.stderr.contains("app.wac:2") || ran.stderr.contains("app.wac:3"), "{}", ran.stderr);
    let ran = compose("package acme:app;\nlet x = new acme:absent {};\n");
    assert!(ran.stderr.contains("deps/acme/absent.wasm"), "{}", ran.stderr);
    let ran = compose(&WAC.replace("pricer.pricing", "pricer.prices"));
    assert!(ran.stderr.contains("app.wac:4"), "{}", ran.stderr);
    assert!(!env.path("out.wasm").exists());
}
