//! What a whole run leaves behind.

#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a test may"
)]

use std::sync::Arc;

use sluice::testing::config::range::RangeStart;
use sluice::testing::config::values::IntervalChoice;
use sluice::testing::exit::ExitCode;
use sluice::testing::sim::{BucketStore, tsbs::Workload};

use crate::support::rig::{BUCKET, Rig, cloud, oss_source, plant, store_of, time};

/// TSBS: ten fields to a line.
pub(super) fn workload() -> (Workload, Arc<BucketStore>) {
    let workload = Workload {
        hosts: 3,
        points_per_host: 72,
        interval_ns: 600_000_000_000,
        start_ns: time("2022-01-01").ns(),
        ..Workload::default()
    };
    let store = store_of(b"", 7 * 86_400);
    workload.load(&store, BUCKET).unwrap();
    (workload, store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_copied_and_recorded_in_the_official_form() {
    for source in [cloud(), oss_source()] {
        let (workload, store) = workload();
        let rig = Rig::start(source, store).await.over("2022-01-01", "2022-01-01T12:00:00Z", "1h");
        let run = rig.migrate(rig.config()).await;
        run.assert_exit(ExitCode::Done);
        rig.assert_copied();
        let outcome = &run.finished().outcome;
        assert_eq!((outcome.values, outcome.batches), (workload.values(), 12));
        assert_eq!((outcome.watermark, outcome.rejected), (time("2022-01-01T12:00:00Z"), 0));
        let records = rig.records();
        for (at, record) in records.iter().enumerate() {
            assert_eq!(record.rows, 180, "values, not lines");
            let percent = (at + 1) as f64 / 12.0 * 100.0;
            assert!((record.percent - percent).abs() < 1e-9);
            assert!(record.time >= time("2022-01-01").ns(), "the task looks from its start on");
        }
        assert!(records.windows(2).all(|pair| pair[0].time < pair[1].time));
        let lines: usize = rig
            .destination
            .records()
            .iter()
            .filter(|request| {
                request.path == "/api/v2/write" && request.query.contains("bucket=plant")
            })
            .map(|request| request.body_head.lines().count())
            .sum();
        // The probe of the rights is empty; a line holds all ten fields.
        assert!(lines <= workload.values() as usize / 10, "{lines} lines");
        assert!(rig.source.records().iter().all(|request| request.path != "/api/v2/write"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finished_job_reads_nothing_and_goes_on_with_a_later_stop() {
    let rig = Rig::start(cloud(), store_of(&plant([0, 1, 2, 5, 6]), 7 * 86_400)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T03:30:00Z", "1h");
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    let again = rig.migrate(rig.config()).await;
    again.assert_exit(ExitCode::Done);
    assert_eq!((again.finished().outcome.batches, again.opened()), (0, 0));
    // Another interval and a later stop: from the watermark on.
    let rig = rig.over("2022-01-01", "2022-01-01T12:00:00Z", "2h");
    let later = rig.migrate(rig.config()).await;
    later.assert_exit(ExitCode::Done);
    rig.assert_copied();
    assert_eq!(rig.records()[4].start, time("2022-01-01T03:30:00Z"));
    assert_eq!(rig.records()[4].stop, time("2022-01-01T05:30:00Z"));
    assert_eq!(later.finished().outcome.job.start, time("2022-01-01"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn months_are_batches_too() {
    let mut lines = plant([0, 5]);
    for stamp in ["1643630400", "1646049600", "1651276800"] {
        lines.extend_from_slice(format!("air,host=a f=1 {stamp}000000000\n").as_bytes());
    }
    let rig = Rig::start(oss_source(), store_of(&lines, 7 * 86_400)).await;
    let rig = rig.over("2021-12-31", "2022-05-02", "1mo");
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    rig.assert_copied();
    let stops: Vec<_> = rig.records().iter().map(|record| record.stop.to_string()).collect();
    assert_eq!(
        stops,
        [
            "2022-01-31T00:00:00Z",
            "2022-02-28T00:00:00Z",
            "2022-03-31T00:00:00Z",
            "2022-04-30T00:00:00Z",
            "2022-05-02T00:00:00Z"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_start_is_found_once_and_kept() {
    let rig = Rig::start(cloud(), store_of(&plant([3, 4]), 7 * 86_400)).await;
    let rig = rig.over("2022-01-01T03:00:00.000000001Z", "2022-01-01T06:00:00Z", "1h");
    let mut config = rig.config();
    config.scope.start = RangeStart::Earliest;
    config.scope.batch_interval = IntervalChoice::Auto;
    rig.migrate(config.clone()).await.assert_exit(ExitCode::Done);
    rig.assert_copied();
    // Older values that come late do not move the start of a job that has begun: they are named.
    rig.source.store().write_lp(BUCKET, &plant([1])).unwrap();
    let again = rig.migrate(config).await;
    again.assert_exit(ExitCode::Rejected);
    assert_eq!(again.finished().outcome.batches, 0);
    assert_eq!(again.finished().outcome.closing.source.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_source_is_no_job_yet() {
    let rig = Rig::start(cloud(), store_of(b"", 7 * 86_400)).await;
    let rig = rig.over("2022-01-01T03:00:00.000000001Z", "2022-01-01T06:00:00Z", "1h");
    let mut config = rig.config();
    config.scope.start = RangeStart::Earliest;
    let run = rig.migrate(config.clone()).await;
    run.assert_exit(ExitCode::Done);
    assert_eq!(run.finished().outcome.batches, 0);
    rig.source.store().write_lp(BUCKET, &plant([3, 4])).unwrap();
    rig.migrate(config).await.assert_exit(ExitCode::Done);
    rig.assert_copied();
}

/// A server takes no row of more than some 160 terms.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_names_are_no_reason_to_fail() {
    let at = |s: i64| (1_640_995_200 + s) * 1_000_000_000;
    let names: Vec<String> = (0..400).map(|n| format!("m{n:03}")).collect();
    // One that pays a statement of its own, and tags that hold what has to be searched for.
    let dense = (0..20_000).map(|n| format!("m000,h=a f000={n}i {}\n", at(n)));
    let sparse = (0..400).map(|n| format!("m{n:03},h=a f{n:03}=\"a\rb\" {}\n", at(30_000 + n)));
    let lines: String = dense.chain(sparse.skip(1)).collect();
    for source in [oss_source(), cloud()] {
        for kind in 0..3 {
            let rig = Rig::start(source.clone(), store_of(lines.as_bytes(), 86_400)).await;
            let rig = rig.over("2022-01-01T00:00:00Z", "2022-01-02T00:00:00Z", "12h");
            let mut config = rig.config();
            let filter = &mut config.scope.filter;
            match kind {
                0 => {}
                1 => filter.measurements.clone_from(&names),
                _ => filter.fields = (0..400).map(|n| format!("f{n:03}")).collect(),
            }
            let run = rig.migrate(config).await;
            assert_eq!(run.exit(), ExitCode::Done, "{kind}: {}", run.words());
            rig.assert_copied();
        }
    }
}

/// Behind a predicate that the storage engine does not understand everything is done on tables, which have a type each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_predicate_may_choose_among_fields_of_all_types() {
    let at = |s: i64| (1_640_995_200 + s) * 1_000_000_000;
    let line = |n: i64| {
        let host = if n % 2 == 0 { "a" } else { "b" };
        format!("m,h={host} f={n},i={n}i,s=\"x\ry{n}\",t=true {}\n", at(n * 600))
    };
    let lines: String = (0..30).map(line).collect();
    for (predicate, values) in [
        ("not r.h == \"a\"", 60),
        ("r._time >= 2022-01-01T03:00:00Z", 48),
        ("r.h < \"b\" or r._field == \"s\"", 75),
    ] {
        for source in [oss_source(), cloud()] {
            let rig = Rig::start(source, store_of(lines.as_bytes(), 3_600)).await;
            let rig = rig.over("2022-01-01T00:00:00Z", "2022-01-01T12:00:00Z", "2h");
            let mut config = rig.config();
            config.scope.filter.predicate = Some(predicate.to_owned());
            let run = rig.migrate(config).await;
            assert_eq!(run.exit(), ExitCode::Done, "{predicate}: {}", run.words());
            let copied = rig.destination.store().dump(BUCKET);
            assert_eq!(copied.len(), values, "{predicate}");
            let all = rig.source.store().dump(BUCKET);
            assert!(copied.iter().all(|value| all.contains(value)), "{predicate}");
        }
    }
}
