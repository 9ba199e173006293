//! Validation.
//!
//! Function bodies are nearly all of the work, and each can be checked by itself, so they are spread
//! over the processor's cores: an interpreter of 18 MB inside a component would otherwise cost more
//! than everything else that jointer does to it.

use std::sync::Mutex;

use wasmparser::types::Types;
use wasmparser::{
    FuncToValidate, FuncValidatorAllocations, FunctionBody, ValidPayload, Validator, ValidatorResources,
    WasmFeatures,
};

use super::ComponentError;
use super::read::{complaint, kind, parser};

type Function<'a> = (FuncToValidate<ValidatorResources>, FunctionBody<'a>);

/// Checks a component or core module against all rules of WebAssembly, every proposal included.
///
/// # Errors
/// Those of [`super::kind`], [`ComponentError::Truncated`] and [`ComponentError::Invalid`]; of several
/// mistakes the first.
pub fn validate(bytes: &[u8]) -> Result<(), ComponentError> {
    let (_, functions) = outline(bytes)?;
    bodies(functions).map_err(|error| complaint(bytes, &error))
}

/// The types of everything outside of function bodies, which are not looked at.
///
/// # Errors
/// As [`validate`].
pub fn interface(bytes: &[u8]) -> Result<Types, ComponentError> {
    outline(bytes).map(|(types, _)| types)
}

fn outline(bytes: &[u8]) -> Result<(Types, Vec<Function<'_>>), ComponentError> {
    let kind = kind(bytes)?;
    let failed = |error| complaint(bytes, &error);
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let mut functions = Vec::new();
    let mut outermost = None;
    for payload in parser().parse_all(bytes) {
        match validator.payload(&payload.map_err(failed)?).map_err(failed)? {
            ValidPayload::Func(function, body) => functions.push((function, body)),
            ValidPayload::End(types) => outermost = Some(types),
            ValidPayload::Ok | ValidPayload::Parser(_) => {}
        }
    }
    let types = outermost.ok_or(ComponentError::Truncated { what: kind.word(), bytes: bytes.len() })?;
    Ok((types, functions))
}

/// Below this many functions starting threads costs more than it saves.
const WORTH_THREADS: usize = 256;

/// So many functions a thread takes at once: few enough that none waits for another at the end.
const BATCH: usize = 64;

fn bodies(functions: Vec<Function<'_>>) -> Result<(), wasmparser::Error> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = if functions.len() < WORTH_THREADS { 1 } else { workers };
    let queue = Mutex::new(functions.into_iter());
    let batch = || match queue.lock() {
        Ok(mut queue) => queue.by_ref().take(BATCH).collect(),
        Err(_) => Vec::new(),
    };
    let work = || {
        let mut first: Option<wasmparser::Error> = None;
        let mut allocations = FuncValidatorAllocations::default();
        loop {
            let functions: Vec<Function<'_>> = batch();
            if functions.is_empty() {
                break;
            }
            for (function, body) in functions {
                let mut validator = function.into_validator(std::mem::take(&mut allocations));
                if let Err(error) = validator.validate(&body) {
                    first = earlier(first, Some(error));
                }
                allocations = validator.into_allocations();
            }
        }
        first
    };
    // The earliest error, not the first found: which thread is faster must not change what is said.
    let first = std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        others.into_iter().filter_map(|worker| worker.join().ok()).fold(work(), earlier)
    });
    first.map_or(Ok(()), Err)
}

fn earlier(a: Option<wasmparser::Error>, b: Option<wasmparser::Error>) -> Option<wasmparser::Error> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.offset() < a.offset() { b } else { a }),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many_functions(broken: &[usize]) -> Vec<u8> {
        let functions: String = (0..1000)
            .map(|n| if broken.contains(&n) { "(func i32.add drop)" } else { "(func i32.const 1 drop)" })
            .collect();
        wat::parse_str(format!("(component (core module {functions}))")).unwrap()
    }

    #[test]
    fn the_first_of_several_broken_functions_is_reported_every_time() {
        assert_eq!(validate(&many_functions(&[])), Ok(()));
        let first = validate(&many_functions(&[700])).unwrap_err();
        for _ in 0..5 {
            assert_eq!(validate(&many_functions(&[999, 700, 820])).unwrap_err(), first);
        }
    }

    #[test]
    fn the_outline_does_not_look_into_functions() {
        assert!(interface(&many_functions(&[3])).is_ok());
    }
}
