//! The first shard group of all time, out of reach of bounded queries since the source was started again.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;

use sluice::testing::config::job::JobConfig;
use sluice::testing::config::range::RangeStart;
use sluice::testing::exit::ExitCode;
use sluice::testing::report::preflight::Verdict;
use sluice::testing::sim::{BucketStore, Fault, Matcher, ServerSettings};

use crate::support::rig::{BUCKET, Rig, Run, cloud, oss_source, store_of, with};

const WEEK_S: u64 = 7 * 86_400;
/// Inside the job of [`rig_of`], behind the first group.
const LATER: &str = "1640995200000000000";

/// Lines at the first times that there are, each with its number of nanoseconds behind the first one.
fn first(lines: &[(&str, i64)]) -> String {
    let timed = |(line, ns): &(&str, i64)| format!("{line} {}\n", i64::MIN + 2 + ns);
    lines.iter().map(timed).collect()
}

/// A source that was started again with these lines, and then got others.
fn restarted(before: &str, later: &str) -> Arc<BucketStore> {
    let store = store_of(before.as_bytes(), WEEK_S);
    store.restart();
    assert_eq!(store.write_lp(BUCKET, later.as_bytes()), Ok(()));
    store
}

async fn rig_of(source: ServerSettings, store: Arc<BucketStore>) -> Rig {
    let rig = Rig::start(source, store).await;
    rig.over("1677-09-21T00:12:43.145224194Z", "2022-01-02T00:00:00Z", "10y")
}

fn from_oldest(rig: &Rig) -> JobConfig {
    with(rig.config(), |config| config.scope.start = RangeStart::Earliest)
}

/// Left out, by these words: told before anything is moved, at the end, in the rejects, and by every later run.
async fn assert_named(rig: &Rig, config: &JobConfig, words: &str, copied: u64) {
    let run = rig.migrate(config.clone()).await;
    let what = format!("{}\n{}", run.words(), rig.rejects());
    assert_eq!(run.exit(), ExitCode::Rejected, "{what}");
    let outcome = &run.finished().outcome;
    assert!(outcome.unreturned.iter().any(|told| told.starts_with(words)), "{outcome:?}");
    assert!(rig.rejects().contains(words), "{what}");
    let finding = run.finding("P08").unwrap();
    assert!(finding.text.contains(words), "{finding:?}");
    assert_eq!(finding.verdict, Verdict::Warn);
    assert!(finding.cure.unwrap().contains("|> filter(fn: (r) => r._time < "));
    assert_eq!(rig.destination.store().count(BUCKET), copied, "{what}");
    rig.migrate(config.clone()).await.assert_exit(ExitCode::Rejected);
}

fn assert_all_copied(rig: &Rig, run: &Run) {
    run.assert_exit(ExitCode::Done);
    assert!(rig.source.store().dump(BUCKET) == rig.destination.store().dump(BUCKET));
}

/// No filter by time is the storage engine's: what is counted behind one is in tables of several types.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_that_differ_are_counted() {
    let early = first(&[("m,h=a f=1,g=2i,s=\"x\"", 0), ("n f=true", 600)]);
    let lines = format!("{early}m,h=a f=4 {LATER}\n");
    for source in [oss_source(), cloud()] {
        let rig = rig_of(source.clone(), store_of(lines.as_bytes(), WEEK_S)).await;
        assert_all_copied(&rig, &rig.migrate(from_oldest(&rig)).await);
        let rig = rig_of(source, restarted(&lines, "")).await;
        assert_named(&rig, &from_oldest(&rig), "4 values before ", 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_restart_put_out_of_reach_is_named() {
    let early = first(&[("m,h=a f=1,g=2i", 0), ("m,h=b f=3", 1), ("n s=\"x\"", 600)]);
    let later = format!("m,h=a f=4 {LATER}\n");
    let lines = format!("{early}{later}");
    for source in [oss_source(), cloud()] {
        let rig = rig_of(source.clone(), store_of(lines.as_bytes(), WEEK_S)).await;
        assert_all_copied(&rig, &rig.migrate(from_oldest(&rig)).await);
        for searched in [true, false] {
            let rig = rig_of(source.clone(), restarted(&lines, "")).await;
            let config = if searched { from_oldest(&rig) } else { rig.config() };
            assert_named(&rig, &config, "4 values before 1678-09-22T00:12:43", 1).await;
        }
        // Alone in the bucket.
        let rig = rig_of(source.clone(), restarted(&early, "")).await;
        assert_named(&rig, &from_oldest(&rig), "4 values before ", 0).await;
        // Nothing of it is asked for.
        let rig = rig_of(source.clone(), restarted(&lines, "")).await;
        let config = with(from_oldest(&rig), |config| {
            config.scope.filter.fields = vec!["f".to_owned()];
            config.scope.filter.tags = vec![("h".to_owned(), "b".to_owned())];
        });
        assert_named(&rig, &config, "1 value before ", 0).await;
        let rig = Rig::start(source, restarted(&lines, "")).await;
        rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
        assert_eq!(rig.destination.store().count(BUCKET), 1);
    }
}

/// What was written after the restart is found, beside what is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_beside_it_is_copied() {
    let early = first(&[("m,h=a f=1", 0), ("m,h=a f=2", 1)]);
    let later = first(&[("m,h=a f=11", 0), ("m,h=a f=12", 5)]);
    for source in [oss_source(), cloud()] {
        let rig = rig_of(source, restarted(&early, &later)).await;
        assert_named(&rig, &from_oldest(&rig), "2 values before ", 2).await;
    }
}

/// What plain Flux does not read tells nothing of itself at the start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_hides_behind_who_reads_it() {
    let ok = format!("ok f=1 {LATER}\n");
    for (early, others) in [
        // By InfluxQL alone.
        (
            first(&[("t,_time=x f=1", 0), ("t,_time=y f=2,g=3", 7)]),
            format!("t,_time=x f=1 {LATER}\n"),
        ),
        (first(&[("t,_value=x f=1", 0), ("t,_value=y f=2,g=3", 7)]), String::new()),
        // In windows of one type.
        (first(&[("x f=1", 0), ("x f=2", 1), ("x f=3", 2)]), format!("x f=7i {LATER}\n")),
    ] {
        let lines = format!("{early}{ok}{others}");
        let copied = u64::try_from(lines.lines().count() - early.lines().count()).unwrap();
        let rig = rig_of(oss_source(), restarted(&lines, "")).await;
        assert_named(&rig, &from_oldest(&rig), "3 values before ", copied).await;
    }
}

/// A bucket that is too large to be searched for them: the oldest value tells that there are some.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_is_too_slow_for_it_is_no_reason_to_be_silent() {
    let lines = format!("{}m f=2 {LATER}\n", first(&[("m f=1", 0)]));
    for (store, is_whole) in
        [(restarted(&lines, ""), false), (store_of(lines.as_bytes(), WEEK_S), true)]
    {
        let rig = rig_of(oss_source(), store).await;
        let scan = "stop: 2262-04-11T23:47:16.854775807Z) |> filter(fn: (r) => r._time <";
        let scan = Matcher::path("/api/v2/query").body(scan);
        rig.source_fault(scan, u32::MAX, Fault::Timeout);
        if is_whole {
            assert_all_copied(&rig, &rig.migrate(from_oldest(&rig)).await);
        } else {
            assert_named(&rig, &from_oldest(&rig), "values before ", 1).await;
        }
    }
}
