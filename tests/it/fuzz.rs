//! Every target of `fuzz/targets.rs` on changed samples: for two seconds each, for `JOINTER_FUZZ_SECONDS` if that is
//! set, and with other inputs for another `JOINTER_FUZZ_SEED`. What broke once lies in `fuzz/found/TARGET` and is tried
//! first.

#[path = "../../fuzz/mutate.rs"]
pub mod mutate;
#[path = "../../fuzz/targets.rs"]
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use mutate::Random;
use targets::{Samples, TARGETS, Target};

use crate::adapt::{guest, program};
use crate::support::TestEnv;

/// No input may take as long, on a machine that does other work as well.
const TOO_LONG: Duration = Duration::from_secs(30);

/// Components and core modules of compilers, of several snapshots.
fn components() -> Vec<Vec<u8>> {
    let env = TestEnv::new();
    let read = |path: &Path| std::fs::read(path).expect("the guest");
    let october = read(&guest("wasm32-unknown-unknown", "october"));
    let mut encoder = wit_component::ComponentEncoder::default();
    let october = encoder.module(&october).and_then(|encoder| encoder.encode()).expect("a component");
    let module = read(&program(&env, "fn main() {}", "wasm32-wasip1"));
    let component = read(&program(&env, "fn main() { println!(\"hello\") }", "wasm32-wasip2"));
    let mixed = read(&guest("wasm32-wasip2", "snapshot"));
    vec![october, module, component, mixed]
}

fn samples(target: &Target, components: &[Vec<u8>]) -> Vec<Vec<u8>> {
    match target.samples {
        Samples::Components => components.to_vec(),
        Samples::Made(make) => make(),
    }
}

/// The folder of the samples of all targets, from which `fuzz/run` starts.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz")
}

fn write_samples(target: &Target, samples: &[Vec<u8>]) {
    let folder = folder().join(target.name);
    std::fs::create_dir_all(&folder).expect("a folder");
    for (number, sample) in samples.iter().enumerate() {
        std::fs::write(folder.join(format!("sample-{number}")), sample).expect("written");
    }
}

fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")),
        Err(_) => default,
    }
}

/// An input that runs, and since when.
struct Running {
    input: Vec<u8>,
    since: Instant,
}

/// Keeps an input that broke a target and says how to try it again.
fn kept(target: &Target, input: &[u8]) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "{}-{}",
        target.name,
        &jointer::digest::Digest::of(input).hex()[..12]
    ));
    std::fs::write(&path, input).expect("written");
    format!(
        "the input is `{}`; as a file of `fuzz/found/{}` it is tried every time",
        path.display(),
        target.name
    )
}

/// Gives a target inputs until `seconds` are over; gives how many.
fn exercise(target: &Target, samples: &[Vec<u8>], seconds: Duration, seed: u64) -> u64 {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/found").join(target.name);
    let found = std::fs::read_dir(found).into_iter().flatten().map(|entry| entry.expect("entry").path());
    let mut first: Vec<Vec<u8>> = found.map(|path| std::fs::read(path).expect("an input")).collect();
    first.extend_from_slice(samples);
    let running = Mutex::new(None::<Running>);
    let run = |input: Vec<u8>| {
        *running.lock().expect("lock") = Some(Running { input: input.clone(), since: Instant::now() });
        let ended = catch_unwind(AssertUnwindSafe(|| (target.run)(&input)));
        *running.lock().expect("lock") = None;
        assert!(ended.is_ok(), "`{}` broke: {}", target.name, kept(target, &input));
    };
    let work = || {
        let (mut random, mut count) = (Random::new(seed), 0);
        let until = Instant::now() + seconds;
        first.into_iter().for_each(|input| {
            run(input);
            count += 1;
        });
        while Instant::now() < until {
            run(mutate::mutated(samples, &mut random));
            count += 1;
        }
        count
    };
    std::thread::scope(|scope| {
        let worker = scope.spawn(work);
        while !worker.is_finished() {
            std::thread::sleep(Duration::from_millis(20));
            let late = running.lock().expect("lock").take_if(|running| running.since.elapsed() > TOO_LONG);
            if let Some(late) = late {
                // The worker cannot be stopped, and the scope would wait for it for ever.
                eprintln!("`{}` does not end: {}", target.name, kept(target, &late.input));
                std::process::abort();
            }
        }
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
fn no_input_breaks_a_target() {
    let seconds = Duration::from_secs(number("JOINTER_FUZZ_SECONDS", 2));
    let components = components();
    for target in TARGETS {
        let samples = samples(target, &components);
        write_samples(target, &samples);
        let count = exercise(target, &samples, seconds, number("JOINTER_FUZZ_SEED", 1));
        eprintln!("{:<12} {count:>8} inputs in {} s", target.name, seconds.as_secs());
        // A target that takes so long is not fuzzed but waited for.
        assert!(count >= 2 * seconds.as_secs(), "only {count} inputs for `{}`", target.name);
    }
}

#[test]
fn a_target_that_breaks_is_found_with_its_input() {
    fn breaks(input: &[u8]) {
        assert!(!input.starts_with(b"j") || input.len() > 3, "too short");
    }
    let target = Target { name: "breaks", samples: Samples::Made(|| vec![b"jointer".to_vec()]), run: breaks };
    let samples = samples(&target, &[]);
    let broken = catch_unwind(AssertUnwindSafe(|| exercise(&target, &samples, Duration::from_secs(20), 1)))
        .unwrap_err();
    let said = broken.downcast_ref::<String>().expect("a text");
    let path = said.split('`').nth(3).expect("a path");
    let input = std::fs::read(path).expect("the input");
    assert!(input.starts_with(b"j") && input.len() <= 3, "{input:?}");
    std::fs::remove_file(path).expect("removed");
    assert!(std::panic::catch_unwind(|| targets::target("nothing")).is_err());
}
