//! What the destination does not take.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;

use sluice::testing::exit::ExitCode;
use sluice::testing::model::series::Series;
use sluice::testing::pipeline::event::Event;
use sluice::testing::sim::{ColumnValues, Fault, Matcher, Rule};

use crate::support::rig::{BATCHES, BUCKET, Rig, cloud, plant, store_of, time};

const LINE: &str = "{\"code\":\"unprocessable entity\",\"message\":\"partial write: points beyond retention policy dropped=1\"}";

fn refuse(body: &str, times: u32) -> Rule {
    let fault = Fault::Status { status: 422, retry_after: None, body: LINE.to_owned() };
    Rule { matcher: Matcher::path("/api/v2/write").body(body), times, fault }
}

/// Three hours, one batch each; the destination refuses each body with one of these lines.
async fn rig(refused: &[&str]) -> Rig {
    let rig = Rig::start(cloud(), store_of(&plant(0..3), 7 * 86_400)).await.over(
        "2022-01-01",
        "2022-01-01T03:00:00Z",
        "1h",
    );
    for body in refused {
        rig.destination.inject(refuse(body, u32::MAX));
    }
    rig
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_lines_are_kept_exactly_and_only_they() {
    let rig = rig(&["i=1000i"]).await;
    rig.destination.clear_faults();
    rig.destination.inject(refuse("u=1003u", u32::MAX));
    let run = rig.migrate(rig.config()).await;
    run.assert_exit(ExitCode::Rejected);
    assert_eq!(run.finished().outcome.rejected, 10, "two lines of five values");
    assert_eq!(rig.destination.store().count(BUCKET), 3 * 60 - 10);
    let text = rig.rejects();
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("air,host=a b=false,f=0.43333333333333335,i=-2i,"), "{text}");
    assert!(lines[0].ends_with("u=1003u 1641000600000000001"), "{text}");
    let sections = text.split_once('\n').expect("a first line").1;
    let mark = "# batch 2022-01-01T01:00:00Z 2022-01-01T02:00:00Z, 10 values in ";
    assert!(sections.starts_with(mark) && sections.contains(" bytes\n# 5 values: "), "{text}");
    assert!(text.contains("partial write: points beyond retention policy"), "{text}");
    assert_eq!(rig.records()[1].rows, 60, "values read, as the official task counts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_moved_again_replaces_its_lines() {
    let rig = rig(&["u=1003u"]).await;
    // The record of the batch is not written; its lines already are.
    let record = Matcher::path("/api/v2/write").body("batch_stop=\"2022-01-01T02");
    rig.destination_fault(record, u32::MAX, Fault::unauthorized());
    rig.migrate(rig.config()).await.assert_exit(ExitCode::TokenRefused);
    assert_eq!(rig.rejects().matches("u=1003u").count(), 2);
    assert_eq!(rig.records().len(), 1);
    rig.destination.clear_faults();
    rig.destination.inject(refuse("u=1004u", u32::MAX));
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Rejected);
    let text = rig.rejects();
    assert_eq!(
        (text.matches("u=1003u").count(), text.matches("u=1004u").count()),
        (0, 2),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_stops_before_the_batch_is_recorded() {
    for (limit, batches) in [(5, 1), (9, 1), (10, 3)] {
        let rig = rig(&["u=1003u"]).await;
        let mut config = rig.config();
        config.safety.reject_limit = limit;
        let run = rig.migrate(config).await;
        let exit = if batches == 3 { ExitCode::Rejected } else { ExitCode::Permanent };
        assert_eq!(run.exit(), exit, "{limit}: {}", run.words());
        // The batch before may still be on its way when the limit is reached.
        let records = rig.records().len();
        assert!(records == batches || batches == 1 && records == 0, "{limit}: {records}");
        if batches < 3 {
            assert_eq!(rig.rejects(), "", "nothing of the batch is kept");
            assert!(run.words().contains("--reject-limit"), "{}", run.words());
            rig.destination.clear_faults();
            rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
            rig.assert_copied();
            assert_eq!(rig.rejects(), "", "nothing is refused any more");
        }
    }
}

/// The limit counts over all runs of a job, not for each of them anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_is_the_jobs() {
    let rig = rig(&["u=1003u", "u=2003u"]).await;
    let mut config = rig.config();
    config.safety.reject_limit = 15;
    // The third batch is not answered before the run is killed, with the second one committed.
    let third = Matcher::path("/api/v2/query").body("T03:00:00Z) |> rename");
    rig.source_fault(third, 1, Fault::Stall { after_bytes: 0, ms: 3_600_000 });
    let second = |event: &Event| matches!(event, Event::Committed { range, .. } if range.stop >= time("2022-01-01T02:00:00Z"));
    let first = rig.migrate_until(config.clone(), second).await;
    assert!(first.ended.is_none() && rig.source.faults_used_up(), "{}", first.words());
    assert_eq!(rig.records().len(), 2, "{}", rig.rejects());
    rig.source.clear_faults();
    let run = rig.migrate(config).await;
    assert_eq!(run.exit(), ExitCode::Permanent, "{}", rig.rejects());
    assert!(run.words().contains("--reject-limit"), "{}", run.words());
    assert_eq!(rig.records().len(), 2, "{}", rig.rejects());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_line_protocol_cannot_carry_is_named_with_its_count() {
    let store = store_of(&plant(0..3), 7 * 86_400);
    let name = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
    let series = Series::new(name("air"), [(name("host"), name("back\\"))]);
    let times: Vec<_> = (0..7).map(|at| time("2022-01-01T01:00:00Z").ns() + at).collect();
    store.load_column(BUCKET, &series, b"f", &times, &ColumnValues::Float(vec![0.5; 7])).unwrap();
    let rig = Rig::start(cloud(), Arc::clone(&store)).await.over(
        "2022-01-01",
        "2022-01-01T03:00:00Z",
        "1h",
    );
    let run = rig.migrate(rig.config()).await;
    run.assert_exit(ExitCode::Rejected);
    assert_eq!(run.finished().rejected_total, 7);
    assert!(rig.rejects().contains("# 7 values: "), "{}", rig.rejects());
    assert!(rig.rejects().contains("back"), "{}", rig.rejects());
    assert_eq!(rig.destination.store().count(BUCKET), 180);
    let details = rig.destination.store().dump(BATCHES);
    assert!(details.iter().any(|value| &*value.field == b"rejected"));
}
