//! What the server's refusals of a write say: the 422 that dropped lines and the 400 that names bad ones.
//!
//! Only the text of the message is read, as it stands in the JSON answer. Names in it are quoted as Go quotes strings.

use crate::model::frame::FieldType;
use crate::model::series::Name;
use crate::model::time::Timestamp;

/// Why a write was taken only in part (status 422). The other lines of the body may still be on their way into other
/// shards: send the body again without the bad lines before counting on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartialWrite {
    /// The destination's shard holds the field with another type. Only the first conflict is told; whole lines are dropped.
    TypeConflict {
        /// Where the field stands.
        measurement: Name,
        /// The field.
        field: Name,
        /// The type that was sent.
        input_type: FieldType,
        /// The type that the shard holds.
        existing_type: FieldType,
        /// Dropped lines of that shard.
        dropped: u64,
    },
    /// Lines are older than the bucket's retention.
    OutsideRetention {
        /// Dropped lines.
        dropped: u64,
        /// The newest time that was dropped; `None` for servers that do not tell.
        newest: Option<Timestamp>,
    },
    /// A field named `time` was stripped (0 lines dropped) or was the only one of its line.
    FieldNameTime {
        /// Dropped lines.
        dropped: u64,
    },
    /// A string is longer than the server takes.
    StringTooLong {
        /// Where the field stands; not always told in a form that can be read back.
        measurement: Name,
        /// The field.
        field: Name,
        /// Dropped lines.
        dropped: u64,
    },
    /// Anything else, for the reader.
    Other {
        /// The reason.
        reason: String,
        /// Dropped lines, if told.
        dropped: Option<u64>,
    },
}

/// Reads the message of a 422.
pub fn parse_partial_write(message: &str) -> PartialWrite {
    let text = message.split_once("partial write: ").map_or(message, |(_, rest)| rest);
    let (reason, dropped) = split_dropped(text);
    let known = dropped.and_then(|dropped| {
        type_conflict(reason, dropped).or_else(|| other_known(reason, dropped))
    });
    known.unwrap_or_else(|| PartialWrite::Other { reason: reason.to_owned(), dropped })
}

fn type_conflict(reason: &str, dropped: u64) -> Option<PartialWrite> {
    let rest = reason.split_once("field type conflict: input field ")?.1;
    let (field, rest) = quoted(rest)?;
    let (measurement, rest) = quoted(rest.strip_prefix(" on measurement ")?)?;
    let (input, existing) =
        rest.strip_prefix(" is type ")?.split_once(", already exists as type ")?;
    Some(PartialWrite::TypeConflict {
        measurement,
        field,
        input_type: FieldType::named(input)?,
        existing_type: FieldType::named(existing)?,
        dropped,
    })
}

fn other_known(reason: &str, dropped: u64) -> Option<PartialWrite> {
    if reason.starts_with("invalid field name: input field \"time\"") {
        return Some(PartialWrite::FieldNameTime { dropped });
    }
    if reason.contains("outside retention policy")
        || reason.starts_with("points beyond retention policy")
    {
        // The last words are the server's own, whatever the keys before them hold.
        let newest = reason
            .rsplit_once(" dropped because it violates a ")
            .and_then(|(before, _)| before.rsplit_once(" at ")?.1.parse().ok());
        return Some(PartialWrite::OutsideRetention { dropped, newest });
    }
    let rest = reason.strip_prefix("input field ")?;
    let (field, rest) = quoted(rest)?;
    let (measurement, rest) = quoted(rest.strip_prefix(" on measurement ")?)?;
    rest.starts_with(" is too long").then_some(PartialWrite::StringTooLong {
        measurement,
        field,
        dropped,
    })
}

/// Reason and number of `reason dropped=N for database: …`. The last number counts: names may hold anything.
fn split_dropped(text: &str) -> (&str, Option<u64>) {
    const MARK: &str = " dropped=";
    let Some(at) = text.rfind(MARK) else { return (text, None) };
    let digits = &text[at + MARK.len()..];
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    match digits[..end].parse() {
        Ok(dropped) => (&text[..at], Some(dropped)),
        Err(_) => (text, None),
    }
}

/// A string that Go quoted, and what follows it.
fn quoted(text: &str) -> Option<(Name, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut name = Vec::new();
    loop {
        let at = rest.find(['"', '\\'])?;
        name.extend_from_slice(&rest.as_bytes()[..at]);
        let after = &rest[at + 1..];
        if rest.as_bytes()[at] == b'"' {
            return Some((name.into(), after));
        }
        let kind = after.chars().next()?;
        let digits = match kind {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        rest = &after[kind.len_utf8()..];
        if digits > 0 {
            let code = u32::from_str_radix(rest.get(..digits)?, 16).ok()?;
            rest = &rest[digits..];
            match kind {
                'x' => name.push(u8::try_from(code).ok()?),
                _ => name
                    .extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        } else {
            name.push(match kind {
                'a' => 7,
                'b' => 8,
                't' => b'\t',
                'n' => b'\n',
                'v' => 11,
                'f' => 12,
                'r' => b'\r',
                '"' => b'"',
                '\\' => b'\\',
                _ => return None,
            });
        }
    }
}

/// A line that the server could not parse. A body with such a line was not written at all (status 400).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// The line without its newline; bytes that are not UTF-8 came back as U+FFFD.
    pub line: String,
    /// What the server says of it.
    pub reason: String,
}

/// All bad lines that the message of a 400 names; none if it is about something else.
pub fn parse_bad_lines(message: &str) -> Vec<BadLine> {
    const MARK: &str = "unable to parse '";
    let Some(begin) = message.find(MARK) else { return Vec::new() };
    let entries = message[begin + MARK.len()..].split("\nunable to parse '");
    let parsed = entries.filter_map(|entry| {
        let (line, reason) = entry.rsplit_once("': ")?;
        Some(BadLine { line: line.to_owned(), reason: reason.to_owned() })
    });
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.as_bytes().into()
    }

    #[test]
    fn reads_type_conflicts() {
        let message = r#"failure writing points to database: partial write: field type conflict: input field "f" on measurement "tc" is type float, already exists as type integer dropped=2"#;
        let conflict = |measurement: &[u8], field: &[u8], dropped| PartialWrite::TypeConflict {
            measurement: measurement.into(),
            field: field.into(),
            input_type: FieldType::Float,
            existing_type: FieldType::Integer,
            dropped,
        };
        assert_eq!(parse_partial_write(message), conflict(b"tc", b"f", 2));
        let odd = r#"partial write: field type conflict: input field "a\"b\\\n\u0085\U0001f642\xff dropped=7" on measurement " is type é" is type float, already exists as type integer dropped=3 for database: d for retention policy: autogen"#;
        assert_eq!(
            parse_partial_write(odd),
            conflict(" is type é".as_bytes(), b"a\"b\\\n\xc2\x85\xf0\x9f\x99\x82\xff dropped=7", 3)
        );
    }

    #[test]
    fn reads_the_other_partial_writes() {
        let message = "failure writing points to database: partial write: dropped 2 points outside retention policy of duration 24h0m0s - oldest point r,a=1 at 2020-01-01T00:00:00Z dropped because it violates a Retention Policy Lower Bound at 2026-11-22T04:32:30.888731229Z, newest point r,a=1 at 2020-01-01T00:00:01Z dropped because it violates a Retention Policy Lower Bound at 2026-11-22T04:32:30.888731229Z dropped=2 for database: eefa05c9aa77fbcd for retention policy: autogen";
        let newest = "2020-01-01T00:00:01Z".parse().unwrap();
        assert_eq!(
            parse_partial_write(message),
            PartialWrite::OutsideRetention { dropped: 2, newest: Some(newest) }
        );
        assert_eq!(
            parse_partial_write("partial write: points beyond retention policy dropped=4"),
            PartialWrite::OutsideRetention { dropped: 4, newest: None }
        );
        let message = r#"failure writing points to database: partial write: invalid field name: input field "time" on measurement "ft" is invalid. Field "time" has been stripped from point. dropped=0 for database: 2dab931013181e76 for retention policy: autogen"#;
        assert_eq!(parse_partial_write(message), PartialWrite::FieldNameTime { dropped: 0 });
        let message = r#"failure writing points to database: partial write: input field "s" on measurement "big" is too long, 1048577 > 1048576 dropped=1"#;
        assert_eq!(
            parse_partial_write(message),
            PartialWrite::StringTooLong { measurement: name("big"), field: name("s"), dropped: 1 }
        );
    }

    #[test]
    fn keeps_what_it_does_not_know() {
        for (message, reason, dropped) in [
            ("partial write: max series reached dropped=5", "max series reached", Some(5)),
            ("unexpected error: timeout", "unexpected error: timeout", None),
            (
                "partial write: x dropped=99999999999999999999999",
                "x dropped=99999999999999999999999",
                None,
            ),
            (
                r#"partial write: field type conflict: input field "f on dropped=1"#,
                r#"field type conflict: input field "f on"#,
                Some(1),
            ),
            (
                r#"partial write: field type conflict: input field "f" on measurement "m" is type date, already exists as type float dropped=1"#,
                r#"field type conflict: input field "f" on measurement "m" is type date, already exists as type float"#,
                Some(1),
            ),
            (
                r#"partial write: field type conflict: input field "\q" on dropped=1"#,
                r#"field type conflict: input field "\q" on"#,
                Some(1),
            ),
            ("", "", None),
        ] {
            assert_eq!(
                parse_partial_write(message),
                PartialWrite::Other { reason: reason.to_owned(), dropped },
                "{message}"
            );
        }
    }

    #[test]
    fn names_all_bad_lines() {
        let message = "unable to parse 'bad line here nonsense': invalid field format\nunable to parse 'm,a=1 f=1 x': bad timestamp";
        let bad =
            |line: &str, reason: &str| BadLine { line: line.to_owned(), reason: reason.to_owned() };
        assert_eq!(
            parse_bad_lines(message),
            [
                bad("bad line here nonsense", "invalid field format"),
                bad("m,a=1 f=1 x", "bad timestamp")
            ]
        );
        let message = "unable to parse 'm f=\"it's\n': x\" x': bad timestamp";
        assert_eq!(parse_bad_lines(message), [bad("m f=\"it's\n': x\" x", "bad timestamp")]);
        assert_eq!(parse_bad_lines("bucket not found"), []);
    }
}
