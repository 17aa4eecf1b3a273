//! What a plan foretells, held against the content and against what a migration of the same source then reads.

#![expect(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test may")]

use std::collections::BTreeMap;
use std::sync::Arc;

use sluice::testing::commands::plan;
use sluice::testing::config::ends::TokenSetting;
use sluice::testing::config::job::JobConfig;
use sluice::testing::config::range::{RangeStart, RangeStop};
use sluice::testing::config::values::{IntervalChoice, QuotaChoice};
use sluice::testing::exit::ExitCode;
use sluice::testing::job::ends::Ends;
use sluice::testing::model::density::stretches;
use sluice::testing::pipeline::event::Event;
use sluice::testing::report::plan::PlanReport;
use sluice::testing::report::text::{Glyphs, Paper};
use sluice::testing::sim::tsbs::Workload;
use sluice::testing::sim::{BucketStore, ServerSettings, Value};
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};

use crate::support::rig::{
    BATCHES, BUCKET, Rig, Run, cloud, oss, oss_source, plant, store_of, time,
};

pub(super) const SHARD_S: u64 = 7 * 86_400;

pub(super) async fn planned(rig: &Rig, config: &JobConfig) -> PlanReport {
    let observer: Arc<_> = Arc::new(|_| ());
    let ends = Ends::connect_with(config, &rig.client, &(observer as _)).unwrap();
    plan::report(config, ends, &(Arc::new(|_| ()) as _)).await.unwrap().unwrap()
}

/// As a user asks first: everything, and the interval left to sluice.
fn whole(rig: &Rig) -> JobConfig {
    let mut config = rig.config();
    (config.scope.start, config.scope.batch_interval) =
        (RangeStart::Earliest, IntervalChoice::Auto);
    config
}

/// Bytes of all slices of a run.
fn bytes_read(run: &Run) -> u64 {
    let mut batches = BTreeMap::new();
    for event in &run.events {
        if let Event::BatchProgress { batch, bytes_read, .. } = event {
            let most: &mut u64 = batches.entry(*batch).or_default();
            *most = (*most).max(*bytes_read);
        }
    }
    batches.values().sum()
}

/// Values and series by measurement, as the store holds them.
fn content(store: &BucketStore) -> BTreeMap<String, (u64, u64)> {
    let mut series: BTreeMap<String, std::collections::BTreeSet<_>> = BTreeMap::new();
    let mut values: BTreeMap<String, u64> = BTreeMap::new();
    for value in store.dump(BUCKET) {
        let name = String::from_utf8(value.series.measurement.to_vec()).unwrap();
        *values.entry(name.clone()).or_default() += 1;
        series.entry(name).or_default().insert(Arc::clone(&value.series));
    }
    values.into_iter().map(|(name, n)| (name.clone(), (n, series[&name].len() as u64))).collect()
}

fn assert_equals_the_content(report: &PlanReport, store: &BucketStore) {
    let content = content(store);
    let found: BTreeMap<_, _> = report
        .rows
        .iter()
        .map(|row| (row.name.clone(), (row.values, row.series.unwrap())))
        .collect();
    if report.rest.is_none() {
        assert_eq!(found, content);
    }
    let rest = report.rest.as_ref().map_or((0, 0), |row| (row.values, row.series.unwrap()));
    let sums = |map: &BTreeMap<String, (u64, u64)>| {
        map.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    };
    let (shown, all) = (sums(&found), sums(&content));
    assert_eq!((shown.0 + rest.0, shown.1 + rest.1), all);
    assert_eq!((report.values, report.series), (all.0, Some(all.1)));
    assert_eq!(report.measurements, content.len() as u64);
    assert_eq!(report.cells.iter().map(|cell| cell.values).sum::<u64>(), all.0, "density");
    let times: Vec<_> = store.dump(BUCKET).iter().map(|value| value.time).collect();
    let (first, last) = report.data.unwrap();
    assert_eq!(
        (first.ns(), last.ns()),
        (*times.iter().min().unwrap(), *times.iter().max().unwrap())
    );
}

fn tsbs(hosts: u32, points_per_host: usize, interval_s: i64, floats: bool) -> Arc<BucketStore> {
    let store = store_of(b"", SHARD_S);
    let workload = Workload {
        hosts,
        points_per_host,
        interval_ns: interval_s * 1_000_000_000,
        start_ns: time("2022-01-01").ns(),
        floats,
        ..Workload::default()
    };
    workload.load(&store, BUCKET).unwrap();
    store
}

/// Three measurements of different size and kind.
fn several() -> Arc<BucketStore> {
    let mut lines = String::new();
    for at in 0..3_000_i64 {
        let ns = (1_640_995_200 + at * 20) * 1_000_000_000;
        let (word, float) = (at % 7, 0.1 + at as f64 / 7.0);
        for host in ["a", "b", "c"] {
            lines.push_str(&format!("temp,host={host},room=r{host} t={float},h={at}i {ns}\n"));
        }
        if at % 4 == 0 {
            lines.push_str(&format!("event,kind=k{word} text=\"number {at}\",n={at}i {ns}\n"));
        }
        if at % 100 == 0 {
            lines.push_str(&format!("rare,x=y v={float} {ns}\n"));
        }
    }
    store_of(lines.as_bytes(), SHARD_S)
}

/// Long silence, a burst, silence, a thin trickle.
fn bursty() -> Arc<BucketStore> {
    let mut lines = String::new();
    let mut line = |s: i64| {
        let at = 1_640_995_200 + s;
        lines.push_str(&format!("m,host=a v={}i,w={}i {at}000000000\n", s * 3, s % 1_000));
    };
    (0..200).for_each(|n| line(n * 60));
    (0..11_000).for_each(|n| line(10 * 86_400 + n));
    (0..300).for_each(|n| line(20 * 86_400 + n * 600));
    store_of(lines.as_bytes(), SHARD_S)
}

type Case = (&'static str, fn() -> Arc<BucketStore>, &'static str);

const CASES: [Case; 5] = [
    ("dense", || tsbs(5, 600, 10, false), "2022-02-01"),
    ("dense floats", || tsbs(3, 700, 10, true), "2022-02-01"),
    ("sparse", || tsbs(4, 50, 3_600, false), "2022-02-01"),
    ("bursty", bursty, "2022-02-01"),
    ("several", several, "2022-01-02"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_are_exact_and_bytes_within_15_percent_of_what_is_read() {
    // With a quota bytes decide, which the shapes of data make no difference to.
    for (source, quota, cases) in [
        (oss_source(), QuotaChoice::None, &CASES[..]),
        (cloud(), QuotaChoice::None, &CASES[..]),
        (cloud(), QuotaChoice::Bytes { per_window: 3_000_000_000_000 }, &CASES[4..]),
    ] {
        for (name, data, stop) in cases {
            let rig = Rig::start(source.clone(), data()).await.over("2021-12-01", stop, "1h");
            let mut config = whole(&rig);
            config.pace.quota = quota;
            let report = planned(&rig, &config).await;
            assert_equals_the_content(&report, rig.source.store());
            let run = rig.migrate(config).await;
            run.assert_exit(ExitCode::Done);
            let (read, foretold) = (bytes_read(&run), report.forecast.bytes);
            let off = foretold.likely.abs_diff(read) * 100 / read.max(1);
            assert!(off <= 15, "{name} {:?} {quota:?}: {read} read, {foretold:?}", source.kind);
            assert!(foretold.low <= foretold.likely && foretold.likely <= foretold.high);
            let finished = run.finished();
            assert_eq!(report.forecast.batches, finished.outcome.batches, "{name}");
            // The transport that was foretold is the one that was told.
            for event in &run.events {
                if let Event::Chosen { measurement, transport, .. } = event {
                    let row = report.rows.iter().find(|row| row.name == *measurement).unwrap();
                    assert_eq!(row.transport, transport.name(), "{name} {measurement}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dense_and_empty_stretches_are_named() {
    let rig = Rig::start(cloud(), bursty()).await.over("2021-12-01", "2022-02-01", "1h");
    let report = planned(&rig, &whole(&rig)).await;
    let (dense, empty) = stretches(&report.cells);
    let burst = time("2022-01-11T02:00:00Z");
    assert!(dense.len() == 1 && dense[0].range.contains(burst), "{dense:?}");
    assert_eq!(empty.len(), 2, "{empty:?}");
    let lines = report.lines(Paper::plain(Glyphs::Ascii)).join("\n");
    for part in ["dense       2022-01-1", "empty       2022-01-01", "empty       2022-01-1"] {
        assert!(lines.contains(part), "{lines}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_of_several_types_are_counted_and_named() {
    let mut lines = String::new();
    for hour in 0..30_i64 {
        let at = 1_640_995_200 + hour * 3_600;
        // Another type from the second day on.
        let value = if hour < 24 { format!("{hour}i") } else { format!("{hour}.5") };
        lines.push_str(&format!("m,host=a v={value},w={hour}i {at}000000000\n"));
        lines.push_str(&format!("n,host=a v={hour}i {at}000000000\n"));
    }
    for source in [oss_source(), cloud()] {
        let by_influxql = source.influxql;
        let rig = Rig::start(source, store_of(lines.as_bytes(), 86_400)).await;
        let rig = rig.over("2022-01-01", "2022-01-03", "1h");
        let report = planned(&rig, &whole(&rig)).await;
        assert_equals_the_content(&report, rig.source.store());
        if by_influxql {
            assert_eq!(report.conflicts.len(), 1, "{:?}", report.conflicts);
            assert_eq!(
                (&*report.conflicts[0].measurement, &*report.conflicts[0].field),
                ("m", "v")
            );
            assert_eq!(report.conflicts[0].source, ["float", "integer"]);
        } else {
            assert!(report.types_from.is_some());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_of_the_destination_are_held_against_the_sources() {
    let target = store_of(b"air,host=z f=\"text\" 1640995200000000000\n", SHARD_S);
    target.create_bucket(BATCHES, 0);
    let data = store_of(&plant(0..3), SHARD_S);
    let rig = Rig::between(oss_source(), data, oss(), target).await;
    let rig = rig.over("2022-01-01", "2022-01-02", "1h");
    let report = planned(&rig, &whole(&rig)).await;
    assert_eq!(report.conflicts.len(), 1, "{:?}", report.conflicts);
    assert_eq!(report.conflicts[0].destination, ["string"]);
    assert!(
        report.exit == ExitCode::Permanent
            && report.findings.iter().any(|(_, finding)| finding.code == "P12")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_before_1970_and_an_empty_bucket() {
    let old = b"m f=1i -5000000000000000000\nm f=2i -4999999990000000000\nm f=3i 7\n";
    for source in [oss_source(), cloud()] {
        let rig = Rig::start(source.clone(), store_of(old, SHARD_S)).await;
        let rig = rig.over("1700-01-01", "2022-01-01", "1h");
        let report = planned(&rig, &whole(&rig)).await;
        assert_equals_the_content(&report, rig.source.store());
        let rig = Rig::start(source, store_of(b"", SHARD_S)).await;
        let report = planned(&rig, &whole(&rig)).await;
        assert_eq!((report.values, report.data, report.rows.len()), (0, None, 0));
        assert_eq!((report.forecast.bytes.high, report.exit), (0, ExitCode::Done), "{report:?}");
        assert!(report.findings.iter().any(|(_, finding)| finding.code == "P09"));
        assert!(report.interval.guide.is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_measurements_are_summed_up_and_the_cost_is_bounded() {
    let mut lines = String::new();
    for n in 0..120 {
        for at in 0..=n {
            let ns = (1_640_995_200 + at * 60) * 1_000_000_000_i64;
            lines.push_str(&format!("m{n},host=a v={at}i {ns}\n"));
        }
    }
    for source in [oss_source(), cloud()] {
        let rig = Rig::start(source, store_of(lines.as_bytes(), SHARD_S)).await;
        let report = planned(&rig, &whole(&rig)).await;
        assert_equals_the_content(&report, rig.source.store());
        assert_eq!(
            (report.rows.len(), report.rest.as_ref().unwrap().name.as_str()),
            (16, "and 104 more")
        );
        assert!(report.quota_bytes_spent < 400_000, "{}", report.quota_bytes_spent);
    }
}

/// What `docs/plan.md` promises.
const BYTES_SPENT_MAX: u64 = 2_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_of_2000_series_costs_less_than_2_mb() {
    for (source, quota) in [
        (oss_source(), QuotaChoice::None),
        (cloud(), QuotaChoice::None),
        (cloud(), QuotaChoice::Bytes { per_window: 3_000_000_000_000 }),
    ] {
        let rig = Rig::start(source, tsbs(2_000, 20, 10, false)).await;
        let mut config = whole(&rig);
        config.pace.quota = quota;
        let report = planned(&rig, &config).await;
        assert_eq!((report.values, report.series), (400_000, Some(2_000)));
        // The server notes an answer after it has sent it: the last note may still be on its way.
        for _ in 0..100_000 {
            if rig.source.records().len() as u64 >= report.requests_spent {
                break;
            }
            tokio::task::yield_now().await;
        }
        let answers = rig.source.records();
        let sent: u64 = answers
            .iter()
            .filter(|answer| answer.path.ends_with("/query"))
            .map(|answer| answer.decoded_bytes)
            .sum();
        assert!(report.quota_bytes_spent.abs_diff(sent) <= sent / 100, "what it says it spent");
        assert_eq!(report.requests_spent, answers.len() as u64);
        assert!(sent < BYTES_SPENT_MAX, "{sent} bytes, {:?}", report.rows);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_destination_nobody_asks_for_one() {
    let rig = Rig::start(cloud(), store_of(&plant(0..3), SHARD_S)).await;
    let mut config = whole(&rig);
    config.ends.destination.token = TokenSetting::None;
    let report = planned(&rig, &config).await;
    assert_eq!((report.destination.as_ref(), report.exit), (None, ExitCode::Done));
    assert!(rig.destination.records().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_begins_where_a_run_would_go_on() {
    let rig = Rig::start(cloud(), store_of(&plant([0, 1, 2, 5, 6]), SHARD_S)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T03:00:00Z", "1h");
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    let mut config = rig.config();
    config.scope.stop = RangeStop::At(time("2022-01-01T12:00:00Z"));
    let report = planned(&rig, &config).await;
    assert_eq!(report.resume, time("2022-01-01T03:00:00Z"));
    let left = rig.source.store().dump(BUCKET);
    let later = left.iter().filter(|value| value.time >= report.resume.ns()).count();
    assert_eq!(report.values, later as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_quota_that_binds_is_named_and_gives_a_range_of_time() {
    let settings = |limits_readable| ServerSettings {
        quota: Some(sluice::testing::sim::ReadQuota {
            bytes_per_window: 300_000_000,
            window_ms: 300_000,
            phase_ms: 0,
        }),
        limits_readable,
        ..cloud()
    };
    for readable in [true, false] {
        let rig =
            Rig::start(settings(readable), several()).await.over("2022-01-01", "2022-01-02", "1h");
        let mut config = whole(&rig);
        config.pace.quota = QuotaChoice::Auto;
        let report = planned(&rig, &config).await;
        let forecast = &report.forecast;
        assert_eq!(forecast.quota_bytes, Some(300_000_000));
        let time = forecast.time_ms.unwrap();
        assert!(time.low <= time.high && time.low > 0, "{forecast:?}");
        let assumed = report.findings.iter().any(|(_, finding)| finding.code == "P06");
        assert_eq!(assumed, !readable);
        let guide = report.interval.guide.unwrap();
        assert_eq!(guide.limit_bytes, 300_000_000);
        assert!(guide.body_bytes > 0);
        assert_eq!(guide.third_ns(), guide.interval_ns / 3);
        // Who shares the quota is seen in a folder: a plan alone leaves none.
        assert!(!rig.state.path().join("state").exists());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_no_answer_carries_are_told() {
    let mut lines = plant(0..2);
    lines.extend_from_slice(b"bad,_value=x f=1 1640995200000000000\n");
    let rig = Rig::start(cloud(), store_of(&lines, SHARD_S)).await;
    let report = planned(&rig, &whole(&rig)).await;
    assert_eq!((report.lost, report.not_carried.len()), (1, 1), "{report:?}");
    let held = rig.source.store().dump(BUCKET);
    assert!(held.iter().any(|value| value.value == Value::Float(1.0)));
    assert_eq!(report.values as usize + 1, held.len());
}

/// The disk that a plan foretells for a spool, held against the spool that is then staged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_for_a_spool_is_foretold() {
    for (store, interval) in [
        (tsbs(20, 4_320, 20, false), "2h"),
        (tsbs(20, 4_320, 20, true), "2h"),
        (tsbs(4, 2_000, 43, true), "1d"),
        (several(), "1h"),
    ] {
        let rig = Rig::start(oss_source(), store).await.over("2022-01-01", "2022-01-02", interval);
        let foretold = planned(&rig, &rig.config()).await.forecast.spool_bytes.unwrap();
        rig.migrate(rig.stage_config()).await.assert_exit(ExitCode::Done);
        let stored = Stored::open(&Storage::folder(rig.stage_dir())).unwrap();
        let files = stored.files(&StoredSelection::ALL);
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        assert!(foretold.low <= bytes * 5 / 4, "{foretold:?} and {bytes}");
        assert!(
            (bytes * 4 / 5..=bytes * 3 / 2).contains(&foretold.high),
            "{foretold:?} and {bytes} in {} files",
            files.len()
        );
    }
}
