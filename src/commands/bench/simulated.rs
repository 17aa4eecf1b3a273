//! `bench --simulate`: the same trials on a source that is only computed, and a rehearsal of the whole migration.

use super::{machine, screen, surveyed, terms};
use crate::bench::extrapolate::Whole;
use crate::bench::record::{BenchHeader, BenchRecord, TrialSink};
use crate::bench::sample::Strata;
use crate::bench::schedule::Scheduler;
use crate::bench::schedule::terms::{Left, Terms};
use crate::bench::setting::{Axes, Axis, Way, intervals_around};
use crate::bench::simulate::{Model, Rehearsal, WayCost};
use crate::bench::verdict::BenchVerdict;
use crate::commands::error::Error;
use crate::config::bench::{BenchConfig, SimulateConfig};
use crate::config::layers::Layers;
use crate::exit::ExitCode;
use crate::job::load_config::{local_now, say_notices};
use crate::limits::{
    BODY_BYTES_TARGET, DENSITY_CELLS, QUERY_TIMEOUT_MS_DEFAULT, SLICES_IN_FLIGHT_DEFAULT,
};
use crate::model::density::Cell;
use crate::model::interval::Interval;
use crate::model::random::Random;
use crate::model::time::{NS_PER_S, TimeRange, Timestamp};
use crate::model::transport::Transport;
use crate::pipeline::source::shape::assumed_shard_group_ns;
use crate::report::{json, stream};

/// Rehearses.
pub(super) fn run(layers: &Layers, bench: &BenchConfig) -> Result<ExitCode, Error> {
    let config = SimulateConfig::new(layers, local_now())?;
    if let Some(out) = &bench.out {
        let text = format!("a simulation writes no files: {} is not made", out.display());
        say_notices(&[text], config.json);
    }
    let seed = bench.seed.unwrap_or_else(terms::random_seed);
    let model = model(&config);
    let header = header(&config, &model, seed);
    let (verdict, trials) = trials(&config, bench, &model, &header);
    let best = verdict.recommendation.as_ref();
    let rehearsed = best.and_then(|best| model.rehearse(best.setting));
    if config.json {
        stream::print_exact(BenchRecord::BenchHeader(Box::new(header)).to_line(json::now()));
        for trial in &trials {
            stream::print_exact(trial.to_line(json::now()));
        }
        stream::print_exact(BenchRecord::BenchVerdict(Box::new(verdict)).to_line(json::now()));
        if let Some(found) = rehearsed {
            stream::print_exact(line(&found));
        }
    } else {
        let mut lines = screen::lines(&header, &verdict, &[]);
        if let Some(found) = rehearsed {
            screen::rehearsal(&found, &mut lines);
        }
        for line in lines {
            stream::print(line);
        }
    }
    Ok(ExitCode::Done)
}

fn line(found: &Rehearsal) -> String {
    let body = serde_json::json!({
        "values": found.values,
        "bytes": found.bytes,
        "batches": found.batches,
        "slices": found.slices,
        "requests": found.requests,
        "windows": found.windows,
        "quota_ms": found.quota_ms,
        "engine_ms": found.engine_us / 1_000,
        "whole_ms": found.whole_ms(),
    });
    json::line("bench_rehearsal", json::now(), body)
}

fn model(config: &SimulateConfig) -> Model {
    let cells = DENSITY_CELLS as i128;
    let range = config.range;
    let at = |cell: i128| {
        let ns = i128::from(range.start.ns()) + range.duration_ns() * cell / cells;
        i64::try_from(ns).map_or(range.stop, Timestamp::from_ns)
    };
    let count = DENSITY_CELLS as u64;
    let (each, over) = (config.values / count, config.values % count);
    let cell = |n: i128| Cell {
        range: TimeRange::new(at(n), at(n + 1)),
        values: each + u64::from(n < i128::from(over)),
    };
    // Speeds and bytes of the ways stand in the proportions that were measured on OSS 2.9.1.
    let cost = |way, bytes_tenths: u64, speed_percent: u64| WayCost {
        way: Way(way),
        milli_bytes: config.milli_bytes.saturating_mul(bytes_tenths) / 10,
        answer_bytes: 300,
        values_per_s: (config.source_values_per_s / 2).saturating_mul(speed_percent) / 100,
        // The check of the series that were restored by their key tags.
        requests: if way == Some(Transport::Flux) { 1 } else { 2 },
    };
    Model {
        cells: (0..cells).map(cell).collect(),
        ways: vec![
            cost(None, 10, 100),
            cost(Some(Transport::Influxql), 10, 100),
            cost(Some(Transport::FluxPivot), 30, 40),
            cost(Some(Transport::FluxKeyed), 240, 70),
            cost(Some(Transport::Flux), 560, 30),
        ],
        quota: config.quota_bytes.map(|bytes| (bytes, config.quota_share.max_per_mille())),
        latency_us: config.latency_us,
        bandwidth_bytes_per_s: config.bandwidth_bytes_per_s,
        source_values_per_s: config.source_values_per_s,
        destination_values_per_s: None,
        count_requests: 1,
        begin_requests: 4,
        shard_ns: assumed_shard_group_ns(None),
    }
}

fn header(config: &SimulateConfig, model: &Model, seed: u64) -> BenchHeader {
    BenchHeader {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: terms::command(std::env::args_os()),
        started: local_now(),
        machine: machine::machine(),
        seed,
        source: "simulated".to_owned(),
        source_version: "simulated".to_owned(),
        sink: TrialSink::Discard,
        start: config.range.start,
        stop: config.range.stop,
        values: config.values,
        density: terms::density(&model.cells),
        quota_window_bytes: config.quota_bytes,
        quota_bytes_per_s: model.bytes_per_s(),
        query_timeout_ms: QUERY_TIMEOUT_MS_DEFAULT,
        budget_bytes: surveyed::budget_bytes(config.max_transfer_bytes, config.quota_bytes),
        budget_ms: None,
        survey_bytes: 0,
    }
}

fn trials(
    config: &SimulateConfig,
    bench: &BenchConfig,
    model: &Model,
    header: &BenchHeader,
) -> (BenchVerdict, Vec<BenchRecord>) {
    let strata = Strata::new(config.range, &model.cells);
    let chosen = Interval::from_ns(86_400 * NS_PER_S);
    let around = || Axis::from(intervals_around(chosen, config.range.duration_ns()));
    // It stands behind `auto` already.
    let others = model.ways.iter().filter(|cost| cost.way.0 != Some(Transport::Influxql));
    let ways = || Axis::from(others.map(|cost| cost.way).collect());
    let named = bench.concurrencies.clone();
    let terms = Terms {
        axes: Axes {
            intervals: bench.intervals.clone().map_or_else(around, Axis::only),
            transports: bench.transports.clone().map_or_else(ways, Axis::only),
            concurrencies: named
                .map_or_else(|| Axis::from(vec![SLICES_IN_FLIGHT_DEFAULT]), Axis::only),
            bodies: Axis::only(vec![BODY_BYTES_TARGET]),
        },
        whole: Whole::new(header, &strata),
        strata,
        usual: Transport::Influxql,
        repetitions: bench.repetitions,
        seed: header.seed,
        budget: Left { bytes: header.budget_bytes, ms: None },
        trial_bytes_max: model.request_bytes_max(),
    };
    let mut scheduler = Scheduler::new(terms);
    let mut noise = Random::of(header.seed, &[5]);
    let (mut spent, mut elapsed_us, mut records) = (0, 0, Vec::new());
    while let Some(planned) = scheduler.next(Left { bytes: header.budget_bytes - spent, ms: None })
    {
        let number = records.len() as u64 + 1;
        // A way that was named and is none of the model's has no trial.
        let Some(trial) = model.trial(&planned, number, &mut noise) else { break };
        spent += trial.bytes_charged;
        elapsed_us += trial.elapsed_us;
        records.push(BenchRecord::BenchTrial(Box::new(trial.clone())));
        scheduler.take(trial);
    }
    (scheduler.verdict(None, spent, elapsed_us / 1_000), records)
}
