//! Types of the time column: what other readers see, what is refused, and that nothing changes between runs.

use std::fs::File;

use arrow::datatypes::{DataType, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{LogicalType, TimeUnit as ParquetUnit, Type};
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::model::time_type::TimeType;
use sluice::testing::spool::error::Error;
use sluice::testing::spool::state::StagedJob;
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;

use super::round_trip::{Job0, frames_of, point};
use super::{files, read_all, write_batch};
use crate::support::golden::{Point, Value};

fn job_of(time_type: TimeType) -> StagedJob {
    StagedJob { time_type, ..Job0::from(0) }
}

fn range(n: i64) -> TimeRange {
    TimeRange::new(Timestamp::from_ns(n * 1_000_000), Timestamp::from_ns((n + 1) * 1_000_000))
}

/// Whole microseconds.
fn points(n: i64) -> Vec<Point> {
    let at = |at: i64| point("a", n * 1_000_000 + at * 1_000, b"f", Value::Integer(at));
    (0..5).map(at).collect()
}

#[test]
fn other_readers_see_the_type_that_was_chosen() {
    let utc = || Some("UTC".into());
    let logical = |unit| Some(LogicalType::timestamp(true, unit));
    for (kind, arrow, parquet) in [
        (
            TimeType::NsUtc,
            DataType::Timestamp(TimeUnit::Nanosecond, utc()),
            logical(ParquetUnit::NANOS),
        ),
        (
            TimeType::UsUtc,
            DataType::Timestamp(TimeUnit::Microsecond, utc()),
            logical(ParquetUnit::MICROS),
        ),
        (TimeType::I64, DataType::Int64, None),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::folder(folder.path());
        let spool = Spool::open(&storage, &job_of(kind), false).unwrap();
        write_batch(&spool, range(0), &frames_of(&points(0))).unwrap();
        spool.close().unwrap();
        assert_eq!(read_all(&storage).unwrap(), points(0), "{kind}");
        let stored = Stored::open(&storage).unwrap();
        assert_eq!(stored.job().time_type, kind);
        let path = folder.path().join(&stored.files(&StoredSelection::ALL)[0].path);
        let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
        assert_eq!(*builder.schema().field(0).data_type(), arrow, "{kind}");
        let column = builder.parquet_schema().column(0);
        assert_eq!((column.name(), column.physical_type()), ("time", Type::INT64));
        assert_eq!(column.logical_type_ref(), parquet.as_ref(), "{kind}");
        let manifest = std::fs::read_to_string(folder.path().join("manifest.json")).unwrap();
        // The first version knew one type only, and reads what has that one.
        assert_eq!(manifest.contains("time_type"), kind != TimeType::NsUtc, "{manifest}");
    }
}

#[test]
fn a_time_that_would_lose_digits_is_refused_with_its_batch() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    let spool = Spool::open(&storage, &job_of(TimeType::UsUtc), false).unwrap();
    write_batch(&spool, range(0), &frames_of(&points(0))).unwrap();
    let odd = point("b", 1_500_001, b"f", Value::Integer(1));
    let batch = spool.begin(range(1));
    batch.push(&frames_of(&points(1))[0]).unwrap();
    let error = batch.push(&frames_of(std::slice::from_ref(&odd))[0]).unwrap_err();
    assert!(matches!(error, Error::TimeDigits { .. }) && !error.is_state(), "{error}");
    assert_eq!(
        error.to_string(),
        "batch [1970-01-01T00:00:00.001Z, 1970-01-01T00:00:00.002Z): measurement cpu has a value at \
         1970-01-01T00:00:00.001500001Z, and us-utc would lose digits of it; nothing of the batch is committed \
         (choose --time-type ns-utc or i64 and another --spool-dir)"
    );
    assert!(batch.finish().is_err(), "a batch that lacks a frame cannot be finished");
    spool.close().unwrap();
    let spool = Spool::open(&storage, &job_of(TimeType::UsUtc), false).unwrap();
    assert_eq!(spool.watermark(), range(0).stop);
    assert_eq!(read_all(&storage).unwrap(), points(0));
    assert_eq!(files(folder.path()).len(), 4, "one file, journal, lock, manifest");
    // The same batch without it is taken.
    write_batch(&spool, range(1), &frames_of(&points(1))).unwrap();
    spool.close().unwrap();
    assert_eq!(read_all(&storage).unwrap(), [points(0), points(1)].concat());
}

#[test]
fn a_spool_keeps_its_type_of_times() {
    for stored in TimeType::ALL {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::folder(folder.path());
        Spool::open(&storage, &job_of(stored), false).unwrap().close().unwrap();
        for given in TimeType::ALL {
            match Spool::open(&storage, &job_of(given), false) {
                Ok(spool) => {
                    assert_eq!(given, stored);
                    spool.close().unwrap();
                }
                Err(error) => {
                    assert!(given != stored && error.is_state(), "{error}");
                    let text = format!("time type was {stored}, now it is {given}");
                    assert!(error.to_string().contains(&text), "{error}");
                }
            }
        }
    }
}
