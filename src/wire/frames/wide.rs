//! Rows of one series with its fields side by side, as InfluxQL and pivoted Flux answers send them.
//!
//! Each column holds values only, no nulls: a column with a value in every row needs nothing else, any other one knows the
//! rows of its values. So a field that a series does not have costs nothing, however many rows there are.

use std::ops::Range;
use std::sync::Arc;

use super::builder::FrameBuilder;
use super::column::Values;
use super::merge::{self, Timed};
use crate::limits;
use crate::model::frame::{FieldType, Frame};
use crate::model::series::{Name, Series};

/// Rows that are being collected. A row is begun, each of its cells goes to its column, and it is ended or undone.
#[derive(Debug, Default)]
pub(in crate::wire) struct WideRows {
    times: Vec<i64>,
    columns: Vec<WideColumn>,
    /// Cells with a value.
    values: usize,
}

/// One field.
#[derive(Debug)]
pub(in crate::wire) struct WideColumn {
    pub(in crate::wire) name: Name,
    pub(in crate::wire) values: Values,
    /// The rows of the values, unless the column is dense.
    rows: Vec<u32>,
    /// True as long as every row has a value.
    dense: bool,
}

impl WideColumn {
    /// The value of this row was appended to the values.
    #[inline]
    pub(in crate::wire) fn filled(&mut self, row: u32) {
        if !self.dense {
            self.rows.push(row);
        }
    }

    /// This row has no value.
    #[inline]
    pub(in crate::wire) fn null(&mut self, row: u32) {
        if self.dense {
            self.dense = false;
            self.rows.clear();
            self.rows.extend(0..row);
        }
    }

    fn is_in_every_row(&self, rows: usize) -> bool {
        self.dense || self.rows.len() == rows
    }

    /// Takes back the value of the row, if it has one; there is no later row.
    fn undo(&mut self, row: u32) {
        if self.dense {
            self.values.truncate(row as usize);
        } else if self.rows.last() == Some(&row) {
            self.rows.pop();
            self.values.truncate(self.rows.len());
        }
    }

    fn restart(&mut self) {
        self.values.restart(self.values.kind());
        self.rows.clear();
        self.dense = true;
    }
}

impl WideRows {
    /// Changes the columns. No row is held.
    pub(in crate::wire) fn set_columns(
        &mut self,
        columns: impl IntoIterator<Item = (Name, FieldType)>,
    ) {
        let column = |(name, kind)| WideColumn {
            name,
            values: Values::new(kind),
            rows: Vec::new(),
            dense: true,
        };
        self.columns.clear();
        self.columns.extend(columns.into_iter().map(column));
    }

    /// The columns, in the order of the cells.
    #[inline]
    pub(in crate::wire) fn columns(&mut self) -> &mut [WideColumn] {
        &mut self.columns
    }

    /// Rows that may still be taken, if so many may be held and, for very many columns, `MERGE_VALUES_MAX` values.
    #[inline]
    pub(in crate::wire) fn room(&self, rows_max: usize) -> usize {
        let values = limits::MERGE_VALUES_MAX.saturating_sub(self.values);
        let rows = values.div_ceil(self.columns.len().max(1));
        rows_max.saturating_sub(self.times.len()).min(rows)
    }

    /// Cells with a value in rows that have ended.
    pub(in crate::wire) fn values(&self) -> usize {
        self.values
    }

    /// Bytes of strings.
    pub(in crate::wire) fn text_bytes(&self) -> usize {
        self.columns.iter().map(|column| column.values.text_bytes()).sum()
    }

    /// Begins a row; gives its number.
    #[inline]
    pub(in crate::wire) fn begin(&mut self, time: i64) -> u32 {
        let row = self.times.len();
        self.times.push(time);
        u32::try_from(row).expect("the rows held are bounded far below 2^32")
    }

    /// The row is whole; `nulls` of its cells are null. A row without any value is none.
    #[inline]
    pub(in crate::wire) fn end(&mut self, nulls: usize) {
        self.values += self.columns.len() - nulls;
        if nulls == self.columns.len() {
            self.times.pop();
        }
    }

    /// Takes back the row that has begun, however many of its cells there are.
    pub(in crate::wire) fn undo(&mut self) {
        self.times.pop();
        let row = u32::try_from(self.times.len()).expect("see `begin`");
        self.columns.iter_mut().for_each(|column| column.undo(row));
    }

    /// Earliest and latest time, if there is a row; the rows rise.
    pub(in crate::wire) fn time_range(&self) -> Option<(i64, i64)> {
        Some((*self.times.first()?, *self.times.last()?))
    }

    /// Brings the rows into the order of their times; gives a time that occurs twice, if there is one.
    pub(in crate::wire) fn sort(&mut self) -> Option<i64> {
        if self.times.is_sorted_by(|a, b| a < b) {
            return None;
        }
        let all = 0..u32::try_from(self.times.len()).expect("see `begin`");
        let mut order: Vec<u32> = all.collect();
        order.sort_by_key(|&row| self.times[row as usize]);
        // Where each row goes.
        let mut places = vec![0; order.len()];
        for (place, row) in (0..).zip(&order) {
            places[*row as usize] = place;
        }
        self.times = order.iter().map(|&row| self.times[row as usize]).collect();
        for column in &mut self.columns {
            if column.dense {
                column.values.reorder(&order);
                continue;
            }
            let mut own: Vec<u32> = (0..).take(column.rows.len()).collect();
            own.sort_by_key(|&at| places[column.rows[at as usize] as usize]);
            column.values.reorder(&own);
            column.rows.iter_mut().for_each(|row| *row = places[*row as usize]);
            column.rows.sort_unstable();
        }
        self.times.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }

    /// Hands all rows, which rise in time, to the frames and lets go of them.
    pub(in crate::wire) fn hand_on(
        &mut self,
        series: &Arc<Series>,
        builder: &mut FrameBuilder,
        frames: &mut Vec<Frame>,
    ) {
        let filled = || self.columns.iter().filter(|column| column.values.len() > 0);
        // The times of the columns that miss some, end to end.
        let mut sparse: Vec<i64> = Vec::new();
        let ranges: Vec<Option<Range<usize>>> = filled()
            .map(|column| {
                if column.is_in_every_row(self.times.len()) {
                    return None;
                }
                let start = sparse.len();
                sparse.extend(column.rows.iter().map(|&row| self.times[row as usize]));
                Some(start..sparse.len())
            })
            .collect();
        let fields: Vec<_> = filled()
            .zip(ranges)
            .map(|(column, range)| Timed {
                name: &column.name,
                values: &column.values,
                times: range.map_or(&self.times, |range| &sparse[range]),
            })
            .collect();
        merge::hand_on(&fields, Some(&self.times), series, builder, frames);
        self.clear();
    }

    /// Lets go of all rows.
    pub(in crate::wire) fn clear(&mut self) {
        self.times.clear();
        self.values = 0;
        self.columns.iter_mut().for_each(WideColumn::restart);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [&[u8]; 3] = [b"a", b"b", b"c"];

    fn rows_of(table: &[(i64, [Option<i64>; 3])]) -> WideRows {
        let mut rows = WideRows::default();
        rows.set_columns(FIELDS.map(|name| (name.into(), FieldType::Integer)));
        for (time, cells) in table {
            push(&mut rows, *time, cells);
            let nulls = cells.iter().filter(|cell| cell.is_none()).count();
            rows.end(nulls);
        }
        rows
    }

    fn push(rows: &mut WideRows, time: i64, cells: &[Option<i64>]) {
        let row = rows.begin(time);
        for (column, cell) in rows.columns().iter_mut().zip(cells) {
            let Values::Integer(values) = &mut column.values else { panic!("integers") };
            match cell {
                None => column.null(row),
                Some(value) => {
                    values.push(*value);
                    column.filled(row);
                }
            }
        }
    }

    fn frames(mut rows: WideRows) -> Vec<(usize, usize, u64)> {
        let (mut builder, mut frames) = (FrameBuilder::default(), Vec::new());
        rows.hand_on(&Arc::new(Series::new(*b"m", [])), &mut builder, &mut frames);
        assert_eq!((rows.times.len(), rows.values()), (0, 0));
        builder.end(&mut frames);
        frames.iter().map(|frame| (frame.rows(), frame.fields.len(), frame.values)).collect()
    }

    #[test]
    fn rows_without_values_and_columns_without_values_are_left_out() {
        let table = [(1, [Some(1), None, None]), (2, [None; 3]), (3, [Some(3), None, Some(3)])];
        let rows = rows_of(&table);
        assert_eq!((rows.times.len(), rows.values()), (2, 3));
        assert_eq!((rows.room(10), rows.room(2), rows.room(1)), (8, 0, 0));
        assert_eq!(frames(rows), [(2, 2, 3)]);
    }

    #[test]
    fn a_row_is_taken_back_at_any_cell() {
        let whole = [Some(7), None, Some(7)];
        for cells in 0..=3 {
            let mut rows = rows_of(&[(1, [Some(1), Some(1), None]), (2, [Some(2), None, Some(2)])]);
            push(&mut rows, 2, &whole[..cells]);
            rows.undo();
            assert_eq!(rows.values(), 4);
            assert_eq!(rows.columns().iter().map(|c| c.values.len()).sum::<usize>(), 4);
            assert_eq!(frames(rows), [(2, 3, 4)]);
        }
    }

    #[test]
    fn rows_are_sorted_and_times_that_occur_twice_are_found() {
        let some = |n| [Some(n), (n % 2 == 0).then_some(n), None];
        let mut rows = rows_of(&[(5, some(5)), (7, some(6)), (1, some(1)), (6, some(8))]);
        assert_eq!(rows.sort(), None);
        assert_eq!(rows.times, [1, 5, 6, 7]);
        let Values::Integer(dense) = &rows.columns[0].values else { panic!("integers") };
        assert_eq!(dense, &[1, 5, 8, 6]);
        let Values::Integer(sparse) = &rows.columns[1].values else { panic!("integers") };
        assert_eq!(
            (sparse.as_slice(), rows.columns[1].rows.as_slice()),
            (&[8, 6][..], &[2, 3][..])
        );
        let mut rows = rows_of(&[(5, some(5)), (7, some(7)), (5, some(1))]);
        assert_eq!(rows.sort(), Some(5));
    }
}
