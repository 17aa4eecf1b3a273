//! What a plan foretells of a whole migration, held against that migration: requests, bytes, batches, and time under a
//! quota, in virtual time.

use std::sync::Arc;

use sluice::testing::config::range::RangeStart;
use sluice::testing::config::values::{IntervalChoice, QuotaChoice};
use sluice::testing::exit::ExitCode;
use sluice::testing::limits::QUOTA_WINDOW_MS;
use sluice::testing::model::spread::Spread;
use sluice::testing::sim::tsbs::Workload;
use sluice::testing::sim::{BucketStore, ReadQuota, RequestRecord, ServerSettings};
use tokio::time::Instant;

use super::plan::{SHARD_S, planned};
use crate::support::rig::{BUCKET, Rig, cloud, oss_source, store_of, time};
use crate::support::virtual_time;

/// Three days without a gap.
fn dense() -> Arc<BucketStore> {
    stretches(&[("2022-01-01", 3 * 720)])
}

/// Two days, a month of nothing, half a day, two months of nothing, an hour.
fn sparse() -> Arc<BucketStore> {
    stretches(&[("2022-01-01", 2 * 720), ("2022-02-03", 360), ("2022-04-05T06:00:00Z", 30)])
}

/// Three hosts with ten fields every two minutes, from each of these times on.
fn stretches(starts: &[(&str, usize)]) -> Arc<BucketStore> {
    let store = store_of(b"", SHARD_S);
    for (start, points_per_host) in starts {
        let workload = Workload {
            hosts: 3,
            points_per_host: *points_per_host,
            interval_ns: 120_000_000_000,
            start_ns: time(start).ns(),
            ..Workload::default()
        };
        workload.load(&store, BUCKET).expect("each stretch is of one type");
    }
    store
}

/// In the range that was foretold, or near the likeliest of it; and the range is no wider than this part of it.
fn assert_near(what: &str, foretold: Spread, actual: u64, percent: u64, width_percent: u64) {
    let off = foretold.likely.abs_diff(actual) * 100 / actual.max(1);
    println!("{what}: {foretold:?} foretold, {actual} actual, {off} % off the likeliest");
    let within = (foretold.low..=foretold.high).contains(&actual) || off <= percent;
    assert!(within, "{what}: {foretold:?} foretold, {actual} actual");
    let width = (foretold.high - foretold.low) * 100 / foretold.likely.max(1);
    assert!(width <= width_percent, "{what}: {foretold:?} says little: {width} % wide");
}

/// Requests for values and counts, and the bytes of their answers.
fn asked(records: &[RequestRecord]) -> (u64, u64) {
    let queries = records.iter().filter(|record| record.path.ends_with("/query"));
    queries.fold((0, 0), |(n, bytes), record| (n + 1, bytes + record.decoded_bytes))
}

#[test]
fn a_migration_takes_what_its_plan_foretells() {
    for (name, server, bytes_per_window) in
        [("influxql", oss_source(), 150_000), ("flux", cloud(), 5_000_000)]
    {
        for (kind, data) in [("dense", dense as fn() -> Arc<BucketStore>), ("sparse", sparse)] {
            let quota = ReadQuota { bytes_per_window, window_ms: QUOTA_WINDOW_MS, phase_ms: 0 };
            let server = ServerSettings { quota: Some(quota), ..server.clone() };
            virtual_time::run(async {
                let rig = Rig::start(server, data()).await.over("2021-12-01", "2022-05-01", "1d");
                let mut config = rig.config();
                config.scope.start = RangeStart::Earliest;
                config.scope.batch_interval = IntervalChoice::Auto;
                config.pace.quota = QuotaChoice::Bytes { per_window: bytes_per_window };
                let report = planned(&rig, &config).await;
                let forecast = &report.forecast;
                let before = rig.source.records().len();
                let begun = Instant::now();
                let run = Box::pin(rig.migrate_here(config)).await;
                let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap();
                run.assert_exit(ExitCode::Done);
                let records = rig.source.records().split_off(before);
                let (requests, bytes) = asked(&records);
                assert_eq!(forecast.batches, run.finished().outcome.batches, "{name} {kind}");
                let what = |part| format!("{name} {kind}: {part}");
                assert_near(&what("requests"), forecast.requests, requests, 25, 120);
                assert_near(
                    &what("bytes"),
                    forecast.bytes.plus(forecast.count_bytes),
                    bytes,
                    15,
                    40,
                );
                assert_near(&what("ms"), forecast.time_ms.unwrap(), took_ms, 15, 40);
            });
        }
    }
}
