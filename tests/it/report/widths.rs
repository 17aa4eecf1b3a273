//! Extreme names and numbers: nothing is wider than a screen and nothing reaches the terminal as a control character.

use proptest::prelude::*;
use sluice::testing::influx::signal::Signal;
use sluice::testing::model::density::Cell;
use sluice::testing::model::foretold::{Conflict, Forecast, PlanMeasurement};
use sluice::testing::model::side::Side;
use sluice::testing::model::spread::Spread;
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::pipeline::closing::Discrepancy;
use sluice::testing::pipeline::event::{Event, PlannedRun, StopReason};
use sluice::testing::report::plan::PlanReport;
use sluice::testing::report::preflight::{Finding, PreflightReport, Row, Verdict};
use sluice::testing::report::screen::screen;
use sluice::testing::report::state::{Header, QuotaShown, RunState, RunTotals, SinkKind};
use sluice::testing::report::summary;
use sluice::testing::report::talk::{self, Talk};
use sluice::testing::report::text::{COLUMNS, Glyphs, Paper, width};

use super::fixture;

/// All counters at one number.
fn totals(n: u64) -> RunTotals {
    RunTotals {
        source_bytes_wire: n,
        source_bytes_decoded: n,
        source_bytes_survey: n / 2,
        source_requests: n,
        values_read: n,
        lines_written: n,
        values_written: n,
        values_rejected: n,
        body_bytes: n,
        bodies: n,
        retries: n,
        splits: n,
        batches_committed: n,
        values_committed: n,
    }
}

fn assert_fits(lines: &[String], glyphs: Glyphs) {
    assert_fits_in(COLUMNS, lines, glyphs);
}

fn assert_fits_in(columns: usize, lines: &[String], glyphs: Glyphs) {
    for line in lines {
        assert!(width(line) <= columns, "{} columns: {line}", width(line));
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(glyphs == Glyphs::Unicode || line.is_ascii(), "{line}");
    }
}

fn events(name: &str, n: u64, batch: TimeRange) -> Vec<Event> {
    let text = name.to_owned();
    vec![
        Event::Planned(PlannedRun {
            job: TimeRange::ALL,
            resume: batch.start,
            batches: n,
            interval: text.clone(),
            transport: text.clone(),
        }),
        Event::BatchOpened { batch, values: n, bytes_predicted: n },
        Event::BatchProgress { batch, values_read: n / 2, values_written: n / 3, bytes_read: n },
        Event::Split { batch, slice: batch, cause: text.clone() },
        Event::Rejected { batch, values: n, reason: text.clone() },
        Event::Client(Signal::Retried {
            side: Side::Source,
            what: text.clone(),
            attempt: u32::MAX,
            error: text.clone(),
        }),
        fixture::began(
            Side::Destination,
            sluice::testing::influx::signal::WaitCause::Unavailable,
            n,
        ),
        Event::Notice(text.clone()),
        Event::Committed {
            range: TimeRange::new(Timestamp::MIN, batch.start),
            batches: n,
            values: n,
            rejected: n,
        },
        Event::Stopping(StopReason::TimeBudget),
    ]
}

fn extremes(name: &str, n: u64, now_ms: u64, batch: TimeRange, glyphs: Glyphs) {
    let header = Header {
        command: name.to_owned(),
        source: name.to_owned(),
        destination: name.to_owned(),
        sink: SinkKind::Bucket,
        quota: Some(QuotaShown { window_bytes: n, share_percent: 90 }),
    };
    let mut state = RunState::new(header, glyphs);
    let mut talk = Talk::default();
    state.observe(totals(n), now_ms);
    for event in events(name, n, batch) {
        state.apply(&event, now_ms / 2);
        for columns in [40, 41, 59, 60, 79, 80, 81, 120, 200] {
            state.columns = columns;
            assert_fits_in(columns, &screen(&state, now_ms), glyphs);
            assert_fits_in(columns, &[talk::progress(&state, now_ms)], glyphs);
        }
        state.columns = COLUMNS;
        assert_fits(&talk.lines(&event, &state, now_ms), glyphs);
    }
    let (mut input, _) = fixture::finished();
    (input.source, input.destination) = (name.to_owned(), name.to_owned());
    (input.elapsed_ms, input.outcome.values, input.outcome.rejected, input.outcome.expired) =
        (now_ms, n, n, n);
    (input.outcome.closing.newer, input.outcome.changed) = (Some(n), vec![batch; 20]);
    let differs = Discrepancy { range: batch, expected: n, found: n };
    let closing = &mut input.outcome.closing;
    (closing.source, closing.destination) = (vec![differs; 20], vec![differs; 20]);
    closing.ahead = Some(batch.stop);
    (input.outcome.unreturned, input.outcome.doubts) =
        (vec![name.to_owned(); 20], vec![name.to_owned(); 20]);
    // A path and a command are to be copied.
    (input.rejects, input.next) = (None, None);
    for stopped in [None, Some(StopReason::ByteBudget)] {
        input.outcome.stopped = stopped;
        for columns in [40, 80, 200] {
            let paper = Paper { columns, glyphs, color: false };
            assert_fits_in(columns, &summary::lines(&input, &state, paper), glyphs);
        }
    }
    let row = |verdict| {
        let (code, subject, text) = ("P99".to_owned(), name.to_owned(), name.to_owned());
        Row::Finding(Finding {
            code,
            verdict,
            subject,
            text,
            cure: None,
            facts: sluice::testing::report::facts::RowFacts::default(),
        })
    };
    let rows =
        vec![Row::fact(name, name), row(Verdict::Ok), row(Verdict::Warn), row(Verdict::Fail)];
    let report = PreflightReport {
        source: rows.clone(),
        destination: rows.clone(),
        progress: rows,
        ..PreflightReport::default()
    };
    for columns in [40, 60, 79, 80, 119, 200] {
        let paper = Paper { columns, glyphs, color: false };
        assert_fits_in(columns, &report.lines(paper), glyphs);
    }
    // The blocks of the density are one column wide each, other than letters that are not known.
    let blocks = [
        '\u{2581}', '\u{2582}', '\u{2583}', '\u{2584}', '\u{2585}', '\u{2586}', '\u{2587}',
        '\u{2588}',
    ];
    let plan = plan(name, n, batch);
    for columns in [40, 60, 80] {
        let lines = plan.lines(Paper { columns, glyphs, color: false });
        let lines: Vec<_> = lines.iter().map(|line| line.replace(blocks, "#")).collect();
        assert_fits_in(columns, &lines, glyphs);
    }
}

/// Every text of a plan this name, every number this number.
fn plan(name: &str, n: u64, batch: TimeRange) -> PlanReport {
    let mut plan = fixture::plan();
    let text = || name.to_owned();
    (plan.source, plan.destination) = (text(), Some(text()));
    (plan.job, plan.resume, plan.data) =
        (TimeRange::ALL, batch.start, Some((batch.start, batch.stop)));
    (plan.values, plan.series, plan.measurements, plan.lost) = (n, Some(n), n, n);
    for cell in &mut plan.cells {
        *cell = Cell { range: batch, values: n / 64 };
    }
    let row = PlanMeasurement {
        name: text(),
        values: n,
        series: Some(n),
        // The names of transports are our own.
        transport: "flux-keyed".to_owned(),
        reason: text(),
        // No answer spends a gigabyte on a value.
        milli_bytes_per_value: Spread::exact(n % 1_000_000_000_000),
        samples: n,
        bytes: Spread::exact(n),
        others: vec![("flux".to_owned(), Ok(n)), ("flux-pivot".to_owned(), Err(text()))],
    };
    (plan.rows, plan.rest) = (vec![row.clone(); 9], Some(row));
    plan.types = vec![("float/integer".to_owned(), n); 9];
    plan.conflicts = vec![
        Conflict {
            measurement: text(),
            field: text(),
            source: vec![text(); 3],
            destination: vec![text()]
        };
        9
    ];
    (plan.uncounted, plan.not_carried) = (vec![text(); 2], vec![text(); 9]);
    for (_, finding) in &mut plan.findings {
        (finding.subject, finding.text, finding.cure) = (text(), text(), None);
    }
    (plan.quota_bytes_spent, plan.requests_spent) = (n, n);
    plan.forecast = Forecast {
        batches: n,
        batches_held: n / 2,
        requests: Spread::exact(n),
        bytes: Spread { low: n / 2, likely: n, high: n },
        count_bytes: Spread::exact(n),
        quota_bytes: Some(n),
        bytes_per_s: Some(n),
        time_ms: Some(Spread { low: n / 2, likely: n, high: n }),
        spool_bytes: Some(Spread { low: n / 2, likely: n, high: n }),
        task_ms: Some(n),
    };
    plan
}

#[test]
fn the_known_extremes_fit() {
    let batches = [
        fixture::open_first(),
        TimeRange::ALL,
        TimeRange::new(Timestamp::from_ns(-1), Timestamp::from_ns(1)),
    ];
    for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
        for name in [
            "",
            "a",
            &"n".repeat(300),
            &"wide \u{6e29}\u{5ea6} ".repeat(40),
            "\u{1b}[2J\r\n\u{7}\u{202e}",
            &"\u{6e29}".repeat(99),
        ] {
            for (n, now_ms) in [
                (0, 0),
                (1, 86_400_000),
                (999_999, u64::MAX),
                (1_000_000, 86_400_000),
                (u64::MAX, 0),
                (u64::MAX, u64::MAX),
            ] {
                for batch in batches {
                    extremes(name, n, now_ms, batch, glyphs);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn anything_fits(name in any::<String>(), n in any::<u64>(), now_ms in any::<u64>(), a in any::<i64>(), b in any::<i64>()) {
        let batch = TimeRange::new(Timestamp::from_ns(a.min(b)), Timestamp::from_ns(a.max(b)));
        extremes(&name, n, now_ms, batch, Glyphs::Unicode);
        extremes(&name, n, now_ms, batch, Glyphs::Ascii);
    }
}
