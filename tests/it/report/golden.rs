//! Every screen as a golden file in `tests/golden/report`; `SLUICE_UPDATE_GOLDEN=1` rewrites them. The examples of
//! `docs/understanding-output.md` and `docs/plan.md` are these files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sluice::influx::signal::{Signal, WaitCause};
use sluice::model::side::Side;
use sluice::model::time::{TimeRange, Timestamp};
use sluice::model::transport::Transport;
use sluice::pipeline::event::{Event, StopReason};
use sluice::report::dry_run::{ChoiceRow, DryRun};
use sluice::report::screen::screen;
use sluice::report::summary::{self, FailureInput, SummaryInput};
use sluice::report::talk::{self, Talk};
use sluice::report::text::Glyphs;
use sluice::report::{json, state::RunState};

use super::fixture::{self, NOW_MS, range, time};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/report")
}

fn check(name: &str, lines: &[String]) {
    let path = folder().join(name);
    let text = lines.join("\n") + "\n";
    if std::env::var_os("SLUICE_UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        fs::write(&path, &text).unwrap();
    }
    let kept =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(text, kept, "{name} differs; SLUICE_UPDATE_GOLDEN=1 rewrites it");
}

fn preparing() -> RunState {
    RunState::new(fixture::header(), Glyphs::Ascii)
}

/// The first seconds: planned, nothing committed.
fn starting() -> RunState {
    fixture::fold(fixture::header(), Glyphs::Ascii, &fixture::events()[..1])
}

fn stopping() -> RunState {
    let mut state = fixture::running();
    state.apply(&Event::Stopping(StopReason::Interrupted), NOW_MS);
    state
}

fn rate_limited() -> RunState {
    let mut state = fixture::running();
    state.apply(&fixture::began(Side::Source, WaitCause::RateLimited, 30_000), NOW_MS - 1_000);
    state
}

#[test]
fn screens() {
    check("preparing.txt", &screen(&preparing(), 4_000));
    check("starting.txt", &screen(&starting(), 9_000));
    check("running.txt", &screen(&fixture::running(), NOW_MS));
    check("rate-limited.txt", &screen(&rate_limited(), NOW_MS));
    check("stopping.txt", &screen(&stopping(), NOW_MS));
    let mut without_quota = fixture::header();
    without_quota.quota = None;
    let mut state = fixture::fold(without_quota, Glyphs::Ascii, &fixture::events()[..14]);
    state.observe(fixture::totals(), NOW_MS);
    check("running-without-quota.txt", &screen(&state, NOW_MS));
}

fn chosen() -> Event {
    Event::Chosen {
        measurement: "cpu".to_owned(),
        transport: Transport::Influxql,
        reason: "fewest bytes; 4,000 series, key tags: host".to_owned(),
    }
}

#[test]
fn plain_lines() {
    let mut state = preparing();
    let mut talk = Talk::default();
    let mut lines = vec![sluice::report::screen::title(&state, "")];
    let mut events = fixture::events();
    events.insert(1, (26_000, chosen()));
    events.push((
        NOW_MS,
        Event::Rejected {
            batch: fixture::open_second(),
            values: 12,
            reason: "field type conflict: \"temp\" is float here, integer there".to_owned(),
        },
    ));
    events.push((NOW_MS, fixture::began(Side::Destination, WaitCause::Unavailable, 15_000)));
    events.push((
        NOW_MS,
        Event::Notice("InfluxQL does not answer for this bucket; Flux reads it instead".to_owned()),
    ));
    events.push((NOW_MS + 1_000, Event::Stopping(StopReason::Interrupted)));
    for (at_ms, event) in events {
        state.apply(&event, at_ms);
        lines.extend(talk.lines(&event, &state, at_ms));
    }
    state = fixture::running();
    lines.push(talk::progress(&preparing(), 1_000));
    lines.push(talk::progress(&starting(), 30_000));
    lines.push(talk::progress(&state, NOW_MS));
    lines.push(talk::progress(&rate_limited(), NOW_MS));
    lines.push(talk::progress(&stopping(), NOW_MS));
    check("plain.txt", &lines);
}

fn ended_early(reason: StopReason, exit: u8) -> (SummaryInput, RunState) {
    let (mut input, _) = fixture::finished();
    input.outcome.watermark = time("2023-07-06");
    input.outcome.values = 7_540_000_000;
    input.outcome.rejected = 312;
    input.outcome.batches = 857;
    input.outcome.stopped = Some(reason);
    (input.elapsed_ms, input.exit, input.outcome.closing.newer, input.next) =
        (NOW_MS, exit, None, None);
    (input, stopping())
}

fn nothing_to_do(exit: u8) -> (SummaryInput, RunState) {
    let (mut input, _) = fixture::finished();
    (input.outcome.values, input.outcome.rejected, input.outcome.batches) = (0, 0, 0);
    (input.elapsed_ms, input.exit, input.outcome.closing.newer) = (1_300, exit, None);
    input.rejects =
        (exit == 3).then(|| "~/.local/state/sluice/plant-telemetry/rejects.lp".to_owned());
    (input, preparing())
}

fn with_trouble() -> (SummaryInput, RunState) {
    let (mut input, state) = fixture::finished();
    input.outcome.expired = 51_200;
    let day = |n: i64| Timestamp::from_ns(1_700_006_400_000_000_000 + n * 86_400_000_000_000);
    input.outcome.changed = (0..12).map(|n| TimeRange::new(day(n), day(n + 1))).collect();
    (input, state)
}

fn failure() -> FailureInput {
    let errors = [
        "reading [2023-07-06, 2023-07-07) from the source failed",
        "12 tries in 14m",
        "connection refused",
    ];
    FailureInput { errors: errors.map(str::to_owned).to_vec(), elapsed_ms: NOW_MS, exit: 5 }
}

#[test]
fn summaries() {
    for (name, (input, state)) in [
        ("summary.txt", fixture::finished()),
        ("summary-trouble.txt", with_trouble()),
        ("summary-complete.txt", nothing_to_do(0)),
        ("summary-complete-rejects.txt", nothing_to_do(3)),
        ("summary-sigint.txt", ended_early(StopReason::Interrupted, 130)),
        ("summary-budget.txt", ended_early(StopReason::ByteBudget, 8)),
    ] {
        check(name, &summary::lines(&input, &state, Glyphs::Ascii));
    }
    check("summary-failed.txt", &summary::failure_lines(&failure(), &fixture::running()));
}

fn dry_run() -> DryRun {
    let lines = [
        "cpu,host=a usage=1i,idle=99.5 1614556800000000000",
        "note text=\"two\nlines\" 1614556801000000000",
    ];
    DryRun {
        source: fixture::header().source,
        destination: fixture::header().destination,
        planned: fixture::planned(),
        choices: vec![ChoiceRow {
            measurement: "cpu".to_owned(),
            transport: "influxql".to_owned(),
            reason: "fewest bytes; 4,000 series, key tags: host".to_owned(),
        }],
        choices_more: 40,
        lines: lines.map(str::to_owned).to_vec(),
        lines_missing: None,
    }
}

#[test]
fn a_dry_run_says_why_it_has_no_line() {
    let missing = Some("too much stands at one time for a look");
    let lines =
        DryRun { lines: Vec::new(), lines_missing: missing, ..dry_run() }.lines(Glyphs::Ascii);
    let last = lines.last().map(String::as_str);
    let said = "No line of line protocol was read: too much stands at one time for a look.";
    assert_eq!(last, Some(said));
}

#[test]
fn preflight_and_dry_run() {
    check("preflight.txt", &fixture::preflight().lines(Glyphs::Ascii));
    check("dry-run.txt", &dry_run().lines(Glyphs::Ascii));
    check("plan.txt", &fixture::plan().lines(Glyphs::Ascii));
    check("plan-source-only.txt", &fixture::plan_without_destination().lines(Glyphs::Ascii));
}

/// One line of each kind.
fn json_lines() -> Vec<String> {
    let at = |ms: u64| {
        time("2026-11-20T08:00:00Z").saturating_add_ns(i64::try_from(ms).unwrap() * 1_000_000)
    };
    let mut events = fixture::events();
    events.truncate(11);
    let reason = "field type conflict".to_owned();
    events.push((5_060_000, Event::Rejected { batch: fixture::open_second(), values: 12, reason }));
    events.push((5_065_000, chosen()));
    events.push((5_070_000, Event::Notice("InfluxQL does not answer \u{1b}[31m".to_owned())));
    events.push((
        5_075_000,
        Event::Client(Signal::Paced { bytes_per_s: 4_500_000, share_per_mille: 900, runs: 2 }),
    ));
    let text = "another run reads from the same organization".to_owned();
    events.push((5_075_000, Event::Client(Signal::Notice { side: Side::Source, text })));
    events.push((5_080_000, Event::Stopping(StopReason::Interrupted)));
    events.push((5_080_000, fixture::progress(range("2023-07-06", "2023-07-07"), 1, 1, 1)));
    let mut lines: Vec<_> =
        events.iter().filter_map(|(ms, event)| json::event(event, at(*ms))).collect();
    assert_eq!(lines.len(), events.len() - 1, "only progress of batches has no line");
    lines.push(json::status(&fixture::running(), NOW_MS, at(NOW_MS)));
    let (input, state) = fixture::finished();
    lines.push(json::summary(&input, &state, 0, at(input.elapsed_ms)));
    lines.push(json::failure(&failure(), &fixture::running(), 0, at(NOW_MS)));
    lines.push(json::exit_error(2, &["no such flag: --quotta".to_owned()]));
    lines.push(json::preflight(&fixture::preflight()));
    lines.push(json::dry_run(&dry_run()));
    lines.push(json::plan_report(&fixture::plan_without_destination()));
    lines
}

#[test]
fn json_lines_parse_and_begin_with_type_and_version() {
    let lines = json_lines();
    let mut seen = BTreeSet::new();
    for line in &lines {
        assert!(!line.contains(['\n', '\u{1b}']), "{line}");
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
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
    let value: serde_json::Value = serde_json::from_str(&json_lines()[17]).unwrap();
    assert_eq!(value["source_bytes_decoded"], 46_000_000_000_u64);
    assert_eq!(value["waits_ms"]["source_quota"], 3_120_000 + 9_000);
    assert_eq!(value["percent_complete"], 41.0);
    assert_eq!(value["open_batches"][1]["splits"], 3);
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
    let page = |name| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
        fs::read_to_string(path).unwrap()
    };
    let page = [page("understanding-output.md"), page("plan.md"), page("choosing.md")].concat();
    let mut named = BTreeSet::new();
    for part in page.split("<!-- golden: ").skip(1) {
        let (name, rest) = part.split_once(" -->\n").unwrap();
        let (_, rest) = rest.split_once('\n').unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        assert_eq!(example, fs::read_to_string(folder().join(name)).unwrap(), "{name} in the docs");
        named.insert(name.to_owned());
    }
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            named.contains(&name),
            "{name} is explained neither in docs/understanding-output.md nor in docs/plan.md"
        );
    }
}
