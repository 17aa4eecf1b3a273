//! The commands that look at a spool, as their users meet them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::memory::InMemory;
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::Stored;
use sluice::testing::spool::writable::Spool;
use tempfile::TempDir;

use super::forgery::Forgery;
use super::round_trip::{Job0, frames_of, point};
use super::{files, write_batch};
use crate::support::golden::Value;
use crate::support::process::{Ended, bare, run};

const HOUR_NS: i64 = 3_600_000_000_000;

/// Six hours of two hosts; the fourth has a text where the others have whole numbers.
fn spool() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("stage");
    let mut job = Job0::from(0);
    job.stop = Timestamp::from_ns(8 * HOUR_NS);
    let spool = Spool::open(&Storage::folder(&place), &job, false).unwrap();
    for hour in 0..6 {
        let at = hour * HOUR_NS;
        let range = TimeRange::new(Timestamp::from_ns(at), Timestamp::from_ns(at + HOUR_NS));
        let mut points: Vec<_> = ["a", "b"]
            .map(|host| point(host, at, b"f", Value::Integer(hour)))
            .into_iter()
            .chain([point("a", at, b"g", Value::Float(1.5f64.to_bits()))])
            .collect();
        if hour == 3 {
            points.push(point("a", at + 1, b"f", Value::Text((*b"x").into())));
        }
        let batch = spool.begin(range);
        for frame in frames_of(&points) {
            batch.push(&frame).unwrap();
        }
        let mut finished = batch.finish().unwrap();
        finished.set_rejected(u64::from(hour == 5) * 2);
        spool.commit(finished).unwrap();
    }
    spool.close().unwrap();
    (folder, place)
}

async fn sluice(args: &[&str], place: &Path) -> Ended {
    let place = place.display().to_string();
    run(bare(&[&["spool"], args, &[&place]].concat())).await
}

fn parquet(place: &Path) -> Vec<PathBuf> {
    let mut all = files(place);
    all.retain(|path| path.extension().is_some_and(|ending| ending == "parquet"));
    all
}

#[tokio::test]
async fn a_whole_spool_is_proved() {
    let (_folder, place) = spool();
    let ended = sluice(&["verify"], &place).await;
    ended.assert_code(0);
    assert!(ended.out.starts_with("WHOLE  ") && ended.err.is_empty(), "{ended:?}");
    for line in ["read        7 files", "19 values, 13 rows", "6 records of batches: content"] {
        assert!(ended.out.contains(line), "{ended:?}");
    }
    let ended = sluice(&["verify", "--json"], &place).await;
    ended.assert_code(0);
    let line = &ended.lines()[0];
    assert_eq!((&line["message_type"], &line["whole"]), (&"spool_proof".into(), &true.into()));
    assert_eq!((&line["batches"], &line["batches_merged"]), (&6.into(), &0.into()));
    sluice(&["compact"], &place).await.assert_code(0);
    let ended = sluice(&["verify", "--json"], &place).await;
    ended.assert_code(0);
    let line = &ended.lines()[0];
    assert_eq!((&line["batches"], &line["batches_merged"]), (&6.into(), &6.into()));
    assert_eq!((&line["files"], &line["values"]), (&2.into(), &19.into()));
}

#[tokio::test]
async fn all_damage_is_named_at_once() {
    let (_folder, place) = spool();
    let all = parquet(&place);
    let at = |n: usize| place.join(&all[n]);
    let mut flipped = fs::read(at(0)).unwrap();
    flipped[100] ^= 4;
    fs::write(at(0), &flipped).unwrap();
    fs::remove_file(at(1)).unwrap();
    fs::copy(at(3), at(2)).unwrap();
    let short = fs::read(at(4)).unwrap();
    fs::write(at(4), &short[..short.len() - 9]).unwrap();
    let strange = "data/bucket=x/strange.parquet";
    fs::create_dir_all(place.join("data/bucket=x")).unwrap();
    fs::write(place.join(strange), b"?").unwrap();
    let ended = sluice(&["verify", "--json"], &place).await;
    ended.assert_code(13);
    let lines = ended.lines();
    let findings: Vec<_> =
        lines[0]["findings"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
    let name = |n: usize| all[n].display().to_string();
    for (file, what) in [
        (strange.to_owned(), "does not belong to it"),
        (name(0), "its digest does not match"),
        (name(1), "is missing"),
        (name(2), "holds the content of"),
        (name(4), "bytes instead of"),
    ] {
        assert!(
            findings.iter().any(|f| f.contains(&file) && f.contains(what)),
            "{file}: {findings:?}"
        );
    }
    assert_eq!((findings.len(), &lines[1]["message_type"]), (5, &"exit_error".into()));
    let ended = sluice(&["verify"], &place).await;
    ended.assert_code(13);
    assert!(ended.out.starts_with("NOT WHOLE  ") && ended.out.contains("DAMAGE"), "{ended:?}");
    assert!(ended.err.contains("is not whole: 5 findings"), "{ended:?}");
}

#[tokio::test]
async fn a_batch_that_lacks_a_file_is_found_by_its_record() {
    let (_folder, place) = spool();
    let gone = parquet(&place)[1].display().to_string();
    let mut forgery = Forgery::of(&place);
    forgery.manifest["files"].as_object_mut().unwrap().remove(&gone).unwrap();
    forgery.write();
    fs::remove_file(place.join(&gone)).unwrap();
    let ended = sluice(&["verify"], &place).await;
    ended.assert_code(13);
    assert!(ended.err.contains(&gone) && ended.err.contains("no record says"), "{ended:?}");
}

/// In an object store each record is an object of its own.
#[test]
fn a_spool_in_an_object_store_is_proved() {
    let staging = tempfile::tempdir().unwrap();
    let store = Arc::new(InMemory::new());
    let storage = Storage::objects(store, "a/prefix", staging.path()).unwrap();
    let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
    for hour in 0..3 {
        let at = hour * HOUR_NS;
        let range = TimeRange::new(Timestamp::from_ns(at), Timestamp::from_ns(at + HOUR_NS));
        let points = [point("a", at, b"f", Value::Integer(hour))];
        write_batch(&spool, range, &frames_of(&points)).unwrap();
    }
    spool.close().unwrap();
    let proof = Stored::open(&storage).unwrap().prove(|_| ()).unwrap();
    assert_eq!((proof.files, proof.values, proof.batches), (3, 3, 3));
    assert!(proof.findings.is_empty(), "{proof:?}");
}

#[tokio::test]
async fn a_spool_is_described() {
    let (_folder, place) = spool();
    let ended = sluice(&["describe"], &place).await;
    ended.assert_code(0);
    let rest: Vec<_> = ended.out.lines().skip(1).map(str::trim_end).collect();
    let bytes = |line: &str| line.split_once(" files, ").map(|(head, _)| head.to_owned());
    assert_eq!(rest[0], "of          org/b/1 at https://cloud.example");
    assert_eq!(rest[1], "range       [1970-01-01T00:00:00Z, 1970-01-01T06:00:00Z)");
    assert_eq!(rest[2], "incomplete  the job stops at 1970-01-01T08:00:00Z");
    assert_eq!(bytes(rest[3]).as_deref(), Some("holds       19 values, 13 rows, 7"));
    assert_eq!(rest[4], "conflicts   1 value in another type");
    assert_eq!(rest[5], "rejected    2 values that could not be staged");
    assert!(rest[6].starts_with("MEASUREMENT "));
    assert!(rest[7].starts_with("cpu                                   19        13         7"));
    assert_eq!(
        rest[8..],
        [
            "  from      1970-01-01T00:00:00Z to 1970-01-01T05:00:00Z",
            "  tags      host",
            "  fields    f (integer), g (float)",
            "  conflicts f (string)",
        ]
    );
    assert!(ended.out.lines().all(|line| line.len() <= 80 || line.starts_with("SPOOL")));
    let ended = sluice(&["describe", "--json"], &place).await;
    ended.assert_code(0);
    let line = &ended.lines()[0];
    assert_eq!((&line["message_type"], &line["rejected"]), (&"spool".into(), &2.into()));
    let cpu = &line["measurements"][0];
    assert_eq!((&cpu["measurement"], &cpu["conflicts"]), (&"cpu".into(), &1.into()));
    let kinds: Vec<_> = cpu["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| (column["name"].as_str().unwrap(), column["role"].as_str().unwrap()))
        .collect();
    assert_eq!(kinds, [("time", "time"), ("host", "tag"), ("f", "field"), ("g", "field")]);
}

#[tokio::test]
async fn compaction_says_what_it_saved_and_takes_the_lock() {
    let (_folder, place) = spool();
    let storage = Storage::folder(&place);
    let held = Spool::open(&storage, &Stored::open(&storage).unwrap().job(), false).unwrap();
    sluice(&["compact"], &place).await.assert_code(11);
    held.close().unwrap();
    let ended = sluice(&["compact"], &place).await;
    ended.assert_code(0);
    let lines: Vec<_> = ended.out.lines().collect();
    assert!(lines[0].starts_with("COMPACTED  "), "{ended:?}");
    assert!(lines[1].starts_with("merged      6 files of "), "{ended:?}");
    assert!(lines[2].starts_with("before      7 files, ") && lines[2].ends_with(" B/value"));
    assert!(lines[3].starts_with("after       2 files, "), "{ended:?}");
    assert_eq!(parquet(&place).len(), 2);
    let ended = sluice(&["compact", "--json"], &place).await;
    ended.assert_code(0);
    let line = &ended.lines()[0];
    assert_eq!((&line["merged_files_before"], &line["files_after"]), (&0.into(), &2.into()));
}

#[tokio::test]
async fn what_is_no_spool_is_refused() {
    let (folder, place) = spool();
    for word in ["verify", "describe", "compact"] {
        sluice(&[word], folder.path()).await.assert_code(13);
        sluice(&[word], Path::new("ftp://x/y")).await.assert_code(2);
        sluice(&[word, "--nonsense"], &place).await.assert_code(2);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was made");
    sluice(&["describe", "--sql", "excel"], &place).await.assert_code(2);
    sluice(&["describe", "--json", "--sql", "duckdb"], &place).await.assert_code(2);
}
