//! MessagePack, as far as the server uses it.
//!
//! Integers come in the shortest form of their own kind: 0 to 127 is one byte for signed and unsigned alike, beyond that
//! the two have different marks. Floats have 64 bits. With `epoch=ns` times are integers.

use std::borrow::Cow;

use super::token::{AnswerToken, NoToken, Number};
use crate::limits::INFLUXQL_DEPTH_MAX;
use crate::model::time::Timestamp;
use crate::wire::frames::column::Values;
use crate::wire::frames::wide::{WideColumn, WideRows};

/// Reads tokens; knows how many are still to come in each open map and list.
#[derive(Debug, Default)]
pub(super) struct MessagePackLexer {
    /// Keys and values left of a map, items left of a list, innermost last.
    open: Vec<u64>,
}

impl MessagePackLexer {
    /// The token at the start of the bytes, and its length.
    pub(super) fn token<'a>(
        &mut self,
        bytes: &'a [u8],
    ) -> Result<(AnswerToken<'a>, usize), NoToken> {
        if self.open.last() == Some(&0) {
            self.open.pop();
            return Ok((AnswerToken::End, 0));
        }
        let mut reader = Reader { rest: bytes };
        let read = reader.token()?;
        let len = bytes.len() - reader.rest.len();
        if let Some(left) = self.open.last_mut() {
            *left -= 1;
        }
        let token = match read {
            Read::Token(token) => return Ok((token, len)),
            Read::Map(pairs) => {
                self.open.push(2 * u64::from(pairs));
                AnswerToken::Map
            }
            Read::List(items) => {
                self.open.push(items.into());
                AnswerToken::List
            }
        };
        if self.open.len() > INFLUXQL_DEPTH_MAX {
            return Err(NoToken::Malformed("too many maps and lists inside each other"));
        }
        Ok((token, len))
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
        let Some(left) = self.open.last_mut() else { return 0 };
        let Ok(cells) = u16::try_from(rows.columns().len() + 1) else { return 0 };
        let mut rest = bytes;
        for _ in 0..rows_max {
            if *left == 0 {
                break;
            }
            let Some((time, after)) = row_time(rest, cells) else { break };
            if time <= *last_time || time > Timestamp::MAX.ns() {
                break;
            }
            let row = rows.begin(time);
            let Some((after, nulls)) = read_cells(after, rows.columns(), row) else {
                rows.undo();
                break;
            };
            rows.end(nulls);
            *last_time = time;
            *left -= 1;
            rest = after;
        }
        bytes.len() - rest.len()
    }
}

/// The time of a row of so many cells, and what comes after it.
#[inline]
fn row_time(bytes: &[u8], cells: u16) -> Option<(i64, &[u8])> {
    let (head, rest) = bytes.split_first()?;
    let rest = match head {
        0x90..=0x9f if u16::from(head & 0x0f) == cells => rest,
        0xdc => {
            let (count, rest) = rest.split_first_chunk()?;
            (u16::from_be_bytes(*count) == cells).then_some(rest)?
        }
        _ => return None,
    };
    let (mark, rest) = rest.split_first()?;
    let (time, rest) = rest.split_first_chunk()?;
    (*mark == 0xd3).then(|| (i64::from_be_bytes(*time), rest))
}

/// Reads the values of a row; gives what comes after it and how many are null.
#[inline]
fn read_cells<'a>(
    mut rest: &'a [u8],
    columns: &mut [WideColumn],
    row: u32,
) -> Option<(&'a [u8], usize)> {
    let mut nulls = 0;
    for column in columns {
        let (mark, after) = rest.split_first()?;
        if *mark == 0xc0 {
            column.null(row);
            nulls += 1;
            rest = after;
            continue;
        }
        rest = match &mut column.values {
            Values::Integer(values) => {
                let (value, after) = match mark {
                    0..=0x7f => (i64::from(*mark), after),
                    0xd1 => wide(after, i16::from_be_bytes)?,
                    0xd2 => wide(after, i32::from_be_bytes)?,
                    0xd3 => wide(after, i64::from_be_bytes)?,
                    0xd0 => wide(after, i8::from_be_bytes)?,
                    0xe0..=0xff => (i64::from(mark.cast_signed()), after),
                    _ => return None,
                };
                values.push(value);
                after
            }
            Values::Float(values) => {
                let (value, after) = after.split_first_chunk()?;
                let value = f64::from_be_bytes(*value);
                if *mark != 0xcb || !value.is_finite() {
                    return None;
                }
                values.push(value);
                after
            }
            Values::Unsigned(values) => {
                let (value, after) = match mark {
                    0..=0x7f => (u64::from(*mark), after),
                    0xcc => wide(after, u8::from_be_bytes)?,
                    0xcd => wide(after, u16::from_be_bytes)?,
                    0xce => wide(after, u32::from_be_bytes)?,
                    0xcf => wide(after, u64::from_be_bytes)?,
                    _ => return None,
                };
                values.push(value);
                after
            }
            Values::Boolean(values) => {
                values.push(match mark {
                    0xc2 => false,
                    0xc3 => true,
                    _ => return None,
                });
                after
            }
            Values::Text(texts) => {
                let (len, after) = match mark {
                    0xa0..=0xbf => (u32::from(mark & 0x1f), after),
                    0xd9 => wide(after, u8::from_be_bytes)?,
                    0xda => wide(after, u16::from_be_bytes)?,
                    0xdb => wide(after, u32::from_be_bytes)?,
                    _ => return None,
                };
                let (text, after) = after.split_at_checked(len as usize)?;
                texts.push(text);
                after
            }
        };
        column.filled(row);
    }
    Some((rest, nulls))
}

/// A number of `N` bytes, and what comes after it.
#[inline]
fn wide<const N: usize, T, W: From<T>>(
    bytes: &[u8],
    read: impl Fn([u8; N]) -> T,
) -> Option<(W, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((read(*number).into(), rest))
}

/// A token, or how long a map or list will be.
enum Read<'a> {
    Token(AnswerToken<'a>),
    Map(u32),
    List(u32),
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn token(&mut self) -> Result<Read<'a>, NoToken> {
        let [mark] = self.bytes()?;
        let number = |number| Ok(Read::Token(AnswerToken::Number(number)));
        match mark {
            0..=0x7f => number(Number::Small(mark)),
            0x80..=0x8f => Ok(Read::Map((mark & 0x0f).into())),
            0x90..=0x9f => Ok(Read::List((mark & 0x0f).into())),
            0xa0..=0xbf => self.text((mark & 0x1f).into()),
            0xc0 => Ok(Read::Token(AnswerToken::Null)),
            0xc2 | 0xc3 => Ok(Read::Token(AnswerToken::Boolean(mark == 0xc3))),
            0xcb => number(Number::Float(f64::from_be_bytes(self.bytes()?))),
            0xcc => number(Number::Unsigned(u8::from_be_bytes(self.bytes()?).into())),
            0xcd => number(Number::Unsigned(u16::from_be_bytes(self.bytes()?).into())),
            0xce => number(Number::Unsigned(u32::from_be_bytes(self.bytes()?).into())),
            0xcf => number(Number::Unsigned(u64::from_be_bytes(self.bytes()?))),
            0xd0 => number(Number::Integer(i8::from_be_bytes(self.bytes()?).into())),
            0xd1 => number(Number::Integer(i16::from_be_bytes(self.bytes()?).into())),
            0xd2 => number(Number::Integer(i32::from_be_bytes(self.bytes()?).into())),
            0xd3 => number(Number::Integer(i64::from_be_bytes(self.bytes()?))),
            0xe0..=0xff => number(Number::Integer(mark.cast_signed().into())),
            0xd9 => {
                let len = u8::from_be_bytes(self.bytes()?);
                self.text(len.into())
            }
            0xda => {
                let len = u16::from_be_bytes(self.bytes()?);
                self.text(len.into())
            }
            0xdb => {
                let len = u32::from_be_bytes(self.bytes()?);
                self.text(len)
            }
            0xdc => Ok(Read::List(u16::from_be_bytes(self.bytes()?).into())),
            0xdd => Ok(Read::List(u32::from_be_bytes(self.bytes()?))),
            0xde => Ok(Read::Map(u16::from_be_bytes(self.bytes()?).into())),
            0xdf => Ok(Read::Map(u32::from_be_bytes(self.bytes()?))),
            0xca => Err(NoToken::Malformed("a float of 32 bits")),
            0xc1 | 0xc4..=0xc9 | 0xd4..=0xd8 => {
                Err(NoToken::Malformed("a kind of MessagePack that the server does not use"))
            }
        }
    }

    fn text(&mut self, len: u32) -> Result<Read<'a>, NoToken> {
        let (text, rest) = self.rest.split_at_checked(len as usize).ok_or(NoToken::More)?;
        self.rest = rest;
        Ok(Read::Token(AnswerToken::Text(Cow::Borrowed(text))))
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], NoToken> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(NoToken::More)?;
        self.rest = rest;
        Ok(*bytes)
    }
}
