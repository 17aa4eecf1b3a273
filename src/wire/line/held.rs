//! The values of lines that an encoder of this module has written, as the server holds them.

use super::fields::{Field, Line};
use super::split::split_lines;
use crate::model::frame::FieldType;
use crate::model::held_value::HeldValue;
use crate::model::measurement_digests::MeasurementDigests;
use crate::model::series::{Name, Series};

/// The digests of all values of some lines.
///
/// # Panics
///
/// If no encoder of this module has written them.
pub fn digests(lines: &[u8]) -> MeasurementDigests {
    let mut digests = MeasurementDigests::default();
    // Neighbours are mostly of one series.
    let mut last: Option<(&[u8], Series)> = None;
    for range in split_lines(lines) {
        let line = Line::of(&lines[range]);
        let of_line = last.take().filter(|(key, _)| *key == line.key());
        let (_, series) = last.insert(of_line.unwrap_or_else(|| (line.key(), series(line.key()))));
        let time = line.time().expect("an encoder writes the time of each line");
        for field in line.fields() {
            digests.add_value(series, &unescaped(field.key, b",= \""), time, &value(&field));
        }
    }
    digests
}

/// Measurement and tags. What follows a backslash is escaped if it ends a place.
fn series(key: &[u8]) -> Series {
    let mut parts = split(key, b',');
    let measurement = unescaped(parts.next().unwrap_or_default(), b", ");
    let tags = parts.map(|tag| {
        let mut sides = split(tag, b'=');
        let mut side = || unescaped(sides.next().unwrap_or_default(), b",= ");
        (side(), side())
    });
    Series::new(measurement, tags)
}

/// The parts between bytes of one kind that follow no backslash.
fn split(text: &[u8], end: u8) -> impl Iterator<Item = &[u8]> {
    let mut last = None;
    text.split(move |&byte| {
        let is_end = byte == end && last != Some(b'\\');
        last = Some(byte);
        is_end
    })
}

/// Without the backslash before each byte that has one.
fn unescaped(text: &[u8], escaped: &[u8]) -> Name {
    let is_escape = |at: usize| {
        text[at] == b'\\' && text.get(at + 1).is_some_and(|next| escaped.contains(next))
    };
    let mut name = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        at += usize::from(is_escape(at));
        name.push(text[at]);
        at += 1;
    }
    name.into()
}

fn value(field: &Field<'_>) -> HeldValue {
    let bytes = field.value();
    let text = || std::str::from_utf8(bytes).expect("an encoder writes numbers in digits");
    let number = || text().trim_end_matches(['i', 'u']);
    match field.kind {
        FieldType::Float => HeldValue::Float(
            text().parse::<f64>().expect("an encoder writes floats that read back").to_bits(),
        ),
        FieldType::Integer => HeldValue::Integer(number().parse().expect("an i64")),
        FieldType::Unsigned => HeldValue::Unsigned(number().parse().expect("a u64")),
        FieldType::String => HeldValue::String(unescaped(&bytes[1..bytes.len() - 1], b"\"\\")),
        FieldType::Boolean => HeldValue::Boolean(matches!(bytes.first(), Some(b't' | b'T'))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    #[test]
    fn values_are_taken_from_lines_as_the_server_holds_them() {
        let lines = b"a\\,b\\ c=d\\e,k\\=1=v\\\\,w,z=\xff f\\=\\\\\"=-0,s=\"x\\\\\\\"\n,y\" -7\nm i=-1i,u=18446744073709551615u,b=t 9\n";
        let name = |text: &[u8]| Name::from(text);
        let first = Series::new(
            *b"a,b c=d\\e",
            [(name(b"k=1"), name(b"v\\,w")), (name(b"z"), name(b"\xff"))],
        );
        let second = Series::new(*b"m", []);
        let mut wanted = MeasurementDigests::default();
        for (series, field, ns, value) in [
            (&first, &b"f=\\\""[..], -7, HeldValue::Float((-0.0_f64).to_bits())),
            (&first, b"s", -7, HeldValue::String(name(b"x\\\"\n,y"))),
            (&second, b"i", 9, HeldValue::Integer(-1)),
            (&second, b"u", 9, HeldValue::Unsigned(u64::MAX)),
            (&second, b"b", 9, HeldValue::Boolean(true)),
        ] {
            wanted.add_value(series, field, Timestamp::from_ns(ns), &value);
        }
        assert_eq!(digests(lines), wanted);
        assert_eq!(digests(b""), MeasurementDigests::default());
    }
}
