//! What may be spent is never exceeded, whatever the source does; the same seed gives the same trials.

use proptest::prelude::*;

use sluice::testing::bench::record::{Trial, TrialEnding};
use sluice::testing::bench::schedule::{Left, Scheduler};
use sluice::testing::bench::setting::Way;
use sluice::testing::model::interval::Interval;
use sluice::testing::model::random::Random;

use super::{DAY_NS, cells, model, run, terms};

/// What may still arrive for each reader of a trial that was cut off, on any line: `bench::cut` holds it.
const RESERVE_BYTES: u64 = 131_072;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// The source brings up to twenty times what was expected, fails, or is slow; who runs the trial cuts it off where it
    /// was told to, and as much as is kept back may still arrive then.
    #[test]
    fn no_budget_is_exceeded(
        values in prop::collection::vec(0_u64..50_000_000, 1..40),
        budget_bytes in 0_u64..400_000_000,
        budget_ms in prop::option::of(0_u64..100_000),
        quota in prop::option::of(1_000_000_u64..10_000_000_000),
        chosen in prop::sample::select(vec!["1m", "1h", "1d", "30d"]),
        seed in any::<u64>(),
    ) {
        let mut model = model(cells(DAY_NS, values));
        model.quota = quota.map(|bytes| (bytes, 900));
        let mut terms = terms(&model, chosen, budget_bytes, seed);
        terms.budget.ms = budget_ms;
        let mut scheduler = Scheduler::new(terms);
        let mut random = Random::new(seed);
        let (mut spent, mut elapsed_ms, mut trials) = (0_u64, 0_u64, 0_u64);
        loop {
            let left = Left {
                bytes: budget_bytes - spent,
                ms: budget_ms.map(|ms| ms.saturating_sub(elapsed_ms)),
            };
            let Some(planned) = scheduler.next(left) else { break };
            prop_assert!(planned.bytes_predicted <= planned.bytes_max);
            let reserve = RESERVE_BYTES * planned.setting.concurrency as u64;
            prop_assert!(planned.bytes_max + reserve <= left.bytes);
            prop_assert!(left.ms.is_none_or(|ms| ms > 0), "no time left");
            trials += 1;
            prop_assert!(trials < 1_000, "it does not end");
            let mut trial = model.trial(&planned, trials, &mut random).unwrap();
            let came = trial.bytes_charged.saturating_mul(1 + random.below(20));
            trial.bytes_charged = came.min(planned.bytes_max + random.below(reserve));
            trial.elapsed_us = random.below(10_000_000);
            trial.ending = match random.below(10) {
                0 => TrialEnding::Failed { error: "no".to_owned() },
                _ if came > planned.bytes_max => TrialEnding::Cut { by: "byte budget".to_owned() },
                _ => TrialEnding::Complete,
            };
            spent += trial.bytes_charged;
            elapsed_ms += trial.elapsed_us / 1_000;
            prop_assert!(spent <= budget_bytes, "{spent} of {budget_bytes}");
            scheduler.take(trial);
        }
        let verdict = scheduler.verdict(None, spent, elapsed_ms);
        prop_assert_eq!(verdict.trials, trials);
        if let Some(best) = &verdict.recommendation {
            prop_assert!(verdict.rows.iter().any(|row| row.setting == best.setting));
            let beyond = format!("{}: intervals of ", best.setting.transport);
            for text in verdict.not_seen.iter().filter_map(|text| text.strip_prefix(&beyond)) {
                let (interval, _) = text.split_once(' ').unwrap();
                let interval: Interval = interval.parse().unwrap();
                prop_assert!(interval.about_ns() > best.setting.interval_ns(), "{verdict:?}");
            }
        }
    }
}

#[test]
fn a_seed_replays_its_trials() {
    let model = model(cells(DAY_NS, (0..64).map(|n| 1_000_000 + n * 100_000)));
    let order = |seed| {
        let (trials, _) = run(&model, terms(&model, "6h", 300_000_000, seed), 1);
        trials
            .iter()
            .map(|trial| (trial.setting, trial.start, trial.repetition))
            .collect::<Vec<_>>()
    };
    assert_eq!(order(4), order(4));
    assert_ne!(order(4), order(5));
}

#[test]
fn warm_ups_come_first_and_count_for_nothing_and_the_field_is_halved() {
    let model = model(cells(DAY_NS, std::iter::repeat_n(5_000_000, 64)));
    let (trials, scheduler) = run(&model, terms(&model, "6h", 30_000_000_000, 9), 9);
    let warm = trials.iter().take_while(|trial| trial.warm_up).count();
    assert_eq!(warm, 3, "one for each way");
    assert!(trials.iter().skip(warm).all(|trial| !trial.warm_up));
    let of = |repetition| {
        trials.iter().filter(|trial| !trial.warm_up && trial.repetition == repetition).count()
    };
    let (first, second, third) = (of(1), of(2), of(3));
    assert!(first > second && second >= third && third >= 2, "{first} {second} {third}");
    let verdict = scheduler.verdict(None, 0, 0);
    let runs: u64 = verdict.rows.iter().map(|row| row.runs).sum();
    assert_eq!(runs, (trials.len() - warm) as u64);
    assert_eq!(verdict.stopped, "all repetitions done");
}

#[test]
fn what_does_not_fit_is_named() {
    let model = model(cells(DAY_NS, std::iter::repeat_n(500_000_000, 64)));
    let (trials, scheduler) = run(&model, terms(&model, "1d", 30_000_000, 2), 2);
    let verdict = scheduler.verdict(None, 0, 0);
    assert!(verdict.not_seen.iter().any(|text| text.contains("(budget)")), "{verdict:?}");
    let whole = trials.iter().filter(|trial| !trial.warm_up);
    assert!(whole.map(|trial| trial.setting.interval_ns()).all(|ns| ns < DAY_NS), "1 GB a day");
    let warm = trials.iter().filter(|trial| trial.warm_up);
    assert!(warm.map(|trial| trial.bytes_charged).all(|bytes| bytes < 3_000_000), "a part of one");
    // Even a minute is more than an even share: a few trials are better than none.
    let model = self::model(cells(DAY_NS, std::iter::repeat_n(5_000_000_000, 64)));
    let (trials, scheduler) = run(&model, terms(&model, "1d", 30_000_000, 2), 2);
    let best = scheduler.verdict(None, 0, 0).recommendation.unwrap();
    assert_eq!(best.setting.interval.to_string(), "1m");
    assert!(trials.iter().any(|trial| trial.counts() && trial.bytes_charged > 6_000_000));
    // Nothing at all fits.
    let (trials, scheduler) = run(&model, terms(&model, "1d", 1_000, 2), 2);
    let verdict = scheduler.verdict(None, 0, 0);
    assert!(trials.is_empty() && verdict.recommendation.is_none());
    assert_eq!((verdict.stopped.as_str(), verdict.rows.len()), ("byte budget", 0));
}

#[test]
fn a_shorter_interval_has_all_turns_of_the_one_that_it_replaces() {
    let model = model(cells(DAY_NS, std::iter::repeat_n(10_000_000, 64)));
    for seed in 0..20 {
        let (trials, _) = run(&model, terms(&model, "7d", 30_000_000_000, seed), seed);
        // `auto` is the best one: what lies beside it is tried until the budget ends.
        let others = |trial: &&Trial| trial.setting.transport != Way(None) && !trial.warm_up;
        let first = || trials.iter().filter(others).filter(|trial| trial.repetition == 1);
        assert!(first().count() > 0, "seed {seed}");
        for trial in first() {
            let same = first().filter(|other| other.setting == trial.setting);
            assert_eq!(same.count(), 2, "seed {seed}: {} in both strata", trial.setting);
        }
    }
}
