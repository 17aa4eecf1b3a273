//! The fast path of pivoted rows: rows that differ from the one before only in time and values.
//!
//! What stands between time and values in a row that the strict reader has understood is kept, cell by cell in the order of
//! the row. A row with the same bytes there belongs to the same table, so only time and values are read, each by the type
//! of its column. Anything else is left to the strict reader.

use super::fixed::Fixed;
use super::layout::PivotLayout;
use super::row::CsvCell;
use super::time::TimeReader;
use crate::wire::frames::column::Values;
use crate::wire::frames::wide::{WideColumn, WideRows};
use crate::wire::number;

/// What rows of one table have in common.
#[derive(Debug, Default)]
pub(super) struct PivotTemplate {
    /// From the start of the row to the time; empty as long as there is no template.
    head: Fixed,
    /// Between the time and the first value.
    first_gap: Fixed,
    /// Behind each value: up to the next value or the end of the row.
    gaps: Vec<Gap>,
}

#[derive(Debug)]
enum Gap {
    /// Nothing but a comma, which is the rule.
    Comma,
    Other(Fixed),
}

impl Gap {
    fn new(bytes: &[u8]) -> Self {
        if bytes == b"," { Self::Comma } else { Self::Other(Fixed::new(bytes)) }
    }

    #[inline]
    fn strip<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Self::Comma => text.strip_prefix(b","),
            Self::Other(bytes) => bytes.strip(text),
        }
    }
}

impl PivotTemplate {
    /// Forgets the row.
    pub(super) fn clear(&mut self) {
        self.head.clear();
    }

    /// Remembers a row, unless its time does not come before its values or it is remembered already.
    pub(super) fn set(&mut self, layout: &PivotLayout, row: &[u8], cells: &[CsvCell]) {
        let time = cells[layout.time];
        if !self.head.is_empty() || layout.fields.first().is_some_and(|cell| *cell < layout.time) {
            return;
        }
        self.head.set(&row[..time.start()]);
        let first = layout.fields.first().map_or(row.len(), |cell| cells[*cell].start());
        self.first_gap.set(&row[time.end()..first]);
        let starts = layout.fields.iter().skip(1).map(|cell| cells[*cell].start());
        let ends = layout.fields.iter().map(|cell| cells[*cell].end());
        let gaps = ends.zip(starts.chain([row.len()]));
        self.gaps.clear();
        self.gaps.extend(gaps.map(|(end, next)| Gap::new(&row[end..next])));
    }

    /// Reads at most `rows_max` rows; gives the bytes and the rows read.
    pub(super) fn read(
        &self,
        bytes: &[u8],
        rows_max: usize,
        clock: &mut TimeReader,
        rows: &mut WideRows,
    ) -> (usize, usize) {
        let (mut rest, mut count) = (bytes, 0);
        if self.head.is_empty() {
            return (0, 0);
        }
        while count < rows_max {
            let Some(after) = self.row(rest, clock, rows) else { break };
            rest = after;
            count += 1;
        }
        (bytes.len() - rest.len(), count)
    }

    /// Reads one row; gives what comes after it. Of a row that is not read nothing is kept.
    #[inline]
    fn row<'a>(
        &self,
        bytes: &'a [u8],
        clock: &mut TimeReader,
        rows: &mut WideRows,
    ) -> Option<&'a [u8]> {
        let time_on = self.head.strip(bytes)?;
        let (time, len) = clock.read(time_on)?;
        let cells = self.first_gap.strip(&time_on[len..])?;
        let row = rows.begin(time);
        let Some((after, nulls)) = read_cells(cells, &self.gaps, rows.columns(), row) else {
            rows.undo();
            return None;
        };
        rows.end(nulls);
        Some(after)
    }
}

/// Reads the values of a row; gives what comes after it and how many are null.
#[inline]
fn read_cells<'a>(
    mut rest: &'a [u8],
    gaps: &[Gap],
    columns: &mut [WideColumn],
    row: u32,
) -> Option<(&'a [u8], usize)> {
    let mut nulls = 0;
    for (column, gap) in columns.iter_mut().zip(gaps) {
        if matches!(rest.first()?, b',' | b'\r') {
            column.null(row);
            nulls += 1;
        } else {
            let len = match &mut column.values {
                Values::Float(values) => keep(number::float(rest), values)?,
                Values::Integer(values) => keep(number::integer(rest), values)?,
                Values::Unsigned(values) => keep(number::unsigned(rest), values)?,
                Values::Boolean(values) => keep(number::boolean(rest), values)?,
                Values::Text(_) => return None,
            };
            column.filled(row);
            rest = &rest[len..];
        }
        rest = gap.strip(rest)?;
    }
    Some((rest, nulls))
}

#[inline]
fn keep<T>(read: Option<(T, usize)>, values: &mut Vec<T>) -> Option<usize> {
    let (value, len) = read?;
    values.push(value);
    Some(len)
}
