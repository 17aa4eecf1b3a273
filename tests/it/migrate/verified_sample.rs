//! Some of the batches, compared instead of all: which ones, what that costs, and what is said of the rest.

use std::collections::BTreeSet;

use sluice::testing::config::values::EvidenceChoice;
use sluice::testing::config::verify::VerifyConfig;
use sluice::testing::exit::ExitCode;
use sluice::testing::job::verify::VerifyOutcome;
use sluice::testing::model::transport::Transport;
use sluice::testing::pipeline::verify::VerifyFindings;
use sluice::testing::pipeline::verify::sample::{BatchSample, SampledBatches};
use sluice::testing::sim::{RequestRecord, ServerSettings};

use super::verified::{is_equal, named, wanted};
use crate::support::rig::{BUCKET, Rig, cloud, oss_source, plant, store_of, with};

const WEEK_S: u64 = 7 * 86_400;
const HOUR_NS: i64 = 3_600_000_000_000;
/// 2022-01-01.
const START_NS: i64 = 1_640_995_200_000_000_000;

/// Hours that hold something: twenty, and ten empty ones after them.
const HOURS: i64 = 20;

async fn moved(source: ServerSettings) -> Rig {
    let rig = Rig::start(source, store_of(&plant(0..HOURS), WEEK_S)).await;
    let rig = rig.over("2022-01-01", "2022-01-02T06:00:00Z", "1h");
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    rig.migrate(rig.stage_config()).await.assert_exit(ExitCode::Done);
    rig
}

fn of(evidence: EvidenceChoice, per_mille: u32, seed: u64) -> VerifyConfig {
    let sample = Some(BatchSample { per_mille, seed });
    VerifyConfig { sample, ..wanted(Some(evidence)) }
}

/// By plain Flux, whose requests tell what they read.
async fn sampled(rig: &Rig, wanted: &VerifyConfig) -> VerifyOutcome {
    let config = with(rig.config(), |config| config.pace.transport = Some(Transport::Flux));
    rig.verify(&config, wanted).await.expect("compared")
}

/// True for a request for the values of an hour.
fn reads_an_hour(record: &RequestRecord) -> bool {
    record.body_head.contains("rename(") && record.body_head.contains(":00:00Z, stop: ")
}

/// The hours of which values were asked of a server.
fn hours_read(records: &[RequestRecord]) -> BTreeSet<i64> {
    let values = records.iter().filter(|record| reads_an_hour(record));
    let hour = |text: &str| -> Option<i64> {
        let (_, rest) = text.split_once("start: 2022-01-0")?;
        let (day, hour) =
            (rest.get(..1)?.parse::<i64>().ok()?, rest.get(2..4)?.parse::<i64>().ok()?);
        Some((day - 1) * 24 + hour)
    };
    values.map(|record| hour(&record.body_head).expect("a range begins with its hour")).collect()
}

/// The share is that of the batches that hold something, rounded up, and no other is read at either end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_share_is_read_and_the_rest_is_not() {
    let rig = moved(cloud()).await;
    for (per_mille, chosen) in [(50, 1), (101, 3), (500, 10), (999, 20)] {
        let mut of_seeds = Vec::new();
        for seed in [0, 1, 2] {
            let mut of_kinds = Vec::new();
            for evidence in [EvidenceChoice::Read, rig.spool()] {
                let before = (rig.source.records().len(), rig.destination.records().len());
                let is_spool = evidence != EvidenceChoice::Read;
                let found = sampled(&rig, &of(evidence, per_mille, seed)).await;
                let sample = BatchSample { per_mille, seed };
                let expected = SampledBatches { sample, chosen, of_batches: 20 };
                assert_eq!(found.verified.sampled, Some(expected));
                // The ten empty ones are looked at.
                let VerifyFindings { batches, values, .. } = found.verified;
                assert_eq!((batches, values), (chosen + 10, chosen * 60), "{:?}", found.verified);
                assert!(is_equal(&found), "{:?}", found.verified);
                let here = hours_read(&rig.source.records()[before.0..]);
                let there = hours_read(&rig.destination.records()[before.1..]);
                assert_eq!(there.len() as u64, chosen, "{there:?}");
                if !is_spool {
                    assert_eq!(here, there);
                }
                of_kinds.push(there);
            }
            assert_eq!(of_kinds[0], of_kinds[1], "one choice, whatever the source");
            of_seeds.push(of_kinds.swap_remove(0));
        }
        assert!(per_mille == 999 || of_seeds[0] != of_seeds[1] || of_seeds[1] != of_seeds[2]);
    }
}

/// It costs the source its share of what all costs; the counts that are needed to choose are small.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sample_costs_its_share() {
    let line = |at: i64| {
        let time = START_NS + at / 50 * 60_000_000_000;
        format!("m,host=h{} f={at}.5,g={at}i {time}\n", at % 50)
    };
    // Twenty hours, a line each minute for each of fifty hosts.
    let lines: String = (0..HOURS * 60 * 50).map(line).collect();
    let rig = Rig::start(cloud(), store_of(lines.as_bytes(), WEEK_S)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T20:00:00Z", "1h");
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    let cost = async |wanted: &VerifyConfig| {
        let before = rig.source.records().len();
        assert!(is_equal(&sampled(&rig, wanted).await));
        let records = &rig.source.records()[before..];
        let bytes = |of: &dyn Fn(&RequestRecord) -> bool| {
            records.iter().filter(|one| of(one)).map(|one| one.decoded_bytes).sum::<u64>()
        };
        (bytes(&reads_an_hour), bytes(&|_| true))
    };
    let (values_of_all, all) = cost(&wanted(Some(EvidenceChoice::Read))).await;
    assert!(values_of_all > 1_000_000, "{values_of_all}");
    for (per_mille, chosen) in [(100, 2), (250, 5)] {
        let (values, part) = cost(&of(EvidenceChoice::Read, per_mille, 3)).await;
        let share = values_of_all * chosen / 20;
        assert!(
            (share * 9 / 10..=share * 11 / 10).contains(&values),
            "{values} of {values_of_all}"
        );
        assert!(part < all * chosen / 20 + all / 20, "{part} of {all}");
    }
}

/// A difference is found by whoever looks there, and somebody does: each batch is chosen by some seed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_batch_is_chosen_by_some_seed() {
    let rig = moved(oss_source()).await;
    let store = rig.destination.store();
    let mut unseen: BTreeSet<i64> = (0..HOURS).collect();
    for seed in 0..60 {
        let before = rig.destination.records().len();
        let found = sampled(&rig, &of(rig.spool(), 250, seed)).await;
        assert_eq!(found.verified.differing_batches, 0);
        let seen = hours_read(&rig.destination.records()[before..]);
        assert_eq!(seen.len(), 5);
        unseen.retain(|hour| !seen.contains(hour));
    }
    assert!(unseen.is_empty(), "{unseen:?}");
    store.delete(BUCKET, None, START_NS + 7 * HOUR_NS, START_NS + 8 * HOUR_NS);
    let mut differing = 0;
    for seed in 0..20 {
        for evidence in [EvidenceChoice::Read, rig.spool()] {
            let found = sampled(&rig, &of(evidence, 250, seed)).await;
            let is_different = found.verified.differing_batches > 0;
            assert_eq!(named(&found), [if is_different { 60 } else { 0 }, 0, 0]);
            assert_eq!(found.verified.differing_batches + found.verified.batches, 15);
            differing += u32::from(is_different);
        }
    }
    // Of forty, one in four.
    assert!((2..30).contains(&differing), "{differing}");
}

/// What stands where the source has nothing is found by every sample.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn empty_stretches_are_looked_at() {
    let rig = moved(cloud()).await;
    let line = format!("stray v=1 {}\n", START_NS + 25 * HOUR_NS);
    rig.destination.store().write_lp(BUCKET, line.as_bytes()).expect("a line");
    for evidence in [EvidenceChoice::Read, rig.spool()] {
        for seed in [0, 1, 2] {
            let found = sampled(&rig, &of(evidence.clone(), 1, seed)).await;
            assert_eq!(named(&found), [0, 0, 1], "{:?}", found.verified);
        }
    }
}

/// Where nothing holds anything, nothing is chosen, and all of it was looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_nothing_nothing_is_chosen() {
    let rig = moved(cloud()).await;
    let rig = rig.over("2022-01-01T22:00:00Z", "2022-01-02T06:00:00Z", "1h");
    for evidence in [EvidenceChoice::Read, rig.spool()] {
        let found = sampled(&rig, &of(evidence, 50, 0)).await;
        let counts = found.verified.sampled.map(|sampled| (sampled.chosen, sampled.of_batches));
        assert_eq!((counts, found.verified.batches), (Some((0, 0)), 8), "{:?}", found.verified);
        assert!(is_equal(&found));
    }
}
