//! A series is deleted and written anew with another tag, while its measurement is read by key tags: their number stays.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;

use sluice::testing::exit::ExitCode;
use sluice::testing::model::transport::Transport;
use sluice::testing::pipeline::event::Event;
use sluice::testing::sim::{
    BucketStore, Fault, Matcher, Rule, ServerSettings, StoreChange, StoredValue, When,
};
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::Stored;

use crate::support::rig::{BUCKET, Rig, Run, cloud, oss_source, store_of};

const HOSTS: i64 = 10;
const HOURS: i64 = 6;

/// A minute apart, `host` tells them apart. One of them may stand in another zone.
fn lines(moved: Option<i64>) -> Vec<u8> {
    let mut lines = String::new();
    for host in 0..HOSTS {
        let zone = if moved == Some(host) { "new" } else { "old" };
        for minute in 0..HOURS * 60 {
            let at = 1_640_995_200 + minute * 60;
            lines.push_str(&format!(
                "m,host=a{host},rack=r{host},zone={zone} v={minute}i {at}000000000\n"
            ));
        }
    }
    lines.into_bytes()
}

async fn rig(source: ServerSettings) -> Rig {
    let store = store_of(&lines(None), 86_400);
    Rig::start(source, store).await.over("2022-01-01", "2022-01-01T06:00:00Z", "1h")
}

/// Before the request number `skip` for values.
fn retag(rig: &Rig, transport: Transport, skip: u32) {
    let values = match transport {
        Transport::Influxql => Matcher::path("/query").body("SELECT"),
        _ => Matcher::path("/api/v2/query").body("keep(columns: [\\\"_time\\\", \\\"_value\\\""),
    };
    let bucket = BUCKET.to_owned();
    let (start, stop) = (i64::MIN, i64::MAX);
    let delete = StoreChange::Delete { bucket: bucket.clone(), measurement: None, start, stop };
    let write = StoreChange::Write { bucket, lines: lines(Some(5)) };
    for change in [delete, write] {
        let (matcher, when) = (values.clone().skip(skip), When::Before);
        let fault = Fault::Change { when, change };
        rig.source.inject(Rule { matcher, times: 1, fault });
    }
}

fn differs(rig: &Rig) -> bool {
    let dump = |store: &BucketStore| store.dump(BUCKET);
    dump(rig.source.store()) != dump(rig.destination.store())
}

fn told(run: &Run) -> bool {
    let outcome = &run.finished().outcome;
    outcome.doubts.iter().any(|doubt| doubt.contains("came in place of others"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_restored_from_series_that_are_gone_is_named() {
    for (source, transport) in [
        (cloud(), Transport::FluxKeyed),
        (cloud(), Transport::FluxPivot),
        (oss_source(), Transport::Influxql),
    ] {
        let (mut wrong, mut right) = (0, 0);
        for skip in 0..9 {
            let rig = rig(source.clone()).await;
            retag(&rig, transport, skip);
            let mut config = rig.config();
            config.pace.transport = Some(transport);
            let run = rig.migrate(config.clone()).await;
            let what = format!("{transport} {skip}: {:?} {}", run.exit(), run.words());
            if differs(&rig) {
                wrong += 1;
                assert!(matches!(run.exit(), ExitCode::Rejected | ExitCode::Different), "{what}");
                // By the next run as well.
                let again = rig.migrate(config).await.exit();
                assert!(matches!(again, ExitCode::Rejected | ExitCode::Different), "{what}");
            } else {
                right += 1;
                assert!(run.exit() == ExitCode::Done || told(&run), "{what}");
            }
        }
        assert!(wrong > 0 && right > 0, "{transport}: {wrong} wrong, {right} right");
    }
}

/// The last batch is looked at before it is committed: what it has read by old tags is read again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_batch_is_read_again() {
    let rig = rig(cloud()).await;
    // Of each batch one answer, in their order; samples are drawn from the first, the second and the fourth.
    retag(&rig, Transport::FluxKeyed, 5);
    let mut config = rig.config();
    config.pace.concurrency = 1;
    config.pace.transport = Some(Transport::FluxKeyed);
    let run = rig.migrate(config).await;
    assert!(matches!(run.exit(), ExitCode::Rejected | ExitCode::Different), "{}", run.words());
    assert!(told(&run));
    let is_again = |event: &Event| matches!(event, Event::Notice(text) if text.contains("series changed while it was read"));
    assert_eq!(run.count(is_again), 1);
    let last = |store: &BucketStore| -> BTreeSet<String> {
        let in_last = |value: &StoredValue| value.time >= 1_641_013_200_000_000_000;
        store.dump(BUCKET).into_iter().filter(in_last).map(|value| format!("{value:?}")).collect()
    };
    let (here, there) = (last(rig.source.store()), last(rig.destination.store()));
    assert!(here.len() == 600 && here.is_subset(&there), "it arrives with its tags of now");
}

/// What was staged so is refused for good: by the run that finds it, by the same command again, and by whoever reads the files.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spool_that_was_perhaps_read_wrongly_stays_refused() {
    let mut refused = 0;
    for skip in 1..9 {
        let rig = rig(cloud()).await;
        retag(&rig, Transport::FluxKeyed, skip);
        let mut config = rig.stage_config();
        config.pace.transport = Some(Transport::FluxKeyed);
        let run = rig.migrate(config.clone()).await;
        if run.exit() == ExitCode::Permanent {
            refused += 1;
            assert!(run.words().contains("--transport flux"), "{}", run.words());
            for again in [rig.migrate(config).await, rig.load(rig.load_config()).await] {
                assert_eq!(again.exit(), ExitCode::Permanent, "{skip}: {}", again.words());
                assert!(again.words().contains("stage it again"), "{}", again.words());
            }
            assert!(Stored::open(&Storage::folder(rig.stage_dir())).is_err());
            continue;
        }
        // The source may be found changed at the end, and that is told.
        let is_told = run.exit() == ExitCode::Rejected;
        let loaded = rig.load(rig.load_config()).await;
        loaded.assert_exit(ExitCode::Done);
        assert!(
            is_told || run.exit() == ExitCode::Done && !differs(&rig),
            "{skip} {}",
            run.words()
        );
    }
    assert!(refused > 0);
}

/// That others come and go while a run reads is no doubt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn series_that_come_and_series_that_go_are_not_confused() {
    let rig = rig(cloud()).await;
    let values =
        || Matcher::path("/api/v2/query").body("keep(columns: [\\\"_time\\\", \\\"_value\\\"");
    let late = b"m,host=later,rack=r0,zone=old v=1i 1641081600000000000\n";
    rig.source_fault(values().skip(3), 1, Fault::written_after(BUCKET, late));
    let mut config = rig.config();
    config.pace.transport = Some(Transport::FluxKeyed);
    let run = rig.migrate(config).await;
    run.assert_exit(ExitCode::Done);
    assert!(run.finished().outcome.doubts.is_empty());
}
