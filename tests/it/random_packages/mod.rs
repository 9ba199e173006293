//! Random packages in two versions that agree: a component for the one, mapped to the other, passes every call on
//! unchanged; and where one thing differs it is refused by its name.

mod component;
mod value;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use arbitrary::Unstructured;
use jointer::adapt::{self, AdaptError, Adapted, Mapping};
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Engine, Store};
use wit_parser::{InterfaceId, Resolve, Type, TypeDefKind, TypeId};

use crate::fuzz::mutate::Random;
use component::passing;
use value::value;

/// Whether a value of this type is all there is to it: no handles, nothing that waits.
fn is_plain(resolve: &Resolve, ty: &Type) -> bool {
    let Type::Id(id) = ty else { return *ty != Type::ErrorContext };
    let all =
        |mut types: &mut dyn Iterator<Item = &Type>| Iterator::all(&mut types, |ty| is_plain(resolve, ty));
    match &resolve.types[*id].kind {
        TypeDefKind::Type(ty) | TypeDefKind::List(ty) | TypeDefKind::Option(ty) => is_plain(resolve, ty),
        TypeDefKind::Record(record) => all(&mut record.fields.iter().map(|field| &field.ty)),
        TypeDefKind::Tuple(tuple) => all(&mut tuple.types.iter()),
        TypeDefKind::Variant(variant) => all(&mut variant.cases.iter().filter_map(|case| case.ty.as_ref())),
        TypeDefKind::Result(result) => all(&mut result.ok.iter().chain(&result.err)),
        TypeDefKind::Enum(_) | TypeDefKind::Flags(_) => true,
        _ => false,
    }
}

/// The interface of the random packages with the most functions, all of which only pass values.
fn interface(resolve: &Resolve) -> Option<InterfaceId> {
    let fits = |id: &InterfaceId| {
        let interface = &resolve.interfaces[*id];
        let mut values = interface
            .functions
            .values()
            .flat_map(|function| function.params.iter().map(|param| &param.ty).chain(&function.result));
        interface.name.is_some()
            && !interface.functions.is_empty()
            && interface.types.values().all(|id| is_plain(resolve, &Type::Id(*id)))
            && values.all(|ty| is_plain(resolve, ty))
    };
    let candidates = resolve.interfaces.iter().map(|(id, _)| id).filter(fits);
    candidates.max_by_key(|id| resolve.interfaces[*id].functions.len())
}

/// The packages, all of them in this version.
fn in_version(resolve: &Resolve, version: &str) -> Option<Resolve> {
    let mut resolve = resolve.clone();
    let mut names = HashMap::new();
    for (id, package) in resolve.packages.iter_mut() {
        package.name.version = Some(version.parse().ok()?);
        // Two packages that differ in their version alone would become one.
        if names.insert(package.name.clone(), id).is_some() {
            return None;
        }
    }
    resolve.package_names = resolve.packages.iter().map(|(id, package)| (package.name.clone(), id)).collect();
    Some(resolve)
}

/// Random packages and an interface in them with functions that can be called with values.
fn packages(random: &mut Random) -> Option<(Resolve, InterfaceId)> {
    let bytes: Vec<u8> = (0..2000 + random.below(4000)).map(|_| random.below(256) as u8).collect();
    let config = wit_smith::Config { max_packages: 2, max_type_size: 30, ..wit_smith::Config::default() };
    let package = wit_smith::smith(&config, &mut Unstructured::new(&bytes)).ok()?;
    let wit_parser::decoding::DecodedWasm::WitPackage(mut resolve, _) =
        wit_parser::decoding::decode(&package).ok()?
    else {
        return None;
    };
    // Functions and types may carry an id of the outside world, which this wasmtime does not read yet.
    resolve.types.iter_mut().for_each(|(_, ty)| ty.external_id = None);
    let functions = resolve.interfaces.iter_mut().flat_map(|(_, interface)| interface.functions.values_mut());
    functions.for_each(|function| function.external_id = None);
    let interface = interface(&resolve)?;
    Some((resolve, interface))
}

/// Maps a component to version 1.2.0 of all packages that it mentions in version 1.1.0; types may come from other
/// packages, which have to move with it.
fn mapped(component: &[u8], other: &[u8]) -> Result<Adapted, AdaptError> {
    let externs = jointer::component::externs(component).expect("names");
    let names = externs.imports.iter().chain(&externs.exports).filter_map(|name| name.split('/').next());
    let packages: BTreeSet<&str> = names.collect();
    let mappings: Vec<Mapping> = packages
        .iter()
        .map(|package| format!("{package}@1.1.0={package}@1.2.0").parse().expect("a mapping"))
        .collect();
    adapt::map(component, &mappings, &[other])
}

/// What a function was given and what it gave.
type Call = (Vec<Val>, Vec<Val>);

/// How often each function is called, with other values each time.
const ROUNDS: usize = 5;

/// Calls every function of the interface through the component, whose host answers at random; gives what the caller
/// gave and got, after what the host saw and answered was found to be the same.
fn calls(bytes: &[u8], name: &str, functions: &[String], seed: u64) -> Vec<Call> {
    let engine = Engine::default();
    let component = Component::new(&engine, bytes).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    let mut linker = Linker::<()>::new(&engine);
    let seen: Arc<Mutex<Vec<Call>>> = Arc::default();
    let mut instance = linker.instance(name).expect("an instance");
    for function in functions {
        let seen = seen.clone();
        let answer = move |_: wasmtime::StoreContextMut<'_, ()>,
                           ty: wasmtime::component::types::ComponentFunc,
                           params: &[Val],
                           results: &mut [Val]| {
            let mut random = Random::new(!seed ^ seen.lock().expect("lock").len() as u64);
            for (result, ty) in results.iter_mut().zip(ty.results()) {
                *result = value(&mut random, &ty);
            }
            seen.lock().expect("lock").push((params.to_vec(), results.to_vec()));
            Ok(())
        };
        instance.func_new(function, answer).expect("a function");
    }
    let mut store = Store::new(&engine, ());
    let running = linker.instantiate(&mut store, &component).expect("it links");
    let exported = running.get_export_index(&mut store, None, name).expect("the interface");
    let mut random = Random::new(seed);
    let mut call = |function: &String| {
        let index = running.get_export_index(&mut store, Some(&exported), function).expect("the function");
        let called = running.get_func(&mut store, index).expect("a function");
        let ty = called.ty(&store);
        let given: Vec<Val> = ty.params().map(|(_, ty)| value(&mut random, &ty)).collect();
        let mut got = vec![Val::Bool(false); ty.results().len()];
        called.call(&mut store, &given, &mut got).unwrap_or_else(|error| panic!("{function}: {error:?}"));
        let host = seen.lock().expect("lock").last().cloned().expect("the host was called");
        assert_eq!(host, (given, got), "{name} {function}");
        host
    };
    (0..ROUNDS).flat_map(|_| functions).map(&mut call).collect()
}

/// Gives one thing of the interface another type; gives words for it that a message must have.
fn changed(resolve: &mut Resolve, interface: InterfaceId, random: &mut Random) -> Option<Vec<String>> {
    let other = |ty: &Type| if *ty == Type::U16 { Type::S64 } else { Type::U16 };
    let functions = resolve.interfaces[interface].functions.clone();
    let used: Vec<TypeId> = functions
        .values()
        .flat_map(|function| function.params.iter().map(|param| param.ty).chain(function.result))
        .filter_map(|ty| if let Type::Id(id) = ty { Some(id) } else { None })
        .filter(
            |id| matches!(&resolve.types[*id].kind, TypeDefKind::Record(record) if !record.fields.is_empty()),
        )
        .collect();
    if !used.is_empty() && random.below(2) == 0 {
        let id = used[random.below(used.len())];
        let TypeDefKind::Record(record) = &mut resolve.types[id].kind else { return None };
        let field = random.below(record.fields.len());
        let field = &mut record.fields[field];
        field.ty = other(&field.ty);
        return Some(vec![format!("field `{}`", field.name)]);
    }
    let name = functions.keys().nth(random.below(functions.len()))?.clone();
    let function = &mut resolve.interfaces[interface].functions[&name];
    let mut words = vec![format!("`{name}`")];
    match function.params.len() {
        0 => function.result = Some(function.result.as_ref().map_or(Type::Bool, other)),
        many => {
            let param = &mut function.params[random.below(many)];
            param.ty = other(&param.ty);
            words.push(format!("`{}`", param.name));
        }
    }
    Some(words)
}

#[test]
fn calls_pass_unchanged_between_versions_that_agree() {
    let full = std::env::var_os("JOINTER_FULL").is_some();
    let wanted = if full { 3000 } else { 200 };
    let (mut passed, mut called, mut refused) = (0, 0, 0);
    for seed in 0.. {
        if passed == wanted {
            break;
        }
        assert!(seed < wanted * 100, "only {passed} of {seed} random packages have functions to call");
        let mut random = Random::new(seed);
        let Some((resolve, interface)) = packages(&mut random) else { continue };
        let versions = (in_version(&resolve, "1.1.0"), in_version(&resolve, "1.2.0"));
        let (Some(old), Some(mut new)) = versions else { continue };
        let component = passing(&old, interface);
        let adapted =
            mapped(&component, &passing(&new, interface)).unwrap_or_else(|error| panic!("{seed}: {error}"));
        jointer::component::validate(&adapted.bytes).expect("valid");
        let externs = jointer::component::externs(&adapted.bytes).expect("names");
        let mut names = externs.imports.iter().chain(&externs.exports);
        assert!(names.all(|name| name.ends_with("@1.2.0")), "{externs:?}");
        let functions: Vec<String> = new.interfaces[interface].functions.keys().cloned().collect();
        let without = calls(&component, &old.id_of(interface).expect("a name"), &functions, seed);
        let with = calls(&adapted.bytes, &new.id_of(interface).expect("a name"), &functions, seed);
        assert_eq!(with, without, "{seed}");
        (passed, called) = (passed + 1, called + with.len() as u64);
        // The same with one thing that differs.
        let Some(words) = changed(&mut new, interface, &mut random) else { continue };
        let error = mapped(&component, &passing(&new, interface)).expect_err("they differ");
        let said = error.to_string();
        assert!(matches!(error, AdaptError::MapDiffers { .. }), "{seed}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{seed}: {words:?} in {said}");
        refused += 1;
    }
    eprintln!("{passed} random packages, {called} calls; {refused} times something differed");
    assert!(called > 5 * passed && refused > passed / 2, "{called} calls, {refused} refusals");
}
