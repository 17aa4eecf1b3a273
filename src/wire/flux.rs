//! Texts of the Flux queries that sluice sends. Every name goes through [`quote`]: nothing in a name can end the literal
//! or start an interpolation.

use std::fmt::Write as _;

use crate::model::filter::Filter;
use crate::model::time::TimeRange;

/// The column that holds the field name after the rename, unless a tag sorts after it (see [`field_label`]).
pub const FIELD_LABEL: &str = "~f";

/// What a query reads: bucket, range, and which part of it.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// Bucket name.
    pub bucket: &'a str,
    /// Half-open; bounds inside 64 bits by construction.
    pub range: TimeRange,
    /// The job's filter.
    pub filter: &'a Filter,
    /// Conditions over `r` that keep out what Flux cannot carry; see [`not_measurement`] and its kin.
    pub without: &'a [String],
}

/// The `flux` transport: all values, field by field of each series, bounds dropped. The rename comes first because
/// `drop` sorts the tables by group key: under its own name `_field` would sort before the tags, and the fields of
/// one series would be far apart.
pub fn read(selection: Selection<'_>, field_label: &str) -> String {
    let label = quote(field_label.as_bytes());
    format!(
        "{} |> rename(columns: {{_field: {label}}}) |> drop(columns: [\"_start\", \"_stop\"])",
        from_range_filter(selection)
    )
}

/// Number of values: one row, or no row for none. Only exact inside one shard group of the source.
pub fn count(selection: Selection<'_>) -> String {
    format!("{} |> group() |> count()", from_range_filter(selection))
}

/// Number of values by measurement.
pub fn count_by_measurement(selection: Selection<'_>) -> String {
    format!("{} |> group(columns: [\"_measurement\"]) |> count()", from_range_filter(selection))
}

/// Number of values of each series and field.
pub fn count_by_series(selection: Selection<'_>) -> String {
    format!("{} |> count()", from_range_filter(selection))
}

/// The first value of each series and field; the column's type is the field's.
pub fn first(selection: Selection<'_>) -> String {
    format!("{} |> first()", from_range_filter(selection))
}

/// Time of the oldest value: one row, or none.
pub fn earliest(selection: Selection<'_>) -> String {
    format!(
        "{} |> first() |> keep(columns: [\"_time\"]) |> group() |> min(column: \"_time\")",
        from_range_filter(selection)
    )
}

/// Time of the newest value: one row, or none. Sees types that only the last shard has, which `earliest` does not.
pub fn latest(selection: Selection<'_>) -> String {
    format!(
        "{} |> last() |> keep(columns: [\"_time\"]) |> group() |> max(column: \"_time\")",
        from_range_filter(selection)
    )
}

/// Number of string values that hold a carriage return, which CSV drops.
pub fn count_carriage_returns(selection: Selection<'_>) -> String {
    format!(
        "{} |> filter(fn: (r) => r._value =~ /\\r/) |> group() |> count()",
        from_range_filter(selection)
    )
}

/// The string values that hold a carriage return, escaped by the server: backslash as `\\`, CR as `\r`, LF as `\n`.
pub fn read_carriage_returns(selection: Selection<'_>, field_label: &str) -> String {
    let label = quote(field_label.as_bytes());
    format!(
        concat!(
            "import \"strings\"\n{} |> filter(fn: (r) => r._value =~ /\\r/)",
            " |> map(fn: (r) => ({{r with _value: strings.replaceAll(v: strings.replaceAll(v: strings.replaceAll(v: r._value,",
            " t: \"\\\\\", u: \"\\\\\\\\\"), t: \"\\r\", u: \"\\\\r\"), t: \"\\n\", u: \"\\\\n\")}}))",
            " |> rename(columns: {{_field: {}}}) |> drop(columns: [\"_start\", \"_stop\"])"
        ),
        from_range_filter(selection),
        label
    )
}

/// One value of each series of one measurement with all columns as the server has them: shows tags that share
/// their name with a column of Flux.
pub fn first_of_measurement(selection: Selection<'_>, measurement: &[u8]) -> String {
    format!(
        "{} |> filter(fn: (r) => {}) |> first()",
        from_range_filter(selection),
        is_measurement(measurement)
    )
}

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

/// Keeps a measurement out.
pub fn not_measurement(name: &[u8]) -> String {
    format!("r[\"_measurement\"] {}", Name::of(name).differs())
}

/// Keeps one field of a measurement out.
pub fn not_field(measurement: &[u8], field: &[u8]) -> String {
    format!("({} or r[\"_field\"] {})", not_measurement(measurement), Name::of(field).differs())
}

/// True for one measurement.
pub fn is_measurement(name: &[u8]) -> String {
    format!("r[\"_measurement\"] {}", Name::of(name).equals())
}

/// True for one field.
pub fn is_field(name: &[u8]) -> String {
    format!("r[\"_field\"] {}", Name::of(name).equals())
}

/// A name to compare with. No Flux literal holds bytes that are not UTF-8, and JSON shows them as U+FFFD: there any
/// character is taken, so that a few names too many may match, but never one too few.
enum Name {
    Literal(String),
    Pattern(String),
}

impl Name {
    fn of(name: &[u8]) -> Self {
        match std::str::from_utf8(name) {
            Ok(text) if !text.contains(char::REPLACEMENT_CHARACTER) => Self::Literal(quote(name)),
            _ => Self::Pattern(pattern(name)),
        }
    }

    fn equals(&self) -> String {
        match self {
            Self::Literal(text) => format!("== {text}"),
            Self::Pattern(text) => format!("=~ {text}"),
        }
    }

    fn differs(&self) -> String {
        match self {
            Self::Literal(text) => format!("!= {text}"),
            Self::Pattern(text) => format!("!~ {text}"),
        }
    }
}

fn pattern(name: &[u8]) -> String {
    let mut text = "/^".to_owned();
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                char::REPLACEMENT_CHARACTER => text.push('.'),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                _ if c.is_ascii_punctuation() => text.extend(['\\', c]),
                _ => text.push(c),
            }
        }
        text.extend(chunk.invalid().iter().map(|_| '.'));
    }
    text.push_str("$/");
    text
}

/// Keeps out the series whose value of this tag holds a carriage return.
pub fn not_carriage_return_in(tag: &[u8]) -> String {
    format!("r[{}] !~ /\\r/", quote(tag))
}

/// Number of values in series whose value of one of these tags holds a carriage return. The keys are UTF-8: a column of
/// another name cannot be named.
pub fn count_carriage_returns_in_tags(selection: Selection<'_>, tags: &[&[u8]]) -> String {
    let tests: Vec<_> = tags.iter().map(|tag| format!("r[{}] =~ /\\r/", quote(tag))).collect();
    format!(
        "{} |> filter(fn: (r) => {}) |> group() |> count()",
        from_range_filter(selection),
        tests.join(" or ")
    )
}

/// The label for the field column: no tag of the slice, and sorting after all of them.
pub fn field_label<'a>(tag_keys: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut label = FIELD_LABEL.to_owned();
    if let Some(last) = tag_keys.into_iter().max() {
        while label.as_bytes() <= last {
            label.insert(0, char::MAX);
        }
    }
    label
}

fn from_range_filter(selection: Selection<'_>) -> String {
    let mut text = format!(
        "from(bucket: {}) |> range(start: {}, stop: {})",
        quote(selection.bucket.as_bytes()),
        selection.range.start,
        selection.range.stop
    );
    let filter = selection.filter;
    let mut all: Vec<String> = Vec::new();
    all.extend(any_of("_measurement", filter.measurements.iter().map(String::as_str)));
    let mut keys: Vec<&str> = filter.tags.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        all.extend(any_of(
            key,
            filter.tags.iter().filter(|(k, _)| k == key).map(|(_, value)| value.as_str()),
        ));
    }
    all.extend(any_of("_field", filter.fields.iter().map(String::as_str)));
    all.extend(selection.without.iter().cloned());
    if !all.is_empty() {
        let _ = write!(text, " |> filter(fn: (r) => {})", all.join(" and "));
    }
    if let Some(predicate) = &filter.predicate {
        let _ = write!(text, " |> filter(fn: (r) => {predicate})");
    }
    text
}

fn any_of<'a>(column: &str, values: impl Iterator<Item = &'a str>) -> Option<String> {
    let column = quote(column.as_bytes());
    let tests: Vec<_> =
        values.map(|value| format!("r[{column}] == {}", quote(value.as_bytes()))).collect();
    match tests.len() {
        0 => None,
        1 => tests.into_iter().next(),
        _ => Some(format!("({})", tests.join(" or "))),
    }
}

/// A Flux string literal: quotes, backslashes, line ends and `${` escaped. Bytes that are not UTF-8, which no literal can
/// hold, become U+FFFD: compare names by [`is_measurement`] and its kin.
pub fn quote(text: &[u8]) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for c in String::from_utf8_lossy(text).chars() {
        match c {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '$' => literal.push_str("\\$"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            _ => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(filter: &Filter) -> Selection<'_> {
        let range = TimeRange::new("2020-01-01".parse().unwrap(), "2020-01-02".parse().unwrap());
        Selection { bucket: "b", range, filter, without: &[] }
    }

    #[test]
    fn the_read_renames_before_it_drops() {
        assert_eq!(
            read(selection(&Filter::default()), FIELD_LABEL),
            "from(bucket: \"b\") |> range(start: 2020-01-01T00:00:00Z, stop: 2020-01-02T00:00:00Z) \
             |> rename(columns: {_field: \"~f\"}) |> drop(columns: [\"_start\", \"_stop\"])"
        );
    }

    #[test]
    fn filters_join_kinds_by_and_values_by_or() {
        let filter = Filter {
            measurements: vec!["cpu".into(), "m\"em".into()],
            tags: vec![
                ("host".into(), "a".into()),
                ("dc".into(), "x".into()),
                ("host".into(), "b".into()),
            ],
            fields: vec!["f".into()],
            predicate: Some("r._value > 3".into()),
        };
        let without = [not_measurement(b"bad")];
        assert_eq!(
            count(Selection { without: &without, ..selection(&filter) }),
            "from(bucket: \"b\") |> range(start: 2020-01-01T00:00:00Z, stop: 2020-01-02T00:00:00Z) \
             |> filter(fn: (r) => (r[\"_measurement\"] == \"cpu\" or r[\"_measurement\"] == \"m\\\"em\") \
             and r[\"dc\"] == \"x\" and (r[\"host\"] == \"a\" or r[\"host\"] == \"b\") and r[\"_field\"] == \"f\" \
             and r[\"_measurement\"] != \"bad\") |> filter(fn: (r) => r._value > 3) |> group() |> count()"
        );
    }

    #[test]
    fn literals_cannot_be_left() {
        assert_eq!(quote(b"${secret} \"x\" \\ \r\n\t"), "\"\\${secret} \\\"x\\\" \\\\ \\r\\n\\t\"");
    }

    #[test]
    fn names_that_no_literal_holds_are_matched_by_pattern() {
        assert_eq!(is_measurement(b"m\"1"), "r[\"_measurement\"] == \"m\\\"1\"");
        assert_eq!(is_field(b"a/\xff.b"), "r[\"_field\"] =~ /^a\\/.\\.b$/");
        assert_eq!(not_measurement("a\u{fffd}ö".as_bytes()), "r[\"_measurement\"] !~ /^a.ö$/");
    }

    #[test]
    fn the_field_label_sorts_after_every_tag() {
        for tags in [vec![], vec!["host"], vec!["~f"], vec!["~z", "ö"], vec!["\u{10FFFF}"]] {
            let label = field_label(tags.iter().map(|tag| tag.as_bytes()));
            assert!(tags.iter().all(|tag| tag.as_bytes() < label.as_bytes()), "{tags:?}");
        }
    }
}
