//! Killed at every place, a job goes on where it was.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use sluice::testing::exit::ExitCode;
use sluice::testing::limits::BATCHES_OPEN_MAX;
use sluice::testing::model::series::Series;
use sluice::testing::pipeline::event::{Event, StopReason};
use sluice::testing::pipeline::stop::stop_pair;
use sluice::testing::sim::{ColumnValues, Fault, Matcher};

use crate::support::rig::{BUCKET, Record, Rig, Run, cloud, plant, store_of, time};

const STOP: &str = "2022-01-01T20:00:00Z";

/// Ten batches of two slices each, empty ones among them, with values that line protocol cannot carry in two.
async fn rig() -> Rig {
    let store = store_of(&plant([0, 1, 2, 3, 8, 9, 10, 12, 13, 17, 18]), 3_600);
    let name = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
    let series = Series::new(name("air"), [(name("host"), name("ends in \\"))]);
    let times = [time("2022-01-01T03:00:00Z").ns(), time("2022-01-01T13:30:00Z").ns()];
    store.load_column(BUCKET, &series, b"f", &times, &ColumnValues::Float(vec![1.0, 2.0])).unwrap();
    Rig::start(cloud(), store).await.over("2022-01-01", STOP, "2h")
}

/// What must be the same however often the job was killed.
fn trace(rig: &Rig) -> (Vec<String>, Vec<(String, String, i64)>, String) {
    let values = rig.destination.store().dump(BUCKET).iter().map(|v| format!("{v:?}")).collect();
    let record = |r: &Record| (r.start.to_string(), r.stop.to_string(), r.rows);
    // The first line names the job, with the addresses of its servers.
    let sections =
        rig.rejects().split_once('\n').map_or(String::new(), |(_, rest)| rest.to_owned());
    (values, rig.records().iter().map(record).collect(), sections)
}

fn opened_by(runs: &[&Run]) -> usize {
    runs.iter().map(|run| run.opened()).sum()
}

const KINDS: [(&str, fn(&Event) -> bool); 6] = [
    ("planned", |event| matches!(event, Event::Planned(_))),
    ("opened", |event| matches!(event, Event::BatchOpened { .. })),
    ("progress", |event| matches!(event, Event::BatchProgress { .. })),
    ("rejected", |event| matches!(event, Event::Rejected { .. })),
    ("committed", |event| matches!(event, Event::Committed { .. })),
    ("anything", |_| true),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_event_the_job_ends_the_same() {
    let clean = rig().await;
    let run = clean.migrate(clean.config()).await;
    run.assert_exit(ExitCode::Rejected);
    assert_eq!(run.finished().outcome.rejected, 2);
    let wanted = trace(&clean);
    assert_eq!(wanted.2.matches("# batch").count(), 2, "{}", wanted.2);
    for (kind, pick) in KINDS {
        for k in 1..=run.count(pick) {
            let rig = rig().await;
            let seen = AtomicUsize::new(0);
            let kill =
                move |event: &Event| pick(event) && seen.fetch_add(1, Ordering::SeqCst) + 1 == k;
            rig.migrate_until(rig.config(), kill).await;
            let second = rig.migrate(rig.config()).await;
            assert_eq!(second.exit(), ExitCode::Rejected, "{kind} {k}: {}", second.words());
            assert_eq!(trace(&rig), wanted, "killed at {kind} {k}");
            rig.assert_records(time(STOP));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_killed_after_every_commit_ends() {
    let rig = rig().await;
    let mut runs = 0;
    loop {
        let run =
            rig.migrate_until(rig.config(), |event| matches!(event, Event::Committed { .. })).await;
        runs += 1;
        assert!(runs < 20, "each run commits something");
        if run.ended.is_some() {
            run.assert_exit(ExitCode::Rejected);
            break;
        }
    }
    assert!(runs > 2);
    rig.assert_records(time(STOP));
    assert_eq!(rig.rejects().matches("# batch").count(), 2);
}

/// A hundred batches of a minute, the first of which is answered last of all.
async fn stalled() -> Rig {
    let mut lines = String::new();
    for at in 0..100_i64 {
        let time = 1_640_995_200_000_000_000 + at * 60_000_000_000;
        writeln!(lines, "air,host=a f={at} {time}").unwrap();
    }
    let rig = Rig::start(cloud(), store_of(lines.as_bytes(), 86_400)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T01:40:00Z", "1m");
    let first = "start: 2022-01-01T00:00:00Z, stop: 2022-01-01T00:01:00Z) |> rename";
    let reads = Matcher::path("/api/v2/query").body(first);
    rig.source_fault(reads, 1, Fault::Stall { after_bytes: 0, ms: 600 });
    rig
}

/// Whatever one batch waits for, no more than so many others run ahead of it: they are what a kill costs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_are_open_until_they_are_committed() {
    let rig = stalled().await;
    let run = rig.migrate(rig.config()).await;
    run.assert_exit(ExitCode::Done);
    assert!(rig.source.faults_used_up(), "it struck");
    let (mut opened, mut committed, mut most) = (0, 0, 0);
    for event in &run.events {
        match event {
            Event::BatchOpened { .. } => opened += 1,
            Event::Committed { batches, .. } => committed += batches,
            _ => {}
        }
        most = most.max(opened - committed);
        assert!(
            opened - committed <= BATCHES_OPEN_MAX as u64,
            "{opened} opened, {committed} committed"
        );
    }
    assert_eq!((opened, committed, most), (100, 100, BATCHES_OPEN_MAX as u64));
    rig.assert_copied();

    for k in [1, 30, 100] {
        let rig = stalled().await;
        let seen = AtomicUsize::new(0);
        let kill = move |event: &Event| {
            matches!(event, Event::Committed { .. }) && seen.fetch_add(1, Ordering::SeqCst) + 1 == k
        };
        let first = rig.migrate_until(rig.config(), kill).await;
        let second = rig.migrate(rig.config()).await;
        second.assert_exit(ExitCode::Done);
        let opened = opened_by(&[&first, &second]);
        assert!(opened <= 100 + BATCHES_OPEN_MAX, "killed at {k}: {opened}");
        rig.assert_copied();
    }
}

/// The slices of the second batch come last of all: the others wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_complete_out_of_order_are_recorded_in_order() {
    for late in ["2022-01-01T02:00:00Z", "2022-01-01T03:00:00Z"] {
        let rig = rig().await;
        let reads =
            Matcher::path("/api/v2/query").body(&format!("start: {late}, stop: 2022-01-01T0"));
        let reads = Matcher { body: reads.body, ..reads };
        rig.source_fault(
            Matcher {
                body: format!(
                    "start: {late}, stop: 2022-01-01T0{}:00:00Z) |> rename",
                    if late.contains("T02") { 3 } else { 4 }
                ),
                ..reads
            },
            1,
            Fault::Stall { after_bytes: 0, ms: 400 },
        );
        let run = rig.migrate(rig.config()).await;
        run.assert_exit(ExitCode::Rejected);
        assert!(rig.source.faults_used_up(), "it struck");
        rig.assert_records(time(STOP));
        let progressed: BTreeSet<_> = run
            .events
            .iter()
            .take_while(|event| !matches!(event, Event::Committed { range, .. } if range.start >= time("2022-01-01T02:00:00Z")))
            .filter_map(|event| match event {
                Event::BatchProgress { batch, .. } => Some(batch.start),
                _ => None,
            })
            .collect();
        assert!(progressed.len() > 2, "later batches were read meanwhile: {progressed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_drains_and_the_next_run_goes_on() {
    for (reason, exit) in [
        (StopReason::Interrupted, ExitCode::Interrupted),
        (StopReason::Terminated, ExitCode::Terminated),
        (StopReason::TimeBudget, ExitCode::TimeBudget),
    ] {
        let rig = rig().await;
        let (stopper, stop) = stop_pair();
        let asked = move |event: &Event| {
            if matches!(event, Event::BatchOpened { .. }) {
                stopper.stop(reason);
            }
            false
        };
        let run = rig.migrate_stoppable(rig.config(), stop, asked).await;
        run.assert_exit(exit);
        assert_eq!(run.finished().outcome.batches, 1, "what was open is finished and recorded");
        assert_eq!(rig.records().len(), 1);
        rig.migrate(rig.config()).await.assert_exit(ExitCode::Rejected);
        rig.assert_records(time(STOP));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_byte_budget_ends_runs_until_the_job_is_done() {
    // Even one that the look-ups use up.
    for budget in [20_000, 1] {
        let rig = rig().await;
        let mut config = rig.config();
        config.pace.max_transfer_bytes = Some(budget);
        let mut runs = 0;
        loop {
            let run = rig.migrate(config.clone()).await;
            runs += 1;
            if run.exit() != ExitCode::ByteBudget {
                run.assert_exit(ExitCode::Rejected);
                break;
            }
            assert!(run.finished().outcome.batches > 0, "each run gets on");
        }
        assert!(runs > 2, "{runs}");
        rig.assert_records(time(STOP));
    }
}
