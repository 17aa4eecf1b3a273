//! One way at least to each exit code that a run can reach.

use std::path::Path;

use sluice::testing::sim::{BucketStore, Fault, Matcher, Rule, ServerSettings};

use super::{BUCKET, CLOUD_ORG, OSS_TOKEN, PROGRESS, World, bare, cloud_settings, oss_settings};
use crate::support::process::run;

#[tokio::test]
async fn wrong_usage_is_2_and_asks_no_server() {
    for args in [
        &[][..],
        &["--nonsense"],
        &["migrate", "--nonsense"],
        &["migrate"],
        &["migrate", "--source-host", "cloud"],
        &["demo", "--hosts", "0"],
        &["man", "nonsense"],
        &["completions", "nonsense"],
    ] {
        let ended = run(bare(args)).await;
        ended.assert_code(2);
        assert!(ended.out.is_empty() && !ended.err.is_empty(), "{args:?}: {ended:?}");
    }
    let world = World::new().await;
    world.migrate(&["--batch-interval", "soon"]).await.assert_code(2);
    world.migrate(&["--config", "/none/such"]).await.assert_code(2);
    assert!(world.cloud.records().is_empty() && world.oss.records().is_empty());
}

#[tokio::test]
async fn help_and_version_are_0() {
    for args in [&["--version"][..], &["--help"], &["migrate", "--help"], &["-h"]] {
        let ended = run(bare(args)).await;
        ended.assert_code(0);
        assert!(!ended.out.is_empty() && ended.err.is_empty(), "{args:?}: {ended:?}");
    }
}

#[tokio::test]
async fn a_run_and_its_repetition_are_0() {
    let world = World::new().await;
    let first = world.migrate(&[]).await;
    first.assert_code(0);
    world.assert_whole();
    let writes = world.writes(BUCKET);
    let again = world.migrate(&[]).await;
    again.assert_code(0);
    assert!(again.out.contains("Migration is complete."), "{again:?}");
    assert_eq!(world.writes(BUCKET), writes, "a complete job was written again");
    world.assert_whole();
}

#[tokio::test]
async fn a_failed_check_is_7() {
    let world = World::new().await;
    // No destination bucket, and none may be made.
    let mut job = world.job("migrate", &[]);
    let args: Vec<_> = job.get_args().map(ToOwned::to_owned).collect();
    job = world.command(&[]);
    job.args(args.iter().filter(|arg| *arg != "--create-buckets"));
    let ended = world.start(job).ended().await;
    ended.assert_code(7);
    assert!(ended.err.contains("influx bucket create --name plant"), "{ended:?}");
    // The same bucket at both ends.
    let oss = world.oss.url();
    let same = ["--source-host", &oss, "--source-org", "ops", "--source-bucket", "plant"];
    world.oss.store().create_bucket(BUCKET, 0);
    let ended = world.migrate(&same).await;
    assert!(matches!(ended.code, Some(2 | 7)), "{ended:?}");
    assert_eq!(world.writes(BUCKET), 0);
}

#[tokio::test]
async fn a_refused_token_is_12() {
    let world = World::new().await;
    for variable in ["INFLUXDB_CLOUD_TOKEN", "INFLUX_TOKEN"] {
        let mut job = world.job("migrate", &[]);
        job.env(variable, "not-this-one");
        let ended = world.start(job).ended().await;
        ended.assert_code(12);
        assert!(!ended.err.contains("not-this-one"), "{ended:?}");
    }
}

#[tokio::test]
async fn a_bucket_full_of_another_jobs_progress_is_13() {
    let world = World::new().await;
    world.migrate(&["--start", "2020-01-01T00:00:00Z"]).await.assert_code(0);
    let ended = world.migrate(&["--start", "2020-01-01T00:30:00Z"]).await;
    ended.assert_code(13);
    for part in
        ["start was 2020-01-01T00:00:00Z", "now it is 2020-01-01T00:30:00Z", "--batch-bucket"]
    {
        assert!(ended.err.contains(part), "no {part}: {}", ended.err);
    }
    let ended = world.migrate(&["--start", "2020-01-01T00:00:00Z", "--field", "usage_user"]).await;
    ended.assert_code(13);
}

#[tokio::test]
async fn a_second_run_of_the_same_job_is_11() {
    let world = World::slow().await;
    let mut first = world.start(world.job("migrate", &[]));
    first.until("a first write", |_| world.writes(BUCKET) > 0).await;
    let second = world.migrate(&[]).await;
    second.assert_code(11);
    first.ended().await.assert_code(0);
    world.assert_whole();
}

/// A sign of life of a run on another machine.
fn lease_elsewhere(world: &World, age_s: i64) {
    let store = world.oss.store();
    store.create_bucket(PROGRESS, 0);
    let time = sluice::testing::sim::ServerClock::system().now() - age_s * 1_000_000_000;
    let tags = format!("dstBucket={BUCKET},kind=lease,srcBucket={BUCKET},srcOrg={CLOUD_ORG}");
    let fields = "machine=\"another\",released=0i,run=\"7\"";
    let line = format!("batch_details,{tags} {fields} {time}");
    store.write_lp(PROGRESS, line.as_bytes()).unwrap();
}

#[tokio::test]
async fn a_run_on_another_machine_is_11_until_its_lease_is_stale() {
    let world = World::new().await;
    lease_elsewhere(&world, 190);
    lease_elsewhere(&world, 100);
    let held = world.migrate(&[]).await;
    held.assert_code(11);
    assert!(held.err.contains("run 7 on another was active "), "{held:?}");
    assert_eq!(world.writes(BUCKET), 0);

    let world = World::new().await;
    lease_elsewhere(&world, 190);
    world.migrate(&[]).await.assert_code(0);
    world.assert_whole();
}

/// A source with integers and more lines, a destination whose shard group already holds the field as text.
pub(super) async fn clashing(more: &[&str]) -> World {
    let source = BucketStore::default();
    source.create_bucket(BUCKET, 0);
    let lines = [
        "m,t=a f=1i,g=1 1577836800000000000",
        "m,t=b f=2i 1577836860000000000",
        "n v=1 1577836920000000000",
    ];
    source.write_lp(BUCKET, [&lines[..], more].concat().join("\n").as_bytes()).unwrap();
    let sink = super::sink();
    sink.create_bucket(BUCKET, 0);
    sink.write_lp(BUCKET, b"m,t=z f=\"text\" 1577836801000000000").unwrap();
    // Types are known beforehand only where InfluxQL answers.
    let cloud = ServerSettings { influxql: true, ..cloud_settings() };
    World::of(cloud, source, oss_settings(), sink).await
}

pub(super) const OVER: [&str; 4] = ["--existing", "merge", "--on-type-conflict", "reject"];

#[tokio::test]
async fn rejected_values_are_3_also_later() {
    let world = clashing(&[]).await;
    world.migrate(&[]).await.assert_code(7);
    let first = world.migrate(&OVER).await;
    first.assert_code(3);
    let again = world.migrate(&OVER).await;
    again.assert_code(3);
    // One value was there before; two of four were refused.
    assert_eq!(world.oss.store().count(BUCKET), 1 + 2);
    let rejects = files(&world.state())
        .into_iter()
        .find(|(path, _)| path.ends_with("rejects.lp"))
        .expect("a rejects file")
        .1;
    let rejects = String::from_utf8(rejects).unwrap();
    for line in ["m,t=a f=1i 1577836800000000000", "m,t=b f=2i 1577836860000000000"] {
        assert!(rejects.lines().any(|found| found == line), "no {line} in\n{rejects}");
    }
    // Nothing of the others.
    assert!(!rejects.contains("g=1") && !rejects.contains("v=1"), "{rejects}");
}

#[tokio::test]
async fn a_reject_limit_is_7() {
    let world = clashing(&[]).await;
    let ended = world.migrate(&[&OVER[..], &["--reject-limit", "1"]].concat()).await;
    ended.assert_code(7);
    assert!(world.records().is_empty(), "the limit stops before the record");
}

#[tokio::test]
async fn a_spent_byte_budget_is_8_and_resumable() {
    let world = World::new().await;
    let ended = world.migrate(&["--max-transfer", "600kB"]).await;
    ended.assert_code(8);
    let part = world.records().len();
    assert!((1..12).contains(&part), "{part} batches");
    world.migrate(&[]).await.assert_code(0);
    world.assert_whole();
}

#[tokio::test]
async fn a_spent_time_budget_is_10_and_resumable() {
    let world = World::slow().await;
    let ended = world.migrate(&["--max-duration", "500ms"]).await;
    ended.assert_code(10);
    assert!(world.records().len() < 12);
    world.migrate(&[]).await.assert_code(0);
    world.assert_whole();
}

#[tokio::test]
async fn trouble_that_outlasts_the_retries_is_5() {
    let world = World::new().await;
    // The shortest pause that a server can ask for, as often as sluice tries.
    world.oss.inject(Rule {
        matcher: Matcher::path("/api/v2/write").body("usage"),
        times: 1_000,
        fault: Fault::unavailable(Some(1)),
    });
    let ended = world.migrate(&[]).await;
    ended.assert_code(5);
    assert!(world.records().is_empty());
    assert!(!ended.err.contains(OSS_TOKEN));
}

/// Every file below a folder with its bytes.
pub(super) fn files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found
}
