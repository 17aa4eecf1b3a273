//! Texts of the InfluxQL statements that sluice sends. Names are quoted by [`quote_identifier`] and values by
//! [`quote_string`] alone: the endpoint runs `DROP` even on a GET.
//!
//! No statement can name a tag or a field that holds a carriage return, a NUL or bytes that are not UTF-8: see [`nameable`].
//! A measurement can at least be matched by a pattern.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::model::filter::Filter;
use crate::model::time::{TimeRange, Timestamp};

/// All field keys of the default retention policy, with every type each one has.
pub const SHOW_FIELD_KEYS: &str = "SHOW FIELD KEYS";

/// All tag keys by measurement.
pub const SHOW_TAG_KEYS: &str = "SHOW TAG KEYS";

/// Number of series of each measurement.
pub const SHOW_SERIES_CARDINALITY: &str = "SHOW SERIES EXACT CARDINALITY";

/// All series of one measurement, as keys of line protocol.
pub fn show_series(measurement: &str) -> String {
    format!("SHOW SERIES FROM {}", from(measurement))
}

/// Number of series of one measurement; no row for none.
pub fn show_series_cardinality(measurement: &str) -> String {
    format!("{SHOW_SERIES_CARDINALITY} FROM {}", from(measurement))
}

/// One statement of the `influxql` transport: all fields of one measurement, one row for each series and time.
#[derive(Debug, Clone, Copy)]
pub struct SelectStatement<'a> {
    /// The measurement.
    pub measurement: &'a str,
    /// Half-open.
    pub range: TimeRange,
    /// Of the filter, tags and fields; its predicate is Flux and cannot be asked for here.
    pub filter: &'a Filter,
    /// What tells the series of the answer apart.
    pub grouping: Grouping<'a>,
    /// Only the series with one of these values of one tag, if given; that tag is one of the grouping.
    pub among: Option<(&'a str, &'a [String])>,
}

/// The tags that an answer names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping<'a> {
    /// Every tag of the measurement.
    All,
    /// These, which tell all series apart; see `model::catalogue`. None where there is one series.
    Keys(&'a [String]),
}

/// The text of a statement. `SELECT *::field` and not `*`: a tag that is not in the grouping would become a column.
pub fn select(select: &SelectStatement<'_>) -> String {
    let SelectStatement { measurement, range, filter, grouping, among } = *select;
    let fields = if filter.fields.is_empty() {
        "*::field".to_owned()
    } else {
        let fields =
            filter.fields.iter().map(|field| format!("{}::field", quote_identifier(field)));
        fields.collect::<Vec<_>>().join(", ")
    };
    let mut text = format!(
        "SELECT {fields} FROM {} WHERE {}{}",
        from(measurement),
        time_condition(range),
        tag_conditions(filter)
    );
    if let Some((key, values)) = among {
        let _ = write!(text, " AND {}", one_of(key, values.iter().map(String::as_str)));
    }
    match grouping {
        Grouping::All => text.push_str(" GROUP BY *"),
        Grouping::Keys([]) => {}
        Grouping::Keys(keys) => {
            let keys: Vec<_> = keys.iter().map(|key| quote_identifier(key)).collect();
            let _ = write!(text, " GROUP BY {}", keys.join(", "));
        }
    }
    text
}

/// Number of values of each field of a measurement: one row, or none.
pub fn count(measurement: &str, range: TimeRange, filter: &Filter) -> String {
    let counts = if filter.fields.is_empty() {
        "count(*::field)".to_owned()
    } else {
        let counts =
            filter.fields.iter().map(|field| format!("count({}::field)", quote_identifier(field)));
        counts.collect::<Vec<_>>().join(", ")
    };
    counting(&counts, measurement, range, filter)
}

/// Counts of some fields, each of its numbers, texts and truth values: InfluxQL takes numbers of any type for floats, and
/// nothing for a text or a truth value that is none.
pub(crate) fn count_by_kind(
    measurement: &str,
    fields: &[&str],
    range: TimeRange,
    filter: &Filter,
) -> String {
    let kinds = |field: &&str| {
        let field = quote_identifier(field);
        ["float", "string", "boolean"].map(|kind| format!("count({field}::{kind})")).join(", ")
    };
    let counts = fields.iter().map(kinds).collect::<Vec<_>>().join(", ");
    counting(&counts, measurement, range, filter)
}

fn counting(counts: &str, measurement: &str, range: TimeRange, filter: &Filter) -> String {
    format!(
        "SELECT {counts} FROM {} WHERE {}{}",
        from(measurement),
        time_condition(range),
        tag_conditions(filter)
    )
}

/// The oldest row of a measurement: one row, or none.
pub(crate) fn oldest(measurement: &str, range: TimeRange, filter: &Filter) -> String {
    let grouping = Grouping::Keys(&[]);
    let all = select(&SelectStatement { measurement, range, filter, grouping, among: None });
    format!("{all} LIMIT 1")
}

/// What follows FROM. A name that no literal holds is matched by a pattern that fits only it.
fn from(measurement: &str) -> String {
    if nameable(measurement.as_bytes()).is_some() {
        return quote_identifier(measurement);
    }
    let mut pattern = "/^".to_owned();
    for c in measurement.chars() {
        match c {
            '\n' => pattern.push_str("\\n"),
            '\r' => pattern.push_str("\\r"),
            '\0' => pattern.push_str("\\x00"),
            // Quotes and semicolons too: a statement that holds them bare would look like two.
            _ if c.is_ascii_punctuation() => {
                let _ = write!(pattern, "\\x{:02x}", u32::from(c));
            }
            _ => pattern.push(c),
        }
    }
    pattern + "$/"
}

/// Both bounds in nanoseconds. A range that ends behind the largest time ends with it: no integer lies beyond.
fn time_condition(range: TimeRange) -> String {
    let start = range.start.ns();
    if range.contains(Timestamp::MAX) {
        return format!("time >= {start} AND time <= {}", Timestamp::MAX.ns());
    }
    format!("time >= {start} AND time < {}", range.stop.ns())
}

/// ` AND ...` for the tags of a filter: any value of a key, every key.
fn tag_conditions(filter: &Filter) -> String {
    let mut by_key: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, value) in &filter.tags {
        by_key.entry(key).or_default().push(value);
    }
    by_key.into_iter().fold(String::new(), |text, (key, values)| {
        text + " AND " + &one_of(key, values.into_iter())
    })
}

fn one_of<'a>(key: &str, values: impl Iterator<Item = &'a str>) -> String {
    let key = quote_identifier(key);
    let tests: Vec<_> =
        values.map(|value| format!("{key}::tag = {}", quote_string(value))).collect();
    format!("({})", tests.join(" OR "))
}

/// A name or value as text, if a statement can hold it: the server's scanner reads neither carriage returns nor NUL, and
/// has no escape for them.
pub fn nameable(name: &[u8]) -> Option<&str> {
    std::str::from_utf8(name).ok().filter(|text| !text.contains(['\r', '\0']))
}

/// A string in single quotes: backslash, quote and line feed escaped.
pub(crate) fn quote_string(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"))
}

/// An identifier in double quotes: backslash, quote and line feed escaped.
pub(crate) fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter() -> Filter {
        Filter {
            tags: vec![
                ("h".into(), "a'\\".into()),
                ("z".into(), "1".into()),
                ("h".into(), "b".into()),
            ],
            ..Filter::default()
        }
    }

    #[test]
    fn quotes_so_that_a_name_stays_a_name() {
        assert_eq!(quote_identifier("cpu"), "\"cpu\"");
        assert_eq!(
            quote_identifier("a\"; DROP MEASUREMENT x --\\"),
            "\"a\\\"; DROP MEASUREMENT x --\\\\\""
        );
        assert_eq!(quote_string("a'; DROP\n"), "'a\\'; DROP\\n'");
    }

    #[test]
    fn some_names_have_no_form() {
        assert_eq!(nameable("a\"b\n\u{fffd}".as_bytes()), Some("a\"b\n\u{fffd}"));
        for name in [&b"a\rb"[..], b"a\0", b"\xff"] {
            assert_eq!(nameable(name), None);
        }
    }

    #[test]
    fn a_statement_reads_one_measurement() {
        let range = TimeRange::new(Timestamp::from_ns(-5), Timestamp::from_ns(7));
        let none = Filter::default();
        let keys = ["host".to_owned(), "a b".to_owned()];
        let whole = SelectStatement {
            measurement: "c\"pu",
            range,
            filter: &none,
            grouping: Grouping::All,
            among: None,
        };
        assert_eq!(
            select(&whole),
            "SELECT *::field FROM \"c\\\"pu\" WHERE time >= -5 AND time < 7 GROUP BY *"
        );
        let values = ["x".to_owned(), "y".to_owned()];
        let part = SelectStatement {
            filter: &Filter { fields: vec!["f".into(), "g".into()], ..filter() },
            grouping: Grouping::Keys(&keys),
            among: Some(("host", &values)),
            ..whole
        };
        assert_eq!(
            select(&part),
            "SELECT \"f\"::field, \"g\"::field FROM \"c\\\"pu\" WHERE time >= -5 AND time < 7 \
             AND (\"h\"::tag = 'a\\'\\\\' OR \"h\"::tag = 'b') AND (\"z\"::tag = '1') \
             AND (\"host\"::tag = 'x' OR \"host\"::tag = 'y') GROUP BY \"host\", \"a b\""
        );
        let end = SelectStatement { range: TimeRange::ALL, ..whole };
        assert!(
            select(&end)
                .contains("time >= -9223372036854775806 AND time <= 9223372036854775806 GROUP")
        );
    }

    #[test]
    fn values_are_counted_under_the_filter() {
        let end = TimeRange::new(Timestamp::MAX, Timestamp::STOP_MAX);
        assert_eq!(
            count("m", end, &filter()),
            "SELECT count(*::field) FROM \"m\" WHERE time >= 9223372036854775806 AND time <= 9223372036854775806 \
             AND (\"h\"::tag = 'a\\'\\\\' OR \"h\"::tag = 'b') AND (\"z\"::tag = '1')"
        );
        let fields = Filter { fields: vec!["f".into(), "g".into()], ..Filter::default() };
        assert!(
            count("m", end, &fields)
                .starts_with("SELECT count(\"f\"::field), count(\"g\"::field) FROM")
        );
    }

    #[test]
    fn a_name_with_a_carriage_return_is_matched_by_a_pattern() {
        assert_eq!(show_series("c\r\"d; DROP"), "SHOW SERIES FROM /^c\\r\\x22d\\x3b DROP$/");
    }
}
