//! Rows of values to frames: which table, series and field a row belongs to, and what is held of it.

use std::sync::Arc;

use super::block::Block;
use super::column::Values;
use super::error::{Error, Position};
use super::frame::FrameBuilder;
use super::layout::{Layout, duplicate};
use super::merge;
use super::row::Cell;
use super::series::SeriesBuffer;
use super::suspect::{Place, Suspects};
use super::template::Template;
use super::time::Clock;
use super::value;
use crate::limits;
use crate::model::frame::Frame;
use crate::model::series::{Name, Series};

/// Everything after the grammar: takes blocks and rows of values, gives frames.
#[derive(Debug)]
pub(super) struct Assembly {
    field_label: String,
    unescape_strings: bool,
    columns: Columns,
    /// The open table of the block.
    table: Option<Table>,
    template: Template,
    clock: Clock,
    /// The series of the held fields, and the bytes of its cells in this block.
    series: Option<Arc<Series>>,
    series_raw: Vec<u8>,
    held: SeriesBuffer,
    /// What the names of the held values lost: such values belong to another series, and are counted instead of handed on.
    lost: Option<Place>,
    builder: FrameBuilder,
    pub(super) counts: Counts,
}

/// What was decoded so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) values: u64,
    pub(super) tables: u64,
    pub(super) time_min: Option<i64>,
    pub(super) time_max: Option<i64>,
    pub(super) suspects: Suspects,
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
    pub(super) fn new(field_label: String, unescape_strings: bool) -> Self {
        Self {
            field_label,
            unescape_strings,
            columns: Columns::None,
            table: None,
            template: Template::new(!unescape_strings),
            clock: Clock::new(),
            series: None,
            series_raw: Vec::new(),
            held: SeriesBuffer::default(),
            lost: None,
            builder: FrameBuilder::default(),
            counts: Counts::default(),
        }
    }

    /// A block begins.
    pub(super) fn begin_block(&mut self, block: &Block, position: Position) -> Result<(), Error> {
        self.columns = match duplicate(block) {
            None => Columns::Known(Layout::new(block, self.field_label.as_bytes(), position)?),
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
        self.counts.values += rows;
        (at, rows)
    }

    /// Reads any row of values.
    pub(super) fn row(
        &mut self,
        row: &[u8],
        cells: &[Cell],
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
        cells: &[Cell],
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
        cells: &[Cell],
        position: Position,
        frames: &mut Vec<Frame>,
    ) -> Result<(), Error> {
        if !cells[0].raw(row).is_empty() || !cells[1].raw(row).is_empty() {
            return Err(Error::malformed(
                position,
                "a row of values with an annotation or a result name",
            ));
        }
        let id =
            value::unsigned(cells[2].raw(row)).filter(|(_, len)| *len == cells[2].raw(row).len());
        let Some((id, _)) = id else {
            return Err(Error::malformed(position, "a table number that is none"));
        };
        let mut series_raw = Vec::with_capacity(row.len());
        for cell in layout.series_cells() {
            series_raw.extend_from_slice(cells[cell].raw(row));
            series_raw.push(b',');
        }
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
        if !same_series {
            let series = read_series(layout, row, cells, position)?;
            if self.series.as_deref() != Some(&series) {
                self.hand_on_series(frames);
                self.series = Some(Arc::new(series));
            }
            self.series_raw = series_raw;
        }
        let field = cells[layout.field].content(row);
        if field.is_empty() {
            return Err(Error::malformed(position, "a field without a name"));
        }
        let lost = lost_name(layout, row, cells);
        if lost.is_some() || self.lost.is_some() || self.held.holds(&field) {
            self.hand_on_series(frames);
        }
        self.lost = lost;
        self.held.begin(&field, layout.value_type);
        self.table = Some(Table { id, field_raw: field_raw.to_vec(), field: field.into() });
        self.counts.tables += 1;
        Ok(())
    }

    fn take_value(
        &mut self,
        row: &[u8],
        time: Cell,
        value: Cell,
        position: Position,
    ) -> Result<(), Error> {
        let Some(ns) = self.clock.whole(time.raw(row)) else {
            let text = String::from_utf8_lossy(time.raw(row)).into_owned();
            return Err(Error::malformed(
                position,
                format!("{text:?} is no time that InfluxDB stores"),
            ));
        };
        let Some(open) = self.held.open() else {
            return Err(Error::malformed(position, "a row outside of a table"));
        };
        push_value(open.values, value, row, self.unescape_strings, position)?;
        if !open.times.push(open.leading, ns) {
            return Err(Error::malformed(position, "times of one table that do not rise"));
        }
        self.counts.values += 1;
        self.counts.time_min = Some(self.counts.time_min.map_or(ns, |min| min.min(ns)));
        if value.lost_carriage_return(row)
            && let Some(table) = &self.table
        {
            self.counts.suspects.add(
                measurement_of(self.series.as_ref()),
                Place::FieldValue(table.field.clone()),
                1,
            );
        }
        Ok(())
    }

    fn end_table(&mut self) {
        self.template.clear();
        if self.table.take().is_some() {
            let last = self.held.open().and_then(|open| open.times.last());
            self.counts.time_max = self.counts.time_max.max(last);
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
            None => merge::hand_on(&self.held, series, &mut self.builder, frames),
            Some(place) => {
                let values = self.held.fields().iter().map(|field| field.values.len() as u64).sum();
                self.counts.suspects.add(&series.measurement, place.clone(), values);
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

/// The first name of a table that lost a carriage return.
fn lost_name(layout: &Layout, row: &[u8], cells: &[Cell]) -> Option<Place> {
    if cells[layout.measurement].lost_carriage_return(row) {
        return Some(Place::Measurement);
    }
    if cells[layout.field].lost_carriage_return(row) {
        return Some(Place::FieldName(cells[layout.field].content(row).into()));
    }
    layout.tags.iter().find_map(|tag| {
        if cells[tag.cell].lost_carriage_return(row) {
            Some(Place::TagValue(tag.key.clone()))
        } else if tag.key_lost && !cells[tag.cell].raw(row).is_empty() {
            Some(Place::TagKey(tag.key.clone()))
        } else {
            None
        }
    })
}

fn read_series(
    layout: &Layout,
    row: &[u8],
    cells: &[Cell],
    position: Position,
) -> Result<Series, Error> {
    let measurement = cells[layout.measurement].content(row);
    if measurement.is_empty() {
        return Err(Error::malformed(position, "a row without a measurement"));
    }
    let tags = layout.tags.iter().map(|tag| (tag.key.clone(), cells[tag.cell].content(row).into()));
    Ok(Series::new(measurement, tags))
}

fn push_value(
    values: &mut Values,
    cell: Cell,
    row: &[u8],
    unescape: bool,
    position: Position,
) -> Result<(), Error> {
    fn whole<T>(read: Option<(T, usize)>, raw: &[u8], position: Position) -> Result<T, Error> {
        if let Some((value, len)) = read
            && len == raw.len()
        {
            return Ok(value);
        }
        let text = String::from_utf8_lossy(raw).into_owned();
        if matches!(raw, b"NaN" | b"+Inf" | b"-Inf") {
            return Err(Error::NotFinite { position, text });
        }
        Err(Error::malformed(position, format!("{text:?} is no value of its column's type")))
    }
    let raw = cell.raw(row);
    match values {
        Values::Float(values) => values.push(whole(value::float(raw), raw, position)?),
        Values::Integer(values) => values.push(whole(value::integer(raw), raw, position)?),
        Values::Unsigned(values) => values.push(whole(value::unsigned(raw), raw, position)?),
        Values::Boolean(values) => values.push(whole(value::boolean(raw), raw, position)?),
        Values::Text(texts) => {
            let text = cell.content(row);
            if unescape {
                let plain = value::unescape(&text).ok_or_else(|| {
                    Error::malformed(position, "an escape that the query does not write")
                })?;
                texts.push(&plain);
            } else {
                texts.push(&text);
            }
        }
    }
    Ok(())
}
