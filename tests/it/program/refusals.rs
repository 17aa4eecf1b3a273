//! What `migrate` will refuse, the commands that only look refuse too: the same code, a finding, and nothing written.

use sluice::testing::sim::{AccessToken, Permission, ServerClock, ServerSettings};

use super::{BUCKET, CLOUD_ORG, Ended, OSS_TOKEN, PROGRESS, World, cloud_settings, oss_settings};
use crate::support::process::flat;

pub(super) const LOOKS: [&[&str]; 3] = [&["preflight"], &["plan"], &["migrate", "--dry-run"]];

/// Each look and then the run itself, with these flags.
pub(super) async fn all_end_alike(
    world: &World,
    more: &[&str],
    code: i32,
    finding: &str,
    words: &str,
) {
    for look in LOOKS {
        let before = (world.oss.store().count(BUCKET), world.oss.store().count(PROGRESS));
        let ended = world.start(world.job(look[0], &[&look[1..], more].concat())).ended().await;
        told(&ended, code, finding, words);
        let after = (world.oss.store().count(BUCKET), world.oss.store().count(PROGRESS));
        assert_eq!(before, after, "{look:?} has written");
    }
    told(&world.migrate(more).await, code, finding, words);
}

#[track_caller]
fn told(ended: &Ended, code: i32, finding: &str, words: &str) {
    ended.assert_code(code);
    let said = format!("{}{}", ended.out, ended.err);
    let flowing = flat(&said);
    assert!(flowing.contains(finding) && flowing.contains(words), "no {finding}, {words}: {said}");
    let cure = format!("{} cure: ", &finding[..3]);
    assert!(said.contains(&cure), "no {cure}: {said}");
}

/// A right that is found missing only when it is needed would end a run that every look has promised.
#[tokio::test]
async fn a_token_that_may_not_write_one_of_the_buckets() {
    for (writes, lacks) in [(BUCKET, PROGRESS), (PROGRESS, BUCKET)] {
        let read = |name: &str| Permission::Read(name.to_owned());
        let permissions = vec![read(BUCKET), read(PROGRESS), Permission::Write(writes.to_owned())];
        let token = AccessToken { text: OSS_TOKEN.to_owned(), permissions };
        let oss = ServerSettings { tokens: vec![token], ..oss_settings() };
        let world = World::with(cloud_settings(), oss).await;
        world.oss.store().create_bucket(BUCKET, 0);
        world.oss.store().create_bucket(PROGRESS, 0);
        all_end_alike(&world, &[], 7, "P05", &format!("right to write to bucket {lacks:?}")).await;
    }
}

#[tokio::test]
async fn data_that_no_run_of_the_job_has_written() {
    let world = World::new().await;
    world.oss.store().create_bucket(BUCKET, 0);
    let inside = b"theirs f=1 1577836860000000000\nlater f=1 1650000000000000000\n";
    world.oss.store().write_lp(BUCKET, inside).unwrap();
    all_end_alike(&world, &[], 7, "P14", "holds 1 value in [2020-01-01T00:00:00Z,").await;
    // The same with a batch bucket that knows nothing of the job.
    world.oss.store().create_bucket(PROGRESS, 0);
    all_end_alike(&world, &[], 7, "P14", "holds 1 value in [2020-01-01T00:00:00Z,").await;
    world.oss.store().write_lp(BUCKET, b"theirs f=1 1577836861000000000\n").unwrap();
    all_end_alike(
        &world,
        &[],
        7,
        "P14",
        "another --destination-bucket; or --existing merge, which writes over and between them",
    )
    .await;
    // What lies elsewhere, and what was asked to be merged with, is no failure.
    let start = ["--start", "2020-01-01T00:30:00Z", "--batch-bucket", "other"];
    for look in LOOKS {
        for more in [&start[..], &["--existing", "merge"]] {
            world
                .start(world.job(look[0], &[&look[1..], more].concat()))
                .ended()
                .await
                .assert_code(0);
        }
    }
}

#[tokio::test]
async fn the_progress_of_another_job() {
    let world = World::new().await;
    world.migrate(&["--start", "2020-01-01T00:00:00Z"]).await.assert_code(0);
    let words = "start was 2020-01-01T00:00:00Z, now it is 2020-01-01T00:30:00Z";
    all_end_alike(&world, &["--start", "2020-01-01T00:30:00Z"], 13, "P24", words).await;
    let words = "filter was none, now it is field: \"usage_user\"";
    all_end_alike(&world, &["--field", "usage_user"], 13, "P24", words).await;
    // The same job goes on, and what it has written is its own.
    for look in LOOKS {
        world.start(world.job(look[0], &look[1..])).ended().await.assert_code(0);
    }
    // A bucket that was made again is another one.
    let made = world.oss.store().bucket(BUCKET).unwrap();
    world.oss.store().remove_bucket(&made.id);
    world.oss.store().create_bucket("between", 0);
    world.oss.store().create_bucket(BUCKET, 0);
    all_end_alike(&world, &[], 13, "P24", "it was deleted and made again").await;
    all_end_alike(&world, &[], 13, "P24", "--batch-bucket NAME begins a separate job").await;
}

#[tokio::test]
async fn records_of_the_official_task_that_do_not_fit() {
    let world = World::new().await;
    world.oss.store().create_bucket(PROGRESS, 0);
    let tags = format!("dstBucket={BUCKET},srcBucket={BUCKET},srcOrg={CLOUD_ORG}");
    let fields = "batch_start=\"2020-01-01T00:00:00.000000000Z\",\
                  batch_stop=\"2020-01-01T00:05:00.000000000Z\",rows=1i,percent_complete=1";
    let line = format!("batches,{tags} {fields} 1577836900000000000\n");
    world.oss.store().write_lp(PROGRESS, line.as_bytes()).unwrap();
    all_end_alike(&world, &["--field", "usage_user"], 13, "P24", "records of the official task")
        .await;
}

#[tokio::test]
async fn a_job_that_another_run_holds() {
    let world = World::new().await;
    world.oss.store().create_bucket(PROGRESS, 0);
    let time = ServerClock::system().now() - 10 * 1_000_000_000;
    let tags = format!("dstBucket={BUCKET},kind=lease,srcBucket={BUCKET},srcOrg={CLOUD_ORG}");
    let fields = "machine=\"another\",released=0i,run=\"7\"";
    let line = format!("batch_details,{tags} {fields} {time}");
    world.oss.store().write_lp(PROGRESS, line.as_bytes()).unwrap();
    all_end_alike(&world, &[], 11, "P25", "run 7 on another was active").await;

    let slow = ServerSettings { read_bytes_per_s: Some(120_000), ..cloud_settings() };
    let world = World::with(slow, oss_settings()).await;
    let mut first = world.start(world.job("migrate", &[]));
    first.until("a first write", |_| world.writes(BUCKET) > 0).await;
    for look in LOOKS {
        let ended = world.start(world.job(look[0], &look[1..])).ended().await;
        told(&ended, 11, "P25", "another run of this job is active on this machine");
    }
    first.ended().await.assert_code(0);
    world.assert_whole();
}

#[tokio::test]
async fn more_batches_than_anybody_can_want() {
    let world = World::new().await;
    let more = ["--batch-interval", "1us"];
    for look in [&["preflight"][..], &["migrate", "--dry-run"], &["migrate"]] {
        let ended = world.start(world.job(look[0], &[&look[1..], &more[..]].concat()));
        told(&ended.ended().await, 2, "P26", "1us makes 3,600,000,000 of them, more than");
    }
    world.start(world.job("plan", &more)).ended().await.assert_code(2);
    assert!(world.oss.store().bucket(BUCKET).is_none(), "nothing is made for a job that cannot be");
}

#[tokio::test]
async fn a_rejects_file_of_somebody_else() {
    let world = World::new().await;
    let path = world.folder.path().join("notes.txt");
    std::fs::write(&path, "dear diary\n").unwrap();
    let more = ["--rejects", path.to_str().unwrap()];
    all_end_alike(&world, &more, 13, "P27", "sluice has not written it").await;
    assert_eq!(std::fs::read(&path).unwrap(), b"dear diary\n");
}

#[tokio::test]
async fn a_spool_of_another_job_or_of_another_run() {
    let slow = ServerSettings { read_bytes_per_s: Some(120_000), ..cloud_settings() };
    let world = World::with(slow, oss_settings()).await;
    let place = world.folder.path().join("spool");
    let stage = ["--spool", "parquet", "--spool-dir", place.to_str().unwrap()];
    let mut first = world.start(world.job("migrate", &stage));
    first.until("a first file", |_| place.join("data").exists()).await;
    for look in LOOKS {
        let ended = world.start(world.job(look[0], &[&look[1..], &stage[..]].concat())).ended();
        told(&ended.await, 11, "P25", "another run writes to the spool");
    }
    first.ended().await.assert_code(0);
    let other = [&stage[..], &["--start", "2020-01-01T00:30:00Z"]].concat();
    all_end_alike(&world, &other, 13, "P24", "start was 2020-01-01T00:00:00Z").await;
    for look in LOOKS {
        let job = world.job(look[0], &[&look[1..], &stage[..]].concat());
        world.start(job).ended().await.assert_code(0);
    }

    // A load looks before it takes the job, too.
    world.oss.store().create_bucket(BUCKET, 0);
    world.oss.store().write_lp(BUCKET, b"theirs f=1 1577836860000000000\n").unwrap();
    let oss = world.oss.url();
    let place = place.to_str().unwrap();
    let load = ["load", place, "--destination-host", &oss, "--destination-org", "ops"];
    let ended = world.start(world.command(&[&load[..], &["--create-buckets"]].concat())).ended();
    let ended = ended.await;
    told(&ended, 7, "P14", "holds 1 value in [2020-01-01T00:00:00Z,");
    assert!(world.oss.store().bucket(PROGRESS).is_none(), "{ended:?}");
}

/// A cure names nothing that was given already, and a limit that will be met is told before it is.
#[tokio::test]
async fn a_field_of_another_type_is_told_with_what_can_still_be_done() {
    let cloud = ServerSettings { influxql: true, ..cloud_settings() };
    let world = World::with(cloud, oss_settings()).await;
    world.oss.store().create_bucket("clash", 0);
    world.oss.store().write_lp("clash", b"cpu usage_user=\"text\" 1577836800000000000\n").unwrap();
    let ask = async |word: &str, policy: &str, more: &[&str]| {
        let usual = ["--destination-bucket", "clash", "--existing", "merge"];
        let policy = ["--on-type-conflict", policy];
        world.start(world.job(word, &[&usual[..], &policy, more].concat())).ended().await
    };
    for (policy, cure) in [
        (
            "stop",
            "P12 cure: --on-type-conflict reject or suffix, or another, new --destination-bucket",
        ),
        (
            "reject",
            "P12 cure: --on-type-conflict suffix keeps all of them there, or another, new --d",
        ),
        ("suffix", "P12 cure: another, new --destination-bucket"),
    ] {
        let ended = ask("preflight", policy, &[]).await;
        assert!(ended.out.contains(cure) && !ended.out.contains("--create"), "{policy}: {ended:?}");
    }
    // 4 hosts have 360 values of it each.
    let limit = ["--reject-limit", "1000"];
    let ended = ask("plan", "reject", &limit).await;
    ended.assert_code(0);
    let said = flat(&ended.out);
    let words = "up to 1,440 values would be refused, those of cpu.usage_user first, and --reject-limit is 1,000";
    assert!(said.contains(words), "{said}");
    let ended = ask("plan", "reject", &["--reject-limit", "1440"]).await;
    assert!(!ended.out.contains("would be refused"), "{ended:?}");
    // The first batch alone has more than that: there are no earlier ones.
    let ended = ask("migrate", "reject", &["--reject-limit", "50", "--concurrency", "1"]).await;
    ended.assert_code(7);
    assert!(ended.err.contains("values refused so far, and --reject-limit is 50;"), "{ended:?}");
    let ended = ask("migrate", "reject", &limit).await;
    ended.assert_code(7);
    assert!(ended.err.contains("those of earlier batches and runs among them"), "{ended:?}");
}

/// Where there is no quota none is spent.
#[tokio::test]
async fn what_a_look_costs_is_named_after_where_it_comes_from() {
    let world = World::new().await;
    for (quota, words) in
        [("none", "read from the source. Exit"), ("3GB/5min", "of quota spent. Exit")]
    {
        let ended = world.start(world.job("preflight", &["--quota", quota])).ended().await;
        assert!(ended.out.contains(words), "{ended:?}");
    }
    for (quota, words) in [("none", "read from the source, nothing"), ("3GB/5min", "of quota and ")]
    {
        let ended = world.start(world.job("plan", &["--quota", quota])).ended().await;
        assert!(ended.out.contains(words), "{ended:?}");
    }
}
