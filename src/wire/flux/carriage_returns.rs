//! The carriage returns that CSV drops: found, kept out, read in another way.

use super::literal::quote;
use super::{Selection, counted, first, from_range_filter_where, joined};

/// Number of string values that hold a carriage return, which CSV drops.
pub fn count_carriage_returns(selection: Selection<'_>) -> String {
    counted(&from_range_filter_where(selection, Some(HOLDS_ONE)), &selection, "group()")
}

/// The same of what [`super::read_largest_time`] reads. `first` gives values of all types, which only as texts match a pattern.
pub(crate) fn count_carriage_returns_at_largest_time(selection: Selection<'_>) -> String {
    format!("{} |> filter(fn: (r) => {AS_TEXT} =~ /\\r/) |> group() |> count()", first(selection))
}

/// The string values that hold a carriage return, escaped by the server: backslash as `\\`, CR as `\r`, LF as `\n`.
pub fn read_carriage_returns(selection: Selection<'_>, field_label: &str) -> String {
    escaped(&from_range_filter_where(selection, Some(HOLDS_ONE)), "r._value", field_label)
}

/// The same of what [`super::read_largest_time`] reads.
pub(crate) fn read_carriage_returns_at_largest_time(
    selection: Selection<'_>,
    field_label: &str,
) -> String {
    let found = format!("{} |> filter(fn: (r) => {AS_TEXT} =~ /\\r/)", first(selection));
    escaped(&found, AS_TEXT, field_label)
}

/// True for strings that hold one.
const HOLDS_ONE: &str = "r._value =~ /\\r/";

const AS_TEXT: &str = "string(v: r._value)";

fn escaped(found: &str, value: &str, field_label: &str) -> String {
    let label = quote(field_label.as_bytes());
    format!(
        concat!(
            "import \"strings\"\n{}",
            " |> map(fn: (r) => ({{r with _value: strings.replaceAll(v: strings.replaceAll(v: strings.replaceAll(v: {},",
            " t: \"\\\\\", u: \"\\\\\\\\\"), t: \"\\r\", u: \"\\\\r\"), t: \"\\n\", u: \"\\\\n\")}}))",
            " |> rename(columns: {{_field: {}}}) |> drop(columns: [\"_start\", \"_stop\"])"
        ),
        found, value, label
    )
}

/// Keeps out the series whose value of this tag holds a carriage return.
pub fn not_carriage_return_in(tag: &[u8]) -> String {
    format!("r[{}] !~ /\\r/", quote(tag))
}

/// True for the series whose value of this tag holds a carriage return.
pub(crate) fn carriage_return_in(tag: &[u8]) -> String {
    format!("r[{}] =~ /\\r/", quote(tag))
}

/// Number of values in series whose value of one of these tags holds a carriage return; of tags that can be asked for
/// (`askable`).
pub fn count_carriage_returns_in_tags(selection: Selection<'_>, tags: &[&[u8]]) -> String {
    let tests: Vec<_> = tags.iter().map(|tag| carriage_return_in(tag)).collect();
    let any = joined(&tests, " or ");
    counted(&from_range_filter_where(selection, Some(&any)), &selection, "group()")
}
