//! How events change the state.

use sluice::testing::influx::classify::RequestKind;
use sluice::testing::influx::signal::{Signal, WaitCause};
use sluice::testing::limits;
use sluice::testing::model::foretold::Outlook;
use sluice::testing::model::side::Side;
use sluice::testing::model::spread::Spread;
use sluice::testing::model::transport::Transport;
use sluice::testing::pipeline::event::{Event, PlannedRun, StopReason};
use sluice::testing::report::dry_run::DryRun;
use sluice::testing::report::question::Question;
use sluice::testing::report::screen::{batch_text, condition, screen};
use sluice::testing::report::state::{OpenBatch, QuotaShown, RunState, RunTotals};
use sluice::testing::report::summary;
use sluice::testing::report::text::{Glyphs, Paper};

use super::fixture::{self, NOW_MS, began, committed, ended, opened, progress, range, time};

fn empty() -> RunState {
    RunState::new(fixture::header(), Glyphs::Unicode)
}

#[test]
fn the_state_line_always_gives_the_reason() {
    let mut state = empty();
    assert_eq!(condition(&state, 0), "preparing the plan");
    state.apply(&Event::Planned(fixture::planned()), 0);
    assert_eq!(condition(&state, 0), "running: the source counts the next batch");
    state.apply(&opened(fixture::open_first(), 5), 0);
    assert_eq!(condition(&state, 0), "running (influxql)");
    for (side, cause, text) in [
        (Side::Source, WaitCause::Quota, "pacing: 9.0 MB/s so that no five minutes exceed 3.0 GB"),
        (Side::Source, WaitCause::Backoff, "waiting 5s: pause before the source is tried again"),
        (
            Side::Source,
            WaitCause::Unavailable,
            "waiting 5s: source answered 503 or its cache is full",
        ),
        (Side::Source, WaitCause::RateLimited, "waiting 5s: source answered 429"),
        (
            Side::Destination,
            WaitCause::Backoff,
            "waiting 5s: pause before the destination is tried again",
        ),
        (
            Side::Destination,
            WaitCause::Unavailable,
            "waiting 5s: destination answered 503 or its cache is full",
        ),
        (Side::Destination, WaitCause::RateLimited, "waiting 5s: destination answered 429"),
    ] {
        state.apply(&began(side, cause, 4_500), 1_000);
        assert_eq!(condition(&state, 1_000), text);
        state.apply(&ended(side, cause, 4_500), 5_500);
        assert_eq!(condition(&state, 5_500), "running (influxql)");
    }
    let paced = Signal::Paced { bytes_per_s: 4_500_000, share_per_mille: 900, runs: 2 };
    state.apply(&Event::Client(paced), 5_500);
    state.apply(&began(Side::Source, WaitCause::Quota, 4_500), 5_500);
    let half = "pacing: 4.5 MB/s so that no five minutes exceed 3.0 GB; 2 runs share it";
    assert_eq!(condition(&state, 5_500), half);
    for (reason, text) in [
        (StopReason::ByteBudget, "draining: open batches finish (--max-transfer)"),
        (StopReason::TimeBudget, "draining: open batches finish, up to 20 s (--max-duration)"),
        (StopReason::Interrupted, "draining: open batches finish, up to 20 s (SIGINT)"),
        (StopReason::Terminated, "draining: open batches finish, up to 20 s (SIGTERM)"),
    ] {
        state.apply(&Event::Stopping(reason), 6_000);
        assert_eq!(condition(&state, 6_000), text);
    }
}

/// Of a server that hangs the operator learns which one, what it owes, and for how long.
#[test]
fn a_silent_server_is_named_with_the_time_it_has_been_silent() {
    let mut state = empty();
    state.apply(&Event::Planned(fixture::planned()), 0);
    state.apply(&opened(fixture::open_first(), 5), 0);
    for (side, asked, text) in [
        (Side::Destination, RequestKind::Write, "the destination has not answered a write"),
        (Side::Destination, RequestKind::Query, "the destination has not answered a query"),
        (Side::Source, RequestKind::Query, "the source has not answered a query"),
        (Side::Source, RequestKind::Api, "the source has not answered a request"),
    ] {
        let cause = WaitCause::Silence(asked);
        state.apply(&began(side, cause, 5_000), 20_000);
        assert_eq!(condition(&state, 27_000), format!("waiting 12s: {text}"));
        state.apply(&ended(side, cause, 12_000), 27_000);
        assert_eq!(condition(&state, 27_000), "running (influxql)");
    }
}

/// `auto` is what was asked for, not what is done.
#[test]
fn the_transport_in_use_is_named() {
    let mut state = empty();
    let planned = PlannedRun { transport: "auto".to_owned(), ..fixture::planned() };
    state.apply(&Event::Planned(planned), 0);
    state.apply(&opened(fixture::open_first(), 5), 0);
    assert_eq!(condition(&state, 0), "running");
    for (transport, text) in [
        (Transport::Influxql, "running (influxql)"),
        (Transport::Flux, "running (flux, influxql)"),
        (Transport::Influxql, "running (influxql, flux)"),
    ] {
        let (measurement, reason) = ("cpu".to_owned(), "fewest bytes".to_owned());
        state.apply(&Event::Chosen { measurement, transport, reason }, 0);
        assert_eq!(condition(&state, 0), text);
    }
}

#[test]
fn a_batch_says_how_far_it_is() {
    let open = |values_read, values_written, values_rejected, splits| OpenBatch {
        values: 100,
        values_read,
        values_written,
        values_rejected,
        splits,
        split_cause: "a cut response".to_owned(),
        ..OpenBatch::default()
    };
    for (batch, text) in [
        (open(0, 0, 0, 0), "reading"),
        (open(99, 99, 0, 0), "reading"),
        (open(99, 99, 0, 1), "split in 2 after a cut response"),
        (open(100, 99, 0, 1), "count equal, writing"),
        (open(100, 99, 1, 0), "count equal, committing"),
        (open(101, 101, 0, 0), "reading"),
    ] {
        assert_eq!(batch_text(&batch), text);
    }
}

#[test]
fn commits_close_batches_and_compare_counts() {
    let mut state = empty();
    state.apply(&Event::Planned(fixture::planned()), 0);
    state.apply(&opened(fixture::open_first(), 5), 0);
    state.apply(&opened(fixture::open_second(), 7), 0);
    state.apply(&committed(range("2021-03-01", "2023-07-06"), 857, 0), 0);
    assert_eq!((state.open.len(), state.batches_equal, state.batches_compared), (2, 857, 857));
    state.apply(&committed(fixture::open_first(), 1, 5), 0);
    assert_eq!((state.open.len(), state.batches_equal, state.batches_compared), (1, 858, 858));
    state.apply(&committed(fixture::open_second(), 1, 6), 0);
    assert_eq!((state.open.len(), state.batches_equal, state.batches_compared), (0, 858, 859));
    assert_eq!(state.committed_to, Some(time("2023-07-08")));
    state.apply(&progress(fixture::open_first(), 1, 1, 1), 0);
    assert!(state.open.is_empty(), "late progress opens nothing");
}

#[test]
fn a_batch_that_is_opened_again_begins_anew() {
    let mut state = empty();
    let batch = fixture::open_first();
    state.apply(&opened(batch, 5), 0);
    state.apply(&Event::Split { batch, slice: batch, cause: "x".to_owned() }, 0);
    state.apply(&progress(batch, 5, 5, 5), 0);
    state.apply(&opened(batch, 6), 0);
    let open = &state.open[&batch];
    assert_eq!((open.values, open.values_read, open.values_written, open.splits), (6, 0, 0, 1));
    state.apply(&committed(batch, 1, 6), 0);
    assert_eq!((state.batches_equal, state.batches_compared), (1, 1));
}

#[test]
fn a_resumed_run_shows_the_share_of_the_job_and_foretells_its_own_end() {
    let mut state = empty();
    let job = range("2022-01-01T00:00:00Z", "2022-01-01T10:00:00Z");
    let planned =
        PlannedRun { job, resume: time("2022-01-01T05:00:00Z"), batches: 5, ..fixture::planned() };
    state.apply(&Event::Planned(planned), 0);
    assert_eq!((state.job_per_mille(), state.eta_ms(60_000)), (500, None));
    state.apply(&committed(range("2022-01-01T05:00:00Z", "2022-01-01T06:00:00Z"), 1, 0), 60_000);
    let (low, high) = state.eta_ms(60_000).unwrap();
    assert_eq!(state.job_per_mille(), 600);
    assert!(low < 240_000 && 240_000 < high, "four hours of five are left: {low} {high}");
}

#[test]
fn bytes_expected_count_open_batches_by_their_prediction() {
    let mut state = empty();
    state.apply(
        &Event::Planned(PlannedRun {
            batches: 10,
            job: range("2022-01-01", "2022-01-11"),
            resume: time("2022-01-01"),
            ..fixture::planned()
        }),
        0,
    );
    assert_eq!(state.bytes_expected(), None);
    state.apply(&committed(range("2022-01-01", "2022-01-03"), 2, 0), 0);
    let batch = range("2022-01-03", "2022-01-04");
    state.apply(&Event::BatchOpened { batch, values: 9, bytes_predicted: 500 }, 0);
    state.apply(&progress(batch, 1, 0, 100), 0);
    state.observe(
        RunTotals {
            source_bytes_decoded: 310,
            source_bytes_survey: 10,
            batches_committed: 2,
            ..RunTotals::default()
        },
        0,
    );
    assert_eq!(state.bytes_expected(), Some(310 + 400 + 7 * 100));
}

#[test]
fn quota_windows_begin_with_the_run() {
    let quota = QuotaShown { window_bytes: 300_000_000, share_percent: 90 };
    assert_eq!(quota.bytes_per_s(), 900_000);
    let mut state = empty();
    let read = |bytes| RunTotals { source_bytes_decoded: bytes, ..RunTotals::default() };
    state.observe(read(100), 1_000);
    assert_eq!(state.window(1_000), (100, 299_000));
    state.observe(read(250), 299_999);
    state.observe(read(270), 300_000);
    assert_eq!(state.window(300_000), (20, 300_000));
    state.observe(read(280), 3_000_001);
    assert_eq!(state.window(3_000_001), (10, 299_999));
}

#[test]
fn missed_events_end_their_waits() {
    let mut state = empty();
    state.apply(&Event::Planned(fixture::planned()), 0);
    state.apply(&began(Side::Source, WaitCause::Quota, 4_000), 0);
    state.missed(1_000);
    assert_eq!(state.waits.total_ms(Side::Source, WaitCause::Quota, 9_000), 1_000);
    assert!(state.waits.current(9_000).is_none());
}

#[test]
fn open_batches_beyond_the_bound_are_counted() {
    let mut state = empty();
    state.apply(&Event::Planned(fixture::planned()), 0);
    for day in 1..=12 {
        let start = time(&format!("2022-01-{day:02}"));
        let batch = sluice::testing::model::time::TimeRange::new(
            start,
            start.saturating_add_ns(86_400_000_000_000),
        );
        state.apply(&opened(batch, 1), 0);
    }
    let lines = screen(&state, 0);
    assert_eq!(
        lines.iter().filter(|line| line.contains("read 0/54 MB")).count(),
        limits::BATCH_LINES_MAX
    );
    assert!(lines.contains(&" and 4 more open batches".to_owned()));
}

#[test]
fn a_dry_run_says_why_it_has_no_line() {
    let dry_run = DryRun {
        source: fixture::header().source,
        destination: fixture::header().destination,
        planned: fixture::planned(),
        choices: Vec::new(),
        choices_more: 0,
        lines: Vec::new(),
        lines_missing: Some("too much stands at one time for a look"),
        outlook: Outlook {
            values: 1_730_000,
            is_whole: true,
            bytes: Spread::exact(3_500_000),
            time_ms: Some(Spread { low: 1_000, likely: 2_000, high: 50_000 }),
        },
    };
    let lines = dry_run.lines(Paper::plain(Glyphs::Ascii), true);
    let said = "No line of line protocol was read: too much stands at one time for a look.";
    assert_eq!(lines[1], said);
    let last = "Would copy 1.73 M values, 3.5 MB, under 1m. Run the same without --dry-run.";
    assert_eq!(lines.last().map(String::as_str), Some(last));
}

/// The golden files are of small runs, and compared without their numbers: these are the numbers of a large one.
#[test]
fn large_numbers_are_shown_in_short() {
    let shown = screen(&fixture::running(), NOW_MS).join("\n");
    let wanted = "\
sluice migrate  ops-eu/plant-telemetry -> ops@oss1:8086/plant-telemetry  1h25m
[####################..............................]  41.0 %   857/2,090 batches
committed to  2023-07-06T00:00Z   7.54 G values   46.0/112.0 GB   rejected 312
average       source 9.0 MB/s   sink 1.47 M values/s   ETA 1h50 - 2h30
quota         0.2/3.0 GB in this window, resets in 4:40
STATE         pacing: 9.0 MB/s so that no five minutes exceed 3.0 GB
 2023-07-06   read 54/54 MB  written 100 %  count equal, committing
 2023-07-07   read 31/54 MB  written  48 %  split in 4 after the 90 s deadline
counts        857/857 batches equal the source's own count   splits 3
waits         quota 52m   429 0s   503 0s   backoff 0s   sink 0s   retries 7
Ctrl-C drains (up to 20 s) and keeps the place; the same command resumes.";
    assert_eq!(shown, wanted);
    let (input, state) = fixture::finished();
    let shown = summary::lines(&input, &state, Paper::plain(Glyphs::Ascii)).join("\n");
    let wanted = "\
COPIED, NOT YET VERIFIED   3h31m   exit 3
  ops-eu/plant-telemetry -> ops@oss1:8086/plant-telemetry
  range [2021-03-01T00:00:00Z, 2026-11-20T00:00:00Z)
  planned 18,400,000,000 = acknowledged 18,399,998,796 + rejected 1,204
  read     112.6 GB   6.1 B/value   9,871 requests   2,090 batches
  written  240.0 GB   1.84 G lines   18.4 G values   120,400 bodies
  waits    quota 52m  429 0s  503 0s  backoff 0s  sink 0s  retries 7  splits 3
  rejects ~/.local/state/sluice/plant-telemetry/rejects.lp
  newer than stop at the source: about 1.20 M values
Next: sluice verify ...    Later: the same command tops up to now";
    assert_eq!(shown, wanted);
}

#[test]
fn the_question_says_how_much_from_where_to_where_and_how_long() {
    let mut question = Question {
        outlook: Some(Outlook {
            values: 1_730_000,
            is_whole: true,
            bytes: Spread::exact(3_500_000),
            time_ms: Some(Spread { low: 6_600_000, likely: 7_000_000, high: 8_900_000 }),
        }),
        source: "src-org/plant-telemetry".to_owned(),
        range: range("2026-01-01", "2026-11-29"),
        destination: "dst-org@oss1:8086/plant-telemetry".to_owned(),
        is_new: true,
        is_merging: true,
    };
    let wanted = "\
Copy 1.73 M values (3.5 MB, 1h50 - 2h30) of src-org/plant-telemetry, 2026-01-01
to 2026-11-29, into dst-org@oss1:8086/plant-telemetry (new)? [y/N] ";
    assert_eq!(question.text(Paper::plain(Glyphs::Ascii)), wanted);
    // The source did not tell in time.
    (question.outlook, question.is_new, question.is_merging) = (None, false, false);
    let wanted = "\
Copy src-org/plant-telemetry, 2026-01-01 to 2026-11-29, into
dst-org@oss1:8086/plant-telemetry? [y/N] ";
    assert_eq!(question.text(Paper::plain(Glyphs::Ascii)), wanted);
}

/// What an operator looks for stands first and is whole, however narrow the terminal is.
#[test]
fn percent_eta_and_state_are_whole_at_forty_columns() {
    let mut state = fixture::running();
    for columns in [40, 50, 60, 79] {
        state.columns = columns;
        let lines = screen(&state, NOW_MS);
        assert!(lines[1].starts_with("41.0 %  ETA 1h50 - 2h30"), "{lines:#?}");
        let doing = lines[2..4].join(" ");
        let doing = doing.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            doing.contains("pacing: 9.0 MB/s so that no five minutes exceed 3.0 GB"),
            "{lines:#?}"
        );
    }
    state.columns = 60;
    assert!(screen(&state, NOW_MS)[1].ends_with(".]"), "a bar in what is left");
    state.columns = 200;
    let wide = screen(&state, NOW_MS);
    assert!(
        wide[0].contains("ops-eu/plant-telemetry -> ops@oss1:8086/plant-telemetry"),
        "{wide:#?}"
    );
    assert_eq!(wide[1].chars().count(), 200, "the bar takes all that is left");
}
