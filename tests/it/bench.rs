//! Trials of settings: what is run, what it may cost, what follows from it.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod budget;
mod compared;
mod cut;
mod html;
mod optimum;
mod predicted;
mod records;

use sluice::testing::bench::extrapolate::Whole;
use sluice::testing::bench::record::{BenchHeader, Machine, Recorded, Trial, TrialSink};
use sluice::testing::bench::sample::Strata;
use sluice::testing::bench::schedule::{Left, Scheduler, Terms};
use sluice::testing::bench::setting::{Axes, Axis, Way, intervals_around};
use sluice::testing::bench::simulate::{Model, WayCost};
use sluice::testing::limits::{BODY_BYTES_TARGET, QUERY_TIMEOUT_MS_DEFAULT};
use sluice::testing::model::density::Cell;
use sluice::testing::model::interval::Interval;
use sluice::testing::model::random::Random;
use sluice::testing::model::time::{NS_PER_S, TimeRange, Timestamp};
use sluice::testing::model::transport::Transport;

const DAY_NS: i64 = 86_400 * NS_PER_S;

/// Cells of this length from 2022 on.
fn cells(length_ns: i64, values: impl IntoIterator<Item = u64>) -> Vec<Cell> {
    let at = |n: i64| Timestamp::from_ns(1_640_995_200 * NS_PER_S + n * length_ns);
    let cell = |(n, values): (i64, u64)| Cell { range: TimeRange::new(at(n), at(n + 1)), values };
    (0..).zip(values).map(cell).collect()
}

/// A source as measured: InfluxQL at 2 bytes a value, Flux at 120.
fn model(cells: Vec<Cell>) -> Model {
    let cost = |way, milli_bytes, values_per_s| WayCost {
        way: Way(way),
        milli_bytes,
        answer_bytes: 300,
        values_per_s,
        requests: 1,
    };
    Model {
        cells,
        ways: vec![
            cost(None, 2_000, 2_500_000),
            cost(Some(Transport::Influxql), 2_000, 2_500_000),
            cost(Some(Transport::FluxPivot), 6_400, 1_150_000),
            cost(Some(Transport::Flux), 120_000, 700_000),
        ],
        quota: None,
        latency_us: 50_000,
        bandwidth_bytes_per_s: 100_000_000,
        source_values_per_s: 5_000_000,
        destination_values_per_s: None,
        count_requests: 1,
        begin_requests: 1,
        shard_ns: 7 * DAY_NS,
    }
}

fn terms(model: &Model, chosen: &str, budget_bytes: u64, seed: u64) -> Terms {
    let (first, last) = (model.cells[0], model.cells[model.cells.len() - 1]);
    let range = TimeRange::new(first.range.start, last.range.stop);
    let strata = Strata::new(range, &model.cells);
    let whole = Whole {
        strata: strata.found.iter().map(|(stratum, values, _)| (*stratum, *values)).collect(),
        quota_bytes_per_s: model.bytes_per_s(),
        query_timeout_ms: QUERY_TIMEOUT_MS_DEFAULT,
        sink: TrialSink::Discard,
        cpus: 2,
        memory_bytes: None,
    };
    let chosen: Interval = chosen.parse().unwrap();
    let ways =
        model.ways.iter().map(|cost| cost.way).filter(|way| way.0 != Some(Transport::Influxql));
    Terms {
        axes: Axes {
            intervals: Axis::from(intervals_around(chosen, range.duration_ns())),
            transports: Axis::from(ways.collect()),
            concurrencies: Axis::from(vec![2]),
            bodies: Axis::only(vec![BODY_BYTES_TARGET]),
        },
        strata,
        whole,
        usual: Transport::Influxql,
        repetitions: 3,
        seed,
        budget: Left { bytes: budget_bytes, ms: None },
        trial_bytes_max: model.request_bytes_max(),
    }
}

/// Runs all trials on the model; gives them and the schedule at its end.
fn run(model: &Model, terms: Terms, seed: u64) -> (Vec<Trial>, Scheduler) {
    let budget = terms.budget;
    let mut scheduler = Scheduler::new(terms);
    let (mut trials, mut spent) = (Vec::new(), 0);
    let mut noise = Random::new(seed);
    while let Some(planned) = scheduler.next(Left { bytes: budget.bytes - spent, ms: None }) {
        let number = trials.len() as u64 + 1;
        let trial = model.trial(&planned, number, &mut noise).unwrap();
        spent += trial.bytes_charged;
        assert!(spent <= budget.bytes, "{spent} of {}", budget.bytes);
        trials.push(trial.clone());
        scheduler.take(trial);
    }
    (trials, scheduler)
}

fn recorded(model: &Model, trials: Vec<Trial>) -> Recorded {
    let range = (model.cells[0].range.start, model.cells[model.cells.len() - 1].range.stop);
    let header = BenchHeader {
        version: "0.1.0".to_owned(),
        command: vec!["sluice".to_owned(), "bench".to_owned()],
        started: range.1,
        machine: Machine { os: "linux".to_owned(), cpus: 2, ..Machine::default() },
        seed: 1,
        source: "ops-eu/plant".to_owned(),
        source_version: "simulated".to_owned(),
        sink: TrialSink::Discard,
        start: range.0,
        stop: range.1,
        values: model.cells.iter().map(|cell| cell.values).sum(),
        density: Vec::new(),
        quota_window_bytes: model.quota.map(|(bytes, _)| bytes),
        quota_bytes_per_s: model.bytes_per_s(),
        query_timeout_ms: QUERY_TIMEOUT_MS_DEFAULT,
        budget_bytes: 300_000_000,
        budget_ms: None,
        survey_bytes: 0,
    };
    Recorded { header, trials, verdict: None }
}
