//! `status` as a program: every state of a job, reached by a run of the program, and read from the batch bucket alone.

use std::process::Command;

use serde_json::Value as Json;
use sluice::testing::model::time::Timestamp;
use sluice::testing::sim::{
    AccessToken, Fault, Matcher, Permission, Rule, ServerClock, ServerSettings, Value,
};

use super::{BUCKET, CLOUD_ORG, OSS_TOKEN, PROGRESS, World, cloud_settings, oss_settings};
use crate::support::kept::KeptJob;
use crate::support::need::{What, need};
use crate::support::process::{Ended, Running, flat};
use crate::support::schema::assert_valid;

/// An hour of silence.
const SILENCE: Fault = Fault::Stall { after_bytes: 0, ms: 3_600_000 };

const MINUTE_NS: i64 = 60_000_000_000;

/// A world whose destination has a clock that a test moves.
async fn world_with_clock() -> (World, ServerClock) {
    let clock = ServerClock::system();
    let oss = ServerSettings { clock: clock.clone(), ..oss_settings() };
    (World::with(cloud_settings(), oss).await, clock)
}

fn pass(clock: &ServerClock, minutes: i64) {
    clock.set(clock.now() + minutes * MINUTE_NS);
}

impl World {
    /// `sluice status` of the destination, and what else is asked.
    pub(super) fn status(&self, more: &[&str]) -> Command {
        let oss = self.oss.url();
        let mut command = self.command(&[&["status", "--destination-host", &oss], more].concat());
        // Nothing of the source is needed.
        command.env_remove("INFLUXDB_CLOUD_TOKEN");
        command
    }

    /// The one line of the one job, valid by the schema, and the exit code.
    async fn job_status(&self, more: &[&str]) -> (Json, Option<i32>) {
        let ended = self.start(self.status(&[&["--json"], more].concat())).ended().await;
        let mut lines = ended.lines();
        assert_eq!(lines.len(), 1, "{ended:?}");
        assert_valid(&lines[0]);
        (lines.remove(0), ended.code)
    }

    /// The job is in this state, and the program ends so.
    async fn assert_state(&self, state: &str, code: i32) -> Json {
        let (line, ended) = self.job_status(&[]).await;
        assert_eq!((line["state"].as_str(), ended), (Some(state), Some(code)), "{line}");
        line
    }

    async fn screen(&self, more: &[&str]) -> Ended {
        self.start(self.status(more)).ended().await
    }

    /// What the heartbeats of the job hold, each by its time.
    fn heartbeats(&self, field: &str) -> Vec<(i64, String)> {
        let store = self.oss.store();
        let values = store.dump(PROGRESS).into_iter().filter(|value| {
            value.series.tags.iter().any(|(_, kind)| **kind == *b"heartbeat")
                && *value.field == *field.as_bytes()
        });
        let text = |value: Value| match value {
            Value::String(text) => String::from_utf8(text.to_vec()).unwrap(),
            other => format!("{other:?}"),
        };
        values.map(|value| (value.time, text(value.value))).collect()
    }

    /// A run whose reads of values are never answered, once its first heartbeat is there.
    async fn silent_run(&self, more: &[&str]) -> Running {
        for path in ["/query", "/api/v2/query"] {
            let body = if path == "/query" { "SELECT *" } else { "rename(" };
            let matcher = Matcher::path(path).body(body).skip(3);
            self.cloud.inject(Rule { matcher, times: u32::MAX, fault: SILENCE });
        }
        let mut run = self.start(self.job("migrate", more));
        run.until("a heartbeat", |_| !self.heartbeats("state").is_empty()).await;
        run
    }
}

#[tokio::test]
async fn a_run_is_running_then_draining_and_dead_once_it_is_killed() {
    let (world, clock) = world_with_clock().await;
    let run = world.silent_run(&[]).await;
    let line = world.assert_state("running", 0).await;
    assert_eq!((&line["phase"], &line["written_by"]), (&"copy".into(), &"sluice".into()));
    assert_eq!(line["job_stop"], "2020-01-01T01:00:00Z");
    assert_eq!(line["version"], env!("CARGO_PKG_VERSION"));
    run.signal("TERM");
    let mut run = run;
    run.until("its last word", |_| world.heartbeats("state")[0].1 == "draining").await;
    world.assert_state("draining", 0).await;
    run.kill();
    world.assert_state("draining", 0).await;
    pass(&clock, 4);
    let line = world.assert_state("dead", 7).await;
    assert!(line["seen_ms"].as_u64() > Some(200_000), "{line}");
    let screen = world.screen(&[]).await;
    screen.assert_code(7);
    assert!(
        flat(&screen.out).contains("has ended without a word; the same command goes on"),
        "{screen:?}"
    );
    // It does: the local lock tells that the run is gone. What that has moved nobody has read back.
    world.cloud.clear_faults();
    world.migrate(&[]).await.assert_code(0);
    let line = world.assert_state("complete", 0).await;
    assert_eq!((&line["verified"], &line["percent_complete"]), (&"unproven".into(), &100.0.into()));
}

#[tokio::test]
async fn what_a_run_waits_for_is_told() {
    // The heartbeat comes a moment later than it would: by then it waits.
    let late = Rule {
        matcher: Matcher::path("/api/v2/query").body("heartbeat"),
        times: 1,
        fault: Fault::Stall { after_bytes: 0, ms: 1_500 },
    };
    let unavailable = Rule {
        matcher: Matcher::path("/api/v2/write").body("usage"),
        times: u32::MAX,
        fault: Fault::unavailable(Some(600)),
    };
    for (more, fault, word, why) in [
        (&["--quota", "1MB/5min"][..], None, "quota", "source quota (normal)"),
        (&[], Some(unavailable), "sink", "destination answered 503 or its cache is full"),
    ] {
        let world = World::new().await;
        world.oss.inject(late.clone());
        if let Some(fault) = fault {
            world.oss.inject(fault);
        }
        let mut run = world.start(world.job("migrate", more));
        run.until("a heartbeat", |_| !world.heartbeats("state").is_empty()).await;
        let line = world.assert_state("waiting", 5).await;
        assert_eq!((&line["waits_for"], &line["waits_why"]), (&word.into(), &why.into()));
        let screen = world.screen(&[]).await;
        assert!(screen.out.contains(&format!("wait:{word}")), "{screen:?}");
        assert!(screen.out.contains(&format!("{why}, for ")), "{screen:?}");
        run.kill();
    }
}

#[tokio::test]
async fn a_run_that_ends_early_is_stopped_with_its_reason() {
    for (code, result) in [(8, "byte_budget"), (143, "sigterm")] {
        let world = World::slow().await;
        let more: &[&str] = if code == 8 { &["--max-transfer", "1kB"] } else { &[] };
        let mut run = world.start(world.job("migrate", more));
        run.until("a commit", |_| world.oss.store().count(PROGRESS) > 80).await;
        if code == 143 {
            run.signal("TERM");
        }
        run.ended().await.assert_code(code);
        let line = world.assert_state("stopped", 0).await;
        assert_eq!((&line["result"], &line["exit"]), (&result.into(), &code.into()));
        assert_eq!(line["verified"], "not");
        let screen = world.screen(&[]).await;
        let words = format!("{result} (exit {code}); the same command goes on");
        assert!(screen.out.contains(&words), "{screen:?}");
        // What goes on is read back for its own part only.
        world.migrate(&[]).await.assert_code(0);
        let line = world.assert_state("complete", 0).await;
        assert!(line["values"].as_u64() > line["run_values"].as_u64(), "{line}");
        assert_eq!(line["verified"], "unproven", "{line}");
    }
}

#[tokio::test]
async fn a_run_that_fails_leaves_its_reason_and_no_token() {
    let tokens = World::slow().await;
    let matcher = Matcher::path("/query").body("SELECT *").skip(4);
    let flux = Matcher::path("/api/v2/query").body("rename(").skip(4);
    for matcher in [matcher, flux] {
        let (times, fault) = (u32::MAX, Fault::unauthorized());
        tokens.cloud.inject(Rule { matcher, times, fault });
    }
    let refused = World::new().await;
    let matcher = Matcher::path("/api/v2/write").body("usage");
    let message = "partial write: points beyond retention policy dropped=9";
    let fault = Fault::unprocessable(message);
    refused.oss.inject(Rule { matcher, times: u32::MAX, fault });
    for (world, code) in [(tokens, 12), (refused, 7)] {
        let ended = world.migrate(&["--reject-limit", "1", "--verify", "off"]).await;
        ended.assert_code(code);
        let line = world.assert_state("failed", 7).await;
        assert_eq!((&line["exit"], &line["result"]), (&code.into(), &"error".into()));
        let error = line["last_error"].as_str().unwrap();
        assert!(ended.err.contains(&error[..40]), "{error}: {ended:?}");
        let screen = world.screen(&[]).await;
        assert!(
            flat(&screen.out).contains(&format!("exit {code}: {}", &error[..20])),
            "{screen:?}"
        );
        let all = format!("{screen:?}{line}{:?}", world.oss.store().dump(PROGRESS));
        assert!(!all.contains(super::CLOUD_TOKEN) && !all.contains(OSS_TOKEN), "{all}");
    }
}

/// The plan cannot be laid: the run has taken the job and gives it back.
#[tokio::test]
async fn a_run_that_cannot_begin_is_no_secret() {
    let world = World::new().await;
    world.oss.store().create_bucket(PROGRESS, 0);
    let matcher = Matcher::path("/api/v2/query").body("rejected");
    world.oss.inject(Rule { matcher, times: u32::MAX, fault: Fault::unauthorized() });
    world.migrate(&[]).await.assert_code(12);
    world.oss.clear_faults();
    let line = world.assert_state("failed", 7).await;
    assert_eq!((&line["exit"], &line["values"]), (&12.into(), &0.into()));
}

#[tokio::test]
async fn a_run_that_lost_its_job_does_not_stand_before_its_successor() {
    let (world, clock) = world_with_clock().await;
    let run = world.silent_run(&[]).await;
    // Another one took it.
    let at = Timestamp::from_ns(clock.now() + 1_000_000_000).to_rfc3339_nano();
    let tags = format!("dstBucket={BUCKET},kind=lease,srcBucket={BUCKET},srcOrg={CLOUD_ORG}");
    let fields = format!("machine=\"b\",run=\"7\",released=0i,refreshed=\"{at}\"");
    let line = format!("batch_details,{tags} {fields} {}", clock.now() + MINUTE_NS);
    world.oss.store().write_lp(PROGRESS, line.as_bytes()).unwrap();
    world.cloud.clear_faults();
    run.signal("TERM");
    let ended = run.ended().await;
    assert!(matches!(ended.code, Some(11 | 143)), "{ended:?}");
    let line = world.assert_state("running", 0).await;
    assert_eq!((&line["run"], &line["machine"]), (&"7".into(), &"b".into()), "{line}");
    assert!(line["phase"].is_null() && line["last_error"].is_null(), "{line}");
    pass(&clock, 5);
    world.assert_state("dead", 7).await;
}

/// The records of the official task, as it writes them.
fn task_records(world: &World, bucket: &str, source: &str, percent: &[f64], minutes_ago: i64) {
    let store = world.oss.store();
    store.create_bucket(PROGRESS, 0);
    let now = ServerClock::system().now();
    let count = i64::try_from(percent.len()).unwrap();
    for (n, percent) in (0_i64..).zip(percent) {
        let time = now - (minutes_ago + (count - 1 - n) * 5) * MINUTE_NS;
        let line = format!(
            "batches,dstBucket={source},srcBucket={source},srcOrg=lab batch_start=\"2022-01-01T{n:02}:00:00.000000000Z\",\
             batch_stop=\"2022-01-01T{:02}:00:00.000000000Z\",percent_complete={percent},rows=1000i {time}",
            n + 1
        );
        store.write_lp(bucket, line.as_bytes()).unwrap();
    }
}

#[tokio::test]
async fn what_only_the_official_task_has_moved_is_shown_by_its_records() {
    for (percent, minutes, state, code) in [
        (&[4.0, 8.0, 12.0][..], 2, "running", 0),
        (&[4.0, 8.0, 12.0], 16, "stalled", 5),
        (&[50.0, 100.0], 9_999, "complete", 0),
    ] {
        let world = World::new().await;
        task_records(&world, PROGRESS, "lab", percent, minutes);
        let line = world.assert_state(state, code).await;
        assert_eq!(line["written_by"], "official_task");
        assert_eq!(line["percent_complete"], percent[percent.len() - 1]);
        assert_eq!(line["values"], 1_000 * percent.len());
        assert!(line["rejected"].is_null() && line["run"].is_null(), "{line}");
        assert_eq!(line["eta_ms_min"].is_null(), state != "running", "{line}");
        let screen = world.screen(&[]).await;
        assert!(screen.out.contains("official task"), "{screen:?}");
    }
}

#[tokio::test]
async fn a_run_that_lives_and_moves_nothing_is_stalled() {
    let world = World::new().await;
    world.oss.store().create_bucket(PROGRESS, 0);
    let still = KeptJob { bucket: "vib", moved_s: 1_205, ..KeptJob::NEW };
    let lines = still.lines(ServerClock::system().now());
    world.oss.store().write_lp(PROGRESS, lines.as_bytes()).unwrap();
    world.assert_state("stalled", 5).await;
    let screen = world.screen(&["-q"]).await;
    let words =
        "stalled: ops-eu/vib -> vib: nothing has moved for 20m: run 9c41 on machine m2 is alive";
    assert!(flat(&screen.out).contains(words), "{screen:?}");
}

/// Whoever may write to the bucket may have written anything.
#[tokio::test]
async fn no_stored_word_steers_a_terminal() {
    let world = World::new().await;
    world.oss.store().create_bucket(PROGRESS, 0);
    let strange = KeptJob {
        bucket: "a\u{1b}[31mb",
        state: "waiting",
        waits: Some(("x\u{1b}[2J", "y\u{1b}[2J", 5)),
        last_error: "z\u{1b}]0;z\u{7}",
        ..KeptJob::NEW
    };
    let lines = strange.lines(ServerClock::system().now());
    world.oss.store().write_lp(PROGRESS, lines.as_bytes()).unwrap();
    for more in [&["-v"][..], &["-q"], &["--json"]] {
        let ended = world.screen(more).await;
        ended.assert_code(5);
        assert!(!ended.out.contains(['\u{1b}', '\u{7}']), "{ended:?}");
        assert!(more == ["-q"] || ended.out.contains("[2J"), "{ended:?}");
    }
}

#[tokio::test]
async fn several_jobs_and_buckets_stand_below_each_other_and_one_can_be_named() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    world.migrate(&["--destination-bucket", "copy"]).await.assert_code(0);
    task_records(&world, PROGRESS, "lab", &[1.0, 2.0], 1);
    world
        .migrate(&["--batch-bucket", "night", "--destination-bucket", "third"])
        .await
        .assert_code(0);
    let all =
        world.screen(&["--json", "--batch-bucket", PROGRESS, "--batch-bucket", "night"]).await;
    all.assert_code(0);
    let names: Vec<_> = all
        .lines()
        .iter()
        .map(|line| {
            assert_valid(line);
            let of = |name: &str| line[name].as_str().unwrap().to_owned();
            [of("batch_bucket"), of("source_bucket"), of("destination_bucket")].join(" ")
        })
        .collect();
    assert_eq!(
        names,
        ["migration lab lab", "migration plant copy", "migration plant plant", "night plant third"]
    );
    let (line, code) = world.job_status(&["--destination-bucket", "copy"]).await;
    assert_eq!((&line["destination_bucket"], code), (&"copy".into(), Some(0)));
    let (line, _) = world.job_status(&["--source-bucket", "lab"]).await;
    assert_eq!(line["source_org"], "lab");
    // What a settings file names narrows it, and --all does not.
    let file = world.folder.path().join("lab.toml");
    std::fs::write(&file, "[migration]\nsource_bucket = \"lab\"\nbatch_bucket = \"migration\"\n")
        .unwrap();
    let file = file.to_str().unwrap();
    let narrow = world.screen(&["--config", file]).await;
    assert!(narrow.out.contains("2 other jobs not shown (--all)"), "{narrow:?}");
    let whole = world.screen(&["--config", file, "--all"]).await;
    assert!(whole.out.contains("3 jobs: 1 running, 2 complete. Exit 0."), "{whole:?}");
    assert!(whole.out.contains("plant -> copy"), "{whole:?}");
    let none = world.screen(&["--source-bucket", "other"]).await;
    none.assert_code(7);
    assert!(none.err.contains("no job with the bucket \"other\""), "{none:?}");
}

/// A token that may do this and nothing else.
fn token_for(permissions: Vec<Permission>) -> ServerSettings {
    let own = AccessToken { text: "status-only-token".to_owned(), permissions };
    let mut oss = oss_settings();
    oss.tokens.push(own);
    oss
}

#[tokio::test]
async fn it_reads_the_batch_bucket_and_nothing_else() {
    let oss = token_for(vec![Permission::Read(PROGRESS.to_owned())]);
    let world = World::with(cloud_settings(), oss).await;
    world.migrate(&[]).await.assert_code(0);
    let (cloud, oss) = (world.cloud.records().len(), world.oss.records().len());
    let mut status = world.status(&["--json"]);
    status.env("INFLUX_TOKEN", "status-only-token");
    let ended = world.start(status).ended().await;
    ended.assert_code(0);
    assert_eq!(ended.lines()[0]["state"], "complete");
    assert_eq!(world.cloud.records().len(), cloud, "the source is not asked");
    for record in &world.oss.records()[oss..] {
        let is_question = record.path == "/api/v2/query"
            && record.body_head.starts_with("from(bucket: \"migration\")");
        assert!(is_question || record.method == "GET", "{record:?}");
    }
}

#[tokio::test]
async fn where_there_is_nothing_to_read_it_says_so() {
    let oss = token_for(vec![Permission::Read("other".to_owned())]);
    let world = World::with(cloud_settings(), oss).await;
    let no_bucket = world.screen(&[]).await;
    no_bucket.assert_code(7);
    assert!(no_bucket.err.contains("the destination has no bucket \"migration\""), "{no_bucket:?}");
    world.oss.store().create_bucket(PROGRESS, 0);
    let no_jobs = world.screen(&[]).await;
    no_jobs.assert_code(0);
    assert!(no_jobs.out.ends_with("no job has left any progress here. Exit 0.\n"), "{no_jobs:?}");
    assert!(world.screen(&["--json"]).await.out.is_empty());
    for (token, code, words) in [
        ("status-only-token", 7, "has no bucket \"migration\" that the token sees"),
        ("no-such-token", 12, "unauthorized"),
    ] {
        let mut status = world.status(&[]);
        status.env("INFLUX_TOKEN", token);
        let ended = world.start(status).ended().await;
        ended.assert_code(code);
        assert!(ended.err.contains(words), "{ended:?}");
    }
    for (more, words) in [
        (&["--batch-bucket", ""][..], "a name"),
        (&["--measurement", "cpu"], "unexpected argument"),
        (&["-q", "-v"], "say the contrary"),
    ] {
        let ended = world.screen(more).await;
        assert_eq!(ended.code, Some(2), "{more:?}: {ended:?}");
        assert!(ended.err.contains(words), "{more:?}: {ended:?}");
    }
}

/// A wrong clock of this machine would change nothing: only the server's counts.
#[tokio::test]
async fn ages_are_those_of_the_servers_clock() {
    let (world, clock) = world_with_clock().await;
    pass(&clock, -60 * 24 * 365);
    world.migrate(&[]).await.assert_code(0);
    pass(&clock, 90);
    let line = world.assert_state("complete", 0).await;
    let age = line["seen_ms"].as_u64().unwrap();
    assert!((5_395_000..5_520_000).contains(&age), "{age}");
}

/// The command on a terminal of its own, both streams.
fn on_terminal(script: &std::path::Path, command: &Command) -> Command {
    let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_str().unwrap());
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(quoted).collect();
    let line = format!("stty cols 80 rows 24; exec {}", words.join(" "));
    let mut whole = Command::new(script);
    whole.args(["-qefc", &line, "/dev/null"]).stdin(std::process::Stdio::null());
    whole.env_clear().env("PATH", "/usr/bin:/bin").env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
    whole.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    whole
}

#[tokio::test]
async fn a_watched_screen_is_drawn_again_until_ctrl_c() {
    let Some(script) = need(What::Terminal) else { return };
    let world = World::new().await;
    task_records(&world, PROGRESS, "lab", &[1.0, 2.0], 1);
    let mut watching = world.start(on_terminal(&script, &world.status(&["--watch"])));
    watching.until("a first screen", |run| run.out().contains("1 running")).await;
    task_records(&world, PROGRESS, "hall", &[50.0, 100.0], 1);
    watching.until("a second screen", |run| run.out().contains("1 running, 1 complete")).await;
    assert!(watching.out().contains("\u{1b}["), "drawn in place");
    watching.kill();
    // Elsewhere one screen follows the other, and a signal ends it without a complaint.
    let mut plain = world.start(world.status(&["--watch"]));
    plain.until("two screens", |run| run.out().matches("STATUS  ").count() >= 2).await;
    plain.signal("INT");
    let ended = plain.ended().await;
    ended.assert_code(130);
    assert!(ended.err.is_empty(), "{ended:?}");
    let mut json = world.start(world.status(&["--watch", "--json"]));
    json.until("four lines", |run| run.out().lines().count() >= 4).await;
    json.signal("TERM");
    json.ended().await.assert_code(143);
}

/// As `head` does.
#[tokio::test]
async fn a_watch_ends_with_its_reader() {
    let world = World::new().await;
    task_records(&world, PROGRESS, "lab", &[1.0, 2.0], 1);
    for more in [&["--watch"][..], &["--watch", "--json"]] {
        let status = world.status(more);
        let words = std::iter::once(status.get_program()).chain(status.get_args());
        let words: Vec<_> = words.map(|word| word.to_str().unwrap()).collect();
        let mut piped = Command::new("/bin/sh");
        piped.args(["-c", &format!("{} | head -n 1", words.join(" "))]).env_clear();
        piped.env("PATH", "/usr/bin:/bin").env("INFLUX_TOKEN", OSS_TOKEN);
        let ended = world.start(piped).ended().await;
        ended.assert_code(0);
        assert_eq!((ended.out.lines().count(), ended.err.as_str()), (1, ""), "{ended:?}");
    }
}

/// A record that nobody can read hides no other job.
#[tokio::test]
async fn a_record_that_cannot_be_read_ends_nothing() {
    let world = World::new().await;
    task_records(&world, PROGRESS, "lab", &[1.0, 2.0], 1);
    let line = format!(
        "batches,dstBucket=x,srcBucket=x,srcOrg=lab batch_start=\"soon\",batch_stop=\"later\",percent_complete=5.0,rows=1i {}",
        ServerClock::system().now()
    );
    world.oss.store().write_lp(PROGRESS, line.as_bytes()).unwrap();
    let ended = world.screen(&["--json"]).await;
    ended.assert_code(0);
    let to: Vec<_> = ended.lines().iter().map(|line| line["committed_to"].is_null()).collect();
    assert_eq!(to, [false, true], "{ended:?}");
}

/// A server that is away for a while ends no watch.
#[tokio::test]
async fn a_watch_outlasts_trouble_that_passes() {
    let world = World::new().await;
    task_records(&world, PROGRESS, "lab", &[1.0, 2.0], 1);
    let mut watching = world.start(world.status(&["--watch"]));
    watching.until("a first screen", |run| run.out().contains("1 running")).await;
    let matcher = Matcher::path("/api/v2/query");
    world.oss.inject(Rule { matcher, times: u32::MAX, fault: Fault::Refuse });
    watching.until("a word about it", |run| run.out().contains("not read since then")).await;
    world.oss.clear_faults();
    let seen = watching.out().len();
    watching
        .until("the next screen", |run| {
            let out = run.out();
            out.len() > seen && !out[out.rfind("STATUS").unwrap()..].contains("not read")
        })
        .await;
    watching.signal("INT");
    watching.ended().await.assert_code(130);
}

/// The jobs of the page.
fn jobs_of_the_page() -> [KeptJob; 5] {
    const NEW: KeptJob = KeptJob::NEW;
    let quota = Some(("quota", "source quota (normal)", 1));
    [
        KeptJob {
            bucket: "billing",
            state: "complete",
            hours: 100,
            seen_s: 172_800,
            released: true,
            values: 18_400_000,
            verified: "equal",
            end: Some(("copied", 0)),
            ..NEW
        },
        KeptJob {
            bucket: "hvac",
            hours: 88,
            values: 7_540_000,
            values_per_s: 1_470_000,
            eta: Some((18, 22)),
            ..NEW
        },
        KeptJob {
            bucket: "plant",
            state: "waiting",
            hours: 41,
            seen_s: 12,
            waits: quota,
            values: 3_120_000,
            values_per_s: 24_000,
            rejected: 312,
            eta: Some((225, 290)),
            ..NEW
        },
        KeptJob {
            bucket: "pumps",
            state: "failed",
            hours: 50,
            seen_s: 1_500,
            released: true,
            values: 9_000,
            last_error: "source: slice [2022-01-03, 2022-01-04) of cpu by flux: the token was refused (status 401): unauthorized access",
            end: Some(("error", 12)),
            ..NEW
        },
        KeptJob {
            bucket: "vib-raw",
            hours: 63,
            seen_s: 32_400,
            values: 800_000,
            rejected: 15_200,
            ..NEW
        },
    ]
}

/// The example of the page, and its screen on each width.
#[tokio::test]
async fn the_page_shows_what_is_printed() {
    let (world, clock) = world_with_clock().await;
    let now: Timestamp = "2026-11-20T10:35:11Z".parse().unwrap();
    let store = world.oss.store();
    store.create_bucket(PROGRESS, 0);
    for job in jobs_of_the_page() {
        store.write_lp(PROGRESS, job.lines(now.ns()).as_bytes()).unwrap();
    }
    let task = "batches,dstBucket=lab,srcBucket=lab,srcOrg=lab batch_start=\"2022-01-01T00:00:00.000000000Z\",\
                batch_stop=\"2022-01-02T00:00:00.000000000Z\",percent_complete=12.0,rows=1000i";
    let line = format!("{task} {}", now.ns() - 73 * 60 * MINUTE_NS);
    store.write_lp(PROGRESS, line.as_bytes()).unwrap();
    let mut shown = None;
    // The server's clock goes on meanwhile, and may reach the next second.
    for _ in 0..20 {
        clock.set(now.ns());
        let screen = world.screen(&[]).await;
        screen.assert_code(7);
        if screen.out.contains(&format!("/migration   {now}\n")) {
            shown = Some(screen.out);
            break;
        }
    }
    let host = world.oss.url().replace("http://", "");
    let shown = shown.expect("within a second of the clock").replace(&host, "oss1:8086");
    let page = include_str!("../../../docs/status.md");
    let (_, rest) = page.split_once("```text\n").expect("the page shows a screen");
    assert_eq!(shown, rest.split_once("```").unwrap().0, "\n{shown}");
}
