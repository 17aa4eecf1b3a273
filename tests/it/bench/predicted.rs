//! What a bench foretells, held against a migration of the same simulated source, both in virtual time.

use std::sync::Arc;

use sluice::testing::bench::record::TrialSink as Where;
use sluice::testing::bench::setting::{TrialSetting, Way};
use sluice::testing::bench::simulate::{Model, WayCost};
use sluice::testing::bench::verdict::BenchVerdict;
use sluice::testing::commands::bench;
use sluice::testing::config::bench::BenchConfig;
use sluice::testing::config::job::JobConfig;
use sluice::testing::config::values::{IntervalChoice, QuotaChoice};
use sluice::testing::estimate::tally;
use sluice::testing::influx::signal::Observer;
use sluice::testing::job::ends::Ends;
use sluice::testing::job::plan_run::plan_look;
use sluice::testing::job::{judge, quota};
use sluice::testing::limits::{BODY_BYTES_TARGET, QUOTA_WINDOW_MS};
use sluice::testing::model::transport::Transport;
use sluice::testing::pipeline;
use sluice::testing::pipeline::commit::Checkpoint;
use sluice::testing::pipeline::read::BatchOrigin;
use sluice::testing::pipeline::stop::stop_pair;
use sluice::testing::pipeline::write::DestinationWriter;
use sluice::testing::sim::tsbs::Workload;
use sluice::testing::sim::{BucketStore, Fault, Matcher, ReadQuota, ServerSettings};

use super::DAY_NS;
use crate::support::rig::{BUCKET, Rig, oss_source, store_of, time};
use crate::support::virtual_time;

/// A day of 12 hosts: a million values, in 24 batches of an hour.
fn data() -> Arc<BucketStore> {
    let store = store_of(b"", 7 * 86_400);
    let workload = Workload {
        hosts: 12,
        points_per_host: 8_640,
        start_ns: time("2022-01-01").ns(),
        ..Workload::default()
    };
    workload.load(&store, BUCKET).unwrap();
    store
}

fn settings(out: &tempfile::TempDir) -> BenchConfig {
    BenchConfig {
        sink: Where::Discard,
        intervals: Some(vec!["1h".parse().unwrap(), "2h".parse().unwrap()]),
        transports: Some(vec![Way(Some(Transport::Influxql))]),
        concurrencies: Some(vec![1, 2]),
        body_sizes: None,
        repetitions: 3,
        seed: Some(1),
        out: Some(out.path().join("bench")),
    }
}

/// Time of the whole migration with a setting, in virtual milliseconds, and what it was charged with.
async fn actual(rig: &Rig, config: &JobConfig, setting: TrialSetting) -> (u64, u64) {
    let mut config = config.clone();
    config.scope.batch_interval = IntervalChoice::Fixed(setting.interval);
    (config.pace.transport, config.pace.concurrency) = (setting.transport.0, setting.concurrency);
    config.pace.max_transfer_bytes = None;
    let observer: Observer = Arc::new(|_| ());
    let mut ends = Ends::connect_with(&config, &rig.client, &observer).unwrap();
    let source = judge::check(&config, &ends).await.unwrap().source.unwrap();
    ends.source = quota::paced_look(&config, &ends.source, &source, &observer).await;
    let job = plan_look(&config, &ends, &source, None).await.unwrap();
    let out = DestinationWriter::nowhere();
    let begun = tokio::time::Instant::now();
    let source = BatchOrigin::Bucket(Box::new(job), ends.source.clone());
    let run = pipeline::run(source, Arc::new(out), Checkpoint::None, None, stop_pair().1);
    assert_eq!(run.await.unwrap().values, rig.source.store().count(BUCKET));
    let elapsed = begun.elapsed().as_millis();
    (u64::try_from(elapsed).unwrap(), ends.source.quota().total_bytes())
}

fn assert_within_15_percent(name: &str, predicted: u64, actual: u64) {
    let off = predicted.abs_diff(actual) * 100 / actual;
    println!("{name}: predicted {predicted} ms, actual {actual} ms, {off} % off");
    assert!(off <= 15, "{name}: predicted {predicted} ms, actual {actual} ms");
}

/// One source, its bench and a migration.
struct Case {
    name: &'static str,
    quota_bytes: Option<u64>,
    /// Of one answer.
    bytes_per_s: Option<u64>,
    latency_ms: u64,
    budget_bytes: u64,
}

async fn measured(case: &Case) -> (Rig, JobConfig, BenchVerdict) {
    let quota = case.quota_bytes.map(|bytes_per_window| ReadQuota {
        bytes_per_window,
        window_ms: QUOTA_WINDOW_MS,
        phase_ms: 0,
    });
    let server = ServerSettings { quota, read_bytes_per_s: case.bytes_per_s, ..oss_source() };
    let rig = Rig::start(server, data()).await.over("2022-01-01", "2022-01-02", "1h");
    if case.latency_ms > 0 {
        for path in ["/api/v2/query", "/query"] {
            let stall = Fault::Stall { after_bytes: 0, ms: case.latency_ms };
            rig.source_fault(Matcher::path(path), u32::MAX, stall);
        }
    }
    let mut config = rig.config();
    config.pace.quota =
        case.quota_bytes.map_or(QuotaChoice::None, |per_window| QuotaChoice::Bytes { per_window });
    config.pace.max_transfer_bytes = Some(case.budget_bytes);
    let out = tempfile::tempdir().unwrap();
    let before: u64 = sent(&rig);
    let bench = settings(&out);
    let verdict = bench::measure(&config, &bench, &rig.client, stop_pair().1).await.unwrap();
    let spent = sent(&rig) - before;
    assert!(spent <= case.budget_bytes, "{}: {spent} of {}", case.name, case.budget_bytes);
    assert_eq!(
        spent, verdict.bytes_spent,
        "{}: what the source sent is what was charged",
        case.name
    );
    (rig, config, verdict)
}

/// Bytes of answers to queries.
fn sent(rig: &Rig) -> u64 {
    let records = rig.source.records();
    let queries = records.iter().filter(|record| record.path.ends_with("/query"));
    queries.map(|record| record.decoded_bytes).sum()
}

#[test]
fn a_migration_takes_as_long_as_foretold() {
    let plain = Case {
        name: "",
        quota_bytes: None,
        bytes_per_s: None,
        latency_ms: 0,
        budget_bytes: 8_000_000,
    };
    for case in [
        Case { name: "quota", quota_bytes: Some(1_500_000), ..plain },
        Case { name: "slow", bytes_per_s: Some(50_000), ..plain },
        Case { name: "latency", bytes_per_s: Some(400_000), latency_ms: 700, ..plain },
    ] {
        virtual_time::run(async {
            let (rig, config, verdict) = measured(&case).await;
            let best = verdict.recommendation.clone().unwrap();
            let (took_ms, bytes) = actual(&rig, &config, best.setting).await;
            assert_within_15_percent(case.name, best.whole_ms.likely, took_ms);
            // The computed source, told what this one is like, says the same.
            let values = rig.source.store().count(BUCKET);
            let observer: Observer = Arc::new(|_| ());
            let ends = Ends::connect_with(&config, &rig.client, &observer).unwrap();
            let source = judge::check(&config, &ends).await.unwrap().source.unwrap();
            let job = plan_look(&config, &ends, &source, None).await.unwrap();
            let range = job.plan.range();
            let context = pipeline::source::SourceBucket::unheard(job, ends.source);
            let cells = tally::of(&context, range).await.unwrap().cells;
            let milli = bytes * 1_000 / values;
            let per_s = case.bytes_per_s.map_or(u64::MAX, |bytes| bytes * 1_000 / milli);
            let model = Model {
                cells,
                ways: vec![WayCost {
                    way: best.setting.transport,
                    milli_bytes: milli,
                    answer_bytes: 0,
                    values_per_s: per_s.min(1_000_000_000),
                    requests: 2,
                }],
                quota: case.quota_bytes.map(|bytes| (bytes, 900)),
                latency_us: case.latency_ms * 1_000,
                bandwidth_bytes_per_s: u64::MAX,
                source_values_per_s: u64::MAX,
                destination_values_per_s: None,
                count_requests: 1,
                begin_requests: 4,
                shard_ns: 7 * DAY_NS,
            };
            let setting = TrialSetting { body_bytes: BODY_BYTES_TARGET, ..best.setting };
            let rehearsed = model.rehearse(setting).unwrap();
            assert_within_15_percent("rehearsal", rehearsed.whole_ms(), took_ms);
        });
    }
}
