//! Both steps of a migration through a spool on a real server of S3.

use std::process::Command;

use sluice::testing::spool::place::{self, Surroundings};
use sluice::testing::spool::stored::{Stored, StoredSelection};

use super::exits::files;
use super::{BUCKET, OSS_ORG, World, bare};
use crate::support::process::run;
use crate::support::stores::{S3, S3_BUCKET};

fn url() -> String {
    format!("s3://{S3_BUCKET}/plant/stage")
}

/// A command that can reach the server.
fn with(server: &S3, mut command: Command) -> Command {
    command.envs(server.variables());
    command
}

fn stage(world: &World, server: &S3) -> Command {
    let job = world.job("migrate", &["--spool", "parquet", "--spool-dir", &url()]);
    with(server, job)
}

fn load(world: &World, server: &S3) -> Command {
    let host = world.oss.url();
    let args = ["load", &url(), "--destination-host", &host, "--destination-org", OSS_ORG];
    with(server, world.command(&[&args[..], &["--create-buckets"]].concat()))
}

/// Batches that are committed, as a reader finds them.
fn committed(world: &World, server: &S3) -> Option<i64> {
    let surroundings = Surroundings::new(&server.variables(), Some(world.state()));
    let storage = place::storage(&url(), &surroundings).unwrap();
    let stored = Stored::open(&storage).ok()?;
    stored.verify_content(&StoredSelection::ALL).unwrap();
    Some((stored.watermark().ns() - super::DATA.start_ns) / 300_000_000_000)
}

#[tokio::test]
async fn staged_killed_resumed_and_loaded_it_is_the_same_bucket() {
    let Some(server) = S3::start() else { return };
    let world = World::slow().await;
    let journal = server.objects().join("plant/stage/journal");
    let records = || std::fs::read_dir(&journal).map_or(0, Iterator::count);
    let mut kills = 0;
    for more in [1, 2, 3] {
        let wanted = records() + more;
        let mut first = world.start(stage(&world, &server));
        first.until("records", |_| records() >= wanted).await;
        first.kill();
        kills += usize::from(committed(&world, &server).is_none_or(|done| done < 12));
    }
    assert!(kills > 1, "it was over too soon");
    let staged = world.start(stage(&world, &server)).ended().await;
    staged.assert_code(0);
    assert_eq!(committed(&world, &server), Some(12));
    assert_eq!(world.oss.store().count(BUCKET), 0, "nothing of it is at the destination");

    let loaded = world.start(load(&world, &server)).ended().await;
    loaded.assert_code(0);
    world.assert_whole();
    let again = world.start(load(&world, &server)).ended().await;
    again.assert_code(0);
    world.assert_whole();
    let source = format!("spool:{}", url());
    let mut verify = with(&server, world.job("verify", &["--source", &source]));
    verify.env_remove("INFLUXDB_CLOUD_TOKEN");
    let verified = world.start(verify).ended().await;
    verified.assert_code(0);
    assert!(verified.out.starts_with("VERIFIED (spool)"), "{}", verified.out);

    // No key of the store is anywhere, and nothing is left on this machine but empty locks.
    for ended in [&staged, &loaded, &again, &verified] {
        assert!(!format!("{}{}", ended.out, ended.err).contains("cAnArY"), "{ended:?}");
    }
    for (path, bytes) in files(world.folder.path()) {
        assert!(!String::from_utf8_lossy(&bytes).contains("cAnArY"), "{}", path.display());
        assert!(path.extension().is_none_or(|end| end != "partial"), "{}", path.display());
    }
}

#[tokio::test]
async fn a_damaged_object_is_refused_before_a_point_is_written() {
    let Some(server) = S3::start() else { return };
    let world = World::new().await;
    world.start(stage(&world, &server)).ended().await.assert_code(0);
    let data: Vec<_> = files(&server.objects()).into_iter().collect();
    let (path, bytes) =
        data.iter().find(|(path, _)| path.extension().is_some_and(|end| end == "parquet")).unwrap();
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    std::fs::write(path, damaged).unwrap();
    let ended = world.start(load(&world, &server)).ended().await;
    ended.assert_code(13);
    assert!(ended.err.contains(path.file_name().unwrap().to_str().unwrap()), "{ended:?}");
    assert_eq!(world.oss.store().count(BUCKET), 0);
}

/// A run on another machine holds the spool, or did until it was killed a moment ago.
#[tokio::test]
async fn a_spool_that_is_held_is_taken_over_on_request_only() {
    let Some(server) = S3::start() else { return };
    let world = World::new().await;
    assert_eq!(committed(&world, &server), None);
    let holder = serde_json::json!({
        "run": "0123456789abcdef", "machine": "the-other-one", "process": 77,
        "folder": "/var/lib/sluice", "since": "2026-01-02T03:04:05Z",
    });
    let take = async || server.put("plant/stage/lock", holder.to_string()).await;
    take().await;
    let held = world.start(stage(&world, &server)).ended().await;
    held.assert_code(11);
    let wanted = [
        "run 0123456789abcdef (process 77 on machine the-other-one, since 2026-01-02T03:04:05Z)",
        "a sign of life",
        "--adopt takes its spool over at once",
    ];
    for words in wanted {
        assert!(held.err.contains(words), "{held:?}");
    }
    assert_eq!(committed(&world, &server), None, "nothing was written");
    let mut adopting = stage(&world, &server);
    adopting.arg("--adopt");
    world.start(adopting).ended().await.assert_code(0);
    assert_eq!(committed(&world, &server), Some(12));
    assert!(!server.objects().join("plant/stage/lock").exists(), "it was let go");

    let compact = |more: &[&str]| {
        let place = url();
        let args = [&["spool", "compact", &place], more].concat();
        world.start(with(&server, world.command(&args))).ended()
    };
    take().await;
    let held = compact(&[]).await;
    held.assert_code(11);
    assert!(held.err.contains("--adopt"), "{held:?}");
    compact(&["--adopt"]).await.assert_code(0);
    assert_eq!(committed(&world, &server), Some(12));
    assert!(!server.objects().join("plant/stage/lock").exists(), "it was let go");
}

/// The commands that look at a spool take an address as they take a folder.
#[tokio::test]
async fn a_spool_in_a_store_is_verified_described_and_exported() {
    let Some(server) = S3::start() else { return };
    let world = World::new().await;
    world.start(stage(&world, &server)).ended().await.assert_code(0);
    let ask = |args: &[&str]| world.start(with(&server, world.command(args))).ended();
    for command in ["verify", "describe"] {
        let ended = ask(&["spool", command, &url()]).await;
        ended.assert_code(0);
        assert!(ended.out.contains("14,400 values"), "{command}: {ended:?}");
    }
    let ended = ask(&["export", &url(), "--format", "lp", "--output", "-"]).await;
    ended.assert_code(0);
    assert!(ended.out.lines().all(|line| line.starts_with("cpu,")), "{}", ended.err);
    assert_eq!(ended.out.lines().map(|line| line.matches("usage_").count()).sum::<usize>(), 14_400);
}

/// The words for each thing that is missing, before anything is asked of a store.
#[tokio::test]
async fn what_is_not_set_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (place, variables, wanted) in [
        ("s3://b/p", &[][..], "AWS_REGION is not set"),
        ("s3://b/p", &[("AWS_ACCESS_KEY_ID", "id")][..], "AWS_SECRET_ACCESS_KEY is not set"),
        ("az://c/p", &[][..], "AZURE_STORAGE_ACCOUNT_NAME is not set"),
        ("gs://b/p", &[("GOOGLE_APPLICATION_CREDENTIALS", "/no/file")][..], "/no/file"),
        ("ftp://b/p", &[][..], "s3://bucket/prefix"),
    ] {
        let mut command = bare(&["load", place, "--destination-host", "http://127.0.0.1:9"]);
        command.env("HOME", folder.path()).envs(variables.iter().copied());
        let ended = run(command).await;
        ended.assert_code(2);
        assert!(ended.err.contains(wanted), "{place}: {ended:?}");
    }
}
