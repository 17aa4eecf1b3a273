//! A token is never shown: not on a stream, not in a file, not to other users of the machine.

use sluice::testing::sim::{AccessToken, Fault, FaultScript, Matcher, ServerSettings};

use super::exits::files;
use super::{BUCKET, CLOUD_ORG, Ended, OSS_ORG, World, bare, cloud_settings, oss_settings};
use crate::support::process::run;

const CLOUD_CANARY: &str =
    "cAnArY-cloud_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789_ab==";
const OSS_CANARY: &str =
    "cAnArY-oss_9876543210zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA-9876543210_ba==";

/// A server whose errors repeat the token that it was given, as a careless proxy might.
fn telltale(canary: &str) -> Fault {
    let body = format!("{{\"code\":\"internal error\",\"message\":\"upstream: Token {canary}\"}}");
    Fault::Status { status: 500, retry_after: Some("1".to_owned()), body }
}

async fn world() -> World {
    let faults = |canary, path: &str| {
        FaultScript::none().with(Matcher::path(path).skip(2), 1, telltale(canary))
    };
    let cloud = ServerSettings {
        tokens: vec![AccessToken::read(CLOUD_CANARY, BUCKET)],
        faults: faults(CLOUD_CANARY, "/api/v2/query"),
        ..cloud_settings()
    };
    let oss = ServerSettings {
        tokens: vec![AccessToken::all(OSS_CANARY)],
        faults: faults(OSS_CANARY, "/api/v2/write"),
        ..oss_settings()
    };
    World::with(cloud, oss).await
}

#[track_caller]
fn holds_no_canary(what: &str, bytes: &[u8]) {
    for part in ["cAnArY", &CLOUD_CANARY[20..60], &OSS_CANARY[20..60]] {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains(part), "a token in {what}: {text}");
    }
}

/// Both streams, every file of the run, and every name of one.
#[track_caller]
fn scan(world: &World, ended: &Ended) {
    holds_no_canary("stdout", ended.out.as_bytes());
    holds_no_canary("stderr", ended.err.as_bytes());
    for (path, bytes) in files(world.folder.path()) {
        if path.extension().is_some_and(|extension| extension == "token") {
            continue;
        }
        holds_no_canary("the name of a file", path.to_string_lossy().as_bytes());
        holds_no_canary(&path.to_string_lossy(), &bytes);
    }
}

#[tokio::test]
async fn no_run_shows_its_tokens() {
    for more in
        [&[][..], &["--json"], &["--dry-run"], &["--batch-interval", "nonsense"], &["--start", "x"]]
    {
        let world = world().await;
        let mut job = world.job("migrate", more);
        job.env("INFLUXDB_CLOUD_TOKEN", CLOUD_CANARY).env("INFLUX_TOKEN", OSS_CANARY);
        let ended = world.start(job).ended().await;
        assert!(matches!(ended.code, Some(0 | 2)), "{more:?}: {ended:?}");
        scan(&world, &ended);
        for value in world.oss.store().dump(super::PROGRESS) {
            holds_no_canary("the progress", format!("{value:?}").as_bytes());
        }
    }
}

#[tokio::test]
async fn no_failure_shows_its_tokens() {
    let world = world().await;
    // Refused: each token at the wrong end.
    let mut job = world.job("migrate", &["--json"]);
    job.env("INFLUXDB_CLOUD_TOKEN", OSS_CANARY).env("INFLUX_TOKEN", CLOUD_CANARY);
    let ended = world.start(job).ended().await;
    ended.assert_code(12);
    scan(&world, &ended);
    // A permanent error whose text repeats the token.
    let body = format!("{{\"code\":\"invalid\",\"message\":\"bad header: Token {CLOUD_CANARY}\"}}");
    world.cloud.inject(sluice::testing::sim::Rule {
        matcher: Matcher::path("/api/v2/query").body("rename"),
        times: 100,
        fault: Fault::Status { status: 400, retry_after: None, body },
    });
    for more in [&["--json"][..], &[]] {
        let mut job = world.job("migrate", more);
        job.env("INFLUXDB_CLOUD_TOKEN", CLOUD_CANARY).env("INFLUX_TOKEN", OSS_CANARY);
        let ended = world.start(job).ended().await;
        assert!(ended.code.is_some_and(|code| code != 0), "{ended:?}");
        assert!(ended.err.contains("bad header"), "the server's own words: {ended:?}");
        scan(&world, &ended);
    }
}

#[tokio::test]
async fn files_and_commands_keep_their_tokens_to_themselves() {
    let world = world().await;
    let path = |name: &str| world.folder.path().join(name);
    std::fs::write(path("cloud.token"), format!("{CLOUD_CANARY}\n")).unwrap();
    std::fs::write(path("oss.token"), format!("{OSS_CANARY}\n")).unwrap();
    let (cloud, oss) = (path("cloud.token"), path("oss.token"));
    let by_command = format!("/bin/cat {}", oss.display());
    let more = [
        "--source-token-file",
        cloud.to_str().unwrap(),
        "--destination-token-command",
        by_command.as_str(),
    ];
    let mut job = world.job("migrate", &more);
    job.env_remove("INFLUXDB_CLOUD_TOKEN").env_remove("INFLUX_TOKEN").env("PATH", "/bin:/usr/bin");
    let ended = world.start(job).ended().await;
    ended.assert_code(0);
    scan(&world, &ended);
    world.assert_whole();
    // A file that holds no token, and a command that fails with one in its output.
    std::fs::write(path("two.token"), format!("{CLOUD_CANARY} {OSS_CANARY}\n")).unwrap();
    let two = path("two.token");
    let by_command = format!("/bin/sh -c 'echo {OSS_CANARY}; exit 3'");
    std::fs::write(path("sluice.token"), format!("destination_token_command = \"{by_command}\"\n"))
        .unwrap();
    let config = path("sluice.token");
    let files = ["--source-token-file", two.to_str().unwrap()];
    let settings = ["--config", config.to_str().unwrap()];
    for more in [files, settings] {
        let mut job = world.job("migrate", &more);
        job.env("INFLUXDB_CLOUD_TOKEN", CLOUD_CANARY).env_remove("INFLUX_TOKEN");
        if more == files {
            job.env_remove("INFLUXDB_CLOUD_TOKEN").env("INFLUX_TOKEN", OSS_CANARY);
        }
        let ended = world.start(job).ended().await;
        assert!(ended.code.is_some_and(|code| code != 0), "{ended:?}");
        scan(&world, &ended);
    }
}

#[tokio::test]
async fn a_token_on_the_command_line_is_refused_unseen() {
    for args in [
        &["migrate", "--source-token", CLOUD_CANARY][..],
        &["migrate", &format!("--token={CLOUD_CANARY}")],
        &["preflight", "-t", OSS_CANARY],
        &["migrate", "--source-org", CLOUD_ORG, "--destination-org", OSS_ORG, CLOUD_CANARY],
        &["migrate", "--source-token-command", &format!("echo {CLOUD_CANARY}")],
        &["migrate", "--json", "--source-token-file", CLOUD_CANARY],
    ] {
        let ended = run(bare(args)).await;
        ended.assert_code(2);
        holds_no_canary("stderr", ended.err.as_bytes());
        holds_no_canary("stdout", ended.out.as_bytes());
    }
}

/// What every user of the machine can read: the arguments of the process and of its children.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_token_stands_in_the_process_list() {
    let world = World::slow().await;
    let mut running = world.start(world.job("migrate", &[]));
    running.until("a first write", |_| world.writes(BUCKET) > 0).await;
    let line = std::fs::read(format!("/proc/{}/cmdline", running.child.id())).unwrap();
    let line = String::from_utf8_lossy(&line);
    assert!(line.contains("migrate"), "{line}");
    assert!(!line.contains(super::CLOUD_TOKEN) && !line.contains(super::OSS_TOKEN), "{line}");
    running.ended().await.assert_code(0);
}

#[tokio::test]
async fn a_lone_word_may_be_a_token_of_any_form_and_is_not_repeated() {
    for args in [
        &["migrate", "CANARY-of-any-form"][..],
        &["plan", "--yes", "CANARY of any form"],
        &["spool", "verify", "/x", "CANARY"],
        &["migrate", "--source-bucket", "plant", "CANARY"],
    ] {
        let ended = run(bare(args)).await;
        ended.assert_code(2);
        assert!(!format!("{ended:?}").contains("CANARY"), "{args:?}: {ended:?}");
        assert!(
            ended.err.contains(&format!("argument {} is not expected", args.len())),
            "{ended:?}"
        );
    }
}

#[tokio::test]
async fn quotation_marks_of_a_file_of_variables_are_named() {
    let world = World::new().await;
    let mut job = world.job("preflight", &[]);
    job.env("INFLUX_TOKEN", format!("\"{}\"", super::OSS_TOKEN));
    let ended = world.start(job).ended().await;
    ended.assert_code(12);
    assert!(ended.err.contains("the token from INFLUX_TOKEN is in quotation marks"), "{ended:?}");
}
