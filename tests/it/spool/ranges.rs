//! A part of a spool is read exactly, and what lies outside of it is not decoded; limits of row groups.

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, Int64Array, RecordBatch, TimestampNanosecondArray};
use arrow::datatypes::{Field, Int32Type, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::metadata::RowGroupMetaData;
use sluice::testing::model::frame::{FieldType, Frame, Run};
use sluice::testing::model::series::Series;
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::model::time_type::TimeType;
use sluice::testing::spool::state::StagedJob;
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Decoded, Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;

use super::round_trip::{Job0, frames_of, point};
use super::{read, write_batch};
use crate::support::golden::{Point, Value};

const SERIES: i64 = 3;
const STEP_NS: i64 = 1_000;

/// Rows of one series: time and value tell which ones.
fn frame(series: i64, rows: i64) -> Frame {
    let times = TimestampNanosecondArray::from_iter_values((0..rows).map(|row| row * STEP_NS));
    let values = (0..rows).map(|row| (row * 7_919 + series) % 100_003);
    let arrays: Vec<ArrayRef> =
        vec![Arc::new(times.with_timezone("UTC")), Arc::new(Int64Array::from_iter_values(values))];
    let fields: Vec<_> = arrays
        .iter()
        .enumerate()
        .map(|(at, array)| Field::new(format!("c{at}"), array.data_type().clone(), at > 0))
        .collect();
    let tags = [((*b"host").into(), format!("h{series}").into_bytes().into())];
    let end_row = usize::try_from(rows).unwrap();
    Frame {
        measurement: (*b"cpu").into(),
        fields: vec![((*b"f").into(), FieldType::Integer)],
        batch: RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap(),
        runs: vec![Run { end_row, series: Arc::new(Series::new(*b"cpu", tags)) }],
        values: rows.unsigned_abs(),
    }
}

fn spool_of(time_type: TimeType, rows: i64) -> (tempfile::TempDir, Stored) {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    let job = StagedJob { time_type, ..Job0::from(0) };
    let spool = Spool::open(&storage, &job, false).unwrap();
    let whole = TimeRange::new(Timestamp::EPOCH, Timestamp::from_ns(rows * STEP_NS));
    let frames: Vec<_> = (0..SERIES).map(|series| frame(series, rows)).collect();
    write_batch(&spool, whole, &frames).unwrap();
    spool.close().unwrap();
    (folder, Stored::open(&storage).unwrap())
}

/// What a part costs, and how many rows it has. Each is the one that was written.
fn cost(stored: &Stored, start: i64, stop: i64) -> (Decoded, u64) {
    let range = TimeRange::new(Timestamp::from_ns(start), Timestamp::from_ns(stop));
    let mut frames = stored.frames(&StoredSelection { range, ..StoredSelection::ALL }).unwrap();
    let mut rows = 0;
    for frame in &mut frames {
        let frame = frame.unwrap();
        let times =
            frame.batch.column(0).as_primitive::<arrow::datatypes::TimestampNanosecondType>();
        let values = frame.batch.column(1).as_primitive::<arrow::datatypes::Int64Type>();
        let mut row = 0;
        for run in &frame.runs {
            let series = i64::from(run.series.tags[0].1[1] - b'0');
            for at in row..run.end_row {
                let time = times.value(at);
                assert!(range.contains(Timestamp::from_ns(time)));
                assert_eq!(values.value(at), (time / STEP_NS * 7_919 + series) % 100_003);
            }
            row = run.end_row;
        }
        rows += frame.rows() as u64;
    }
    (frames.decoded(), rows)
}

#[test]
fn a_part_of_a_file_costs_its_own_pages() {
    const ROWS: i64 = 150_000;
    for kind in TimeType::ALL {
        let (_folder, stored) = spool_of(kind, ROWS);
        let (whole, rows) = cost(&stored, 0, ROWS * STEP_NS);
        assert_eq!((rows, whole.rows), (450_000, 450_000));
        let file = stored.files(&StoredSelection::ALL)[0].bytes;
        assert!(whole.bytes >= file / 2, "{whole:?} of {file}");
        // Some rows in the middle, a bound beside a row, one row, the ends.
        for (start, stop, found) in [
            (70_000 * STEP_NS, 71_000 * STEP_NS, 1_000),
            (70_000 * STEP_NS + 1, 71_000 * STEP_NS + 1, 1_000),
            (99_999 * STEP_NS, 99_999 * STEP_NS + 1, 1),
            (-5, 1, 1),
            ((ROWS - 1) * STEP_NS, i64::MAX, 1),
            (5 * STEP_NS + 1, 6 * STEP_NS, 0),
        ] {
            let (part, rows) = cost(&stored, start, stop);
            assert_eq!(rows, found * 3, "{kind} {start} {stop}");
            assert!(part.rows <= 3 * 2 * 20_000, "{kind} {start} {stop}: {part:?}");
            assert!(part.bytes * 2 < whole.bytes, "{kind} {start} {stop}: {part:?} of {whole:?}");
        }
        let (none, rows) = cost(&stored, ROWS * STEP_NS, i64::MAX);
        assert_eq!((none, rows), (Decoded::default(), 0), "no file reaches there");
    }
}

#[test]
fn row_groups_are_bounded_hold_each_series_in_one_piece_and_are_skipped() {
    const ROWS: i64 = 400_000;
    let (folder, stored) = spool_of(TimeType::NsUtc, ROWS);
    let path = folder.path().join(&stored.files(&StoredSelection::ALL)[0].path);
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
    let metadata = Arc::clone(builder.metadata());
    let rows: Vec<_> = metadata.row_groups().iter().map(RowGroupMetaData::num_rows).collect();
    assert_eq!(rows, [1_048_576, 1_200_000 - 1_048_576]);
    for column in metadata.row_groups().iter().flat_map(RowGroupMetaData::columns) {
        assert!(matches!(column.compression(), Compression::ZSTD(_)), "{column:?}");
    }
    for group in 0..rows.len() {
        let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
        let (mut seen, mut last) = (BTreeSet::new(), None);
        for batch in builder.with_row_groups(vec![group]).build().unwrap() {
            let batch = batch.unwrap();
            let tags = batch.column(1).as_dictionary::<Int32Type>();
            let texts = tags.values().as_string::<i32>();
            for key in tags.keys().values() {
                let host = texts.value(usize::try_from(*key).unwrap());
                if last.as_deref() != Some(host) {
                    assert!(seen.insert(host.to_owned()), "{host} comes again in group {group}");
                    last = Some(host.to_owned());
                }
            }
        }
        assert_eq!(seen.len(), [3, 1][group]);
    }
    // The second group begins late in the last series: of the beginning nothing is read there.
    let (part, rows) = cost(&stored, 0, 10 * STEP_NS);
    assert_eq!(rows, 30);
    assert!(part.rows <= 3 * 2 * 20_000, "{part:?}");
}

#[test]
fn row_groups_are_bounded_by_their_strings_too() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
    let text: Vec<u8> = b"0123456789abcdef".repeat(64 * 1_024);
    let points: Vec<Point> =
        (0..80).map(|at| point("a", at, b"s", Value::Text(text.clone().into()))).collect();
    let range = TimeRange::new(Timestamp::EPOCH, Timestamp::from_ns(80));
    write_batch(&spool, range, &frames_of(&points)).unwrap();
    spool.close().unwrap();
    let stored = Stored::open(&storage).unwrap();
    let path = folder.path().join(&stored.files(&StoredSelection::ALL)[0].path);
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let groups = builder.metadata().row_groups();
    assert!(groups.len() >= 2, "{} groups", groups.len());
    assert!(groups.iter().all(|group| group.num_rows() <= 72), "{groups:?}");
    assert_eq!(read(&stored, &StoredSelection::ALL).unwrap(), points);
}
