//! Many batches, little quota, data that changes meanwhile.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sluice::testing::exit::ExitCode;
use sluice::testing::model::transport::Transport;
use sluice::testing::pipeline::event::Event;
use sluice::testing::sim::{Fault, Matcher};

use crate::support::rig::{BUCKET, Rig, cloud, oss_source, plant, store_of, time};

fn is_query(request: &sluice::testing::sim::RequestRecord) -> bool {
    request.path == "/api/v2/query"
}

/// 100,000 batches of a minute, three of which hold something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_stretches_cost_a_few_counts() {
    let lines =
        b"m f=1 1640995200000000000\nm f=2 1644000000000000000\nm f=3 1646900000000000000\n";
    let rig = Rig::start(oss_source(), store_of(lines, 7 * 86_400)).await;
    let rig = rig.over("2022-01-01", "2022-03-11T10:40:00Z", "1m");
    let killed = rig
        .migrate_until(rig.config(), |event| {
            matches!(event, Event::Committed { range, .. } if range.stop > time("2022-02-10"))
        })
        .await;
    assert!(killed.ended.is_none());
    let run = rig.migrate(rig.config()).await;
    run.assert_exit(ExitCode::Done);
    rig.assert_copied();
    assert_eq!(rig.records().len(), 100_000);
    let queries = rig.source.records().iter().filter(|request| is_query(request)).count();
    assert!(queries < 300, "{queries} queries of the source");
    let written = rig.destination.records().len();
    assert!(written < 1_200, "{written} requests to the destination");
}

/// Values that arrive between the count and the read: the batch is read again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_changes_is_read_again_and_at_last_listed() {
    for (changes, exit) in [(1, ExitCode::Done), (3, ExitCode::Done), (9, ExitCode::Rejected)] {
        let rig = Rig::start(cloud(), store_of(&plant(0..3), 7 * 86_400)).await;
        let rig = rig.over("2022-01-01", "2022-01-01T03:00:00Z", "1h");
        let store = Arc::clone(rig.source.store());
        let batch = time("2022-01-01T01:00:00Z");
        let count = AtomicU32::new(0);
        let grow = move |event: &Event| {
            if matches!(event, Event::BatchOpened { batch: opened, .. } if opened.start == batch) {
                let n = count.fetch_add(1, Ordering::SeqCst);
                if n < changes {
                    let line = format!("air,host=late f={n} {}\n", batch.ns() + i64::from(n));
                    store.write_lp(BUCKET, line.as_bytes()).unwrap();
                }
            }
            false
        };
        let run = rig.migrate_until(rig.config(), grow).await;
        assert_eq!(run.exit(), exit, "{changes}: {}", run.words());
        let listed = &run.finished().outcome.changed;
        assert_eq!(
            listed.iter().map(|range| range.start).collect::<Vec<_>>(),
            if changes > 3 { vec![batch] } else { vec![] }
        );
        let reread =
            run.count(|event| matches!(event, Event::Notice(text) if text.contains("changed")));
        assert_eq!(reread, changes.min(3) as usize);
        rig.assert_copied();
    }
}

/// Values that are counted and never arrive: both numbers are said, nothing is recorded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_difference_that_stays_ends_the_run() {
    let rig = Rig::start(cloud(), store_of(&plant(0..3), 7 * 86_400)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T03:00:00Z", "1h");
    // An empty result is a whole answer.
    let empty = Fault::Status { status: 200, retry_after: None, body: "\r\n".to_owned() };
    let reads = Matcher::path("/api/v2/query").body("T02:00:00Z) |> rename");
    rig.source_fault(reads, u32::MAX, empty);
    let run = rig.migrate(rig.config()).await;
    run.assert_exit(ExitCode::Permanent);
    assert!(!run.words().is_empty());
    rig.assert_checkpoint_is_behind();
    assert!(rig.records().len() <= 1);
    rig.source.clear_faults();
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    rig.assert_copied();
}

/// The destination holds the writes up for longer than a read may take: the reads do not see it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_stalls_makes_no_read_miss_its_deadline() {
    let mut lines = Vec::new();
    let host = "a-long-name-".repeat(15);
    for step in 0..130_000_i64 {
        let at = 1_640_995_200_000_000_000 + step / 40 * 20_000_000;
        lines.extend(format!("m,host={host}{} f={step}i {at}\n", step % 40).bytes());
    }
    let mut rig = Rig::start(oss_source(), store_of(&lines, 7 * 86_400)).await;
    rig.client.query_grace_ms = 100;
    let rig = rig.over("2022-01-01", "2022-01-01T01:00:00Z", "1h");
    let writes = Matcher::path("/api/v2/write").body("m,host");
    rig.destination_fault(writes, 2, Fault::Stall { after_bytes: 0, ms: 3_000 });
    let mut config = rig.config();
    config.pace.query_timeout_ms = 1_000;
    config.pace.transport = Some(Transport::Flux);
    let run = rig.migrate(config).await;
    run.assert_exit(ExitCode::Done);
    assert_eq!(run.count(|event| matches!(event, Event::Split { .. })), 0);
    assert_eq!(run.count(|event| matches!(event, Event::Client(_))), 0, "nothing is tried again");
    rig.assert_copied();
}
