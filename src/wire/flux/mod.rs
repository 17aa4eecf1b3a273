//! Texts of the Flux queries that sluice sends. Every name goes through [`literal`].

pub(crate) mod askable;
pub(crate) mod carriage_returns;
pub(crate) mod index;
pub(crate) mod literal;
pub(crate) mod record;
pub(crate) mod tokens;

use std::fmt::Write as _;

use self::literal::{is_measurement, quote};

use crate::limits::TERMS_IN_ROW_MAX;
use crate::model::filter::Filter;
use crate::model::series::Name;
use crate::model::time::{TimeRange, Timestamp};

/// The column that holds the field name after the rename, unless a tag sorts after it (see [`field_label`]).
pub(crate) const FIELD_LABEL: &str = "~f";

/// What a query reads: bucket, range, and which part of it.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// Bucket name.
    pub bucket: &'a str,
    /// Half-open; bounds inside 64 bits by construction.
    pub range: TimeRange,
    /// The job's filter.
    pub filter: &'a Filter,
    /// Only these measurements, if any are named.
    pub measurements: &'a [Name],
    /// Conditions over `r` that keep out what Flux cannot carry; see [`literal::not_measurement`] and its kin.
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

/// All values as the vendor's guide asks for them: with all columns.
pub(crate) fn read_unchanged(selection: Selection<'_>) -> String {
    from_range_filter(selection)
}

/// The `flux-keyed` transport: as [`read`], of one measurement, without its name and with no tag but `keys`, which tell
/// its series apart.
pub fn read_keyed(
    selection: Selection<'_>,
    field_label: &str,
    measurement: &[u8],
    keys: &[Vec<u8>],
) -> String {
    let label = quote(field_label.as_bytes());
    let kept = columns([&b"_time"[..], b"_value", field_label.as_bytes()], keys);
    format!(
        "{} |> filter(fn: (r) => {}) |> rename(columns: {{_field: {label}}}) |> keep(columns: [{kept}])",
        from_range_filter(selection),
        is_measurement(measurement)
    )
}

/// The `flux-pivot` transport: as [`read_keyed`], with the fields of one time in one row. `keep` comes first: that
/// spares the server a third of the work and half of the memory. Null and the empty string look alike, so `without`
/// names the fields that hold strings. Rows are not in the order of their times.
pub fn read_pivoted(
    selection: Selection<'_>,
    field_label: &str,
    measurement: &[u8],
    keys: &[Vec<u8>],
) -> String {
    format!(
        "{} |> pivot(rowKey: [\"_time\"], columnKey: [{}], valueColumn: \"_value\")",
        read_keyed(selection, field_label, measurement, keys),
        quote(field_label.as_bytes())
    )
}

fn columns<'a>(fixed: impl IntoIterator<Item = &'a [u8]>, keys: &'a [Vec<u8>]) -> String {
    let names = fixed.into_iter().chain(keys.iter().map(Vec::as_slice));
    names.map(quote).collect::<Vec<_>>().join(", ")
}

/// One row for each series of a measurement: its tags, and the time of the oldest value of each field. `keep` leaves the
/// tags alone in the group key, so fields of one series share a table.
pub fn series_of(selection: Selection<'_>, measurement: &[u8], tag_keys: &[Vec<u8>]) -> String {
    let kept = columns([&b"_time"[..]], tag_keys);
    format!(
        "{} |> filter(fn: (r) => {}) |> first() |> keep(columns: [{kept}]) |> limit(n: 1)",
        from_range_filter(selection),
        is_measurement(measurement)
    )
}

/// One value of each field of a selection; the column's type is the field's.
pub fn fields_of(selection: Selection<'_>) -> String {
    format!(
        "{} |> first() |> keep(columns: [\"_field\", \"_value\"]) |> limit(n: 1)",
        from_range_filter(selection)
    )
}

/// As [`read`], of a range that is the largest time: rows of it stay out of reach, but `first` sees them.
pub fn read_largest_time(selection: Selection<'_>, field_label: &str) -> String {
    let label = quote(field_label.as_bytes());
    format!(
        "{} |> rename(columns: {{_field: {label}}}) |> drop(columns: [\"_start\", \"_stop\"])",
        first(selection)
    )
}

/// Number of values: one row, or no row for none. Only exact inside one shard group of the source.
pub fn count(selection: Selection<'_>) -> String {
    counted(&from_range_filter(selection), &selection, "group()")
}

/// Number of values before a time, of a range that may reach beyond it: the server reads all of the range for it.
pub(crate) fn count_before(selection: Selection<'_>, time: Timestamp) -> String {
    let from = from_range_filter(selection);
    // No storage engine filters by time: what comes behind is done on tables of several types.
    format!("{from} |> filter(fn: (r) => r._time < {time}) |> count() |> group() |> sum()")
}

/// Anything of an instant for which a predicate holds, which has the second line for itself: errors name its columns.
pub(crate) fn try_predicate(bucket: &str, predicate: &str) -> String {
    let start = TimeRange::ALL.start;
    let bucket = quote(bucket.as_bytes());
    format!(
        "from(bucket: {bucket}) |> range(start: {start}, stop: {}) |> filter(fn: (r) =>\n{predicate})",
        start.saturating_add_ns(1)
    )
}

/// Number of values by measurement.
pub fn count_by_measurement(selection: Selection<'_>) -> String {
    counted(&from_range_filter(selection), &selection, "group(columns: [\"_measurement\"])")
}

/// Number of values of each series and field.
pub fn count_by_series(selection: Selection<'_>) -> String {
    format!("{} |> count()", from_range_filter(selection))
}

/// The first value of each series and field; the column's type is the field's.
pub fn first(selection: Selection<'_>) -> String {
    format!("{} |> first()", from_range_filter(selection))
}

/// Time of the oldest value: one row, or none. The storage engine finds the oldest value of each field of a measurement, which
/// a bucket of very many series needs. Fails where two series of a field differ in its type.
pub fn earliest_by_field(selection: Selection<'_>) -> String {
    format!(
        "{} |> group(columns: [\"_measurement\", \"_field\"]) |> first() |> keep(columns: [\"_time\"]) |> group() |> min(column: \"_time\")",
        from_range_filter(selection)
    )
}

/// As [`earliest_by_field`], series by series: for fields of any types.
pub fn earliest(selection: Selection<'_>) -> String {
    format!(
        "{} |> first() |> keep(columns: [\"_time\"]) |> group() |> min(column: \"_time\")",
        from_range_filter(selection)
    )
}

/// As [`earliest_by_field`], of the newest value.
pub(crate) fn latest_by_field(selection: Selection<'_>) -> String {
    format!(
        "{} |> group(columns: [\"_measurement\", \"_field\"]) |> last() |> keep(columns: [\"_time\"]) |> group() |> max(column: \"_time\")",
        from_range_filter(selection)
    )
}

/// One row of all of them, with its tags: all tables are made one.
pub(crate) fn one_of_all_series(selection: Selection<'_>) -> String {
    format!("{} |> group() |> limit(n: 1)", from_range_filter(selection))
}

/// Time of the newest value: one row, or none. Sees types that only the last shard has, which `earliest` does not.
pub fn latest(selection: Selection<'_>) -> String {
    format!(
        "{} |> last() |> keep(columns: [\"_time\"]) |> group() |> max(column: \"_time\")",
        from_range_filter(selection)
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

/// The label for the field column: no tag of the slice, and sorting after all of them that any label can sort after. A key
/// that lies behind all UTF-8 texts keeps its fields apart in the answer, which is read right in any order; that no label
/// is equal to it is sure.
pub fn field_label<'a>(tag_keys: impl IntoIterator<Item = &'a [u8]>) -> String {
    let label = |largest: usize| char::MAX.to_string().repeat(largest) + FIELD_LABEL;
    // What no label can sort after is no text, so no label is equal to it.
    let reached = tag_keys.into_iter().filter(|key| !is_behind_all_texts(key)).max();
    let Some(last) = reached else { return label(0) };
    let (largest, _) = without_largest(last);
    let shortest = label(largest);
    if shortest.as_bytes() > last { shortest } else { label(largest + 1) }
}

/// True for bytes that sort after every UTF-8 text, however many of the largest character it begins with.
fn is_behind_all_texts(key: &[u8]) -> bool {
    without_largest(key).1 > char::MAX.to_string().as_bytes()
}

/// How many of the largest character a key begins with, and what follows them.
fn without_largest(key: &[u8]) -> (usize, &[u8]) {
    let largest = char::MAX.to_string();
    let (mut count, mut rest) = (0, key);
    while let Some(behind) = rest.strip_prefix(largest.as_bytes()) {
        (count, rest) = (count + 1, behind);
    }
    (count, rest)
}

/// Counts by groups. The storage engine counts groups at once, whatever types they hold; but not behind a predicate that it does
/// not understand, where only tables of one type, such as counts, can be made one.
fn counted(from: &str, selection: &Selection<'_>, group: &str) -> String {
    if selection.filter.predicate.is_some() {
        format!("{from} |> count() |> {group} |> sum()")
    } else {
        format!("{from} |> {group} |> count()")
    }
}

fn from_range_filter(selection: Selection<'_>) -> String {
    from_range_filter_where(selection, None)
}

/// With a condition of ours before the predicate of the filter, which may be more than the storage engine understands.
fn from_range_filter_where(selection: Selection<'_>, condition: Option<&str>) -> String {
    let mut text = format!(
        "from(bucket: {}) |> range(start: {}, stop: {})",
        quote(selection.bucket.as_bytes()),
        selection.range.start,
        selection.range.stop
    );
    let all = conditions(selection);
    if !all.is_empty() {
        let _ = write!(text, " |> filter(fn: (r) => {})", joined(&all, " and "));
    }
    if let Some(condition) = condition {
        let _ = write!(text, " |> filter(fn: (r) => {condition})");
    }
    if let Some(predicate) = &selection.filter.predicate {
        let _ = write!(text, " |> filter(fn: (r) => {predicate})");
    }
    text
}

/// All conditions of a selection but the predicate of its filter.
fn conditions(selection: Selection<'_>) -> Vec<String> {
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
    all.extend(either(selection.measurements.iter().map(|name| is_measurement(name))));
    all.extend(selection.without.iter().cloned());
    all
}

fn any_of<'a>(column: &str, values: impl Iterator<Item = &'a str>) -> Option<String> {
    let column = quote(column.as_bytes());
    either(values.map(|value| format!("r[{column}] == {}", quote(value.as_bytes()))))
}

/// True where one of the tests is; `None` without any.
pub(crate) fn either(tests: impl Iterator<Item = String>) -> Option<String> {
    let tests: Vec<_> = tests.collect();
    match tests.len() {
        0 => None,
        1 => tests.into_iter().next(),
        _ => Some(format!("({})", joined(&tests, " or "))),
    }
}

/// Tests joined by an operator. Many of them form a tree: each term of a row is nested in the next one, and servers refuse what
/// is nested deeper than some 160.
pub(crate) fn joined(tests: &[String], operator: &str) -> String {
    if tests.len() <= TERMS_IN_ROW_MAX {
        return tests.join(operator);
    }
    let parts = tests.chunks(tests.len().div_ceil(TERMS_IN_ROW_MAX));
    parts.map(|part| format!("({})", joined(part, operator))).collect::<Vec<_>>().join(operator)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn selection(filter: &Filter) -> Selection<'_> {
        let range = TimeRange::new("2020-01-01".parse().unwrap(), "2020-01-02".parse().unwrap());
        Selection { bucket: "b", range, filter, measurements: &[], without: &[] }
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
    fn keyed_reads_keep_what_tells_series_apart() {
        let keys = [b"host".to_vec(), b"a\"b".to_vec()];
        let filter = Filter::default();
        let keyed = read_keyed(selection(&filter), "~f", b"cpu", &keys);
        assert_eq!(
            keyed,
            "from(bucket: \"b\") |> range(start: 2020-01-01T00:00:00Z, stop: 2020-01-02T00:00:00Z) \
             |> filter(fn: (r) => r[\"_measurement\"] == \"cpu\") |> rename(columns: {_field: \"~f\"}) \
             |> keep(columns: [\"_time\", \"_value\", \"~f\", \"host\", \"a\\\"b\"])"
        );
        let pivoted = read_pivoted(selection(&filter), "~f", b"cpu", &keys);
        let pivot = " |> pivot(rowKey: [\"_time\"], columnKey: [\"~f\"], valueColumn: \"_value\")";
        assert_eq!(pivoted, keyed + pivot);
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
        let without = [literal::not_measurement(b"bad")];
        assert_eq!(
            count(Selection { without: &without, ..selection(&filter) }),
            "from(bucket: \"b\") |> range(start: 2020-01-01T00:00:00Z, stop: 2020-01-02T00:00:00Z) \
             |> filter(fn: (r) => (r[\"_measurement\"] == \"cpu\" or r[\"_measurement\"] == \"m\\\"em\") \
             and r[\"dc\"] == \"x\" and (r[\"host\"] == \"a\" or r[\"host\"] == \"b\") and r[\"_field\"] == \"f\" \
             and r[\"_measurement\"] != \"bad\") |> filter(fn: (r) => r._value > 3) |> count() |> group() |> sum()"
        );
    }

    #[test]
    fn many_tests_are_nested_in_a_tree() {
        let deepest = |text: &str| {
            let step = |(depth, deepest): (usize, usize), letter| match letter {
                '(' => (depth + 1, deepest.max(depth + 1)),
                ')' => (depth - 1, deepest),
                _ => (depth, deepest),
            };
            text.chars().fold((0, 0), step).1
        };
        for (count, depth) in
            [(1, 0), (TERMS_IN_ROW_MAX, 0), (TERMS_IN_ROW_MAX + 1, 1), (10_000, 2), (100_000, 3)]
        {
            let tests: Vec<String> = (0..count).map(|n| format!("t{n}")).collect();
            let text = joined(&tests, " or ");
            assert_eq!(deepest(&text), depth, "{count}");
            assert_eq!(text.replace(['(', ')'], ""), tests.join(" or "));
        }
    }

    /// Bytes that are likely to be like a label, whole or cut.
    fn key() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just("\u{10FFFF}".as_bytes().to_vec()),
            Just(FIELD_LABEL.as_bytes().to_vec()),
            Just(b"\xf4\x8f\xbf".to_vec()),
            Just(b"\xf4\x90".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..3),
            any::<char>().prop_map(|c| c.to_string().into_bytes()),
        ];
        proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn the_field_label_is_no_tag_and_sorts_after_all_that_are_text(
            tags in proptest::collection::vec(key(), 0..5),
        ) {
            let label = field_label(tags.iter().map(Vec::as_slice));
            let longest = tags.iter().map(Vec::len).max().unwrap_or(0);
            let length_max = longest + char::MAX.len_utf8() + FIELD_LABEL.len();
            prop_assert!(label.len() <= length_max);
            for tag in &tags {
                prop_assert_ne!(tag.as_slice(), label.as_bytes());
                let is_text = std::str::from_utf8(tag).is_ok();
                prop_assert!(!is_text || tag.as_slice() < label.as_bytes(), "{tag:?} {label:?}");
            }
        }
    }

    #[test]
    fn keys_behind_all_texts_do_not_hold_the_field_label_up() {
        let largest = "\u{10FFFF}".as_bytes();
        for behind in [&b"\xff\xa0"[..], b"\xf5", b"\xfe", b"\xf4\x90"] {
            for times in 0..3 {
                let key = [&largest.repeat(times), behind].concat();
                assert_eq!(field_label([&key[..], b"host"]), "~f", "{key:?}");
            }
        }
        assert_eq!(field_label([&b"~f"[..], b"\xff"]), "\u{10FFFF}~f");
        assert_eq!(field_label([&b"\xf4\x8f\xbf"[..]]), "\u{10FFFF}~f");
    }
}
