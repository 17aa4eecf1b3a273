//! Benches as they are recorded, made up with a seed.

#![expect(clippy::unwrap_used, reason = "a test may")]

use sluice::testing::bench::record::{
    BenchHeader, Density, Machine, Recorded, Trial, TrialBatch, TrialEnding, TrialSink,
};
use sluice::testing::bench::sample::Stratum;
use sluice::testing::bench::setting::{TrialSetting, Way};
use sluice::testing::bench::statistics::spread;
use sluice::testing::bench::verdict::{BenchVerdict, Bound, Limit, Recommendation, SettingRow};
use sluice::testing::model::random::Random;
use sluice::testing::model::spread::Spread;
use sluice::testing::model::time::{NS_PER_S, Timestamp};
use sluice::testing::model::transport::Transport;

const DAY_NS: i64 = 86_400 * NS_PER_S;

/// The time so many days after the first of 2022.
fn day(n: i64) -> Timestamp {
    Timestamp::from_ns(1_640_995_200 * NS_PER_S + n * DAY_NS)
}

pub(crate) fn header() -> BenchHeader {
    let season = |n: i64| match n {
        0..6 => 2_000_000 * n,
        20..23 => 0,
        41 => 900_000_000,
        _ => 180_000_000 + (n % 7) * 22_000_000 + (n / 12) * 40_000_000,
    };
    let density: Vec<Density> = (0..64)
        .map(|n| Density {
            start: day(n * 25),
            stop: day((n + 1) * 25),
            values: season(n).unsigned_abs(),
        })
        .collect();
    BenchHeader {
        version: "0.1.0".to_owned(),
        command: "sluice bench --source-host https://eu-central-1-1.aws.cloud2.influxdata.com --source-org ops-eu --source-bucket plant --intervals 1h,6h,1d,1w,1mo --transports influxql,flux-pivot,flux"
            .split(' ')
            .map(str::to_owned)
            .collect(),
        started: day(64 * 25),
        machine: Machine {
            os: "linux".to_owned(),
            arch: "x86_64".to_owned(),
            kernel: Some("6.1.0-28-amd64".to_owned()),
            cpus: 8,
            memory_bytes: Some(33_500_000_000),
        },
        seed: 7,
        source: "ops-eu/plant".to_owned(),
        source_version: "InfluxDB Cloud".to_owned(),
        sink: TrialSink::Destination,
        start: day(0),
        stop: day(64 * 25),
        values: density.iter().map(|cell| cell.values).sum(),
        density,
        quota_window_bytes: Some(3_000_000_000),
        quota_bytes_per_s: Some(9_000_000),
        query_timeout_ms: 90_000,
        budget_bytes: 6_000_000_000,
        budget_ms: None,
        survey_bytes: 1_240_000,
    }
}

pub(crate) fn setting(transport: Option<Transport>, interval: &str) -> TrialSetting {
    TrialSetting {
        interval: interval.parse().unwrap(),
        transport: Way(transport),
        concurrency: 4,
        body_bytes: 2_097_152,
    }
}

/// One trial of a transport whose bytes and speed are about these.
pub(crate) fn trial(
    number: u64,
    setting: TrialSetting,
    repetition: u32,
    stratum: Stratum,
    (milli_bytes, speed): (u64, u64),
    random: &mut Random,
) -> Trial {
    let off = |random: &mut Random| 930 + random.below(141);
    let full = if stratum == Stratum::Sparse { 8_000 } else { 1_900_000 };
    let values = full * off(random) / 1_000;
    let length = setting.interval_ns() / 3_600 / NS_PER_S;
    let overhead_us = 1_600_000 / u64::try_from(length).unwrap().clamp(1, 800) + 40_000;
    let busy_us = (values * 1_000_000 / speed + overhead_us) * off(random) / 1_000;
    let bytes = values * milli_bytes * off(random) / 1_000_000 + overhead_us / 40;
    let slice_us =
        busy_us.min(values.min(200_000 * length.unsigned_abs()) * 4_000_000 / speed + 60_000);
    let first = 38_000 + random.below(30_000);
    let cell = match stratum {
        Stratum::Dense => 41,
        Stratum::Middle => 30 + i64::from(repetition),
        Stratum::Sparse => 2 + i64::from(repetition),
    };
    let start = day(cell * 25 + i64::from(repetition));
    Trial {
        number,
        setting,
        repetition,
        warm_up: false,
        stratum,
        start,
        stop: start.saturating_add_ns(setting.interval_ns().max(DAY_NS)),
        ending: TrialEnding::Complete,
        values_predicted: full,
        bytes_predicted: bytes * 13 / 10,
        values,
        bytes_wire: bytes / 2,
        bytes_decoded: bytes,
        bytes_charged: bytes + 2_000,
        bytes_begun: 600,
        requests: 14 + u64::from(repetition),
        elapsed_us: busy_us + 90_000,
        begun_us: 90_000,
        waited_us: 0,
        slices: 9,
        first_byte_us: Spread { low: first - 9_000, likely: first, high: first * 3 },
        slice_us: Spread { low: slice_us / 6, likely: slice_us / 2, high: slice_us },
        answers_us: slice_us * 5,
        reader_busy_us: slice_us / 3,
        written_us: slice_us / 9,
        retries: u64::from(number.is_multiple_of(17)),
        splits: 0,
        cpu_us: Some(busy_us * 2),
        memory_bytes_max: Some(212_000_000 + number * 800_000),
        bodies: 12,
        body_bytes_sum: values * 9,
        transports: vec![setting.transport.to_string()],
        batches: vec![
            TrialBatch { start, values: values / 2, bytes: bytes / 2 },
            TrialBatch {
                start: start.saturating_add_ns(DAY_NS),
                values: values / 2,
                bytes: bytes / 2,
            },
        ],
    }
}

/// Trials of each transport with each interval, three times; one that was cut, one that failed, a warm-up.
pub(crate) fn trials(intervals: &[&str]) -> Vec<Trial> {
    let ways = [
        (Transport::Influxql, (2_060, 2_300_000)),
        (Transport::FluxPivot, (6_400, 1_150_000)),
        (Transport::Flux, (119_000, 610_000)),
    ];
    let mut random = Random::new(7);
    let mut trials = Vec::new();
    for repetition in 1..=3u32 {
        let full = if repetition == 2 { Stratum::Middle } else { Stratum::Dense };
        for (transport, cost) in ways {
            for interval in intervals {
                for stratum in [full, Stratum::Sparse] {
                    let number = trials.len() as u64 + 1;
                    let setting = setting(Some(transport), interval);
                    trials.push(trial(number, setting, repetition, stratum, cost, &mut random));
                }
            }
        }
    }
    trials[0].warm_up = true;
    trials
}

/// The verdict as it follows from trials, by medians alone.
pub(crate) fn verdict(header: &BenchHeader, trials: &[Trial]) -> BenchVerdict {
    let mut settings: Vec<TrialSetting> = trials.iter().map(|trial| trial.setting).collect();
    settings.sort_by_key(|setting| (setting.transport, setting.interval.about_ns()));
    settings.dedup();
    let rows: Vec<SettingRow> =
        settings.into_iter().filter_map(|own| row(header, trials, own)).collect();
    let best = rows.iter().min_by_key(|row| row.whole_ms.likely);
    let recommendation = best.map(|row| Recommendation {
        setting: row.setting,
        whole_ms: row.whole_ms,
        limit: row.limit,
        variation_per_mille: 1_310,
        headroom_per_mille: 4_250,
        bound: Bound::Window,
    });
    BenchVerdict {
        rows,
        recommendation,
        not_seen: vec![
            "flux with batches of 1mo (budget)".to_owned(),
            "middle stretches".to_owned(),
        ],
        stopped: "all repetitions done".to_owned(),
        trials: trials.len() as u64,
        bytes_spent: trials.iter().map(|trial| trial.bytes_charged).sum(),
        elapsed_ms: trials.iter().map(|trial| trial.elapsed_us / 1_000).sum(),
    }
}

fn row(header: &BenchHeader, trials: &[Trial], setting: TrialSetting) -> Option<SettingRow> {
    let own: Vec<&Trial> = trials
        .iter()
        .filter(|trial| {
            trial.setting == setting && trial.counts() && trial.stratum != Stratum::Sparse
        })
        .collect();
    let of = |number: fn(&Trial) -> u64| {
        spread(&own.iter().map(|trial| number(trial)).collect::<Vec<_>>())
    };
    let (bytes, speed) = (of(Trial::milli_bytes_per_value)?, of(Trial::values_per_s)?);
    let quota = bytes.scaled(header.values, header.quota_bytes_per_s?);
    let engine = |speed: u64| header.values * 1_000 / speed;
    let engine_ms =
        Spread { low: engine(speed.high), likely: engine(speed.likely), high: engine(speed.low) };
    let whole = Spread {
        low: quota.low.max(engine_ms.low),
        likely: quota.likely.max(engine_ms.likely),
        high: quota.high.max(engine_ms.high),
    };
    let longest = own.iter().map(|trial| trial.slice_us.high).max()?;
    Some(SettingRow {
        setting,
        runs: own.len() as u64,
        transports: vec![setting.transport.to_string()],
        milli_bytes_per_value: bytes,
        values_per_s: speed,
        deadline_per_mille: longest / header.query_timeout_ms,
        quota_ms: Some(quota),
        engine_ms,
        whole_ms: whole,
        limit: if quota.likely >= engine_ms.likely { Limit::Quota } else { Limit::Source },
    })
}

/// A bench to its end: three transports, five intervals, three repetitions.
pub(crate) fn full() -> Recorded {
    let header = header();
    let trials = trials(&["1h", "6h", "1d", "1w", "1mo"]);
    let verdict = Some(verdict(&header, &trials));
    Recorded { header, trials, verdict }
}

/// A small one, with every kind of ending.
pub(crate) fn small() -> Recorded {
    let mut header = header();
    header.density = header.density.into_iter().step_by(8).collect();
    let mut trials = trials(&["6h", "1d"]);
    trials[5].ending = TrialEnding::Cut { by: "byte budget".to_owned() };
    trials[6].ending = TrialEnding::Failed {
        error: "the source refused the query: 503 Service Unavailable".to_owned(),
    };
    let verdict = Some(verdict(&header, &trials));
    Recorded { header, trials, verdict }
}
