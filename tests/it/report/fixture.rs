//! The job of the screens: 2,090 days of plant-telemetry, 857 of them committed.

use sluice::testing::exit::ExitCode;
use sluice::testing::influx::signal::{Signal, WaitCause};
use sluice::testing::model::density::Cell;
use sluice::testing::model::foretold::{Conflict, Forecast, Guide, PlanMeasurement};
use sluice::testing::model::side::Side;
use sluice::testing::model::spread::Spread;
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::pipeline::RunOutcome;
use sluice::testing::pipeline::closing::Closing;
use sluice::testing::pipeline::event::{Event, PlannedRun};
use sluice::testing::pipeline::plan::spool::Lacking;
use sluice::testing::pipeline::verify::prover::Proven;
use sluice::testing::report::plan::{IntervalRow, PlanReport};
use sluice::testing::report::preflight::{Finding, Verdict};
use sluice::testing::report::state::{Header, QuotaShown, RunState, RunTotals, SinkKind};
use sluice::testing::report::summary::SummaryInput;
use sluice::testing::report::text::Glyphs;

/// 1h25m.
pub(crate) const NOW_MS: u64 = 5_120_000;

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn range(start: &str, stop: &str) -> TimeRange {
    TimeRange::new(time(start), time(stop))
}

pub(crate) fn header() -> Header {
    Header {
        command: "migrate".to_owned(),
        source: "ops-eu/plant-telemetry".to_owned(),
        destination: "ops@oss1:8086/plant-telemetry".to_owned(),
        sink: SinkKind::Bucket,
        quota: Some(QuotaShown { window_bytes: 3_000_000_000, share_percent: 90 }),
    }
}

pub(crate) fn planned() -> PlannedRun {
    PlannedRun {
        job: range("2021-03-01", "2026-11-20"),
        resume: time("2021-03-01"),
        batches: 2_090,
        interval: "1d".to_owned(),
        transport: "influxql".to_owned(),
    }
}

pub(crate) fn totals() -> RunTotals {
    RunTotals {
        source_bytes_wire: 46_000_000_000,
        source_bytes_decoded: 46_000_000_000,
        source_bytes_survey: 2_300_000,
        source_requests: 4_212,
        values_read: 7_551_000_000,
        lines_written: 754_000_000,
        values_written: 7_549_000_000,
        values_rejected: 312,
        body_bytes: 98_000_000_000,
        bodies: 49_000,
        retries: 7,
        splits: 3,
        batches_committed: 857,
        values_committed: 7_540_000_000,
    }
}

pub(crate) fn began(side: Side, cause: WaitCause, wait_ms: u64) -> Event {
    Event::Client(Signal::WaitBegan { side, cause, wait_ms })
}

pub(crate) fn ended(side: Side, cause: WaitCause, waited_ms: u64) -> Event {
    Event::Client(Signal::WaitEnded { side, cause, waited_ms })
}

pub(crate) fn open_first() -> TimeRange {
    range("2023-07-06", "2023-07-07")
}

pub(crate) fn open_second() -> TimeRange {
    range("2023-07-07", "2023-07-08")
}

/// The events up to 1h25m, each with its time.
pub(crate) fn events() -> Vec<(u64, Event)> {
    let split = |start, stop| Event::Split {
        batch: open_second(),
        slice: range(start, stop),
        cause: "the 90 s deadline".to_owned(),
    };
    vec![
        (2_000, Event::Planned(planned())),
        (3_000, began(Side::Source, WaitCause::Quota, 3_120_000)),
        (3_123_000, ended(Side::Source, WaitCause::Quota, 3_120_000)),
        (3_200_000, began(Side::Source, WaitCause::Backoff, 500)),
        (3_200_700, ended(Side::Source, WaitCause::Backoff, 700)),
        (
            3_200_700,
            Event::Client(Signal::Retried {
                side: Side::Source,
                what: "reading 2022-11-03".to_owned(),
                attempt: 1,
                error: "connection reset".to_owned(),
            }),
        ),
        (4_900_000, committed(range("2021-03-01", "2023-07-06"), 857, 0)),
        (5_000_000, opened(open_first(), 8_800_000)),
        (5_030_000, opened(open_second(), 8_700_000)),
        (5_050_000, split("2023-07-07T00:00:00Z", "2023-07-07T12:00:00Z")),
        (5_051_000, split("2023-07-07T00:00:00Z", "2023-07-07T06:00:00Z")),
        (5_052_000, split("2023-07-07T06:00:00Z", "2023-07-07T12:00:00Z")),
        (5_090_000, progress(open_first(), 8_800_000, 8_800_000, 54_000_000)),
        (5_090_000, progress(open_second(), 5_000_000, 4_200_000, 31_000_000)),
        (5_111_000, began(Side::Source, WaitCause::Quota, 13_000)),
    ]
}

pub(crate) fn opened(batch: TimeRange, values: u64) -> Event {
    Event::BatchOpened { batch, values, bytes_predicted: 54_000_000 }
}

pub(crate) fn progress(
    batch: TimeRange,
    values_read: u64,
    values_written: u64,
    bytes_read: u64,
) -> Event {
    Event::BatchProgress { batch, values_read, values_written, bytes_read }
}

pub(crate) fn committed(range: TimeRange, batches: u64, values: u64) -> Event {
    Event::Committed { range, batches, values, rejected: 0 }
}

pub(crate) fn fold(header: Header, glyphs: Glyphs, events: &[(u64, Event)]) -> RunState {
    let mut state = RunState::new(header, glyphs);
    for (at_ms, event) in events {
        state.apply(event, *at_ms);
    }
    state
}

/// The run of the screens at [`NOW_MS`].
pub(crate) fn running() -> RunState {
    let mut state = fold(header(), Glyphs::Unicode, &events());
    let before = RunTotals { source_bytes_decoded: 45_788_000_000, ..totals() };
    state.observe(before, 5_099_000 - 300_000);
    state.observe(before, 5_099_000 - 1_000);
    state.observe(totals(), NOW_MS - 1);
    state
}

/// The run of the screens at its end.
pub(crate) fn finished() -> (SummaryInput, RunState) {
    let mut state = running();
    for event in [
        ended(Side::Source, WaitCause::Quota, 13_000),
        committed(range("2023-07-06", "2026-11-20"), 1_233, 17_500_000),
    ] {
        state.apply(&event, NOW_MS);
    }
    let end = RunTotals {
        source_bytes_decoded: 112_600_000_000,
        source_bytes_wire: 112_600_000_000,
        source_requests: 9_871,
        values_read: 18_400_000_000,
        lines_written: 1_840_000_000,
        values_written: 18_399_998_796,
        values_rejected: 1_204,
        body_bytes: 240_000_000_000,
        bodies: 120_400,
        batches_committed: 2_090,
        values_committed: 18_400_000_000,
        ..totals()
    };
    state.observe(end, 12_660_000);
    let outcome = RunOutcome {
        job: planned().job,
        watermark: planned().job.stop,
        values: 18_400_000_000,
        rejected: 1_204,
        expired: 0,
        changed: Vec::new(),
        unreturned: Vec::new(),
        lacking: Lacking::default(),
        is_shared: false,
        doubts: Vec::new(),
        proven: Proven::default(),
        closing: Closing { newer: Some(1_200_000), ..Closing::default() },
        batches: 2_090,
        stopped: None,
    };
    let input = SummaryInput {
        outcome,
        source: header().source,
        destination: header().destination,
        elapsed_ms: 12_660_000,
        exit: 3,
        rejects: Some("~/.local/state/sluice/plant-telemetry/rejects.lp".to_owned()),
        next: Some("sluice verify ...".to_owned()),
        later: Some("Later: the same command tops up to now"),
        read_back: None,
    };
    (input, state)
}

fn plan_cells() -> Vec<Cell> {
    let day = |n: i64| Timestamp::from_ns(1_614_556_800_000_000_000 + n * 32 * 86_400_000_000_000);
    let values = |n: i64| match n {
        17..=19 => 0,
        40..=43 => 1_200_000_000,
        n => 220_000_000 + u64::try_from(n).unwrap() * 1_000_000,
    };
    let cell = |n| Cell { range: TimeRange::new(day(n), day(n + 1)), values: values(n) };
    (0..64).map(cell).collect()
}

fn plan_rows() -> [PlanMeasurement; 3] {
    let row =
        |name: &str, values, series, transport: &str, reason: &str, milli: (u64, u64, u64)| {
            let milli = Spread { low: milli.0, likely: milli.1, high: milli.2 };
            PlanMeasurement {
                name: name.to_owned(),
                values,
                series: Some(series),
                transport: transport.to_owned(),
                reason: reason.to_owned(),
                milli_bytes_per_value: milli,
                samples: 3,
                bytes: milli.scaled(values, 1_000),
                others: Vec::new(),
            }
        };
    let mut cpu = row(
        "cpu",
        9_300_000_000,
        4_000,
        "influxql",
        "fewest bytes; 4000 series, key tags: host",
        (2_080, 2_100, 2_120),
    );
    cpu.others = vec![
        ("flux".to_owned(), Ok(116_300)),
        ("flux-keyed".to_owned(), Ok(51_200)),
        ("flux-pivot".to_owned(), Err("field host is called as a column".to_owned())),
    ];
    let why = "fewest bytes; influxql: its name may not be UTF-8; all tags: 90000 series are too many for a look, a run reads them";
    let events = row("events", 200_000_000, 90_000, "flux", why, (119_000, 121_000, 124_400));
    let rest = row(
        "and 4,980 more",
        2_700_000_000,
        118_400,
        "influxql",
        "as 4 of them",
        (1_900, 2_100, 4_000),
    );
    [cpu, events, rest]
}

/// A plan in which everything is said that can be.
pub(crate) fn plan() -> PlanReport {
    let [cpu, events, rest] = plan_rows();
    PlanReport {
        source: header().source,
        destination: Some(header().destination),
        job: planned().job,
        resume: time("2021-04-01"),
        data: Some((time("2021-04-01T00:00:03Z"), time("2026-11-19T23:59:50Z"))),
        values: 12_200_000_000,
        series: Some(212_400),
        measurements: 4_982,
        uncounted: vec!["2 fields of m that have several types, over 43800 windows".to_owned()],
        cells: plan_cells(),
        rows: vec![cpu, events],
        rest: Some(rest),
        types: vec![
            ("float".to_owned(), 12),
            ("float/integer".to_owned(), 1),
            ("integer".to_owned(), 410),
        ],
        types_from: None,
        conflicts: vec![Conflict {
            measurement: "events".to_owned(),
            field: "level".to_owned(),
            source: vec!["float".to_owned(), "integer".to_owned()],
            destination: vec!["string".to_owned()],
        }],
        not_carried: vec![
            "measurement \"bad\": tag _value has the name of a column of Flux".to_owned(),
        ],
        lost: 1_204,
        interval: IntervalRow {
            interval: "1d".to_owned(),
            auto: true,
            guide: Some(Guide {
                limit_bytes: 3_000_000_000,
                body_bytes: 1_410_000_000,
                range_ns: 86_400_000_000_000,
                interval_ns: 183_829_787_234_042,
            }),
        },
        forecast: Forecast {
            batches: 2_059,
            batches_held: 1_963,
            requests: Spread { low: 29_000, likely: 31_000, high: 58_900 },
            bytes: Spread { low: 48_300_000_000, likely: 49_400_000_000, high: 55_400_000_000 },
            count_bytes: Spread::exact(490_000_000),
            quota_bytes: Some(3_000_000_000),
            bytes_per_s: Some(9_000_000),
            time_ms: Some(Spread { low: 5_421_000, likely: 5_543_000, high: 6_210_000 }),
            spool_bytes: Some(Spread {
                low: 9_600_000_000,
                likely: 38_000_000_000,
                high: 38_000_000_000,
            }),
            task_ms: Some(578_400_000),
        },
        findings: vec![(
            "progress",
            Finding {
                code: "P15".to_owned(),
                verdict: Verdict::Fail,
                subject: "retention".to_owned(),
                text: "bucket \"migration\" keeps 7d: resume would be lost".to_owned(),
                cure: Some("influx bucket update --id c21077.. --retention 0".to_owned()),
                facts: sluice::testing::report::facts::RowFacts::default(),
            },
        )],
        quota_bytes_spent: 2_300_000,
        requests_spent: 312,
        exit: ExitCode::Permanent,
    }
}
