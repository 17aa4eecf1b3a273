//! What a value takes on disk, with data in the manner of TSBS cpu-only: ten tags, ten fields, clamped random walks.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampNanosecondArray};
use arrow::datatypes::{Field, Schema};
use sluice::model::frame::{FieldType, Frame, Run};
use sluice::model::series::Series;
use sluice::model::time::{TimeRange, Timestamp};
use sluice::spool::compact::Sizes;
use sluice::spool::storage::Storage;
use sluice::spool::stored::{Selection, Stored};
use sluice::spool::writable::Spool;

use super::round_trip::Job0;

const FIELDS: usize = 10;
const STEP_NS: i64 = 10_000_000_000;
const START_NS: i64 = 1_640_995_200_000_000_000;

struct Walks {
    seed: u64,
    hosts: Vec<[f64; FIELDS]>,
    floats: bool,
}

impl Walks {
    fn uniform(&mut self) -> f64 {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 11) as f64 / (1u64 << 53) as f64
    }

    fn new(hosts: usize, floats: bool) -> Self {
        let mut walks = Self { seed: 42, hosts: Vec::new(), floats };
        for _ in 0..hosts {
            let mut walk = [0.0; FIELDS];
            for value in &mut walk {
                *value = walks.uniform() * 100.0;
            }
            walks.hosts.push(walk);
        }
        walks
    }

    /// The next rows of one host.
    fn frame(&mut self, host: usize, first: i64, rows: i64) -> Frame {
        let mut columns = vec![Vec::new(); FIELDS];
        for _ in 0..rows {
            for (field, column) in columns.iter_mut().enumerate() {
                // Twelve uniform numbers make nearly a normal one.
                let step: f64 = (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0;
                let value = &mut self.hosts[host][field];
                *value = (*value + step).clamp(0.0, 100.0);
                column.push(*value);
            }
        }
        let times = (first..first + rows).map(|n| START_NS + n * STEP_NS);
        let times = TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC");
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(times)];
        for column in columns {
            arrays.push(if self.floats {
                Arc::new(Float64Array::from(column))
            } else {
                #[expect(clippy::cast_possible_truncation, reason = "between 0 and 100")]
                let whole = column.into_iter().map(|value| value as i64);
                Arc::new(Int64Array::from_iter_values(whole))
            });
        }
        let kind = if self.floats { FieldType::Float } else { FieldType::Integer };
        let schema: Vec<_> = arrays
            .iter()
            .enumerate()
            .map(|(at, array)| Field::new(format!("c{at}"), array.data_type().clone(), at > 0))
            .collect();
        let end_row = usize::try_from(rows).unwrap();
        Frame {
            measurement: (*b"cpu").into(),
            fields: (0..FIELDS).map(|n| (format!("usage_{n}").into_bytes().into(), kind)).collect(),
            batch: RecordBatch::try_new(Arc::new(Schema::new(schema)), arrays).unwrap(),
            runs: vec![Run { end_row, series: Arc::new(series(host)) }],
            values: (end_row * FIELDS) as u64,
        }
    }
}

fn series(host: usize) -> Series {
    let tag = |key: &str, value: String| (key.as_bytes().into(), value.into_bytes().into());
    Series::new(
        *b"cpu",
        [
            tag("arch", format!("x{}", 64 + host % 2)),
            tag("datacenter", format!("eu-west-1{}", host % 3)),
            tag("hostname", format!("host_{host}")),
            tag("os", format!("Ubuntu16.{}", host % 3)),
            tag("rack", (host * 37 % 100).to_string()),
            tag("region", "eu-west-1".to_owned()),
            tag("service", (host % 20).to_string()),
            tag("service_environment", "production".to_owned()),
            tag("service_version", (host % 2).to_string()),
            tag("team", "NYC".to_owned()),
        ],
    )
}

/// Bytes of a value: as written in batches of two hours, and merged.
fn bytes_per_value(floats: bool, hosts: usize, batches: i64) -> (f64, f64) {
    let rows = 720;
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    let spool = Spool::open(&storage, &Job0::from(START_NS), false).unwrap();
    let mut walks = Walks::new(hosts, floats);
    for n in 0..batches {
        let at = |n: i64| Timestamp::from_ns(START_NS + n * rows * STEP_NS);
        let batch = spool.begin(TimeRange::new(at(n), at(n + 1)));
        for host in 0..hosts {
            batch.push(&walks.frame(host, n * rows, rows)).unwrap();
        }
        spool.commit(batch.finish().unwrap()).unwrap();
    }
    let bytes = |storage: &Storage| {
        let found = Stored::open(storage).unwrap().verify(&Selection::ALL).unwrap();
        assert_eq!(found.values, hosts as u64 * batches.unsigned_abs() * 720 * FIELDS as u64);
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
