//! One run at a time, also where the runs share a machine and no state folder; and a run that lost its job says so.

use std::process::Command;

use sluice::testing::sim::{Fault, Matcher, Rule, ServerClock};

use super::{BUCKET, CLOUD_ORG, PROGRESS, Running, World};

fn with_state(world: &World, name: &str) -> Command {
    let mut job = world.job("migrate", &[]);
    job.env("XDG_STATE_HOME", world.folder.path().join(name));
    job
}

#[tokio::test]
async fn a_run_of_another_state_folder_holds_the_job_too() {
    let world = World::slow().await;
    let mut first = world.start(with_state(&world, "one"));
    first.until("a first write", |_| world.writes(BUCKET) > 0).await;
    let second = world.start(with_state(&world, "two")).ended().await;
    second.assert_code(11);
    first.ended().await.assert_code(0);
    world.assert_whole();
    // It gave its lease back: nobody waits.
    world.start(with_state(&world, "two")).ended().await.assert_code(0);
}

#[tokio::test]
async fn of_two_that_begin_at_once_one_goes_on() {
    for round in 0..6 {
        let world = World::slow().await;
        let both = ["one", "two"].map(|name| world.start(with_state(&world, name)));
        let [one, two] = both.map(Running::ended);
        let (one, two) = tokio::join!(one, two);
        let mut codes = [one.code, two.code];
        codes.sort_unstable();
        assert_eq!(codes, [Some(0), Some(11)], "{round}: {one:?}\n{two:?}");
        world.assert_whole();
    }
}

#[tokio::test]
async fn a_killed_run_of_the_same_state_folder_is_followed_at_once() {
    let world = World::slow().await;
    let mut first = world.start(with_state(&world, "one"));
    first.until("a first write", |_| world.writes(BUCKET) > 0).await;
    first.kill();
    world.start(with_state(&world, "two")).ended().await.assert_code(11);
    world.start(with_state(&world, "one")).ended().await.assert_code(0);
    world.assert_whole();
}

/// A lease of another machine: its time, and the sign of life beside it.
fn lease(world: &World, time_s: i64, refreshed_s: Option<i64>) {
    let store = world.oss.store();
    store.create_bucket(PROGRESS, 0);
    let at = |s: i64| ServerClock::system().now() + s * 1_000_000_000;
    let tags = format!("dstBucket={BUCKET},kind=lease,srcBucket={BUCKET},srcOrg={CLOUD_ORG}");
    let sign = refreshed_s.map_or(String::new(), |s| {
        let time = sluice::testing::model::time::Timestamp::from_ns(at(s)).to_rfc3339_nano();
        format!(",refreshed=\"{time}\"")
    });
    let line =
        format!("batch_details,{tags} machine=\"b\",run=\"7\",released=0i{sign} {}", at(time_s));
    store.write_lp(PROGRESS, line.as_bytes()).unwrap();
}

#[tokio::test]
async fn a_lease_from_the_future_is_no_sign_of_life_and_times_go_on_rising() {
    const YEARS_70: i64 = 70 * 365 * 86_400;
    for (time_s, refreshed_s, code) in [
        (YEARS_70, None, 0),
        (YEARS_70, Some(YEARS_70), 0),
        (YEARS_70, Some(-190), 0),
        // The clock is right again, and a run that went on from that point is alive.
        (YEARS_70, Some(-10), 11),
        (60, None, 11),
        (-10, None, 11),
    ] {
        let world = World::new().await;
        lease(&world, time_s, refreshed_s);
        let ended = world.migrate(&[]).await;
        assert_eq!(ended.code, Some(code), "{time_s} {refreshed_s:?}: {ended:?}");
        if code == 0 {
            world.assert_whole();
            // Its own lease stands behind that point, or the next run would see the old one.
            world.start(with_state(&world, "two")).ended().await.assert_code(0);
        }
    }
}

#[tokio::test]
async fn a_run_that_sleeps_through_its_end_says_so_whatever_fails_first() {
    let faults = [
        (Matcher::path("/api/v2/write").body("usage"), Fault::unauthorized()),
        (
            Matcher::path("/api/v2/write").body("batch_stop"),
            Fault::unprocessable(
                "partial write: field type conflict: input field \"rows\" on measurement \"batches\" is type integer, already exists as type float dropped=1",
            ),
        ),
        (Matcher::path("/api/v2/query").body("batches"), Fault::unauthorized()),
    ];
    for (matcher, fault) in faults {
        let world = World::slow().await;
        let mut sleeper = world.start(with_state(&world, "one"));
        sleeper.until("a first write", |_| world.writes(BUCKET) > 0).await;
        sleeper.signal("STOP");
        lease(&world, 60, Some(0));
        world.oss.inject(Rule { matcher: matcher.clone(), times: u32::MAX, fault });
        sleeper.signal("CONT");
        let ended = sleeper.ended().await;
        assert_eq!(ended.code, Some(11), "{matcher:?}: {ended:?}");
        assert!(ended.err.contains("run 7 on machine b"), "{ended:?}");
    }
}
