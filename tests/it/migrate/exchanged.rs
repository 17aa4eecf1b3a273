//! Another bucket takes the name of the source's or the destination's while a job runs.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::sync::Arc;

use sluice::testing::exit::ExitCode;
use sluice::testing::model::transport::Transport;
use sluice::testing::pipeline::event::Event;
use sluice::testing::sim::{
    BucketStore, Dbrp, Fault, Matcher, Rule, ServerSettings, StoreChange, StoredValue, When,
};

use crate::support::rig::{BUCKET, Rig, cloud, oss_source, plant, store_of, with};

const OTHER: &str = "other";

/// Both ends have another bucket with as many values at the same times, other ones and of other series.
async fn rig(source: ServerSettings) -> Rig {
    let rig = Rig::start(source, store_of(&plant(0..6), 3_600)).await;
    let other =
        String::from_utf8(plant(0..6)).unwrap().replace("f=", "f=9").replace("host=b", "host=c");
    for store in [rig.source.store(), rig.destination.store()] {
        store.create_bucket(BUCKET, 0);
        store.create_bucket_with(OTHER, 0, 3_600);
        store.write_lp(OTHER, other.as_bytes()).unwrap();
    }
    rig.over("2022-01-01", "2022-01-01T06:00:00Z", "1h")
}

/// What the bucket holds that had the name at first.
fn held(store: &BucketStore, id: &str) -> Vec<StoredValue> {
    store.dump(&store.bucket(id).unwrap().name)
}

fn exchange(when: When) -> Fault {
    let change = StoreChange::Exchange { bucket: BUCKET.to_owned(), other: OTHER.to_owned() };
    Fault::Change { when, change }
}

/// A run that ends well has copied all of the one bucket, and nothing else, to the other one.
async fn exchanged_behind_any_request(
    source: &ServerSettings,
    transport: Option<Transport>,
    here: bool,
) {
    let (mut noticed, mut done) = (0, 0);
    // Others than these are tried at the other end and by the other transport.
    for skip in (u32::from(here)..).step_by(if here { 6 } else { 2 }) {
        let rig = rig(source.clone()).await;
        let id = |store: &BucketStore| store.bucket(BUCKET).unwrap().id;
        let (source_id, destination_id) = (id(rig.source.store()), id(rig.destination.store()));
        let rule =
            Rule { matcher: Matcher::path("").skip(skip), times: 1, fault: exchange(When::After) };
        let server = if here { &rig.source } else { &rig.destination };
        server.inject(rule);
        let run = rig.migrate(with(rig.config(), |config| config.pace.transport = transport)).await;
        let what = format!("{transport:?} {here} {skip}: {:?} {}", run.exit(), run.words());
        let was_exchanged = server.store().bucket(BUCKET).unwrap().id
            != if here { source_id.clone() } else { destination_id.clone() };
        let whole = held(rig.source.store(), &source_id);
        match run.exit() {
            // What was exchanged before the job knew its buckets is another job.
            ExitCode::Done => {
                done += 1;
                let copied = held(rig.destination.store(), &destination_id);
                let named = rig.destination.store().dump(BUCKET);
                let of_other =
                    held(rig.source.store(), &rig.source.store().bucket(BUCKET).unwrap().id);
                assert!(copied == whole || named == whole || named == of_other, "{what}");
            }
            ExitCode::State if run.words().contains("when this run began") => {
                noticed += 1;
                // Once the names are as they were, the job goes on; what was of the other bucket is written over or named.
                let back =
                    Rule { matcher: Matcher::path(""), times: 1, fault: exchange(When::Before) };
                server.inject(back);
                let again = rig.migrate(with(rig.config(), |c| c.pace.transport = transport)).await;
                let is_whole = held(rig.destination.store(), &destination_id) == whole;
                let is_named = matches!(again.exit(), ExitCode::Rejected | ExitCode::Different);
                assert!(
                    is_named || is_whole && again.exit() == ExitCode::Done,
                    "{what}: {:?}",
                    again.exit()
                );
            }
            _ => {}
        }
        if !was_exchanged {
            break;
        }
    }
    assert!(noticed > 2 && done > 0, "{noticed} {done}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_another_source_bucket_is_taken_for_the_jobs() {
    exchanged_behind_any_request(&oss_source(), None, true).await;
    exchanged_behind_any_request(&cloud(), Some(Transport::FluxKeyed), true).await;
}

/// Somebody makes a name of InfluxQL while the job runs, and the one that is read by leads to another bucket from then on, with
/// as many values of the same series at the same times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_read_by_a_name_that_leads_elsewhere_meanwhile() {
    let (mut copied, mut noticed) = (0, 0);
    for transport in [Some(Transport::Influxql), None] {
        for skip in (0..).step_by(if transport.is_some() { 1 } else { 3 }) {
            let rig = Rig::start(oss_source(), store_of(&plant(0..6), 3_600)).await;
            let rig = rig.over("2022-01-01", "2022-01-01T06:00:00Z", "1h");
            let store = rig.source.store();
            let twin = String::from_utf8(plant(0..6)).unwrap().replace("f=", "f=9");
            store.create_bucket_with(OTHER, 0, 3_600);
            store.write_lp(OTHER, twin.as_bytes()).unwrap();
            let change = StoreChange::Map(Dbrp::default_of(BUCKET, OTHER));
            let fault = Fault::Change { when: When::Before, change };
            let matcher = Matcher::path("").skip(skip);
            rig.source.inject(Rule { matcher, times: 1, fault });
            let config = with(rig.config(), |config| config.pace.transport = transport);
            let run = rig.migrate(config).await;
            let what = format!("{transport:?} {skip} {:?} {}", run.exit(), run.words());
            assert_eq!(run.exit(), ExitCode::Done, "{what}");
            rig.assert_copied();
            copied += 1;
            let tells = |event: &Event| matches!(event, Event::Notice(text) if text.contains("no longer leads to it alone"));
            noticed += usize::from(run.count(tells) > 0);
            if rig.source.records().len() < skip as usize {
                break;
            }
        }
    }
    assert!(copied > 20 && noticed > 5, "{copied} {noticed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_into_another_destination_bucket_and_called_copied() {
    exchanged_behind_any_request(&oss_source(), None, false).await;
}

/// Killed before it is noticed: the next run, once the names are as they were, has all of the right one or names what is not so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_run_has_of_another_bucket_is_written_over_or_named() {
    let mut killed = 0;
    for skip in (20..40).step_by(2) {
        let rig = rig(oss_source()).await;
        let store = Arc::clone(rig.source.store());
        let id = store.bucket(BUCKET).unwrap().id;
        let fault = exchange(When::After);
        rig.source.inject(Rule { matcher: Matcher::path("").skip(skip), times: 1, fault });
        let (named, own) = (Arc::clone(&store), id.clone());
        let kill = move |event: &Event| {
            matches!(event, Event::SliceRead { .. }) && named.bucket(BUCKET).unwrap().id != own
        };
        let run = rig.migrate_until(rig.config(), kill).await;
        if run.ended.is_some() {
            continue;
        }
        killed += 1;
        let fault = exchange(When::Before);
        rig.source.inject(Rule { matcher: Matcher::path(""), times: 1, fault });
        let again = rig.migrate(rig.config()).await;
        let is_whole = rig.destination.store().dump(BUCKET) == held(&store, &id);
        let is_named = matches!(again.exit(), ExitCode::Rejected | ExitCode::Different);
        let what = format!("{skip}: {:?} {}", again.exit(), again.words());
        assert!(is_named || is_whole && again.exit() == ExitCode::Done, "{what}");
    }
    assert!(killed > 2, "{killed}");
}
