//! Queries of the checkpoint.

use std::fmt::Write as _;

use super::literal::quote;
use crate::model::time::TimeRange;

/// The newest point of one measurement of the batch bucket with these tags, one row per series and field.
pub fn newest_record(batch_bucket: &str, measurement: &str, tags: &[(&str, &str)]) -> String {
    records(batch_bucket, measurement, tags, "last")
}

/// The oldest point, as [`newest_record`].
pub fn oldest_record(batch_bucket: &str, measurement: &str, tags: &[(&str, &str)]) -> String {
    records(batch_bucket, measurement, tags, "first")
}

/// The sum of one field over all points, as [`newest_record`].
pub fn sum_of_records(
    batch_bucket: &str,
    measurement: &str,
    tags: &[(&str, &str)],
    field: &str,
) -> String {
    let mut tags = tags.to_vec();
    tags.push(("_field", field));
    records(batch_bucket, measurement, &tags, "sum")
}

/// Some fields of all points of one measurement with these tags: one row per point and field.
pub(crate) fn fields_of_records(
    batch_bucket: &str,
    measurement: &str,
    tags: &[(&str, &str)],
    fields: &[&str],
) -> String {
    let tests: Vec<_> =
        fields.iter().map(|field| format!("r._field == {}", quote(field.as_bytes()))).collect();
    format!(
        "{} |> filter(fn: (r) => {}) |> keep(columns: [\"_time\", \"_field\", \"_value\"])",
        selected(batch_bucket, measurement, tags),
        tests.join(" or ")
    )
}

fn records(batch_bucket: &str, measurement: &str, tags: &[(&str, &str)], pick: &str) -> String {
    format!("{} |> {pick}()", selected(batch_bucket, measurement, tags))
}

fn selected(batch_bucket: &str, measurement: &str, tags: &[(&str, &str)]) -> String {
    let mut text = format!(
        "from(bucket: {}) |> range(start: {}, stop: {}) |> filter(fn: (r) => r._measurement == {}",
        quote(batch_bucket.as_bytes()),
        TimeRange::ALL.start,
        TimeRange::ALL.stop,
        quote(measurement.as_bytes())
    );
    for (key, value) in tags {
        let _ = write!(text, " and r[{}] == {}", quote(key.as_bytes()), quote(value.as_bytes()));
    }
    text.push(')');
    text
}
