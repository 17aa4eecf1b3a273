//! Manifests and journals that no run could have written, signed all the same: whoever opens the spool refuses it, before
//! a file is read, and says which of the two is wrong.

use std::path::Path;

use serde_json::{Value, json};
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::spool::compact::CompactedSizes;
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;

use super::forgery::Forgery;
use super::round_trip::{Job0, frames_of, point};
use super::{read_all, write_batch};
use crate::support::golden::{Point, Value as Content};
use crate::support::process::{bare, run};

fn range(n: i64) -> TimeRange {
    TimeRange::new(Timestamp::from_ns(n * 100), Timestamp::from_ns(n * 100 + 100))
}

/// Two measurements, one of them with a conflict.
fn points(n: i64) -> Vec<Point> {
    let mut other = point("a", n * 100 + 7, b"f", Content::Integer(n));
    other.series.measurement = (*b"mem").into();
    let mut points = vec![
        point("a", n * 100, b"f", Content::Integer(n)),
        point("a", n * 100 + 50, b"f", Content::Integer(n + 1)),
        point("b", n * 100 + 50, b"f", Content::Text((*b"x").into())),
        other,
    ];
    points.sort();
    points
}

/// Records of every kind: batches, one of them written twice, merged files, more batches behind them.
fn made(folder: &Path) -> (Storage, Vec<Point>) {
    let storage = Storage::folder(folder);
    let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
    for n in [0, 1, 2, 1] {
        write_batch(&spool, range(n), &frames_of(&points(n))).unwrap();
    }
    spool.compact(CompactedSizes::default()).unwrap();
    for n in [3, 4] {
        write_batch(&spool, range(n), &frames_of(&points(n))).unwrap();
    }
    spool.close().unwrap();
    let mut all: Vec<_> = (0..5).flat_map(points).collect();
    all.sort();
    (storage, all)
}

/// The number of the last record of a kind.
fn last(forgery: &Forgery, kind: &str) -> usize {
    forgery.records.iter().rposition(|record| record["kind"] == kind).unwrap()
}

/// The path of a file of the last batch, of cpu.
fn newest(forgery: &Forgery) -> String {
    let record = &forgery.records[last(forgery, "batch")];
    let files = record["files"].as_array().unwrap();
    let is_data = |file: &&Value| file["path"].as_str().unwrap().starts_with("data/");
    files.iter().find(is_data).unwrap()["path"].as_str().unwrap().to_owned()
}

type Edit = Box<dyn Fn(&mut Forgery)>;

/// Says something else of one file, in journal and manifest.
fn of_file(key: &'static str, value: impl Into<Value>) -> (String, Edit) {
    let value = value.into();
    let what = format!("a file with {key} {value}");
    let edit = move |forgery: &mut Forgery| {
        let path = newest(forgery);
        forgery.edit(&path, |entry| entry[key] = value.clone());
    };
    (what, Box::new(edit))
}

/// Says something else in the last record of a kind.
fn of_record(kind: &'static str, key: &'static str, value: impl Into<Value>) -> (String, Edit) {
    let value = value.into();
    let what = format!("a {kind} with {key} {value}");
    let edit = move |forgery: &mut Forgery| {
        let at = last(forgery, kind);
        forgery.records[at][key] = value.clone();
    };
    (what, Box::new(edit))
}

/// Says something else in the manifest alone.
fn of_manifest(pointer: &'static str, value: impl Into<Value>) -> (String, Edit) {
    let value = value.into();
    let what = format!("a manifest with {pointer} {value}");
    let edit = move |forgery: &mut Forgery| {
        let (above, key) = pointer.rsplit_once('/').unwrap();
        forgery.manifest.pointer_mut(above).unwrap()[key] = value.clone();
    };
    (what, Box::new(edit))
}

fn other(what: &str, edit: impl Fn(&mut Forgery) + 'static) -> (String, Edit) {
    (what.to_owned(), Box::new(edit))
}

/// The path of a file, in the place of another one.
fn of_path(change: impl Fn(&str) -> String + 'static) -> (String, Edit) {
    let sample = change("data/bucket=b%2F1/measurement=cpu/month=1970-01/x.parquet");
    let edit = move |forgery: &mut Forgery| {
        let path = newest(forgery);
        let changed = change(&path);
        assert_ne!(path, changed);
        forgery.edit(&path, |entry| entry["path"] = changed.clone().into());
    };
    (format!("the path {sample}"), Box::new(edit))
}

fn paths() -> Vec<(String, Edit)> {
    let mut edits: Vec<_> = [
        "",
        "/",
        ".",
        "..",
        "/dev/zero",
        "/etc/passwd",
        "../../etc/passwd",
        "data",
        "lock",
        "journal/records",
        "manifest.json",
        "data/\0",
        "staging/x.partial",
    ]
    .map(|path| of_path(move |_| path.to_owned()))
    .into();
    edits.extend([
        of_path(|path| format!("/{path}")),
        of_path(|path| format!("../stage/{path}")),
        of_path(|path| format!("./{path}")),
        of_path(|path| path.replace("data/", "data/../data/")),
        of_path(|path| path.replace("data/", "data//")),
        of_path(|path| path.replace("data/", "conflict/")),
        of_path(|path| path.replace("/measurement=", "/../measurement=")),
        of_path(|path| path.replace("measurement=cpu", "measurement=..")),
        of_path(|path| path.replace("measurement=cpu", "measurement=mem")),
        of_path(|path| path.replace("bucket=b", "bucket=c")),
        of_path(|path| path.replace("month=1970-01", "month=1970-02")),
        of_path(|path| path.replace("19700101T000000.0000004Z", "19700101T000000.0000003Z")),
        of_path(|path| path.replace(".parquet", ".parquet/x")),
        of_path(|path| path.replace(".parquet", ".PARQUET")),
        of_path(|path| path.replace(".parquet", "")),
        of_path(|path| path[..path.len() - 9].to_owned() + "0.parquet"),
        of_path(|path| path.replace("cpu", &"c".repeat(6_000))),
    ]);
    edits
}

fn entries() -> Vec<(String, Edit)> {
    let nothing: [[i64; 2]; 0] = [];
    vec![
        of_file("batches", json!(nothing)),
        of_file("batches", json!([[500, 400]])),
        of_file("batches", json!([[400, 400]])),
        of_file("batches", json!([[300, 500]])),
        of_file("batches", json!([[400, 450], [450, 500]])),
        of_file("batches", json!([[400, 460], [440, 500]])),
        of_file("batches", json!([[0, 100], [400, 500]])),
        of_file("batches", json!([[400, 500], [400, 500]])),
        of_file("batches", json!([[i64::MIN, i64::MAX]])),
        of_file("batches", json!([[-500, -400]])),
        of_file("time_min", i64::MIN),
        of_file("time_min", 399),
        of_file("time_min", 499),
        of_file("time_max", i64::MAX),
        of_file("time_max", 500),
        of_file("time_max", 0),
        of_file("bytes", 0),
        of_file("bytes", u64::MAX),
        of_file("bytes", -1),
        of_file("rows", 0),
        of_file("rows", 1),
        of_file("rows", u64::MAX),
        of_file("values", 0),
        of_file("values", 3),
        of_file("values", u64::MAX),
        of_file("values", 1e300),
        of_file("sha256", ""),
        of_file("sha256", "0".repeat(64)),
        of_file("sha256", "../".repeat(22)),
        of_file("digest", ""),
        of_file("digest", "0".repeat(32)),
        of_file("digest", "é".repeat(16)),
        of_file("bucket", "x"),
        of_file("bucket", ".."),
        of_file("measurement", "mem"),
        of_file("measurement", "%2f"),
        of_file("month", "1970-02"),
        of_file("month", "1970-13"),
        of_file("month", ""),
    ]
}

fn records() -> Vec<(String, Edit)> {
    vec![
        of_record("batch", "start", 399),
        of_record("batch", "start", 401),
        of_record("batch", "start", 500),
        of_record("batch", "stop", 400),
        of_record("batch", "stop", 399),
        of_record("batch", "stop", 600),
        of_record("batch", "stop", i64::MIN),
        of_record("batch", "rows", 3),
        of_record("batch", "values", 5),
        of_record("batch", "values", u64::MAX),
        of_record("batch", "rejected", u64::MAX),
        of_record("batch", "digest", "0".repeat(32)),
        of_record("batch", "digest", ""),
        of_record("batch", "files", json!([])),
        of_record("batch", "removed", json!(["data/x"])),
        of_record(
            "batch",
            "settled",
            json!({ "disk": { "keys": { "bucket": "bucket",
            "measurement": "measurement", "month": "month" }, "types": {}, "tags": [] } }),
        ),
        of_record(
            "batch",
            "settled",
            json!({ "cpu": { "keys": { "bucket": "../bucket",
            "measurement": "measurement", "month": "month" }, "types": { "f": "integer" },
            "tags": ["host"] } }),
        ),
        of_record(
            "batch",
            "settled",
            json!({ "cpu": { "keys": { "bucket": "bucket",
            "measurement": "measurement", "month": "month" }, "types": { "f": "string" },
            "tags": ["host"] } }),
        ),
        of_record(
            "batch",
            "settled",
            json!({ "cpu": { "keys": { "bucket": "bucket",
            "measurement": "measurement", "month": "month" }, "types": { "f": "word" },
            "tags": ["host"] } }),
        ),
        of_record("batch", "kind", "nonsense"),
        of_record("announce", "files", json!(["../../x"])),
        of_record("announce", "files", json!(["/dev/zero"])),
        of_record("announce", "files", json!(["manifest.json"])),
        of_record("compact", "files", json!([])),
        of_record("compact", "removed", json!([])),
        of_record("compact", "removed", json!(["data/x"])),
        other("a batch left out", |forgery| {
            let at = last(forgery, "batch");
            forgery.records.remove(at);
        }),
        other("a batch twice", |forgery| {
            let at = last(forgery, "batch");
            let record = forgery.records[at].clone();
            forgery.records.push(record);
        }),
        other("the batches in another order", |forgery| forgery.records.reverse()),
        other("a compaction twice", |forgery| {
            let record = forgery.records[last(forgery, "compact")].clone();
            forgery.records.push(record);
        }),
        other("a file merged twice", |forgery| {
            let at = last(forgery, "compact");
            let removed = forgery.records[at]["removed"].as_array_mut().unwrap();
            removed.push(removed[0].clone());
        }),
        other("a file listed twice", |forgery| {
            let at = last(forgery, "batch");
            let files = forgery.records[at]["files"].as_array_mut().unwrap();
            files.push(files[0].clone());
        }),
    ]
}

fn manifests() -> Vec<(String, Edit)> {
    vec![
        of_manifest("/watermark", -5),
        of_manifest("/watermark", 499),
        of_manifest("/watermark", 501),
        of_manifest("/watermark", i64::MAX),
        of_manifest("/files", json!({})),
        of_manifest("/measurements", json!({})),
        of_manifest("/measurements/cpu/types/f", "string"),
        of_manifest("/measurements/cpu/keys/month", "../month"),
        of_manifest("/leftovers", json!(["../x"])),
        of_manifest("/leftovers", json!(["/dev/zero"])),
        of_manifest("/records", 0),
        of_manifest("/records", 3),
        of_manifest("/records", 1_000),
        of_manifest("/records", u64::MAX),
        of_manifest("/job/stop", -1),
        of_manifest("/job/shard_group_ns", 0),
        of_manifest("/job/shard_group_ns", 1),
        of_manifest("/job/shard_group_ns", -86_400_000_000_000_i64),
        of_manifest("/job/one_type_ns", 0),
        of_manifest("/job/identity/start", "yesterday"),
        of_manifest("/job/identity/start", "1970-01-01T00:00:01Z"),
        of_manifest("/job/identity", json!({})),
        other("values rejected that no record tells of", |forgery| {
            forgery.manifest["rejected"] = json!({ "0": 7 });
        }),
        other("a file that no record tells of", |forgery| {
            let path = newest(forgery);
            let files = forgery.manifest["files"].as_object_mut().unwrap();
            let mut entry = files[&path].clone();
            let twin = path.replace("cpu", "disk");
            entry["path"] = twin.clone().into();
            entry["measurement"] = "disk".into();
            files.insert(twin, entry);
        }),
    ]
}

#[test]
fn whatever_no_run_writes_is_refused_by_whoever_opens_it() {
    let folder = tempfile::tempdir().unwrap();
    let (storage, all) = made(folder.path());
    let genuine = Forgery::of(folder.path());
    genuine.write();
    assert_eq!(read_all(&storage).unwrap(), all, "signed again, nothing is wrong with it");
    let edits = [paths(), entries(), records(), manifests()].into_iter().flatten();
    for (what, edit) in edits {
        let mut forgery = genuine.clone();
        edit(&mut forgery);
        let same = (&forgery.manifest, &forgery.records) == (&genuine.manifest, &genuine.records);
        assert!(!same, "{what} is what was said before");
        forgery.write();
        let refused = |error: sluice::testing::spool::error::Error| {
            let text = error.to_string();
            let named = text.contains("journal/records") || text.contains("manifest.json");
            assert!(error.is_state() && named, "{what}: {text}");
        };
        refused(Stored::open(&storage).map(|_| ()).expect_err(&what));
        refused(Stored::job_of(&storage).map(|_| ()).expect_err(&what));
        refused(Spool::open(&storage, &Job0::from(0), false).map(|_| ()).expect_err(&what));
    }
    genuine.write();
    assert_eq!(read_all(&storage).unwrap(), all, "nothing was touched");
}

/// What one file says of itself: the journal agrees with the manifest, the file does not.
#[test]
fn a_file_that_says_something_else_of_itself_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (storage, _) = made(folder.path());
    let genuine = Forgery::of(folder.path());
    for (key, value) in [("time_min", 401), ("time_max", 449)] {
        let mut forgery = genuine.clone();
        let path = newest(&forgery);
        forgery.edit(&path, |entry| entry[key] = value.into());
        forgery.write();
        let stored = Stored::open(&storage).unwrap();
        let error = stored.verify_content(&StoredSelection::ALL).unwrap_err();
        assert!(error.is_state() && error.to_string().contains("sluice.range"), "{error}");
        // Also a part that it would have nothing of, if what it is said to hold were believed.
        let part =
            |start, stop| TimeRange::new(Timestamp::from_ns(start), Timestamp::from_ns(stop));
        for range in [TimeRange::ALL, part(400, 401), part(450, 500)] {
            let selection = StoredSelection { range, ..StoredSelection::ALL };
            let error = super::read(&stored, &selection).unwrap_err();
            assert!(error.is_state() && error.to_string().contains("sluice.range"), "{error}");
        }
    }
}

/// A file in the other tree, and times of another type.
#[test]
fn types_that_were_not_settled_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (storage, _) = made(folder.path());
    let genuine = Forgery::of(folder.path());
    let refused = |what: &str| {
        let stored = Stored::open(&storage).unwrap();
        let error = super::read(&stored, &StoredSelection::ALL).expect_err(what);
        assert!(error.is_state() && error.to_string().contains("settled"), "{what}: {error}");
        let error = stored.verify_content(&StoredSelection::ALL).expect_err(what);
        assert!(error.is_state() && error.to_string().contains("settled"), "{what}: {error}");
    };
    let mut forgery = genuine.clone();
    forgery.manifest["job"]["time_type"] = "i64".into();
    forgery.write();
    refused("times");
    let mut forgery = genuine.clone();
    let path = newest(&forgery);
    let moved = path.replacen("data/", "conflicts/", 1);
    forgery.edit(&path, |entry| entry["path"] = moved.clone().into());
    forgery.write();
    let to = folder.path().join(&moved);
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::rename(folder.path().join(&path), to).unwrap();
    refused("the other tree");
}

/// All commands that open a spool judge alike.
#[tokio::test]
async fn every_command_refuses_what_verify_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let stage = folder.path().join("stage");
    let _ = made(&stage);
    let genuine = Forgery::of(&stage);
    let nothing: [[i64; 2]; 0] = [];
    for (what, edit) in [
        of_file("batches", json!(nothing)),
        of_file("batches", json!([[500, 400]])),
        of_manifest("/watermark", -5),
        of_path(|_| "/dev/zero".to_owned()),
        of_record("batch", "stop", 600),
    ] {
        let mut forgery = genuine.clone();
        edit(&mut forgery);
        forgery.write();
        let place = stage.display().to_string();
        for args in [
            &["spool", "verify", &place][..],
            &["spool", "describe", &place],
            &["spool", "describe", &place, "--sql", "duckdb"],
            &["spool", "compact", &place],
            &["export", &place, "--format", "lp", "--output", "-"],
            &["load", &place, "--destination-host", "http://127.0.0.1:1", "--destination-org", "o"],
        ] {
            let mut command = bare(args);
            command.env("INFLUX_TOKEN", "own-token").env("HOME", folder.path());
            let ended = run(command).await;
            ended.assert_code(13);
            let named = ["journal/records", "manifest.json"].iter().any(|n| ended.err.contains(n));
            assert!(named && ended.out.is_empty(), "{what}: {args:?}: {ended:?}");
        }
    }
}
