//! What the tables of a small answer must have. In a plain answer one bit that flips makes a column one that nobody asked
//! for: a row without it would count as nothing, and nothing would be believed.

use super::block::Datatype;
use super::table::CsvTable;

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cells {
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
pub(crate) struct Columns(&'static [(&'static str, Cells)]);

use Cells::{Any, Long, Text, Time};

/// Of a question that only shows whether it is answered, or what columns come.
pub(crate) const ANY: Columns = Columns(&[]);
/// Of a number.
pub(crate) const NUMBER: Columns = Columns(&[("_value", Long)]);
/// Of numbers by measurement.
pub(crate) const NUMBERS: Columns = Columns(&[("_measurement", Text), ("_value", Long)]);
/// Of numbers by series and field.
pub(crate) const NUMBERS_OF_SERIES: Columns =
    Columns(&[("_measurement", Text), ("_field", Text), ("_value", Long)]);
/// Of a time.
pub(crate) const TIME: Columns = Columns(&[("_time", Time)]);
/// Of a list of names.
pub(crate) const NAMES: Columns = Columns(&[("_value", Text)]);
/// Of one value of each series and field.
pub(crate) const VALUES: Columns =
    Columns(&[("_time", Time), ("_measurement", Text), ("_field", Text), ("_value", Any)]);
/// Of one value of each field, without its series.
pub(crate) const FIELDS: Columns = Columns(&[("_field", Text), ("_value", Any)]);
/// Of fields of the checkpoint's points, without their series.
pub(crate) const RECORDS: Columns = Columns(&[("_time", Time), ("_field", Text), ("_value", Any)]);

impl Columns {
    /// What a table with rows lacks: a column, or a cell of it.
    pub(super) fn lacking(self, table: &CsvTable) -> Option<&'static str> {
        if table.rows.is_empty() {
            return None;
        }
        let lacks = |(label, cells): &&(&'static str, Cells)| {
            // A tag may have the same label, behind it or before it.
            let mut of_label = (0..table.columns.len())
                .filter(|at| *table.columns[*at].label == *label.as_bytes());
            !of_label.any(|at| cells.fit(table, at))
        };
        self.0.iter().find(lacks).map(|(label, _)| *label)
    }
}

impl Cells {
    fn fit(self, table: &CsvTable, at: usize) -> bool {
        let datatype = match self {
            Any => return true,
            Text => Datatype::String,
            Long => Datatype::Long,
            Time => Datatype::Time,
        };
        let are_filled = self == Text || table.rows.iter().all(|row| !row[at].is_empty());
        table.columns[at].datatype == datatype && are_filled
    }
}
