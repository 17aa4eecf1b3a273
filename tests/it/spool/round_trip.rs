//! What goes in comes out: random content, any order, any cut, several types, several months.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampNanosecondArray, UInt64Array,
};
use arrow::datatypes::{Field, Schema};
use proptest::prelude::*;
use sluice::testing::model::frame::{FieldType, Frame, Run};
use sluice::testing::model::series::{Name, Series};
use sluice::testing::model::time::{TimeRange, Timestamp};
use sluice::testing::spool::storage::Storage;
use sluice::testing::spool::stored::{Stored, StoredSelection};
use sluice::testing::spool::writable::Spool;

use super::{job, read, read_all, write_all, write_batch};
use crate::support::golden::{Point, Value};
use crate::support::random::{Content, Letters, content};

/// The type of a value.
fn kind(value: &Value) -> FieldType {
    match value {
        Value::Float(_) => FieldType::Float,
        Value::Integer(_) => FieldType::Integer,
        Value::Unsigned(_) => FieldType::Unsigned,
        Value::Boolean(_) => FieldType::Boolean,
        Value::Text(_) => FieldType::String,
    }
}

macro_rules! array {
    ($array:ty, $cells:expr, $pattern:pat => $value:expr) => {
        Arc::new(
            $cells
                .iter()
                .map(|cell| match cell {
                    Some($pattern) => Some($value),
                    _ => None,
                })
                .collect::<$array>(),
        ) as ArrayRef
    };
}

fn column(kind: FieldType, cells: &[Option<Value>]) -> ArrayRef {
    let is_text = |cell: &Option<Value>| match cell {
        Some(Value::Text(text)) => std::str::from_utf8(text).is_ok(),
        _ => true,
    };
    match kind {
        FieldType::Float => {
            array!(Float64Array, cells, Value::Float(bits) => f64::from_bits(*bits))
        }
        FieldType::Integer => array!(Int64Array, cells, Value::Integer(value) => *value),
        FieldType::Unsigned => array!(UInt64Array, cells, Value::Unsigned(value) => *value),
        FieldType::Boolean => array!(BooleanArray, cells, Value::Boolean(value) => *value),
        FieldType::String if cells.iter().all(is_text) => {
            array!(StringArray, cells, Value::Text(text) => std::str::from_utf8(text).unwrap())
        }
        FieldType::String => array!(BinaryArray, cells, Value::Text(text) => &**text),
    }
}

/// A frame of these points, which have one measurement and one type for each field: the slow obvious way.
pub(super) fn frame_of(points: &[Point]) -> Frame {
    let mut rows: BTreeMap<(&Series, i64), BTreeMap<&Name, &Value>> = BTreeMap::new();
    let mut fields: BTreeMap<&Name, FieldType> = BTreeMap::new();
    for point in points {
        rows.entry((&point.series, point.time)).or_default().insert(&point.field, &point.value);
        fields.insert(&point.field, kind(&point.value));
    }
    let mut runs: Vec<Run> = Vec::new();
    for (end, (series, _)) in rows.keys().enumerate() {
        match runs.last_mut() {
            Some(run) if *run.series == **series => run.end_row = end + 1,
            _ => runs.push(Run { end_row: end + 1, series: Arc::new((*series).clone()) }),
        }
    }
    let times: Vec<i64> = rows.keys().map(|(_, time)| *time).collect();
    let times = TimestampNanosecondArray::from(times).with_timezone("UTC");
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(times)];
    for (field, kind) in &fields {
        let cells: Vec<_> =
            rows.values().map(|row| row.get(*field).map(|value| (*value).clone())).collect();
        arrays.push(column(*kind, &cells));
    }
    let names = std::iter::once("time".to_owned()).chain((0..).map(|n| format!("f{n}")));
    let schema: Vec<_> = arrays
        .iter()
        .zip(names)
        .map(|(array, name)| Field::new(name, array.data_type().clone(), name_is_field(array)))
        .collect();
    Frame {
        measurement: points[0].series.measurement.clone(),
        fields: fields.iter().map(|(name, kind)| ((*name).clone(), *kind)).collect(),
        batch: RecordBatch::try_new(Arc::new(Schema::new(schema)), arrays).unwrap(),
        runs,
        values: points.len() as u64,
    }
}

fn name_is_field(array: &ArrayRef) -> bool {
    !matches!(array.data_type(), arrow::datatypes::DataType::Timestamp(_, _))
}

/// Frames of any points: each has one measurement and one type for each field.
pub(super) fn frames_of(points: &[Point]) -> Vec<Frame> {
    let mut groups: Vec<(BTreeMap<(Name, Name), FieldType>, Vec<Point>)> = Vec::new();
    for point in points {
        let key = (point.series.measurement.clone(), point.field.clone());
        let fits = |(types, own): &&mut (BTreeMap<(Name, Name), FieldType>, Vec<Point>)| {
            own[0].series.measurement == key.0
                && types.get(&key).is_none_or(|known| *known == kind(&point.value))
        };
        if let Some((types, own)) = groups.iter_mut().find(fits) {
            types.insert(key, kind(&point.value));
            own.push(point.clone());
        } else {
            let types = BTreeMap::from([(key, kind(&point.value))]);
            groups.push((types, vec![point.clone()]));
        }
    }
    groups.iter().map(|(_, own)| frame_of(own)).collect()
}

const KINDS: &[FieldType] = &[
    FieldType::Float,
    FieldType::Integer,
    FieldType::Unsigned,
    FieldType::Boolean,
    FieldType::String,
];

/// Content of two names, the first one twice, so that its fields may have several types.
fn contents() -> impl Strategy<Value = Vec<Content>> {
    let of = |name| content(name, Letters::Bytes, KINDS);
    (of(b"m"), of(b"m"), of(b"a/b=c\xff")).prop_map(|(a, b, c)| vec![a, b, c])
}

/// The slow obvious version of a spool: a map in which the later value counts.
type Model = BTreeMap<(Series, i64, Name, FieldType), Value>;

fn put(model: &mut Model, points: &[Point]) {
    for Point { series, field, time, value } in points {
        model.insert((series.clone(), *time, field.clone(), kind(value)), value.clone());
    }
}

fn points_of(model: &Model) -> Vec<Point> {
    let mut points: Vec<_> = model
        .iter()
        .map(|((series, time, field, _), value)| Point {
            series: series.clone(),
            field: field.clone(),
            time: *time,
            value: value.clone(),
        })
        .collect();
    points.sort();
    points
}

/// Pieces of content in any order, each as a frame.
fn pieces(contents: &[Content], cuts: &[prop::sample::Index]) -> Vec<Vec<Point>> {
    let mut pieces = Vec::new();
    for content in contents {
        let mut points = content.points();
        for cut in cuts {
            let tail = points.split_off(cut.index(points.len() + 1));
            pieces.push(std::mem::replace(&mut points, tail));
        }
        pieces.push(points);
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_content_in_any_order_comes_back(
        contents in contents(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        order in any::<prop::sample::Index>(),
        start in -3i64..130,
        length in 0i64..130,
    ) {
        let mut pieces = pieces(&contents, &cuts);
        let middle = order.index(pieces.len());
        pieces.rotate_left(middle);
        // One piece comes again, as it does when a request is repeated.
        pieces.push(pieces[middle / 2].clone());
        let mut model = Model::new();
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::folder(folder.path());
        let spool = Spool::open(&storage, &job(), false).unwrap();
        let batch = spool.begin(TimeRange::ALL);
        for piece in &pieces {
            put(&mut model, piece);
            for frame in frames_of(piece) {
                batch.push(&frame).unwrap();
            }
        }
        let finished = batch.finish().unwrap();
        prop_assert_eq!(finished.totals().values, model.len() as u64);
        spool.commit(finished).unwrap();
        spool.close().unwrap();
        let expected = points_of(&model);
        prop_assert_eq!(read_all(&storage).unwrap(), expected.clone());

        let base = 1_577_836_800_000_000_000 + start * 1_000_000_000;
        let range = TimeRange::new(
            Timestamp::from_ns(base),
            Timestamp::from_ns(base + length * 1_000_000_000),
        );
        let selection = StoredSelection {
            range,
            measurements: Some(BTreeSet::from([(*b"m").into()])),
            buckets: Some(BTreeSet::from([(*b"b/1").into()])),
        };
        let chosen: Vec<_> = expected
            .into_iter()
            .filter(|point| *point.series.measurement == *b"m")
            .filter(|point| range.contains(Timestamp::from_ns(point.time)))
            .collect();
        let stored = Stored::open(&storage).unwrap();
        prop_assert_eq!(read(&stored, &selection).unwrap(), chosen);
        let other = StoredSelection { buckets: Some(BTreeSet::from([(*b"b").into()])), ..selection };
        prop_assert!(read(&stored, &other).unwrap().is_empty());
    }
}

pub(super) fn point(tag: &str, time: i64, field: &[u8], value: Value) -> Point {
    let tags = [((*b"host").into(), tag.as_bytes().into())];
    Point { series: Series::new(*b"cpu", tags), field: field.into(), time, value }
}

#[test]
fn an_empty_string_is_not_null_and_types_stay_apart() {
    let mut points = vec![
        point("a", 1, b"s", Value::Text((*b"").into())),
        point("a", 2, b"f", Value::Float(1.0f64.to_bits())),
        point("a", 2, b"zero", Value::Float((-0.0f64).to_bits())),
        point("a", 3, b"f", Value::Integer(1)),
        point("a", 4, b"f", Value::Unsigned(1)),
        point("a", 5, b"f", Value::Boolean(true)),
        point("a", 6, b"f", Value::Text((*b"1").into())),
        point("b", 6, b"f", Value::Float(2.0f64.to_bits())),
        point("b", 7, b"time", Value::Integer(i64::MIN)),
        point("b", 7, b"host", Value::Unsigned(u64::MAX)),
    ];
    points.sort();
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    write_all(&storage, &frames_of(&points)).unwrap();
    assert_eq!(read_all(&storage).unwrap(), points);
    let found: Vec<_> = super::files(folder.path())
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .map(|path| path.components().next().unwrap().as_os_str().to_owned())
        .collect();
    assert_eq!(found, ["conflicts", "data"]);
}

#[test]
fn a_batch_that_is_written_again_replaces_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::folder(folder.path());
    let spool = Spool::open(&storage, &Job0::from(0), false).unwrap();
    let range =
        |n: i64| TimeRange::new(Timestamp::from_ns(n * 10), Timestamp::from_ns(n * 10 + 10));
    let at = |n: i64, value| point("a", n * 10, b"f", Value::Integer(value));
    for n in 0..3 {
        write_batch(&spool, range(n), &frames_of(&[at(n, n)])).unwrap();
    }
    assert_eq!(spool.watermark(), Timestamp::from_ns(30));
    write_batch(&spool, range(1), &frames_of(&[at(1, 99)])).unwrap();
    // The same content once more.
    write_batch(&spool, range(1), &frames_of(&[at(1, 99)])).unwrap();
    assert_eq!(spool.watermark(), Timestamp::from_ns(30));
    // A batch without values moves the watermark too, and one that comes out of turn is refused.
    write_batch(&spool, range(3), &[]).unwrap();
    for bad in [range(6), TimeRange::new(Timestamp::from_ns(35), Timestamp::from_ns(45))] {
        let batch = spool.begin(bad).finish().unwrap();
        let error = spool.commit(batch).unwrap_err();
        assert!(
            matches!(error, sluice::testing::spool::error::Error::OutOfSequence { .. }),
            "{error}"
        );
    }
    // A batch that is given up after it was finished leaves nothing.
    let given_up = spool.begin(range(4));
    given_up.push(&frames_of(&[at(4, 4)])[0]).unwrap();
    drop(given_up.finish().unwrap());
    write_batch(&spool, range(4), &frames_of(&[at(4, 5)])).unwrap();
    let outside = spool.begin(range(5)).push(&frames_of(&[at(3, 1)])[0]).unwrap_err();
    assert!(matches!(outside, sluice::testing::spool::error::Error::OutsideBatch { .. }));
    spool.close().unwrap();
    assert_eq!(read_all(&storage).unwrap(), [at(0, 0), at(1, 99), at(2, 2), at(4, 5)]);
    let parquet = |path: &std::path::PathBuf| path.extension().is_some_and(|e| e == "parquet");
    assert_eq!(super::files(folder.path()).iter().filter(|path| parquet(path)).count(), 4);
}

/// The job of tests that begin at some time.
pub(super) struct Job0;

impl Job0 {
    pub(super) fn from(start: i64) -> sluice::testing::spool::state::StagedJob {
        let mut job = job();
        job.identity.start = Timestamp::from_ns(start);
        job
    }
}
