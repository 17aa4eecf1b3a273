//! Narrow rows, of one value each, to frames: which table, series and field a row belongs to, and what is held of it.

use std::sync::Arc;

use super::block::Block;
use super::error::{Error, Position};
use super::layout::{Layout, duplicate};
use super::row::CsvCell;
use super::series::SeriesBuffer;
use super::template::Template;
use super::time::TimeReader;
use super::value;
use crate::limits;
use crate::model::frame::Frame;
use crate::model::series::{Name, Series};
use crate::wire::frames::builder::FrameBuilder;
use crate::wire::frames::series_of::{KeyNotUnique, SeriesOf};
use crate::wire::frames::suspect::SuspectPlace;
use crate::wire::frames::totals::AnswerTotals;
use crate::wire::number;

/// Everything after the grammar: takes blocks and rows of values, gives frames.
#[derive(Debug)]
pub(super) struct Assembly {
    field_label: String,
    unescape_strings: bool,
    series_of: SeriesOf,
    columns: Columns,
    /// The open table of the block.
    table: Option<Table>,
    template: Template,
    clock: TimeReader,
    /// The series of the held fields, and the bytes of its cells in this block.
    series: Option<Arc<Series>>,
    series_raw: Vec<u8>,
    held: SeriesBuffer,
    /// What the names of the held values lost: such values belong to another series, and are counted instead of handed on.
    lost: Option<SuspectPlace>,
    builder: FrameBuilder,
    /// What was decoded so far.
    pub(super) totals: AnswerTotals,
}

/// The open block.
#[derive(Debug)]
enum Columns {
    None,
    Known(Layout),
    /// A label occurs twice; the first row tells the measurement.
    Duplicate {
        label: Name,
        measurement: Option<usize>,
    },
}

#[derive(Debug)]
struct Table {
    id: u64,
    /// Bytes of the cells that tell the field.
    field_raw: Vec<u8>,
    field: Name,
}

impl Assembly {
    pub(super) fn new(field_label: String, unescape_strings: bool, series_of: SeriesOf) -> Self {
        Self {
            field_label,
            unescape_strings,
            series_of,
            columns: Columns::None,
            table: None,
            template: Template::new(!unescape_strings),
            clock: TimeReader::new(),
            series: None,
            series_raw: Vec::new(),
            held: SeriesBuffer::default(),
            lost: None,
            builder: FrameBuilder::default(),
            totals: AnswerTotals::default(),
        }
    }

    /// A block begins.
    pub(super) fn begin_block(&mut self, block: &Block, position: Position) -> Result<(), Error> {
        self.columns = match duplicate(block) {
            None => {
                let label = self.field_label.as_bytes();
                Columns::Known(Layout::new(block, label, &self.series_of, position)?)
            }
            Some(label) => Columns::Duplicate {
                label: label.clone(),
                measurement: block.cell_of(b"_measurement"),
            },
        };
        Ok(())
    }

    /// The block, if one is open, has ended.
    pub(super) fn end_block(&mut self) -> Result<(), Error> {
        self.end_table();
        self.series_raw.clear();
        match std::mem::replace(&mut self.columns, Columns::None) {
            Columns::Duplicate { label, .. } => {
                Err(Error::DuplicateColumn { label, measurement: None })
            }
            Columns::None | Columns::Known(_) => Ok(()),
        }
    }

    /// Reads rows of the open table as long as they look like the last one; gives the bytes and the rows read.
    pub(super) fn rows(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> (usize, u64) {
        let (mut at, mut rows) = (0, 0);
        loop {
            let room = self.held.room();
            let Some(open) = self.held.open() else { break };
            // In steps, so that the bound on held strings is looked at often enough.
            let step = &bytes[at..bytes.len().min(at + limits::DECODE_STEP_BYTES_MAX)];
            let (step_bytes, step_rows) = self.template.read(step, room, &mut self.clock, open);
            at += step_bytes;
            rows += step_rows as u64;
            if self.held.room() == 0 {
                self.hand_on_part(frames);
            } else if step_bytes == 0 {
                break;
            }
        }
        self.totals.values += rows;
        (at, rows)
    }

    /// Reads any row of values.
    pub(super) fn row(
        &mut self,
        row: &[u8],
        cells: &[CsvCell],
        position: Position,
        frames: &mut Vec<Frame>,
    ) -> Result<(), Error> {
        let layout = match std::mem::replace(&mut self.columns, Columns::None) {
            Columns::Known(layout) => layout,
            Columns::Duplicate { label, measurement } => {
                let cell = measurement.and_then(|at| cells.get(at));
                return Err(Error::DuplicateColumn {
                    label,
                    measurement: cell.map(|cell| cell.content(row).into()),
                });
            }
            Columns::None => return Err(Error::malformed(position, "a row outside of a block")),
        };
        let outcome = self.row_of(&layout, row, cells, position, frames);
        self.columns = Columns::Known(layout);
        outcome
    }

    fn row_of(
        &mut self,
        layout: &Layout,
        row: &[u8],
        cells: &[CsvCell],
        position: Position,
        frames: &mut Vec<Frame>,
    ) -> Result<(), Error> {
        if cells.len() != layout.cells {
            let what = format!("a row of {} cells under a header of {}", cells.len(), layout.cells);
            return Err(Error::malformed(position, what));
        }
        let (time, value) = (cells[layout.time], cells[layout.value]);
        let adjacent = layout.value == layout.time + 1;
        let (prefix, tail) = (&row[..time.start()], &row[value.end()..]);
        if !(adjacent && self.template.matches(prefix, tail)) {
            self.template.clear();
            self.enter_table(layout, row, cells, position, frames)?;
        }
        self.take_value(row, time, value, position)?;
        if adjacent {
            self.template.set(prefix, tail);
        }
        if self.held.room() == 0 {
            self.hand_on_part(frames);
        }
        Ok(())
    }

    /// Finds the table of a row, and opens it if it is new.
    fn enter_table(
        &mut self,
        layout: &Layout,
        row: &[u8],
        cells: &[CsvCell],
        position: Position,
        frames: &mut Vec<Frame>,
    ) -> Result<(), Error> {
        let id = table_id(row, cells, position)?;
        let series_raw = layout.naming.raw(row, cells);
        let same_series = series_raw == self.series_raw;
        let field_raw = cells[layout.field].raw(row);
        if let Some(table) = &self.table
            && table.id == id
        {
            let same = same_series && table.field_raw == field_raw;
            return if same {
                Ok(())
            } else {
                Err(Error::malformed(position, "a group key that changes inside a table"))
            };
        }
        self.end_table();
        let lost = lost_name(layout, row, cells)?;
        if !same_series {
            let series = layout.naming.read(row, cells, position)?;
            if self.series.as_ref() != Some(&series) {
                self.hand_on_series(frames);
                self.series = Some(series);
            }
            self.series_raw = series_raw;
        }
        let field = cells[layout.field].content(row);
        if field.is_empty() {
            return Err(Error::malformed(position, "a field without a name"));
        }
        if lost.is_some() || self.lost.is_some() || self.held.holds(&field) {
            self.hand_on_series(frames);
        }
        self.lost = lost;
        self.held.begin(&field, layout.value_type);
        self.table = Some(Table { id, field_raw: field_raw.to_vec(), field: field.into() });
        self.totals.tables += 1;
        Ok(())
    }

    fn take_value(
        &mut self,
        row: &[u8],
        time: CsvCell,
        value: CsvCell,
        position: Position,
    ) -> Result<(), Error> {
        let Some(ns) = self.clock.whole(time.raw(row)) else {
            return Err(value::no_time(time, row, position));
        };
        let Some(open) = self.held.open() else {
            return Err(Error::malformed(position, "a row outside of a table"));
        };
        value::push_value(open.values, value, row, self.unescape_strings, position)?;
        if !open.times.push(open.leading, ns) {
            return Err(match (&self.series, &self.series_of) {
                (Some(series), SeriesOf::Keyed { .. }) => {
                    KeyNotUnique { series: Arc::clone(series), time_ns: ns }.into()
                }
                _ => Error::malformed(position, "times of one table that do not rise"),
            });
        }
        self.totals.values += 1;
        self.totals.see(ns);
        if value.lost_carriage_return(row)
            && let Some(table) = &self.table
        {
            self.totals.suspects.add(
                measurement_of(self.series.as_ref()),
                SuspectPlace::FieldValue(table.field.clone()),
                1,
            );
        }
        Ok(())
    }

    fn end_table(&mut self) {
        self.template.clear();
        if self.table.take().is_some()
            && let Some(last) = self.held.open().and_then(|open| open.times.last())
        {
            self.totals.see(last);
        }
    }

    /// The held fields are all that may be merged: they become rows.
    fn hand_on_series(&mut self, frames: &mut Vec<Frame>) {
        self.hand_on_held(frames);
        self.held.clear();
    }

    /// No more may be held: what is here becomes rows, and the open table goes on.
    fn hand_on_part(&mut self, frames: &mut Vec<Frame>) {
        self.hand_on_held(frames);
        self.held.clear_before_open();
    }

    fn hand_on_held(&mut self, frames: &mut Vec<Frame>) {
        let Some(series) = &self.series else { return };
        match &self.lost {
            None => self.held.hand_on(series, &mut self.builder, frames),
            Some(place) => {
                let values = self.held.fields().iter().map(|field| field.values.len() as u64).sum();
                self.totals.suspects.add(&series.measurement, place.clone(), values);
            }
        }
    }

    /// The answer is complete: gives the last rows.
    pub(super) fn finish(&mut self, frames: &mut Vec<Frame>) {
        self.end_table();
        self.hand_on_series(frames);
        self.builder.end(frames);
    }
}

fn measurement_of(series: Option<&Arc<Series>>) -> &[u8] {
    series.map_or(&[], |series| &series.measurement)
}

/// The first name of a table that lost a carriage return; an error where the series cannot be known without it.
fn lost_name(
    layout: &Layout,
    row: &[u8],
    cells: &[CsvCell],
) -> Result<Option<SuspectPlace>, Error> {
    match layout.naming.lost(row, cells) {
        Some(place) if layout.naming.is_keyed() => Err(layout.naming.lost_error(place, row, cells)),
        Some(SuspectPlace::Measurement) => Ok(Some(SuspectPlace::Measurement)),
        _ if cells[layout.field].lost_carriage_return(row) => {
            Ok(Some(SuspectPlace::FieldName(cells[layout.field].content(row).into())))
        }
        place => Ok(place),
    }
}

/// The number of a row's table. The two cells before it are empty in every row of values.
pub(super) fn table_id(row: &[u8], cells: &[CsvCell], position: Position) -> Result<u64, Error> {
    if !cells[0].raw(row).is_empty() || !cells[1].raw(row).is_empty() {
        let what = "a row of values with an annotation or a result name";
        return Err(Error::malformed(position, what));
    }
    let raw = cells[2].raw(row);
    match number::unsigned(raw) {
        Some((id, len)) if len == raw.len() => Ok(id),
        _ => Err(Error::malformed(position, "a table number that is none")),
    }
}
