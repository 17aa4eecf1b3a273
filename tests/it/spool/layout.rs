//! What other readers see: places, schemas, order, metadata.

use std::fs::File;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::SortingColumn;
use sluice::testing::model::series::Series;
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;

use super::round_trip::{frames_of, point};
use super::{files, job, write_all, write_batch};
use crate::support::golden::{Point, Value};

fn tagged(tags: &[(&str, &str)], time: i64) -> Point {
    let tags = tags.iter().map(|(key, value)| (key.as_bytes().into(), value.as_bytes().into()));
    let series = Series::new(*b"a/b", tags);
    Point { series, field: (*b"f").into(), time, value: Value::Integer(time) }
}

#[test]
fn places_are_encoded_and_keys_stay_apart_from_columns() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    let feb = "2022-02-01".parse::<Timestamp>().unwrap().ns();
    let points = [
        tagged(&[("month", "x"), ("bucket", "y")], feb - 1),
        tagged(&[("month", "x")], feb),
        point("a", 0, b"measurement", Value::Boolean(true)),
    ];
    write_all(&storage, &frames_of(&points)).unwrap();
    let paths: Vec<_> =
        files(folder.path()).iter().map(|path| path.display().to_string()).collect();
    let folders: Vec<_> = paths.iter().map(|path| path.rsplit_once('/').map(|p| p.0)).collect();
    assert_eq!(
        folders,
        [
            Some("data/_bucket=b%2F1/measurement=a%2Fb/_month=2022-01"),
            Some("data/_bucket=b%2F1/measurement=a%2Fb/_month=2022-02"),
            Some("data/bucket=b%2F1/_measurement=cpu/month=1970-01"),
            Some("journal"),
            None,
            None,
        ]
    );
    assert!(paths[0].contains("/16770921T001243.145224194Z_22620411T234716.854775807Z-"));
    assert_eq!(paths[3..], ["journal/records", "lock", "manifest.json"]);
}

#[test]
fn rows_are_sorted_by_tags_and_time_and_the_footer_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    let all: [&[(&str, &str)]; 5] =
        [&[("a", "1"), ("b", "1")], &[("a", "1"), ("b", "2")], &[("a", "1")], &[("b", "1")], &[]];
    let mut points = Vec::new();
    for time in [3, 1, 2] {
        points.extend(all.iter().rev().map(|tags| tagged(tags, time)));
    }
    write_all(&storage, &frames_of(&points)).unwrap();
    let stored = Stored::open(&storage).unwrap();
    let frames: Vec<_> =
        stored.frames(&StoredSelection::ALL).unwrap().map(Result::unwrap).collect();
    let order: Vec<_> = frames[0].runs.iter().map(|run| run.series.to_string()).collect();
    assert_eq!(order, ["a/b,a=1,b=1", "a/b,a=1,b=2", "a/b,a=1", "a/b,b=1", "a/b"]);

    let file = stored.files(&StoredSelection::ALL)[0].path.clone();
    let file = File::open(folder.path().join(file)).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let names: Vec<_> = builder.schema().fields().iter().map(|field| field.name()).collect();
    assert_eq!(names, ["time", "a", "b", "f"]);
    let sorting: Vec<_> = [1, 2, 0]
        .map(|column_idx| SortingColumn { column_idx, descending: false, nulls_first: false })
        .into();
    assert_eq!(builder.metadata().row_group(0).sorting_columns(), Some(&sorting));
    let footer = builder.metadata().file_metadata().key_value_metadata().unwrap();
    let value = |key: &str| {
        footer.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone()).unwrap()
    };
    assert_eq!((&*value("sluice.format"), &*value("sluice.bucket")), ("2", "b%2F1"));
    assert_eq!((&*value("sluice.rows"), &*value("sluice.values")), ("15", "15"));
    assert_eq!(
        value("sluice.range"),
        "1970-01-01T00:00:00.000000001Z/1970-01-01T00:00:00.000000003Z"
    );
    assert_eq!(value("sluice.digest").len(), 32);
    let meta = builder.schema().metadata();
    assert_eq!(meta["iox::measurement::name"], "a/b");
    let kinds: Vec<_> = builder
        .schema()
        .fields()
        .iter()
        .map(|f| f.metadata()["iox::column::type"].clone())
        .collect();
    assert_eq!(
        kinds,
        [
            "iox::column_type::timestamp",
            "iox::column_type::tag",
            "iox::column_type::tag",
            "iox::column_type::field::integer"
        ]
    );
}

#[test]
fn a_spool_is_described() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    let mut job = job();
    job.identity.start = Timestamp::EPOCH;
    let spool = Spool::open(&storage, &job, false).unwrap();
    let batch = TimeRange::new(Timestamp::EPOCH, Timestamp::from_ns(100));
    let points = [
        point("a", 5, b"f", Value::Integer(1)),
        point("a", 6, b"f", Value::Integer(2)),
        point("b", 99, b"f", Value::Text((*b"x").into())),
    ];
    write_batch(&spool, batch, &frames_of(&points)).unwrap();
    assert_eq!(spool.totals(), (3, 3));
    // What is committed can be read while the spool is being written.
    let described = Stored::open(&storage).unwrap().describe();
    assert_eq!((described.range, described.wanted.stop), (batch, Timestamp::STOP_MAX));
    let [cpu] = &described.measurements[..] else { panic!("one measurement") };
    assert_eq!((&*cpu.name, &*cpu.bucket), (&b"cpu"[..], &b"b/1"[..]));
    assert_eq!(cpu.tags, [(*b"host").into()]);
    assert_eq!(cpu.fields, [((*b"f").into(), sluice::testing::model::frame::FieldType::Integer)]);
    assert_eq!((cpu.files, cpu.rows, cpu.values, cpu.conflicts), (2, 3, 3, 1));
    assert_eq!((cpu.time_min.ns(), cpu.time_max.ns()), (5, 99));
    assert_eq!(cpu.months, ["1970-01"]);
    let job = Stored::open(&storage).unwrap().job();
    assert_eq!((&*job.source_bucket, &*job.plan), ("b/1", "1"));
}
