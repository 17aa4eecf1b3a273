//! The checkpoint in the batch bucket: taken over from the official task, compared, leased, fenced.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;
use std::time::Duration;

use sluice::testing::config::job::JobConfig;
use sluice::testing::config::range::RangeStart;
use sluice::testing::exit::ExitCode;
use sluice::testing::pipeline::event::Event;
use sluice::testing::sim::{BucketStore, Fault, Matcher, Server, Value};

use crate::support::golden::Case;
use crate::support::rig::{BATCHES, BUCKET, Rig, cloud, oss, plant, store_of, time};

const KEYS: &str = "dstBucket=plant,srcBucket=plant,srcOrg=cloud-org";

/// Twelve hours, and a destination that has its buckets.
async fn rig() -> Rig {
    let target = Arc::new(BucketStore::default());
    target.create_bucket(BUCKET, 0);
    target.create_bucket(BATCHES, 0);
    Rig::between(cloud(), store_of(&plant(0..12), 7 * 86_400), oss(), target).await.over(
        "2022-01-01",
        "2022-01-01T12:00:00Z",
        "1h",
    )
}

fn note(rig: &Rig, lines: &str) {
    rig.destination.store().write_lp(BATCHES, lines.as_bytes()).unwrap();
}

fn now_ns() -> i64 {
    sluice::testing::sim::ServerClock::system().now()
}

/// The oldest value at the destination.
fn first_written(rig: &Rig) -> Option<i64> {
    rig.destination.store().dump(BUCKET).iter().map(|value| value.time).min()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_the_official_task_are_taken_over() {
    let case = Case::open("12-checkpoint");
    let text = String::from_utf8(case.bytes("data.lp")).unwrap();
    let text = text.replace("dstBucket=cdst,srcBucket=csrc,srcOrg=golden", KEYS);
    for earliest in [false, true] {
        let rig = rig().await;
        note(&rig, &text);
        let mut config = rig.config();
        if earliest {
            config.scope.start = RangeStart::Earliest;
        }
        let run = rig.migrate(config).await;
        run.assert_exit(ExitCode::Done);
        assert_eq!(run.finished().outcome.batches, 5);
        assert_eq!(run.finished().outcome.job.start, time("2022-01-01"));
        assert_eq!(first_written(&rig), Some(time("2022-01-01T07:00:00Z").ns() + 1));
        rig.assert_records(time("2022-01-01T12:00:00Z"));
        let last = rig.records()[11].clone();
        assert!((last.percent - 100.0).abs() < 1e-9 && last.time <= now_ns());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_form_of_a_record_resumes_where_the_task_would() {
    let start = "batch_start=\"2022-01-01T00:00:00.000000000Z\"";
    let plain = |stop: &str| {
        format!("batches,{KEYS} {start},batch_stop={stop},rows=1i 1646092800000000000\n")
    };
    let nine = "\"2022-01-01T02:00:00.000000000Z\"";
    let two = "2022-01-01T02:00:00Z";
    let rows = [
        (String::new(), "2022-01-01"),
        (plain(nine), two),
        (plain("\"2022-01-01T02:00:00Z\""), two),
        (plain("\"2022-01-01T02:00:00.500Z\""), "2022-01-01T02:00:00.5Z"),
        (plain("\"2022-01-01T02:00:00.000000000000Z\""), two),
        (plain("\"2022-01-01T04:00:00+02:00\""), two),
        (plain("1641002400000000000i"), two),
        (plain("\"2022-01-01\""), "2022-01-01"),
        (format!("batches,{KEYS} batch_stop={nine} 1646092800000000000\n"), two),
        (
            format!(
                "batches,{KEYS} {start},batch_stop={nine},note=\"x\",n=1 1646092800000000000\n"
            ),
            two,
        ),
        (format!("batches,{KEYS},zone=x {start},batch_stop={nine} 1646092800000000000\n"), two),
        // The later record counts, even with the smaller stop.
        (
            plain("\"2022-01-01T09:00:00Z\"")
                + &format!("batches,{KEYS} {start},batch_stop={nine} 1646092800000000001\n"),
            two,
        ),
        // Not ours: another destination, another measurement.
        (plain(nine).replace("dstBucket=plant", "dstBucket=aaa"), "2022-01-01"),
        (plain(nine).replace("batches,", "aaa,"), "2022-01-01"),
    ];
    for (lines, resumed) in rows {
        let rig = rig().await;
        note(&rig, &lines);
        let run = rig.migrate(rig.config()).await;
        assert_eq!(run.exit(), ExitCode::Done, "{lines}: {}", run.words());
        let planned = run.events.iter().find_map(|event| match event {
            Event::Planned(planned) => Some(planned.resume),
            _ => None,
        });
        assert_eq!(planned, Some(time(resumed)), "{lines}");
        let first = first_written(&rig).unwrap();
        assert!(first >= time(resumed).ns(), "{lines}");
    }
    // Without the tag it is of some other job into the same bucket.
    let other = rig().await;
    note(&other, &plain(nine).replace(",srcOrg=cloud-org", ""));
    let run = other.migrate(other.config()).await;
    assert_eq!(run.exit(), ExitCode::Permanent, "{}", run.words());
    assert_eq!(other.destination.store().count(BUCKET), 0);
    for stop in ["\"soon\"", "\"\""] {
        let rig = rig().await;
        note(&rig, &plain(stop));
        let run = rig.migrate(rig.config()).await;
        assert_eq!(run.exit(), ExitCode::State, "{stop}: {}", run.words());
        assert_eq!(rig.destination.store().count(BUCKET), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_may_be_of_another_job_are_adopted_only_on_request() {
    let changes: [fn(&mut JobConfig); 3] = [
        |config| config.scope.filter.measurements = vec!["air".to_owned()],
        |config| config.scope.start = RangeStart::At(time("2022-01-01T01:00:00Z")),
        |config| config.scope.filter.predicate = Some("r._value != 0.5".to_owned()),
    ];
    for change in changes {
        let rig = rig().await;
        let stop = "batch_start=\"2022-01-01T00:00:00.000000000Z\",batch_stop=\"2022-01-01T02:00:00.000000000Z\"";
        note(
            &rig,
            &format!("batches,{KEYS} {stop},rows=1i,percent_complete=1.0 1646092800000000000\n"),
        );
        let mut config = rig.config();
        change(&mut config);
        let run = rig.migrate(config.clone()).await;
        run.assert_exit(ExitCode::State);
        assert!(run.words().contains("--adopt"), "{}", run.words());
        assert_eq!(rig.destination.store().count(BUCKET), 0);
        config.safety.adopt = true;
        config.scope.filter.predicate = None;
        rig.migrate(config).await.assert_exit(ExitCode::Done);
        assert_eq!(first_written(&rig), Some(time("2022-01-01T02:00:00Z").ns() + 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_job_under_the_same_names_is_refused() {
    let rig = rig().await;
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    let other_host = Server::start(cloud(), Arc::clone(rig.source.store())).await.unwrap();
    let mut rows = Vec::new();
    let mut config = rig.config();
    config.scope.filter.fields = vec!["f".to_owned()];
    rows.push(("filter", config));
    let mut config = rig.config();
    config.scope.start = RangeStart::At(time("2021-12-31"));
    rows.push(("start", config));
    let mut config = rig.config();
    config.ends.source.host = other_host.url();
    rows.push(("source host was", config));
    for (part, config) in rows {
        let run = rig.migrate(config).await;
        run.assert_exit(ExitCode::State);
        assert!(
            run.words().contains(part) && run.words().contains("--batch-bucket"),
            "{}",
            run.words()
        );
    }
    // The parts that may change: found by the lock and the records, the job goes on.
    let mut config = rig.config();
    config.scope.start = RangeStart::Earliest;
    config.pace.concurrency = 1;
    let run = rig.migrate(config).await;
    assert_eq!(run.exit(), ExitCode::Done, "{}", run.words());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_was_made_again_is_another_one() {
    for part in ["source_bucket_id", "destination_bucket_id"] {
        let rig = rig().await;
        rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
        let of_source = part == "source_bucket_id";
        let store = if of_source { rig.source.store() } else { rig.destination.store() };
        store.remove_bucket(&store.bucket(BUCKET).unwrap().id);
        store.create_bucket("in-between", 0);
        store.create_bucket(BUCKET, 0);
        store.write_lp(BUCKET, &plant(0..12)).unwrap();
        let run = rig.migrate(rig.config()).await;
        run.assert_exit(ExitCode::State);
        let word = part.strip_suffix("_id").unwrap().replace('_', " ");
        assert!(run.words().contains(&format!("the {word} was ")), "{}", run.words());
        assert!(run.words().contains("deleted and made again"), "{}", run.words());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_destination_bucket_is_another_job() {
    let rig = rig().await;
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    let mut config = rig.config();
    config.ends.destination_bucket = "second".to_owned();
    let run = rig.migrate(config).await;
    run.assert_exit(ExitCode::Done);
    assert_eq!(run.finished().outcome.batches, 12);
    assert_eq!(rig.destination.store().digest("second"), rig.source.store().digest(BUCKET));
    let values = rig.destination.store().dump(BATCHES);
    assert_eq!(values.iter().filter(|value| &*value.field == b"batch_stop").count(), 24);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_run_at_once_is_locked_out() {
    let rig = rig().await;
    let reads = Matcher::path("/api/v2/query").body("rename");
    rig.source_fault(reads, 1, Fault::Stall { after_bytes: 0, ms: 700 });
    let second = async {
        while !rig.source.faults_used_up() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        rig.migrate(rig.config()).await
    };
    let (first, second) = tokio::join!(rig.migrate(rig.config()), second);
    first.assert_exit(ExitCode::Done);
    second.assert_exit(ExitCode::Locked);
    rig.assert_copied();
}

fn lease(machine: &str, released: u8, time_ns: i64) -> String {
    format!(
        "batch_details,{KEYS},kind=lease machine=\"{machine}\",run=\"r1\",released={released}i {time_ns}\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_of_another_machine_holds_until_it_is_stale() {
    for (age_s, released, exit) in [
        (0, 0, ExitCode::Locked),
        (150, 0, ExitCode::Locked),
        (200, 0, ExitCode::Done),
        (0, 1, ExitCode::Done),
        // A clock that is ahead of ours is alive as well.
        (-60, 0, ExitCode::Locked),
    ] {
        let rig = rig().await;
        note(&rig, &lease("another", released, now_ns() - age_s * 1_000_000_000));
        let run = rig.migrate(rig.config()).await;
        assert_eq!(run.exit(), exit, "{age_s} {released}: {}", run.words());
        let copied = exit == ExitCode::Done;
        assert_eq!(rig.destination.store().count(BUCKET) > 0, copied);
        assert_eq!(rig.records().len(), if copied { 12 } else { 0 });
    }
}

/// Whatever takes the job over while it runs: nothing is recorded any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_lost_its_job_records_nothing_more() {
    let foreign = "batch_start=\"2022-01-01T05:00:00.000000000Z\",batch_stop=\"2022-01-01T06:00:00.000000000Z\",rows=1i,percent_complete=1.0";
    for (stolen, records) in [(true, 3), (false, 4)] {
        let rig = rig().await;
        let store = Arc::clone(rig.destination.store());
        let stop = time("2022-01-01T03:00:00Z");
        let steal = move |event: &Event| {
            if matches!(event, Event::Committed { range, .. } if range.stop == stop) {
                let later = now_ns() + 1_000_000_000;
                let line = if stolen {
                    lease("another", 0, later)
                } else {
                    format!("batches,{KEYS} {foreign} {later}\n")
                };
                store.write_lp(BATCHES, line.as_bytes()).unwrap();
            }
            false
        };
        let run = rig.migrate_until(rig.config(), steal).await;
        assert_eq!(run.exit(), ExitCode::Locked, "{}", run.words());
        assert_eq!(rig.records().len(), records, "ours are three");
        // The lease of the other run is not given back for it.
        let held = newest_released(&rig);
        assert_eq!(held, i64::from(!stolen), "stolen {stolen}");
    }
}

fn newest_released(rig: &Rig) -> i64 {
    let values = rig.destination.store().dump(BATCHES);
    let released = values.iter().filter(|value| &*value.field == b"released");
    match released.max_by_key(|value| value.time).unwrap().value {
        Value::Integer(released) => released,
        ref other => panic!("{other:?}"),
    }
}

/// However a run ends, other than by being killed, the next one on any machine can start at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lease_is_given_back() {
    let done = rig().await;
    done.migrate(done.config()).await.assert_exit(ExitCode::Done);
    assert_eq!(newest_released(&done), 1);
    let refused = rig().await;
    refused.destination.store().write_lp(BUCKET, b"theirs f=1 1640995300000000000\n").unwrap();
    refused.migrate(refused.config()).await.assert_exit(ExitCode::Permanent);
    assert_eq!(refused.destination.store().count(BATCHES), 0, "nobody took it");
    let failed = rig().await;
    failed.source_fault(Matcher::path("/api/v2/query").body("rename"), 1, Fault::unauthorized());
    failed.migrate(failed.config()).await.assert_exit(ExitCode::TokenRefused);
    assert_eq!(newest_released(&failed), 1);
    let killed = rig().await;
    let run = killed
        .migrate_until(killed.config(), |event| matches!(event, Event::Committed { .. }))
        .await;
    assert!(run.ended.is_none());
    assert_eq!(newest_released(&killed), 0);
}
