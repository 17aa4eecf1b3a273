//! What a value takes on disk, with data in the manner of TSBS cpu-only. `cargo bench --bench spool` measures more of it.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampNanosecondArray};
use arrow::datatypes::{Field, Schema};
use sluice::model::frame::{FieldType, Frame, Run};
use sluice::model::series::Series;
use sluice::model::time::{TimeRange, Timestamp};
use sluice::sim::Column;
use sluice::sim::tsbs::Workload;
use sluice::spool::compact::Sizes;
use sluice::spool::storage::Storage;
use sluice::spool::stored::{Selection, Stored};
use sluice::spool::writable::Spool;

use super::round_trip::Job0;

/// Rows of a host in one batch: two hours.
const BATCH_ROWS: usize = 720;

/// Some rows of a host.
fn frame(
    series: &Series,
    times: &[i64],
    columns: &[(&'static str, Column)],
    rows: Range<usize>,
) -> Frame {
    let times = TimestampNanosecondArray::from(times[rows.clone()].to_vec()).with_timezone("UTC");
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(times)];
    let mut fields = Vec::new();
    for (name, column) in columns {
        let (kind, array): (_, ArrayRef) = match column {
            Column::Integer(own) => {
                (FieldType::Integer, Arc::new(Int64Array::from(own[rows.clone()].to_vec())))
            }
            Column::Float(own) => {
                (FieldType::Float, Arc::new(Float64Array::from(own[rows.clone()].to_vec())))
            }
            other => panic!("{other:?}"),
        };
        fields.push((name.as_bytes().into(), kind));
        arrays.push(array);
    }
    let schema: Vec<_> = arrays
        .iter()
        .enumerate()
        .map(|(at, array)| Field::new(format!("c{at}"), array.data_type().clone(), at > 0))
        .collect();
    Frame {
        measurement: series.measurement.clone(),
        values: (rows.len() * fields.len()) as u64,
        fields,
        batch: RecordBatch::try_new(Arc::new(Schema::new(schema)), arrays).unwrap(),
        runs: vec![Run { end_row: rows.len(), series: Arc::new(series.clone()) }],
    }
}

/// Bytes of a value: as written in batches of two hours, and merged.
fn bytes_per_value(floats: bool, hosts: u32, batches: usize) -> (f64, f64) {
    let points_per_host = batches * BATCH_ROWS;
    let workload = Workload { hosts, points_per_host, floats, ..Workload::default() };
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    let spool = Spool::open(&storage, &Job0::from(workload.start_ns), false).unwrap();
    let times = workload.times();
    let content: Vec<_> = (0..hosts).map(|host| workload.host(host)).collect();
    let mut start = Timestamp::from_ns(workload.start_ns);
    for first in (0..points_per_host).step_by(BATCH_ROWS) {
        let rows = first..first + BATCH_ROWS;
        let stop = Timestamp::from_ns(times[rows.end - 1] + workload.interval_ns);
        let batch = spool.begin(TimeRange::new(start, stop));
        for (series, columns) in &content {
            batch.push(&frame(series, &times, columns, rows.clone())).unwrap();
        }
        spool.commit(batch.finish().unwrap()).unwrap();
        start = stop;
    }
    let bytes = |storage: &Storage| {
        let found = Stored::open(storage).unwrap().verify(&Selection::ALL).unwrap();
        assert_eq!(found.values, workload.values());
        found.bytes as f64 / found.values as f64
    };
    let written = bytes(&storage);
    spool.compact(Sizes::default()).unwrap();
    (written, bytes(&storage))
}

#[test]
fn integers_and_floats_take_little_room() {
    let (written, merged) = bytes_per_value(false, 10, 6);
    eprintln!("integers: {written:.3} bytes per value, {merged:.3} merged");
    assert!(merged <= 1.5 && merged <= written, "{written} {merged}");
    let (written, merged) = bytes_per_value(true, 10, 6);
    eprintln!("floats: {written:.3} bytes per value, {merged:.3} merged");
    assert!(merged <= 8.0, "{written} {merged}");
}
