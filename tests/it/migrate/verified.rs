//! What was moved, compared with what the destination holds: equal if it is, else each difference by its name.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluice::testing::config::job::JobConfig;
use sluice::testing::config::values::{EvidenceChoice, ExistingPolicy, ReadBackChoice};
use sluice::testing::config::verify::VerifyConfig;
use sluice::testing::exit::ExitCode;
use sluice::testing::job::verify::VerifyOutcome;
use sluice::testing::model::held_value::HeldValue;
use sluice::testing::model::series::Series;
use sluice::testing::model::transport::Transport;
use sluice::testing::pipeline::verify::evidence::EvidenceKind;
use sluice::testing::pipeline::verify::repair::Repaired;
use sluice::testing::pipeline::verify::{BatchDifference, ValueDifference, VerifyFindings};
use sluice::testing::pipeline::write::bucket::type_conflict::ConflictPolicy;
use sluice::testing::report::verify::NamedValues;
use sluice::testing::sim::{BucketStore, Fault, Forgotten, Matcher, StoredValue, Value};

use crate::support::golden::Case;
use crate::support::rig::{BATCHES, BUCKET, Rig, cloud, oss_source, plant, store_of, with};

const WEEK_S: u64 = 7 * 86_400;
const HOUR_NS: i64 = 3_600_000_000_000;
/// 2022-01-01.
const START_NS: i64 = 1_640_995_200_000_000_000;

const RECORDED: Option<EvidenceChoice> = Some(EvidenceChoice::Recorded);
const READ: Option<EvidenceChoice> = Some(EvidenceChoice::Read);
const COUNTS: Option<EvidenceChoice> = Some(EvidenceChoice::Counts);

/// Damage that leaves as many values of each measurement in each batch.
const UNCOUNTED: [&str; 4] = [
    "a value is another",
    "a time is moved by a nanosecond",
    "a tag differs in a byte",
    "a field differs in a byte",
];

pub(super) fn wanted(evidence: Option<EvidenceChoice>) -> VerifyConfig {
    // None is written here: what it would tell must fit together.
    let receipt = Some("receipt".into());
    VerifyConfig { evidence, values_shown: 1_000, receipt, ..VerifyConfig::default() }
}

pub(super) fn is_equal(found: &VerifyOutcome) -> bool {
    let verified = &found.verified;
    verified.differing_batches == 0
        && verified.unproven_stretches == 0
        && verified.refused == 0
        && verified.doubts.is_empty()
}

/// Puts other content in the place of a bucket's.
pub(super) fn rewrite(store: &BucketStore, values: &[StoredValue]) {
    store.delete(BUCKET, None, i64::MIN, i64::MAX);
    for value in values {
        store.write_lp(BUCKET, &line(value)).expect("a line that the store takes");
    }
}

fn line(value: &StoredValue) -> Vec<u8> {
    let escaped = |text: &[u8], special: &[u8]| -> Vec<u8> {
        let escape = |byte: &u8| special.contains(byte).then_some(b'\\').into_iter().chain([*byte]);
        text.iter().flat_map(escape).collect()
    };
    let mut line = escaped(&value.series.measurement, b", ");
    for (key, tag) in &value.series.tags {
        line.extend(
            [b",".to_vec(), escaped(key, b",= "), b"=".to_vec(), escaped(tag, b",= ")].concat(),
        );
    }
    line.extend([b" ".to_vec(), escaped(&value.field, b",= "), b"=".to_vec()].concat());
    line.extend(match &value.value {
        Value::Float(float) => format!("{float:?}").into_bytes(),
        Value::Integer(integer) => format!("{integer}i").into_bytes(),
        Value::Unsigned(unsigned) => format!("{unsigned}u").into_bytes(),
        Value::Boolean(boolean) => boolean.to_string().into_bytes(),
        Value::String(text) => [b"\"".to_vec(), escaped(text, b"\"\\"), b"\"".to_vec()].concat(),
    });
    line.extend(format!(" {}\n", value.time).bytes());
    line
}

/// What differs, as the comparison should name it: missing, changed, extra.
fn truly(source: &[StoredValue], destination: &[StoredValue]) -> [u64; 3] {
    let keyed = |values: &[StoredValue]| -> BTreeMap<(Series, Vec<u8>, i64), String> {
        let key = |value: &StoredValue| ((*value.series).clone(), value.field.to_vec(), value.time);
        let exact = |value: &StoredValue| match &value.value {
            Value::Float(float) => format!("float {:x}", float.to_bits()),
            other => format!("{other:?}"),
        };
        values.iter().map(|value| (key(value), exact(value))).collect()
    };
    let (here, there) = (keyed(source), keyed(destination));
    let missing = here.keys().filter(|key| !there.contains_key(*key)).count();
    let extra = there.keys().filter(|key| !here.contains_key(*key)).count();
    let is_changed = |(key, value): &(&_, &String)| there.get(*key).is_some_and(|is| is != *value);
    let changed = here.iter().filter(is_changed).count();
    [missing, changed, extra].map(|count| count as u64)
}

pub(super) fn named(found: &VerifyOutcome) -> [u64; 3] {
    let NamedValues { missing, changed, extra, .. } = &found.named;
    [*missing, *changed, *extra]
}

/// Every golden case is equal after a migration, by what was recorded, by reading both ends, and by what was staged beside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_golden_case_is_equal() {
    let mut proven = 0;
    for name in &Case::names_of_buckets() {
        let (batch, off) = (ReadBackChoice::Batch, ReadBackChoice::Off);
        for (source, when, evidence) in
            [(cloud(), off, &[RECORDED, READ][..]), (oss_source(), batch, &[READ])]
        {
            let (kind, lines) = (source.kind, Case::open(name).bytes("data.lp"));
            let shard_s = if name.starts_with("07") { 86_400 } else { WEEK_S };
            let rig = Rig::start(source, store_of(&lines, shard_s)).await;
            let rig =
                rig.over("1677-09-21T00:12:43.145224194Z", "2262-04-11T23:47:16.854775807Z", "50y");
            let config = with(rig.config(), |config| config.safety.verify = when);
            let run = rig.migrate(config).await;
            let exit = run.exit();
            if exit == ExitCode::Done && when == batch {
                let found = &run.finished().outcome.proven.findings;
                assert_eq!(found.values, rig.destination.store().count(BUCKET), "{name}");
            }
            // Staged beside it: once is enough, a spool is the same whatever the source.
            let mut spool = None;
            if when == off {
                let staged = rig.migrate(rig.stage_config()).await.exit();
                assert_eq!(staged, exit, "{name} {kind:?}");
                spool = Some(Some(rig.spool()));
            }
            for evidence in evidence.iter().cloned().chain(spool) {
                let found = rig.verify(&rig.config(), &wanted(evidence.clone())).await;
                let found = found.unwrap_or_else(|error| panic!("{name} {kind:?}: {error:?}"));
                let what = format!("{name} {kind:?} {evidence:?} {exit:?}: {:?}", found.verified);
                if exit == ExitCode::Done {
                    assert!(is_equal(&found), "{what}");
                    assert_eq!(
                        found.verified.values,
                        rig.destination.store().count(BUCKET),
                        "{what}"
                    );
                    proven += 1;
                } else {
                    assert!(!is_equal(&found), "{what}");
                }
            }
        }
    }
    assert!(proven >= 75, "{proven}");
}

/// A way to damage what the destination holds.
type Damage = (&'static str, fn(&mut Vec<StoredValue>));

fn damages() -> Vec<Damage> {
    fn at(values: &[StoredValue], part: usize) -> usize {
        values.len() * part / 10
    }
    vec![
        ("a value is gone", |values| {
            values.remove(at(values, 3));
        }),
        ("a value is another", |values| {
            let at = values.iter().position(|value| matches!(value.value, Value::Float(_)));
            if let Some(Value::Float(float)) = at.map(|at| &mut values[at].value) {
                *float = f64::from_bits(float.to_bits() ^ 1);
            }
        }),
        ("a time is moved by a nanosecond", |values| {
            let at = at(values, 4);
            values[at].time += 1;
        }),
        ("a tag differs in a byte", |values| {
            let at = at(values, 5);
            let mut series = (*values[at].series).clone();
            series.tags[0].1 = [&series.tags[0].1[..], b"\xff"].concat().into();
            values[at].series = series.into();
        }),
        ("a measurement differs in a byte", |values| {
            let at = at(values, 5);
            let mut series = (*values[at].series).clone();
            series.measurement = [&series.measurement[..], b"x"].concat().into();
            values[at].series = series.into();
        }),
        ("a field differs in a byte", |values| {
            let at = at(values, 6);
            values[at].field = [&values[at].field[..], b"x"].concat().into();
        }),
        ("a stretch is gone", |values| {
            values.retain(|value| {
                !(START_NS + HOUR_NS..START_NS + 2 * HOUR_NS).contains(&value.time)
            });
        }),
        ("a series is gone", |values| {
            let gone = Arc::clone(&values[0].series);
            values.retain(|value| value.series != gone);
        }),
        ("all is gone", Vec::clear),
        ("a string is there beside the values", |values| {
            let mut more = values[at(values, 7)].clone();
            more.field = b"note".to_vec().into();
            more.value = Value::String(b"".to_vec().into());
            values.push(more);
        }),
        ("a value stands where nothing was moved", |values| {
            let mut more = values[0].clone();
            more.time = START_NS + 9 * HOUR_NS;
            values.push(more);
        }),
    ]
}

/// Each kind of damage is found by what was recorded and by reading, named value by value, and repaired but for what is too
/// much.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_damage_is_found_named_and_repaired() {
    for (source, repairs) in [(cloud(), READ), (oss_source(), RECORDED), (oss_source(), None)] {
        for (what, damage) in damages() {
            let rig = Rig::start(source.clone(), store_of(&plant(0..8), WEEK_S)).await;
            // Nothing is moved of the last two hours.
            let rig = rig.over("2022-01-01", "2022-01-01T10:00:00Z", "1h");
            rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
            rig.migrate(rig.stage_config()).await.assert_exit(ExitCode::Done);
            let (here, store) = (rig.source.store().dump(BUCKET), rig.destination.store());
            let mut there = store.dump(BUCKET);
            damage(&mut there);
            rewrite(store, &there);
            let differs = truly(&here, &there);
            assert_ne!(differs, [0, 0, 0], "{what}");
            for evidence in [RECORDED, READ, Some(rig.spool())] {
                let found = rig.verify(&rig.config(), &wanted(evidence)).await.expect(what);
                assert!(found.verified.differing_batches > 0, "{what}: {:?}", found.verified);
                assert_eq!(found.verified.unproven_stretches, 0, "{what}");
                assert_eq!(named(&found), differs, "{what}: {:?}", found.named.shown);
                assert!(found.named.is_whole && found.named.unnamed.is_none(), "{what}");
                assert_eq!(found.named.shown.len() as u64, differs.iter().sum::<u64>().min(1_000));
            }
            let [missing, changed, extra] = differs;
            // What moves inside a batch no count tells.
            let found = rig.verify(&rig.config(), &wanted(COUNTS)).await.expect(what);
            let is_told = found.verified.differing_batches > 0;
            assert_eq!(is_told, !UNCOUNTED.contains(&what), "{what}: {:?}", found.verified);
            let superset = VerifyConfig { superset: true, ..wanted(RECORDED) };
            let found = rig.verify(&rig.config(), &superset).await.expect(what);
            assert_eq!(is_equal(&found), missing + changed == 0, "{what}: {:?}", found.verified);
            let repairs = repairs.clone().or_else(|| Some(rig.spool()));
            let repair = VerifyConfig { repair: true, ..wanted(repairs) };
            let found = rig.verify(&rig.config(), &repair).await.expect(what);
            let repaired = found.named.repaired.as_ref().expect("it was to be repaired");
            assert_eq!((repaired.values, repaired.refused), (missing + changed, 0), "{what}");
            assert_eq!(is_equal(&found), extra == 0, "{what}: {:?}", found.verified);
            assert_eq!(truly(&here, &store.dump(BUCKET)), [0, 0, extra], "{what}");
            let found = rig.verify(&rig.config(), &wanted(RECORDED)).await.expect(what);
            assert_eq!(is_equal(&found), extra == 0, "{what}: {:?}", found.verified);
        }
    }
}

/// A job that was begun over other values can only be held against its source.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stood_there_before_is_no_difference() {
    let rig = Rig::start(oss_source(), store_of(&plant(0..8), WEEK_S)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "1h");
    let store = rig.destination.store();
    store.create_bucket(BUCKET, 0);
    store.write_lp(BUCKET, format!("old f=1 {}\n", START_NS + 5).as_bytes()).expect("a line");
    let config = with(rig.config(), |config| config.safety.existing = ExistingPolicy::Merge);
    rig.migrate(config.clone()).await.assert_exit(ExitCode::Done);
    let found = rig.verify(&config, &wanted(RECORDED)).await.expect("compared");
    let VerifyFindings { batches, differing_batches, unproven, .. } = &found.verified;
    assert_eq!((*batches, *differing_batches, unproven.len()), (7, 0, 1), "{:?}", found.verified);
    assert!(unproven[0].1.contains("--source read"), "{unproven:?}");
    let found = rig.verify(&config, &wanted(READ)).await.expect("compared");
    assert_eq!((found.verified.differing_batches, named(&found)), (1, [0, 0, 1]));
    let superset = VerifyConfig { superset: true, ..wanted(READ) };
    let found = rig.verify(&config, &superset).await.expect("compared");
    assert!(is_equal(&found) && found.named.extra == 1, "{:?}", found.verified);
}

/// Of what another program has recorded nothing is known but by reading, which is what is done where nothing is chosen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_program_has_moved_is_read() {
    let rig = Rig::start(oss_source(), store_of(&plant(0..8), WEEK_S)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "1h");
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    let store = rig.destination.store();
    store.delete(BATCHES, Some(b"batch_details"), i64::MIN, i64::MAX);
    let found = rig.verify(&rig.config(), &wanted(RECORDED)).await.expect("compared");
    let verified = &found.verified;
    assert_eq!((verified.batches, verified.differing_batches), (0, 0), "{verified:?}");
    assert!(verified.unproven_stretches > 0, "{verified:?}");
    let found = rig.verify(&rig.config(), &wanted(None)).await.expect("compared");
    assert_eq!(found.evidence, EvidenceKind::Read);
    assert!(is_equal(&found), "{:?}", found.verified);
    store.delete(BUCKET, None, START_NS, START_NS + HOUR_NS);
    let found = rig.verify(&rig.config(), &wanted(None)).await.expect("compared");
    assert_eq!(named(&found), [60, 0, 0], "{:?}", found.verified);
}

/// Without its source a difference is named by batch and measurement, and nothing is said to be equal that is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_source_differences_are_named_by_measurement() {
    let rig = Rig::start(oss_source(), store_of(&plant(0..8), WEEK_S)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "1h");
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    let closed = with(rig.config(), |config| config.ends.source.host = "http://127.0.0.1:9".into());
    let before = rig.source.records().len();
    let found = rig.verify(&closed, &wanted(RECORDED)).await.expect("compared");
    assert!(is_equal(&found), "{:?}", found.verified);
    rig.destination.store().delete(BUCKET, Some(b"air"), START_NS, START_NS + HOUR_NS);
    let found = rig.verify(&closed, &wanted(RECORDED)).await.expect("compared");
    let differing: &[BatchDifference] = &found.verified.differing;
    assert_eq!(differing.len(), 1, "{differing:?}");
    assert_eq!(differing[0].measurements, ["air"]);
    assert!(found.named.unnamed.is_some() && found.named.shown.is_empty());
    assert_eq!(rig.source.records().len(), before, "the source was not asked");
    let error = rig.verify(&closed, &wanted(READ)).await.expect_err("it cannot be read");
    assert_eq!(error.exit(), ExitCode::Temporary);
}

/// What is not the job is refused, before anything is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_job_is_refused() {
    let rig = Rig::start(oss_source(), store_of(&plant(0..8), WEEK_S)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "1h");
    let gone = rig.verify(&rig.config(), &wanted(None)).await.expect_err("there is no bucket");
    assert_eq!(gone.exit(), ExitCode::Permanent);
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    let filtered =
        with(rig.config(), |config| config.scope.filter.measurements = vec!["air".to_owned()]);
    let other = rig.verify(&filtered, &wanted(None)).await.expect_err("another filter");
    assert_eq!(other.exit(), ExitCode::State);
    let named = with(rig.config(), |config| config.ends.source_bucket = "other-1".to_owned());
    let nothing = rig.verify(&named, &wanted(None)).await.expect_err("nothing was moved");
    assert_eq!(nothing.exit(), ExitCode::Permanent);
    // Another bucket has the name of the one that was moved: it is not compared, and nothing of it is written.
    let source = rig.source.store();
    source.remove_bucket(&source.bucket(BUCKET).expect("it is there").id);
    source.create_bucket("one-more", 0);
    source.create_bucket(BUCKET, 0);
    source.write_lp(BUCKET, b"air,host=a v=1 1640995200000000000\n").expect("a line");
    rig.destination.store().delete(BUCKET, Some(b"air"), START_NS, START_NS + HOUR_NS);
    let before = rig.destination.store().dump(BUCKET);
    let read = rig.verify(&rig.config(), &wanted(READ)).await.expect_err("another source");
    assert_eq!(read.exit(), ExitCode::State);
    let repair = VerifyConfig { repair: true, ..wanted(RECORDED) };
    let found = rig.verify(&rig.config(), &repair).await.expect("compared with the record");
    assert!(found.named.unnamed.is_some() && found.named.repaired.is_none());
    assert!(before == rig.destination.store().dump(BUCKET), "nothing was written");
    let made_again = rig.destination.store();
    let id = made_again.bucket(BUCKET).expect("it is there").id;
    made_again.remove_bucket(&id);
    made_again.create_bucket(BUCKET, 0);
    let other = rig.verify(&rig.config(), &wanted(None)).await.expect_err("another bucket");
    assert_eq!(other.exit(), ExitCode::State);
    let staged = rig.verify(&rig.stage_config(), &wanted(None)).await.expect_err("a spool");
    assert_eq!(staged.exit(), ExitCode::Usage);
}

/// A line for each of eight hours.
fn hourly(line: impl Fn(i64) -> String) -> String {
    let line = |hour| format!("{} {}\n", line(hour), START_NS + hour * HOUR_NS);
    (0..8).map(line).collect::<Vec<_>>().concat()
}

/// Eight hours in which an integer field clashes with what the destination holds before them, moved with this policy.
async fn moved_with_a_clash(policy: ConflictPolicy) -> (Rig, JobConfig, ExitCode) {
    let lines = hourly(|h| format!("m f={h},g={h}i"));
    let rig = Rig::start(oss_source(), store_of(lines.as_bytes(), WEEK_S)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "1h");
    let store = rig.destination.store();
    store.create_bucket(BUCKET, 0);
    // Before the range, in the same shard group.
    store.write_lp(BUCKET, b"m f=1i 1640908800000000000\n").expect("a line");
    let config = with(rig.config(), |config| config.safety.on_type_conflict = policy);
    let exit = rig.migrate(config.clone()).await.exit();
    (rig, config, exit)
}

/// Values under other names are what the destination holds; refused ones are not there, and counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_policy_made_of_a_clash_counts() {
    for (policy, exit) in
        [(ConflictPolicy::Suffix, ExitCode::Done), (ConflictPolicy::Reject, ExitCode::Rejected)]
    {
        let (rig, config, ended) = moved_with_a_clash(policy).await;
        assert_eq!(ended, exit, "{policy:?}");
        let found = rig.verify(&config, &wanted(RECORDED)).await.expect("compared");
        let VerifyFindings {
            batches, values, refused, unproven_stretches, differing_batches, ..
        } = found.verified;
        let expected = if policy == ConflictPolicy::Suffix { (16, 0) } else { (8, 8) };
        assert_eq!((batches, unproven_stretches, differing_batches), (8, 0, 0), "{policy:?}");
        assert_eq!((values, refused), expected, "{policy:?}");
    }
}

/// A type that differs, in a shard group where nothing stands against it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_that_differs_is_named_with_both() {
    let lines = hourly(|h| format!("m f={h}.5"));
    for transport in [None, Some(Transport::Flux), Some(Transport::FluxPivot)] {
        let rig = Rig::start(oss_source(), store_of(lines.as_bytes(), 3_600)).await;
        let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "2h");
        let config = with(rig.config(), |config| config.pace.transport = transport);
        rig.migrate(config.clone()).await.assert_exit(ExitCode::Done);
        let store = rig.destination.store();
        store.delete(BUCKET, None, START_NS + 3 * HOUR_NS, START_NS + 4 * HOUR_NS);
        let line = format!("m f=\"3.5\" {}\n", START_NS + 3 * HOUR_NS);
        store.write_lp(BUCKET, line.as_bytes()).expect("a line");
        rig.migrate(rig.stage_config()).await.assert_exit(ExitCode::Done);
        for evidence in [RECORDED, READ, Some(rig.spool())] {
            let found = rig.verify(&config, &wanted(evidence)).await.expect("compared");
            let [one] = &found.named.shown[..] else { panic!("{:?}", found.named) };
            let ValueDifference { time, source, destination, .. } = one;
            assert_eq!(time.ns(), START_NS + 3 * HOUR_NS);
            assert_eq!(*source, Some(HeldValue::Float(3.5_f64.to_bits())));
            assert_eq!(*destination, Some(HeldValue::String(b"3.5".to_vec().into())));
        }
    }
}

/// A destination that acknowledges a body and keeps a part of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_and_forgotten_is_found_and_repaired() {
    let rig = Rig::start(oss_source(), store_of(&plant(0..8), WEEK_S)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "1h");
    let writes = Matcher::path("/api/v2/write").body("air,host=a");
    rig.destination_fault(writes, 1, Fault::Forget { lines: Forgotten::EverySecond });
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Different);
    let found = rig.verify(&rig.config(), &wanted(RECORDED)).await.expect("compared");
    let missing = rig.source.store().count(BUCKET) - rig.destination.store().count(BUCKET);
    assert!(missing > 0);
    assert_eq!(named(&found), [missing, 0, 0], "{:?}", found.verified);
    let repair = VerifyConfig { repair: true, ..wanted(None) };
    let found = rig.verify(&rig.config(), &repair).await.expect("compared");
    let Repaired { values, refused, .. } = found.named.repaired.as_ref().expect("repaired");
    assert_eq!((*values, *refused), (missing, 0));
    assert!(is_equal(&found), "{:?}", found.verified);
    rig.assert_copied();
}

/// What the source keeps no longer cannot be read again: nothing is said of it. What was recorded still tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_expired_at_the_source_is_no_difference() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
    let line_s = u64::try_from((START_NS + 4 * HOUR_NS) / 1_000_000_000).expect("after 1970") - 60;
    for (retention_s, proven) in [(0, [0, 0, 60]), (now.as_secs() - line_s, [0, 0, 0])] {
        let store = Arc::new(BucketStore::default());
        store.create_bucket("other", 0);
        store.create_bucket_with(BUCKET, retention_s, WEEK_S);
        store.write_lp(BUCKET, &plant(0..8)).expect("lines");
        let rig = Rig::start(oss_source(), store).await;
        let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "4h");
        rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
        rig.source.store().delete(BUCKET, None, START_NS, START_NS + HOUR_NS);
        let found = rig.verify(&rig.config(), &wanted(READ)).await.expect("compared");
        assert_eq!(named(&found), proven, "{:?}", found.verified);
        let is_expired = retention_s > 0;
        assert_eq!(found.verified.unproven_stretches, u64::from(is_expired));
        assert_eq!(found.verified.differing_batches, u64::from(!is_expired));
        let found = rig.verify(&rig.config(), &wanted(RECORDED)).await.expect("compared");
        assert!(is_equal(&found), "{:?}", found.verified);
    }
}

/// What stands where nothing was moved is no less strange for being returned to no query, or only damaged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_query_returns_is_not_equal() {
    for lines in ["m,h=b\r v=1 ", "e\\\\=x,h=a v=1 "] {
        for hour in [0, 9] {
            let rig = Rig::start(oss_source(), store_of(&plant(0..8), WEEK_S)).await;
            let rig = rig.over("2021-12-31T22:00:00Z", "2022-01-01T10:00:00Z", "1h");
            rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
            let line = format!("{lines}{}\n", START_NS + hour * HOUR_NS + 1);
            rig.destination.store().write_lp(BUCKET, line.as_bytes()).expect("a line");
            rig.migrate(rig.stage_config()).await.assert_exit(ExitCode::Done);
            for evidence in [RECORDED, READ, Some(rig.spool())] {
                let wanted = wanted(evidence.clone());
                let found = rig.verify(&rig.config(), &wanted).await.expect("compared");
                assert!(!is_equal(&found), "{line:?} {evidence:?}: {:?}", found.verified);
            }
        }
    }
}

/// Values under other names are no difference by reading either, and what differs beside them is named alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_renamed_is_found_under_its_other_name() {
    let (rig, config, ended) = moved_with_a_clash(ConflictPolicy::Suffix).await;
    assert_eq!(ended, ExitCode::Done);
    rig.migrate(rig.stage_config()).await.assert_exit(ExitCode::Done);
    let store = rig.destination.store();
    for evidence in [RECORDED, READ, Some(rig.spool())] {
        let found = rig.verify(&config, &wanted(evidence)).await.expect("compared");
        assert!(is_equal(&found), "{:?} {:?}", found.evidence, found.verified);
    }
    store.write_lp(BUCKET, format!("m g=7i {START_NS}\n").as_bytes()).expect("a line");
    for evidence in [RECORDED, READ, Some(rig.spool())] {
        let found = rig.verify(&config, &wanted(evidence)).await.expect("compared");
        assert_eq!(named(&found), [0, 1, 0], "{:?}", found.named.shown);
    }
    let repair = VerifyConfig { repair: true, ..wanted(RECORDED) };
    let refused = rig.verify(&config, &repair).await.expect_err("it cannot tell the names");
    assert_eq!(refused.exit(), ExitCode::Usage);
    let before = store.dump(BUCKET);
    // Who does not say so gets what can be written, and no more.
    let found = rig.verify(&rig.config(), &repair).await.expect("compared");
    assert!(is_equal(&found), "{:?}", found.verified);
    assert_eq!(store.dump(BUCKET).len(), before.len());
}

/// A value that the destination refuses keeps nothing else from being repaired.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_counted_and_the_rest_repaired() {
    let lines = hourly(|h| format!("m f={h},g={h}i"));
    let rig = Rig::start(oss_source(), store_of(lines.as_bytes(), 3_600)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "1h");
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    let store = rig.destination.store();
    store.delete(BUCKET, None, START_NS, START_NS + HOUR_NS);
    let other = format!("m f=\"a\",g=9i {START_NS}\nm g=9i {}\n", START_NS + 3 * HOUR_NS);
    store.write_lp(BUCKET, other.as_bytes()).expect("lines");
    let repair = VerifyConfig { repair: true, ..wanted(RECORDED) };
    let found = rig.verify(&rig.config(), &repair).await.expect("compared");
    let Repaired { values, refused, refusal } = found.named.repaired.as_ref().expect("repaired");
    assert_eq!((*values, *refused, refusal.is_some()), (2, 1, true), "{refusal:?}");
    assert_eq!(found.verified.differing_batches, 1, "{:?}", found.verified);
    assert_eq!(truly(&rig.source.store().dump(BUCKET), &store.dump(BUCKET)), [0, 1, 0]);
}

/// The source may have gone on: what it holds now is what is brought, and then both are equal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_brings_what_the_source_holds_now() {
    let rig = Rig::start(oss_source(), store_of(&plant(0..8), WEEK_S)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "1h");
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    rig.source
        .store()
        .write_lp(BUCKET, format!("late v=1 {START_NS}\n").as_bytes())
        .expect("a line");
    rig.destination.store().delete(BUCKET, Some(b"air"), START_NS, START_NS + HOUR_NS);
    let repair = VerifyConfig { repair: true, ..wanted(RECORDED) };
    let found = rig.verify(&rig.config(), &repair).await.expect("compared");
    assert!(is_equal(&found), "{:?}", found.verified);
    assert_eq!(found.verified.equal_by_reading, 1);
    rig.assert_copied();
}

/// Strings that Flux damages, beside what InfluxQL reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strings_that_come_in_two_ways_are_compared() {
    let mut lines = format!("z,h=a s=\"x\r\" {START_NS}\n");
    for step in 0..400 {
        lines.push_str(&format!(
            "m,h=h{} v={step} {}\n",
            step % 3,
            START_NS + step * 1_000_000_000
        ));
    }
    let rig = Rig::start(oss_source(), store_of(lines.as_bytes(), WEEK_S)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "4h");
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    rig.migrate(rig.stage_config()).await.assert_exit(ExitCode::Done);
    for evidence in [RECORDED, READ, Some(rig.spool())] {
        let found = rig.verify(&rig.config(), &wanted(evidence)).await.expect("compared");
        assert!(is_equal(&found), "{:?} {:?}", found.evidence, found.verified);
    }
    let line = format!("m,h=h0 v=-1 {START_NS}\nz,h=a s=\"x\" {START_NS}\n");
    rig.destination.store().write_lp(BUCKET, line.as_bytes()).expect("lines");
    for evidence in [RECORDED, READ, Some(rig.spool())] {
        let found = rig.verify(&rig.config(), &wanted(evidence)).await.expect("compared");
        assert_eq!(named(&found), [0, 2, 0], "{:?} {:?}", found.evidence, found.named.shown);
    }
}

/// What is asked for and was never moved is not among what is equal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_moved_is_not_proven() {
    let rig = Rig::start(oss_source(), store_of(&plant(0..8), WEEK_S)).await;
    let rig = rig.over("2022-01-01T02:00:00Z", "2022-01-01T04:00:00Z", "1h");
    rig.migrate(rig.config()).await.assert_exit(ExitCode::Done);
    let wider = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "1h");
    let found = wider.verify(&wider.config(), &wanted(RECORDED)).await.expect("compared");
    assert_eq!((found.verified.batches, found.verified.unproven_stretches), (2, 2));
}
