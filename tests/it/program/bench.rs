//! `bench` as its users meet it.

use sluice::testing::bench::record::{Recorded, TrialEnding};
use sluice::testing::sim::{AccessToken, Fault, Matcher, Rule, ServerSettings};

use super::{CLOUD_TOKEN, World, cloud_settings, oss_settings};

/// `sluice bench` on the usual hour, in files of the folder.
fn bench(world: &World, name: &str, more: &[&str]) -> std::process::Command {
    let out = world.folder.path().join(name);
    let out = out.display().to_string();
    let usual = ["--out", &out, "--seed", "7", "--max-transfer", "6MB", "--repetitions", "2"];
    let kept = usual.chunks(2).filter(|pair| !more.contains(&pair[0])).flatten();
    let more: Vec<&str> = kept.copied().chain(more.iter().copied()).collect();
    world.job("bench", &more)
}

fn recorded(world: &World, name: &str) -> Recorded {
    let path = world.folder.path().join(format!("{name}.jsonl"));
    Recorded::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Bytes of the source's answers to queries.
fn sent(world: &World) -> u64 {
    let records = world.cloud.records();
    let queries = records.iter().filter(|record| record.path.ends_with("/query"));
    queries.map(|record| record.decoded_bytes).sum()
}

fn scratch_buckets(world: &World) -> Vec<String> {
    let names = world.oss.store().buckets().into_iter().map(|bucket| bucket.name);
    names.filter(|name| name.starts_with("sluice-bench-")).collect()
}

fn scratch_made(world: &World) -> usize {
    let records = world.oss.records();
    records.iter().filter(|record| record.body_head.contains("sluice-bench-")).count()
}

#[tokio::test]
async fn a_bench_says_what_to_use_within_its_budget_and_writes_nothing() {
    let world = World::new().await;
    let ended = world.start(bench(&world, "a", &["--intervals", "5m,10m"])).ended().await;
    ended.assert_code(0);
    assert!(
        ended.out.starts_with("BENCH ops-eu/plant  sink discard, nothing written"),
        "{ended:?}"
    );
    assert!(ended.out.contains("\nUSE         --batch-interval "), "{}", ended.out);
    assert!(ended.out.contains("LIMITED BY") && ended.out.contains("SEED        7"));
    assert!(
        ended.out.is_ascii() && ended.out.lines().all(|line| line.len() <= 80),
        "{}",
        ended.out
    );
    assert!(
        ended.err.starts_with("bench reads 6.0 MB from the source at the most;"),
        "{}",
        ended.err
    );
    let kept = recorded(&world, "a");
    let verdict = kept.verdict.unwrap();
    assert!(sent(&world) <= 6_000_000 && verdict.bytes_spent == sent(&world), "{verdict:?}");
    assert!(verdict.recommendation.is_some() && verdict.rows.len() >= 2);
    assert_eq!(kept.header.values, 14_400);
    assert!(kept.trials.iter().any(|trial| trial.counts() && !trial.batches.is_empty()));
    let table = std::fs::read_to_string(world.folder.path().join("a.csv")).unwrap();
    assert_eq!(table.lines().count(), kept.trials.len() + 1);
    assert!(!format!("{}{}{table}", ended.out, ended.err).contains(CLOUD_TOKEN));
    let writes = |record: &sluice::testing::sim::RequestRecord| {
        record.method != "GET" && !record.path.ends_with("/query") && record.body_bytes > 0
    };
    assert!(!world.oss.records().iter().any(writes) && !world.cloud.records().iter().any(writes));
    assert!(!world.state().exists(), "a bench leaves no state");
    // The files of another bench stay.
    let again = world.start(bench(&world, "a", &[])).ended().await;
    again.assert_code(2);
    assert!(again.err.contains("a.jsonl") && again.err.contains("--out"), "{}", again.err);
    assert_eq!(recorded(&world, "a").trials.len(), kept.trials.len());
}

#[tokio::test]
async fn json_is_the_same_as_the_file() {
    let world = World::new().await;
    let ended = world.start(bench(&world, "a", &["--intervals", "5m", "--json"])).ended().await;
    ended.assert_code(0);
    let file = std::fs::read_to_string(world.folder.path().join("a.jsonl")).unwrap();
    assert_eq!(ended.out, file);
}

#[tokio::test]
async fn a_destination_gets_its_values_back_out_of_the_way() {
    let world = World::new().await;
    let args = ["--sink", "destination", "--intervals", "5m", "--transports", "auto"];
    let ended = world.start(bench(&world, "a", &args)).ended().await;
    ended.assert_code(0);
    let kept = recorded(&world, "a");
    assert!(scratch_made(&world) >= kept.trials.len() && !kept.trials.is_empty());
    assert!(scratch_buckets(&world).is_empty(), "{:?}", scratch_buckets(&world));
    assert_eq!(world.writes(super::BUCKET), 0);
    assert!(
        kept.trials.iter().all(|trial| trial.bodies > 0 && trial.ending == TrialEnding::Complete)
    );
    assert!(
        world.oss.store().bucket(super::BUCKET).is_none(),
        "the migration's bucket is not made"
    );
}

#[tokio::test]
async fn the_bucket_of_a_trial_is_deleted_in_every_ending() {
    // Refused writes: every trial fails.
    let world = World::new().await;
    let fault = Fault::unauthorized();
    world.oss.inject(Rule {
        matcher: Matcher::path("/api/v2/write").body("cpu"),
        times: u32::MAX,
        fault,
    });
    let args = ["--sink", "destination", "--intervals", "5m", "--transports", "auto"];
    let ended = world.start(bench(&world, "a", &args)).ended().await;
    ended.assert_code(12);
    assert!(scratch_made(&world) > 0 && scratch_buckets(&world).is_empty());
    let kept = recorded(&world, "a");
    assert!(kept.trials.iter().all(|trial| matches!(trial.ending, TrialEnding::Failed { .. })));
    // A signal in the middle of a trial; a second one changes nothing.
    for signal in ["INT", "TERM"] {
        let world = World::slow().await;
        let stall = Fault::Stall { after_bytes: 0, ms: 60_000 };
        let matcher = Matcher::path("/api/v2/write").body("cpu");
        world.oss.inject(Rule { matcher, times: u32::MAX, fault: stall });
        let mut running = world.start(bench(&world, "a", &args));
        running.until("a bucket", |_| !scratch_buckets(&world).is_empty()).await;
        running.signal(signal);
        running.signal(signal);
        let ended = running.ended().await;
        ended.assert_code(if signal == "INT" { 130 } else { 143 });
        assert!(scratch_buckets(&world).is_empty(), "{signal}");
        let kept = recorded(&world, "a");
        assert_eq!(kept.verdict.unwrap().stopped, "signal");
    }
    // The time budget.
    let world = World::slow().await;
    let stall = Fault::Stall { after_bytes: 0, ms: 60_000 };
    let matcher = Matcher::path("/api/v2/write").body("cpu");
    world.oss.inject(Rule { matcher, times: u32::MAX, fault: stall });
    let more = [&args[..], &["--max-duration", "2s"]].concat();
    let ended = world.start(bench(&world, "a", &more)).ended().await;
    ended.assert_code(10);
    assert!(scratch_buckets(&world).is_empty());
    // It cannot be deleted: said with the command that does.
    let world = World::new().await;
    let matcher = Matcher { method: "DELETE".to_owned(), ..Matcher::path("/api/v2/buckets") };
    world.oss.inject(Rule { matcher, times: u32::MAX, fault: Fault::unauthorized() });
    let ended = world.start(bench(&world, "a", &args)).ended().await;
    assert!(ended.err.contains("influx bucket delete --id"), "{}", ended.err);
    assert_eq!(scratch_buckets(&world).len(), 1, "no second one is made");
}

#[tokio::test]
async fn what_a_killed_bench_leaves() {
    let world = World::new().await;
    let args = ["--sink", "destination", "--intervals", "5m", "--transports", "auto"];
    // The first trials end; a later one hangs in its write.
    let stall = Fault::Stall { after_bytes: 0, ms: 60_000 };
    let mut running = world.start(bench(&world, "a", &args));
    running.until("a finished trial", |_| trials_kept(&world, "a") > 0).await;
    let matcher = Matcher::path("/api/v2/write").body("cpu");
    world.oss.inject(Rule { matcher, times: u32::MAX, fault: stall });
    running.until("a hanging trial", |_| !scratch_buckets(&world).is_empty()).await;
    running.signal("KILL");
    running.ended().await;
    assert!(scratch_buckets(&world).len() <= 1, "{:?}", scratch_buckets(&world));
    assert!(world.oss.store().bucket(super::BUCKET).is_none());
    let kept = recorded(&world, "a");
    assert!(!kept.trials.is_empty() && kept.verdict.is_none());
    let (path, other) = (world.folder.path().join("a.jsonl"), world.folder.path().join("b.jsonl"));
    std::fs::copy(&path, &other).unwrap();
    let paths = [path, other].map(|path| path.display().to_string());
    let ended = world.start(world.command(&["bench", "--compare", &paths[0], &paths[1]])).ended();
    ended.await.assert_code(0);
}

fn trials_kept(world: &World, name: &str) -> usize {
    let path = world.folder.path().join(format!("{name}.jsonl"));
    let lines = std::fs::read_to_string(path).unwrap_or_default();
    lines.matches("\"bench_trial\"").count()
}

#[tokio::test]
async fn trouble_has_its_exit_codes() {
    let cloud = ServerSettings {
        tokens: vec![AccessToken::read(CLOUD_TOKEN, "other")],
        ..cloud_settings()
    };
    let world = World::with(cloud, oss_settings()).await;
    let ended = world.start(bench(&world, "a", &[])).ended().await;
    ended.assert_code(7);
    assert!(!world.folder.path().join("a.jsonl").exists());
    let world = World::new().await;
    for (more, code, words) in [
        (&["--intervals", "5x"][..], 2, "--intervals"),
        (&["--transports", "csv"], 2, "--transports"),
        (&["--max-transfer", "1kB", "--intervals", "5m"], 8, "nothing was measured"),
        (&["--compare", "no-such-file", "x"], 2, "no-such-file"),
    ] {
        let ended = world.start(bench(&world, &format!("b{code}"), more)).ended().await;
        ended.assert_code(code);
        assert!(format!("{}{}", ended.out, ended.err).contains(words), "{ended:?}");
    }
    std::fs::write(world.folder.path().join("text"), "hello\n").unwrap();
    let text = world.folder.path().join("text").display().to_string();
    let ended = world.start(world.command(&["bench", "--compare", &text, &text])).ended().await;
    ended.assert_code(2);
    assert!(ended.err.contains("line 1 is no record"), "{}", ended.err);
}

#[tokio::test]
async fn two_benches_are_compared() {
    let world = World::new().await;
    for name in ["a", "b"] {
        let ended = world.start(bench(&world, name, &["--intervals", "5m,10m"])).ended().await;
        ended.assert_code(0);
    }
    let paths: Vec<String> = ["a", "b"]
        .iter()
        .map(|name| world.folder.path().join(format!("{name}.jsonl")).display().to_string())
        .collect();
    let ended =
        world.start(world.command(&["bench", "--compare", &paths[0], &paths[1]])).ended().await;
    ended.assert_code(0);
    assert!(
        ended.out.contains("percentile bootstrap") && ended.out.contains("auto"),
        "{}",
        ended.out
    );
    assert!(ended.out.contains("1.00 [1.00, 1.00]"), "the bytes are the same: {}", ended.out);
    let args = ["bench", "--json", "--compare", &paths[0], &paths[1]];
    let ended = world.start(world.command(&args)).ended().await;
    let line = ended.lines().pop().unwrap();
    assert_eq!(line["message_type"], "bench_comparison");
    assert!(line["pairs"][0]["speed"]["ratio"].is_number());
}

/// `<!-- run: ARGUMENTS -->` before a fenced block of the page says what prints it.
#[tokio::test]
async fn the_examples_of_the_page_are_what_is_printed() {
    let world = World::new().await;
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/bench.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let mut made = String::new();
    let mut rest = page.as_str();
    let mut examples = 0;
    while let Some((before, after)) = rest.split_once("<!-- run: ") {
        let (args, after) = after.split_once(" -->\n```text\n").unwrap();
        let (_, after) = after.split_once("```\n").unwrap();
        let words: Vec<&str> = args.split(' ').collect();
        let ended = world.start(world.command(&words)).ended().await;
        ended.assert_code(0);
        made.push_str(&format!("{before}<!-- run: {args} -->\n```text\n{}```\n", ended.out));
        rest = after;
        examples += 1;
    }
    made.push_str(rest);
    if crate::support::need::rewrites() {
        std::fs::write(&path, &made).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(examples > 0 && made == page, "{} shows something else than:\n{made}", path.display());
}

#[tokio::test]
async fn a_million_million_values_are_rehearsed() {
    let world = World::new().await;
    let args = ["bench", "--simulate", "--quota", "3GB/5min", "--seed", "1"];
    let ended = world.start(world.command(&args)).ended().await;
    ended.assert_code(0);
    assert!(ended.out.contains("REHEARSED   1.00 T values"), "{}", ended.out);
    assert!(
        ended.out.contains("windows of the") && ended.out.contains("requests"),
        "{}",
        ended.out
    );
    assert!(ended.out.lines().all(|line| line.len() <= 80), "{}", ended.out);
    let again = world.start(world.command(&args)).ended().await;
    assert_eq!(again.out, ended.out, "the same seed says the same");
    let mut by_variables = world.command(&["bench", "--simulate", "--seed", "1"]);
    by_variables.env("SLUICE_QUOTA", "3GB/5min").env("SLUICE_BENCH_SEED", "2");
    let by_variables = world.start(by_variables).ended().await;
    assert_eq!(by_variables.out, ended.out, "variables say the same, and a flag beats them");
    let ended = world.start(world.command(&[&args[..], &["--json"]].concat())).ended().await;
    let last = ended.lines().pop().unwrap();
    assert_eq!(
        (&last["message_type"], &last["values"]),
        (&"bench_rehearsal".into(), &1_000_000_000_000_u64.into())
    );
    assert!(world.cloud.records().is_empty() && world.oss.records().is_empty());
}

/// A token in the environment asks for no destination: a bench that throws the values away has none.
#[tokio::test]
async fn a_bench_that_writes_nothing_asks_no_destination() {
    let world = World::new().await;
    let out = world.folder.path().join("own").display().to_string();
    let ended =
        world.start(world.job("bench", &["--max-transfer", "10MB", "--out", &out])).ended().await;
    ended.assert_code(0);
    assert!(world.oss.records().is_empty() && !ended.err.contains("destination"), "{ended:?}");
}

/// A second bench is not in the way of the first, and a simulation says that it makes no files.
#[tokio::test]
async fn files_are_named_after_the_time_of_the_start() {
    let world = World::new().await;
    let folder = world.folder.path().join("here");
    std::fs::create_dir(&folder).unwrap();
    let trials = ["--intervals", "5m,10m", "--concurrencies", "1,2", "--repetitions", "1"];
    for _ in 0..2 {
        let mut job = world.job("bench", &trials);
        job.current_dir(&folder);
        world.start(job).ended().await.assert_code(0);
    }
    let names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 6, "{names:?}");
    for name in &names {
        let (stem, ending) = name.split_once('.').unwrap();
        let digits = stem.strip_prefix("bench-20").unwrap().replace('-', "");
        // Two in one second have a number behind it.
        assert!(
            matches!(digits.len(), 12 | 13) && digits.bytes().all(|byte| byte.is_ascii_digit()),
            "{name}"
        );
        assert!(["jsonl", "csv", "html"].contains(&ending), "{name}");
    }
    let page = names.iter().find(|name| name.split('.').next_back() == Some("html")).unwrap();
    let page = std::fs::read_to_string(folder.join(page)).unwrap();
    let settings = page.split_once("aria-label=\"Settings\"").unwrap().1;
    let settings = settings.split_once("</table>").unwrap().0;
    // Without a quota its columns say nothing, and all bodies are as large.
    for idle in ["by the quota", "by the work", "bodies"] {
        assert!(!settings.contains(idle), "{idle}: {settings}");
    }
    for part in ["class=\"multiples\"", "Values/s by interval: flux", ">ended by<", ">safe<"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains(", 2 requests") && !page.contains("×2"), "labels are words");
    let mut job = world.command(&["bench", "--simulate", "--intervals", "1h", "--out", "sim1"]);
    job.current_dir(&folder);
    let ended = world.start(job).ended().await;
    ended.assert_code(0);
    assert!(ended.err.contains("notice: a simulation writes no files: sim1"), "{ended:?}");
}
