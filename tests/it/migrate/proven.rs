//! Batches that are read back before they are recorded: what is committed is proven.

use std::collections::BTreeSet;

use sluice::testing::config::job::JobConfig;
use sluice::testing::config::values::{ExistingPolicy, QuotaChoice, ReadBackChoice};
use sluice::testing::exit::ExitCode;
use sluice::testing::limits::QUOTA_WINDOW_MS;
use sluice::testing::model::transport::Transport;
use sluice::testing::sim::{
    Fault, Forgotten, Matcher, ReadQuota, Rule, ServerSettings, StoredValue,
};

use crate::support::digest;
use crate::support::rig::{BATCHES, BUCKET, Rig, cloud, oss_source, plant, store_of, with};
use crate::support::virtual_time;

const WEEK_S: u64 = 7 * 86_400;

async fn rig(source: ServerSettings) -> Rig {
    let rig = Rig::start(source, store_of(&plant(0..4), WEEK_S)).await;
    rig.over("2022-01-01", "2022-01-01T04:00:00Z", "1h")
}

fn read_back(config: JobConfig, when: ReadBackChoice) -> JobConfig {
    with(config, |config| config.safety.verify = when)
}

/// Batches that are recorded as proven, and all that are recorded; each is held against what the destination holds.
fn recorded(rig: &Rig) -> (usize, usize) {
    let values = rig.destination.store().dump(BUCKET);
    let inside = |start: i64, stop: i64| {
        values.iter().filter(move |value| (start..stop).contains(&value.time))
    };
    let batches = digest::recorded(rig.destination.store(), BATCHES);
    for (range, recorded) in &batches {
        let own = digest::of(inside(range.start.ns(), range.stop.ns()));
        assert_eq!(Some(&own), recorded.as_ref(), "{range}");
    }
    let is_proven = |value: &&StoredValue| &*value.field == b"proven";
    let details = rig.destination.store().dump(BATCHES);
    (details.iter().filter(is_proven).count(), batches.len())
}

fn values_written() -> Matcher {
    Matcher::path("/api/v2/write").body("air,host=a")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_batch_is_proven_before_it_is_recorded() {
    for (source, transport) in [
        (oss_source(), None),
        (oss_source(), Some(Transport::Influxql)),
        (cloud(), None),
        (cloud(), Some(Transport::Flux)),
        (cloud(), Some(Transport::FluxKeyed)),
        (cloud(), Some(Transport::FluxPivot)),
    ] {
        let rig = rig(source).await;
        let config = with(rig.config(), |config| config.pace.transport = transport);
        let run = rig.migrate(read_back(config, ReadBackChoice::Batch)).await;
        run.assert_exit(ExitCode::Done);
        rig.assert_copied();
        let proven = &run.finished().outcome.proven;
        let count = rig.source.store().count(BUCKET);
        assert_eq!((proven.findings.batches, proven.findings.values), (4, count), "{transport:?}");
        assert_eq!(recorded(&rig), (4, 4), "{transport:?}");
    }
    let rig = rig(oss_source()).await;
    rig.migrate(rig.stage_config()).await.assert_exit(ExitCode::Done);
    let run = rig.load(read_back(rig.load_config(), ReadBackChoice::Batch)).await;
    run.assert_exit(ExitCode::Done);
    let (proven, all) = recorded(&rig);
    assert!(proven > 0 && proven == all, "{proven} of {all}");
}

/// A destination that acknowledges a body and keeps a part of it, whichever body it is: nothing of its batch is recorded
/// before it is there. If it never is, the run ends and names it; the next one goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_and_not_kept_has_no_record() {
    let forget = || Fault::Forget { lines: Forgotten::From(1) };
    for source in [oss_source(), cloud()] {
        let mut stopped_at = BTreeSet::new();
        for write in 0..4 {
            let rig = rig(source.clone()).await;
            let config = read_back(rig.config(), ReadBackChoice::Batch);
            rig.destination_fault(values_written().skip(write), 1, forget());
            let run = rig.migrate(config.clone()).await;
            run.assert_exit(ExitCode::Done);
            assert!(rig.destination.faults_used_up(), "it struck");
            rig.assert_copied();
            assert_eq!(recorded(&rig), (4, 4));

            let rig = self::rig(source.clone()).await;
            let config = read_back(rig.config(), ReadBackChoice::Batch);
            rig.destination_fault(values_written().skip(write), u32::MAX, forget());
            let run = rig.migrate(config.clone()).await;
            assert_eq!(run.exit(), ExitCode::Different, "{}", run.words());
            assert!(run.words().contains("moved twice"), "{}", run.words());
            let (proven, all) = recorded(&rig);
            assert_eq!(proven, all, "write {write}");
            assert!(all < 4);
            stopped_at.insert(all);
            rig.destination.clear_faults();
            rig.migrate(config).await.assert_exit(ExitCode::Done);
            rig.assert_copied();
            assert_eq!(recorded(&rig), (4, 4));
        }
        assert!(stopped_at.len() > 1, "{stopped_at:?}");
    }
}

/// Whichever request to the destination is refused for good, the run ends with every record true; the next one ends the job.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_fails_at_any_request_has_recorded_only_what_is_proven() {
    let clean = rig(oss_source()).await;
    clean
        .migrate(read_back(clean.config(), ReadBackChoice::Batch))
        .await
        .assert_exit(ExitCode::Done);
    let requests = u32::try_from(clean.destination.records().len()).expect("few");
    assert!(requests > 30, "{requests}");
    let mut records = BTreeSet::new();
    for at in (0..requests).step_by(4) {
        let rig = rig(oss_source()).await;
        let config = read_back(rig.config(), ReadBackChoice::Batch);
        let any = Matcher::default().skip(at);
        rig.destination_fault(any, u32::MAX, Fault::unauthorized());
        let run = rig.migrate(config.clone()).await;
        let (proven, all) = recorded(&rig);
        assert_eq!(proven, all, "request {at}: {}", run.words());
        records.insert(all);
        rig.destination.clear_faults();
        let second = rig.migrate(config).await;
        assert_eq!(second.exit(), ExitCode::Done, "request {at}: {}", second.words());
        rig.assert_copied();
        assert_eq!(recorded(&rig), (4, 4), "request {at}");
    }
    assert!(records.len() > 1, "{records:?}");
}

/// Under a quota batches are proven from the first wait on: what was recorded before is read back at the end.
#[test]
fn batches_are_proven_while_the_quota_is_waited_for() {
    const SCARCE: u64 = 60_000;
    const AMPLE: u64 = 3_000_000_000;
    for (when, bytes_per_window, is_proven) in [
        (ReadBackChoice::Auto, SCARCE, true),
        (ReadBackChoice::Auto, AMPLE, false),
        (ReadBackChoice::Batch, AMPLE, true),
        (ReadBackChoice::End, SCARCE, false),
        (ReadBackChoice::Off, SCARCE, false),
    ] {
        let quota = ReadQuota { bytes_per_window, window_ms: QUOTA_WINDOW_MS, phase_ms: 0 };
        let server = ServerSettings { quota: Some(quota), ..oss_source() };
        virtual_time::run(async {
            let rig = Rig::start(server, store_of(&plant(0..40), WEEK_S)).await;
            let rig = rig.over("2022-01-01", "2022-01-02T16:00:00Z", "1h");
            let config = with(read_back(rig.config(), when), |config| {
                config.pace.quota = QuotaChoice::Bytes { per_window: bytes_per_window };
            });
            let run = Box::pin(rig.migrate_here(config)).await;
            run.assert_exit(ExitCode::Done);
            rig.assert_copied();
            let (proven, recorded) = recorded(&rig);
            let wanted = if is_proven { recorded } else { 0 };
            assert_eq!(proven, wanted, "{when:?} {bytes_per_window}");
            let outcome = &run.finished().outcome;
            assert_eq!(outcome.proven.range.is_some(), is_proven, "{when:?}");
            assert_eq!(outcome.proven.findings.batches, proven as u64, "{when:?}");
        });
    }
}

/// Where the bucket holds other values, or may lose some to its retention, a difference is none of what was written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_proven_is_recorded_and_said() {
    let rig = rig(oss_source()).await;
    let store = rig.destination.store();
    store.create_bucket(BUCKET, 0);
    store.write_lp(BUCKET, b"air,host=z f=1 1640998800000000000\n").expect("a line");
    let config = with(read_back(rig.config(), ReadBackChoice::Batch), |config| {
        config.safety.existing = ExistingPolicy::Merge;
    });
    let run = rig.migrate(config).await;
    run.assert_exit(ExitCode::Done);
    let findings = &run.finished().outcome.proven.findings;
    assert_eq!((findings.batches, findings.unproven_stretches), (3, 1));
    let (_, why) = &findings.unproven[0];
    assert!(why.contains("other values"), "{why}");
}

/// A destination that cannot be read: what was asked to be proven first is not recorded, what was not is, and it is said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_back_is_not_recorded_as_proven() {
    let rig = rig(oss_source()).await;
    let config = read_back(rig.config(), ReadBackChoice::Batch);
    let values = Matcher::path("/api/v2/query").body("rename(");
    let refused = || Fault::Status {
        status: 400,
        retry_after: None,
        body: "{\"code\":\"invalid\",\"message\":\"no\"}".to_owned(),
    };
    rig.destination.inject(Rule { matcher: values, times: u32::MAX, fault: refused() });
    let values = Matcher::path("/query").body("SELECT");
    rig.destination.inject(Rule { matcher: values, times: u32::MAX, fault: refused() });
    let run = rig.migrate(config.clone()).await;
    assert_eq!(run.exit(), ExitCode::Permanent, "{}", run.words());
    assert_eq!(recorded(&rig), (0, 0));
    rig.destination.clear_faults();
    rig.migrate(config).await.assert_exit(ExitCode::Done);
    assert_eq!(recorded(&rig), (4, 4));
}
