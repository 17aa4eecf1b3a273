//! The heartbeat of a run: bounded, in one place, and nothing to the run itself.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;
use std::sync::Arc;

use sluice::testing::config::values::QuotaChoice;
use sluice::testing::exit::ExitCode;
use sluice::testing::pipeline::event::{Event, StopReason};
use sluice::testing::pipeline::stop::stop_pair;
use sluice::testing::sim::{
    BucketStore, Fault, Matcher, Permission, RequestRecord, ServerClock, ServerSettings, Value,
};

use crate::support::rig::{BATCHES, Rig, Run, cloud, oss, plant, store_of};
use crate::support::virtual_time;

fn is_heartbeat(request: &RequestRecord) -> bool {
    request.path == "/api/v2/write" && request.body_head.contains("kind=heartbeat")
}

/// What the heartbeats hold in a field, each with the time of its point.
fn stored(rig: &Rig, field: &str) -> Vec<(i64, String)> {
    let values = rig.destination.store().dump(BATCHES).into_iter();
    let of_beat = values.filter(|value| {
        value.series.tags.iter().any(|(_, kind)| **kind == *b"heartbeat")
            && *value.field == *field.as_bytes()
    });
    let text = |value: Value| match value {
        Value::String(text) => String::from_utf8(text.to_vec()).unwrap(),
        Value::Integer(n) => n.to_string(),
        other => panic!("{other:?}"),
    };
    of_beat.map(|value| (value.time, text(value.value))).collect()
}

/// Twelve hours of data, by a destination with this clock.
async fn rig(destination: ServerSettings) -> Rig {
    let data = store_of(&plant(0..12), 7 * 86_400);
    let rig = Rig::between(cloud(), data, destination, Arc::new(BucketStore::default())).await;
    rig.over("2022-01-01", "2022-01-01T12:00:00Z", "1h")
}

/// A run that a small quota makes last for a while.
async fn long_run(rig: &Rig) -> Run {
    let mut config = rig.config();
    config.pace.quota = QuotaChoice::Bytes { per_window: 60_000 };
    rig.migrate_here(config).await
}

#[test]
fn it_is_one_point_of_a_run_however_long_that_is() {
    virtual_time::run(async {
        let rig = rig(oss()).await;
        let run = long_run(&rig).await;
        run.assert_exit(ExitCode::Done);
        let beats = rig.destination.records().iter().filter(|one| is_heartbeat(one)).count() as u64;
        let usual = run.end.at_ms / 30_000;
        assert!(usual > 10, "{} ms", run.end.at_ms);
        // Begun, every half minute, ended.
        assert!((usual..=usual + 2).contains(&beats), "{beats} beats in {} ms", run.end.at_ms);
        let places: BTreeSet<i64> = stored(&rig, "seen").into_iter().map(|(at, _)| at).collect();
        assert_eq!(places.len(), 1, "one overwrites the other");
        assert_eq!(stored(&rig, "state")[0].1, "complete");
        assert_eq!(stored(&rig, "result")[0].1, "copied");
        assert_eq!(stored(&rig, "exit")[0].1, "0");
        // The next run has a place of its own, behind that.
        long_run(&rig).await.assert_exit(ExitCode::Done);
        let places: BTreeSet<i64> = stored(&rig, "seen").into_iter().map(|(at, _)| at).collect();
        assert_eq!(places.len(), 2);
        assert_eq!(stored(&rig, "result").iter().max().unwrap().1, "complete");
        // What reads records does not see it, and it is no write of data.
        rig.assert_copied();
    });
}

/// What a run has told of itself, without what happens in an order of its own.
fn told(run: &Run) -> (ExitCode, usize, usize, usize) {
    let waits = run.count(|event| matches!(event, Event::Client(_)));
    let commits = run.count(|event| matches!(event, Event::Committed { .. }));
    (run.exit(), waits, commits, run.finished().outcome.doubts.len())
}

/// Whatever becomes of it, the run is as it would be without: no wait, no retry, no doubt, no later end.
#[test]
fn a_destination_that_does_not_take_it_changes_nothing() {
    let plain = virtual_time::run(async {
        let rig = rig(oss()).await;
        let run = long_run(&rig).await;
        (told(&run), run.end.at_ms)
    });
    let status = |status, message: &str| Fault::Status {
        status,
        retry_after: (status == 503).then(|| "600".to_owned()),
        body: format!("{{\"code\":\"x\",\"message\":\"{message}\"}}"),
    };
    for fault in [
        status(401, "unauthorized access"),
        status(422, "partial write: field type conflict dropped=1"),
        status(429, "too many requests"),
        status(500, "engine: no space left on device"),
        status(503, "cache-max-memory-size exceeded"),
        Fault::Refuse,
        Fault::LostAck,
        Fault::Stall { after_bytes: 0, ms: 36_000_000 },
    ] {
        // It is read first whether the job is still the run's own: trouble of either kind.
        let is_read_too =
            matches!(fault, Fault::Stall { .. } | Fault::Status { status: 401 | 503, .. });
        let paths = ["/api/v2/write", "/api/v2/query"];
        for path in &paths[..=usize::from(is_read_too)] {
            let what = format!("{path} {fault:?}");
            let rig_and_run = virtual_time::run(async {
                let rig = rig(oss()).await;
                rig.destination_fault(
                    Matcher::path(path).body("heartbeat"),
                    u32::MAX,
                    fault.clone(),
                );
                let run = long_run(&rig).await;
                rig.assert_copied();
                let is_carried_out = matches!(fault, Fault::LostAck | Fault::Stall { .. });
                assert!(stored(&rig, "state").is_empty() || is_carried_out, "{what}");
                (told(&run), run.end.at_ms)
            });
            assert_eq!(rig_and_run.0, plain.0, "{what}");
            // The last one is waited for, and not for long.
            let later = rig_and_run.1.saturating_sub(plain.1);
            assert!(later <= 2_100, "{what}: {later} ms later");
        }
    }
}

/// Each beat is tried once, also where nothing answers: they do not pile up.
#[test]
fn beats_that_nobody_answers_do_not_pile_up() {
    virtual_time::run(async {
        let rig = rig(oss()).await;
        let silence = Fault::Stall { after_bytes: 0, ms: 36_000_000 };
        rig.destination_fault(Matcher::path("/api/v2/write").body("heartbeat"), u32::MAX, silence);
        let run = long_run(&rig).await;
        run.assert_exit(ExitCode::Done);
        let beats = rig.destination.records().iter().filter(|one| is_heartbeat(one)).count() as u64;
        assert!(beats <= run.end.at_ms / 30_000 + 2, "{beats} in {} ms", run.end.at_ms);
    });
}

/// A stop is told at once, and how it ended.
#[test]
fn a_stop_is_told_when_it_is_asked_for() {
    virtual_time::run(async {
        let rig = rig(oss()).await;
        let (stopper, stop) = stop_pair();
        let mut config = rig.config();
        config.pace.quota = QuotaChoice::Bytes { per_window: 60_000 };
        let asked = move |event: &Event| {
            if matches!(event, Event::Committed { .. }) {
                stopper.stop(StopReason::Terminated);
            }
        };
        let run = Box::pin(rig.migrate_here_stoppable(config, stop, asked)).await;
        run.assert_exit(ExitCode::Terminated);
        let beats = rig.destination.records().into_iter().filter(is_heartbeat);
        let states: Vec<_> = beats
            .map(|beat| {
                let (_, state) = beat.body_head.split_once("state=\"").unwrap();
                state.split('"').next().unwrap().to_owned()
            })
            .collect();
        assert!(states.contains(&"draining".to_owned()), "{states:?}");
        assert_eq!(states.last().unwrap(), "stopped");
        assert_eq!(stored(&rig, "result")[0].1, "sigterm");
    });
}

/// A clock that was once ahead: the newest heartbeat stays the newest point, as with the lease.
#[test]
fn after_a_clock_that_was_ahead_the_newest_run_is_the_newest_point() {
    virtual_time::run(async {
        let clock = ServerClock::system();
        let rig = rig(ServerSettings { clock: clock.clone(), ..oss() }).await;
        let now = clock.now();
        clock.set(now + 86_400_000_000_000);
        long_run(&rig).await.assert_exit(ExitCode::Done);
        clock.set(now);
        long_run(&rig).await.assert_exit(ExitCode::Done);
        let mut seen = stored(&rig, "seen");
        seen.sort();
        assert!(seen.len() == 2 && seen[1].1 < seen[0].1, "{seen:?}");
    });
}

/// A token that may write the data and nothing of the heartbeat's bucket ends the run before there is one.
#[test]
fn no_right_to_the_batch_bucket_is_no_matter_of_the_heartbeat() {
    virtual_time::run(async {
        let mut destination = oss();
        destination.tokens[0].permissions = vec![Permission::Write(BATCHES.to_owned())];
        let rig = rig(destination).await;
        let run = rig.migrate_here(rig.config()).await;
        run.assert_exit(ExitCode::Permanent);
        assert!(!rig.destination.records().iter().any(is_heartbeat));
    });
}
