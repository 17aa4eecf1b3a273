//! Sources whose best setting is known, because all settings can be computed.

use sluice::testing::bench::setting::{Axis, TrialSetting, Way};
use sluice::testing::bench::simulate::Model;
use sluice::testing::bench::verdict::Limit;
use sluice::testing::limits::BODY_BYTES_TARGET;
use sluice::testing::model::interval::Interval;
use sluice::testing::model::time::NS_PER_S;
use sluice::testing::model::transport::Transport;

use super::{DAY_NS, cells, model, run, terms};

/// The shortest time of all settings, whatever it would cost to try them.
fn true_optimum_ms(model: &Model, concurrency_max: usize) -> u64 {
    let lengths = [60, 300, 900, 3_600, 7_200, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000];
    let mut best = u64::MAX;
    for length in lengths {
        for cost in &model.ways {
            for concurrency in 1..=concurrency_max {
                let interval = Interval::from_ns(length * NS_PER_S);
                let transport = cost.way;
                let body_bytes = BODY_BYTES_TARGET;
                let setting = TrialSetting { interval, transport, concurrency, body_bytes };
                best = best.min(model.rehearse(setting).unwrap().whole_ms());
            }
        }
    }
    best
}

/// Whatever the seed, the recommended setting is at most a tenth slower than the best one.
fn assert_near_the_optimum(name: &str, model: &Model, chosen: &str, budget: u64) -> Vec<Limit> {
    let optimum = true_optimum_ms(model, 16);
    let mut limits = Vec::new();
    for seed in 0..20 {
        let (trials, scheduler) = run(model, terms(model, chosen, budget, seed), seed);
        let verdict = scheduler.verdict(None, 0, 0);
        let best = verdict.recommendation.unwrap();
        let own = model.rehearse(best.setting).unwrap().whole_ms();
        assert!(
            own <= optimum + optimum / 10,
            "{name}, seed {seed}: {} takes {own} ms, the best {optimum} ms, {} trials",
            best.setting,
            trials.len()
        );
        limits.push(best.limit);
    }
    limits
}

/// 64 cells of a month, 18 G values.
fn dense() -> Model {
    model(cells(30 * DAY_NS, std::iter::repeat_n(280_000_000, 64)))
}

/// 17.92 G values of 2 bytes: at 5 M values a second, and at nine tenths of a quota. What lies above is counts, latency and
/// the bytes around the values.
#[test]
fn the_optimum_is_what_a_hand_calculates() {
    let quota = |bytes| Model { quota: Some((bytes, 900)), ..dense() };
    for (name, model, hand_s) in [
        ("dense", dense(), 17_920_000_000 / 5_000_000),
        ("300 MB", quota(300_000_000), 35_840_000_000 / 900_000),
        ("3 GB", quota(3_000_000_000), 35_840_000_000 / 9_000_000),
    ] {
        let optimum_ms = true_optimum_ms(&model, 16);
        let range = hand_s * 990..=hand_s * 1_040;
        assert!(range.contains(&optimum_ms), "{name}: {optimum_ms} ms, by hand {hand_s} s");
    }
}

#[test]
fn a_dense_source_is_as_fast_as_it_answers() {
    let limits = assert_near_the_optimum("dense", &dense(), "1d", 300_000_000);
    assert!(limits.iter().all(|limit| *limit == Limit::Source), "{limits:?}");
}

#[test]
fn a_sparse_source_wants_long_batches() {
    // 1,000 values a day: each batch costs a round trip, whatever its length.
    let model = model(cells(30 * DAY_NS, std::iter::repeat_n(30_000, 64)));
    assert_near_the_optimum("sparse", &model, "7d", 300_000_000);
    let setting = |text: &str| TrialSetting {
        interval: text.parse().unwrap(),
        transport: Way(None),
        concurrency: 2,
        body_bytes: BODY_BYTES_TARGET,
    };
    let whole = |text| model.rehearse(setting(text)).unwrap().whole_ms();
    assert!(whole("1h") > 20 * whole("7d"), "the interval must matter here");
}

#[test]
fn bursts_between_empty_stretches() {
    let burst =
        |n: u64| if n % 16 == 3 { 900_000_000 } else { u64::from(n.is_multiple_of(5)) * 40_000 };
    let model = model(cells(30 * DAY_NS, (0..64).map(burst)));
    // The best interval holds gigabytes in a burst: who may not read that much does not see it.
    assert_near_the_optimum("bursty", &model, "6h", 3_000_000_000);
}

#[test]
fn a_slow_source_is_bound_by_its_time_limit() {
    let mut slow = dense();
    for cost in &mut slow.ways {
        cost.values_per_s = 20_000;
    }
    slow.ways.retain(|cost| cost.way.0.is_none_or(|transport| transport == Transport::Influxql));
    slow.latency_us = 20_000_000;
    slow.source_values_per_s = 100_000_000;
    let limits = assert_near_the_optimum("deadline", &slow, "6h", 30_000_000_000);
    assert!(limits.iter().all(|limit| *limit == Limit::Deadline), "{limits:?}");
}

#[test]
fn a_quota_makes_bytes_the_only_thing_that_counts() {
    for quota in [300_000_000, 3_000_000_000] {
        let mut paced = dense();
        paced.quota = Some((quota, 900));
        paced.source_values_per_s *= 2;
        paced.ways.iter_mut().for_each(|cost| cost.values_per_s *= 2);
        let limits = assert_near_the_optimum("quota", &paced, "1h", quota / 10);
        assert!(limits.iter().all(|limit| *limit == Limit::Quota), "{limits:?}");
    }
}

#[test]
fn the_cheapest_way_wins_under_a_quota_and_the_fastest_without() {
    let mut other = dense();
    other.ways.retain(|cost| cost.way.0 != Some(Transport::Influxql));
    // `auto` is not the best here: plain Flux costs more bytes, pivot more time.
    for cost in &mut other.ways {
        match cost.way.0 {
            Some(Transport::Flux) => (cost.milli_bytes, cost.values_per_s) = (50_000, 2_400_000),
            Some(Transport::FluxPivot) => (cost.milli_bytes, cost.values_per_s) = (6_400, 900_000),
            _ => (cost.milli_bytes, cost.values_per_s) = (120_000, 500_000),
        }
    }
    other.source_values_per_s = 100_000_000;
    other.bandwidth_bytes_per_s = 10_000_000_000;
    for (quota, best) in
        [(None, Transport::Flux), (Some((3_000_000_000, 900)), Transport::FluxPivot)]
    {
        other.quota = quota;
        let mut terms = terms(&other, "15m", 300_000_000, 5);
        terms.axes.concurrencies = Axis::only(vec![2]);
        let (_, scheduler) = run(&other, terms, 5);
        let found = scheduler.verdict(None, 0, 0).recommendation.unwrap();
        assert_eq!(found.setting.transport, Way(Some(best)), "{quota:?}");
    }
}

#[test]
fn the_margin_is_what_the_batches_show() {
    let mut even = dense();
    even.quota = Some((3_000_000_000, 900));
    let uneven = |n: u64| if n.is_multiple_of(7) { 500_000_000 } else { 180_000_000 };
    let mut bursty = even.clone();
    bursty.cells = cells(30 * DAY_NS, (0..64).map(uneven));
    let margin = |model: &Model| {
        let (_, scheduler) = run(model, terms(model, "6h", 300_000_000, 3), 3);
        scheduler.verdict(None, 0, 0).recommendation.unwrap()
    };
    let (even, bursty) = (margin(&even), margin(&bursty));
    assert!((1_000..1_020).contains(&even.variation_per_mille), "{even:?}");
    assert!(bursty.variation_per_mille >= even.variation_per_mille, "{bursty:?}");
    assert!(even.is_safe() && bursty.is_safe());
}

#[test]
fn a_rehearsal_of_a_million_million_values_takes_no_time() {
    let mut huge = model(cells(30 * DAY_NS, std::iter::repeat_n(15_625_000_000, 64)));
    huge.quota = Some((3_000_000_000, 900));
    let setting = TrialSetting {
        interval: "1h".parse().unwrap(),
        transport: Way(None),
        concurrency: 2,
        body_bytes: BODY_BYTES_TARGET,
    };
    let found = huge.rehearse(setting).unwrap();
    assert_eq!((found.values, found.batches), (1_000_000_000_000, 64 * 30 * 24));
    // 2 TB at 9 MB/s.
    let days = found.whole_ms() / 86_400_000;
    assert!((2..=3).contains(&days), "{days} d");
    assert!((700..800).contains(&found.windows.unwrap()), "{found:?}");
    assert!(found.requests > 1_000_000 && found.slices > 1_000_000, "{found:?}");
}
