//! Every screen as a golden file in `tests/golden/report`, drawn from what real runs tell; `SLUICE_TEST_REWRITE=1`
//! rewrites them. The examples of the docs are these files. Real runs differ in their numbers, so these are not compared.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sluice::testing::influx::signal::{Signal, WaitCause};
use sluice::testing::model::side::Side;
use sluice::testing::model::time::Timestamp;
use sluice::testing::pipeline::event::Event;
use sluice::testing::report::run_end::RunEnd;
use sluice::testing::report::screen::screen;
use sluice::testing::report::summary;
use sluice::testing::report::talk::{self, Talk};
use sluice::testing::report::text::{Glyphs, Paper};
use sluice::testing::report::{json, state::RunState};

use super::looks::LOOKS;
use super::masks::{masked, masked_json};
use super::runs::{BUDGETED, CHANGING, FAILED, HANGING, IDLE, PACED, SMOOTH, STOPPED, Told};
use crate::support::need::rewrites;

const PAGES: [&str; 3] = ["understanding-output.md", "plan.md", "choosing.md"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/report")
}

fn check(name: &str, lines: &[String]) {
    let path = folder().join(name);
    let text = lines.join("\n") + "\n";
    if rewrites() {
        fs::write(&path, &text).unwrap();
    }
    let kept =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mask =
        if path.extension().is_some_and(|ending| ending == "jsonl") { masked_json } else { masked };
    assert_eq!(mask(&text), mask(&kept), "{name} differs; SLUICE_TEST_REWRITE=1 rewrites it");
}

/// Before the plan.
fn preparing() -> RunState {
    RunState::new(PACED[0].header.clone(), Glyphs::Ascii)
}

fn is_under_way(state: &RunState) -> bool {
    state.totals.batches_committed > 1 && !state.open.is_empty()
}

/// Planned, nothing opened.
fn starting() -> (RunState, u64) {
    PACED[0].when(|state, _| state.planned.is_some())
}

/// Paced, in the middle of batches.
fn running() -> (RunState, u64) {
    PACED[0].when(|state, now_ms| {
        is_under_way(state)
            && state.waits.current(now_ms).is_some_and(|wait| wait.word() == "quota")
    })
}

fn rate_limited() -> (RunState, u64) {
    let (state, now_ms) = PACED[0]
        .when(|state, now_ms| state.waits.current(now_ms).is_some_and(|wait| wait.word() == "429"));
    (state, now_ms + 1_000)
}

/// The destination has said nothing for 12 s.
fn hanging() -> (RunState, u64) {
    let (state, now_ms) = HANGING
        .when(|state, now_ms| state.waits.current(now_ms).is_some_and(|wait| wait.for_ms >= 5_000));
    (state, now_ms + 7_000)
}

fn stopping() -> (RunState, u64) {
    STOPPED.when(|state, _| state.stopping.is_some() && !state.open.is_empty())
}

#[test]
fn screens() {
    check("preparing.txt", &screen(&preparing(), 400));
    for (name, (state, now_ms)) in [
        ("starting.txt", starting()),
        ("running.txt", running()),
        ("rate-limited.txt", rate_limited()),
        ("hanging.txt", hanging()),
        ("stopping.txt", stopping()),
        ("running-without-quota.txt", SMOOTH[0].when(|state, _| is_under_way(state))),
    ] {
        check(name, &screen(&state, now_ms));
    }
}

/// What a run says where no terminal is: its remarks, with a line of progress each half minute.
fn said(told: &Told) -> Vec<String> {
    let mut state = RunState::new(told.header.clone(), Glyphs::Ascii);
    let (mut talk, mut due_ms) = (Talk::default(), sluice::testing::limits::PLAIN_LINE_MS);
    let mut lines = vec![sluice::testing::report::screen::title(&state, "")];
    for (event, moment) in told.run.events.iter().zip(&told.run.moments) {
        while due_ms <= moment.at_ms {
            lines.push(talk::progress(&state, due_ms));
            due_ms += sluice::testing::limits::PLAIN_LINE_MS;
        }
        state.apply(event, moment.at_ms);
        state.observe(moment.totals, moment.at_ms);
        lines.extend(talk.lines(event, &state, moment.at_ms));
    }
    lines.iter().map(|line| told.shown(line)).collect()
}

#[test]
fn plain_lines() {
    check("plain.txt", &said(&PACED[0]));
    check("plain-stopped.txt", &said(&STOPPED));
    let hanging = said(&HANGING);
    let told = hanging.iter().position(|line| line.contains("has not answered"));
    check("plain-hanging.txt", &hanging[..=told.expect("it is told")]);
}

#[test]
fn summaries() {
    for (name, told) in [
        ("summary.txt", &PACED[0]),
        ("summary-trouble.txt", &*CHANGING),
        ("summary-complete.txt", &SMOOTH[1]),
        ("summary-nothing-new.txt", &IDLE[0]),
        ("summary-nothing-to-copy.txt", &IDLE[1]),
        ("summary-complete-rejects.txt", &PACED[1]),
        ("summary-sigint.txt", &*STOPPED),
        ("summary-budget.txt", &*BUDGETED),
    ] {
        check(name, &summary::lines(&told.summary(), &told.end(), Paper::plain(Glyphs::Ascii)));
    }
    check(
        "summary-failed.txt",
        &summary::failure_lines(&FAILED.failure(), &FAILED.end(), Paper::plain(Glyphs::Ascii)),
    );
}

#[test]
fn looks() {
    for (name, look) in [
        ("preflight.txt", &LOOKS.preflight),
        ("preflight-filter.txt", &LOOKS.filter),
        ("preflight-tokens.txt", &LOOKS.tokens),
        ("dry-run.txt", &LOOKS.dry_run),
        ("plan.txt", &LOOKS.plan),
        ("plan-source-only.txt", &LOOKS.plan_source_only),
    ] {
        check(name, &look.text.lines().map(str::to_owned).collect::<Vec<_>>());
    }
}

fn moment(at_ms: u64) -> Timestamp {
    let begun: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
    begun.saturating_add_ns(i64::try_from(at_ms).unwrap() * 1_000_000)
}

/// The lines of the events of a run that have one.
fn json_of(told: &Told) -> Vec<String> {
    let told_at = told.run.events.iter().zip(&told.run.moments);
    told_at
        .filter_map(|(event, at)| json::event(event, moment(at.at_ms)))
        .map(|line| told.shown(&line))
        .collect()
}

/// What tells a kind of lines from others.
fn kind_of(line: &str) -> [String; 4] {
    let value: serde_json::Value = serde_json::from_str(line).unwrap();
    ["message_type", "kind", "state", "cause"]
        .map(|key| value[key].as_str().unwrap_or("").to_owned())
}

/// The first line of each kind.
fn json_lines() -> Vec<String> {
    let mut seen = BTreeSet::new();
    let events = [json_of(&PACED[0]), json_of(&CHANGING), json_of(&STOPPED)].concat();
    let mut lines: Vec<_> = events.into_iter().filter(|line| seen.insert(kind_of(line))).collect();
    let (state, now_ms) = running();
    lines.push(json::status(&state, now_ms, moment(now_ms)));
    let (whole, failed) = (&PACED[0], &*FAILED);
    lines.push(json::summary(&whole.summary(), &whole.end(), 0, moment(whole.run.end.at_ms)));
    lines.push(json::failure(&failed.failure(), &failed.end(), 0, moment(failed.run.end.at_ms)));
    let looks = &*LOOKS;
    for look in
        [&looks.mistyped, &looks.preflight.json, &looks.dry_run.json, &looks.plan_source_only.json]
    {
        lines.extend(look.lines().last().map(str::to_owned));
    }
    lines
}

#[test]
fn json_lines_parse_and_begin_with_type_and_version() {
    let lines = json_lines();
    let mut seen = BTreeSet::new();
    for line in &lines {
        assert!(!line.contains(['\n', '\u{1b}']), "{line}");
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        crate::support::schema::assert_valid(&value);
        let message_type = value["message_type"].as_str().unwrap().to_owned();
        assert!(
            line.starts_with(&format!("{{\"message_type\":\"{message_type}\",\"v\":1,")),
            "{line}"
        );
        if let Some(time) = value.get("time") {
            time.as_str().unwrap().parse::<Timestamp>().unwrap();
        }
        seen.insert(message_type);
    }
    let expected = [
        "batch",
        "dry_run",
        "exit_error",
        "notice",
        "plan",
        "plan_report",
        "preflight",
        "quota",
        "reject",
        "retry",
        "split",
        "status",
        "summary",
        "transport",
        "wait",
    ];
    assert!(seen.iter().map(String::as_str).eq(expected), "{seen:?}");
    check("lines.jsonl", &lines);
}

#[test]
fn json_keeps_what_people_see_rounded() {
    let (state, now_ms) = running();
    let line = json::status(&state, now_ms, moment(now_ms));
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["source_bytes_decoded"], state.totals.source_bytes_decoded);
    let waited = state.waits.total_ms(Side::Source, WaitCause::Quota, now_ms);
    assert_eq!(value["waits_ms"]["source_quota"], waited);
    let first = state.open.values().next().unwrap();
    assert_eq!(value["open_batches"][0]["bytes_read"], first.bytes_read);
    assert_eq!(value["open_batches"][0]["bytes_predicted"], first.bytes_predicted);
    let signal = Event::Client(Signal::WaitEnded {
        side: Side::Source,
        cause: WaitCause::Quota,
        waited_ms: 700,
    });
    let line = json::event(&signal, Timestamp::EPOCH).unwrap();
    assert_eq!(
        line,
        r#"{"message_type":"wait","v":1,"time":"1970-01-01T00:00:00Z","cause":"quota","side":"source","state":"ended","waited_ms":700}"#
    );
}

/// `<!-- golden: name -->` before a fenced block says which file it must equal.
#[test]
fn the_examples_of_the_docs_are_the_golden_files() {
    let mut named = BTreeSet::new();
    for page in PAGES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
        let kept = fs::read_to_string(&path).unwrap();
        let (mut parts, mut made) = (kept.split("<!-- golden: "), String::new());
        made.push_str(parts.next().unwrap());
        for part in parts {
            let (name, rest) = part.split_once(" -->\n").unwrap();
            let (fence, rest) = rest.split_once('\n').unwrap();
            let (_, rest) = rest.split_once("```").unwrap();
            let golden = fs::read_to_string(folder().join(name)).unwrap();
            made += &format!("<!-- golden: {name} -->\n{fence}\n{golden}```{rest}");
            named.insert(name.to_owned());
        }
        if rewrites() {
            fs::write(&path, &made).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap();
        assert!(kept == made, "{page} shows something else than the golden files");
    }
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(named.contains(&name), "{name} is explained in none of {PAGES:?}");
    }
}

/// The first words of each end stand in the table of the exit codes.
#[test]
fn the_page_of_exit_codes_has_every_end() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/exit-codes.md");
    let page = fs::read_to_string(path).unwrap();
    let told: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(words, _)| words)
        .collect();
    let ends: Vec<String> = RunEnd::ALL.iter().map(ToString::to_string).collect();
    for (end, words) in ends.iter().zip(&told) {
        assert!(end == words || end.starts_with(&format!("{words} 1970-")), "{end}: {words}");
    }
    assert_eq!(told[ends.len()..], ["FAILED", "PREFLIGHT` with `FAIL"]);
}
