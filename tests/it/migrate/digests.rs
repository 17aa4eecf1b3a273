//! What a run records of the content of each batch: the digest of what the destination holds then.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use sluice::testing::exit::ExitCode;
use sluice::testing::model::series::Series;
use sluice::testing::model::time::TimeRange;
use sluice::testing::model::transport::Transport;
use sluice::testing::pipeline::write::bucket::type_conflict::ConflictPolicy;
use sluice::testing::sim::ColumnValues;

use crate::support::digest;
use crate::support::golden::Case;
use crate::support::need::{What, need};
use crate::support::rig::{BATCHES, BUCKET, Rig, cloud, oss_source, plant, store_of, with};

const WEEK_S: u64 = 7 * 86_400;

/// The batches with a digest, and those without; each digest is held against what the destination holds.
fn held(rig: &Rig) -> (Vec<TimeRange>, Vec<TimeRange>) {
    let values = rig.destination.store().dump(BUCKET);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for (range, recorded) in digest::recorded(rig.destination.store(), BATCHES) {
        let Some(recorded) = recorded else {
            without.push(range);
            continue;
        };
        let inside = |time: i64| (range.start.ns()..range.stop.ns()).contains(&time);
        let own = digest::of(values.iter().filter(|value| inside(value.time)));
        assert_eq!(own, recorded, "{range}");
        with.push(range);
    }
    (with, without)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_batch_has_the_digest_of_what_the_destination_holds() {
    let mut all = BTreeSet::new();
    for (source, transport) in [
        (oss_source(), Some(Transport::Influxql)),
        (cloud(), Some(Transport::Flux)),
        (cloud(), Some(Transport::FluxKeyed)),
        (cloud(), Some(Transport::FluxPivot)),
        (oss_source(), None),
    ] {
        let rig = Rig::start(source, store_of(&plant(0..8), WEEK_S)).await;
        let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "1h");
        let config = with(rig.config(), |config| config.pace.transport = transport);
        rig.migrate(config).await.assert_exit(ExitCode::Done);
        let (with, without) = held(&rig);
        assert_eq!((with.len(), without.len()), (8, 0), "{transport:?}");
        let digests = digest::recorded(rig.destination.store(), BATCHES);
        all.insert(digests.into_iter().map(|(_, digest)| digest).collect::<Vec<_>>());
    }
    assert_eq!(all.len(), 1, "the same, however it was read");
}

/// What was refused, by line protocol, by the policy or by the destination, is in no digest. Strings that were written over, and
/// values under other names, are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_is_in_no_digest() {
    let (clash, text) = ("m f=1i 1640998800000000000\n", "m s=\"a\rb\" 1641002400000000000\n");
    let hour_ns = |hour: i64| (1_640_995_200 + hour * 3_600) * 1_000_000_000;
    let line = |hour| format!("m f={hour} {}\n", hour_ns(hour));
    let numbers = (0..8).map(line).collect::<Vec<_>>().concat();
    // A field that no line carries, beside one that every line does.
    let unnamed = "field time";
    for (more, policy) in [
        ("", ConflictPolicy::Stop),
        (text, ConflictPolicy::Stop),
        (unnamed, ConflictPolicy::Stop),
        (clash, ConflictPolicy::Reject),
        (clash, ConflictPolicy::Suffix),
    ] {
        let lines = if more == text { numbers.clone() + text } else { numbers.clone() };
        let source = if more == text { cloud() } else { oss_source() };
        let store = store_of(lines.as_bytes(), WEEK_S);
        if more == unnamed {
            let (series, times) = (Series::new(*b"m", []), (0..8).map(hour_ns));
            let column = ColumnValues::Float(vec![0.5; 8]);
            let times: Vec<_> = times.collect();
            store.load_column(BUCKET, &series, b"time", &times, &column).expect("a column");
        }
        let rig = Rig::start(source, store).await;
        let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "1h");
        let config = with(rig.config(), |config| {
            config.safety.on_type_conflict = policy;
            config.safety.existing = sluice::testing::config::values::ExistingPolicy::Merge;
            config.safety.reject_limit = 100;
        });
        if more == clash {
            rig.destination.store().create_bucket(BUCKET, 0);
            // Before the range, in the same shard group.
            let line = b"m f=1i 1640908800000000000\n";
            rig.destination.store().write_lp(BUCKET, line).expect("a line");
        }
        let run = rig.migrate(config).await;
        let refused = policy == ConflictPolicy::Reject || more == unnamed;
        run.assert_exit(if refused { ExitCode::Rejected } else { ExitCode::Done });
        let (with, without) = held(&rig);
        assert_eq!((with.len(), without.len()), (8, 0), "{policy:?} {more}");
    }
}

/// A load records what it has written too, in batches of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_loaded_has_its_digest() {
    let rig = Rig::start(oss_source(), store_of(&plant(0..8), WEEK_S)).await;
    let rig = rig.over("2022-01-01", "2022-01-01T08:00:00Z", "1h");
    rig.migrate(rig.stage_config()).await.assert_exit(ExitCode::Done);
    rig.load(rig.load_config()).await.assert_exit(ExitCode::Done);
    rig.assert_copied();
    let (with, without) = held(&rig);
    assert!(!with.is_empty() && without.is_empty(), "{with:?} {without:?}");
}

/// The page's own script, over the line protocol that was recorded.
#[test]
fn the_script_of_the_page_computes_the_same() {
    let Some(python) = need(What::Python) else { return };
    let page = include_str!("../../../docs/verify.md");
    let script = page.split("```python\n").nth(1).and_then(|rest| rest.split("```").next());
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("digest.py");
    std::fs::write(&path, script.expect("the page has a script")).expect("a file");
    let (mut same, mut others) = (0, Vec::new());
    for name in Case::names_of_buckets() {
        let lines = Case::open(&name).bytes("data.lp");
        let stored = store_of(&lines, WEEK_S).dump(BUCKET);
        let mut child = Command::new(&python)
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        child.stdin.take().expect("piped").write_all(&lines).expect("it reads");
        let out = child.wait_with_output().expect("it ends").stdout;
        let digest = String::from_utf8_lossy(&out).trim().to_owned();
        if digest == digest::of(&stored) {
            same += 1;
        } else {
            others.push(name);
        }
    }
    // There a value is written twice: the second time with another content.
    assert_eq!((same, others), (20, vec!["04-duplicates".to_owned()]));
}
