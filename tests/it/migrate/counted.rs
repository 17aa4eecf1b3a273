//! What the counts at the end tell: each batch by itself, what is older than the job, and what has grown at both ends.

use std::sync::Arc;

use sluice::testing::config::range::RangeStart;
use sluice::testing::exit::ExitCode;
use sluice::testing::pipeline::event::Event;
use sluice::testing::sim::{BucketStore, ServerSettings};

use crate::support::rig::{BUCKET, Rig, Run, cloud, oss_source, store_of, with};

const DAY_S: u64 = 86_400;
/// 2022-01-01.
const START_S: i64 = 1_640_995_200;

/// Values of a series in the middle of a day, a second apart.
fn day(name: &str, day: i64, count: i64) -> String {
    let at = START_S + day * 86_400 + 40_000;
    let line = |n: i64| format!("{name} v={n}i {}000000000\n", at + n);
    (0..count).map(line).collect()
}

/// A week of 20 values a day, moved.
async fn moved(source: ServerSettings) -> Rig {
    let lines: String = (0..7).map(|n| day("m,h=a", n, 20)).collect();
    let rig = Rig::start(source, store_of(lines.as_bytes(), DAY_S)).await;
    let rig = rig.over("2022-01-01T00:00:00Z", "2022-01-08T00:00:00Z", "1d");
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    rig
}

fn write(store: &BucketStore, lines: &str) {
    assert_eq!(store.write_lp(BUCKET, lines.as_bytes()), Ok(()));
}

/// So many values of a day are deleted.
fn delete(store: &BucketStore, day: i64, count: i64) {
    let at = (START_S + day * 86_400 + 40_000) * 1_000_000_000;
    store.delete(BUCKET, None, at, at + count * 1_000_000_000);
}

fn differing(run: &Run) -> (usize, usize) {
    let closing = &run.finished().outcome.closing;
    (closing.source.len(), closing.destination.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_batch_misses_another_does_not_make_up_for() {
    for source in [oss_source(), cloud()] {
        let rig = moved(source.clone()).await;
        delete(rig.source.store(), 1, 5);
        write(rig.source.store(), &day("m,h=late", 4, 5));
        let run = rig.migrate(rig.config()).await;
        assert_eq!(run.exit(), ExitCode::Rejected, "{}", run.words());
        assert_eq!(differing(&run), (2, 0));

        let rig = moved(source).await;
        delete(rig.destination.store(), 1, 3);
        write(rig.destination.store(), &day("other,h=foreign", 4, 3));
        let run = rig.migrate(rig.config()).await;
        assert_eq!(run.exit(), ExitCode::Different, "{}", run.words());
        assert_eq!(differing(&run), (0, 2));
    }
}

/// Nor does one measurement of a batch for another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_compared_measurement_by_measurement() {
    for source in [oss_source(), cloud()] {
        let lines = day("m,h=a", 0, 20) + &day("n,h=a", 0, 20);
        let rig = Rig::start(source, store_of(lines.as_bytes(), DAY_S)).await;
        let rig = rig.over("2022-01-01T00:00:00Z", "2022-01-02T00:00:00Z", "1d");
        let store: Arc<BucketStore> = Arc::clone(rig.source.store());
        // Between the count and the reading one value of `m` goes and one of `n` comes.
        let exchange = move |event: &Event| {
            if matches!(event, Event::BatchOpened { .. }) {
                let at = (START_S + 40_000) * 1_000_000_000;
                store.delete(BUCKET, Some(b"m"), at, at + 1_000_000_000);
                write(&store, &day("n,h=b", 0, 1));
            }
            false
        };
        let run = rig.migrate_until(rig.config(), exchange).await;
        run.assert_exit(ExitCode::Done);
        rig.assert_copied();
        let told = "changed while it was read (40 values, now 40 of other measurements)";
        let again = |event: &Event| matches!(event, Event::Notice(text) if text.contains(told));
        assert_eq!(run.count(again), 1, "{}", run.words());
    }
}

/// Also where the batches are so many that neighbours are counted together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_one_of_very_many() {
    let rig = moved(oss_source()).await;
    let rig = rig.over("2022-01-01T00:00:00Z", "2022-01-08T00:00:00Z", "20m");
    let other = with(rig.config(), |config| {
        config.ends.batch_bucket = "others".to_owned();
        config.safety.existing = sluice::testing::config::values::ExistingPolicy::Merge;
    });
    rig.migrate(other.clone()).await.assert_exit(ExitCode::Done);
    delete(rig.source.store(), 1, 5);
    write(rig.source.store(), &day("m,h=late", 4, 5));
    let run = rig.migrate(other).await;
    assert_eq!(run.exit(), ExitCode::Rejected, "{}", run.words());
    assert_eq!(differing(&run), (2, 0));
}

/// A job that begins at the oldest value began there when it was new. It cannot go back, but it tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_older_than_a_job_from_the_oldest_value_is_named() {
    for source in [oss_source(), cloud()] {
        for staged in [false, true] {
            let rig =
                Rig::start(source.clone(), store_of(day("m,h=a", 3, 9).as_bytes(), DAY_S)).await;
            let rig = rig.over("2022-01-01T00:00:00Z", "2022-01-08T00:00:00Z", "1d");
            let base = if staged { rig.stage_config() } else { rig.config() };
            let config = with(base, |config| config.scope.start = RangeStart::Earliest);
            rig.migrate(config.clone()).await.assert_exit(ExitCode::Done);
            write(rig.source.store(), &day("m,h=late", 1, 2));
            let run = rig.migrate(config.clone()).await;
            assert_eq!(run.exit(), ExitCode::Rejected, "{}", run.words());
            let found = run.finished().outcome.closing.source.clone();
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!((found[0].expected, found[0].found), (0, 2));
            assert!(found[0].range.to_string().starts_with("[2022-01-02T11:06:40Z, "), "{found:?}");
            if !staged {
                // As it is advised.
                let range = found[0].range;
                let late = with(rig.config(), |config| {
                    config.scope.start = RangeStart::At(range.start);
                    config.scope.stop = sluice::testing::config::range::RangeStop::At(range.stop);
                    config.safety.existing = sluice::testing::config::values::ExistingPolicy::Merge;
                    config.ends.batch_bucket = "late".to_owned();
                });
                rig.migrate(late).await.assert_exit(ExitCode::Done);
                rig.migrate(config).await.assert_exit(ExitCode::Done);
                assert!(rig.source.store().dump(BUCKET) == rig.destination.store().dump(BUCKET));
            }
        }
    }
}

/// As many more values at both ends are the same ones only if they are of the same measurements.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_values_of_something_else_are_not_those_that_came_late() {
    for source in [oss_source(), cloud()] {
        let rig = moved(source).await;
        write(rig.source.store(), &day("m,h=late", 2, 3));
        write(rig.destination.store(), &day("other,h=foreign", 2, 3));
        let run = rig.migrate(rig.config()).await;
        assert_eq!(run.exit(), ExitCode::Different, "{}", run.words());
        assert_eq!(differing(&run), (1, 1));
        let rig = Arc::new(moved(oss_source()).await);
        for store in [rig.source.store(), rig.destination.store()] {
            write(store, &day("m,h=late", 2, 3));
        }
        rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    }
}
