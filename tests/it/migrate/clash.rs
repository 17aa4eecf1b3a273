//! Fields of several types, and a destination whose shard groups are longer than the source's.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeMap;
use std::sync::Arc;

use sluice::testing::config::values::ExistingPolicy;
use sluice::testing::exit::ExitCode;
use sluice::testing::pipeline::event::Event;
use sluice::testing::pipeline::write::bucket::type_conflict::ConflictPolicy;
use sluice::testing::sim::{BucketStore, ServerSettings, Value};

use crate::support::rig::{BUCKET, Rig, cloud, oss, oss_source, points, store_of};

const DAY_S: i64 = 86_400;
/// A Monday: shard groups of a week begin here.
const MONDAY_S: i64 = 1_641_168_000;

/// Three days: two lines of integers, five of floats, one string; a second field throughout.
fn lines() -> String {
    let mut lines = String::new();
    for (day, count, value) in [(0, 2, "7i"), (1, 5, "0.5"), (2, 1, "\"x\"")] {
        for at in 0..count {
            let time = MONDAY_S + day * DAY_S + at * 60;
            lines.push_str(&format!("m,host=a ok={at}i,v={value} {time}000000000\n"));
        }
    }
    lines
}

/// A source with shards of a day; a destination with shards of a week, which holds `there` already.
async fn rig(source: ServerSettings, there: &str) -> Rig {
    let target = Arc::new(BucketStore::default());
    target.create_bucket_with(BUCKET, 0, 7 * 86_400);
    target.write_lp(BUCKET, there.as_bytes()).unwrap();
    Rig::between(source, store_of(lines().as_bytes(), 86_400), oss(), target).await.over(
        "2022-01-03",
        "2022-01-06",
        "1d",
    )
}

fn types(rig: &Rig) -> BTreeMap<(String, &'static str), usize> {
    let mut types = BTreeMap::new();
    for stored in rig.destination.store().dump(BUCKET) {
        let kind = match stored.value {
            Value::Float(_) => "float",
            Value::Integer(_) => "integer",
            Value::String(_) => "string",
            Value::Unsigned(_) | Value::Boolean(_) => "other",
        };
        *types.entry((String::from_utf8_lossy(&stored.field).into_owned(), kind)).or_default() += 1;
    }
    types
}

fn counted(wanted: &[(&str, &'static str, usize)]) -> BTreeMap<(String, &'static str), usize> {
    wanted.iter().map(|(field, kind, count)| (((*field).to_owned(), *kind), *count)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_stop_nothing_is_begun() {
    let rig = rig(oss_source(), "").await;
    let run = rig.migrate(rig.config()).await;
    run.assert_exit(ExitCode::Permanent);
    let told = "1 field can clash in type: m.v: float and integer and string at the source, none yet at the destination";
    assert_eq!(run.finding("P12").unwrap().text, told);
    assert_eq!(rig.destination.store().count(BUCKET), 0);
    assert!(rig.records().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_type_of_most_values_stays_whatever_comes_first() {
    let rig = rig(oss_source(), "").await;
    let mut config = rig.config();
    config.safety.on_type_conflict = ConflictPolicy::Reject;
    let run = rig.migrate(config.clone()).await;
    run.assert_exit(ExitCode::Rejected);
    assert_eq!(types(&rig), counted(&[("ok", "integer", 8), ("v", "float", 5)]));
    assert_eq!(run.finished().outcome.rejected, 3);
    for told in
        ["m.v: integer at the source, float at the destination", "m.v: string at the source, float"]
    {
        assert!(rig.rejects().contains(told), "{}", rig.rejects());
    }
    let text = rig.rejects();
    for line in [
        "m,host=a v=7i 1641168000000000000",
        "m,host=a v=7i 1641168060000000000",
        "m,host=a v=\"x\" 1641340800000000000",
    ] {
        assert_eq!(text.lines().filter(|found| *found == line).count(), 1, "{line}\n{text}");
    }
    assert_eq!(rig.records().iter().map(|record| record.rows).collect::<Vec<_>>(), [4, 10, 2]);
    rig.migrate(config).await.assert_exit(ExitCode::Rejected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suffix_keeps_every_value() {
    let rig = rig(oss_source(), "").await;
    let mut config = rig.config();
    config.safety.on_type_conflict = ConflictPolicy::Suffix;
    rig.migrate(config).await.assert_exit(ExitCode::Done);
    let wanted = [
        ("ok", "integer", 8),
        ("v", "float", 5),
        ("v_integer", "integer", 2),
        ("v_string", "string", 1),
    ];
    assert_eq!(types(&rig), counted(&wanted));
}

/// Under its new name a value would meet that of the field of this name, and one of both would be gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suffix_that_makes_the_name_of_another_field_is_refused() {
    let rig = rig(oss_source(), "").await;
    rig.source.store().write_lp(BUCKET, b"m,host=a v_integer=1i 1641168000000000000\n").unwrap();
    let mut config = rig.config();
    config.safety.on_type_conflict = ConflictPolicy::Suffix;
    let run = rig.migrate(config).await;
    run.assert_exit(ExitCode::Permanent);
    let told =
        "--on-type-conflict suffix would write over m.v_integer, a field of its own at the source";
    assert_eq!(run.finding("P12").unwrap().text, told);
    assert_eq!(rig.destination.store().count(BUCKET), 0);
}

/// Shard groups of former lengths begin anywhere, also inside an hour: nothing tells where a type may change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_type_that_changes_where_a_former_shard_group_ended_hides_no_value() {
    for (shard_s, shard_now_s) in
        [(5_400, 86_400), (5_400, 3_600), (4_000, 7_200), (10_000, 604_800)]
    {
        for policy in [ConflictPolicy::Suffix, ConflictPolicy::Reject, ConflictPolicy::Stop] {
            let store = Arc::new(BucketStore::default());
            store.create_bucket_with(BUCKET, 0, shard_s);
            let mut lines = 0_u64;
            for at in (0..86_400).step_by(500) {
                let time = MONDAY_S + at;
                let value = ["7i", "0.5", "8i", "\"x\""][usize::try_from(at / 8_000).unwrap() % 4];
                let line = format!("m,host=a v={value} {time}000000000\n");
                // A shard group keeps its first type, and refuses others.
                lines += u64::from(store.write_lp(BUCKET, line.as_bytes()).is_ok());
            }
            store.create_bucket_with(BUCKET, 0, shard_now_s);
            let rig = Rig::between(oss_source(), store, oss(), Arc::new(BucketStore::default()));
            let rig = rig.await.over("2022-01-03", "2022-01-04", "4h");
            let mut config = rig.config();
            config.safety.on_type_conflict = policy;
            config.safety.create_buckets = true;
            let run = rig.migrate(config).await;
            let what = format!("{shard_s} {shard_now_s} {policy:?}: {}", run.words());
            match policy {
                ConflictPolicy::Stop => run.assert_exit(ExitCode::Permanent),
                ConflictPolicy::Reject => {
                    run.assert_exit(ExitCode::Rejected);
                    let refused = run.finished().outcome.rejected;
                    assert_eq!(rig.destination.store().count(BUCKET) + refused, lines, "{what}");
                }
                ConflictPolicy::Suffix => {
                    assert_eq!(run.exit(), ExitCode::Done, "{what}");
                    assert_eq!(rig.destination.store().count(BUCKET), lines, "{what}");
                }
            }
        }
    }
}

/// The destination's own type counts more than any majority; also for a job that was killed after its first batch.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_destination_holds_decides() {
    let rig = rig(oss_source(), "m,host=z v=1i 1641500000000000000\n").await;
    let mut config = rig.config();
    config.safety.on_type_conflict = ConflictPolicy::Suffix;
    let killed =
        rig.migrate_until(config.clone(), |event| matches!(event, Event::Committed { .. })).await;
    assert!(killed.ended.is_none());
    rig.migrate(config).await.assert_exit(ExitCode::Done);
    let wanted = [
        ("ok", "integer", 8),
        ("v", "integer", 3),
        ("v_float", "float", 5),
        ("v_string", "string", 1),
    ];
    assert_eq!(types(&rig), counted(&wanted));
}

/// Where the types are not known beforehand the server's refusal is met by the same policy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_influxql_the_servers_refusal_follows_the_policy() {
    let stopped = rig(cloud(), "").await;
    let run = stopped.migrate(stopped.config()).await;
    run.assert_exit(ExitCode::Permanent);
    assert!(run.words().contains("--on-type-conflict"), "{}", run.words());
    stopped.assert_checkpoint_is_behind();
    let rejected = rig(cloud(), "").await;
    let mut config = rejected.config();
    config.safety.on_type_conflict = ConflictPolicy::Reject;
    let run = rejected.migrate(config).await;
    run.assert_exit(ExitCode::Rejected);
    let held = rejected.destination.store().count(BUCKET);
    assert_eq!(held + run.finished().outcome.rejected, 16, "{}", rejected.rejects());
}

/// In Cloud the series of one field may have a type each at one time, so shard groups say nothing of it; and a spool
/// keeps what its source was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_shard_groups_of_an_oss_keep_types_apart() {
    for (kind, exit) in [(oss().kind, ExitCode::Done), (cloud().kind, ExitCode::Permanent)] {
        let of_day = || {
            let target = Arc::new(BucketStore::default());
            target.create_bucket_with(BUCKET, 0, 86_400);
            target
        };
        let source = ServerSettings { kind, ..oss_source() };
        let data = store_of(lines().as_bytes(), 86_400);
        let rig = Rig::between(source, data, oss(), of_day()).await;
        let rig = rig.over("2022-01-03", "2022-01-06", "1d");
        rig.migrate(rig.stage_config()).await.assert_exit(ExitCode::Done);
        for loads in [false, true] {
            let mut config = if loads { rig.load_config() } else { rig.config() };
            config.ends.batch_bucket = format!("batches-{loads}");
            config.safety.existing = ExistingPolicy::Merge;
            let run = if loads {
                rig.load(config.clone()).await
            } else {
                rig.migrate(config.clone()).await
            };
            run.assert_exit(exit);
            assert_eq!(run.finding("P12").is_some(), exit == ExitCode::Permanent);
            config.safety.on_type_conflict = ConflictPolicy::Suffix;
            let run = if loads { rig.load(config).await } else { rig.migrate(config).await };
            run.assert_exit(ExitCode::Done);
            // Each type has its own day at both ends: nothing is renamed.
            let (from, to) = (rig.source.store(), rig.destination.store());
            assert_eq!(points(from, BUCKET), points(to, BUCKET));
        }
    }
}

/// No server tells the types of such names, but a spool knows them; and two that look alike elsewhere are two fields.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_are_not_utf8_follow_the_policy_of_a_load() {
    let mut lines = Vec::new();
    for (day, count, value) in [(0, 2, "7i"), (1, 5, "0.5")] {
        for at in 0..count {
            let time = MONDAY_S + day * DAY_S + at * 60;
            lines.extend_from_slice(b"m\xff,host=a a\xfe=1i,v\xff=");
            lines.extend_from_slice(format!("{value} {time}000000000\n").as_bytes());
        }
    }
    for (policy, exit, fields) in [
        (ConflictPolicy::Stop, ExitCode::Permanent, &[][..]),
        (
            ConflictPolicy::Suffix,
            ExitCode::Done,
            &[(&b"a\xfe"[..], 7), (b"v\xff", 5), (b"v\xff_integer", 2)],
        ),
        (ConflictPolicy::Reject, ExitCode::Rejected, &[(b"a\xfe", 7), (b"v\xff", 5)]),
    ] {
        let target = Arc::new(BucketStore::default());
        target.create_bucket_with(BUCKET, 0, 7 * 86_400);
        // Not this field, though a query finds it too.
        target.write_lp(BUCKET, b"m\xff,host=a v\xfd=\"x\" 1641168000000000000\n").unwrap();
        let rig = Rig::between(oss_source(), store_of(&lines, 86_400), oss(), target).await;
        let rig = rig.over("2022-01-03", "2022-01-06", "1d");
        rig.migrate(rig.stage_config()).await.assert_exit(ExitCode::Done);
        let mut config = rig.load_config();
        (config.safety.on_type_conflict, config.safety.existing) = (policy, ExistingPolicy::Merge);
        let run = rig.load(config).await;
        run.assert_exit(exit);
        assert!(run.finding("P12").unwrap().text.starts_with("1 field can clash"));
        let mut held: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        for stored in rig.destination.store().dump(BUCKET) {
            *held.entry(stored.field.to_vec()).or_default() += 1;
        }
        held.remove(&b"v\xfd"[..]);
        let wanted = fields.iter().map(|(field, count)| (field.to_vec(), *count)).collect();
        assert_eq!(held, wanted, "{policy:?}");
    }
}
