//! One line that an encoder of this module has written, in its parts.

use memchr::memchr_iter;

use crate::model::frame::FieldType;
use crate::model::time::Timestamp;

/// Measurement and tags, fields, time: as they stand in the line, escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    key: &'a [u8],
    fields: &'a [u8],
    time: &'a [u8],
}

impl<'a> Line<'a> {
    /// Takes a line apart, with or without its end.
    pub(crate) fn of(line: &'a [u8]) -> Self {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        // As the server reads it: in measurement and tags any backslash escapes a space after it.
        let end = memchr_iter(b' ', line).find(|&at| at == 0 || line[at - 1] != b'\\');
        let key = &line[..end.unwrap_or(line.len())];
        let rest = line.get(key.len() + 1..).unwrap_or_default();
        let fields = &rest[..until(rest, |byte, in_string| byte == b' ' && !in_string)];
        let time = rest.get(fields.len() + 1..).unwrap_or_default();
        Self { key, fields, time }
    }

    /// Measurement and tags, escaped.
    pub(super) fn key(&self) -> &'a [u8] {
        self.key
    }

    /// True if it is of this measurement, escaped.
    pub(crate) fn is_of(&self, measurement: &[u8]) -> bool {
        self.key.strip_prefix(measurement).is_some_and(|rest| matches!(rest, [] | [b',', ..]))
    }

    /// Its fields.
    pub(crate) fn fields(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let mut rest = self.fields;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let text = &rest[..until(rest, |byte, in_string| byte == b',' && !in_string)];
            rest = rest.get(text.len() + 1..).unwrap_or_default();
            let key = &text[..until(text, |byte, _| byte == b'=')];
            let kind = type_of(text.get(key.len() + 1..).unwrap_or_default());
            Some(Field { text, key, kind })
        })
    }

    /// Appends a line of the same series and time with some of its fields.
    pub(crate) fn append_with(&self, fields: &[Field<'_>], out: &mut Vec<u8>) {
        out.extend_from_slice(self.key);
        for (at, field) in fields.iter().enumerate() {
            out.push(if at == 0 { b' ' } else { b',' });
            out.extend_from_slice(field.text);
        }
        out.push(b' ');
        out.extend_from_slice(self.time);
        out.push(b'\n');
    }

    /// Its time.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        Some(Timestamp::from_ns(std::str::from_utf8(self.time).ok()?.parse().ok()?))
    }
}

/// One field, as it stands in its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    text: &'a [u8],
    /// Its key, escaped.
    pub key: &'a [u8],
    /// The type of its value.
    pub kind: FieldType,
}

impl<'a> Field<'a> {
    /// Its value, as it stands in the line.
    pub(super) fn value(&self) -> &'a [u8] {
        self.text.get(self.key.len() + 1..).unwrap_or_default()
    }
}

/// Fields, which are values, of one line that an encoder of this module has written.
pub fn count_fields(line: &[u8]) -> u64 {
    Line::of(line).fields().count() as u64
}

/// Length of what comes before the first byte that `ends`; it is told whether the byte stands in a string. A backslash
/// takes the next byte with it, and a quote counts only in a value.
fn until(fields: &[u8], ends: impl Fn(u8, bool) -> bool) -> usize {
    let (mut skip, mut in_value, mut in_string) = (false, false, false);
    for (at, &byte) in fields.iter().enumerate() {
        if skip {
            skip = false;
            continue;
        }
        if ends(byte, in_string) {
            return at;
        }
        match byte {
            b'\\' => skip = true,
            b'"' if in_value => in_string = !in_string,
            b'=' => in_value = true,
            b',' if !in_string => in_value = false,
            _ => {}
        }
    }
    fields.len()
}

fn type_of(value: &[u8]) -> FieldType {
    match (value.first(), value.last()) {
        (Some(b'"'), _) => FieldType::String,
        (Some(b't' | b'T' | b'f' | b'F'), _) => FieldType::Boolean,
        (_, Some(b'i')) => FieldType::Integer,
        (_, Some(b'u')) => FieldType::Unsigned,
        _ => FieldType::Float,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FieldType::{Boolean, Float, Integer, String, Unsigned};

    #[test]
    fn fields_are_found_with_their_types() {
        let fields = |line: &'static str| -> Vec<(&str, FieldType)> {
            let name = |key| std::str::from_utf8(key).unwrap();
            Line::of(line.as_bytes()).fields().map(|field| (name(field.key), field.kind)).collect()
        };
        assert_eq!(fields("m f=1 1"), [("f", Float)]);
        assert_eq!(
            fields("m,a=x\\,y,b=z\\ w f=1i,g=\"a,b c=d\",h\\,i=t,u=7u,n=-1e+20 1\n"),
            [("f", Integer), ("g", String), ("h\\,i", Boolean), ("u", Unsigned), ("n", Float)]
        );
        assert_eq!(fields("m f=\"\\\",g=1\" 1"), [("f", String)]);
        assert_eq!(fields("m f=\"a\n# batch \\\\\",g=2 1"), [("f", String), ("g", Float)]);
        // A backslash before a space in a tag, and a quote in a field key.
        assert_eq!(fields("m,k=a\\\\ b f=1,g=2,h=3 1"), [("f", Float), ("g", Float), ("h", Float)]);
        assert_eq!(fields("m f\"=1,g\"=2i 1"), [("f\"", Float), ("g\"", Integer)]);
        assert_eq!(count_fields(b"m,k=a\\\\ b f=1,g=2,h=3 1\n"), 3);
        assert_eq!(count_fields(b""), 0);
    }

    #[test]
    fn a_line_can_be_put_together_again_with_some_of_its_fields() {
        let text = b"m,k=a\\\\ b f=1,g=\"a,b\nc=d\",h\\,i=t 1\n";
        let line = Line::of(text);
        let fields: Vec<_> = line.fields().collect();
        let with = |fields: &[Field<'_>]| {
            let mut out = Vec::new();
            line.append_with(fields, &mut out);
            out
        };
        assert_eq!(with(&fields), text);
        assert_eq!(with(&fields[1..2]), b"m,k=a\\\\ b g=\"a,b\nc=d\" 1\n");
        assert_eq!(with(&[fields[0], fields[2]]), b"m,k=a\\\\ b f=1,h\\,i=t 1\n");
    }

    #[test]
    fn a_measurement_is_no_beginning_of_another() {
        let line = Line::of(b"a\\,b,t=1 f=1 -7");
        assert!(line.is_of(b"a\\,b") && !line.is_of(b"a") && !line.is_of(b"a\\,b,t"));
        assert_eq!(line.time(), Some(Timestamp::from_ns(-7)));
        assert!(Line::of(b"a f=1 1").is_of(b"a") && !Line::of(b"ab f=1 1").is_of(b"a"));
        assert_eq!(Line::of(b"a f=1").time(), None);
    }
}
