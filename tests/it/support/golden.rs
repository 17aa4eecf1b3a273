//! Golden cases: the true content of a bucket, and frames brought into the same form to be compared with it.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::path::{Path, PathBuf};

use arrow::array::cast::AsArray;
use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampNanosecondType, UInt64Type};
use serde_json::Value as Json;
use sluice::testing::model::frame::{FieldType, Frame};
use sluice::testing::model::series::{Name, Series};

/// One field value with all that names it. The order is that of `expected.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    pub(crate) series: Series,
    pub(crate) field: Name,
    pub(crate) time: i64,
    pub(crate) value: Value,
}

/// A value that can be compared to the bit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Float(u64),
    Integer(i64),
    Unsigned(u64),
    Boolean(bool),
    Text(Name),
}

/// A folder of `golden/cases`.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    dir: PathBuf,
}

impl Case {
    /// The case of that name.
    pub(crate) fn open(name: &str) -> Self {
        Self { dir: super::golden().join("cases").join(name) }
    }

    /// The names of all cases that have the content of a bucket, as it was written and as it was read back.
    pub(crate) fn names_of_buckets() -> Vec<String> {
        let all = std::fs::read_dir(super::golden().join("cases")).unwrap();
        let mut names: Vec<_> = all
            .map(|entry| entry.unwrap().path())
            .filter(|dir| dir.join("data.lp").exists() && dir.join("expected.jsonl").exists())
            .map(|dir| dir.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// The bytes of one of its files.
    pub(crate) fn bytes(&self, file: &str) -> Vec<u8> {
        read(&self.dir.join(file))
    }

    /// What the bucket holds, sorted.
    pub(crate) fn expected(&self) -> Vec<Point> {
        let text = String::from_utf8(self.bytes("expected.jsonl")).unwrap();
        let mut points: Vec<_> =
            text.lines().map(|line| point(&serde_json::from_str(line).unwrap())).collect();
        points.sort();
        points
    }

    /// `case.json`: description, requests, headers.
    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.bytes("case.json")).unwrap()
    }
}

/// The bytes of a file that must be there.
pub(crate) fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn point(line: &Json) -> Point {
    let text = || name(&line["v"]);
    let number = || line["v"].as_str().unwrap();
    let value = match line["type"].as_str().unwrap() {
        "float" => Value::Float(u64::from_str_radix(line["bits"].as_str().unwrap(), 16).unwrap()),
        "int" => Value::Integer(number().parse().unwrap()),
        "uint" => Value::Unsigned(number().parse().unwrap()),
        "bool" => Value::Boolean(number() == "true"),
        "string" => Value::Text(text()),
        other => panic!("type {other}"),
    };
    let tags = line["tags"].as_array().unwrap().iter().map(|tag| (name(&tag[0]), name(&tag[1])));
    Point {
        series: Series::new(name(&line["m"]), tags),
        field: name(&line["f"]),
        time: line["time"].as_i64().unwrap(),
        value,
    }
}

/// A name or text: a JSON string, or `{"b64": ...}` if it is not UTF-8.
fn name(json: &Json) -> Name {
    match json.as_str() {
        Some(text) => text.as_bytes().into(),
        None => base64(json["b64"].as_str().unwrap()).into(),
    }
}

fn base64(text: &str) -> Vec<u8> {
    let sextet = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => panic!("base64 {text}"),
    };
    let digits: Vec<_> = text.bytes().filter(|byte| *byte != b'=').map(sextet).collect();
    digits
        .chunks(4)
        .flat_map(|group| {
            let bits = group
                .iter()
                .enumerate()
                .fold(0u32, |bits, (at, digit)| bits | u32::from(*digit) << (18 - 6 * at));
            bits.to_be_bytes()[1..group.len()].to_vec()
        })
        .collect()
}

/// All values of the frames, sorted. Checks on the way what every frame promises.
pub(crate) fn flatten(frames: &[Frame]) -> Vec<Point> {
    let mut points = Vec::new();
    for frame in frames {
        let before = points.len();
        assert_eq!(frame.batch.num_columns(), 1 + frame.fields.len());
        assert_eq!(frame.runs.last().map(|run| run.end_row), Some(frame.rows()));
        let times = frame.batch.column(0).as_primitive::<TimestampNanosecondType>();
        assert_eq!(times.null_count(), 0);
        let mut row = 0;
        for run in &frame.runs {
            assert!(row < run.end_row, "an empty run");
            assert_eq!(run.series.measurement, frame.measurement);
            for at in row..run.end_row {
                assert!(
                    at == row || times.value(at - 1) < times.value(at),
                    "times rise inside a run"
                );
                let filled = points.len();
                for ((field, kind), column) in frame.fields.iter().zip(&frame.batch.columns()[1..])
                {
                    if column.is_valid(at) {
                        let (series, value) = ((*run.series).clone(), value(column, *kind, at));
                        points.push(Point {
                            series,
                            field: field.clone(),
                            time: times.value(at),
                            value,
                        });
                    }
                }
                assert!(points.len() > filled, "a row without a value");
            }
            row = run.end_row;
        }
        assert_eq!(frame.values, (points.len() - before) as u64);
    }
    points.sort();
    points
}

fn value(column: &ArrayRef, kind: FieldType, row: usize) -> Value {
    match (kind, column.data_type()) {
        (FieldType::Float, _) => {
            Value::Float(column.as_primitive::<Float64Type>().value(row).to_bits())
        }
        (FieldType::Integer, _) => Value::Integer(column.as_primitive::<Int64Type>().value(row)),
        (FieldType::Unsigned, _) => Value::Unsigned(column.as_primitive::<UInt64Type>().value(row)),
        (FieldType::Boolean, _) => Value::Boolean(column.as_boolean().value(row)),
        (FieldType::String, DataType::Utf8) => {
            Value::Text(column.as_string::<i32>().value(row).as_bytes().into())
        }
        (FieldType::String, _) => Value::Text(column.as_binary::<i32>().value(row).into()),
    }
}
