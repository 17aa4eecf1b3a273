//! What the source's index tells without reading a value: names, and numbers of series.

use super::literal::{is_measurement, quote};
use super::{Selection, conditions, joined};
use crate::model::time::TimeRange;

/// Names of the measurements with data near the range.
pub fn measurements(bucket: &str, range: TimeRange) -> String {
    format!(
        "import \"influxdata/influxdb/schema\"\nschema.measurements(bucket: {}, start: {}, stop: {})",
        quote(bucket.as_bytes()),
        range.start,
        range.stop
    )
}

/// Names of all tags of the bucket, with Flux's own `_start`, `_stop`, `_field`, `_measurement` among them.
pub fn tag_keys(bucket: &str, range: TimeRange) -> String {
    format!(
        "import \"influxdata/influxdb/schema\"\nschema.tagKeys(bucket: {}, start: {}, stop: {})",
        quote(bucket.as_bytes()),
        range.start,
        range.stop
    )
}

/// Names of all fields of the bucket.
pub(crate) fn field_keys(bucket: &str, range: TimeRange) -> String {
    format!(
        "import \"influxdata/influxdb/schema\"\nschema.fieldKeys(bucket: {}, start: {}, stop: {})",
        quote(bucket.as_bytes()),
        range.start,
        range.stop
    )
}

/// Values of one tag; `only` this one, or so many of them.
pub(crate) fn tag_values(
    bucket: &str,
    range: TimeRange,
    tag: &str,
    only: Option<&str>,
    max: usize,
) -> String {
    let only = only.map_or_else(String::new, |value| {
        format!(" |> filter(fn: (r) => r._value == {})", quote(value.as_bytes()))
    });
    format!(
        "import \"influxdata/influxdb/schema\"\nschema.tagValues(bucket: {}, tag: {}, start: {}, stop: {}){only} |> limit(n: {max})",
        quote(bucket.as_bytes()),
        quote(tag.as_bytes()),
        range.start,
        range.stop
    )
}

/// Number of series of one measurement over all of time, from the index.
pub fn series_cardinality(bucket: &str, measurement: &[u8]) -> String {
    cardinality(bucket, TimeRange::ALL, &is_measurement(measurement))
}

/// Number of series of a bucket over all of time, from the index.
pub(crate) fn series_in_bucket(bucket: &str) -> String {
    cardinality(bucket, TimeRange::ALL, "r[\"_measurement\"] != \"\"")
}

/// Number of series in the index of the shard groups that lie inside the range, whatever the types of their fields; and of
/// those at its edges that have values in it. All of these conditions are true for them.
pub(crate) fn series_in_range(bucket: &str, range: TimeRange, conditions: &[String]) -> String {
    let any = "r[\"_measurement\"] != \"\"".to_owned();
    let all: Vec<_> = std::iter::once(any).chain(conditions.iter().cloned()).collect();
    cardinality(bucket, range, &joined(&all, " and "))
}

/// The same of a selection, whose predicate no index can be asked for.
pub(crate) fn series_of_selection(selection: Selection<'_>) -> String {
    series_in_range(selection.bucket, selection.range, &conditions(selection))
}

/// Number of series of a bucket that have this tag, from the index. The only query that sees tags called `_start` or
/// `_stop`; it fails for `_value`.
pub fn series_with_tag(bucket: &str, tag: &str) -> String {
    cardinality(bucket, TimeRange::ALL, &format!("r[{}] =~ /.+/", quote(tag.as_bytes())))
}

fn cardinality(bucket: &str, range: TimeRange, predicate: &str) -> String {
    let bucket = quote(bucket.as_bytes());
    format!(
        "import \"influxdata/influxdb\"\ninfluxdb.cardinality(bucket: {bucket}, start: {}, stop: {}, predicate: (r) => {predicate})",
        range.start, range.stop
    )
}
