//! A destination, compared with the files of a spool: what both hold, what the spool lacks, and whose spool it is.

use std::sync::atomic::{AtomicU32, Ordering};

use sluice::testing::config::job::JobConfig;
use sluice::testing::config::range::RangeStop;
use sluice::testing::config::values::IntervalChoice;
use sluice::testing::config::verify::VerifyConfig;
use sluice::testing::exit::ExitCode;
use sluice::testing::job::verify::VerifyOutcome;
use sluice::testing::model::filter::Filter;
use sluice::testing::pipeline::event::Event;
use sluice::testing::pipeline::verify::VerifyFindings;
use sluice::testing::pipeline::verify::evidence::EvidenceKind;
use sluice::testing::sim::BucketStore;

use super::verified::{is_equal, named, wanted};
use crate::support::golden::Case;
use crate::support::rig::{BUCKET, Rig, cloud, oss_source, plant, store_of, time, with};

const WEEK_S: u64 = 7 * 86_400;
const HOUR_NS: i64 = 3_600_000_000_000;
/// 2022-01-01.
const START_NS: i64 = 1_640_995_200_000_000_000;

/// The settings where the account is closed.
fn closed(config: JobConfig) -> JobConfig {
    with(config, |config| config.ends.source.host = "http://127.0.0.1:9".into())
}

async fn by_spool(rig: &Rig, config: &JobConfig) -> VerifyOutcome {
    rig.verify(config, &wanted(Some(rig.spool()))).await.expect("compared")
}

fn why(found: &VerifyOutcome) -> Vec<(String, &str)> {
    let words = |(range, why)| (format!("{range}"), why);
    found.verified.unproven.iter().map(|(range, why)| (range, why.as_str())).map(words).collect()
}

/// Eight hours of the plant, staged, from a Cloud.
async fn staged() -> Rig {
    let rig = Rig::start(cloud(), store_of(&plant(0..8), WEEK_S)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "1h");
    rig.migrate(rig.stage_config()).await.assert_exit(ExitCode::Done);
    rig
}

/// What was loaded is equal to what was staged, of every golden case.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_golden_case_is_equal_after_a_load() {
    let mut proven = 0;
    for name in &Case::names_of_buckets() {
        let lines = Case::open(name).bytes("data.lp");
        let shard_s = if name.starts_with("07") { 86_400 } else { WEEK_S };
        let rig = Rig::start(oss_source(), store_of(&lines, shard_s)).await;
        let rig =
            rig.over("1677-09-21T00:12:43.145224194Z", "2262-04-11T23:47:16.854775807Z", "50y");
        rig.migrate(rig.stage_config()).await;
        let exit = rig.load(rig.load_config()).await.exit();
        let asked = rig.source.records().len();
        let found = by_spool(&rig, &closed(rig.load_config())).await;
        let what = format!("{name} {exit:?}: {:?}", found.verified);
        assert_eq!(is_equal(&found), exit == ExitCode::Done, "{what}");
        if exit == ExitCode::Done {
            assert_eq!(found.verified.values, rig.destination.store().count(BUCKET), "{what}");
            proven += 1;
        }
        assert_eq!(rig.source.records().len(), asked, "the source was not asked");
    }
    assert!(proven > 20, "{proven}");
}

/// Batches of the spool, of the migration and of the comparison need not be the same, and files may be merged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_batches_may_differ() {
    let rig = staged().await;
    let long = with(rig.config(), |config| {
        config.scope.batch_interval = IntervalChoice::Fixed("3h".parse().expect("an interval"));
    });
    rig.migrate(long).await.assert_exit(ExitCode::Done);
    rig.destination.store().delete(BUCKET, None, START_NS + HOUR_NS, START_NS + 2 * HOUR_NS);
    for is_merged in [false, true] {
        if is_merged {
            let place = rig.stage_dir().display().to_string();
            let mut command = crate::support::process::bare(&["spool", "compact", &place]);
            let ended = tokio::task::spawn_blocking(move || command.output().expect("it runs"));
            assert!(ended.await.expect("it ends").status.success());
        }
        for (interval, batches) in [("25m", 17), ("1h", 7), ("5h", 1), ("1d", 0)] {
            let config = with(rig.config(), |config| {
                let interval = interval.parse().expect("an interval");
                config.scope.batch_interval = IntervalChoice::Fixed(interval);
            });
            let found = by_spool(&rig, &config).await;
            assert_eq!(named(&found), [60, 0, 0], "{interval} {:?}", found.verified);
            assert_eq!(found.verified.batches, batches, "{interval} {:?}", found.verified);
        }
        // All of it is too little for two batches.
        let found = by_spool(&rig, &rig.load_config()).await;
        let VerifyFindings { batches, differing_batches, .. } = found.verified;
        assert_eq!((batches, differing_batches, named(&found)), (0, 1, [60, 0, 0]));
    }
}

/// What was not staged, or not moved, is not among what is equal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_of_them_lacks_is_unproven() {
    let rig = Rig::start(cloud(), store_of(&plant(0..8), WEEK_S)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "1h");
    let seen = AtomicU32::new(0);
    let third = move |event: &Event| {
        matches!(event, Event::Committed { .. }) && seen.fetch_add(1, Ordering::Relaxed) == 2
    };
    rig.migrate_until(rig.stage_config(), third).await;
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    for config in
        [rig.config(), with(rig.config(), |c| c.scope.stop = RangeStop::Now { settle_ns: 0 })]
    {
        let found = by_spool(&rig, &config).await;
        let [(range, words)] = &why(&found)[..] else { panic!("{:?}", found.verified) };
        assert!(range.ends_with("2022-01-01T08:00:00Z)") && *words == "not staged", "{range}");
        let VerifyFindings { batches, differing_batches, .. } = found.verified;
        assert!((3..8).contains(&batches) && differing_batches == 0, "{batches}");
    }
    // A difference beyond of what is staged is none that a spool can tell; one before it is.
    let store = rig.destination.store();
    store.delete(BUCKET, None, START_NS + 7 * HOUR_NS, START_NS + 8 * HOUR_NS);
    assert_eq!(by_spool(&rig, &rig.config()).await.verified.differing_batches, 0);
    store.delete(BUCKET, None, START_NS + HOUR_NS, START_NS + 2 * HOUR_NS);
    assert_eq!(named(&by_spool(&rig, &rig.config()).await), [60, 0, 0]);
}

/// The job stands before the end of the spool, or begins after its start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_loaded_yet_is_unproven() {
    let rig = staged().await;
    let half =
        with(rig.load_config(), |c| c.scope.stop = RangeStop::At(time("2022-01-01T05:00:00Z")));
    rig.load(half.clone()).await.assert_exit(ExitCode::Done);
    let found = by_spool(&rig, &rig.load_config()).await;
    let rest = "[2022-01-01T05:00:00Z, 2022-01-01T08:00:00Z)".to_owned();
    assert_eq!(why(&found), [(rest, "not committed yet")], "{:?}", found.verified);
    assert_eq!((found.verified.values, found.verified.differing_batches), (300, 0));
    // Who asks for no more than was moved has all of it.
    assert!(is_equal(&by_spool(&rig, &half).await));
    rig.load(rig.load_config()).await.assert_exit(ExitCode::Done);
    assert!(is_equal(&by_spool(&rig, &rig.load_config()).await));
}

/// Two values cannot be staged: one beside others, one alone in its hour.
async fn staged_with_a_lack() -> Rig {
    // A tag that Flux takes for its own column: without InfluxQL it is left out.
    let odd = |hour: i64| format!("odd,_value=x f=1 {}\n", START_NS + hour * HOUR_NS + 5);
    let lines = [plant(0..3), (odd(1) + &odd(5)).into_bytes()].concat();
    let rig = Rig::start(cloud(), store_of(&lines, 3_600)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "1h");
    rig.migrate(rig.stage_config()).await.assert_exit(ExitCode::Rejected);
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Rejected);
    rig
}

/// Values that were not staged excuse what the destination has beside the others, but not what it lacks of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_staged_is_unproven() {
    let rig = staged_with_a_lack().await;
    let store = rig.destination.store();
    let lack = "what was staged is there; 1 value could not be staged";
    let hours = [
        "[2022-01-01T01:00:00Z, 2022-01-01T02:00:00Z)",
        "[2022-01-01T05:00:00Z, 2022-01-01T06:00:00Z)",
    ];
    let expect = |found: &VerifyOutcome, more: [&str; 2]| {
        let lacks = more.map(|more| format!("{lack}{more}"));
        let lacks: Vec<_> =
            hours.iter().zip(&lacks).map(|(hour, why)| ((*hour).to_owned(), &**why)).collect();
        let is_told = lacks.iter().all(|lack| why(found).contains(lack));
        assert!(is_told, "{lacks:?} of {:?}", found.verified);
        assert_eq!(found.verified.differing_batches, 0, "{:?}", found.verified);
        assert_eq!(found.verified.batches, 6, "{:?}", found.verified);
    };
    expect(&by_spool(&rig, &rig.config()).await, ["", ""]);
    for hour in [1, 5] {
        let line = format!("even f=1 {}\n", START_NS + hour * HOUR_NS + 5);
        store.write_lp(BUCKET, line.as_bytes()).expect("a line");
    }
    let beside = ", and the destination holds 1 value beside it";
    expect(&by_spool(&rig, &rig.config()).await, [beside, beside]);
    store.delete(BUCKET, Some(b"air"), START_NS + HOUR_NS, START_NS + HOUR_NS + 2);
    let found = by_spool(&rig, &rig.config()).await;
    assert_eq!((found.verified.differing_batches, named(&found)), (1, [10, 0, 1]));
    let repair = VerifyConfig { repair: true, ..wanted(Some(rig.spool())) };
    let found = rig.verify(&closed(rig.config()), &repair).await.expect("compared");
    assert_eq!(found.named.repaired.as_ref().map(|repaired| repaired.values), Some(10));
    expect(&found, [beside, beside]);
}

/// Nothing of the source is needed to bring back what a destination has lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_repairs_where_the_source_is_closed() {
    let rig = staged().await;
    rig.load(rig.load_config()).await.assert_exit(ExitCode::Done);
    let config = closed(rig.load_config());
    let store = rig.destination.store();
    store.delete(BUCKET, None, START_NS + HOUR_NS, START_NS + 3 * HOUR_NS);
    store.write_lp(BUCKET, format!("late v=1 {START_NS}\n").as_bytes()).expect("a line");
    let asked = rig.source.records().len();
    let found = by_spool(&rig, &config).await;
    assert_eq!((found.evidence, named(&found)), (EvidenceKind::Spool, [120, 0, 1]));
    let repair = VerifyConfig { repair: true, superset: true, ..wanted(Some(rig.spool())) };
    let found = rig.verify(&config, &repair).await.expect("compared");
    assert_eq!(found.named.repaired.as_ref().map(|repaired| repaired.values), Some(120));
    assert!(is_equal(&found), "{:?}", found.verified);
    assert_eq!(rig.source.records().len(), asked, "the source was not asked");
    store.delete(BUCKET, Some(b"late"), i64::MIN, i64::MAX);
    rig.assert_copied();
}

/// A part of a spool, loaded or moved, is compared as the part that it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_measurement_is_compared_alone() {
    let more = format!("water level=1 {START_NS}\n");
    let lines = [plant(0..8), more.into_bytes()].concat();
    let only = Filter { measurements: vec!["air".to_owned()], ..Filter::default() };
    for is_loaded in [true, false] {
        let rig = Rig::start(cloud(), store_of(&lines, WEEK_S)).await;
        let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "1h");
        rig.migrate(rig.stage_config()).await.assert_exit(ExitCode::Done);
        let part = with(rig.config(), |config| config.scope.filter = only.clone());
        let moved =
            if is_loaded { rig.load(part.clone()).await } else { rig.migrate(part.clone()).await };
        moved.assert_exit(ExitCode::Done);
        let found = by_spool(&rig, &part).await;
        assert!(is_equal(&found) && found.verified.values == 480, "{:?}", found.verified);
        rig.destination.store().delete(BUCKET, None, START_NS, START_NS + HOUR_NS);
        assert_eq!(named(&by_spool(&rig, &part).await), [60, 0, 0]);
        let all = rig.verify(&rig.config(), &wanted(Some(rig.spool()))).await;
        assert_eq!(all.expect_err("another filter").exit(), ExitCode::State);
    }
}

/// A spool of a part tells nothing of the rest of a whole bucket, but where that is all that was loaded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_of_a_part_is_not_held_against_the_whole() {
    let more = format!("water level=1 {START_NS}\n");
    let lines = [plant(0..8), more.into_bytes()].concat();
    let rig = Rig::start(cloud(), store_of(&lines, WEEK_S)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "1h");
    let only = Filter { measurements: vec!["air".to_owned()], ..Filter::default() };
    let part = with(rig.stage_config(), |config| config.scope.filter = only);
    rig.migrate(part).await.assert_exit(ExitCode::Done);
    let copy = with(rig.load_config(), |config| {
        config.ends.destination_bucket = "copy".to_owned();
    });
    rig.load(copy.clone()).await.assert_exit(ExitCode::Done);
    assert!(is_equal(&by_spool(&rig, &copy).await));
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    let refused = rig.verify(&rig.config(), &wanted(Some(rig.spool()))).await.expect_err("a part");
    assert_eq!(refused.exit(), ExitCode::State);
    assert!(refused.to_string().contains("the filter of the job is \"none\""), "{refused}");
}

/// A spool of another bucket under the same name, and one of another name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_spool_of_another_source_is_refused() {
    let rig = staged().await;
    let again: &BucketStore = rig.source.store();
    let id = again.bucket(BUCKET).expect("it is there").id;
    again.remove_bucket(&id);
    again.create_bucket("one-more", 0);
    again.create_bucket(BUCKET, 0);
    again.write_lp(BUCKET, &plant(0..8)).expect("lines");
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    let writes = rig.destination.records().len();
    let repair = VerifyConfig { repair: true, ..wanted(Some(rig.spool())) };
    let other_bucket = with(rig.config(), |config| {
        config.ends.source_bucket = "other-1".into();
        config.ends.destination_bucket = BUCKET.into();
    });
    let other_org = with(rig.config(), |config| config.ends.source.org = Some("others".into()));
    for (config, words) in [
        (rig.config(), "id of the source bucket"),
        (other_bucket, "the source bucket of the job is \"other-1\""),
        (other_org, "the organization of the source of the job is \"others\""),
    ] {
        let refused = rig.verify(&config, &repair).await.expect_err(words);
        assert_eq!(refused.exit(), ExitCode::State, "{refused}");
        assert!(refused.to_string().contains(words), "{refused}");
    }
    let is_write = |path: &str| path == "/api/v2/write";
    let records = rig.destination.records();
    assert!(!records[writes..].iter().any(|record| is_write(&record.path)), "nothing is written");
}
