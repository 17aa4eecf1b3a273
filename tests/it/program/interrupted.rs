//! Runs that end before they are done: whatever stops them, the same command goes on and the end is exact.

use sluice::testing::sim::{Fault, Matcher, Rule};

use super::{BUCKET, PROGRESS, World};

/// The words of a reader of the log that knows nothing of sluice: a record that names a batch.
fn commits(world: &World) -> usize {
    world
        .oss
        .records()
        .iter()
        .filter(|record| {
            record.path == "/api/v2/write"
                && record.status == 204
                && record.body_head.contains("batch_stop")
        })
        .count()
}

async fn stopped_by(signal: &str, code: i32) {
    let world = World::slow().await;
    let mut first = world.start(world.job("migrate", &[]));
    first.until("a commit", |_| commits(&world) > 0).await;
    first.signal(signal);
    let ended = first.ended().await;
    ended.assert_code(code);
    let done = world.records().len();
    assert!((1..12).contains(&done), "{done} batches after SIG{signal}");
    assert!(ended.out.contains(&format!("STOPPED by SIG{signal}")), "{ended:?}");
    let line = format!("stopping: SIG{signal}; open batches finish, up to 20 s");
    assert!(ended.err.contains(&line), "{ended:?}");
    world.migrate(&[]).await.assert_code(0);
    world.assert_whole();
}

#[tokio::test]
async fn sigint_drains_and_the_next_run_goes_on() {
    stopped_by("INT", 130).await;
}

#[tokio::test]
async fn sigterm_drains_and_the_next_run_goes_on() {
    stopped_by("TERM", 143).await;
}

/// The fourth read says nothing for an hour.
async fn stalled() -> World {
    let world = World::new().await;
    world.cloud.inject(Rule {
        matcher: Matcher::path("/api/v2/query").body("rename").skip(3),
        times: 1,
        fault: Fault::Stall { after_bytes: 5_000, ms: 3_600_000 },
    });
    world
}

/// It is at once, and the last word says where the run stands.
#[tokio::test]
async fn a_second_sigint_leaves_at_once_with_a_word() {
    for (more, word) in [(&["--json"][..], "\"kind\":\"stopping\""), (&[], "stopping: SIGINT")] {
        let world = stalled().await;
        let mut first = world.start(world.job("migrate", more));
        first.until("the stall", |_| commits(&world) > 0).await;
        first.signal("INT");
        let said = |run: &crate::support::process::Running| run.out() + &run.err();
        first.until("a word of the end", |run| said(run).contains(word)).await;
        let asked = tokio::time::Instant::now();
        first.signal("INT");
        let ended = first.ended().await;
        ended.assert_code(130);
        assert!(asked.elapsed() < std::time::Duration::from_secs(5), "{:?}", asked.elapsed());
        if more.is_empty() {
            let (headline, place) = ended.out.split_once('\n').unwrap();
            assert!(headline.starts_with("STOPPED at once   "), "{ended:?}");
            assert!(headline.ends_with("   exit 130"), "{ended:?}");
            assert!(place.starts_with("  committed to 2020-01-01T00:"), "{ended:?}");
            assert!(place.ends_with(" %; the same command resumes\n"), "{ended:?}");
        } else {
            let last = ended.lines().pop().unwrap();
            assert_eq!(last["message_type"], "exit_error", "{last}");
            assert_eq!((&last["kind"], &last["exit"]), (&"stopped".into(), &130.into()), "{last}");
            assert!(last["committed_to"].as_str().unwrap().starts_with("2020-01-01T00:"), "{last}");
        }
        world.migrate(&[]).await.assert_code(0);
        world.assert_whole();
    }
}

#[tokio::test]
async fn kill_9_at_any_instant_loses_nothing() {
    let world = World::slow().await;
    let mut random = 0x5eed_u64;
    let mut below = |bound: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % bound
    };
    let seen = || world.cloud.records().len() + world.oss.records().len();
    let mut kills = 0;
    for _ in 0..10 {
        let (before, more) = (seen(), usize::try_from(1 + below(35)).unwrap());
        let mut one = world.start(world.job("migrate", &[]));
        one.until("requests", |_| seen() >= before + more).await;
        tokio::time::sleep(std::time::Duration::from_micros(below(20_000))).await;
        one.kill();
        kills += 1;
        let done = world.records().len();
        if done > 9 {
            break;
        }
    }
    assert!(kills >= 5, "the job was over after {kills} kills");
    assert!(world.oss.store().count(BUCKET) < world.cloud.store().count(BUCKET));
    world.migrate(&[]).await.assert_code(0);
    world.assert_whole();
    // Whatever was running when it was killed is no longer in the way, and nothing was counted twice.
    let rows: usize = world.records().len();
    assert_eq!(rows, 12, "one record for each batch of {PROGRESS}");
}

/// Both of its servers end with it: no place is kept, and it says so.
#[tokio::test]
async fn a_stopped_demo_promises_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = crate::support::process::bare(&["demo", "--verbose"]);
    command.env("TMPDIR", folder.path());
    let mut running = crate::support::process::Running::start(command, folder.path());
    running.until("a committed batch", |run| run.err().contains("committed")).await;
    running.signal("INT");
    let ended = running.ended().await;
    ended.assert_code(130);
    assert!(ended.out.contains("Nothing of it is kept"), "{ended:?}");
    assert!(!ended.out.contains("resumes"), "{ended:?}");
}
