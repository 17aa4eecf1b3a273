//! Random buckets, moved between two simulated servers with one trouble each: in the end both hold the same, or every
//! difference is named and the exit code says so.
//!
//! One seed is one case. `SLUICE_TEST_SEED=N` runs one and tells what it is; `SLUICE_TEST_SEEDS=FROM..TO` runs others than
//! the first ones.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod case;
pub(crate) mod content;
mod dice;
mod oracle;
mod run;
mod trouble;
mod verified;

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use case::Case;
use sluice::testing::model::canary::Canary;

/// Runs one seed, and tells all of it.
const ONE_SEED: &str = "SLUICE_TEST_SEED";

/// Seeds of a plain test run.
const SEEDS: Range<u64> = 0..500;

/// Seeds that have failed once, each for a fault of its own.
const FAILED_ONCE: [u64; 6] = [411_733, 418_819, 510_806, 640_307, 758_186, 767_127];

/// Seeds that have to be enough to find a fault that was put back.
const CANARY_SEEDS: u64 = 200;

/// The faults that this test was made for.
const CANARIES: [Canary; 3] =
    [Canary::DerivedZero, Canary::GuessedDatabase, Canary::DamagedWritten];

/// Seeds under way at one time.
const WORKERS: usize = 3;

/// What no case needs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Of what is told of a seed.
const LINE_CHARS_MAX: usize = 1_000;

/// A seed that failed, and how.
#[derive(Debug, Clone)]
struct Failure {
    seed: u64,
    text: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seed, text } = self;
        write!(f, "SLUICE_TEST_SEED={seed} cargo test --test it differential::seeds # {text}")
    }
}

/// Runs one case to its end; what is wrong with it.
fn try_seed(seed: u64, canary: Canary) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let work = async {
        let case = Case::of(seed);
        let rig = run::rig_of(&case, canary).await;
        let result = async {
            let ended = run::moved(&case, &rig).await;
            if std::env::var_os(ONE_SEED).is_some() {
                eprintln!("{ended:#?}");
                oracle::tell(&case, &rig.source, &rig.destination);
            }
            let ended = ended?;
            oracle::judge(&case, &ended, &rig.source, &rig.destination)?;
            verified::judge(&case, &rig, &ended).await
        };
        let result = tokio::time::timeout(PATIENCE, result).await;
        let result = result.unwrap_or_else(|_| Err(format!("no end after {PATIENCE:?}")));
        result.map_err(|text| format!("{text}; {case}"))
    };
    let result = catch_unwind(AssertUnwindSafe(|| runtime.block_on(work)));
    // A run that hangs must not hold the others up.
    runtime.shutdown_background();
    result.unwrap_or_else(|panic| Err(format!("panic: {}", text_of(&*panic))))
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Runs seeds on a few threads; the failures, by seed.
fn try_seeds(
    seeds: Range<u64>,
    try_one: impl Fn(u64) -> Result<(), String> + Sync,
) -> Vec<Failure> {
    let next = AtomicU64::new(seeds.start);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    if let Err(text) = try_one(seed) {
                        let text = text.chars().take(LINE_CHARS_MAX).collect();
                        let failure = Failure { seed, text };
                        eprintln!("{failure}");
                        failures.lock().unwrap().push(failure);
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort_by_key(|failure: &Failure| failure.seed);
    failures
}

fn wanted_seeds() -> Range<u64> {
    let number = |text: &str| text.parse().expect("a number of a seed");
    if let Ok(seed) = std::env::var(ONE_SEED) {
        let seed = number(&seed);
        eprintln!("{}", Case::of(seed));
        return seed..seed + 1;
    }
    let Ok(seeds) = std::env::var("SLUICE_TEST_SEEDS") else { return SEEDS };
    let (from, to) = seeds.split_once("..").expect("FROM..TO");
    number(from)..number(to)
}

/// A mended fault that is put back, to look at what one seed makes of it.
fn wanted_canary() -> Canary {
    let Ok(name) = std::env::var("SLUICE_TEST_CANARY") else { return Canary::None };
    let found = CANARIES.into_iter().find(|canary| format!("{canary:?}") == name);
    found.expect("the name of a canary")
}

#[test]
fn seeds_arrive_or_every_difference_is_named() {
    let (seeds, canary) = (wanted_seeds(), wanted_canary());
    let failures = try_seeds(seeds.clone(), |seed| try_seed(seed, canary));
    let count = seeds.end - seeds.start;
    println!("{count} seeds, {} failed", failures.len());
    let lines: Vec<_> = failures.iter().map(ToString::to_string).collect();
    assert!(
        failures.is_empty(),
        "{} of {count} seeds failed:\n{}",
        failures.len(),
        lines.join("\n")
    );
}

#[test]
fn seeds_that_have_failed_once_pass() {
    for seed in FAILED_ONCE {
        assert_eq!(try_seed(seed, Canary::None), Ok(()), "SLUICE_TEST_SEED={seed}");
    }
}

/// Each put back, they are found.
#[test]
fn mended_faults_are_found_again() {
    for canary in CANARIES {
        let found = Mutex::new(None);
        let try_one = |seed| {
            if found.lock().unwrap().is_none()
                && let Err(text) = try_seed(seed, canary)
                && try_seed(seed, Canary::None).is_ok()
            {
                println!("{canary:?} is found by seed {seed}: {text}");
                found.lock().unwrap().get_or_insert(seed);
            }
            Ok(())
        };
        try_seeds(0..CANARY_SEEDS, try_one);
        assert!(
            found.into_inner().unwrap().is_some(),
            "{canary:?} is not found by {CANARY_SEEDS} seeds"
        );
    }
}
