//! The columns of a frame, value by value.

use arrow::array::{Array, AsArray as _};
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use memchr::memchr;

use super::cell::{cell, integer};
use super::uncarried::{Uncarried, is_taken};
use crate::model::frame::{FieldType, Frame};
use crate::model::series::Name;
use crate::wire::line::carry::{self, Balance};
use crate::wire::line::escape;

/// One field.
pub(super) struct Column<'a> {
    pub(super) name: &'a Name,
    pub(super) kind: FieldType,
    pub(super) array: &'a dyn Array,
    /// The field has a column of its own.
    pub(super) is_wide: bool,
    pub(super) may_be_first: bool,
    pub(super) key: Vec<u8>,
    pub(super) verdict: Result<(), Uncarried>,
}

impl<'a> Column<'a> {
    /// All of a frame; those that may not be the first of a line last.
    pub(super) fn all(frame: &'a Frame) -> Vec<Self> {
        let arrays = &frame.batch.columns()[1..];
        let columns = frame.fields.iter().zip(arrays);
        let mut columns: Vec<_> =
            columns.map(|((name, kind), array)| Self::new(name, *kind, array.as_ref())).collect();
        columns.sort_by_key(|column| !column.may_be_first);
        columns
    }

    pub(super) fn new(name: &'a Name, kind: FieldType, array: &'a dyn Array) -> Self {
        let (mut key, mut plain) = (Vec::new(), Vec::new());
        escape::field_key(&mut key, name);
        escape::tag(&mut plain, name);
        let verdict = match carry::field_key(name) {
            Err(reason) => Err(reason.into()),
            Ok(()) if memchr(b'\n', name).is_some() => Err(Uncarried::LineFeed),
            Ok(()) if key != plain => Err(Uncarried::FieldKeyQuote),
            Ok(()) => Ok(()),
        };
        let (is_wide, may_be_first) = (!is_taken(name), carry::may_be_first(name));
        Self { name, kind, array, is_wide, may_be_first, key, verdict }
    }

    /// In a series whose key has this length.
    pub(super) fn judge(&self, key_bytes: usize, balance: Balance) -> Result<(), Uncarried> {
        self.verdict?;
        carry::field_key_length(key_bytes, self.key.len())?;
        Ok(balance.field(&self.key, self.kind == FieldType::String)?)
    }

    pub(super) fn judge_value(&self, row: usize) -> Result<(), Uncarried> {
        match self.kind {
            FieldType::Float => carry::float(self.array.as_primitive::<Float64Type>().value(row))?,
            FieldType::String => {
                let text = self.text(row);
                carry::string(text)?;
                if memchr(b'\n', text).is_some() {
                    return Err(Uncarried::LineFeed);
                }
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn is_empty_string(&self, row: usize) -> bool {
        self.kind == FieldType::String && self.text(row).is_empty()
    }

    pub(super) fn text(&self, row: usize) -> &'a [u8] {
        match self.array.data_type() {
            DataType::Utf8 => self.array.as_string::<i32>().value(row).as_bytes(),
            _ => self.array.as_binary::<i32>().value(row),
        }
    }

    /// The value as a cell of a column that tells the type.
    pub(super) fn append(&self, row: usize, out: &mut Vec<u8>) {
        match self.kind {
            FieldType::Float => {
                let mut digits = zmij::Buffer::new();
                let value = self.array.as_primitive::<Float64Type>().value(row);
                let text = digits.format_finite(value);
                out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
            }
            FieldType::Integer => {
                integer(out, self.array.as_primitive::<Int64Type>().value(row));
            }
            FieldType::Unsigned => {
                integer(out, self.array.as_primitive::<UInt64Type>().value(row));
            }
            FieldType::Boolean => {
                let value = self.array.as_boolean().value(row);
                out.extend_from_slice(if value { b"true" } else { b"false" });
            }
            FieldType::String => cell(out, self.text(row)),
        }
    }

    /// The value as a cell that holds a piece of line protocol.
    pub(super) fn literal(&self, row: usize, out: &mut Vec<u8>) {
        match self.kind {
            FieldType::String => {
                let mut quoted = Vec::new();
                escape::string(&mut quoted, self.text(row));
                return cell(out, &quoted);
            }
            _ => self.append(row, out),
        }
        match self.kind {
            FieldType::Integer => out.push(b'i'),
            FieldType::Unsigned => out.push(b'u'),
            _ => {}
        }
    }

    pub(super) fn datatype(&self) -> &'static str {
        match self.kind {
            FieldType::Float => "double",
            FieldType::Integer => "long",
            FieldType::Unsigned => "unsignedLong",
            FieldType::String => "string",
            FieldType::Boolean => "boolean",
        }
    }
}
