//! Queries of the checkpoint.

use std::fmt::Write as _;

use super::literal::quote;
use crate::model::time::{TimeRange, Timestamp};

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
    records_of_field(batch_bucket, measurement, tags, field, "sum")
}

/// The number of all points with one field, as [`sum_of_records`].
pub(crate) fn count_of_records(
    batch_bucket: &str,
    measurement: &str,
    tags: &[(&str, &str)],
    field: &str,
) -> String {
    records_of_field(batch_bucket, measurement, tags, field, "count")
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
        selected(batch_bucket, measurement, tags, TimeRange::ALL),
        tests.join(" or ")
    )
}

/// One field of the point at one time, as [`fields_of_records`].
pub(crate) fn field_of_record(
    batch_bucket: &str,
    measurement: &str,
    tags: &[(&str, &str)],
    field: &str,
    time: Timestamp,
) -> String {
    let mut tags = tags.to_vec();
    tags.push(("_field", field));
    let range = TimeRange::new(time, time.saturating_add_ns(1));
    format!(
        "{} |> keep(columns: [\"_time\", \"_field\", \"_value\"])",
        selected(batch_bucket, measurement, &tags, range)
    )
}

fn records_of_field(
    batch_bucket: &str,
    measurement: &str,
    tags: &[(&str, &str)],
    field: &str,
    pick: &str,
) -> String {
    let tags = [tags, &[("_field", field)]].concat();
    records(batch_bucket, measurement, &tags, pick)
}

fn records(batch_bucket: &str, measurement: &str, tags: &[(&str, &str)], pick: &str) -> String {
    format!("{} |> {pick}()", selected(batch_bucket, measurement, tags, TimeRange::ALL))
}

fn selected(
    batch_bucket: &str,
    measurement: &str,
    tags: &[(&str, &str)],
    range: TimeRange,
) -> String {
    let mut text = format!(
        "from(bucket: {}) |> range(start: {}, stop: {}) |> filter(fn: (r) => r._measurement == {}",
        quote(batch_bucket.as_bytes()),
        range.start,
        range.stop,
        quote(measurement.as_bytes())
    );
    for (key, value) in tags {
        let _ = write!(text, " and r[{}] == {}", quote(key.as_bytes()), quote(value.as_bytes()));
    }
    text.push(')');
    text
}
