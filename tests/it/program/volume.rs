//! `-q` and `-v`: less and more of the talk, the same result and the same exit codes.

use sluice::testing::sim::{Fault, Matcher, ServerSettings};

use super::{BUCKET, World};
use crate::support::process::flat;

/// Reads that are answered with 503 once, each; tried again at once.
fn four_retries(world: &World) {
    for skip in [1, 3, 5, 7] {
        let reads = Matcher::path("/api/v2/query").body("rename").skip(skip);
        world.cloud.inject(sluice::testing::sim::Rule {
            matcher: reads,
            times: 1,
            fault: Fault::Reset { after_bytes: 50 },
        });
    }
}

/// How often it is said, however the lines are wrapped.
fn count(text: &str, part: &str) -> usize {
    flat(text).matches(part).count()
}

#[tokio::test]
async fn quiet_is_warnings_and_the_last_line() {
    let world = World::new().await;
    for word in ["preflight", "plan"] {
        let ended = world.start(world.job(word, &["-q"])).ended().await;
        ended.assert_code(0);
        assert!(ended.out.ends_with("Exit 0.\n") && ended.err.is_empty(), "{ended:?}");
        assert!(!ended.out.contains("PREFLIGHT") && !ended.out.contains(" ok\n"), "{ended:?}");
        assert!(ended.out.contains("P07") && ended.out.lines().count() < 6, "{ended:?}");
    }
    let ended = world.migrate(&["--quiet", "--dry-run"]).await;
    ended.assert_code(0);
    assert!(ended.out.starts_with("Would copy 14,400 values"), "{ended:?}");
    assert_eq!(ended.out.lines().count(), 1, "{ended:?}");
    four_retries(&world);
    let ended = world.migrate(&["-q"]).await;
    ended.assert_code(0);
    assert!(ended.out.starts_with("COPIED AND VERIFIED"), "{ended:?}");
    assert_eq!(ended.out.lines().count(), 1, "{ended:?}");
    for part in ["PREFLIGHT", "plan:", "retry:", "transport:", " ok\n", "sluice migrate"] {
        assert!(!ended.err.contains(part), "{part}: {ended:?}");
    }
    assert!(ended.err.contains("WARN [P07]"), "{ended:?}");
    world.assert_whole();
}

#[tokio::test]
async fn quiet_still_tells_what_is_to_be_done() {
    let world = World::new().await;
    let refused = Matcher::path("/api/v2/write").body("hostname=host_1");
    let message = "partial write: points beyond retention policy dropped=1";
    let fault = Fault::unprocessable(message);
    world.oss.inject(sluice::testing::sim::Rule { matcher: refused, times: u32::MAX, fault });
    let ended = world.migrate(&["-q"]).await;
    ended.assert_code(3);
    let lines: Vec<&str> = ended.out.lines().collect();
    assert!(lines.len() == 2 && lines[1].starts_with("  rejects /"), "{ended:?}");
    assert!(ended.err.contains("rejected: "), "{ended:?}");
    let ended = world.migrate(&["-q", "--source-bucket", "plantt", "--batch-bucket", "b"]).await;
    ended.assert_code(7);
    assert!(ended.err.contains("FAIL [P03]") && ended.err.contains("P03 cure: "), "{ended:?}");
    assert!(ended.err.contains("error: ") && ended.out.is_empty(), "{ended:?}");
}

#[tokio::test]
async fn verbose_is_every_try_batch_and_choice() {
    let world = World::new().await;
    four_retries(&world);
    let ended = world.migrate(&["--batch-bucket", "usual"]).await;
    ended.assert_code(0);
    assert_eq!((count(&ended.err, "retry:"), count(&ended.err, "committed:")), (1, 0));
    let world = World::new().await;
    four_retries(&world);
    // One batch after the other: none of them meets two.
    let ended = world.migrate(&["-v", "--concurrency", "1"]).await;
    ended.assert_code(0);
    assert_eq!(count(&ended.err, "retry:"), 4, "{ended:?}");
    assert_eq!(count(&ended.err, "try 1 failed: the answer broke off"), 4, "{ended:?}");
    assert_eq!(count(&ended.err, "batch: ["), 12, "{ended:?}");
    assert!(count(&ended.err, "committed: [") > 0, "{ended:?}");
    assert!(count(&ended.err, "waiting 0s: pause before the source is tried again") > 0);
    assert!(ended.out.starts_with("COPIED AND VERIFIED"), "{ended:?}");
}

/// One of them is usual, since they come in floods.
#[tokio::test]
async fn verbose_names_the_transport_of_every_measurement() {
    for (more, least) in [(&[][..], 1), (&["-v"], 2)] {
        let cloud = ServerSettings { influxql: true, ..super::cloud_settings() };
        let world = World::with(cloud, super::oss_settings()).await;
        let start = super::DATA.start_ns;
        for name in ["mem", "disk"] {
            let line = |n: i64| format!("{name},h=a f={n} {}\n", start + n * 100_000_000);
            let lines: String = (0..25_000).map(line).collect();
            world.cloud.store().write_lp(BUCKET, lines.as_bytes()).unwrap();
        }
        let more = [more, &["--batch-interval", "1h"]].concat();
        let ended = world.migrate(&more).await;
        ended.assert_code(0);
        assert_eq!(count(&ended.err, "transport: "), least, "{ended:?}");
    }
}

#[tokio::test]
async fn json_without_the_talk() {
    let world = World::new().await;
    four_retries(&world);
    let ended = world.migrate(&["-q", "--json"]).await;
    ended.assert_code(0);
    let lines = ended.lines();
    let types: Vec<_> = lines.iter().map(|line| line["message_type"].as_str().unwrap()).collect();
    assert_eq!(types, ["preflight", "summary"], "{ended:?}");
}

#[tokio::test]
async fn the_stronger_place_says_how_much() {
    let world = World::new().await;
    let ended = world.start(world.job("plan", &["-q", "-v"])).ended().await;
    ended.assert_code(2);
    assert!(ended.err.contains("--quiet and --verbose say the contrary"), "{ended:?}");
    let mut job = world.job("preflight", &["-v"]);
    job.env("SLUICE_QUIET", "true");
    let ended = world.start(job).ended().await;
    assert!(ended.out.starts_with("PREFLIGHT"), "{ended:?}");
    let file = world.folder.path().join("q.toml");
    std::fs::write(&file, "quiet = true\n").unwrap();
    let job = world.job("preflight", &["--config", file.to_str().unwrap()]);
    let ended = world.start(job).ended().await;
    assert!(!ended.out.contains("PREFLIGHT"), "{ended:?}");
}

#[tokio::test]
async fn commands_without_a_job_are_quiet_too() {
    let world = World::new().await;
    let folder = world.folder.path().join("stage");
    let folder = folder.to_str().unwrap();
    world.migrate(&["-q", "--spool", "parquet", "--spool-dir", folder]).await.assert_code(0);
    for (word, first) in [("verify", "WHOLE  "), ("compact", "COMPACTED  ")] {
        let ended = world.start(world.command(&["spool", word, folder, "-q"])).ended().await;
        ended.assert_code(0);
        assert!(ended.out.starts_with(first) && ended.out.lines().count() == 1, "{ended:?}");
    }
    let target = world.folder.path().join("x.lp");
    let args = ["export", folder, "-q", "--format", "lp", "--output", target.to_str().unwrap()];
    let ended = world.start(world.command(&args)).ended().await;
    assert!(ended.out.starts_with("EXPORTED  ") && ended.out.lines().count() == 1, "{ended:?}");
    let out = world.folder.path().join("b");
    let bench = ["-q", "--intervals", "5m", "--repetitions", "1", "--out", out.to_str().unwrap()];
    let ended = world.start(world.job("bench", &bench)).ended().await;
    ended.assert_code(0);
    assert!(ended.out.starts_with("USE ") || ended.out.starts_with("WARN"), "{ended:?}");
    assert!(!ended.err.contains("trial ") && !ended.out.contains("FILES"), "{ended:?}");
    assert!(world.oss.store().count(BUCKET) == 0);
}

/// Nobody is left before an empty screen while a small quota is waited for.
#[tokio::test]
async fn a_look_that_waits_says_for_what() {
    let world = World::new().await;
    for look in [&["plan"][..], &["migrate", "--dry-run"]] {
        let more = [&look[1..], &["--quota", "2kB/5min"]].concat();
        let mut running = world.start(world.job(look[0], &more));
        let says = "source quota";
        running.until(says, |running| running.err().contains(says)).await;
        assert!(running.err().contains("waiting "), "{}", running.err());
        running.kill();
    }
}
