//! Compaction, and batches that are larger than what is held in memory.

use std::collections::BTreeSet;

use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::spool::compact::CompactedSizes;
use sluice::testing::spool::error::Error;
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;

use super::round_trip::{Job0, frames_of, point};
use super::{files, read, read_all, write_batch};
use crate::support::golden::{Point, Value};

const HOUR_NS: i64 = 3_600_000_000_000;

fn range(start: i64, n: i64) -> TimeRange {
    let start = Timestamp::from_ns(start + n * HOUR_NS);
    TimeRange::new(start, start.saturating_add_ns(HOUR_NS))
}

/// Hours around the turn of a month, with a field that changes its type and one that comes late.
fn hours(start: i64, count: i64) -> Vec<Vec<Point>> {
    let hour = |n: i64| {
        let mut points = Vec::new();
        for host in ["a", "b", "c"] {
            for at in 0..4 {
                let time = start + n * HOUR_NS + at * 1_000;
                let value = Value::Integer(n * 10 + at);
                points.push(point(host, time, b"f", value));
                if n % 5 == 4 {
                    points.push(point(host, time, b"t", Value::Boolean(at > 1)));
                }
                let odd = Value::Text(format!("{n}{host}").into_bytes().into());
                points.push(point(
                    host,
                    time,
                    b"u",
                    if n % 7 == 3 { odd } else { Value::Float(0) },
                ));
            }
        }
        points
    };
    (0..count).map(hour).collect()
}

#[test]
fn small_files_become_few_and_hold_the_same() {
    let start = "2022-01-31T04:00:00Z".parse::<Timestamp>().unwrap().ns();
    let hours = hours(start, 40);
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    let spool = Spool::open(&storage, &Job0::from(start), false).unwrap();
    for (n, points) in (0..).zip(&hours) {
        write_batch(&spool, range(start, n), &frames_of(points)).unwrap();
    }
    let mut all: Vec<_> = hours.iter().flatten().cloned().collect();
    all.sort();
    let compacted = spool.compact(CompactedSizes::default()).unwrap();
    // Two months, and the conflicts of both.
    assert_eq!((compacted.files_before, compacted.files_after), (46, 4));
    assert!(compacted.bytes_after < compacted.bytes_before / 4, "{compacted:?}");
    assert_eq!(spool.compact(CompactedSizes::default()).unwrap().files_before, 0);
    let error = write_batch(&spool, range(start, 2), &[]).unwrap_err();
    assert!(matches!(error, Error::Compacted { .. }), "{error}");
    // The job goes on behind it.
    let more = point("z", start + 40 * HOUR_NS, b"f", Value::Integer(1));
    write_batch(&spool, range(start, 40), &frames_of(std::slice::from_ref(&more))).unwrap();
    spool.close().unwrap();

    let stored = Stored::open(&storage).unwrap();
    for n in [0, 3, 19, 20, 39] {
        let selection = StoredSelection { range: range(start, n), ..StoredSelection::ALL };
        let mut expected = hours[usize::try_from(n).unwrap()].clone();
        expected.sort();
        assert_eq!(read(&stored, &selection).unwrap(), expected, "hour {n}");
    }
    all.push(more);
    all.sort();
    assert_eq!(read_all(&storage).unwrap(), all);
    let parquet = files(folder.path()).iter().filter(|path| path.extension().is_some()).count() - 1;
    assert_eq!(parquet, 5, "old files are gone");
}

#[test]
fn large_files_stay_and_the_size_of_merged_ones_is_bounded() {
    let start = 0;
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    let spool = Spool::open(&storage, &Job0::from(start), false).unwrap();
    for n in 0..6 {
        let points = [point("a", n * HOUR_NS, b"f", Value::Integer(n))];
        write_batch(&spool, range(start, n), &frames_of(&points)).unwrap();
    }
    let bytes = Stored::open(&storage).unwrap().files(&StoredSelection::ALL)[0].bytes;
    let none =
        spool.compact(CompactedSizes { small_bytes: 1, merged_bytes_max: u64::MAX }).unwrap();
    assert_eq!(none.files_before, 0);
    let sizes = CompactedSizes { small_bytes: u64::MAX, merged_bytes_max: bytes * 5 / 2 };
    let pairs = spool.compact(sizes).unwrap();
    assert_eq!((pairs.files_before, pairs.files_after), (6, 3));
    spool.close().unwrap();
    assert_eq!(read_all(&storage).unwrap().len(), 6);
}

/// The bucket has the same id, so it is the same job; what was read under a name stays there.
#[test]
fn a_bucket_that_was_renamed_keeps_both_names() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    let mut job = Job0::from(0);
    let mut all = Vec::new();
    for (name, hours) in [("plant", 0..3), ("works", 3..6)] {
        job.source_bucket = name.to_owned();
        let spool = Spool::open(&storage, &job, false).unwrap();
        for n in hours {
            let points = [point("a", n * HOUR_NS, b"f", Value::Integer(n))];
            write_batch(&spool, range(0, n), &frames_of(&points)).unwrap();
            all.extend(points);
        }
        spool.close().unwrap();
    }
    let spool = Spool::open(&storage, &job, false).unwrap();
    let compacted = spool.compact(CompactedSizes::default()).unwrap();
    assert_eq!((compacted.files_before, compacted.files_after), (6, 2));
    spool.close().unwrap();
    assert_eq!(read_all(&storage).unwrap(), all);
    let stored = Stored::open(&storage).unwrap();
    let buckets: Vec<_> =
        stored.files(&StoredSelection::ALL).iter().map(|file| file.bucket.clone()).collect();
    assert_eq!(buckets, ["plant", "works"]);
    assert!(stored.prove(|_| ()).unwrap().findings.is_empty());
}

/// Far more than is held in memory, of 200 measurements at once, from two threads.
#[test]
fn a_batch_larger_than_memory_goes_through_sorted_parts() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
    let whole = TimeRange::new(Timestamp::EPOCH, Timestamp::from_ns(1_000_000));
    let batch = spool.begin(whole);
    let text: Vec<u8> = b"0123456789abcdef".repeat(1_024);
    let frame = |measurement: usize, round: i64| {
        let points: Vec<_> = (0..6)
            .map(|at| {
                // Every round falls between the times of the others.
                let time = at * 100 + round * 7;
                let mut point = point("h", time, b"s", Value::Text(text.clone().into()));
                let name = format!("m{measurement}").into_bytes();
                point.series.measurement = name.into();
                point
            })
            .collect();
        frames_of(&points).remove(0)
    };
    std::thread::scope(|scope| {
        for half in 0..2 {
            let (batch, frame) = (&batch, &frame);
            scope.spawn(move || {
                for round in (0..8).filter(|round| round % 2 == half) {
                    for measurement in 0..200 {
                        batch.push(&frame(measurement, round)).unwrap();
                    }
                }
            });
        }
    });
    let staged = folder.path().join("staging");
    assert_eq!(std::fs::read_dir(&staged).unwrap().count(), 1, "sorted parts are on disk");
    let finished = batch.finish().unwrap();
    assert_eq!((finished.files().len(), finished.totals().values), (200, 200 * 48));
    spool.commit(finished).unwrap();
    spool.close().unwrap();
    assert_eq!(std::fs::read_dir(&staged).unwrap().count(), 0);
    let stored = Stored::open(&storage).unwrap();
    let m7 = StoredSelection {
        measurements: Some(BTreeSet::from([(*b"m7").into()])),
        ..StoredSelection::ALL
    };
    let times: BTreeSet<_> = read(&stored, &m7).unwrap().iter().map(|point| point.time).collect();
    let expected: BTreeSet<_> =
        (0..6).flat_map(|at| (0..8).map(move |r| at * 100 + r * 7)).collect();
    assert_eq!(times, expected);
    assert_eq!(stored.verify(&StoredSelection::ALL).unwrap().values, 200 * 48);
}
