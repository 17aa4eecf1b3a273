//! Series with a tag called `_value`, over which Flux fails whenever the last series of a group has it.

use std::sync::Arc;

use sluice::testing::config::range::RangeStart;
use sluice::testing::exit::ExitCode;
use sluice::testing::sim::{BucketStore, Fault, Forgotten, Matcher, ServerSettings};

use crate::support::rig::{BUCKET, Rig, Run, cloud, oss, oss_source, store_of, with};

const WEEK_S: u64 = 7 * 86_400;

/// Of each kind: alone; the oldest; beside a field of two types; in every batch.
const BUCKETS: [&str; 4] = [
    "m,_value=x f=1 1640995200000000000\n",
    "m,_value=x f=1 1640995200000000000\nz f=1 1641600000000000000\n",
    "a,host=h f=1 1640995200000000000\nm,_value=x f=1 1640995200000000000\n\
     n,host=h v=1i 1641000000000000000\nn,host=h v=1.5 1642100000000000000\n",
    "m,_value=x f=1,s=\"t\" 1640995200000000000\nm,_value=y f=2 1641600000000000000\n\
     m f=3 1641600000000000000\na f=1 1641600000000000000\n",
];

async fn rig_of(lines: &str, source: ServerSettings, destination: ServerSettings) -> Rig {
    let store = store_of(lines.as_bytes(), WEEK_S);
    let rig = Rig::between(source, store, destination, Arc::new(BucketStore::default())).await;
    rig.over("2022-01-01T00:00:00Z", "2022-01-20T00:00:00Z", "1d")
}

fn without_influxql() -> ServerSettings {
    ServerSettings { influxql: false, ..oss() }
}

async fn from_oldest(rig: &Rig) -> Run {
    rig.migrate(with(rig.config(), |config| config.scope.start = RangeStart::Earliest)).await
}

fn is_equal(rig: &Rig) -> bool {
    rig.source.store().dump(BUCKET) == rig.destination.store().dump(BUCKET)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_copied_and_both_ends_counted() {
    for lines in BUCKETS {
        for destination in [oss(), without_influxql()] {
            let rig = rig_of(lines, oss_source(), destination).await;
            let run = from_oldest(&rig).await;
            assert_eq!(run.exit(), ExitCode::Done, "{lines} {}", run.words());
            assert!(is_equal(&rig), "{lines}");
            from_oldest(&rig).await.assert_exit(ExitCode::Done);
        }
    }
}

/// What the destination forgets is still found, of them too where it answers InfluxQL.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_destination_forgets_beside_them_is_found() {
    for (destination, forgotten) in [
        (oss(), "m,_value=x"),
        (oss(), "a,host=h"),
        (oss(), "n,host=h"),
        (without_influxql(), "a,host=h"),
        (without_influxql(), "n,host=h"),
    ] {
        let rig = rig_of(BUCKETS[2], oss_source(), destination).await;
        let write = Matcher::path("/api/v2/write").body(forgotten);
        rig.destination_fault(write, u32::MAX, Fault::Forget { lines: Forgotten::All });
        let run = from_oldest(&rig).await;
        assert_eq!(run.exit(), ExitCode::Different, "{forgotten} {}", run.words());
    }
}

/// Nobody tells how many of what a spool holds are among them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_cannot_be_counted_says_so() {
    for (destination, exit) in [(oss(), ExitCode::Done), (without_influxql(), ExitCode::Rejected)] {
        let rig = rig_of(BUCKETS[2], oss_source(), destination).await;
        rig.migrate(rig.stage_config()).await.assert_exit(ExitCode::Done);
        let run = rig.load(rig.load_config()).await;
        assert_eq!(run.exit(), exit, "{}", run.words());
        let doubts = &run.finished().outcome.doubts;
        let told = doubts
            .iter()
            .any(|doubt| doubt.contains("series of m have tags called as columns of Flux"));
        assert_eq!(told, exit == ExitCode::Rejected, "{doubts:?}");
        assert!(is_equal(&rig));
    }
}

/// Where no language reads them they are left out, and named by their series.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_reads_is_named() {
    for (lines, series) in BUCKETS.into_iter().zip([1, 1, 1, 2]) {
        let rig = rig_of(lines, cloud(), oss()).await;
        let run = from_oldest(&rig).await;
        assert_eq!(run.exit(), ExitCode::Rejected, "{lines} {}", run.words());
        assert!(rig.rejects().contains("measurement 'm'"), "{}", rig.rejects());
        assert!(run.finished().outcome.rejected >= series, "{lines} {}", rig.rejects());
    }
}

/// The largest time is out of the reach of counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_reads_is_named_at_the_largest_time() {
    let last = "2262-04-11T23:47:16.854775807Z";
    for lost in ["m,_value=x f=1", "m,_time=x f=1", "m,t=a\rb f=1"] {
        let lines = format!("a f=1 1640995200000000000\n{lost} 9223372036854775806\n");
        let rig = rig_of(&lines, cloud(), oss()).await.over("2022-01-01T00:00:00Z", last, "100y");
        let run = rig.migrate(rig.config()).await;
        assert_eq!(run.exit(), ExitCode::Rejected, "{lost} {}", run.words());
        assert_eq!(run.finished().outcome.rejected, 1, "{lost}");
        assert_eq!(rig.destination.store().count(BUCKET), 1);
        // By InfluxQL they arrive.
        for destination in [oss(), without_influxql()] {
            let rig = rig_of(&lines, oss_source(), destination).await;
            let rig = rig.over("2022-01-01T00:00:00Z", last, "100y");
            let run = rig.migrate(rig.config()).await;
            assert_eq!(run.exit(), ExitCode::Done, "{lost} {}", run.words());
            assert!(is_equal(&rig), "{lost}");
        }
    }
}

/// A destination that holds nothing else is not taken for empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_found_at_a_destination_that_is_not_empty() {
    let rig = rig_of("a f=1 1640995200000000000\n", oss_source(), oss()).await;
    let target = rig.destination.store();
    target.create_bucket(BUCKET, 0);
    assert_eq!(target.write_lp(BUCKET, BUCKETS[0].as_bytes()), Ok(()));
    let run = rig.migrate(rig.config()).await;
    assert!(run.words().contains("--existing merge"), "{}", run.words());
}
