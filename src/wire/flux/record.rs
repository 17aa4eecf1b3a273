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

fn records(batch_bucket: &str, measurement: &str, tags: &[(&str, &str)], pick: &str) -> String {
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
    let _ = write!(text, ") |> {pick}()");
    text
}
