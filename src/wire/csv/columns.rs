//! What the tables of a small answer must have. In a plain answer one bit that flips makes a column one that nobody asked
//! for: a row without it would count as nothing, and nothing would be believed.

use super::block::{BlockColumn, Datatype};

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AskedCells {
    /// Of any type; a text may be empty.
    Any,
    /// Names and texts, which may be empty.
    Text,
    /// Whole numbers, of which none is missing.
    Long,
    /// Times, of which none is missing.
    Time,
}

/// Columns that every table with rows has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AskedColumns(&'static [(&'static str, AskedCells)]);

use AskedCells::{Any, Long, Text, Time};

/// Of a question that only shows whether it is answered, or what columns come.
pub(crate) const ANY: AskedColumns = AskedColumns(&[]);
/// Of a number.
pub(crate) const NUMBER: AskedColumns = AskedColumns(&[("_value", Long)]);
/// Of numbers by measurement.
pub(crate) const NUMBERS: AskedColumns = AskedColumns(&[("_measurement", Text), ("_value", Long)]);
/// Of numbers by series and field.
pub(crate) const NUMBERS_OF_SERIES: AskedColumns =
    AskedColumns(&[("_measurement", Text), ("_field", Text), ("_value", Long)]);
/// Of a time.
pub(crate) const TIME: AskedColumns = AskedColumns(&[("_time", Time)]);
/// Of a list of names.
pub(crate) const NAMES: AskedColumns = AskedColumns(&[("_value", Text)]);
/// Of one value of each series and field.
pub(crate) const VALUES: AskedColumns =
    AskedColumns(&[("_time", Time), ("_measurement", Text), ("_field", Text), ("_value", Any)]);
/// Of one value of each field, without its series.
pub(crate) const FIELDS: AskedColumns = AskedColumns(&[("_field", Text), ("_value", Any)]);
/// Of fields of the checkpoint's points, without their series.
pub(crate) const RECORDS: AskedColumns =
    AskedColumns(&[("_time", Time), ("_field", Text), ("_value", Any)]);

impl AskedColumns {
    /// Their labels, each with what it holds.
    pub(super) fn iter(self) -> impl Iterator<Item = (&'static str, AskedCells)> {
        self.0.iter().copied()
    }
}

impl AskedCells {
    /// True for a column with such cells.
    pub(super) fn is_of(self, column: &BlockColumn) -> bool {
        match self {
            Any => true,
            Text => column.datatype == Datatype::String,
            Long => column.datatype == Datatype::Long,
            Time => column.datatype == Datatype::Time,
        }
    }

    /// True if none of the cells is empty.
    pub(super) fn is_filled(self) -> bool {
        matches!(self, Long | Time)
    }
}
