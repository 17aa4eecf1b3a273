//! `plan` as its users meet it.

use sluice::testing::sim::{AccessToken, ServerSettings};

use super::{CLOUD_ORG, CLOUD_TOKEN, World, cloud_settings, oss_settings};

/// `sluice plan` with a source only.
fn source_only(world: &World, more: &[&str]) -> std::process::Command {
    let cloud = world.cloud.url();
    let usual = ["plan", "--source-host", &cloud, "--source-org", CLOUD_ORG];
    let mut command =
        world.command(&[&usual[..], &["--source-bucket", super::BUCKET], more].concat());
    command.env_remove("INFLUX_TOKEN");
    command
}

fn assert_nothing_written(world: &World) {
    for server in [&world.cloud, &world.oss] {
        for record in server.records() {
            let reads = record.method == "GET"
                || record.path.ends_with("/query")
                || record.path == "/api/v2/write" && record.body_bytes == 0;
            assert!(reads, "{record:?}");
        }
    }
    assert!(!world.state().exists(), "a plan leaves no state");
}

#[tokio::test]
async fn a_plan_is_one_screen_or_one_line_and_writes_nothing() {
    let world = World::new().await;
    for quota in ["none", "300MB/5min"] {
        let ended = world.start(world.job("plan", &["--quota", quota])).ended().await;
        ended.assert_code(0);
        assert!(ended.out.starts_with("PLAN  ops-eu/plant -> ops@"), "{}", ended.out);
        assert!(ended.out.contains("14,400 values, 4 series, 1 measurement"), "{}", ended.out);
        assert!(ended.out.ends_with("nothing written. Exit 0.\n") && ended.err.is_empty());
        // A cure is to be copied, so it is never cut.
        let fits = |line: &str| line.chars().count() <= 80 || line.contains(" cure: ");
        assert!(ended.out.lines().all(fits) && !ended.out.contains('\u{1b}'), "{}", ended.out);
        let ended = world.start(world.job("plan", &["--quota", quota, "--json"])).ended().await;
        ended.assert_code(0);
        let lines = ended.lines();
        assert_eq!((lines.len(), &lines[0]["message_type"]), (1, &"plan_report".into()));
        assert_eq!(lines[0]["values"], 14_400);
        assert_eq!(lines[0]["forecast"]["quota_window_bytes"].is_null(), quota == "none");
        assert!(ended.err.is_empty(), "{}", ended.err);
    }
    assert_nothing_written(&world);
}

#[tokio::test]
async fn a_destination_may_be_left_out() {
    let world = World::new().await;
    let ended = world.start(source_only(&world, &["--stop", "2020-01-01T01:00:00Z"])).ended().await;
    ended.assert_code(0);
    assert!(ended.out.starts_with("PLAN  ops-eu/plant\ndestination none given"), "{}", ended.out);
    assert!(world.oss.records().is_empty());
    assert_nothing_written(&world);
    // Half of one is none of the two.
    let ended = world.start(source_only(&world, &["--destination-org", "ops"])).ended().await;
    ended.assert_code(2);
}

#[tokio::test]
async fn a_token_without_rights_is_7_and_a_refused_one_12() {
    let cloud = ServerSettings {
        tokens: vec![AccessToken::read(CLOUD_TOKEN, "other")],
        ..cloud_settings()
    };
    let world = World::with(cloud, oss_settings()).await;
    let ended = world.start(world.job("plan", &[])).ended().await;
    ended.assert_code(7);
    assert!(ended.out.is_empty() && ended.err.contains("FAIL [P03]"), "{ended:?}");
    let ended = world.start(world.job("plan", &["--json"])).ended().await;
    ended.assert_code(7);
    let types: Vec<_> = ended.lines().iter().map(|line| line["message_type"].clone()).collect();
    assert_eq!(types, ["preflight", "exit_error"]);
    let mut job = world.job("plan", &[]);
    job.env("INFLUXDB_CLOUD_TOKEN", "not-this-one");
    world.start(job).ended().await.assert_code(12);
}

#[tokio::test]
async fn a_dry_run_shows_how_each_measurement_is_read() {
    let world = World::new().await;
    let ended = world.start(world.job("migrate", &["--dry-run", "--json"])).ended().await;
    ended.assert_code(0);
    let line = ended.lines().pop().unwrap();
    assert_eq!(line["choices"][0]["measurement"], "cpu");
    assert!(line["choices"][0]["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    let ended = world.start(world.job("migrate", &["--dry-run"])).ended().await;
    assert!(ended.out.contains("  cpu by flux"), "{}", ended.out);
}
