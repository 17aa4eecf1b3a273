//! JSON and MessagePack, piece by piece, byte for byte as the real server writes them. Its MessagePack has the tags of a
//! series in no fixed order; here they are sorted.

use std::sync::Arc;

use super::msgpack::{array, float, integer, map, text, unsigned};
use crate::sim::data::chunk::ColumnValues;
use crate::sim::go::text::{TimeText, push_json_float, push_json_string};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerFormat {
    Json,
    MessagePack,
}

/// Keys and values, sorted by key.
pub(super) type SeriesTags = Vec<(Arc<[u8]>, Arc<[u8]>)>;

/// What stands before the rows of a series.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct SeriesHead {
    /// Left out if it is empty.
    pub(super) name: Arc<[u8]>,
    pub(super) tags: SeriesTags,
    pub(super) columns: Arc<[Box<[u8]>]>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum ResultCell {
    Null,
    Integer(i64),
    Text(Arc<[u8]>),
    Time(i64),
}

/// How a number is changed on its way out of storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conversion {
    None,
    ToFloat,
    ToInteger,
    ToUnsigned,
}

/// Writes the parts of an answer.
#[derive(Debug, Clone)]
pub(super) struct AnswerWriter {
    pub(super) format: AnswerFormat,
    /// Nanoseconds of the unit of times; `None` for RFC 3339.
    pub(super) time_unit_ns: Option<i64>,
    pub(super) times: TimeText,
}

impl AnswerWriter {
    /// The beginning of a document with this many results.
    pub(super) fn open_document(&self, out: &mut Vec<u8>, results: usize) {
        match self.format {
            AnswerFormat::Json if results == 0 => out.push(b'{'),
            AnswerFormat::Json => out.extend_from_slice(b"{\"results\":["),
            AnswerFormat::MessagePack => {
                map(out, 1);
                text(out, b"results");
                array(out, results);
            }
        }
    }

    pub(super) fn close_document(&self, out: &mut Vec<u8>, results: usize) {
        if self.format == AnswerFormat::Json {
            out.extend_from_slice(if results == 0 { b"}\n" } else { b"]}\n" });
        }
    }

    /// The beginning of a result with this many series.
    pub(super) fn open_result(&self, out: &mut Vec<u8>, id: usize, series: usize, partial: bool) {
        match self.format {
            AnswerFormat::Json => {
                out.extend_from_slice(b"{\"statement_id\":");
                out.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
                if series > 0 {
                    out.extend_from_slice(b",\"series\":[");
                }
            }
            AnswerFormat::MessagePack => {
                map(out, 2 + usize::from(partial));
                text(out, b"statement_id");
                integer(out, i64::try_from(id).unwrap_or(i64::MAX));
                text(out, b"series");
                array(out, series);
            }
        }
    }

    pub(super) fn close_result(&self, out: &mut Vec<u8>, series: usize, partial: bool) {
        if self.format == AnswerFormat::Json && series > 0 {
            out.push(b']');
        }
        self.close(out, partial);
    }

    /// A result that is an error.
    pub(super) fn error(&self, out: &mut Vec<u8>, id: usize, message: &str) {
        match self.format {
            AnswerFormat::Json => {
                out.extend_from_slice(b"{\"statement_id\":");
                out.extend_from_slice(itoa::Buffer::new().format(id).as_bytes());
                out.extend_from_slice(b",\"error\":");
                push_json_string(out, message.as_bytes());
                out.push(b'}');
            }
            AnswerFormat::MessagePack => {
                map(out, 1);
                text(out, b"error");
                text(out, message.as_bytes());
            }
        }
    }

    /// The beginning of a series with this many rows.
    pub(super) fn open_series(
        &self,
        out: &mut Vec<u8>,
        head: &SeriesHead,
        rows: u64,
        partial: bool,
    ) {
        match self.format {
            AnswerFormat::Json => {
                out.push(b'{');
                if !head.name.is_empty() {
                    out.extend_from_slice(b"\"name\":");
                    push_json_string(out, &head.name);
                    out.push(b',');
                }
                if !head.tags.is_empty() {
                    out.extend_from_slice(b"\"tags\":{");
                    for (at, (key, value)) in head.tags.iter().enumerate() {
                        comma(out, at);
                        push_json_string(out, key);
                        out.push(b':');
                        push_json_string(out, value);
                    }
                    out.extend_from_slice(b"},");
                }
                out.extend_from_slice(b"\"columns\":[");
                for (at, column) in head.columns.iter().enumerate() {
                    comma(out, at);
                    push_json_string(out, column);
                }
                out.extend_from_slice(b"],\"values\":[");
            }
            AnswerFormat::MessagePack => {
                let named = usize::from(!head.name.is_empty());
                let tagged = usize::from(!head.tags.is_empty());
                map(out, 2 + named + tagged + usize::from(partial));
                if named > 0 {
                    text(out, b"name");
                    text(out, &head.name);
                }
                if tagged > 0 {
                    text(out, b"tags");
                    map(out, head.tags.len());
                    for (key, value) in &head.tags {
                        text(out, key);
                        text(out, value);
                    }
                }
                text(out, b"columns");
                array(out, head.columns.len());
                for column in head.columns.iter() {
                    text(out, column);
                }
                text(out, b"values");
                array(out, usize::try_from(rows).unwrap_or(usize::MAX));
            }
        }
    }

    pub(super) fn close_series(&self, out: &mut Vec<u8>, partial: bool) {
        if self.format == AnswerFormat::Json {
            out.push(b']');
        }
        self.close(out, partial);
    }

    fn close(&self, out: &mut Vec<u8>, partial: bool) {
        match (self.format, partial) {
            (AnswerFormat::Json, true) => out.extend_from_slice(b",\"partial\":true}"),
            (AnswerFormat::Json, false) => out.push(b'}'),
            (AnswerFormat::MessagePack, true) => {
                text(out, b"partial");
                out.push(0xc3);
            }
            (AnswerFormat::MessagePack, false) => {}
        }
    }

    /// What separates two results or two series.
    pub(super) fn separator(&self, out: &mut Vec<u8>) {
        if self.format == AnswerFormat::Json {
            out.push(b',');
        }
    }

    /// The beginning of a row, the first of its series or not.
    pub(super) fn open_row(&self, out: &mut Vec<u8>, columns: usize, first: bool) {
        match (self.format, first) {
            (AnswerFormat::Json, true) => out.push(b'['),
            (AnswerFormat::Json, false) => out.extend_from_slice(b",["),
            (AnswerFormat::MessagePack, _) => array(out, columns),
        }
    }

    pub(super) fn close_row(&self, out: &mut Vec<u8>) {
        if self.format == AnswerFormat::Json {
            out.push(b']');
        }
    }

    pub(super) fn cell(&mut self, out: &mut Vec<u8>, cell: &ResultCell) {
        match (self.format, cell) {
            (AnswerFormat::Json, ResultCell::Null) => out.extend_from_slice(b"null"),
            (AnswerFormat::MessagePack, ResultCell::Null) => out.push(0xc0),
            (AnswerFormat::Json, ResultCell::Text(bytes)) => push_json_string(out, bytes),
            (AnswerFormat::MessagePack, ResultCell::Text(bytes)) => text(out, bytes),
            (_, ResultCell::Integer(value)) => self.integer(out, *value),
            (_, ResultCell::Time(ns)) => self.time(out, *ns),
        }
    }

    fn time(&mut self, out: &mut Vec<u8>, ns: i64) {
        match (self.time_unit_ns, self.format) {
            (Some(unit_ns), _) => self.integer(out, ns / unit_ns),
            (None, AnswerFormat::Json) => {
                out.push(b'"');
                self.times.push(out, ns);
                out.push(b'"');
            }
            (None, AnswerFormat::MessagePack) => super::msgpack::time(out, ns),
        }
    }

    fn integer(&self, out: &mut Vec<u8>, value: i64) {
        match self.format {
            AnswerFormat::Json => {
                out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            }
            AnswerFormat::MessagePack => integer(out, value),
        }
    }

    /// A value of a column of storage.
    pub(super) fn value(
        &self,
        out: &mut Vec<u8>,
        values: &ColumnValues,
        row: usize,
        conversion: Conversion,
    ) {
        match (values, conversion) {
            (ColumnValues::Integer(v), Conversion::None) => self.integer(out, v[row]),
            (ColumnValues::Float(v), Conversion::None) => self.float(out, v[row]),
            (ColumnValues::Unsigned(v), Conversion::None) => self.unsigned(out, v[row]),
            (ColumnValues::Boolean(v), _) => match (self.format, v[row]) {
                (AnswerFormat::Json, true) => out.extend_from_slice(b"true"),
                (AnswerFormat::Json, false) => out.extend_from_slice(b"false"),
                (AnswerFormat::MessagePack, value) => out.push(0xc2 + u8::from(value)),
            },
            (ColumnValues::String(v), _) => match self.format {
                AnswerFormat::Json => push_json_string(out, &v[row]),
                AnswerFormat::MessagePack => text(out, &v[row]),
            },
            (number, Conversion::ToFloat) => self.float(out, as_float(number, row)),
            (number, Conversion::ToInteger) => self.integer(out, as_integer(number, row)),
            (number, Conversion::ToUnsigned) => self.unsigned(out, as_unsigned(number, row)),
        }
    }

    fn unsigned(&self, out: &mut Vec<u8>, value: u64) {
        match self.format {
            AnswerFormat::Json => {
                out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            }
            AnswerFormat::MessagePack => unsigned(out, value),
        }
    }

    fn float(&self, out: &mut Vec<u8>, value: f64) {
        match self.format {
            AnswerFormat::Json => push_json_float(out, value),
            AnswerFormat::MessagePack => float(out, value),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the real server loses it too")]
fn as_float(number: &ColumnValues, row: usize) -> f64 {
    match number {
        ColumnValues::Float(v) => v[row],
        ColumnValues::Integer(v) => v[row] as f64,
        ColumnValues::Unsigned(v) => v[row] as f64,
        ColumnValues::Boolean(_) | ColumnValues::String(_) => 0.0,
    }
}

/// A float beyond 64 bits is what its processor makes of it.
#[expect(clippy::cast_possible_truncation, reason = "out of range is handled")]
fn as_integer(number: &ColumnValues, row: usize) -> i64 {
    match number {
        ColumnValues::Float(v) if v[row] >= -TWO_TO_63 && v[row] < TWO_TO_63 => v[row] as i64,
        ColumnValues::Integer(v) => v[row],
        ColumnValues::Unsigned(v) => v[row].cast_signed(),
        _ => i64::MIN,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "out of range is handled"
)]
fn as_unsigned(number: &ColumnValues, row: usize) -> u64 {
    match number {
        ColumnValues::Float(v) if v[row] >= TWO_TO_63 && v[row] < 2.0 * TWO_TO_63 => v[row] as u64,
        ColumnValues::Unsigned(v) => v[row],
        other => as_integer(other, row).cast_unsigned(),
    }
}

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

fn comma(out: &mut Vec<u8>, at: usize) {
    if at > 0 {
        out.push(b',');
    }
}
