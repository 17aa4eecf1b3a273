//! Names and values inside a query. Nothing in a name can end its literal or start an interpolation.

/// A Flux string literal. Quotes, backslashes and line ends are escaped, NUL, at which the server stops reading, and every
/// `$`: only before a brace it has an escape of its own. Bytes that are not UTF-8, which no literal can hold, become
/// U+FFFD: compare names by [`is_measurement`] and its kin.
pub(crate) fn quote(text: &[u8]) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for c in String::from_utf8_lossy(text).chars() {
        match c {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '$' => literal.push_str("\\x24"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            '\0' => literal.push_str("\\x00"),
            _ => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

/// Keeps a measurement out.
pub fn not_measurement(name: &[u8]) -> String {
    format!("r[\"_measurement\"] {}", Name::of(name).differs())
}

/// Keeps one field of a measurement out.
pub fn not_field(measurement: &[u8], field: &[u8]) -> String {
    format!("({} or {})", not_measurement(measurement), is_other_field(field))
}

/// True for one measurement.
pub fn is_measurement(name: &[u8]) -> String {
    format!("r[\"_measurement\"] {}", Name::of(name).equals())
}

/// True for one field.
pub fn is_field(name: &[u8]) -> String {
    format!("r[\"_field\"] {}", Name::of(name).equals())
}

/// True for one field of one measurement.
pub(crate) fn is_field_of(measurement: &[u8], field: &[u8]) -> String {
    format!("({} and {})", is_measurement(measurement), is_field(field))
}

/// True for series with this value of a tag, which can be asked for (`askable`); the value is UTF-8.
pub(crate) fn is_tag(key: &[u8], value: &[u8]) -> String {
    format!("r[{}] == {}", quote(key), quote(value))
}

/// True for all fields but one.
pub(crate) fn is_other_field(name: &[u8]) -> String {
    format!("r[\"_field\"] {}", Name::of(name).differs())
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
                '\0' => text.push_str("\\x00"),
                _ if c.is_ascii_punctuation() => text.extend(['\\', c]),
                _ => text.push(c),
            }
        }
        text.extend(chunk.invalid().iter().map(|_| '.'));
    }
    text.push_str("$/");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_cannot_be_left() {
        assert_eq!(
            quote(b"${secret} \"x\" \\ \r\n\t\0"),
            "\"\\x24{secret} \\\"x\\\" \\\\ \\r\\n\\t\\x00\""
        );
    }

    #[test]
    fn names_that_no_literal_holds_are_matched_by_pattern() {
        assert_eq!(is_measurement(b"m\"1"), "r[\"_measurement\"] == \"m\\\"1\"");
        assert_eq!(is_field(b"a/\xff.b\0"), "r[\"_field\"] =~ /^a\\/.\\.b\\x00$/");
        assert_eq!(not_measurement("a\u{fffd}ö".as_bytes()), "r[\"_measurement\"] !~ /^a.ö$/");
    }
}
