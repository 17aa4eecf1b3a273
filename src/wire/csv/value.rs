//! Cells to values.

use std::borrow::Cow;

use memchr::{memchr, memchr3};

use super::error::{Error, Position};
use super::row::CsvCell;
use crate::wire::frames::column::Values;
use crate::wire::number;

/// Appends the value of a cell, which is not null.
pub(super) fn push_value(
    values: &mut Values,
    cell: CsvCell,
    row: &[u8],
    is_escaped: bool,
    position: Position,
) -> Result<(), Error> {
    fn whole<T>(read: Option<(T, usize)>, raw: &[u8], position: Position) -> Result<T, Error> {
        if let Some((value, len)) = read
            && len == raw.len()
        {
            return Ok(value);
        }
        let text = String::from_utf8_lossy(raw).into_owned();
        if matches!(raw, b"NaN" | b"+Inf" | b"-Inf") {
            return Err(Error::NotFinite { position, text });
        }
        Err(Error::malformed(position, format!("{text:?} is no value of its column's type")))
    }
    let raw = cell.raw(row);
    match values {
        Values::Float(values) => values.push(whole(number::float(raw), raw, position)?),
        Values::Integer(values) => values.push(whole(number::integer(raw), raw, position)?),
        Values::Unsigned(values) => values.push(whole(number::unsigned(raw), raw, position)?),
        Values::Boolean(values) => values.push(whole(number::boolean(raw), raw, position)?),
        Values::Text(texts) => {
            let text = cell.content(row);
            if is_escaped {
                let plain = unescape(&text).ok_or_else(|| {
                    Error::malformed(position, "an escape that the query does not write")
                })?;
                texts.push(&plain);
            } else {
                texts.push(&text);
            }
        }
    }
    Ok(())
}

/// The error for a cell that is no time.
pub(super) fn no_time(cell: CsvCell, row: &[u8], position: Position) -> Error {
    let text = String::from_utf8_lossy(cell.raw(row)).into_owned();
    Error::malformed(position, format!("{text:?} is no time that InfluxDB stores"))
}

/// A string without quotes around it, which ends at the first comma or line end.
#[inline]
pub(super) fn plain_text(text: &[u8]) -> Option<(&[u8], usize)> {
    let len = memchr3(b',', b'\r', b'"', text)?;
    if text[len] == b'"' || memchr(b'\n', &text[..len]).is_some() {
        return None;
    }
    Some((&text[..len], len))
}

/// Undoes the escapes of `wire::flux::carriage_returns::read_carriage_returns`: `\\`, `\r` and `\n`.
pub(super) fn unescape(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if memchr(b'\\', text).is_none() {
        return Some(Cow::Borrowed(text));
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(b'\\', rest) {
        plain.extend_from_slice(&rest[..at]);
        plain.push(match rest.get(at + 1)? {
            b'\\' => b'\\',
            b'r' => b'\r',
            b'n' => b'\n',
            _ => return None,
        });
        rest = &rest[at + 2..];
    }
    plain.extend_from_slice(rest);
    Some(Cow::Owned(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_escapes() {
        assert_eq!(plain_text(b"ab,c"), Some((&b"ab"[..], 2)));
        assert_eq!(plain_text(b"\r\n"), Some((&b""[..], 0)));
        for bad in [&b"ab"[..], b"\"ab\",", b"a\"b,", b"a\nb,"] {
            assert_eq!(plain_text(bad), None);
        }
        assert_eq!(unescape(b"a\\\\r\\r\\nb").as_deref(), Some(&b"a\\r\r\nb"[..]));
        assert_eq!(unescape(b"a\nb").as_deref(), Some(&b"a\nb"[..]));
        assert_eq!(unescape(b"ab\\"), None);
        assert_eq!(unescape(b"a\\tb"), None);
    }
}
