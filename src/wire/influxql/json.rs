//! JSON, as the server writes it: one document on each line.
//!
//! Bytes that are not UTF-8 come as U+FFFD. Whole floats are written like integers, small and large ones with an exponent;
//! integers keep all their digits.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memmem};

use super::digits::{float, integer, is_proper_whole, number_len, unsigned};
use super::token::{Number, Stop, Token};
use crate::limits::INFLUXQL_DEPTH_MAX;
use crate::model::time::Timestamp;
use crate::wire::frames::column::Values;
use crate::wire::frames::wide::{WideColumn, WideRows};
use crate::wire::number;

/// What stands for bytes that are not UTF-8.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// True if a text may stand for another one.
pub(super) fn is_doubtful(text: &[u8]) -> bool {
    !text.is_ascii() && memmem::find(text, REPLACEMENT).is_some()
}

/// Reads tokens; knows what may follow in each open map and list.
#[derive(Debug, Default)]
pub(super) struct Lexer {
    /// Innermost last.
    open: Vec<Open>,
}

/// An open map or list.
#[derive(Debug, Clone, Copy)]
struct Open {
    is_map: bool,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing yet: the end may follow.
    First,
    /// Behind an item or a value: a comma or the end follows.
    Behind,
    /// Behind the colon after a key: a value follows.
    Value,
}

impl Lexer {
    /// True between documents.
    pub(super) fn is_between(&self) -> bool {
        self.open.is_empty()
    }

    /// White space at the start of the bytes, between documents.
    pub(super) fn space(bytes: &[u8]) -> usize {
        bytes.iter().take_while(|byte| is_space(**byte)).count()
    }

    /// The token at the start of the bytes, and the length up to its end: space, comma and colon belong to the token
    /// after, or the key before.
    pub(super) fn token<'a>(&mut self, bytes: &'a [u8]) -> Result<(Token<'a>, usize), Stop> {
        let mut at = Self::space(bytes);
        let mut next = *bytes.get(at).ok_or(Stop::More)?;
        if let Some(open) = self.open.last().filter(|open| open.place != Place::Value) {
            if next == if open.is_map { b'}' } else { b']' } {
                self.open.pop();
                self.passed();
                return Ok((Token::End, at + 1));
            }
            if open.place == Place::Behind {
                if next != b',' {
                    return Err(Stop::Malformed("no comma between two values"));
                }
                at += 1;
                at += Self::space(&bytes[at..]);
                next = *bytes.get(at).ok_or(Stop::More)?;
            }
            if open.is_map {
                return self.key(bytes, at);
            }
        }
        let (token, len) = match next {
            b'{' | b'[' => {
                if self.open.len() == INFLUXQL_DEPTH_MAX {
                    return Err(Stop::Malformed("too many maps and lists inside each other"));
                }
                let is_map = next == b'{';
                self.open.push(Open { is_map, place: Place::First });
                return Ok((if is_map { Token::Map } else { Token::List }, at + 1));
            }
            _ => value(&bytes[at..])?,
        };
        self.passed();
        Ok((token, at + len))
    }

    /// A key with the colon behind it.
    fn key<'a>(&mut self, bytes: &'a [u8], at: usize) -> Result<(Token<'a>, usize), Stop> {
        if bytes[at] != b'"' {
            return Err(Stop::Malformed("a key that is no text"));
        }
        let (text, len) = text(&bytes[at..])?;
        let end = at + len + Self::space(&bytes[at + len..]);
        match bytes.get(end) {
            None => Err(Stop::More),
            Some(b':') => {
                if let Some(open) = self.open.last_mut() {
                    open.place = Place::Value;
                }
                Ok((Token::Text(text), end + 1))
            }
            Some(_) => Err(Stop::Malformed("no colon behind a key")),
        }
    }

    /// An item or a value has ended.
    fn passed(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.place = Place::Behind;
        }
    }

    /// Reads rows of the open list as long as they are of the usual form; gives their length. `last_time` is the time of the
    /// row before.
    pub(super) fn rows(
        &mut self,
        bytes: &[u8],
        rows_max: usize,
        rows: &mut WideRows,
        last_time: &mut i64,
    ) -> usize {
        let Some(open) = self.open.last_mut().filter(|open| !open.is_map) else { return 0 };
        let mut rest = bytes;
        for _ in 0..rows_max {
            let head: &[u8] = if open.place == Place::First { b"[" } else { b",[" };
            let Some((time, cells)) = row_time(rest, head) else { break };
            if time <= *last_time || time > Timestamp::MAX.ns() {
                break;
            }
            let row = rows.begin(time);
            let Some((after, nulls)) = read_cells(cells, rows.columns(), row) else {
                rows.undo();
                break;
            };
            rows.end(nulls);
            *last_time = time;
            open.place = Place::Behind;
            rest = after;
        }
        bytes.len() - rest.len()
    }
}

/// The time of a row that begins with this head, and what comes after it.
#[inline]
fn row_time<'a>(bytes: &'a [u8], head: &[u8]) -> Option<(i64, &'a [u8])> {
    let rest = bytes.strip_prefix(head)?;
    let (time, len) = number::long_integer(rest)?;
    is_proper_whole(rest, len).then_some((time, &rest[len..]))
}

/// Reads the values of a row, each behind its comma, and the bracket; gives what comes after it and how many are null.
#[inline]
fn read_cells<'a>(
    mut rest: &'a [u8],
    columns: &mut [WideColumn],
    row: u32,
) -> Option<(&'a [u8], usize)> {
    let mut nulls = 0;
    for column in columns {
        rest = rest.strip_prefix(b",")?;
        if let Some(after) = rest.strip_prefix(b"null") {
            column.null(row);
            nulls += 1;
            rest = after;
            continue;
        }
        let len = match &mut column.values {
            Values::Float(values) => keep(float(rest), values)?,
            Values::Integer(values) => keep(integer(rest), values)?,
            Values::Unsigned(values) => keep(unsigned(rest), values)?,
            Values::Boolean(values) => keep(number::boolean(rest), values)?,
            Values::Text(texts) => {
                let (text, len) = plain_text(rest)?;
                texts.push(text);
                len
            }
        };
        column.filled(row);
        rest = &rest[len..];
    }
    Some((rest.strip_prefix(b"]")?, nulls))
}

#[inline]
fn keep<T>(read: Option<(T, usize)>, values: &mut Vec<T>) -> Option<usize> {
    let (value, len) = read?;
    values.push(value);
    Some(len)
}

/// A text without escapes that is exact for certain.
#[inline]
fn plain_text(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let inner = bytes.strip_prefix(b"\"")?;
    let len = memchr2(b'"', b'\\', inner)?;
    let text = &inner[..len];
    let is_plain = inner[len] == b'"' && is_proper(text) && !is_doubtful(text);
    is_plain.then_some((text, len + 2))
}

/// UTF-8 without control characters.
fn is_proper(text: &[u8]) -> bool {
    // Looking at every byte is several times faster than ending early.
    let lowest = text.iter().fold(b' ', |lowest, byte| lowest.min(*byte));
    lowest == b' ' && std::str::from_utf8(text).is_ok()
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// A value that is no map and no list.
fn value(bytes: &[u8]) -> Result<(Token<'_>, usize), Stop> {
    for (literal, token) in [
        (&b"null"[..], Token::Null),
        (b"true", Token::Boolean(true)),
        (b"false", Token::Boolean(false)),
    ] {
        if bytes.starts_with(literal) {
            return Ok((token, literal.len()));
        }
        if literal.starts_with(bytes) {
            return Err(Stop::More);
        }
    }
    match bytes[0] {
        b'"' => text(bytes).map(|(text, len)| (Token::Text(text), len)),
        b'-' | b'0'..=b'9' => {
            // The last digit is known by what follows it.
            let len = bytes.iter().position(|byte| !number::is_numeric(*byte)).ok_or(Stop::More)?;
            let digits = &bytes[..len];
            if number_len(digits) != Some(len) {
                return Err(Stop::Malformed("a number that is none"));
            }
            Ok((Token::Number(Number::Digits(digits)), len))
        }
        _ => Err(Stop::Malformed("a value that is none")),
    }
}

/// A text and its length, quotes included.
fn text(bytes: &[u8]) -> Result<(Cow<'_, [u8]>, usize), Stop> {
    let mut at = 1;
    let mut has_escape = false;
    loop {
        at += memchr2(b'"', b'\\', &bytes[at..]).ok_or(Stop::More)?;
        if bytes[at] == b'"' {
            break;
        }
        // An escape takes the next byte with it.
        has_escape = true;
        at += 2;
        if at > bytes.len() {
            return Err(Stop::More);
        }
    }
    let inner = &bytes[1..at];
    if !is_proper(inner) {
        return Err(Stop::Malformed("a text that is not UTF-8 or holds control characters"));
    }
    let text = if has_escape {
        Cow::Owned(unescape(inner).ok_or(Stop::Malformed("an escape that is none"))?)
    } else {
        Cow::Borrowed(inner)
    };
    Ok((text, at + 1))
}

fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(b'\\', rest) {
        plain.extend_from_slice(&rest[..at]);
        let escape = *rest.get(at + 1)?;
        rest = &rest[at + 2..];
        plain.push(match escape {
            b'"' | b'\\' | b'/' => escape,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let (letter, after) = letter(rest)?;
                rest = after;
                plain.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            _ => return None,
        });
    }
    plain.extend_from_slice(rest);
    Some(plain)
}

/// The letter behind `\u`: four digits, or two halves of a pair.
fn letter(text: &[u8]) -> Option<(char, &[u8])> {
    let half = |text: &[u8]| {
        let digits = text.first_chunk::<4>()?;
        let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let first = half(text)?;
    if !(0xd800..0xe000).contains(&first) {
        return Some((char::from_u32(first.into())?, &text[4..]));
    }
    let second = half(text[4..].strip_prefix(b"\\u")?)?;
    let letter = char::decode_utf16([first, second]).next()?.ok()?;
    Some((letter, &text[10..]))
}
