//! Pivoted rows, of all fields of one time each, to frames.
//!
//! The server appends the times that only a later field has: rows of one table are not in the order of their times. So a
//! table is held until its end, at most `MERGE_VALUES_MAX` values of it, and sorted. An empty cell is a null; since an empty
//! string looks the same, no field of strings may come this way. A row without any value is none.

use std::sync::Arc;

use super::assembly::table_id;
use super::block::Block;
use super::error::{Error, Position};
use super::layout::{PivotLayout, duplicate};
use super::pivot_template::PivotTemplate;
use super::row::CsvCell;
use super::time::TimeReader;
use super::value;
use crate::model::frame::Frame;
use crate::model::series::Series;
use crate::wire::frames::builder::FrameBuilder;
use crate::wire::frames::series_of::{KeyNotUnique, SeriesOf};
use crate::wire::frames::totals::AnswerTotals;
use crate::wire::frames::wide::WideRows;

/// The values are what binds.
const ROWS_MAX: usize = usize::MAX;

/// Everything after the grammar: takes blocks and rows of values, gives frames.
#[derive(Debug)]
pub(super) struct PivotAssembly {
    series_of: SeriesOf,
    /// The open block.
    layout: Option<PivotLayout>,
    /// Number of the open table.
    table: Option<u64>,
    template: PivotTemplate,
    clock: TimeReader,
    /// The series of the open table, and the bytes of its cells.
    series: Option<Arc<Series>>,
    series_raw: Vec<u8>,
    rows: WideRows,
    builder: FrameBuilder,
    /// What was decoded so far.
    pub(super) totals: AnswerTotals,
}

impl PivotAssembly {
    pub(super) fn new(series_of: SeriesOf) -> Self {
        Self {
            series_of,
            layout: None,
            table: None,
            template: PivotTemplate::default(),
            clock: TimeReader::new(),
            series: None,
            series_raw: Vec::new(),
            rows: WideRows::default(),
            builder: FrameBuilder::default(),
            totals: AnswerTotals::default(),
        }
    }

    /// A block begins; the one before it has ended.
    pub(super) fn begin_block(&mut self, block: &Block, position: Position) -> Result<(), Error> {
        if let Some(label) = duplicate(block) {
            let measurement = match &self.series_of {
                SeriesOf::Whole => None,
                SeriesOf::Keyed { measurement, .. } => Some(measurement.clone()),
            };
            return Err(Error::DuplicateColumn { label: label.clone(), measurement });
        }
        let (layout, fields) = PivotLayout::new(block, &self.series_of, position)?;
        self.rows.set_columns(fields);
        self.layout = Some(layout);
        Ok(())
    }

    /// The block, if one is open, has ended.
    pub(super) fn end_block(
        &mut self,
        position: Position,
        frames: &mut Vec<Frame>,
    ) -> Result<(), Error> {
        self.end_table(position, frames)?;
        self.layout = None;
        Ok(())
    }

    /// Reads rows of the open table as long as they look like the last one; gives the bytes and the rows read.
    pub(super) fn rows(
        &mut self,
        bytes: &[u8],
        position: Position,
        frames: &mut Vec<Frame>,
    ) -> Result<(usize, u64), Error> {
        let (mut at, mut rows) = (0, 0);
        loop {
            let (step_bytes, step_rows) = self.template.read(
                &bytes[at..],
                self.rows.room(ROWS_MAX),
                &mut self.clock,
                &mut self.rows,
            );
            at += step_bytes;
            rows += step_rows as u64;
            if self.rows.room(ROWS_MAX) > 0 {
                return Ok((at, rows));
            }
            self.hand_on(position, frames)?;
        }
    }

    /// Reads any row of values.
    pub(super) fn row(
        &mut self,
        row: &[u8],
        cells: &[CsvCell],
        position: Position,
        frames: &mut Vec<Frame>,
    ) -> Result<(), Error> {
        let Some(layout) = self.layout.take() else {
            return Err(Error::malformed(position, "a row outside of a block"));
        };
        if cells.len() != layout.cells {
            let what = format!("a row of {} cells under a header of {}", cells.len(), layout.cells);
            return Err(Error::malformed(position, what));
        }
        let id = table_id(row, cells, position)?;
        let series_raw = layout.naming.raw(row, cells);
        if self.table == Some(id) {
            if series_raw != self.series_raw {
                return Err(Error::malformed(position, "a group key that changes inside a table"));
            }
        } else {
            self.end_table(position, frames)?;
            if let Some(place) = layout.naming.lost(row, cells) {
                return Err(layout.naming.lost_error(place, row, cells));
            }
            self.series = Some(layout.naming.read(row, cells, position)?);
            self.series_raw = series_raw;
            self.table = Some(id);
            self.totals.tables += 1;
        }
        self.take_row(&layout, row, cells, position)?;
        self.template.set(&layout, row, cells);
        self.layout = Some(layout);
        if self.rows.room(ROWS_MAX) == 0 {
            self.hand_on(position, frames)?;
        }
        Ok(())
    }

    fn take_row(
        &mut self,
        layout: &PivotLayout,
        row: &[u8],
        cells: &[CsvCell],
        position: Position,
    ) -> Result<(), Error> {
        let Some(ns) = self.clock.whole(cells[layout.time].raw(row)) else {
            return Err(value::no_time(cells[layout.time], row, position));
        };
        let number = self.rows.begin(ns);
        let mut nulls = 0;
        for (column, cell) in self.rows.columns().iter_mut().zip(&layout.fields) {
            let cell = cells[*cell];
            if cell.raw(row).is_empty() {
                column.null(number);
                nulls += 1;
            } else {
                value::push_value(&mut column.values, cell, row, false, position)?;
                column.filled(number);
            }
        }
        self.rows.end(nulls);
        Ok(())
    }

    fn end_table(&mut self, position: Position, frames: &mut Vec<Frame>) -> Result<(), Error> {
        self.template.clear();
        self.table = None;
        self.hand_on(position, frames)
    }

    /// What is held of the table becomes rows of frames.
    fn hand_on(&mut self, position: Position, frames: &mut Vec<Frame>) -> Result<(), Error> {
        let Some(series) = &self.series else { return Ok(()) };
        if let Some(time_ns) = self.rows.sort() {
            let series = Arc::clone(series);
            return Err(match self.series_of {
                SeriesOf::Whole => Error::malformed(
                    position,
                    format!("a table with two rows for {time_ns} ns before this row"),
                ),
                SeriesOf::Keyed { .. } => KeyNotUnique { series, time_ns }.into(),
            });
        }
        if let Some((min, max)) = self.rows.time_range() {
            self.totals.see(min);
            self.totals.see(max);
        }
        self.totals.values += self.rows.values() as u64;
        self.rows.hand_on(series, &mut self.builder, frames);
        Ok(())
    }

    /// The answer is complete: gives the last rows.
    pub(super) fn finish(
        &mut self,
        position: Position,
        frames: &mut Vec<Frame>,
    ) -> Result<(), Error> {
        self.end_table(position, frames)?;
        self.builder.end(frames);
        Ok(())
    }
}
