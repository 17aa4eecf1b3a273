//! Which tags a condition of a query can ask for, and what it takes the others for.

use super::literal::quote;
use super::tokens::{FluxKind, tokens};
use super::{Selection, either, from_range_filter};

/// Tag keys that Flux takes for columns of its own. Reads of such series fail, or lose the tag without a word.
pub(crate) const COLUMNS_OF_FLUX: [&str; 4] = ["_start", "_stop", "_time", "_value"];

/// Names that the storage engine has for columns of Flux: a condition that is handed down to it is about those, whatever the
/// tags. Over the last one it fails.
const NAMES_OF_STORAGE: [(&str, &str); 3] = [
    ("$", "the value of a field (r._value)"),
    ("_name", "the measurement (r._measurement)"),
    ("_tagKey", "a list of its own, over which it fails"),
];

/// What a condition on a tag of this key is about instead; `None` where it is about the tag.
pub(crate) fn taken_for(key: &str) -> Option<&'static str> {
    match key {
        "_value" => Some("the value of a field"),
        "_time" | "_start" | "_stop" => Some("a time"),
        "_measurement" | "\0" => Some("the measurement: use --measurement"),
        "_field" => Some("the field: use --field"),
        _ => NAMES_OF_STORAGE.iter().find(|(name, _)| *name == key).map(|(_, what)| *what),
    }
}

/// True for a tag that a query can ask for.
pub(crate) fn is_askable(key: &[u8]) -> bool {
    std::str::from_utf8(key).is_ok_and(|key| taken_for(key).is_none())
}

/// True for a tag that answers show, and that only a condition behind an aggregate can ask for: the storage engine does not
/// see that one.
pub(crate) fn is_askable_late(key: &[u8]) -> bool {
    NAMES_OF_STORAGE.iter().any(|(name, _)| name.as_bytes() == key)
}

/// Number of values by measurement in series whose value of one of these tags holds a carriage return. The condition stands
/// behind the count, so that these may be any tags that a query can name.
pub fn count_late_carriage_returns(selection: Selection<'_>, tags: &[&[u8]]) -> String {
    let test = |tag: &&[u8]| {
        let column = quote(tag);
        format!("(exists r[{column}] and r[{column}] =~ /\\r/)")
    };
    let tests = either(tags.iter().map(test)).unwrap_or_else(|| "false".to_owned());
    format!(
        "{} |> count() |> filter(fn: (r) => {tests}) |> group(columns: [\"_measurement\"]) |> sum()",
        from_range_filter(selection)
    )
}

/// The column in an expression over `r` that is not what it seems: its name, and what it is taken for.
pub(crate) fn misread_column(predicate: &str) -> Option<(&'static str, &'static str)> {
    NAMES_OF_STORAGE.into_iter().find(|(name, _)| names_column(predicate, name))
}

/// True if an expression has `r["name"]` or `r.name` outside of its texts, patterns and comments.
fn names_column(expression: &str, name: &str) -> bool {
    let Ok(tokens) = tokens(expression) else { return false };
    tokens.windows(2).any(|pair| match (&pair[0].kind, &pair[1].kind) {
        (FluxKind::Sign('['), FluxKind::Text(Some(text))) => text == name,
        // As it would be without the escapes that Flux does not have.
        (FluxKind::Sign('['), FluxKind::Text(None)) => {
            expression[pair[1].start + 1..pair[1].end - 1].replace('\\', "") == name
        }
        (FluxKind::Sign('.'), FluxKind::Name(word)) => word == name,
        _ => false,
    })
}

/// True if an expression is closed as it was opened, and no step of a query follows: else it would reach into the query that
/// it becomes part of.
pub(crate) fn is_closed(expression: &str) -> bool {
    let Ok(tokens) = tokens(expression) else { return false };
    let mut open = Vec::new();
    let mut before = None;
    for token in tokens {
        match token.kind {
            FluxKind::Sign('(') => open.push(')'),
            FluxKind::Sign('[') => open.push(']'),
            FluxKind::Sign('{') => open.push('}'),
            FluxKind::Sign(mark @ (')' | ']' | '}')) if open.pop() != Some(mark) => return false,
            FluxKind::Sign('>') if before == Some(FluxKind::Sign('|')) && open.is_empty() => {
                return false;
            }
            _ => {}
        }
        before = Some(token.kind);
    }
    open.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_taken_for_something_else_are_told() {
        for key in ["$", "_name", "_tagKey", "_value", "_time", "_start", "_field", "\0"] {
            assert!(taken_for(key).is_some() && !is_askable(key.as_bytes()), "{key:?}");
        }
        for key in
            ["host", "_tagValue", "_seriesKey", "_fieldKey", "$a", "name", "Time", "é", "\0x"]
        {
            assert!(is_askable(key.as_bytes()), "{key:?}");
        }
        assert!(!is_askable(b"\xff\xa0"));
    }

    #[test]
    fn an_expression_is_searched_outside_of_its_texts() {
        for predicate in [
            "r[\"$\"] == \"a\"",
            "r.host == \"a\" and r[ \"\\x24\" ] =~ /x/",
            "r . _name == \"cpu\"",
            "r[\"_tagKey\"] != \"\"",
            "r[\"\\x5fname\"] == \"a\"",
            "r[\"_n\\x61me\"] == \"a\"",
            "r[\"\\_name\"] == \"a\"",
            "r[\"_tag\\x4bey\"] == \"a\"",
            "r. // x\n_name == \"a\"",
            "r[ // c\n \"_name\"] == \"a\"",
            "// r.host\n\tr\n.\n_name == \"a\"",
            "r.host =~ /\\/\"/ and r._name == \"a\"",
        ] {
            assert!(misread_column(predicate).is_some(), "{predicate}");
        }
        for predicate in [
            "r._value > 3.5",
            "r.host == \"$\"",
            "r.host == \"a[\\\"$\\\"]\" and r.host !~ /a._name/",
            "r[\"host\"] == \".__name\" or r.host == \"._name\"",
            "r._names == \"a\"",
            "true // r._name",
            "r.host == \"a\\\"].\" // [\"_name\"]\n and r[\"\\\\x5fname\"] == \"b\"",
        ] {
            assert_eq!(misread_column(predicate), None, "{predicate}");
        }
    }

    #[test]
    fn an_expression_closes_what_it_opens_and_is_no_query() {
        for predicate in [
            "r.host == \"a\"",
            "(r.host == \"a)\" or r.host =~ /[)]/) and (r[\"b(\"] > 1.0) // )",
            "contains(value: r.host, set: [\"a\", \"b\"])",
            "(() => {x = 1 return x > 0})()",
        ] {
            assert!(is_closed(predicate), "{predicate}");
        }
        for predicate in [
            "r.host == \"a\") |> limit(n: 1) |> filter(fn: (r) => true",
            "r.host == \"a\" |> limit(n: 1)",
            "(r.host == \"a\"",
            "r[\"a\") == \"b\"]",
            "r.a == \"b\" // )\n)",
            ")(",
        ] {
            assert!(!is_closed(predicate), "{predicate}");
        }
    }
}
