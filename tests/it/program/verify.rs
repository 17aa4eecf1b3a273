//! `verify` as a program: what it prints, and with which code it ends.

use sluice::testing::sim::{Fault, Forgotten, Matcher, Rule};

use super::{BUCKET, OSS_ORG, PROGRESS, Running, World};
use crate::support::process::flat;
use crate::support::schema::assert_valid;

/// 2020-01-01, the time of the first value.
const START_NS: i64 = 1_577_836_800_000_000_000;

fn lines_of(page: &str) -> String {
    let (_, rest) = page.split_once("```text\n").expect("the page shows a screen");
    rest.split_once("```").expect("the block ends").0.to_owned()
}

/// The screen without what differs from run to run.
pub(super) fn steady(screen: &str, world: &World) -> String {
    let host = world.oss.url().replace("http://", "");
    let screen = screen.replace(&host, "oss1:8086");
    let mut lines: Vec<_> = screen.lines().map(str::to_owned).collect();
    if let Some((words, rest)) = lines[0].clone().split_once("   ")
        && let Some((_, exit)) = rest.split_once("   ")
    {
        lines[0] = format!("{words}   2s   {exit}");
    }
    lines.join("\n") + "\n"
}

#[tokio::test]
async fn a_difference_is_found_shown_kept_and_repaired() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    let asked = world.cloud.records().len();
    let equal = world.start(world.job("verify", &[])).ended().await;
    equal.assert_code(0);
    assert!(equal.out.starts_with("VERIFIED (recorded)"), "{}", equal.out);
    assert_eq!(world.cloud.records().len(), asked, "the source was not asked");
    let read = world.start(world.job("verify", &["--source", "read", "-q"])).ended().await;
    read.assert_code(0);
    assert_eq!(read.out.lines().count(), 1, "{}", read.out);
    let counted = world.start(world.job("verify", &["--source", "counts"])).ended().await;
    counted.assert_code(0);
    assert!(counted.out.starts_with("COUNTS ARE EQUAL (counts)"), "{}", counted.out);
    // A value is another, some are gone, one is too many.
    let store = world.oss.store();
    let tsbs = store.dump(BUCKET).into_iter().find(|value| value.time == START_NS);
    let series = tsbs.expect("a value").series.to_string();
    let first = format!("{series} usage_idle=1000i {START_NS}\n");
    store.write_lp(BUCKET, first.as_bytes()).expect("a line");
    store.delete(BUCKET, None, START_NS + 600_000_000_000, START_NS + 600_000_000_001);
    store.write_lp(BUCKET, format!("{series} note=\"x\" {START_NS}\n").as_bytes()).expect("a line");
    let file = world.folder.path().join("differences.jsonl");
    let report = file.display().to_string();
    let more = ["--differences", "3", "--report", &report];
    let found = world.start(world.job("verify", &more)).ended().await;
    found.assert_code(4);
    assert_eq!(steady(&found.out, &world), lines_of(include_str!("../../../docs/verify.md")));
    let kept = std::fs::read_to_string(&file).expect("the file is there");
    // Four hosts have ten fields each.
    assert_eq!(kept.lines().count(), 2 + 40);
    for line in kept.lines() {
        assert_valid(&serde_json::from_str(line).expect("JSON"));
    }
    let json = world.start(world.job("verify", &["--json"])).ended().await;
    json.assert_code(4);
    let last = json.lines().pop().expect("a line");
    assert_eq!(last["result"], "different");
    assert_eq!(last["values"].as_array().expect("values").len(), 20);
    let repaired = world.start(world.job("verify", &["--repair", "--superset"])).ended().await;
    repaired.assert_code(0);
    assert!(repaired.out.contains("repaired  41 values written again"), "{}", repaired.out);
    let left = world.start(world.job("verify", &[])).ended().await;
    left.assert_code(4);
    assert!(left.out.contains("0 values missing, 0 changed, 1 that only"), "{}", left.out);
}

/// The account is closed, and its token is gone.
#[tokio::test]
async fn nothing_of_the_source_is_needed() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    let oss = world.oss.url();
    let without = || {
        let [host, org] = ["--destination-host", "--destination-org"];
        let mut verify =
            world.command(&["verify", "--source-bucket", BUCKET, host, &oss, org, OSS_ORG]);
        verify.env_remove("INFLUXDB_CLOUD_TOKEN");
        verify
    };
    let equal = world.start(without()).ended().await;
    equal.assert_code(0);
    assert!(equal.out.starts_with("VERIFIED (recorded)"), "{}", equal.out);
    world.oss.store().delete(BUCKET, None, START_NS, START_NS + 1);
    let found = world.start(without()).ended().await;
    found.assert_code(4);
    assert!(found.out.contains("no source is given"), "{}", found.out);
}

#[tokio::test]
async fn a_part_of_the_job_is_compared() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    let store = world.oss.store();
    store.delete(BUCKET, None, START_NS, START_NS + 1);
    for (more, code, equal) in [
        (&["--start", "2020-01-01T00:05:00Z"][..], 0, "11 batches, 13,200 values"),
        (&["--start", "2020-01-01T00:04:00Z"], 4, "11 batches, 13,200 values"),
        (&["--stop", "2020-01-01T00:05:00Z"], 4, "0 batches, 0 values"),
        (&["--stop", "2020-01-01T00:05:00Z", "--source", "read"], 4, "0 batches, 0 values"),
        (&["--start", "2021-01-01", "--stop", "2021-01-02"], 3, "0 batches, 0 values"),
        (&["--start", "2019-01-01", "--stop", "2019-01-02"], 3, "0 batches, 0 values"),
        (&["--start", "2019-01-01", "--stop", "2020-01-01"], 3, "0 batches, 0 values"),
    ] {
        let ended = world.start(world.job("verify", more)).ended().await;
        ended.assert_code(code);
        assert!(ended.out.contains(&format!("equal     {equal}")), "{more:?}: {}", ended.out);
    }
}

#[tokio::test]
async fn what_cannot_be_compared_is_told() {
    let world = World::new().await;
    let ended = world.start(world.job("verify", &[])).ended().await;
    ended.assert_code(7);
    assert!(ended.err.contains("has no bucket"), "{}", ended.err);
    world.migrate(&[]).await.assert_code(0);
    for (more, code, words) in [
        (&["--source", "all"][..], 2, "recorded, read, counts or spool:DIR"),
        (&["--source", "spool:"], 2, "recorded, read, counts or spool:DIR"),
        (&["--source", "/stage"], 2, "recorded, read, counts or spool:DIR"),
        (&["--sample", "5%"], 2, "takes --source read or --source spool:DIR"),
        (&["--sample", "5%", "--source", "counts"], 2, "takes --source read or"),
        (&["--sample", "5%", "--source", "recorded"], 2, "takes --source read or"),
        (&["--sample", "5%", "--source", "read", "--repair"], 2, "leave the others as they are"),
        (
            &["--sample", "5%", "--source", "read", "--receipt", "r.json"],
            2,
            "a receipt tells of each",
        ),
        (&["--sample", "100%", "--source", "read"], 2, "above 0% and below 100%"),
        (&["--sample-seed", "3", "--source", "read"], 2, "needs --sample SHARE"),
        (&["--sample", "5%", "--sample-seed", "x", "--source", "read"], 2, "a whole number"),
        (&["--differences", "x"], 2, "a number from 0 to 1000"),
        (&["--report", "/nowhere/at/all"], 7, "--report /nowhere/at/all: it cannot be written"),
        (&["--measurement", "cpu"], 13, "filter was none"),
        (&["--spool", "parquet", "--spool-dir", "/stage"], 2, "sluice spool verify /stage"),
        (&["--spool", "parquet", "--spool-dir", "/stage"], 2, "--source spool:/stage"),
    ] {
        let ended = world.start(world.job("verify", more)).ended().await;
        ended.assert_code(code);
        assert!(ended.err.contains(words), "{more:?}: {}", ended.err);
    }
}

/// A part of the batches is no proof of all: the first line says so, and how it can be looked at again.
#[tokio::test]
async fn a_sample_is_called_a_sample() {
    let world = World::new().await;
    world.migrate(&[]).await.assert_code(0);
    let sample = ["--source", "read", "--sample", "25%", "--sample-seed", "7"];
    let equal = world.start(world.job("verify", &sample)).ended().await;
    equal.assert_code(0);
    let screen = steady(&equal.out, &world);
    let page = include_str!("../../../docs/verify.md");
    assert!(page.contains(&format!("```text\n{screen}```")), "{screen}");
    let quiet = world.start(world.job("verify", &[&sample[..], &["-q"]].concat())).ended().await;
    assert!(quiet.out.starts_with("SAMPLE IS EQUAL (read, 25 % of 12 batches)"), "{}", quiet.out);
    let json = world.start(world.job("verify", &[&sample[..], &["--json"]].concat())).ended().await;
    let last = json.lines().pop().expect("a line");
    assert_valid(&last);
    assert_eq!(last["result"], "sampled");
    let counts = ["per_mille", "seed", "batches", "of_batches", "not_looked_at"];
    assert_eq!(counts.map(|count| last["sample"][count].as_u64()), [250, 7, 3, 12, 9].map(Some));
    // All of it is damaged, so every sample sees it.
    world.oss.store().delete(BUCKET, None, i64::MIN, i64::MAX);
    let found = world.start(world.job("verify", &sample)).ended().await;
    found.assert_code(4);
    assert!(found.out.starts_with("DIFFERENT (read, 25 % of 12 batches)"), "{}", found.out);
    assert_eq!(found.out.matches("  differs ").count(), 3, "{}", found.out);
}

/// A run that stands still while it reads back.
async fn reading_back(world: &World, when: &str) -> Running {
    let values = Matcher::path("/api/v2/query").body("rename(").skip(2);
    world.oss.inject(Rule { matcher: values, times: 1, fault: Fault::Hang });
    let mut running = world.start(world.job("migrate", &["--verify", when]));
    let hangs = |_: &Running| world.oss.faults_used_up() && world.oss.requests_waiting() > 0;
    running.until("the destination is read back", hangs).await;
    running
}

/// All was committed before: nothing is moved again, and nothing stands in the way of the next command.
#[tokio::test]
async fn killed_while_it_reads_back_it_has_moved_everything() {
    let world = World::new().await;
    reading_back(&world, "end").await.kill();
    world.oss.clear_faults();
    world.assert_whole();
    let written = world.writes(BUCKET);
    let again = world.migrate(&["--verify", "end"]).await;
    again.assert_code(0);
    assert!(written > 0 && world.writes(BUCKET) == written, "{}", again.out);
    let verified = world.start(world.job("verify", &[])).ended().await;
    verified.assert_code(0);
    assert!(verified.out.starts_with("VERIFIED (recorded)"), "{}", verified.out);
}

/// What was written and not read back yet has no record: it is moved again, and all of it is proven in the end.
#[tokio::test]
async fn killed_before_a_batch_is_proven_it_is_moved_again() {
    let world = World::new().await;
    reading_back(&world, "batch").await.kill();
    world.oss.clear_faults();
    let recorded = || crate::support::digest::recorded(world.oss.store(), PROGRESS).len();
    let (before, written) = (recorded(), world.writes(BUCKET));
    assert!(before < 12 && written > before, "{before} records, {written} writes");
    let again = world.migrate(&["--verify", "batch"]).await;
    again.assert_code(0);
    assert!(again.out.starts_with("COPIED AND VERIFIED"), "{}", again.out);
    assert_eq!(recorded(), 12);
    assert!(world.writes(BUCKET) - written >= 12 - before, "what has no record was written again");
    world.assert_whole();
}

/// Nothing that keeps a run from reading back takes anything away from what it has committed.
#[tokio::test]
async fn what_is_not_read_back_is_said() {
    let world = World::new().await;
    let running = reading_back(&world, "end").await;
    running.signal("TERM");
    let ended = running.ended().await;
    ended.assert_code(0);
    assert!(ended.out.starts_with("COPIED, NOT YET VERIFIED"), "{}", ended.out);
    assert!(ended.out.contains("not verified: stopped by SIGTERM"), "{}", ended.out);
    world.oss.clear_faults();
    world.assert_whole();
    let verified = world.start(world.job("verify", &[])).ended().await;
    verified.assert_code(0);
}

/// `--verify off` asks nothing of the destination that the closing check does not.
#[tokio::test]
async fn nothing_is_read_back_unasked() {
    let reads = async |when: &str| {
        let world = World::new().await;
        let ended = world.migrate(&["--verify", when]).await;
        ended.assert_code(0);
        let records = world.oss.records();
        let of_values = records.iter().filter(|one| one.body_head.contains("rename("));
        (ended.out, of_values.count())
    };
    let (off, none) = reads("off").await;
    assert!(off.starts_with("COPIED, NOT YET VERIFIED") && none == 0, "{none} {off}");
    let (end, some) = reads("end").await;
    assert!(end.starts_with("COPIED AND VERIFIED") && some > 0, "{some} {end}");
}

/// A destination that acknowledges lines and does not keep them: nothing of the batch is recorded, and the screen says which.
#[tokio::test]
async fn what_is_never_kept_ends_the_run_and_is_named() {
    let world = World::new().await;
    let writes = Matcher::path("/api/v2/write").body("cpu,");
    let fault = Fault::Forget { lines: Forgotten::From(1) };
    world.oss.inject(Rule { matcher: writes, times: u32::MAX, fault });
    let ended = world.migrate(&["--verify", "batch"]).await;
    ended.assert_code(4);
    let err = flat(&ended.err);
    for words in [
        "is not there as it was written: it is moved again",
        "batch [2020-01-01T00:00:00Z, 2020-01-01T00:05:00Z): the destination holds",
        "of 1,200 values, and not as they were acknowledged (cpu)",
        "--verify end records first",
    ] {
        assert!(err.contains(words), "{words}: {}", ended.err);
    }
    assert!(crate::support::digest::recorded(world.oss.store(), PROGRESS).is_empty());
    world.oss.clear_faults();
    let again = world.migrate(&["--verify", "batch"]).await;
    again.assert_code(0);
    assert!(again.out.starts_with("COPIED AND VERIFIED"), "{}", again.out);
    assert!(again.out.contains("read back before they were recorded"), "{}", again.out);
    world.assert_whole();
}
