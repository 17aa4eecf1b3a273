//! The field columns of a frame, ready to be written cell by cell.

use std::ops::Range;

use arrow::array::{Array, AsArray as _};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampNanosecondType, UInt64Type};

use super::buffer::{LineBuffer, Piece};
use super::carry::{self, Uncarried};
use super::escape;
use crate::limits::REJECT_TEXT_BYTES_MAX;
use crate::model::frame::Frame;
use crate::model::series::{Name, Readable};

/// One field column.
#[derive(Debug)]
pub(super) struct LineColumn<'a> {
    pub(super) name: &'a Name,
    /// `,key=`, escaped.
    prefix: Piece,
    /// Judged once for the frame.
    pub(super) verdict: Result<(), Uncarried>,
    /// The server would shorten the key at the beginning of the fields.
    pub(super) may_be_first: bool,
    cells: Cells<'a>,
    nulls: Option<&'a NullBuffer>,
}

/// The values of a column; cells that are null hold anything.
#[derive(Debug)]
enum Cells<'a> {
    Float(&'a [f64]),
    Integer(&'a [i64]),
    Unsigned(&'a [u64]),
    Boolean(&'a BooleanBuffer),
    String { ends: &'a [i32], bytes: &'a [u8] },
}

/// Times and columns of a frame. Columns that may not be the first of a line stand last.
pub(super) fn of_frame(frame: &Frame) -> (&[i64], Vec<LineColumn<'_>>) {
    let times = frame.batch.column(0).as_primitive::<TimestampNanosecondType>().values();
    let arrays = &frame.batch.columns()[1..];
    let mut columns: Vec<_> = frame
        .fields
        .iter()
        .zip(arrays)
        .map(|((name, _), array)| LineColumn::new(name, array.as_ref()))
        .collect();
    columns.sort_by_key(|column| !column.may_be_first);
    (times, columns)
}

impl<'a> LineColumn<'a> {
    fn new(name: &'a Name, array: &'a dyn Array) -> Self {
        let cells = match array.data_type() {
            DataType::Float64 => Cells::Float(array.as_primitive::<Float64Type>().values()),
            DataType::Int64 => Cells::Integer(array.as_primitive::<Int64Type>().values()),
            DataType::UInt64 => Cells::Unsigned(array.as_primitive::<UInt64Type>().values()),
            DataType::Boolean => Cells::Boolean(array.as_boolean().values()),
            DataType::Utf8 => {
                let strings = array.as_string::<i32>();
                Cells::String { ends: strings.value_offsets(), bytes: strings.value_data() }
            }
            _ => {
                let strings = array.as_binary::<i32>();
                Cells::String { ends: strings.value_offsets(), bytes: strings.value_data() }
            }
        };
        let mut prefix = vec![b','];
        escape::field_key(&mut prefix, name);
        prefix.push(b'=');
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        Self {
            name,
            prefix: Piece::new(prefix),
            verdict: carry::field_key(name),
            may_be_first: carry::may_be_first(name),
            cells,
            nulls,
        }
    }

    /// The key as it stands in a line.
    pub(super) fn escaped_key(&self) -> &[u8] {
        let prefix = self.prefix.bytes();
        &prefix[1..prefix.len() - 1]
    }

    pub(super) fn is_string(&self) -> bool {
        matches!(self.cells, Cells::String { .. })
    }

    #[inline]
    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    /// Values in these rows: cells that are not null.
    pub(super) fn values(&self, rows: Range<usize>) -> u64 {
        rows.filter(|&row| !self.is_null(row)).count() as u64
    }

    /// Appends `,key=value`; nothing if the value cannot be carried.
    #[inline]
    pub(super) fn append(&self, line: &mut LineBuffer, row: usize) -> Result<(), Uncarried> {
        match &self.cells {
            Cells::Float(values) => {
                let value = values[row];
                carry::float(value)?;
                line.put_piece(&self.prefix);
                let mut digits = zmij::Buffer::new();
                let text = digits.format_finite(value);
                line.put(text.strip_suffix(".0").unwrap_or(text).as_bytes());
            }
            Cells::Integer(values) => {
                line.put_piece(&self.prefix);
                line.put_integer(values[row]);
            }
            Cells::Unsigned(values) => {
                line.put_piece(&self.prefix);
                line.put_unsigned(values[row]);
            }
            Cells::Boolean(values) => {
                line.put_piece(&self.prefix);
                line.put(if values.value(row) { b"true" } else { b"false" });
            }
            Cells::String { ends, bytes } => {
                let value = string(ends, bytes, row);
                carry::string(value)?;
                line.put_piece(&self.prefix);
                line.put_string(value);
            }
        }
        Ok(())
    }

    /// `key=value` for people, cut to a length that a comment can hold.
    pub(super) fn readable(&self, row: usize) -> String {
        let key = Readable(cut(self.name));
        match &self.cells {
            Cells::Float(values) => format!("{key}={}", values[row]),
            Cells::Integer(values) => format!("{key}={}i", values[row]),
            Cells::Unsigned(values) => format!("{key}={}u", values[row]),
            Cells::Boolean(values) => format!("{key}={}", values.value(row)),
            Cells::String { ends, bytes } => {
                let value = string(ends, bytes, row);
                format!("{key}=\"{}\" ({} bytes)", Readable(cut(value)), value.len())
            }
        }
    }
}

#[inline]
fn string<'a>(ends: &[i32], bytes: &'a [u8], row: usize) -> &'a [u8] {
    let offset = |at: usize| usize::try_from(ends[at]).expect("Arrow's offsets are not negative");
    &bytes[offset(row)..offset(row + 1)]
}

fn cut(text: &[u8]) -> &[u8] {
    &text[..text.len().min(REJECT_TEXT_BYTES_MAX)]
}
