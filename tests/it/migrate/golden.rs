//! The recorded contents through the whole pipeline.

#![expect(clippy::unwrap_used, reason = "a test may")]

use sluice::testing::config::range::RangeStart;
use sluice::testing::config::values::IntervalChoice;
use sluice::testing::exit::ExitCode;
use sluice::testing::sim::ServerSettings;

use crate::support::golden::{Case, Point};
use crate::support::rig::{BUCKET, Rig, Run, cloud, oss_source, points, store_of};

const WEEK_S: u64 = 7 * 86_400;

async fn copied(name: &str, source: ServerSettings) -> (Case, Rig, Run) {
    let case = Case::open(name);
    let rig = Rig::start(source, store_of(&case.bytes("data.lp"), WEEK_S)).await;
    let rig = over_all_of(name, rig);
    let run = rig.migrate(rig.config()).await;
    (case, rig, run)
}

/// The range and the batches of a case.
pub(super) fn over_all_of(name: &str, rig: Rig) -> Rig {
    match name {
        "04-times" => {
            rig.over("1677-09-21T00:12:43.145224194Z", "2262-04-11T23:47:16.854775806Z", "1w")
        }
        "09-metadata" => rig.over("1969-12-29", "2097-01-01", "1w"),
        "08-sensors" => rig.over("2021-01-01", "2021-01-08", "1d"),
        _ => rig.over("2019-12-30", "2020-02-03", "1w"),
    }
}

fn differences(rig: &Rig, case: &Case) -> (Vec<Point>, Vec<Point>) {
    let (found, wanted) = (points(rig.destination.store(), BUCKET), case.expected());
    let missing = wanted.iter().filter(|point| !found.contains(point)).cloned().collect();
    let extra = found.iter().filter(|point| !wanted.contains(point)).cloned().collect();
    (missing, extra)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_flux_carries_arrives_to_the_bit() {
    let exact = [
        "01-strings",
        "01-types",
        "02-newlines",
        "03-names",
        "03-names-long",
        "03-names-reserved",
        "03-names-tag-is-field",
        "03-names-utf8",
        "04-duplicates",
        "05-schema",
        "06-nulls",
        "08-sensors",
        "09-metadata",
    ];
    for name in exact {
        for source in [cloud(), oss_source()] {
            let kind = source.kind;
            let (case, rig, run) = copied(name, source).await;
            let (missing, extra) = differences(&rig, &case);
            assert!(
                missing.is_empty() && extra.is_empty(),
                "{name} {kind:?}: missing {missing:?}, extra {extra:?} {}",
                run.words()
            );
            assert_eq!(run.exit(), ExitCode::Done, "{name} {kind:?} {}", run.words());
            assert_eq!(rig.rejects(), "", "{name} {kind:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_that_change_between_shards_arrive() {
    for name in ["07-type-bool-uint-int", "07-type-int-float", "07-type-int-float-string"] {
        for source in [cloud(), oss_source()] {
            let kind = source.kind;
            let (case, rig, run) = copied(name, source).await;
            assert_eq!(run.exit(), ExitCode::Done, "{name} {kind:?} {}", run.words());
            assert_eq!(differences(&rig, &case), (vec![], vec![]), "{name} {kind:?}");
            rig.assert_copied();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_times_that_flux_reaches_arrive() {
    for source in [cloud(), oss_source()] {
        let (case, rig, run) = copied("04-times", source).await;
        run.assert_exit(ExitCode::Done);
        let (missing, extra) = differences(&rig, &case);
        assert!(extra.is_empty(), "{extra:?}");
        // The two values of the last instant lie behind the stop of this job.
        assert!(missing.iter().all(|point| point.time == i64::MAX - 1), "{missing:?}");
        assert_eq!(missing.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_flux_cannot_carry_is_counted_and_named() {
    for (name, named) in [
        ("03-names-start-stop", "m"),
        ("03-names-time-value", "b"),
        ("03-names-control", "carriage return"),
    ] {
        let (case, rig, run) = copied(name, cloud()).await;
        assert_eq!(run.exit(), ExitCode::Rejected, "{name} {:?} {:?}", run.words(), run.preflight);
        let (missing, extra) = differences(&rig, &case);
        assert!(extra.is_empty(), "{name}: nothing is written that was not there: {extra:?}");
        let rejected = run.finished().outcome.rejected;
        assert_eq!(rejected, missing.len() as u64, "{name} {missing:?}\n{}", rig.rejects());
        assert!(rig.rejects().contains(named), "{name}\n{}", rig.rejects());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn influxql_carries_what_flux_cannot() {
    for name in ["03-names-start-stop", "03-names-time-value", "03-names-control"] {
        let (case, rig, run) = copied(name, oss_source()).await;
        assert_eq!(run.exit(), ExitCode::Done, "{name} {:?} {}", run.words(), rig.rejects());
        assert_eq!(differences(&rig, &case), (vec![], vec![]), "{name}");
    }
}

/// A batch that holds nothing but what Flux cannot read looks empty to every count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_unreadable_values_alone_is_not_empty() {
    let lines = b"ok f=1 1640995200000000000\nbad,_value=x f=1,g=2 1641002400000000000\nok f=2 1641009600000000000\n";
    let rig = Rig::start(cloud(), store_of(lines, WEEK_S)).await;
    let run = rig.migrate(rig.config()).await;
    run.assert_exit(ExitCode::Rejected);
    // The server fails over the count of the values: one series.
    assert_eq!(run.finished().outcome.rejected, 1);
    assert!(rig.rejects().contains("bad"), "{}", rig.rejects());
    assert_eq!(rig.destination.store().count(BUCKET), 2);
    // And it stays so: a later run that finds nothing to do says it again.
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Rejected);

    let rig = Rig::start(oss_source(), store_of(lines, WEEK_S)).await;
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    rig.assert_copied();
}

/// Nothing can lie before the first of all times, and no query may ask whether it does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_begins_at_the_first_of_all_times() {
    let lines = b"ok f=1 -9223372036854775806\nbad,_value=x f=1 1641002400000000000\n";
    let rig = Rig::start(cloud(), store_of(lines, WEEK_S)).await;
    let mut config = rig.config();
    config.scope.start = RangeStart::Earliest;
    config.scope.batch_interval = IntervalChoice::Fixed("30000d".parse().unwrap());
    let run = rig.migrate(config).await;
    run.assert_exit(ExitCode::Rejected);
    assert_eq!(run.finished().outcome.rejected, 1);
    assert_eq!(rig.destination.store().count(BUCKET), 1);
}
