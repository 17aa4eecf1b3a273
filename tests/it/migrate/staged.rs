//! Two steps instead of one: the source into a spool, the spool into the destination.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sluice::testing::config::job::{JobConfig, SpoolChoice};
use sluice::testing::config::range::{RangeStart, RangeStop};
use sluice::testing::config::values::IntervalChoice;
use sluice::testing::exit::ExitCode;
use sluice::testing::job::error::Error;
use sluice::testing::model::batch::BatchPlan;
use sluice::testing::model::interval::Interval;
use sluice::testing::model::time::TimeRange;
use sluice::testing::model::time_type::TimeType;
use sluice::testing::pipeline::event::Event;
use sluice::testing::pipeline::plan::NextBatch;
use sluice::testing::pipeline::plan::spool::{Lacking, SpoolBatches, SpoolJob};
use sluice::testing::pipeline::write::bucket::type_conflict::ConflictPolicy;
use sluice::testing::sim::{BucketStore, Fault, Matcher, ServerSettings};
use sluice::testing::spool::state::FileEntry;
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};

use super::golden::over_all_of;
use super::whole::workload;
use crate::spool::full::Disk;
use crate::support::golden::Case;
use crate::support::rig::{
    BUCKET, Rig, Run, cloud, oss_source, plant, points, store_of, time, with,
};

/// A day of two series.
fn a_day() -> Arc<BucketStore> {
    store_of(&plant(0..24), 7 * 86_400)
}

fn stored(rig: &Rig) -> Stored {
    Stored::open(&Storage::folder(rig.stage_dir())).unwrap()
}

async fn staged(rig: &Rig) -> Run {
    let run = rig.migrate(rig.stage_config()).await;
    run.assert_exit(ExitCode::Done);
    run
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_staged_and_loaded_is_the_bucket() {
    for source in [cloud(), oss_source()] {
        let (workload, store) = workload();
        let rig = Rig::start(source, store).await.over("2022-01-01", "2022-01-01T12:00:00Z", "1h");
        let run = staged(&rig).await;
        let outcome = &run.finished().outcome;
        assert_eq!((outcome.values, outcome.batches), (workload.values(), 12));
        assert_eq!(rig.destination.store().count(BUCKET), 0, "nothing of it is at the destination");
        let stored = stored(&rig);
        let verified = stored.verify_content(&StoredSelection::ALL).unwrap();
        assert_eq!(verified.values, workload.values());
        assert_eq!(stored.watermark(), time("2022-01-01T12:00:00Z"));

        let loaded = rig.load(rig.load_config()).await;
        loaded.assert_exit(ExitCode::Done);
        rig.assert_copied();
        assert_eq!(loaded.finished().outcome.values, workload.values());
        let again = rig.load(rig.load_config()).await;
        again.assert_exit(ExitCode::Done);
        assert_eq!(again.finished().outcome.batches, 0, "all of it is there");
    }
}

/// A migration goes on where a load stopped: the job is the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_tops_up_what_was_loaded() {
    let (_, store) = workload();
    let rig =
        Rig::start(oss_source(), store).await.over("2022-01-01", "2022-01-01T12:00:00Z", "1h");
    let mut config = rig.stage_config();
    config.scope.stop = RangeStop::At(time("2022-01-01T07:00:00Z"));
    rig.migrate(config).await.assert_exit(ExitCode::Done);
    rig.load(rig.load_config()).await.assert_exit(ExitCode::Done);
    rig.assert_records(time("2022-01-01T07:00:00Z"));
    let run = rig.migrate(rig.config()).await;
    run.assert_exit(ExitCode::Done);
    assert_eq!(run.finished().outcome.batches, 5);
    rig.assert_copied();
}

/// Every golden case, names and strings that InfluxQL or Flux cannot carry among them, with types that change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_content_survives_both_steps() {
    const NAMES: [&str; 20] = [
        "01-strings",
        "01-types",
        "02-newlines",
        "03-names",
        "03-names-control",
        "03-names-long",
        "03-names-reserved",
        "03-names-start-stop",
        "03-names-tag-is-field",
        "03-names-time-value",
        "03-names-utf8",
        "04-duplicates",
        "04-times",
        "05-schema",
        "06-nulls",
        "07-type-bool-uint-int",
        "07-type-int-float",
        "07-type-int-float-string",
        "08-sensors",
        "09-metadata",
    ];
    for name in NAMES {
        for source in [cloud, oss_source] {
            let (direct, whole) = copied(name, source(), false).await;
            let (rig, staged) = copied(name, source(), true).await;
            let kind = source().kind;
            let stored = stored(&rig);
            stored.verify_content(&StoredSelection::ALL).unwrap();
            let mut config = rig.load_config();
            if kind == cloud().kind {
                // No shard group of Cloud keeps types apart, so the spool's would be looked at; none of them clashes.
                config.safety.on_type_conflict = ConflictPolicy::Suffix;
            }
            let run = rig.load(config).await;
            let rejects = [&staged, &run].iter().any(|run| run.exit() == ExitCode::Rejected);
            let wanted = points(direct.destination.store(), BUCKET);
            let found = points(rig.destination.store(), BUCKET);
            assert!(
                found == wanted,
                "{name} {kind:?}: {} of {} {}",
                found.len(),
                wanted.len(),
                run.words()
            );
            let lacks = whole.exit() == ExitCode::Rejected;
            assert_eq!(rejects, lacks, "{name} {kind:?}: {}{}", staged.words(), run.words());
        }
    }
}

async fn copied(name: &str, source: ServerSettings, stage: bool) -> (Rig, Run) {
    const WEEK_S: u64 = 7 * 86_400;
    let case = Case::open(name);
    let rig = Rig::start(source, store_of(&case.bytes("data.lp"), WEEK_S)).await;
    let rig = over_all_of(name, rig);
    let config = if stage { rig.stage_config() } else { rig.config() };
    let run = rig.migrate(config).await;
    (rig, run)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staging_that_is_killed_goes_on_and_ends_the_same() {
    let whole = {
        let rig = Rig::start(cloud(), a_day()).await.over("2022-01-01", "2022-01-02", "4h");
        staged(&rig).await;
        content(&rig)
    };
    let rig = Rig::start(cloud(), a_day()).await.over("2022-01-01", "2022-01-02", "4h");
    until_done(async |kill_at| rig.migrate_until(rig.stage_config(), is_event(kill_at)).await)
        .await;
    assert_eq!(content(&rig), whole);
    assert!(fs::read_dir(rig.stage_dir().join("staging")).unwrap().next().is_none(), "swept");
}

/// Kills run after run, each one event later than the one before, until one ends by itself.
async fn until_done(run: impl AsyncFn(usize) -> Run) {
    for kill_at in 0.. {
        let run = run(kill_at).await;
        if run.ended.is_some() {
            run.assert_exit(ExitCode::Done);
            break;
        }
        assert!(kill_at < 100, "it never ends");
    }
}

/// True at the event of this number, those of the clients not counted.
fn is_event(number: usize) -> impl Fn(&Event) -> bool + Send + Sync {
    let seen = AtomicUsize::new(0);
    move |event| !matches!(event, Event::Client(_)) && seen.fetch_add(1, Ordering::SeqCst) == number
}

fn content(rig: &Rig) -> (u64, u64, String) {
    let stored = stored(rig);
    let verified = stored.verify_content(&StoredSelection::ALL).unwrap();
    let mut digest = sluice::testing::model::content_digest::ContentDigest::default();
    for frame in stored.frames(&StoredSelection::ALL).unwrap() {
        digest.add_frame(&frame.unwrap());
    }
    (verified.rows, verified.values, digest.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_is_killed_goes_on_and_ends_the_same() {
    let rig = Rig::start(cloud(), a_day()).await.over("2022-01-01", "2022-01-02", "4h");
    staged(&rig).await;
    let mut config = rig.load_config();
    config.scope.batch_interval = IntervalChoice::Fixed("4h".parse().unwrap());
    until_done(async |kill_at| {
        let run = rig.load_until(config.clone(), is_event(kill_at)).await;
        rig.assert_checkpoint_is_behind();
        run
    })
    .await;
    rig.assert_copied();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_on_the_way_leaves_the_same_spool() {
    let rig = Rig::start(cloud(), a_day()).await.over("2022-01-01", "2022-01-02", "4h");
    let queries = || Matcher::path("/api/v2/query").body("pivot").skip(1);
    rig.source_fault(queries(), 1, Fault::Cut { after_bytes: 3_000 });
    rig.source_fault(queries().skip(3), 1, Fault::Timeout);
    rig.source_fault(Matcher::path("/api/v2/query").skip(9), 1, Fault::too_many(Some(0)));
    staged(&rig).await;
    let clean = Rig::start(cloud(), a_day()).await.over("2022-01-01", "2022-01-02", "4h");
    staged(&clean).await;
    assert_eq!(content(&rig), content(&clean));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_a_spool_is_a_job_of_its_own() {
    let (workload, store) = workload();
    store.write_lp(BUCKET, b"other f=1 1641002400000000000").unwrap();
    let rig =
        Rig::start(oss_source(), store).await.over("2022-01-01", "2022-01-01T12:00:00Z", "1h");
    staged(&rig).await;
    let mut config = rig.load_config();
    config.scope.filter.measurements = vec!["cpu".to_owned()];
    config.scope.start = RangeStart::At(time("2022-01-01T03:00:00Z"));
    config.scope.stop = RangeStop::At(time("2022-01-01T05:00:00Z"));
    let run = rig.load(config.clone()).await;
    run.assert_exit(ExitCode::Done);
    assert_eq!(run.finished().outcome.values, workload.values() / 6);
    assert_eq!(rig.destination.store().count(BUCKET), workload.values() / 6);

    let other = rig.load(rig.load_config()).await;
    assert!(
        matches!(other.error(), Error::OtherJob { difference, .. } if difference.part == "start"),
        "{}",
        other.words()
    );
    other.assert_exit(ExitCode::State);
    let mut whole = rig.load_config();
    whole.ends.batch_bucket = "whole".to_owned();
    whole.safety.existing = sluice::testing::config::values::ExistingPolicy::Merge;
    rig.load(whole).await.assert_exit(ExitCode::Done);
    assert_eq!(rig.destination.store().count(BUCKET), workload.values() + 1);

    config.scope.filter.measurements = vec!["none".to_owned()];
    let missing = rig.load(config.clone()).await;
    assert!(matches!(missing.error(), Error::NotSpooled { .. }), "{}", missing.words());
    config.scope.filter.fields = vec!["usage_user".to_owned()];
    let narrow = rig.load(config).await;
    assert!(matches!(narrow.error(), Error::NotLoadable { .. }), "{}", narrow.words());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_spool_is_refused_before_a_point_is_written() {
    let (_, store) = workload();
    let rig =
        Rig::start(oss_source(), store).await.over("2022-01-01", "2022-01-01T12:00:00Z", "1h");
    staged(&rig).await;
    let stored = stored(&rig);
    let last = rig.stage_dir().join(&stored.files(&StoredSelection::ALL).last().unwrap().path);
    let mut bytes = fs::read(&last).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&last, bytes).unwrap();
    let run = rig.load(rig.load_config()).await;
    run.assert_exit(ExitCode::State);
    assert!(run.words().contains(last.file_name().unwrap().to_str().unwrap()), "{}", run.words());
    assert_eq!(rig.destination.store().count(BUCKET), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_is_one_jobs_and_one_runs() {
    let rig = Rig::start(cloud(), a_day()).await.over("2022-01-01", "2022-01-02", "4h");
    staged(&rig).await;
    let mut other = rig.stage_config();
    other.scope.filter.measurements = vec!["air".to_owned()];
    let run = rig.migrate(other).await;
    run.assert_exit(ExitCode::State);
    assert!(run.words().contains("filter"), "{}", run.words());

    let held = {
        let job = stored(&rig).job();
        sluice::testing::spool::writable::Spool::open(
            &Storage::folder(rig.stage_dir()),
            &job,
            false,
        )
        .unwrap()
    };
    let run = rig.migrate(rig.stage_config()).await;
    run.assert_exit(ExitCode::Locked);
    held.close().unwrap();
    let run = staged(&rig).await;
    assert_eq!(run.finished().outcome.batches, 0, "all of it is there");
}

/// A field with two types in one shard group of the destination.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_that_clash_follow_the_policy() {
    let day = |day: u32, text: &str| format!("m,h=a f={text} 16409952{day}0000000000\n");
    let later = "m,h=a f=1.5 1641081600000000001\nm,h=a f=2.5 1641081600000000002\n".to_owned();
    let lines = [day(0, "1i"), day(1, "2i"), day(2, "3i"), later].concat();
    let data = store_of(lines.as_bytes(), 86_400);
    let rig = Rig::start(oss_source(), data).await.over("2022-01-01", "2022-01-03", "1d");
    rig.destination.store().create_bucket_with(BUCKET, 0, 7 * 86_400);
    staged(&rig).await;
    assert_eq!(stored(&rig).describe().measurements[0].conflicts, 2);
    let stopped = rig.load(rig.load_config()).await;
    stopped.assert_exit(ExitCode::Permanent);
    let mut config = rig.load_config();
    config.safety.on_type_conflict = ConflictPolicy::Suffix;
    let run = rig.load(config).await;
    run.assert_exit(ExitCode::Done);
    assert_eq!(rig.destination.store().count(BUCKET), 5);
    let fields: Vec<_> =
        rig.destination.store().dump(BUCKET).iter().map(|value| value.field.to_vec()).collect();
    assert_eq!(fields.iter().filter(|field| **field == *b"f_float").count(), 2, "{fields:?}");
}

/// Whatever the interval: each batch of the plan comes once, with the files that reach into it, and a gap of any length
/// comes as one stretch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_batches_of_a_spool_have_the_files_that_reach_into_them() {
    let store = store_of(&[plant(0..4), plant(9..10), plant(20..24)].concat(), 7 * 86_400);
    let rig = Rig::start(cloud(), store).await.over("2022-01-01", "2022-02-01", "2h");
    staged(&rig).await;
    let stored = stored(&rig);
    let range = TimeRange::new(time("2022-01-01T01:30:00Z"), time("2022-02-01T00:00:00Z"));
    for interval in ["7m", "1h", "5h", "100d"] {
        let interval: Interval = interval.parse().unwrap();
        let plan = BatchPlan::new(range.start, interval, range.stop);
        let job = SpoolJob {
            stored: stored.clone(),
            measurements: None,
            range,
            plan,
            interval,
            slices_in_flight: 1,
            lacking: Lacking::default(),
        };
        let mut expected = 0;
        for found in SpoolBatches::new(&job) {
            let (seq, files) = match found {
                NextBatch::Empty(stretch) => (stretch, Vec::new()),
                NextBatch::Batch { seq, range: batch, holds: files } => {
                    assert_eq!(plan.nth(seq), Some(batch));
                    assert!(!files.is_empty());
                    (seq..seq + 1, files)
                }
            };
            assert_eq!(seq.start, expected);
            expected = seq.end;
            let paths: BTreeSet<_> = files.iter().map(|file| &file.path).collect();
            for batch in seq.map(|seq| plan.nth(seq).unwrap()) {
                let reaches = |file: &&FileEntry| !file.range().intersect(batch).is_empty();
                let all = stored.files(&StoredSelection::ALL);
                let wanted: BTreeSet<_> =
                    all.into_iter().filter(reaches).map(|file| &file.path).collect();
                assert_eq!(paths, wanted, "{batch}");
            }
        }
        assert_eq!(expected, plan.len());
    }
    let sparse: Interval = "1ms".parse().unwrap();
    let job = SpoolJob {
        stored,
        measurements: None,
        range,
        plan: BatchPlan::new(time("2022-01-01T23:59:59Z"), sparse, range.stop),
        interval: sparse,
        slices_in_flight: 1,
        lacking: Lacking::default(),
    };
    assert_eq!(SpoolBatches::new(&job).count(), 1, "a month of milliseconds is one stretch");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_type_of_times_loads_as_what_it_was() {
    for kind in TimeType::ALL {
        let (_, store) = workload();
        let rig =
            Rig::start(oss_source(), store).await.over("2022-01-01", "2022-01-01T12:00:00Z", "3h");
        rig.migrate(with_times(&rig, kind)).await.assert_exit(ExitCode::Done);
        rig.load(rig.load_config()).await.assert_exit(ExitCode::Done);
        rig.assert_copied();
        let other = if kind == TimeType::I64 { TimeType::NsUtc } else { TimeType::I64 };
        let run = rig.migrate(with_times(&rig, other)).await;
        run.assert_exit(ExitCode::State);
        assert!(
            run.words().contains(&format!("time type was {kind}, now it is {other}")),
            "{}",
            run.words()
        );
    }
}

fn with_times(rig: &Rig, time_type: TimeType) -> JobConfig {
    let mut config = rig.stage_config();
    config.ends.spool = config.ends.spool.map(|spool| SpoolChoice { time_type, ..spool });
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn microseconds_stop_at_the_batch_that_they_cannot_hold() {
    let lines = b"m,h=a f=1 1640995200000001000\nm,h=a f=2 1641002400000001001\n";
    let rig = Rig::start(oss_source(), store_of(lines, 86_400)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T04:00:00Z", "1h");
    let run = rig.migrate(with_times(&rig, TimeType::UsUtc)).await;
    run.assert_exit(ExitCode::Permanent);
    for word in ["2022-01-01T02:00:00Z", "measurement m", "02:00:00.000001001Z", "ns-utc or i64"] {
        assert!(run.words().contains(word), "{word}: {}", run.words());
    }
    let stored = stored(&rig);
    assert!(stored.watermark() <= time("2022-01-01T02:00:00Z"));
    assert!(stored.verify_content(&StoredSelection::ALL).unwrap().values <= 1);
}

/// What could not be staged stands in a file that tells nothing of the content.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_of_rejects_changes_nothing() {
    let whole = {
        let rig = Rig::start(cloud(), a_day()).await.over("2022-01-01", "2022-01-02", "4h");
        staged(&rig).await;
        content(&rig)
    };
    for damage in [&b"# batch 2022-01-01"[..], b"# batch x y\nm f=1\n", b"\xff\0\n# batch ", b""] {
        let rig = Rig::start(cloud(), a_day()).await.over("2022-01-01", "2022-01-02", "4h");
        let config = with(rig.stage_config(), |config| config.safety.rejects = None);
        let mut half = config.clone();
        half.scope.stop = RangeStop::At(time("2022-01-01T12:00:00Z"));
        rig.migrate(half).await.assert_exit(ExitCode::Done);
        fs::write(rig.stage_dir().join("rejects.lp"), damage).unwrap();
        rig.migrate(config).await.assert_exit(ExitCode::Done);
        assert_eq!(content(&rig), whole);
    }
    let rig = Rig::start(cloud(), a_day()).await.over("2022-01-01", "2022-01-02", "4h");
    fs::create_dir_all(rig.stage_dir().join("rejects.lp")).unwrap();
    let run = rig.migrate(with(rig.stage_config(), |config| config.safety.rejects = None)).await;
    run.assert_exit(ExitCode::State);
    assert!(run.words().contains("rejects.lp"), "{}", run.words());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_ends_with_its_code_and_the_same_command_goes_on() {
    let Some(disk) = Disk::mount() else { return };
    disk.resize(20);
    let rig = Rig::start(cloud(), a_day()).await.over("2022-01-01", "2022-01-02", "4h");
    let mut config = rig.stage_config();
    let place = disk.path().join("stage").display().to_string();
    config.ends.spool =
        config.ends.spool.map(|spool| SpoolChoice { place: place.clone(), ..spool });
    let run = rig.migrate(config.clone()).await;
    run.assert_exit(ExitCode::DiskFull);
    assert!(run.words().contains("of the spool"), "{}", run.words());
    disk.resize(4_096);
    rig.migrate(config).await.assert_exit(ExitCode::Done);
    let stored = Stored::open(&Storage::folder(&place)).unwrap();
    let verified = stored.verify_content(&StoredSelection::ALL).unwrap();
    assert_eq!(verified.values, rig.source.store().count(BUCKET));
}
