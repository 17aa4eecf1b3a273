//! Names as people give them: every one is copied exactly, or refused with its cure before anything is made. Never code 1.

use sluice::testing::sim::{BucketStore, ServerSettings};

use super::{OSS_ORG, OSS_TOKEN, World, cloud_settings, oss_settings, sink};
use crate::support::process::Ended;

const LINES: &[u8] = b"m,t=a f=1i 1577836800000000000\nm,t=b f=2i 1577836860000000000";

/// The names that no record can hold: the codes of all others are 0.
fn unrecorded(name: &str) -> bool {
    name.ends_with('\\') || name.contains('\n')
}

/// The names of buckets that InfluxDB itself refuses to make.
fn unmade(name: &str) -> bool {
    name.starts_with('_') || name.contains('"')
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "plant",
        "Plant-1",
        "plant_telemetry",
        "plant.telemetry",
        "telegraf/autogen",
        "a/b/c",
        "/",
        "/a",
        "a/",
        ".",
        "..",
        "../../etc",
        "...",
        "-plant",
        "--plant",
        "-",
        "--",
        "-1",
        "-5d",
        "-x=y",
        "a b",
        " a",
        "a ",
        "a  b",
        "a,b",
        "a=b",
        "a;b",
        "a:b",
        "a?b&c=d#e",
        "a%20b",
        "100%",
        "\"",
        "a\"b",
        "'",
        "a'b",
        "`",
        "$",
        "${x}",
        "$(id)",
        "a\\b",
        "\\a",
        "a\\",
        "\\",
        "a\\\\",
        "a\nb",
        "a\n",
        "a\tb",
        "a\rb",
        "m\u{b3}/h",
        "\u{e4}\u{f6}\u{fc}\u{df}",
        "\u{1f600}",
        "e\u{301}",
        "\u{e9}",
        "\u{202e}abc",
        "ops@example.com",
        "0123456789abcdef",
        "CON",
        "nul",
        "true",
        "earliest",
        "now",
        "a*b",
        "[a]",
        "{a}",
        "<a>",
        "a|b",
        "~",
        "#a",
        "a^b",
        "a\\ b",
        "a\\,b",
        "_a",
        "a_",
    ]
    .map(str::to_owned)
    .into();
    names.extend(["x".repeat(120), "x".repeat(255), "\u{e4}".repeat(100)]);
    names
}

/// One migration between two servers that have no bucket of the name at the destination yet.
async fn migrate(bucket: &str, org: &str) -> (World, Ended) {
    let source = BucketStore::default();
    source.create_bucket(bucket, 0);
    source.write_lp(bucket, LINES).unwrap();
    let cloud = ServerSettings { org: org.to_owned(), influxql: true, ..cloud_settings() };
    let world = World::of(cloud, source, oss_settings(), sink()).await;
    let (source, destination) = (world.cloud.url(), world.oss.url());
    // A value that looks like a flag is tied to its own.
    let (bucket, org) = (format!("--source-bucket={bucket}"), format!("--source-org={org}"));
    let args = [
        "migrate",
        "--source-host",
        &source,
        &bucket,
        &org,
        "--destination-host",
        &destination,
        "--destination-org",
        OSS_ORG,
        "--create-buckets",
        "--stop",
        "2020-01-01T01:00:00Z",
        "--batch-interval",
        "5m",
        "--quota",
        "none",
    ];
    let ended = world.start(world.command(&args)).ended().await;
    (world, ended)
}

fn made(world: &World) -> Vec<String> {
    let buckets = world.oss.store().buckets().into_iter().map(|bucket| bucket.name);
    buckets.filter(|name| !name.starts_with('_')).collect()
}

fn judge(name: &str, bucket: &str, world: &World, ended: &Ended) {
    assert!(!ended.err.contains(OSS_TOKEN), "{name:?}: {ended:?}");
    if unmade(bucket) {
        assert_eq!(ended.code, Some(7), "{name:?}: {ended:?}");
        assert!(
            ended.err.contains("cure: give another --destination-bucket"),
            "{name:?}: {ended:?}"
        );
        assert!(made(world).is_empty(), "{name:?}: {:?}", made(world));
        return;
    }
    if unrecorded(name) {
        assert_eq!(ended.code, Some(7), "{name:?}: {ended:?}");
        assert!(
            ended.err.contains("P23") && ended.err.contains("rename it")
                || ended.err.contains("--source-org with"),
            "{name:?}: {ended:?}"
        );
        assert!(made(world).is_empty(), "{name:?}: {:?}", made(world));
        return;
    }
    assert_eq!(ended.code, Some(0), "{name:?}: {ended:?}");
    assert_eq!(world.oss.store().count(bucket), 2, "{name:?}");
    assert_eq!(world.oss.store().digest(bucket), world.cloud.store().digest(bucket), "{name:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bucket_names() {
    for name in names() {
        let (world, ended) = migrate(&name, "org").await;
        judge(&name, &name, &world, &ended);
        if ended.code == Some(0) {
            // The records are found again.
            let (source, destination) = (world.cloud.url(), world.oss.url());
            let bucket = format!("--source-bucket={name}");
            let again = [
                "migrate",
                "--source-host",
                &source,
                &bucket,
                "--source-org",
                "org",
                "--destination-host",
                &destination,
                "--destination-org",
                OSS_ORG,
                "--stop",
                "2020-01-01T01:00:00Z",
                "--batch-interval",
                "5m",
                "--quota",
                "none",
            ];
            let again = world.start(world.command(&again)).ended().await;
            assert_eq!(again.code, Some(0), "{name:?}: {again:?}");
            assert!(again.out.contains("Migration is complete."), "{name:?}: {again:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn organization_names() {
    for name in names() {
        // An id is looked up as an id.
        if name == "0123456789abcdef" {
            continue;
        }
        let (world, ended) = migrate("plant", &name).await;
        judge(&name, "plant", &world, &ended);
    }
}

#[tokio::test]
async fn a_destination_of_another_name_is_the_way_out() {
    let (world, ended) = migrate("plant", "org").await;
    ended.assert_code(0);
    let (source, destination) = (world.cloud.url(), world.oss.url());
    let job = |more: &[&str]| {
        let usual = [
            "migrate",
            "--source-host",
            &source,
            "--source-bucket",
            "plant",
            "--source-org",
            "org",
            "--destination-host",
            &destination,
            "--destination-org",
            OSS_ORG,
            "--create-buckets",
            "--stop",
            "2020-01-01T01:00:00Z",
            "--quota",
            "none",
        ];
        world.start(world.command(&[&usual[..], more].concat()))
    };
    let refused = job(&["--destination-bucket", "copy\\"]).ended().await;
    refused.assert_code(7);
    assert!(refused.err.contains("--destination-bucket NAME"), "{refused:?}");
    job(&["--destination-bucket", "-copy"]).ended().await.assert_code(0);
    assert_eq!(world.oss.store().count("-copy"), 2);
    let unclear = job(&["--destination-bucket", "--copy"]).ended().await;
    unclear.assert_code(2);
    assert!(unclear.err.contains("--destination-bucket=--copy"), "{unclear:?}");
    job(&["--destination-bucket", ""]).ended().await.assert_code(2);
}

#[tokio::test]
async fn filters_with_a_hyphen() {
    let source = BucketStore::default();
    source.create_bucket("plant", 0);
    source
        .write_lp("plant", b"-m,-k=-a -f=1i 1577836800000000000\nm f=2i 1577836800000000000")
        .unwrap();
    let world = World::of(cloud_settings(), source, oss_settings(), sink()).await;
    let more = ["--measurement", "-m", "--tag", "-k=-a", "--field", "-f", "--predicate", "-1 < 0"];
    world.migrate(&more).await.assert_code(0);
    assert_eq!(world.oss.store().count("plant"), 1);
}

#[tokio::test]
async fn an_organization_that_is_found_out_and_a_spool_are_held_to_the_same() {
    let source = BucketStore::default();
    source.create_bucket("plant\\", 0);
    source.write_lp("plant\\", LINES).unwrap();
    source.create_bucket("plant", 0);
    source.write_lp("plant", LINES).unwrap();
    let cloud = ServerSettings { org: "ops\\".to_owned(), ..cloud_settings() };
    let world = World::of(cloud, source, oss_settings(), sink()).await;
    let (source, destination) = (world.cloud.url(), world.oss.url());
    let place = world.folder.path().join("stage").to_str().unwrap().to_owned();
    let ends = ["--source-host", &source, "--stop", "2020-01-01T01:00:00Z", "--quota", "none"];
    let to = ["--destination-host", &destination, "--destination-org", OSS_ORG, "--create-buckets"];
    let start = |args: &[&str]| world.start(world.command(args));
    let args = [&["migrate", "--source-bucket", "plant"], &ends[..], &to].concat();
    let ended = start(&args).ended().await;
    ended.assert_code(7);
    assert!(ended.err.contains("P23") && ended.err.contains("the organization's id"), "{ended:?}");
    // Files hold any name; their progress does not.
    let stage =
        ["migrate", "--source-bucket", "plant\\", "--source-org", "ops\\", "--spool", "parquet"];
    let args = [&stage[..], &ends, &["--spool-dir", &place]].concat();
    start(&args).ended().await.assert_code(0);
    let ended = start(&[&["load", &place], &to[..]].concat()).ended().await;
    ended.assert_code(7);
    assert!(ended.err.contains("P23") && ended.err.contains("Exit 7."), "{ended:?}");
    assert!(made(&world).is_empty(), "{:?}", made(&world));
    let text = world.folder.path().join("text").to_str().unwrap().to_owned();
    start(&["export", &place, "--format", "lp", "--output", &text]).ended().await.assert_code(0);
    assert_eq!(std::fs::read_to_string(&text).unwrap().lines().count(), 2);
}
