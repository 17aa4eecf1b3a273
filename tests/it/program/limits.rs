//! Limits of the machine and of what may be asked for: each says what it is, and has a code that is true.

use std::process::{Command, Stdio};

use sluice::testing::sim::{Fault, Matcher, Rule, ServerSettings};

use super::{BUCKET, CLOUD_ORG, OSS_TOKEN, PROGRESS, World, cloud_settings, oss_settings};
use crate::support::process::{Ended, run};

/// The same command under limits of the shell.
fn limited(command: &Command, limit: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.env_clear();
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.arg("-c").arg(format!("ulimit {limit}; exec \"$0\" \"$@\"")).arg(command.get_program());
    shell.args(command.get_args()).stdin(Stdio::null());
    shell
}

fn sane(ended: &Ended, case: &str) {
    let text = format!("{}{}", ended.out, ended.err);
    assert!(!text.contains("panicked") && ended.code != Some(101), "{case}: {ended:?}");
    assert!(!matches!(ended.code, None | Some(1 | 13)), "{case}: {ended:?}");
}

#[tokio::test]
async fn too_few_open_files_are_named_and_no_damage() {
    let world = World::new().await;
    let place = world.folder.path().join("stage").to_str().unwrap().to_owned();
    let jobs = [
        world.job("migrate", &[]),
        world.job("preflight", &[]),
        world.job("plan", &[]),
        world.job("migrate", &["--spool", "parquet", "--spool-dir", &place]),
    ];
    for files in 4..=20 {
        for job in &jobs {
            let mut job = limited(job, &format!("-n {files}"));
            // A connection that cannot be opened is tried for minutes.
            job.arg("--max-duration").arg("20s");
            let case = format!("{files}: {:?}", job.get_args().nth(3));
            let running = world.start(job);
            let ended = running.ended().await;
            // Below some number not even the program's own libraries can be loaded.
            if ended.code == Some(127) {
                continue;
            }
            sane(&ended, &case);
            if ended.code == Some(7) {
                let told = ended.err.contains("ulimit -n")
                    || ended.out.contains("Too many open files")
                    || ended.err.contains("Too many open files");
                assert!(told, "{case}: {ended:?}");
            }
        }
    }
    world.migrate(&[]).await.assert_code(0);
    world.assert_whole();
}

#[tokio::test]
async fn a_limit_on_the_size_of_files_is_a_full_disk() {
    let world = World::new().await;
    let place = world.folder.path().join("stage").to_str().unwrap().to_owned();
    let stage = world.job("migrate", &["--spool", "parquet", "--spool-dir", &place]);
    // In blocks of 512 bytes.
    let ended = run(limited(&stage, "-f 4")).await;
    ended.assert_code(14);
    assert!(ended.err.contains("File too large"), "{ended:?}");
    world.start(stage).ended().await.assert_code(0);
    world.start(world.command(&["spool", "verify", &place])).ended().await.assert_code(0);
}

#[tokio::test]
async fn an_interval_of_nonsense_is_refused_with_one_that_will_do() {
    let world = World::new().await;
    for (word, more) in [("migrate", &[][..]), ("migrate", &["--dry-run"]), ("plan", &[])] {
        let more = [more, &["--batch-interval", "1ns"]].concat();
        let ended = world.start(world.job(word, &more)).ended().await;
        ended.assert_code(2);
        assert!(
            ended.err.contains("--batch-interval auto, or one of 1s at the least"),
            "{ended:?}"
        );
    }
    assert!(world.records().is_empty());
    // An hour of milliseconds is many, and no nonsense.
    let ended = world.start(world.job("plan", &["--batch-interval", "1ms"])).ended().await;
    ended.assert_code(0);
}

#[tokio::test]
async fn relative_times_are_counted_by_the_source_and_a_clock_that_is_off_is_said() {
    const HOUR_NS: i64 = 3_600_000_000_000;
    // The source is at the end of its data, in 2020; this machine is not.
    let there = super::DATA.start_ns + HOUR_NS;
    let clock = sluice::testing::sim::ServerClock::at(there);
    let cloud = ServerSettings { clock, ..cloud_settings() };
    let world = World::with(cloud, oss_settings()).await;
    let half = ["--start", "-30m", "--stop", "now", "--settle", "0s"];
    let ended = world.migrate(&half).await;
    ended.assert_code(0);
    let warned = |text: &str| text.contains("P22") && text.contains("ahead of the source's");
    assert!(warned(&ended.err), "{ended:?}");
    let copied = world.oss.store().count(BUCKET);
    assert!((7_100..=7_240).contains(&copied), "{copied} of 14,400 values");
    // The job keeps its start: the same command goes on.
    world.migrate(&half).await.assert_code(0);
    assert_eq!(world.oss.store().count(BUCKET), copied);
    // Less far back is the same job, further back holds more than it.
    world.migrate(&["--start", "-10m", "--stop", "now", "--settle", "0s"]).await.assert_code(0);
    let more = world.migrate(&["--start", "-45m", "--stop", "now", "--settle", "0s"]).await;
    more.assert_code(13);
    assert!(more.err.contains("start was 2020-01-01T00:30:"), "{more:?}");
    let none = world.migrate(&["--start", "2020-01-01T02:00:00Z", "--stop", "now"]).await;
    none.assert_code(2);
    assert!(none.err.contains("nothing to copy"), "{none:?}");
}

/// Deletes a bucket of the destination, as its owner would.
async fn delete(world: &World, name: &str) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let id = world.oss.store().bucket(name).unwrap().id;
    let mut connection = tokio::net::TcpStream::connect(world.oss.addr()).await.unwrap();
    let request = format!(
        "DELETE /api/v2/buckets/{id} HTTP/1.1\r\nHost: oss\r\nAuthorization: Token {OSS_TOKEN}\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 204");
    assert!(world.oss.store().bucket(name).is_none());
}

#[tokio::test]
async fn a_destination_that_was_deleted_is_refused_before_it_is_made_again() {
    let world = World::new().await;
    world.migrate(&["--stop", "2020-01-01T00:30:00Z"]).await.assert_code(0);
    delete(&world, BUCKET).await;
    for word in ["migrate", "migrate"] {
        let ended = world.start(world.job(word, &[])).ended().await;
        ended.assert_code(13);
        assert!(ended.err.contains("its destination bucket "), "{ended:?}");
        assert!(ended.err.contains("not there any more"), "{ended:?}");
        assert!(world.oss.store().bucket(BUCKET).is_none(), "it was made again");
    }
    world.migrate(&["--batch-bucket", "progress-2"]).await.assert_code(0);
    assert_eq!(world.oss.store().count(BUCKET), world.cloud.store().count(BUCKET));
}

#[tokio::test]
async fn progress_that_was_deleted_is_refused_before_its_bucket_is_made_again() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    delete(&world, PROGRESS).await;
    let ended = world.migrate(&[]).await;
    ended.assert_code(7);
    assert!(ended.err.contains("--existing merge"), "{ended:?}");
    assert!(world.oss.store().bucket(PROGRESS).is_none(), "it was made again");
}

#[tokio::test]
async fn a_plan_does_not_take_a_refused_token_for_a_new_job() {
    let world = World::new().await;
    world.migrate(&["--stop", "2020-01-01T00:30:00Z"]).await.assert_code(0);
    for (word, more) in [("plan", &[][..]), ("migrate", &["--dry-run"])] {
        world.oss.inject(Rule {
            matcher: Matcher::path("/api/v2/query")
                .body(&format!("\"dstBucket\"] == \"{BUCKET}\"")),
            times: 1,
            fault: Fault::unauthorized(),
        });
        let ended = world.start(world.job(word, more)).ended().await;
        assert_eq!(ended.code, Some(12), "{word} {CLOUD_ORG}: {ended:?}");
    }
    let ended = world.start(world.job("plan", &[])).ended().await;
    ended.assert_code(0);
}
