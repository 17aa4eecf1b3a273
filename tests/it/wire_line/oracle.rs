//! The crate influxdb-line-protocol as an oracle: an independent parser of what the encoder writes.
//!
//! It follows InfluxDB 3, which differs from OSS 2.x: it unescapes `\\` in names, ends a name at a tab, and reads
//! UTF-8 only. Points with such bytes are left to the other oracles.

use std::collections::BTreeSet;

use influxdb_line_protocol::{FieldValue, parse_lines};
use sluice::testing::model::series::{Name, Series};

use super::points::{Point, Value};

/// True if the crate reads this point as OSS 2.x does.
pub(crate) fn reads(point: &Point) -> bool {
    let plain = |name: &Name| {
        std::str::from_utf8(name).is_ok() && !name.iter().any(|byte| b"\\\t\0".contains(byte))
    };
    let text = if let Value::String(bytes) = &point.value {
        std::str::from_utf8(bytes).is_ok()
    } else {
        true
    };
    let tags = point.series.tags.iter().all(|(key, value)| plain(key) && plain(value));
    text && tags && plain(&point.series.measurement) && plain(&point.field)
}

/// What the crate finds in a body.
pub(crate) fn parse(body: &str) -> BTreeSet<Point> {
    let mut points = BTreeSet::new();
    for line in parse_lines(body) {
        let line = line.unwrap_or_else(|error| panic!("{error} in {body:?}"));
        let name = |text: &str| Name::from(text.as_bytes());
        let tags = line
            .series
            .tag_set
            .iter()
            .flatten()
            .map(|(key, value)| (name(key.as_str()), name(value.as_str())));
        let series = Series::new(line.series.measurement.as_str().as_bytes(), tags);
        for (field, value) in &line.field_set {
            let value = match value {
                FieldValue::I64(value) => Value::Integer(*value),
                FieldValue::U64(value) => Value::Unsigned(*value),
                FieldValue::F64(value) => Value::Float(value.to_bits()),
                FieldValue::Boolean(value) => Value::Boolean(*value),
                FieldValue::String(value) => Value::String(value.as_str().as_bytes().to_vec()),
            };
            let time = line.timestamp.expect("every line has a time");
            let point = Point { series: series.clone(), field: name(field.as_str()), time, value };
            assert!(points.insert(point), "twice in one body");
        }
    }
    points
}
