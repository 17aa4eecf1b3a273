//! What is printed, and where.

use std::io::Read as _;
use std::process::Stdio;

use sluice::testing::sim::Fault;

use super::{BUCKET, CLOUD_ORG, PROGRESS, Running, World, bare};
use crate::support::process::{flat, run};

#[tokio::test]
async fn stdout_is_the_result_and_stderr_the_talk() {
    let world = World::new().await;
    let ended = world.migrate(&[]).await;
    ended.assert_code(0);
    assert!(ended.out.starts_with("COPIED AND VERIFIED"), "{}", ended.out);
    assert!(ended.out.contains("planned 14,400 = acknowledged 14,400 + rejected 0"));
    assert!(ended.err.starts_with("PREFLIGHT"), "{}", ended.err);
    assert!(!ended.err.contains("COPIED") && !ended.out.contains("PREFLIGHT"));
    let preflight = world.start(world.job("preflight", &[])).ended().await;
    preflight.assert_code(0);
    assert!(preflight.out.starts_with("PREFLIGHT") && preflight.err.is_empty(), "{preflight:?}");
}

#[tokio::test]
async fn json_is_lines_with_a_type_and_a_version() {
    let world = World::new().await;
    for word in ["preflight", "migrate", "migrate"] {
        let ended = world.start(world.job(word, &["--json"])).ended().await;
        ended.assert_code(0);
        assert!(ended.err.is_empty(), "{word}: {}", ended.err);
        let lines = ended.lines();
        for line in &lines {
            assert!(line["message_type"].is_string() && line["v"] == 1, "{line}");
        }
        let last = &lines.last().unwrap()["message_type"];
        assert_eq!(last, if word == "preflight" { "preflight" } else { "summary" });
    }
    let planned = world.start(world.job("migrate", &["--json", "--dry-run"])).ended().await;
    planned.assert_code(0);
    assert_eq!(planned.lines().last().unwrap()["message_type"], "dry_run");
}

#[tokio::test]
async fn the_summary_counts_everything_that_was_asked() {
    let world = World::new().await;
    let ended = world.start(world.job("migrate", &["--json"])).ended().await;
    ended.assert_code(0);
    let lines = ended.lines();
    let number = |name: &str| lines.last().unwrap()[name].as_u64().unwrap();
    let records = world.cloud.records();
    assert_eq!(number("source_requests"), records.len() as u64);
    let queries = records.iter().filter(|record| record.path.ends_with("/query"));
    let sent: u64 = queries.map(|record| record.decoded_bytes).sum();
    let (read, survey) = (number("source_bytes_decoded"), number("source_bytes_survey"));
    // What the preflight has read is not of the run.
    assert!(read <= sent && sent - read < 20_000, "{read} of {sent}");
    assert!(survey > 0 && survey < read, "{survey} of {read}");
}

#[tokio::test]
async fn an_error_is_one_json_line_and_one_line_for_people() {
    let world = World::new().await;
    // Before the run begins, and while it is under way.
    let refused = world.start(world.job("migrate", &["--json", "--batch-interval", "x"]));
    let mut broken = world.job("migrate", &["--json", "--concurrency", "1"]);
    broken.env("INFLUX_TOKEN", super::OSS_TOKEN);
    world.oss.inject(sluice::testing::sim::Rule {
        matcher: sluice::testing::sim::Matcher::path("/api/v2/write").body("usage"),
        times: 100,
        fault: Fault::unauthorized(),
    });
    for (running, code) in [(refused, 2), (world.start(broken), 12)] {
        let ended = running.ended().await;
        ended.assert_code(code);
        let errors: Vec<_> =
            ended.lines().into_iter().filter(|line| line["message_type"] == "exit_error").collect();
        assert_eq!(errors.len(), 1, "{ended:?}");
        assert_eq!(errors[0]["code"].as_i64().or(errors[0]["exit"].as_i64()), Some(code.into()));
        assert_eq!(ended.err.lines().filter(|line| line.starts_with("error: ")).count(), 1);
    }
}

#[tokio::test]
async fn no_escape_code_reaches_a_pipe() {
    let world = World::new().await;
    for (number, (name, value)) in
        [("NO_COLOR", "1"), ("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]
            .into_iter()
            .enumerate()
    {
        let bucket = format!("progress-{number}");
        let more = ["--batch-bucket", &bucket, "--existing", "merge"];
        let mut job = world.job("migrate", &more);
        job.env(name, value);
        let ended = world.start(job).ended().await;
        ended.assert_code(0);
        let text = format!("{}{}", ended.out, ended.err);
        assert!(text.is_ascii() && !text.contains('\u{1b}'), "{name}: {text:?}");
    }
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_says_how_much_it_would_copy() {
    let world = World::new().await;
    let ended = world.start(world.job("migrate", &["--dry-run"])).ended().await;
    ended.assert_code(0);
    let lines = ended.out.lines().filter(|line| line.trim_start().starts_with("cpu,")).count();
    assert_eq!(lines, 5, "{}", ended.out);
    let last = ended.out.lines().last().unwrap();
    assert!(last.starts_with("Would copy 14,400 values, "), "{last}");
    assert!(last.ends_with(". Run the same without --dry-run."), "{last}");
    for server in [&world.cloud, &world.oss] {
        for record in server.records() {
            let reads = record.method == "GET"
                || record.path.ends_with("/query")
                || record.path == "/api/v2/write" && record.body_bytes == 0;
            assert!(reads, "{record:?}");
        }
    }
    let held: Vec<_> =
        world.oss.store().buckets().into_iter().filter(|b| !b.name.starts_with('_')).collect();
    assert!(held.is_empty(), "{held:?}");
    assert!(!world.state().exists(), "a dry run leaves no state");
    assert_eq!(world.oss.store().count(PROGRESS) + world.oss.store().count(BUCKET), 0);
}

/// A reader like `head -1`: takes a little and goes away.
async fn read_a_little(mut command: std::process::Command) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let err = folder.path().join("stderr");
    command.stdout(Stdio::piped()).stderr(std::fs::File::create(&err).unwrap());
    let mut child = command.spawn().unwrap();
    let mut pipe = child.stdout.take().unwrap();
    let reading = tokio::task::spawn_blocking(move || pipe.read(&mut [0; 1]).unwrap());
    assert_eq!(reading.await.unwrap(), 1);
    let out = folder.keep().join("stdout");
    std::fs::write(&out, "").unwrap();
    Running { child, out, err }
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_failure() {
    let world = World::slow().await;
    for args in
        [&["completions", "bash"][..], &["man"], &["man", "migrate"], &["--help"], &["demo", "-h"]]
    {
        read_a_little(bare(args)).await.ended().await.assert_code(0);
    }
    read_a_little(world.job("migrate", &["--dry-run"])).await.ended().await.assert_code(0);
    // The copy is what was asked for: it goes on without its reader.
    read_a_little(world.job("migrate", &["--json"])).await.ended().await.assert_code(0);
    world.assert_whole();
}

#[tokio::test]
async fn completions_and_man_pages_name_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = run(bare(&["completions", shell])).await;
        ended.assert_code(0);
        assert!(ended.out.contains("migrate") && ended.out.contains("batch-interval"), "{shell}");
    }
    for (args, part) in [
        (&["man"][..], "sluice"),
        (&["man", "migrate"], "batch\\-interval"),
        (&["man", "preflight"], "source\\-bucket"),
        (&["man", "demo"], "hosts"),
    ] {
        let ended = run(bare(args)).await;
        ended.assert_code(0);
        assert!(ended.out.contains(".TH") && ended.out.contains(part), "{args:?}: {}", ended.out);
    }
}

#[tokio::test]
async fn the_demo_needs_nothing_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let demo = |more: &[&str]| {
        let mut command = bare(&[&["demo", "--hosts", "2", "--hours", "1"], more].concat());
        command.env("TMPDIR", folder.path());
        command
    };
    let json = run(demo(&["--json"])).await;
    json.assert_code(0);
    let lines = json.lines();
    let last = lines.last().unwrap();
    assert_eq!(last["message_type"], "comparison");
    assert_eq!((&last["equal"], &last["values"]), (&true.into(), &7_200.into()));
    assert!(lines.iter().any(|line| line["message_type"] == "summary"));
    let text = run(demo(&[])).await;
    text.assert_code(0);
    assert!(text.out.starts_with("COPIED AND VERIFIED"), "{}", text.out);
    assert!(
        text.out.ends_with("COMPARED   all 7,200 values of both ends: equal\n"),
        "{}",
        text.out
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let readme = include_str!("../../../README.md");
    let shown = readme.split("```\n").find(|block| block.starts_with("COPIED")).unwrap();
    assert_eq!(without_numbers(shown), without_numbers(&text.out));
}

/// The words of each line, without numbers and their units.
fn without_numbers(text: &str) -> Vec<Vec<&str>> {
    let is_number = |word: &&str| {
        word.contains(|letter: char| letter.is_ascii_digit()) || matches!(*word, "kB" | "MB" | "M")
    };
    text.lines().map(|line| line.split(' ').filter(|word| !is_number(word)).collect()).collect()
}

/// Verdicts and the end have a colour where one may be, and nowhere else.
#[tokio::test]
async fn verdicts_are_coloured_where_colour_may_be() {
    let world = World::new().await;
    let ask = async |word: &str, more: &[&str], env: &[(&str, &str)]| {
        let mut job = world.job(word, more);
        job.envs(env.iter().copied());
        world.start(job).ended().await
    };
    let red = "\u{1b}[31mFAIL [P01]\u{1b}[0m";
    let wrong = ["--source-host", "http://127.0.0.1:9"];
    let colored = [&wrong[..], &["--color", "always"]].concat();
    let ended = ask("preflight", &colored, &[]).await;
    for part in [red, "\u{1b}[32mok\u{1b}[0m", "\u{1b}[1mP01 cure: "] {
        assert!(ended.out.contains(part), "{part:?}: {ended:?}");
    }
    let ended = ask("migrate", &colored, &[]).await;
    assert!(ended.err.contains(red), "{ended:?}");
    let ended = ask("preflight", &wrong, &[("CLICOLOR_FORCE", "1")]).await;
    assert!(ended.out.contains(red), "{ended:?}");
    let ended = ask("migrate", &["--color", "always"], &[]).await;
    assert!(ended.out.starts_with("\u{1b}[32mCOPIED"), "{ended:?}");
    for env in [&[][..], &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], &[("TERM", "dumb")]] {
        let ended = ask("preflight", &wrong, env).await;
        assert!(!ended.out.contains('\u{1b}'), "{env:?}: {ended:?}");
    }
}

/// What can be printed stands as it is, also in a pipe; what a terminal would obey never does, wherever it comes from.
#[tokio::test]
async fn foreign_texts_are_shown_as_the_stream_can_take_them() {
    let world = World::new().await;
    let name = "k\u{fc}che \u{1f373} \u{202e}x\u{1b}[2J";
    let escaped = "k\\u{fc}che \\u{1f373} \\u{202e}x\\u{1b}[2J";
    for (env, shown) in [
        (&[][..], "k\u{fc}che \u{1f373} \\u{202e}x\\u{1b}[2J"),
        (&[("LANG", "C.UTF-8")], "k\u{fc}che \u{1f373} \\u{202e}x\\u{1b}[2J"),
        (&[("LANG", "C")], escaped),
        (&[("LANG", "C.UTF-8"), ("LC_ALL", "POSIX")], escaped),
    ] {
        let mut job = world.job("preflight", &["--destination-bucket", name]);
        job.envs(env.iter().copied());
        let ended = world.start(job).ended().await;
        let said = flat(&ended.out);
        let shown = flat(shown);
        assert!(said.contains(&shown), "{env:?}: {ended:?}");
        // A server's own words.
        let refused = sluice::testing::sim::Fault::Status {
            status: 400,
            retry_after: None,
            body: format!("{{\"code\":\"invalid\",\"message\":{:?}}}", "no \u{202e}\u{fc}\u{9b}2J"),
        };
        let matcher = sluice::testing::sim::Matcher::path("/api/v2/buckets");
        world.cloud.inject(sluice::testing::sim::Rule { matcher, times: 1, fault: refused });
        let mut job = world.job("preflight", &[]);
        job.envs(env.iter().copied());
        let ended = world.start(job).ended().await;
        for text in [&ended.out, &ended.err] {
            let is_order = |c: char| matches!(c, '\u{202e}' | '\u{1b}' | '\u{9b}');
            assert!(!text.contains(is_order), "{ended:?}");
        }
    }
}

/// No home, no terminal that can do anything, no locale: a look at a source needs none of it, and one at a whole job only the
/// place that the job needs.
#[tokio::test]
async fn looks_need_no_surroundings() {
    let world = World::new().await;
    let url = world.cloud.url();
    let source = ["--source-host", &url, "--source-org", CLOUD_ORG, "--source-bucket", BUCKET];
    let mut alone = world.command(&[&["plan"][..], &source].concat());
    alone.env_remove("INFLUX_TOKEN");
    let mut placed = world.job("preflight", &[]);
    placed.env("STATE_DIRECTORY", world.folder.path());
    for mut look in [alone, placed] {
        look.env_remove("HOME").env_remove("XDG_STATE_HOME").env("TERM", "dumb");
        world.start(look).ended().await.assert_code(0);
    }
}

/// All rows of preflight.
fn rows(line: &serde_json::Value) -> impl Iterator<Item = serde_json::Value> {
    let sides = ["source", "destination", "progress"];
    let rows: Vec<_> =
        sides.iter().flat_map(|side| line[*side].as_array().unwrap().clone()).collect();
    rows.into_iter()
}

/// What commands without a server tell, and `bench`.
#[tokio::test]
async fn all_json_of_files_is_as_the_schema_says() {
    let world = World::new().await;
    let path = |name: &str| world.folder.path().join(name).to_str().unwrap().to_owned();
    let (stage, out, bench) = (path("stage"), path("out.lp"), path("b"));
    world.migrate(&["--spool", "parquet", "--spool-dir", &stage]).await.assert_code(0);
    let recorded = format!("{bench}.jsonl");
    let trials = ["--json", "--intervals", "5m", "--repetitions", "2", "--out", &bench];
    let simulated = ["--json", "--intervals", "1h", "--sim-values", "100000"];
    let mut seen = std::collections::BTreeSet::new();
    for command in [
        world.command(&["spool", "verify", &stage, "--json"]),
        world.command(&["spool", "describe", &stage, "--json"]),
        world.command(&["spool", "compact", &stage, "--json"]),
        world.command(&["export", &stage, "--json", "--format", "lp", "--output", &out]),
        world.job("bench", &trials),
        world.command(&["bench", "--compare", &recorded, &recorded, "--json"]),
        world.command(&[&["bench", "--simulate"], &simulated[..]].concat()),
        world.command(&["demo", "--json", "--hosts", "2", "--hours", "1"]),
    ] {
        let ended = world.start(command).ended().await;
        ended.assert_code(0);
        for line in &ended.lines() {
            crate::support::schema::assert_valid(line);
            seen.insert(line["message_type"].as_str().unwrap().to_owned());
        }
    }
    for name in [
        "bench_comparison",
        "bench_header",
        "bench_rehearsal",
        "bench_trial",
        "bench_verdict",
        "comparison",
        "export",
        "spool",
        "spool_compact",
        "spool_proof",
    ] {
        assert!(seen.contains(name), "{name}: {seen:?}");
    }
}

/// Every command that prints JSON prints what the schema says, errors of usage among it.
#[tokio::test]
async fn all_json_is_as_the_schema_says() {
    let world = World::new().await;
    let wrong = ["--json", "--source-host", "http://127.0.0.1:9"];
    let mut said = Vec::new();
    for (word, more, code) in [
        ("preflight", &["--json"][..], 0),
        ("preflight", &wrong, 7),
        ("plan", &["--json"], 0),
        ("migrate", &["--json", "--dry-run"], 0),
        ("migrate", &["--json"], 0),
        ("migrate", &["--json"], 0),
        ("migrate", &["--json", "--quotta", "none"], 2),
        ("migrate", &["--json", "--batch-interval", "x"], 2),
        ("migrate", &wrong, 7),
    ] {
        let ended = world.start(world.job(word, more)).ended().await;
        ended.assert_code(code);
        let lines = ended.lines();
        assert!(!lines.is_empty(), "{word} {more:?}: {ended:?}");
        for line in &lines {
            crate::support::schema::assert_valid(line);
            assert!(line["time"].is_string(), "{line}");
        }
        said.extend(lines.last().cloned());
    }
    for row in rows(&said[0]).chain(rows(&said[1])) {
        assert!(row["side"].is_string() && row["facts"].is_object(), "{row}");
    }
    let row = |line: &serde_json::Value, code: &str| {
        rows(line).find(|row| row["code"] == code).unwrap_or_else(|| panic!("no {code}: {line}"))
    };
    let quota = row(&said[0], "P06");
    assert_eq!((&quota["side"], &quota["subject"]), (&"source".into(), &"quota".into()));
    assert_eq!(quota["facts"]["quota_from"], "none");
    assert_eq!(row(&said[0], "P13")["facts"]["bucket"], BUCKET);
    assert_eq!(row(&said[1], "P01")["facts"]["kind"], "connect");
    assert_eq!(said[2]["findings"][0]["side"], "source");
    let ends = |line: &serde_json::Value| {
        ["org", "bucket", "address", "token_from"].map(|name| line["source_end"][name].clone())
    };
    let expected = [
        super::CLOUD_ORG.to_owned(),
        BUCKET.to_owned(),
        world.cloud.url(),
        "INFLUXDB_CLOUD_TOKEN".to_owned(),
    ];
    assert_eq!(ends(&said[0]), expected.map(serde_json::Value::from));
    for line in &said[6..8] {
        assert_eq!((&line["kind"], &line["exit"]), (&"usage".into(), &2.into()), "{line}");
    }
    assert_eq!(said[8]["kind"], "preflight");
    // What a server says keeps its status and its side.
    world.oss.inject(sluice::testing::sim::Rule {
        matcher: sluice::testing::sim::Matcher::path("/api/v2/write").body("usage"),
        times: 100,
        fault: Fault::unauthorized(),
    });
    let again = ["--json", "--batch-bucket", "other", "--existing", "merge"];
    let ended = world.migrate(&again).await;
    let last = ended.lines().pop().unwrap();
    crate::support::schema::assert_valid(&last);
    assert_eq!(
        (&last["kind"], &last["side"], &last["status"]),
        (&"unauthorized".into(), &"destination".into(), &401.into()),
        "{last}"
    );
}
