//! Runs the units of a plan: each after those that it needs, several at once, within processors and
//! memory.
//!
//! One thread decides and starts, the others only work; so nothing here needs a lock. After a failure
//! nothing new is started, and what is running is waited for: its result goes into the cache.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;

use crate::error::{Error, Result};
use crate::process::{ProcessError, interrupted};

/// What the scheduler has to know of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Task {
    /// The units whose results it needs; all of them stand before it.
    pub(super) needs: Vec<usize>,
    /// How much memory it takes while it runs, in bytes.
    pub(super) memory: u64,
    /// How long it will take compared with the others: long ones start first.
    pub(super) length: u32,
    /// Units with the same text here never run at the same time.
    pub(super) alone: Option<&'static str>,
}

/// How much may run at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Units at a time.
    pub(super) jobs: usize,
    /// Bytes of memory for all running units together.
    pub(super) memory: u64,
}

/// What is done with a unit.
pub(super) trait Work: Sync {
    /// What a unit gives to those that need it.
    type Output: Clone + Send + Sync;

    /// The result, when it need not run. Called on one thread, once all that it needs is done.
    fn fresh(&self, unit: usize, done: &[Option<Self::Output>]) -> Result<Option<Self::Output>>;

    /// Runs it. Called on a thread of its own.
    fn run(&self, unit: usize, done: &[Option<Self::Output>]) -> Result<Self::Output>;
}

/// Runs all `tasks`; gives their outputs in the same order.
///
/// # Errors
/// The first error of a unit, or that a signal came.
pub(super) fn run<W: Work>(tasks: &[Task], limits: Limits, work: &W) -> Result<Vec<W::Output>> {
    let mut state = State {
        tasks,
        limits,
        done: vec![None; tasks.len()],
        left: longest_first(tasks),
        running: Vec::new(),
    };
    let mut failure = None;
    std::thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        loop {
            if failure.is_none()
                && let Err(error) = state.settle_fresh(work)
            {
                failure = Some(error);
            }
            while failure.is_none() && !interrupted() {
                let Some(unit) = state.next() else { break };
                let (sender, done) = (sender.clone(), state.done.clone());
                state.running.push(unit);
                scope.spawn(move || {
                    // A bug in a unit must end the build, not leave it waiting for this message.
                    let result = catch_unwind(AssertUnwindSafe(|| work.run(unit, &done)));
                    let _ = sender.send((unit, result));
                });
            }
            if state.running.is_empty() {
                break;
            }
            // The scope's own sender is alive, so this only ends with a message.
            let Ok((unit, result)) = results.recv() else { break };
            state.running.retain(|other| *other != unit);
            match result.unwrap_or_else(|panic| resume_unwind(panic)) {
                Ok(output) => state.done[unit] = Some(output),
                Err(error) if failure.is_none() => failure = Some(error),
                Err(_) => {}
            }
        }
    });
    match failure {
        Some(error) => Err(error),
        None => state.done.into_iter().collect::<Option<Vec<_>>>().ok_or_else(stopped),
    }
}

/// Units are left over and nothing runs or failed: a signal came between two of them.
fn stopped() -> Error {
    ProcessError::Interrupted.into()
}

struct State<'a, Output> {
    tasks: &'a [Task],
    limits: Limits,
    done: Vec<Option<Output>>,
    /// Those that were neither found fresh nor started, in the order of starting.
    left: Vec<Candidate>,
    running: Vec<usize>,
}

#[derive(Clone, Copy)]
struct Candidate {
    unit: usize,
    dirty: bool,
}

fn longest_first(tasks: &[Task]) -> Vec<Candidate> {
    let mut left: Vec<Candidate> = (0..tasks.len()).map(|unit| Candidate { unit, dirty: false }).collect();
    left.sort_by_key(|candidate| std::cmp::Reverse(tasks[candidate.unit].length));
    left
}

impl<Output: Clone> State<'_, Output> {
    fn ready(&self, unit: usize) -> bool {
        self.tasks[unit].needs.iter().all(|need| self.done[*need].is_some())
    }

    /// Asks for every unit that became ready whether it is fresh, until no answer makes another ready.
    fn settle_fresh<W: Work<Output = Output>>(&mut self, work: &W) -> Result<()> {
        loop {
            let mut in_order: Vec<usize> = (0..self.left.len()).collect();
            in_order.sort_by_key(|at| self.left[*at].unit);
            let mut found = false;
            for at in in_order {
                let Candidate { unit, dirty } = self.left[at];
                if dirty || !self.ready(unit) {
                    continue;
                }
                match work.fresh(unit, &self.done)? {
                    Some(output) => {
                        self.done[unit] = Some(output);
                        found = true;
                    }
                    None => self.left[at].dirty = true,
                }
            }
            self.left.retain(|candidate| self.done[candidate.unit].is_none());
            if !found {
                return Ok(());
            }
        }
    }

    /// Takes the next unit that may start now.
    fn next(&mut self) -> Option<usize> {
        if self.running.len() >= self.limits.jobs {
            return None;
        }
        let at = self.left.iter().position(|candidate| candidate.dirty && self.fits(candidate.unit))?;
        Some(self.left.remove(at).unit)
    }

    /// Whether it can run beside those that do. One unit always may: waiting would not make room.
    fn fits(&self, unit: usize) -> bool {
        let task = &self.tasks[unit];
        let used: u64 = self.running.iter().map(|other| self.tasks[*other].memory).sum();
        let alone = |other: &usize| task.alone.is_some() && task.alone == self.tasks[*other].alone;
        self.running.is_empty()
            || (used.saturating_add(task.memory) <= self.limits.memory && !self.running.iter().any(alone))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::error::FileError;

    /// Pretends to build: real tools would say nothing about the order of starting.
    #[derive(Default)]
    struct Pretend {
        fresh: BTreeSet<usize>,
        fails: BTreeSet<usize>,
        long: BTreeSet<usize>,
        log: Mutex<Vec<String>>,
        running: Mutex<(BTreeSet<usize>, Vec<BTreeSet<usize>>)>,
    }

    impl Pretend {
        fn log(&self, what: String) {
            self.log.lock().unwrap().push(what);
        }

        fn most_at_once(&self) -> usize {
            self.running.lock().unwrap().1.iter().map(BTreeSet::len).max().unwrap_or(0)
        }

        fn ever_together(&self, a: usize, b: usize) -> bool {
            self.running.lock().unwrap().1.iter().any(|set| set.contains(&a) && set.contains(&b))
        }
    }

    impl Work for Pretend {
        type Output = usize;

        fn fresh(&self, unit: usize, _: &[Option<usize>]) -> Result<Option<usize>> {
            Ok(self.fresh.contains(&unit).then_some(unit))
        }

        fn run(&self, unit: usize, done: &[Option<usize>]) -> Result<usize> {
            {
                let mut running = self.running.lock().unwrap();
                running.0.insert(unit);
                let now = running.0.clone();
                running.1.push(now);
            }
            self.log(format!("{unit} of {:?}", done.iter().flatten().collect::<Vec<_>>()));
            // One that others wait for must not end before the failure is known.
            let long = self.long.contains(&unit);
            std::thread::sleep(Duration::from_millis(if long { 500 } else { 30 }));
            self.running.lock().unwrap().0.remove(&unit);
            if self.fails.contains(&unit) {
                return Err(FileError::NotFound(format!("{unit}").into()).into());
            }
            Ok(unit)
        }
    }

    const WIDE: Limits = Limits { jobs: 8, memory: 100 };

    fn needs(needs: &[usize]) -> Task {
        Task { needs: needs.to_vec(), memory: 1, ..Task::default() }
    }

    #[test]
    fn a_unit_runs_after_those_that_it_needs() {
        let work = Pretend::default();
        let done = run(&[needs(&[]), needs(&[]), needs(&[0, 1]), needs(&[2])], WIDE, &work).unwrap();
        assert_eq!(done, [0, 1, 2, 3]);
        assert_eq!(work.log.lock().unwrap()[2..], ["2 of [0, 1]", "3 of [0, 1, 2]"]);
        assert!(work.ever_together(0, 1));
    }

    #[test]
    fn a_fresh_unit_does_not_run() {
        let work = Pretend { fresh: BTreeSet::from([0, 2]), ..Pretend::default() };
        run(&[needs(&[]), needs(&[0]), needs(&[0])], WIDE, &work).unwrap();
        assert_eq!(*work.log.lock().unwrap(), ["1 of [0, 2]"]);
    }

    #[test]
    fn no_more_run_at_once_than_jobs_and_memory_allow() {
        let four = || (0..4).map(|_| Task { memory: 40, ..Task::default() }).collect::<Vec<_>>();
        let work = Pretend::default();
        run(&four(), Limits { jobs: 8, memory: 100 }, &work).unwrap();
        assert_eq!(work.most_at_once(), 2, "memory");
        let work = Pretend::default();
        run(&four(), Limits { jobs: 1, memory: 1000 }, &work).unwrap();
        assert_eq!(work.most_at_once(), 1, "jobs");
        let work = Pretend::default();
        run(&four(), Limits { jobs: 8, memory: 10 }, &work).unwrap();
        assert_eq!(work.most_at_once(), 1, "one always may");
    }

    #[test]
    fn what_must_be_alone_is() {
        let work = Pretend::default();
        let cargo = || Task { alone: Some("cargo"), ..Task::default() };
        run(&[cargo(), Task::default(), cargo()], WIDE, &work).unwrap();
        assert!(!work.ever_together(0, 2));
        assert!(work.ever_together(0, 1));
    }

    #[test]
    fn the_longest_starts_first() {
        let work = Pretend::default();
        let long = |length| Task { length, ..Task::default() };
        run(&[long(1), long(30), long(7)], Limits { jobs: 1, memory: 0 }, &work).unwrap();
        let log = work.log.lock().unwrap();
        assert_eq!(log.iter().map(|line| &line[..1]).collect::<String>(), "120");
    }

    #[test]
    #[should_panic(expected = "a bug")]
    fn a_bug_in_a_unit_ends_the_build() {
        struct Bug;
        impl Work for Bug {
            type Output = ();

            fn fresh(&self, _: usize, _: &[Option<()>]) -> Result<Option<()>> {
                Ok(None)
            }

            fn run(&self, _: usize, _: &[Option<()>]) -> Result<()> {
                panic!("a bug");
            }
        }
        let _ = run(&[needs(&[])], WIDE, &Bug);
    }

    #[test]
    fn after_a_failure_nothing_new_starts_and_the_running_end() {
        let work = Pretend { fails: BTreeSet::from([0]), long: BTreeSet::from([1]), ..Pretend::default() };
        let tasks = [needs(&[]), needs(&[]), needs(&[1])];
        let error = run(&tasks, WIDE, &work).expect_err("0 fails");
        assert_eq!(error.to_string(), "`0` does not exist");
        assert!(work.running.lock().unwrap().0.is_empty());
        assert!(!work.log.lock().unwrap().iter().any(|line| line.starts_with('2')));
    }
}
