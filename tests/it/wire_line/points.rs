//! Field values as plain data: what goes into frames and what comes back from an oracle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampNanosecondArray, UInt64Array,
};
use serde_json::Value as Json;
use sluice::testing::model::frame::{FieldType, Frame, Run};
use sluice::testing::model::series::{Name, Series};

/// A value of any type; floats by their bits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Float(u64),
    Integer(i64),
    Unsigned(u64),
    Boolean(bool),
    String(Vec<u8>),
}

impl Value {
    pub(crate) fn field_type(&self) -> FieldType {
        match self {
            Self::Float(_) => FieldType::Float,
            Self::Integer(_) => FieldType::Integer,
            Self::Unsigned(_) => FieldType::Unsigned,
            Self::Boolean(_) => FieldType::Boolean,
            Self::String(_) => FieldType::String,
        }
    }
}

/// One field value at one time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    pub(crate) series: Series,
    pub(crate) field: Name,
    pub(crate) time: i64,
    pub(crate) value: Value,
}

/// A series of text.
pub(crate) fn series(measurement: &str, tags: &[(&str, &str)]) -> Series {
    Series::new(measurement.as_bytes(), tags.iter().map(|(key, value)| (name(key), name(value))))
}

pub(crate) fn name(text: &str) -> Name {
    text.as_bytes().into()
}

/// Frames as the decoder makes them: series by series, the fields of one time in one row, one type for each field.
/// A field with several types is spread over several frames.
pub(crate) fn frames(points: &BTreeSet<Point>) -> Vec<Frame> {
    let mut types: BTreeMap<(&Name, &Name), Vec<FieldType>> = BTreeMap::new();
    let mut parts: BTreeMap<(&Name, usize), Vec<&Point>> = BTreeMap::new();
    for point in points {
        let known = types.entry((&point.series.measurement, &point.field)).or_default();
        let nth =
            known.iter().position(|&one| one == point.value.field_type()).unwrap_or_else(|| {
                known.push(point.value.field_type());
                known.len() - 1
            });
        parts.entry((&point.series.measurement, nth)).or_default().push(point);
    }
    parts.into_iter().map(|((measurement, _), points)| frame(measurement, &points)).collect()
}

fn frame(measurement: &Name, points: &[&Point]) -> Frame {
    let fields: BTreeSet<(Name, FieldType)> =
        points.iter().map(|point| (point.field.clone(), point.value.field_type())).collect();
    let mut rows: BTreeMap<(&Series, i64), BTreeMap<&Name, &Value>> = BTreeMap::new();
    for point in points {
        rows.entry((&point.series, point.time)).or_default().insert(&point.field, &point.value);
    }
    let times = TimestampNanosecondArray::from_iter_values(rows.keys().map(|(_, time)| *time))
        .with_timezone("UTC");
    let mut columns: Vec<(String, ArrayRef)> = vec![("time".to_owned(), Arc::new(times))];
    for (at, (field, kind)) in fields.iter().enumerate() {
        let cells: Vec<Option<&Value>> = rows.values().map(|row| row.get(field).copied()).collect();
        columns.push((format!("field {at}"), array(*kind, &cells)));
    }
    let mut runs: Vec<Run> = Vec::new();
    for (at, (series, _)) in rows.keys().enumerate() {
        match runs.last_mut() {
            Some(run) if *run.series == **series => run.end_row = at + 1,
            _ => runs.push(Run { end_row: at + 1, series: Arc::new((*series).clone()) }),
        }
    }
    let values = rows.values().map(|row| row.len() as u64).sum();
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().enumerate().map(|(at, (name, array))| (name, array, at > 0)),
    );
    Frame {
        measurement: measurement.clone(),
        fields: fields.into_iter().collect(),
        batch: batch.unwrap(),
        runs,
        values,
    }
}

fn array(kind: FieldType, cells: &[Option<&Value>]) -> ArrayRef {
    macro_rules! cells {
        ($array:ty, $kind:ident, $convert:expr) => {
            Arc::new(
                cells
                    .iter()
                    .map(|cell| {
                        if let Some(Value::$kind(value)) = cell {
                            Some($convert(value))
                        } else {
                            None
                        }
                    })
                    .collect::<$array>(),
            )
        };
    }
    match kind {
        FieldType::Float => cells!(Float64Array, Float, |bits: &u64| f64::from_bits(*bits)),
        FieldType::Integer => cells!(Int64Array, Integer, |value: &i64| *value),
        FieldType::Unsigned => cells!(UInt64Array, Unsigned, |value: &u64| *value),
        FieldType::Boolean => cells!(BooleanArray, Boolean, |value: &bool| *value),
        FieldType::String => {
            let text = |cell: &&Value| {
                if let Value::String(bytes) = cell {
                    std::str::from_utf8(bytes).is_ok()
                } else {
                    true
                }
            };
            if cells.iter().flatten().all(text) {
                cells!(StringArray, String, |bytes: &'_ Vec<u8>| String::from_utf8(bytes.clone())
                    .unwrap())
            } else {
                cells!(BinaryArray, String, Clone::clone)
            }
        }
    }
}

/// The values of a golden case; `None` if it has no `expected.jsonl`.
pub(crate) fn golden_points(case: &Path) -> Option<BTreeSet<Point>> {
    let text = std::fs::read_to_string(case.join("expected.jsonl")).ok()?;
    Some(text.lines().map(|line| golden_point(&serde_json::from_str(line).unwrap())).collect())
}

fn golden_point(record: &Json) -> Point {
    let tags = record["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (bytes(&pair[0]).into(), bytes(&pair[1]).into()));
    let text = || record["v"].as_str().unwrap();
    let value = match record["type"].as_str().unwrap() {
        "float" => Value::Float(u64::from_str_radix(record["bits"].as_str().unwrap(), 16).unwrap()),
        "int" => Value::Integer(text().parse().unwrap()),
        "uint" => Value::Unsigned(text().parse().unwrap()),
        "bool" => Value::Boolean(text() == "true"),
        "string" => Value::String(bytes(&record["v"])),
        other => panic!("type {other}"),
    };
    Point {
        series: Series::new(bytes(&record["m"]), tags),
        field: bytes(&record["f"]).into(),
        time: record["time"].as_i64().unwrap(),
        value,
    }
}

/// Text, or `{"b64": …}` where it is not UTF-8.
pub(crate) fn bytes(json: &Json) -> Vec<u8> {
    match json.as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => base64(json["b64"].as_str().unwrap()),
    }
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = text.bytes().filter_map(|byte| DIGITS.iter().position(|&digit| digit == byte));
    let (mut out, mut kept, mut held) = (Vec::new(), 0usize, 0);
    for six in bits {
        (kept, held) = (kept << 6 | six, held + 6);
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(kept >> held & 0xff).unwrap());
        }
    }
    out
}
