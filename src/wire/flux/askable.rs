//! Which tags a condition of a query can ask for, and what it takes the others for.

use super::literal::quote;
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
    let mut before = None;
    tokens(expression).any(|token| {
        let is_it = match (&token, before) {
            (Token::Text(text), Some('[')) => unescaped(text) == name,
            (Token::Word(word), Some('.')) => *word == name,
            _ => false,
        };
        before = if let Token::Mark(mark) = token { Some(mark) } else { None };
        is_it
    })
}

/// True if an expression is closed as it was opened, and no step of a query follows: else it would reach into the query that
/// it becomes part of.
pub(crate) fn is_closed(expression: &str) -> bool {
    let mut open = Vec::new();
    let mut before = None;
    for token in tokens(expression) {
        match token {
            Token::Mark(mark @ ('(' | '[' | '{')) => open.push(mark),
            Token::Mark(mark @ (')' | ']' | '}')) => {
                let opened = open.pop();
                if !matches!((opened, mark), (Some('('), ')') | (Some('['), ']') | (Some('{'), '}'))
                {
                    return false;
                }
            }
            Token::Mark('>') if before == Some('|') && open.is_empty() => {
                return false;
            }
            _ => {}
        }
        before = if let Token::Mark(mark) = token { Some(mark) } else { None };
    }
    open.is_empty()
}

/// A piece of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    /// What stands between quotation marks.
    Text(&'a str),
    /// A name, a number, a keyword.
    Word(&'a str),
    /// Any other character that is no white space.
    Mark(char),
}

/// The pieces of an expression, without patterns and comments.
fn tokens(expression: &str) -> impl Iterator<Item = Token<'_>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = expression;
    let mut before = None;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start();
            let c = rest.chars().next()?;
            let after = &rest[c.len_utf8()..];
            if rest.starts_with("//") && before != Some('~') {
                rest = rest.find('\n').map_or("", |end| &rest[end..]);
                continue;
            }
            if c == '/' && before == Some('~') {
                rest = &after[(end_of(after, '/') + 1).min(after.len())..];
                before = None;
                continue;
            }
            if c == '"' {
                let end = end_of(after, '"');
                rest = &after[(end + 1).min(after.len())..];
                before = None;
                return Some(Token::Text(&after[..end]));
            }
            if is_word(c) {
                let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
                let word = &rest[..end];
                rest = &rest[end..];
                before = None;
                return Some(Token::Word(word));
            }
            rest = after;
            before = Some(c);
            return Some(Token::Mark(c));
        }
    })
}

/// What a text of Flux means: `\xHH` is a byte, `\` before anything else is that.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let code =
            rest.strip_prefix('x').and_then(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok());
        if let Some(byte) = code {
            bytes.push(byte);
            rest = &rest[3..];
            continue;
        }
        let Some(c) = rest.chars().next() else { break };
        let meant = match c {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            other => other,
        };
        bytes.extend_from_slice(meant.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[c.len_utf8()..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Where the next such mark stands that has no backslash before it; the length if there is none.
fn end_of(text: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == mark && !escaped {
            return at;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
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
